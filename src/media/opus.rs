//! Opus packets (RFC 6716) and stream headers (RFC 7845), read without decoding.

use super::MediaError;

/// The clock of Opus in every container, in Hz (RFC 7845 section 4).
pub const OPUS_RATE: u32 = 48_000;
/// Longest packet in ticks: 120 ms (RFC 6716 section 3.2.5).
pub const MAX_OPUS_TICKS: u32 = 5760;

/// What the first bytes of a packet say of it.
///
/// ```text
/// cccccsnn          TOC: configuration, stereo, code
/// vpMMMMMM          with code 3: sizes differ, padding follows, number of frames
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpusPacket {
    /// Mode, bandwidth and frame size, 0 to 31 (RFC 6716 section 3.1).
    pub config: u8,
    /// The TOC's stereo bit.
    pub stereo: bool,
    /// How many frames it has, 1 to 48.
    pub frames: u32,
    /// How many ticks all its frames play, at most [`MAX_OPUS_TICKS`].
    pub ticks: u32,
    /// How many bytes at its end are padding.
    pub padding: usize,
}

impl OpusPacket {
    /// Reads the header of a packet that is not self-delimited.
    ///
    /// # Errors
    /// The rule of RFC 6716 section 3.4 that is broken.
    pub fn read(packet: &[u8]) -> Result<Self, &'static str> {
        let (toc, rest) = packet.split_first().ok_or("an Opus packet is empty")?;
        let config = toc >> 3;
        let (frames, padding) = match toc & 3 {
            0 => (1, 0),
            1 | 2 => (2, 0),
            _ => {
                let (count, rest) =
                    rest.split_first().ok_or("an Opus packet has no frame count")?;
                let padding = if count & 0x40 == 0 { Some(0) } else { padding_len(rest) };
                let padding = padding.ok_or("the padding of an Opus packet is too long")?;
                (u32::from(count & 0x3F), padding)
            }
        };
        let ticks = frame_ticks(config) * frames;
        if ticks == 0 || ticks > MAX_OPUS_TICKS {
            return Err("an Opus packet has no frames, or more than 120 ms");
        }
        Ok(Self { config, stereo: toc & 4 != 0, frames, ticks, padding })
    }
}

/// Ticks of one frame (RFC 6716 table 2).
const fn frame_ticks(config: u8) -> u32 {
    let step = (config & 3) as u32;
    match config {
        0..=11 if step == 3 => 2880,
        0..=11 => 480 << step,
        12..=15 => 480 << (step & 1),
        _ => 120 << step,
    }
}

/// How many padding bytes a code 3 packet has whose padding length begins `rest`; `None` when it
/// has not so many. A length byte of 255 stands for 254 and another length byte.
fn padding_len(rest: &[u8]) -> Option<usize> {
    let full = rest.iter().take_while(|byte| **byte == 255).count();
    let last = usize::from(*rest.get(full)?);
    let padding = full.checked_mul(254)?.checked_add(last)?;
    (padding < rest.len() - full).then_some(padding)
}

/// The header of an Opus stream: `OpusHead` in Ogg and Matroska, `dOps` in MP4.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpusHead {
    /// Output channels.
    pub channels: u8,
    /// Ticks at the start that are decoded, but not played.
    pub pre_skip: u16,
    /// Channel mapping family.
    pub family: u8,
    /// Opus streams in each packet; more than 1 makes all but the last one self-delimited.
    pub streams: u8,
}

impl OpusHead {
    /// The magic of an identification header.
    pub const MAGIC: &'static [u8; 8] = b"OpusHead";

    /// Reads an identification header (RFC 7845 section 5.1), which begins at byte `at`.
    ///
    /// # Errors
    /// Malformed; unsupported for a later major version.
    pub fn read(packet: &[u8], at: u64) -> Result<Self, MediaError> {
        let body = packet.strip_prefix(Self::MAGIC);
        Self::fields(body.unwrap_or_default(), u16::from_le_bytes, at)
    }

    /// Reads the payload of a `dOps` box, which begins at byte `at`: the same fields, big-endian.
    ///
    /// # Errors
    /// As [`OpusHead::read`].
    pub fn read_dops(payload: &[u8], at: u64) -> Result<Self, MediaError> {
        Self::fields(payload, u16::from_be_bytes, at)
    }

