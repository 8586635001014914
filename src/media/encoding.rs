//! How the sound in a WAVE file is coded.

use super::riff::ByteOrder;

/// The fields of `fmt ` that tell the encoding.
#[derive(Debug, Clone, Copy)]
pub(super) struct FormatTag {
    pub(super) tag: u16,
    pub(super) bits: u16,
    pub(super) channels: u16,
    pub(super) block_align: u16,
    /// Samples per block and channel, where the file says so.
    pub(super) block_samples: Option<u16>,
    pub(super) order: ByteOrder,
}

/// How sound is coded (format tags of RFC 2361).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// Unsigned 8-bit, silent at 0x80.
    PcmU8,
    /// Signed 16-bit.
    Pcm16,
    /// Signed 24-bit.
    Pcm24,
    /// Signed 32-bit.
    Pcm32,
    /// IEEE 754 single.
    Float32,
    /// IEEE 754 double.
    Float64,
    /// G.711 A-law.
    ALaw,
    /// G.711 mu-law.
    MuLaw,
    /// IMA (DVI) ADPCM of 4 bits, in blocks.
    ImaAdpcm,
    /// Microsoft ADPCM of 4 bits, in blocks.
    MsAdpcm,
    /// GSM 06.10, mono, two frames in a block of 65 bytes.
    Gsm,
    /// G.722 at 64 kbit/s, mono: a byte is two samples.
    G722,
    /// MPEG audio layer III.
    Mp3,
    /// A format tag that is passed through, but cannot be masked.
    Other(u16),
}

/// Bytes of a GSM block, and its samples.
const GSM_BLOCK: (u16, u64) = (65, 320);

impl Encoding {
    /// A block codec whose sizes contradict each other, or with other bits than the standard's, is
    /// `Other`: decoders disagree about its times.
    pub(super) fn new(found: FormatTag) -> Self {
        let FormatTag { tag, bits, channels, block_align, .. } = found;
        let encoding = match (tag, bits) {
            (0x02, 4) => Self::MsAdpcm,
            (0x11, 4) => Self::ImaAdpcm,
            (0x31, _) => Self::Gsm,
            (0x55, _) => Self::Mp3,
            (0x028F, 4) if channels == 1 => Self::G722,
            _ => Self::of_samples(tag, bits),
        };
        let in_blocks = matches!(encoding, Self::ImaAdpcm | Self::MsAdpcm | Self::Gsm);
        let samples = encoding.block_samples(channels, block_align);
        let agree = |declared| samples == Some(u64::from(declared));
        let little = found.order == ByteOrder::Little;
        let known = if in_blocks {
            little && samples.is_some() && found.block_samples.is_none_or(agree)
        } else {
            little || encoding.sample_bytes().is_some()
        };
        if known { encoding } else { Self::Other(tag) }
    }

    /// The encoding with this format tag and these bits, if it is coded sample by sample.
    pub const fn of_samples(tag: u16, bits: u16) -> Self {
        match (tag, bits.div_ceil(8)) {
            (1, 1) => Self::PcmU8,
            (1, 2) => Self::Pcm16,
            (1, 3) => Self::Pcm24,
            (1, 4) => Self::Pcm32,
            (3, 4) => Self::Float32,
            (3, 8) => Self::Float64,
            (6, 1) => Self::ALaw,
            (7, 1) => Self::MuLaw,
            _ => Self::Other(tag),
        }
    }

    /// Bytes of one sample of one channel; `None` for codecs that are not sample by sample.
    pub const fn sample_bytes(self) -> Option<u16> {
        match self {
            Self::PcmU8 | Self::ALaw | Self::MuLaw => Some(1),
            Self::Pcm16 => Some(2),
            Self::Pcm24 => Some(3),
            Self::Pcm32 | Self::Float32 => Some(4),
            Self::Float64 => Some(8),
            Self::ImaAdpcm
            | Self::MsAdpcm
            | Self::Gsm
            | Self::G722
            | Self::Mp3
            | Self::Other(_) => None,
        }
    }

    /// Samples of one channel in a block of `bytes` bytes, also in a cut-off one; `None` when the
    /// encoding has no blocks, or none of that size.
    pub fn block_samples(self, channels: u16, bytes: u16) -> Option<u64> {
        let (channels, bytes) = (u64::from(channels), u64::from(bytes));
        match self {
            // Per channel a header of 4 bytes with the first sample, then groups of 4 bytes.
            Self::ImaAdpcm => {
                let groups = bytes.checked_sub(channels * 4)?.checked_div(channels * 4)?;
                Some(groups * 8 + 1)
            }
            // Per channel a header of 7 bytes with the first two samples; at most stereo.
            Self::MsAdpcm if channels <= 2 => {
                let nibbles = bytes.checked_sub(channels * 7)? * 2;
                Some(nibbles.checked_div(channels)? + 2)
            }
            Self::Gsm => ((bytes, channels) == (GSM_BLOCK.0.into(), 1)).then_some(GSM_BLOCK.1),
            _ => None,
        }
    }

