//! AudioSpecificConfig, ISO 14496-3 section 1.6.2: how MP4 and Matroska describe AAC.

use super::{ChannelLayout, ProgramConfig};
use crate::media::{BitReader, MediaError};

/// Hz by samplingFrequencyIndex, ISO 14496-3 table 1.18.
pub(super) const SAMPLE_RATES: [u32; 13] = [
    96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000,
    7_350,
];

/// audioObjectType of AAC LC.
const LOW_COMPLEXITY: u8 = 2;
/// audioObjectType that announces SBR around the object type that follows.
const SBR: u8 = 5;
/// As [`SBR`], with parametric stereo in it.
const PARAMETRIC_STEREO: u8 = 29;
/// The bits ahead of SBR and parametric stereo at the end, where old decoders do not look.
const SBR_SYNC: u32 = 0x2B7;
const PS_SYNC: u32 = 0x548;

/// What a container says of its AAC stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AudioSpecificConfig {
    /// audioObjectType of the core coder.
    pub object_type: u8,
    /// Of the core coder, in Hz.
    pub sample_rate: u32,
    /// Samples that a frame of the core coder plays: 1024 or 960.
    pub frame_samples: u32,
    /// channelConfiguration.
    pub channel_configuration: u8,
    /// The elements of every frame; `None` for object types and configurations that are not known.
    pub layout: Option<ChannelLayout>,
    /// Whether SBR is signalled to be there, or not to be; `None` when nothing is signalled, and
    /// the frames may hold it nonetheless.
    pub sbr: Option<bool>,
    /// Whether parametric stereo is signalled.
    pub parametric_stereo: bool,
    /// dependsOnCoreCoder.
    layered: bool,
}

impl AudioSpecificConfig {
    /// Reads `bytes`, which stand at byte `at` of the file.
    ///
    /// # Errors
    /// Malformed when it is cut off.
    pub fn parse(bytes: &[u8], at: u64) -> Result<Self, MediaError> {
        let mut reader = BitReader::new(bytes);
        let cut_off = || MediaError::malformed("the AudioSpecificConfig is cut off", at);
        let mut config = Self::head(&mut reader).ok_or_else(cut_off)?;
        if matches!(config.object_type, 1..=4) {
            config.general(&mut reader).ok_or_else(cut_off)?;
            if config.sbr.is_none() {
                config.trailing_sbr(&mut reader);
            }
        }
        Ok(config)
    }

    /// The part that all object types share.
    fn head(reader: &mut BitReader<'_>) -> Option<Self> {
        let mut object_type = read_object_type(reader)?;
        let mut sample_rate = read_sample_rate(reader)?;
        let channel_configuration = u8::try_from(reader.read(4)?).ok()?;
        let announced = matches!(object_type, SBR | PARAMETRIC_STEREO);
        let parametric_stereo = object_type == PARAMETRIC_STEREO;
        if announced {
            let core_rate = sample_rate;
            // The rate of the output; the core's came first.
            read_sample_rate(reader)?;
            sample_rate = core_rate;
            object_type = read_object_type(reader)?;
        }
        Some(Self {
            object_type,
            sample_rate,
            frame_samples: 1024,
            channel_configuration,
            layout: None,
            sbr: announced.then_some(true),
            parametric_stereo,
            layered: false,
        })
    }

    /// GASpecificConfig, section 4.4.1, for the object types 1 to 4.
    fn general(&mut self, reader: &mut BitReader<'_>) -> Option<()> {
        if reader.flag()? {
            self.frame_samples = 960;
        }
        self.layered = reader.flag()?;
        if self.layered {
            // coreCoderDelay.
            reader.skip(14)?;
        }
        let extended = reader.flag()?;
        self.layout = if self.channel_configuration == 0 {
            ChannelLayout::of_program(ProgramConfig::read(reader)?)
        } else {
            ChannelLayout::of_configuration(self.channel_configuration)
        };
        if extended {
            reader.skip(1)?;
        }
        Some(())
    }

    /// What may follow, hidden from old decoders. Anything else there says nothing.
    fn trailing_sbr(&mut self, reader: &mut BitReader<'_>) -> Option<()> {
        if reader.read(11)? != SBR_SYNC || read_object_type(reader)? != SBR {
            return None;
        }
        let present = reader.flag()?;
        self.sbr = Some(present);
        if present {
            read_sample_rate(reader)?;
            self.parametric_stereo = reader.read(11)? == PS_SYNC && reader.flag()?;
        }
        Some(())
    }

