//! Which coding a codec id means. A new codec is one arm in [`Coder::open`].

use super::edit::FLAC_STREAMINFO;
use super::guide::unmasked;
use super::pcm::Pcm;
use crate::mask::unit::{Coding, UnitFault};
use crate::mask::{MaskError, MaskPlan, aac, flac, opus, vorbis};
use crate::media::matroska::{TrackEntry, xiph_parts};
use crate::media::{AudioSpecificConfig, MAX_SAMPLE_RATE, Measured, OpusHead, mp3};

/// Samples of a granule of MP3.
const GRANULE: u64 = 576;

/// Plan, file, and nanoseconds per timestamp unit.
#[derive(Clone, Copy)]
pub(super) struct Setting<'a> {
    pub(super) plan: &'a MaskPlan,
    pub(super) facts: &'a Measured,
    pub(super) scale: u64,
}

/// What is known of the frames of a track.
pub(super) enum Coder {
    /// Silenced sample by sample.
    Pcm(Pcm, u32),
    /// Frames that share a bit reservoir; the sampling rate.
    Mp3(u32),
    /// Silenced frame by frame.
    Coded(Box<dyn Coding>),
}

impl Coder {
    /// What the codec id and private data of a track mean.
    ///
    /// # Errors
    /// Quarantine when there is no silence for it; damaged private data.
    pub(super) fn open(entry: &TrackEntry) -> Result<Self, MaskError> {
        let (private, at) = (entry.codec_private.as_slice(), entry.codec_private_at);
        if let Some(pcm) = Pcm::of(entry)? {
            return Ok(Self::Pcm(pcm, whole_rate(entry)?));
        }
        let coding = match entry.codec_id.as_str() {
            "A_MPEG/L3" => return Ok(Self::Mp3(whole_rate(entry)?)),
            "A_OPUS" => opus::coding(&OpusHead::read(private, at)?)?,
            "A_VORBIS" => {
                let headers = xiph_parts(private).ok_or_else(|| unmasked(entry, "no headers"))?;
                let headers: Vec<Vec<u8>> = headers.into_iter().map(<[u8]>::to_vec).collect();
                vorbis::coding(&headers)?
            }
            "A_FLAC" => match private.get(FLAC_STREAMINFO) {
                Some(info) if matches!(private.get(..5), Some(b"fLaC\0" | b"fLaC\x80")) => {
                    flac::coding(info)?
                }
                _ => return Err(unmasked(entry, "no STREAMINFO")),
            },
            "A_AAC" => aac::coding(&AudioSpecificConfig::parse(private, at)?)?,
            #[cfg(test)]
            "A_TEST" => Box::new(super::tests::Double),
            _ => return Err(unmasked(entry, "no silence is known for it")),
        };
        if !(1..=MAX_SAMPLE_RATE).contains(&coding.rate()) {
            return Err(unmasked(entry, "its sampling rate"));
        }
        Ok(Self::Coded(coding))
    }

    /// Ticks per second.
    pub(super) fn rate(&self) -> u32 {
        match self {
            Self::Pcm(_, rate) | Self::Mp3(rate) => *rate,
            Self::Coded(coding) => coding.rate(),
        }
    }

    /// How many ticks a frame plays. To be called for every frame, in order.
    ///
    /// # Errors
    /// [`UnitFault`] when the frame is damaged.
    pub(super) fn ticks(&mut self, unit: &[u8]) -> Result<u64, UnitFault> {
        match self {
            Self::Pcm(pcm, _) => pcm.ticks(unit),
            Self::Mp3(rate) => match mp3::FrameHeader::read(unit) {
                Some(header) if header.sample_rate() == *rate => {
                    Ok(GRANULE * header.granules() as u64)
                }
                _ => Err(UnitFault::Malformed("no MP3 frame of the track's sampling rate")),
            },
            Self::Coded(coding) => coding.ticks(unit),
        }
    }
}

/// The `SamplingFrequency` where ticks are samples.
fn whole_rate(entry: &TrackEntry) -> Result<u32, MaskError> {
    let rate = entry.audio.sampling_frequency;
    let whole = rate as u32;
    let found = (1..=MAX_SAMPLE_RATE).contains(&whole) && f64::from(whole) == rate;
    if found { Ok(whole) } else { Err(unmasked(entry, "its sampling rate")) }
}

/// Looks whether AAC has SBR that its configuration does not tell.
pub(super) struct SbrTrial {
    blocks: Vec<Vec<u8>>,
    open: bool,
}

impl SbrTrial {
    /// How many blocks are looked at; shorter ones say nothing.
    const BLOCKS: usize = 64;
    const FEWEST_BYTES: usize = 12;

    /// The trial of a track; one that needs none is over.
    ///
    /// # Errors
    /// As [`Coder::open`].
    pub(super) fn new(entry: &TrackEntry) -> Result<Self, MaskError> {
        let mut open = false;
        if entry.codec_id == "A_AAC" {
            let config = AudioSpecificConfig::parse(&entry.codec_private, entry.codec_private_at)?;
            open = config.sbr.is_none();
        }
        Ok(Self { blocks: Vec::new(), open })
    }

    /// Looks at the next block.
    ///
    /// # Errors
    /// Quarantine when SBR was found.
    pub(super) fn push(&mut self, block: &[u8]) -> Result<(), MaskError> {
        if self.open && block.len() >= Self::FEWEST_BYTES {
            self.blocks.push(block.to_vec());
            if self.blocks.len() >= Self::BLOCKS {
                return self.finish();
            }
        }
        Ok(())
    }

    /// Ends the trial.
    ///
    /// # Errors
    /// As [`SbrTrial::push`].
    pub(super) fn finish(&mut self) -> Result<(), MaskError> {
        let found = std::mem::take(&mut self.open) && aac::carries_sbr(&self.blocks);
        self.blocks = Vec::new();
        if found { Err(aac::implicit_sbr()) } else { Ok(()) }
    }
}
