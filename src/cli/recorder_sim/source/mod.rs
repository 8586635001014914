//! The sound that a recorder hears: a file, cut into its coded units, each beside a silent one.
//!
//! The silent units come from silencing the whole file as a mask would. A recorder that leaves
//! something out writes those, so the file keeps its timeline.

mod ogg;

use std::io::Cursor;
use std::path::Path;

use anyhow::{Context as _, bail, ensure};

use crate::asset::{MediaTime, MediaType, Span, SpanReason};
use crate::mask::{MaskPlan, Masker};
use crate::media::mp3::{FrameHeader, InfoFrame, Mp3Framer};
use crate::media::{Container, Cutter, Measured, SNIFF_BYTES, WavLayout, measure, sniff};

/// Largest file, in bytes. It is held in memory three times over.
const MAX_BYTES: u64 = 256 << 20;
/// Units of samples in a second.
const WAV_UNITS_PER_S: u32 = 50;
/// A size that says: written as a stream, to the end of the file.
const OPEN_SIZE: [u8; 4] = [0xFF; 4];

/// A coded unit.
pub(super) struct Unit {
    /// As it was heard.
    pub(super) sound: Vec<u8>,
    /// As long, and silent.
    pub(super) silence: Vec<u8>,
    /// When it ends.
    pub(super) end: MediaTime,
    /// What must follow when it is the last one that is recorded, though more was heard.
    pub(super) tail: Vec<u8>,
}

/// A file to be recorded as if it were heard.
pub struct Source {
    pub(super) media_type: MediaType,
    /// What the recorded file begins with.
    pub(super) head: Vec<u8>,
    /// In order. Invariant: the ends rise.
    pub(super) units: Vec<Unit>,
}

impl Source {
    /// Reads a file of WAVE (PCM, G.711, float), MP3, or Opus in Ogg.
    ///
    /// # Errors
    /// When it cannot be read, or is another kind of file.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        let context = || format!("{} cannot be used", path.display());
        let bytes = std::fs::metadata(path).with_context(context)?.len();
        ensure!(bytes <= MAX_BYTES, "{} has more than {MAX_BYTES} bytes", path.display());
        Self::read(&std::fs::read(path).with_context(context)?).with_context(context)
    }

    /// As [`Source::open`], of the bytes of a file.
    ///
    /// # Errors
    /// As [`Source::open`].
    pub fn read(file: &[u8]) -> anyhow::Result<Self> {
        let container = sniff(file.get(..file.len().min(SNIFF_BYTES)).unwrap_or_default());
        let owned = Box::new(Cursor::new(file.to_vec()));
        let facts = measure(owned, file.len() as u64, container)?;
        let silent = silenced(file, &facts)?;
        let (media_type, (head, units)) = match container {
            Container::Wav | Container::Rf64 => (MediaType::Wav, wav(file, &silent)?),
            Container::Mp3 => (MediaType::Mp3, (Vec::new(), mp3(file, &silent)?)),
            Container::Ogg => (MediaType::Ogg, ogg::opus(file, &silent)?),
            other => bail!("{} cannot be cut into units here", other.name()),
        };
        ensure!(!units.is_empty(), "the file holds no sound");
        Ok(Self { media_type, head, units })
    }

    /// How long it plays.
    pub fn duration(&self) -> MediaTime {
        self.units.last().map_or(MediaTime::ZERO, |unit| unit.end)
    }
}

/// The same file with no sound in it.
fn silenced(file: &[u8], facts: &Measured) -> anyhow::Result<Vec<u8>> {
    let all = Span::new(MediaTime::ZERO, MediaTime::MAX, SpanReason::NotRecorded);
    let all = all.context("no span")?;
    let plan = MaskPlan::from_spans(&[all], facts.duration, MediaTime::ZERO)?;
    let mut silent = Vec::with_capacity(file.len());
    let mut masker = Masker::open(&mut Cursor::new(file), facts, &plan)?.without_digests();
    masker.push(file, &mut silent)?;
    masker.finish(&mut silent)?;
    Ok(silent)
}