    /// The name of the coding, by which it is held back or passed; `None` is plain AAC LC, unless
    /// [`AudioSpecificConfig::sbr`] is open.
    pub fn unusual_coding(&self) -> Option<&'static str> {
        Some(match self.object_type {
            LOW_COMPLEXITY if self.layered => "AAC that depends on a core coder",
            LOW_COMPLEXITY if self.parametric_stereo => "HE-AAC v2 (SBR and PS)",
            LOW_COMPLEXITY if self.sbr == Some(true) => "HE-AAC (SBR)",
            LOW_COMPLEXITY => return None,
            1 => "AAC Main",
            3 => "AAC SSR",
            4 => "AAC LTP",
            6 => "AAC scalable",
            17 => "ER AAC LC",
            19 => "ER AAC LTP",
            20 => "ER AAC scalable",
            23 => "AAC LD",
            39 => "AAC ELD",
            42 => "USAC",
            _ => "an MPEG-4 audio object type other than AAC LC",
        })
    }
}

/// GetAudioObjectType.
fn read_object_type(reader: &mut BitReader<'_>) -> Option<u8> {
    let short = reader.read(5)?;
    u8::try_from(if short == 31 { 32 + reader.read(6)? } else { short }).ok()
}

/// samplingFrequencyIndex, with the frequency itself after 15. `None` for reserved values too.
fn read_sample_rate(reader: &mut BitReader<'_>) -> Option<u32> {
    match usize::try_from(reader.read(4)?).ok()? {
        15 => reader.read(24).filter(|rate| *rate > 0),
        index => SAMPLE_RATES.get(index).copied(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(bytes: &[u8]) -> AudioSpecificConfig {
        AudioSpecificConfig::parse(bytes, 0).unwrap()
    }

    #[test]
    fn plain_streams_are_described() {
        // As FFmpeg writes it: 48 kHz stereo, and the extension that says that there is no SBR.
        let config = parse(&[0x11, 0x90, 0x56, 0xE5, 0x00]);
        assert_eq!((config.object_type, config.sample_rate), (2, 48_000));
        assert_eq!((config.channel_configuration, config.frame_samples), (2, 1024));
        assert_eq!((config.sbr, config.unusual_coding()), (Some(false), None));
        // 8 kHz mono with frames of 960, nothing signalled.
        let config = parse(&[0x15, 0x8C]);
        assert_eq!((config.sample_rate, config.frame_samples, config.sbr), (8000, 960, None));
        assert_eq!(config.layout, ChannelLayout::of_configuration(1));
    }

    #[test]
    fn sbr_is_found_wherever_it_is_signalled() {
        // Object types 5 and 29 around 2; the extension at the end, with and without PS.
        assert_eq!(parse(&[0x2B, 0x8A, 0x08, 0x00]).unusual_coding(), Some("HE-AAC (SBR)"));
        assert_eq!(parse(&[0x2B, 0x8A, 0x08, 0x00]).sample_rate, 22_050);
        let stereo = "HE-AAC v2 (SBR and PS)";
        assert_eq!(parse(&[0xEB, 0x8A, 0x08, 0x00]).unusual_coding(), Some(stereo));
        assert_eq!(parse(&[0x13, 0x90, 0x56, 0xE5, 0xA0]).unusual_coding(), Some("HE-AAC (SBR)"));
        let trailing = [0x13, 0x88, 0x56, 0xE5, 0xA5, 0x48, 0x80];
        assert_eq!(parse(&trailing).unusual_coding(), Some(stereo));
    }

    #[test]
    fn other_codings_have_their_names_and_cut_ones_are_refused() {
        assert_eq!(parse(&[0x09, 0x90]).unusual_coding(), Some("AAC Main"));
        assert_eq!(parse(&[0xF9, 0x46, 0x40]).unusual_coding(), Some("USAC"));
        let layered = parse(&[0x11, 0x92, 0x00, 0x00]);
        assert_eq!(layered.unusual_coding(), Some("AAC that depends on a core coder"));
        for bytes in [&[][..], &[0x11], &[0x17, 0x80, 0x00], &[0x11, 0x92]] {
            assert!(AudioSpecificConfig::parse(bytes, 7).is_err(), "{bytes:?}");
        }
    }
}
