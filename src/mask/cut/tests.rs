//! Every format is cut at many places. What is kept must be measured, masked and checked like any
//! file, end in time, and end cleanly.

use std::io::{Cursor, Read as _};
use std::path::Path;

use super::*;
use crate::asset::{MediaTime, Span, SpanReason};
use crate::mask::{MaskPlan, Masker};
use crate::media::{Measured, SNIFF_BYTES, measure, sniff};

/// Longest coded unit of the seeds: a block of FLAC at 8 kHz.
const LONGEST_UNIT: MediaTime = MediaTime::from_millis(513);
/// What is decoded of Opus, and not played, counts as played when a file is measured.
const PRE_SKIP: MediaTime = MediaTime::from_millis(7);

/// The seeds of a fuzz target, without the bytes that choose a span.
fn seeds(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let mut found: Vec<(String, Vec<u8>)> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.display().to_string(), std::fs::read(path).unwrap().split_off(4)))
        .collect();
    found.sort();
    found
}

/// What a file is; a few frames of GSM alone cannot be told.
fn container(file: &[u8]) -> Container {
    match sniff(&file[..file.len().min(SNIFF_BYTES)]) {
        Container::Unknown => Container::Gsm,
        known => known,
    }
}

fn facts(file: &[u8]) -> Result<Measured, crate::media::MediaError> {
    measure(Box::new(Cursor::new(file.to_vec())), file.len() as u64, container(file))
}

fn cut(file: &[u8], at: MediaTime) -> CutFound {
    let container = container(file);
    find_cut(&mut Cursor::new(file), container, file.len() as u64, at).unwrap()
}

/// The shorter file, read in portions of `step` bytes.
fn read(cut: &Cut, file: &[u8], step: usize) -> Vec<u8> {
    let mut reader = cut.clone().reader(Cursor::new(file));
    let mut out = Vec::new();
    let mut buffer = vec![0; step];
    loop {
        match reader.read(&mut buffer).unwrap() {
            0 => return out,
            got => out.extend_from_slice(&buffer[..got]),
        }
    }
}

/// Masks the kept file as the pipeline does; what its last tenth of a second holds is silent.
fn masked(kept: &[u8], facts: &Measured, at: MediaTime) -> Vec<u8> {
    let span = Span::new(at, MediaTime::MAX, SpanReason::NotRecorded).unwrap();
    let whole = at.saturating_add(MediaTime::from_millis(1));
    let plan = MaskPlan::from_spans(&[span], whole, MediaTime::ZERO).unwrap();
    let plan = plan.ending_at(facts.duration);
    assert_eq!(plan.silenced.last().unwrap().to, facts.duration);
    let mut masker = Masker::open(&mut Cursor::new(kept), facts, &plan).unwrap();
    let mut out = Vec::new();
    for block in kept.chunks(999) {
        masker.push(block, &mut out).unwrap();
    }
    let certificate = masker.finish(&mut out).unwrap();
    assert!(certificate.recheck_held && certificate.units_silenced > 0);
    out
}

/// Cuts `file` at `at`; how long the kept file plays, if one is kept.
fn check(name: &str, file: &[u8], at: MediaTime) -> Option<MediaTime> {
    let CutFound::Kept(kept) = cut(file, at) else { return None };
    let short = read(&kept, file, 4096);
    assert!(short == read(&kept, file, 7), "{name} at {at}: portions made a difference");
    assert_eq!(short.len() as u64, kept.len(), "{name} at {at}");
    let facts = facts(&short).unwrap_or_else(|error| panic!("{name} at {at}: {error}"));
    let latest = at.saturating_add(PRE_SKIP);
    assert!(facts.duration <= latest, "{name} at {at} plays {}", facts.duration);
    let missing = at.saturating_sub(facts.duration);
    assert!(missing <= LONGEST_UNIT, "{name} at {at} plays {}", facts.duration);
    assert_eq!(cut(&short, MediaTime::MAX), CutFound::Whole, "{name} at {at} has no clean end");
    masked(&short, &facts, at);
    Some(facts.duration)
}