/// Samples in portions of 20 ms, behind a header that leaves the length open. Chunks other than
/// `fmt ` are left out: behind data of open length nothing can follow.
fn wav(file: &[u8], silent: &[u8]) -> anyhow::Result<(Vec<u8>, Vec<Unit>)> {
    let layout = WavLayout::read(&mut Cursor::new(file), file.len() as u64)?;
    let riff = file.starts_with(b"RIFF") || layout.container == Container::Rf64;
    ensure!(riff, "big-endian WAVE cannot be written as a stream here");
    let codec = || layout.encoding.name(layout.byte_order);
    ensure!(layout.encoding.sample_bytes().is_some(), "{} has no samples to cut", codec());
    let fmt = layout.chunks.iter().find(|chunk| &chunk.id == b"fmt ").context("no fmt chunk")?;
    let part = |file: &[u8], from: u64, len: u64| -> Option<Vec<u8>> {
        let from = usize::try_from(from).ok()?;
        Some(file.get(from..from.checked_add(usize::try_from(len).ok()?)?)?.to_vec())
    };
    let fmt = part(file, fmt.offset, fmt.len).context("no fmt chunk")?;
    let mut head = [&b"RIFF"[..], &OPEN_SIZE, b"WAVEfmt "].concat();
    head.extend(u32::try_from(fmt.len())?.to_le_bytes());
    head.extend(&fmt);
    head.resize(head.len().next_multiple_of(2), 0);
    head.extend(b"data");
    head.extend(OPEN_SIZE);
    let rate = layout.sample_rate;
    let frames = usize::try_from(rate.div_ceil(WAV_UNITS_PER_S))?;
    let portion = frames.saturating_mul(usize::from(layout.block_align));
    let sound = part(file, layout.data_offset, layout.data_len).context("no samples")?;
    let silence = part(silent, layout.data_offset, layout.data_len).context("no samples")?;
    let pairs = sound.chunks(portion).zip(silence.chunks(portion));
    let unit = |(index, (sound, silence)): (usize, (&[u8], &[u8]))| Unit {
        sound: sound.to_vec(),
        silence: silence.to_vec(),
        end: ticks(
            (index.saturating_mul(frames) as u64)
                .saturating_add((sound.len() / usize::from(layout.block_align)) as u64),
            rate,
        ),
        tail: Vec::new(),
    };
    Ok((head, pairs.enumerate().map(unit).collect()))
}

/// Frames; tags and an index frame are left out.
fn mp3(file: &[u8], silent: &[u8]) -> anyhow::Result<Vec<Unit>> {
    let (sound, silence) = (frames(file)?, frames(silent)?);
    ensure!(sound.len() == silence.len(), "the silent file has other frames");
    let mut samples = 0_u64;
    let mut units = Vec::with_capacity(sound.len());
    for ((header, sound), (_, silence)) in sound.into_iter().zip(silence) {
        if units.is_empty() && InfoFrame::read(header, &sound).is_some() {
            continue;
        }
        samples = samples.saturating_add(header.granules() as u64 * 576);
        let end = ticks(samples, header.sample_rate());
        units.push(Unit { sound, silence, end, tail: Vec::new() });
    }
    Ok(units)
}

fn frames(file: &[u8]) -> anyhow::Result<Vec<(FrameHeader, Vec<u8>)>> {
    let mut cutter = Cutter::new(Mp3Framer::default());
    cutter.push(file);
    let mut frames = Vec::new();
    while let Some(piece) = cutter.next(true)? {
        let header = FrameHeader::read(&piece.bytes).filter(|_| piece.unit);
        frames.extend(header.map(|header| (header, piece.bytes)));
    }
    Ok(frames)
}

/// `ticks` of a clock of `rate` Hz as media time.
fn ticks(ticks: u64, rate: u32) -> MediaTime {
    let micros = u128::from(ticks) * 1_000_000 / u128::from(rate.max(1));
    MediaTime::from_micros(u64::try_from(micros).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recorded(source: &Source, keep: impl Fn(&Unit) -> bool) -> Vec<u8> {
        let mut file = source.head.clone();
        for unit in &source.units {
            file.extend(if keep(unit) { &unit.sound } else { &unit.silence });
        }
        file
    }

    fn facts(file: &[u8]) -> Measured {
        let owned = Box::new(Cursor::new(file.to_vec()));
        measure(owned, file.len() as u64, sniff(file)).unwrap()
    }

    #[test]
    fn a_stream_of_samples_plays_as_long_as_its_file() {
        let file = include_bytes!("../../../../sample-media/wav_mulaw_8k_stereo.wav");
        let source = Source::read(file).unwrap();
        assert_eq!((source.units.len(), source.duration().as_millis()), (600, 12_000));
        let stream = recorded(&source, |_| true);
        let samples = &file[file.len() - 192_000..];
        assert!(stream.ends_with(samples));
        assert_eq!(facts(&stream).duration.as_millis(), 12_000);
        let silent = recorded(&source, |_| false);
        assert!(silent[source.head.len()..].iter().all(|byte| *byte == 0xFF));
    }

    #[test]
    fn frames_of_sound_and_of_silence_may_alternate() {
        let file = include_bytes!("../../../../sample-media/mp3_8k_32kbit_call.mp3");
        let source = Source::read(file).unwrap();
        assert_eq!(recorded(&source, |_| true), file);
        assert_eq!((source.units.len(), source.duration().as_millis()), (169, 12_168));
        let half = recorded(&source, |unit| unit.end.as_millis() % 4000 > 2000);
        assert_eq!(half.len(), file.len());
        assert_eq!(facts(&half).duration, facts(file).duration);
        assert_ne!(half, file);
    }

    #[test]
    fn what_cannot_be_cut_is_refused() {
        let file = include_bytes!("../../../../sample-media/mp4_h264_screen.mp4");
        let error = Source::read(file).err().unwrap();
        assert_eq!(error.to_string(), "mp4 cannot be cut into units here");
        assert!(Source::read(b"").is_err());
    }
}