    /// Frames in `data_len` bytes; a started last one counts. `None` for codecs whose bytes do not
    /// tell.
    pub(super) fn frames(self, data_len: u64, channels: u16, block_align: u16) -> Option<u64> {
        let align = u64::from(block_align.max(1));
        if self.sample_bytes().is_some() {
            return Some(data_len.div_ceil(align));
        }
        if self == Self::G722 {
            return Some(data_len.saturating_mul(2));
        }
        let samples = self.block_samples(channels, block_align)?;
        let rest = u16::try_from(data_len % align).unwrap_or(0);
        let last = self.block_samples(channels, rest).unwrap_or(0);
        Some((data_len / align).saturating_mul(samples).saturating_add(last))
    }

    /// The byte that, repeated, is silence, where there is one. A-law has no zero; 0xD5 is its
    /// smallest step.
    pub const fn silence(self) -> Option<u8> {
        match self {
            Self::PcmU8 => Some(0x80),
            Self::ALaw => Some(0xD5),
            Self::MuLaw => Some(0xFF),
            Self::Pcm16 | Self::Pcm24 | Self::Pcm32 | Self::Float32 | Self::Float64 => Some(0),
            Self::ImaAdpcm
            | Self::MsAdpcm
            | Self::Gsm
            | Self::G722
            | Self::Mp3
            | Self::Other(_) => None,
        }
    }

    /// The codec's name in reports.
    pub fn name(self, order: ByteOrder) -> String {
        let number = match self {
            Self::PcmU8 => return "pcm_u8".to_owned(),
            Self::ALaw => return "pcm_alaw".to_owned(),
            Self::MuLaw => return "pcm_mulaw".to_owned(),
            Self::ImaAdpcm => return "adpcm_ima_wav".to_owned(),
            Self::MsAdpcm => return "adpcm_ms".to_owned(),
            Self::Gsm => return "gsm_ms".to_owned(),
            Self::G722 => return "adpcm_g722".to_owned(),
            Self::Mp3 => return "mp3".to_owned(),
            Self::Other(tag) => return format!("wave_0x{tag:04x}"),
            Self::Pcm16 => "s16",
            Self::Pcm24 => "s24",
            Self::Pcm32 => "s32",
            Self::Float32 => "f32",
            Self::Float64 => "f64",
        };
        let order = if order == ByteOrder::Big { "be" } else { "le" };
        format!("pcm_{number}{order}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoding(tag: u16, channels: u16, block_align: u16, block_samples: u16) -> Encoding {
        let block_samples = Some(block_samples).filter(|samples| *samples > 0);
        let order = ByteOrder::Little;
        Encoding::new(FormatTag { tag, bits: 4, channels, block_align, block_samples, order })
    }

    #[test]
    fn blocks_are_as_long_as_decoders_take_them_for() {
        for (tag, channels, align, samples, expected) in [
            (0x11, 1, 1024, 2041, Encoding::ImaAdpcm),
            (0x11, 2, 1024, 1017, Encoding::ImaAdpcm),
            (0x11, 2, 2048, 0, Encoding::ImaAdpcm),
            (0x11, 1, 1024, 2040, Encoding::Other(0x11)),
            (0x11, 2, 4, 0, Encoding::Other(0x11)),
            (0x02, 1, 256, 500, Encoding::MsAdpcm),
            (0x02, 2, 1024, 1012, Encoding::MsAdpcm),
            (0x02, 3, 1024, 0, Encoding::Other(0x02)),
            (0x02, 0, 1024, 0, Encoding::Other(0x02)),
            (0x31, 1, 65, 320, Encoding::Gsm),
            (0x31, 2, 65, 320, Encoding::Other(0x31)),
            (0x31, 1, 130, 640, Encoding::Other(0x31)),
            (0x028F, 1, 1, 0, Encoding::G722),
            (0x028F, 2, 2, 0, Encoding::Other(0x028F)),
            (0x55, 1, 1, 0, Encoding::Mp3),
        ] {
            assert_eq!(encoding(tag, channels, align, samples), expected, "{tag} {align}");
        }
        let ima = Encoding::ImaAdpcm;
        assert_eq!(ima.frames(2048 + 20, 1, 1024), Some(2 * 2041 + 33));
        assert_eq!(Encoding::Gsm.frames(650 + 1, 1, 65), Some(3200));
        assert_eq!(Encoding::G722.frames(651, 1, 1), Some(1302));
    }
}