    fn fields(body: &[u8], number: fn([u8; 2]) -> u16, at: u64) -> Result<Self, MediaError> {
        let wrong = || MediaError::malformed("an Opus header is too short or has no channel", at);
        // Version, channels, pre-skip 2, input rate 4, gain 2, family; then the mapping table.
        let (head, table) = body.split_first_chunk::<11>().ok_or_else(wrong)?;
        let &[version, channels, skip_a, skip_b, _, _, _, _, _, _, family] = head;
        if version & 0xF0 != 0 {
            return Err(MediaError::unsupported(format!("version {version} of the Opus header")));
        }
        let streams = if family == 0 { 1 } else { *table.first().ok_or_else(wrong)? };
        if channels == 0 || streams == 0 {
            return Err(wrong());
        }
        Ok(Self { channels, pre_skip: number([skip_a, skip_b]), family, streams })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_follow_the_table_of_configurations() {
        // In units of 2.5 ms, RFC 6716 table 2.
        let silk = [4, 8, 16, 24];
        let units = [&silk[..], &silk, &silk, &[4, 8], &[4, 8]].concat();
        let units = units.into_iter().chain([1, 2, 4, 8].into_iter().cycle());
        for (config, units) in (0..32_u8).zip(units) {
            let one = OpusPacket::read(&[config << 3 | 4, 7]).unwrap();
            assert_eq!((one.config, one.stereo, one.ticks), (config, true, units * 120));
            assert_eq!(OpusPacket::read(&[config << 3 | 1]).unwrap().ticks, units * 240);
            assert_eq!(OpusPacket::read(&[config << 3 | 2]).unwrap().ticks, units * 240);
            let most = (48 / units) as u8;
            let three = |count: u8| OpusPacket::read(&[config << 3 | 3, count]);
            assert_eq!(three(most).unwrap().ticks, u32::from(most) * units * 120);
            assert!(three(most + 1).is_err() && three(0).is_err());
        }
        assert!(OpusPacket::read(&[]).is_err() && OpusPacket::read(&[3]).is_err());
    }

    #[test]
    fn padding_is_counted_and_must_fit() {
        let packet =
            |lengths: &[u8], rest: usize| [&[0xFF, 0x41], lengths, &vec![1; rest]].concat();
        let padding = |packet: &[u8]| OpusPacket::read(packet).map(|read| read.padding);
        assert_eq!(padding(&packet(&[0], 2)), Ok(0));
        assert_eq!(padding(&packet(&[5], 5)), Ok(5));
        assert_eq!(padding(&packet(&[255, 0], 260)), Ok(254));
        assert_eq!(padding(&packet(&[255, 255, 3], 600)), Ok(511));
        assert!(padding(&packet(&[6], 5)).is_err());
        assert!(padding(&packet(&[255], 0)).is_err());
        assert!(padding(&packet(&[], 0)).is_err());
    }

    #[test]
    fn both_headers_are_read() {
        let fields = [1, 2, 0x38, 0x01, 0x80, 0xBB, 0, 0, 0, 0, 0];
        let head = OpusHead::read(&[&b"OpusHead"[..], &fields].concat(), 0).unwrap();
        assert_eq!(head, OpusHead { channels: 2, pre_skip: 312, family: 0, streams: 1 });
        let dops = [0, 6, 0x01, 0x38, 0, 0, 0xBB, 0x80, 0, 0, 1, 4, 2, 0, 4, 1, 2, 3, 5];
        let head = OpusHead::read_dops(&dops, 0).unwrap();
        assert_eq!(head, OpusHead { channels: 6, pre_skip: 312, family: 1, streams: 4 });
        for wrong in [&b"OpusTags"[..], b"OpusHead\x01\x02", b"OpusHead\x01\0\0\0\0\0\0\0\0\0\0"] {
            assert!(OpusHead::read(wrong, 7).is_err());
        }
        assert!(OpusHead::read(b"OpusHead\x11\x01\0\0\0\0\0\0\0\0\0", 0).is_err());
    }
}