fn every_seed_can_be_cut(target: &str) {
    for (name, file) in seeds(target) {
        let duration = facts(&file).unwrap().duration;
        assert_eq!(cut(&file, MediaTime::MAX), CutFound::Whole, "{name}");
        assert_eq!(cut(&file, MediaTime::ZERO), CutFound::Nothing, "{name}");
        let mut random = 0x9E37_79B9_7F4A_7C15_u64;
        let mut kept = 0;
        for _ in 0..40 {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            let at = MediaTime::from_micros(random % duration.as_micros());
            kept += u32::from(check(&name, &file, at).is_some());
        }
        assert!(kept >= 20, "{name}: kept {kept} times");
    }
}

#[test]
fn wave_of_every_codec_ends_at_its_samples_or_blocks() {
    every_seed_can_be_cut("mask_wav");
}

#[test]
fn mp3_ends_at_a_frame_without_its_index() {
    every_seed_can_be_cut("mask_mp3");
}

#[test]
fn ogg_ends_at_a_packet() {
    every_seed_can_be_cut("mask_ogg");
}

#[test]
fn adts_ends_at_a_frame() {
    every_seed_can_be_cut("mask_adts");
}

#[test]
fn flac_ends_at_a_frame() {
    every_seed_can_be_cut("mask_flac");
}

#[test]
fn amr_ends_at_a_frame() {
    every_seed_can_be_cut("mask_amr");
}

#[test]
fn gsm_ends_at_a_frame() {
    every_seed_can_be_cut("mask_gsm");
}

#[test]
fn wave_says_its_new_length_everywhere() {
    let (_, file) =
        seeds("mask_wav").into_iter().find(|(name, _)| name.ends_with("s16le.wav")).unwrap();
    let CutFound::Kept(kept) = cut(&file, MediaTime::from_micros(500_100)) else { panic!() };
    let short = read(&kept, &file, 4096);
    // 4000.8 samples at 8 kHz.
    let data = short.windows(4).position(|id| id == b"data").unwrap();
    assert_eq!(short[data + 4..data + 8], 8000_u32.to_le_bytes());
    assert_eq!(short.len(), data + 8 + 8000);
    assert_eq!(short[4..8], u32::try_from(short.len() - 8).unwrap().to_le_bytes());
    assert!(short[data + 8..] == file[data + 8..data + 8 + 8000]);
    // As a recorder writes it that does not know the end yet.
    for unknown in [0, u32::MAX] {
        let mut live = file.clone();
        live[4..8].copy_from_slice(&unknown.to_le_bytes());
        live[data + 4..data + 8].copy_from_slice(&unknown.to_le_bytes());
        let CutFound::Kept(kept) = cut(&live, MediaTime::from_micros(500_100)) else { panic!() };
        assert!(read(&kept, &live, 4096) == short);
    }
    // Fewer bytes came than the header promises.
    let CutFound::Kept(kept) = cut(&file[..data + 8 + 3001], MediaTime::MAX) else { panic!() };
    let torn = read(&kept, &file, 4096);
    assert_eq!(torn[data + 4..data + 8], 3001_u32.to_le_bytes());
}

#[test]
fn a_torn_last_unit_is_left_out() {
    for target in ["mask_ogg", "mask_amr", "mask_flac", "mask_mp3", "mask_gsm"] {
        for (name, file) in seeds(target) {
            for missing in [1, 2, 5, 13] {
                let torn = &file[..file.len() - missing];
                let short = match cut(torn, MediaTime::MAX) {
                    CutFound::Kept(cut) => read(&cut, torn, 4096),
                    // GSM and MP3 may have bytes behind the last frame.
                    CutFound::Whole => torn.to_vec(),
                    other => panic!("{name}: {other:?}"),
                };
                let facts = facts(&short).unwrap_or_else(|error| panic!("{name}: {error}"));
                assert!(facts.duration > MediaTime::ZERO, "{name}");
            }
        }
    }
}

#[test]
fn what_cannot_be_cut_says_so() {
    for target in ["mask_mp4", "mask_matroska"] {
        for (_, file) in seeds(target) {
            assert_eq!(cut(&file, MediaTime::from_millis(500)), CutFound::Uncuttable);
        }
    }
}
