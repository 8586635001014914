//! The fuzz bodies of the mask engine: one per container.
//!
//! The first four bytes choose a span, the rest is the file. What is masked must be as long as the
//! source and must not depend on how the file was cut into blocks; what cannot be masked must end
//! in an error, not in a panic.

use std::io::Cursor;

use reelgate::asset::{MediaTime, Span, SpanReason};
use reelgate::mask::{MaskError, MaskPlan, Masker};
use reelgate::media::{Container, Measured, ReadSeek};

/// As long as the seeds, about.
const DURATION: MediaTime = MediaTime::from_millis(2000);

fn mask(container: Container, data: &[u8]) {
    let Some(([from, length, guard, step], file)) = data.split_first_chunk() else { return };
    let from = MediaTime::from_millis(u64::from(*from) * 8);
    // Beyond the end now and then: silent to the last unit.
    let to = from.saturating_add(MediaTime::from_millis(u64::from(*length) * 10 + 1));
    let span = Span::new(from, to, SpanReason::Redacted).expect("a span");
    let guard = MediaTime::from_millis(u64::from(*guard) / 8);
    let Ok(plan) = MaskPlan::from_spans(&[span], DURATION, guard) else { return };
    let bytes = file.len() as u64;
    let facts = Measured {
        container,
        codec: "any".to_owned(),
        channels: None,
        sample_rate: None,
        first: MediaTime::ZERO,
        duration: DURATION,
        bytes,
    };
    let whole = run(file, &facts, &plan, file.len().max(1));
    let parts = run(file, &facts, &plan, usize::from(*step) + 1);
    match (&whole, &parts) {
        (Ok(whole), Ok(parts)) => assert!(whole == parts, "the blocks made a difference"),
        (Err(_), Err(_)) => {}
        (whole, parts) => panic!("whole: {:?}, in blocks: {:?}", whole.is_ok(), parts.is_ok()),
    }
}

fn run(file: &[u8], facts: &Measured, plan: &MaskPlan, step: usize) -> Result<Vec<u8>, MaskError> {
    let source: &mut dyn ReadSeek = &mut Cursor::new(file);
    let mut masker = Masker::open(source, facts, plan)?;
    let mut out = Vec::with_capacity(file.len());
    for block in file.chunks(step) {
        masker.push(block, &mut out)?;
    }
    let certificate = masker.finish(&mut out)?;
    assert_eq!(out.len(), file.len());
    assert!(certificate.recheck_held);
    Ok(out)
}

/// WAVE with any codec inside.
pub fn mask_wav(data: &[u8]) {
    mask(Container::Wav, data);
}

/// MPEG audio layer III.
pub fn mask_mp3(data: &[u8]) {
    mask(Container::Mp3, data);
}

/// Ogg with Opus, Vorbis or FLAC.
pub fn mask_ogg(data: &[u8]) {
    mask(Container::Ogg, data);
}

/// AAC in ADTS.
pub fn mask_adts(data: &[u8]) {
    mask(Container::Adts, data);
}

/// Native FLAC.
pub fn mask_flac(data: &[u8]) {
    mask(Container::Flac, data);
}

/// AMR-NB and AMR-WB.
pub fn mask_amr(data: &[u8]) {
    mask(Container::Amr, data);
}

/// Frames of GSM 06.10.
pub fn mask_gsm(data: &[u8]) {
    mask(Container::Gsm, data);
}

/// MP4, plain and fragmented.
pub fn mask_mp4(data: &[u8]) {
    mask(Container::Mp4, data);
}

/// Matroska and WebM.
pub fn mask_matroska(data: &[u8]) {
    mask(Container::Matroska, data);
}
