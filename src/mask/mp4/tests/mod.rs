mod exact;
mod fixture;
mod unclaimed;

use std::io::Cursor;

use super::timeline::media_spans;
use crate::asset::{MediaTime, Span, SpanReason};
use crate::mask::{
    Certificate, MaskError, MaskPlan, QuarantineReason, WarningCode, open_silencer, recheck_files,
};
use crate::media::mp4::{self, Index, Sample, TrackIndex};
use crate::media::{Container, Measured, MediaError};
use fixture::{
    One, Trak, alaw, closed_pictures, fragmented, opus, pictures, progressive, text, vp9,
};

fn facts(file: &[u8]) -> Measured {
    Measured {
        container: Container::Mp4,
        codec: "opus".to_owned(),
        channels: Some(1),
        sample_rate: Some(48_000),
        first: MediaTime::ZERO,
        duration: MediaTime::from_millis(2000),
        bytes: file.len() as u64,
    }
}

fn plan(spans: &[(u64, u64)]) -> MaskPlan {
    let time = MediaTime::from_millis;
    let span = |(from, to): &(u64, u64)| Span::new(time(*from), time(*to), SpanReason::Paused);
    let spans: Vec<Span> = spans.iter().filter_map(span).collect();
    MaskPlan::from_spans(&spans, time(2000), MediaTime::ZERO).unwrap()
}

/// Masks in blocks of `block` bytes, and checks.
fn mask(file: &[u8], plan: &MaskPlan, block: usize) -> Result<(Vec<u8>, Certificate), MaskError> {
    let mut silencer = open_silencer(&mut Cursor::new(file), &facts(file), plan)?;
    let mut out = Vec::new();
    for part in file.chunks(block) {
        silencer.push(part, &mut out)?;
    }
    let certificate = silencer.finish(&mut out)?;
    Ok((out, certificate))
}

fn check(file: &[u8], masked: &[u8], plan: &MaskPlan) -> Result<(), MaskError> {
    recheck_files(&mut Cursor::new(file), &mut Cursor::new(masked), &facts(file), plan)
}

fn index(file: &[u8]) -> Index {
    Index::read(&mut Cursor::new(file), file.len() as u64).unwrap()
}

fn samples(track: &TrackIndex) -> Vec<Sample> {
    let mut cursor = mp4::Cursor::default();
    std::iter::from_fn(|| cursor.next(&track.table)).collect()
}

fn bytes<'a>(file: &'a [u8], sample: &Sample) -> &'a [u8] {
    &file[sample.offset as usize..][..sample.len as usize]
}

fn all() -> [Trak; 4] {
    [opus(), pictures(), alaw(), text()]
}

/// The fixtures with all tracks, in every form.
fn forms() -> Vec<Vec<u8>> {
    let tracks = all();
    vec![
        progressive(&tracks, true),
        progressive(&tracks, false),
        fragmented(&[opus(), closed_pictures(), text()]),
    ]
}

#[test]
fn masks_fall_on_all_tracks_alike_and_the_check_agrees() {
    let plan = plan(&[(600, 1000)]);
    for file in forms() {
        let (masked, certificate) = mask(&file, &plan, 1000).unwrap();
        check(&file, &masked, &plan).unwrap();
        assert_eq!(mask(&file, &plan, 7).unwrap().0, masked, "chunking changed the result");
        assert!(certificate.warnings.is_empty());
        let mfra = index(&file).top.iter().any(|part| &part.kind == b"mfra");
        assert_eq!(certificate.metadata_cleared, if mfra { vec!["mfra"] } else { Vec::new() });
        let (old, new) = (index(&file), index(&masked));
        let read = |index: &Index, place: usize| samples(&index.tracks[place]);
        // Opus: 312 samples are skipped, 288 more ring, and one packet more is silent.
        let (before, after) = (read(&old, 0), read(&new, 0));
        for (left, right) in before.iter().zip(&after) {
            let silent = (30..=51).contains(&left.number);
            assert_eq!(bytes(&masked, right)[0] & 0xF8, 0xF8);
            let held = bytes(&file, left).get(1..).unwrap();
            let found = masked.windows(held.len()).any(|window| window == held);
            assert_eq!(found, !silent, "packet {}", left.number);
            assert_eq!((left.dts, left.duration), (right.dts, right.duration));
        }
        let range = |all: &[Sample]| {
            let sizes = all[31..39].iter().map(|one| one.len);
            sizes.clone().max().unwrap() - sizes.min().unwrap()
        };
        assert!(range(&before) > 20 && range(&after) <= 1, "sizes are level in a chunk");
        let kept: Vec<u64> = read(&new, 1).iter().map(|picture| picture.offset).collect();
        for picture in read(&old, 1) {
            // Picture 13 is the first in the mask.
            let gone = if new.fragments.is_empty() {
                (13..25).contains(&picture.number) || [26, 27].contains(&picture.number)
            } else {
                (13..36).contains(&picture.number)
            };
            assert_eq!(!kept.contains(&picture.offset), gone, "picture {}", picture.number);
            let zero = bytes(&masked, &picture).iter().all(|byte| *byte == 0);
            assert_eq!(zero, gone);
        }
        let said: Vec<bool> = samples(old.tracks.last().unwrap())
            .iter()
            .map(|one| bytes(&masked, one).starts_with(&[0, 0]))
            .collect();
        assert_eq!(said, [false, true, true, false]);
    }
}

#[test]
fn pcm_is_silent_to_the_sample() {
    let file = progressive(&all(), true);
    let (masked, _) = mask(&file, &plan(&[(600, 1001)]), 4096).unwrap();
    for one in samples(&index(&file).tracks[2]) {
        let silent = (4800..8008).contains(&one.number);
        assert_eq!(bytes(&masked, &one) == [0xD5], silent, "sample {}", one.number);
    }
}

#[test]
fn kept_pictures_keep_their_times() {
    for (spans, first_gone) in [(&[(600, 1000)][..], false), (&[(0, 300)], true)] {
        for file in forms() {
            let plan = plan(spans);
            let (masked, _) = mask(&file, &plan, 1000).unwrap();
            check(&file, &masked, &plan).unwrap();
            let old = samples(&index(&file).tracks[1]);
            let new = samples(&index(&masked).tracks[1]);
            assert!(new.len() < old.len());
            for (place, picture) in new.iter().enumerate() {
                let same = old.iter().find(|one| one.offset == picture.offset).unwrap();
                let moved = first_gone && place == 0 && index(&masked).fragments.is_empty();
                // A track begins at the time of its first picture, whichever that is now.
                let pts = if moved { old[0].pts() } else { same.pts() };
                assert_eq!((picture.pts(), picture.sync), (pts, same.sync));
            }
            let end = |all: &[Sample]| all.last().map(|last| last.dts + last.duration);
            assert_eq!(end(&old), end(&new));
        }
    }
}

#[test]
fn frames_that_are_hidden_before_a_mask_go_with_what_follows_them() {
    // The frame that is hidden in picture 3 is shown before the mask, the one in picture 10 in it.
    for file in [progressive(&[vp9(&[3, 10])], true), fragmented(&[vp9(&[3, 10])])] {
        let plan = plan(&[(1200, 1400)]);
        let (masked, _) = mask(&file, &plan, 1000).unwrap();
        check(&file, &masked, &plan).unwrap();
        let kept: Vec<u64> = samples(&index(&masked).tracks[0]).iter().map(|one| one.dts).collect();
        assert_eq!(kept, (0..10).chain(36..50).map(|at| at * 40).collect::<Vec<u64>>());
        let shown = match file.windows(4).any(|four| four == b"moof") {
            true => fragmented(&[vp9(&[3])]),
            false => progressive(&[vp9(&[3])], true),
        };
        let (too_late, _) = mask(&shown, &plan, 1000).unwrap();
        assert_eq!(samples(&index(&too_late).tracks[0]).len(), 50 - 6);
    }
}

#[test]
fn a_mask_without_a_later_sync_sample_takes_all_pictures_and_says_so() {
    for file in forms() {
        let plan = plan(&[(1700, 1800)]);
        let (masked, certificate) = mask(&file, &plan, 1000).unwrap();
        check(&file, &masked, &plan).unwrap();
        let codes: Vec<_> = certificate.warnings.iter().map(|warning| warning.code).collect();
        let old = samples(&index(&file).tracks[1]);
        let new = samples(&index(&masked).tracks[1]);
        let end = |all: &[Sample]| all.last().map(|last| last.dts + last.duration);
        assert_eq!(end(&old), end(&new));
        // The last sync sample plays at the end.
        let resumed = new.iter().any(|picture| picture.pts() > 1800 + 40);
        assert_eq!(codes.contains(&WarningCode::VideoLostToEnd), !resumed);
        let (masked, certificate) = mask(&file, &self::plan(&[(0, 2000)]), 1000).unwrap();
        check(&file, &masked, &self::plan(&[(0, 2000)])).unwrap();
        assert!(samples(&index(&masked).tracks[1]).is_empty());
        assert!(certificate.warnings.is_empty());
    }
}

#[test]
fn edit_lists_are_followed() {
    let spans = |edits: &[(u32, i32)], from_ms: u64, to_ms: u64| {
        let file = progressive(&[Trak { edits: edits.to_vec(), ..alaw() }], true);
        let index = index(&file);
        let plan = plan(&[(from_ms, to_ms)]);
        let spans = media_spans(&plan, &facts(&file), &index, &index.tracks[0], 8000).unwrap();
        spans.ranges().to_vec()
    };
    assert_eq!(spans(&[], 500, 1000), [(4000, 8000)]);
    assert_eq!(spans(&[(2000, 1024)], 500, 1000), [(5024, 9024)]);
    assert_eq!(spans(&[(250, -1), (2000, 0)], 500, 1000), [(2000, 6000)]);
    assert_eq!(spans(&[(2000, 1024)], 0, 1000), [(i128::MIN, 9024)]);
    assert_eq!(spans(&[(2000, 1024)], 500, 2000), [(5024, i128::MAX)]);
    // The second second of the media plays first; what never plays is silent.
    let swapped = spans(&[(1000, 8000), (1000, 0)], 500, 1500);
    assert_eq!(swapped, [(i128::MIN, 4000), (12_000, i128::MAX)]);
    let apart = spans(&[(500, 0), (500, 8000)], 600, 700);
    assert_eq!(apart, [(i128::MIN, 0), (4000, 8000), (8800, 9600), (12_000, i128::MAX)]);
    assert_eq!(spans(&[(1000, -1)], 500, 600), [(i128::MIN, i128::MAX)]);
}

#[test]
fn what_cannot_be_masked_is_held_back() {
    let held_back = |file: &[u8]| {
        let error = mask(file, &plan(&[(600, 1000)]), 1000).err().unwrap();
        error.reason().unwrap()
    };
    let unknown = Trak { entry: fixture::boxed(b"mett", &[0; 40]), ..text() };
    let file = progressive(&[opus(), unknown], true);
    assert_eq!(held_back(&file), QuarantineReason::MaskUnsupportedContainer);
    let video = Trak { entry: fixture::boxed(b"encv", &[0; 78]), ..pictures() };
    let file = progressive(&[video], true);
    assert_eq!(held_back(&file), QuarantineReason::MaskUnsupportedContainer);
    let mut fast = progressive(&[opus()], true);
    let rate = fast.windows(4).position(|four| four == b"elst").unwrap() + 4 + 16;
    fast[rate + 1] = 2;
    assert_eq!(held_back(&fast), QuarantineReason::MaskUnsupportedContainer);
    let file = progressive(&[opus()], true);
    let open_end = Measured { bytes: Measured::OPEN_END, ..facts(&file) };
    let opened = open_silencer(&mut Cursor::new(&file), &open_end, &plan(&[(600, 1000)]));
    assert!(opened.err().unwrap().to_string().contains("works on files"));
}

/// The file with the 32-bit word `skip` bytes behind a box's type replaced.
fn with_word(mut file: Vec<u8>, kind: &[u8; 4], skip: usize, value: u32) -> Vec<u8> {
    let at = file.windows(4).position(|four| four == kind).unwrap() + 4 + skip;
    file[at..at + 4].copy_from_slice(&value.to_be_bytes());
    file
}

#[test]
fn samples_outside_the_data_or_on_top_of_each_other_are_malformed() {
    let plan = plan(&[(600, 1000)]);
    let file = progressive(&[opus()], true);
    let first = u32::try_from(samples(&index(&file).tracks[0])[0].offset).unwrap();
    for (chunk, offset) in [(0, 0), (1, first), (9, u32::MAX)] {
        let broken = with_word(file.clone(), b"stco", 8 + 4 * chunk, offset);
        let error = mask(&broken, &plan, 1000).err().unwrap();
        let malformed = matches!(error, MaskError::Media(MediaError::Malformed { .. }));
        assert!(malformed, "{error}");
    }
}

#[test]
fn tiny_samples_without_end_meet_a_limit() {
    let tiny = |bytes: &[u8]| One { bytes: bytes.to_vec(), shift: 0, sync: true };
    let track = Trak { samples: vec![tiny(&[0xF8]); 3], per_chunk: 3, ..opus() };
    let count = 10_000_000;
    let mut file = progressive(&[track], false);
    for (kind, skip) in [(b"stsz", 8), (b"stts", 8), (b"stsc", 12)] {
        file = with_word(file, kind, skip, count);
    }
    let error = mask(&file, &plan(&[(600, 1000)]), 1000).err().unwrap();
    assert_eq!(error.reason(), Some(QuarantineReason::MediaLimit), "{error}");
    let listed = vec![tiny(&[0xF8]); 3];
    let mut fragments = fragmented(&[Trak { samples: listed, ..opus() }]);
    fragments = with_word(fragments, b"trun", 4, count);
    let error = mask(&fragments, &plan(&[(600, 1000)]), 1000).err().unwrap();
    assert!(error.reason().is_some());
}

#[test]
fn damaged_files_never_panic_and_what_is_masked_passes_the_check() {
    let mut seed = 0x2545_F491_4F6C_DD1D_u64;
    let mut random = move |below: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        (seed >> 16) as usize % below
    };
    let short =
        |track: Trak, count: usize| Trak { samples: track.samples[..count].to_vec(), ..track };
    let tracks = [opus(), pictures(), short(alaw(), 500), text()];
    let files = [progressive(&tracks, true), progressive(&tracks, false), fragmented(&tracks[..2])];
    let heads: Vec<usize> = files
        .iter()
        .map(|file| file.windows(4).position(|four| four == b"mdat").unwrap())
        .collect();
    let mut accepted = 0;
    for case in 0..4000 {
        let mut file = files[case % files.len()].clone();
        for _ in 0..=random(3) {
            let head = heads[case % files.len()];
            // The index is where damage matters.
            let index = if head < 100 {
                file.len() - random(3000).min(file.len() - 1) - 1
            } else {
                random(head)
            };
            let at = if random(4) == 0 { random(file.len()) } else { index };
            file[at] = random(256) as u8;
        }
        if random(10) == 0 {
            file.truncate(random(file.len()) + 1);
        }
        let from = random(1900) as u64;
        let plan = plan(&[(from, from + 1 + random(900) as u64)]);
        if let Ok((masked, _)) = mask(&file, &plan, 5000) {
            accepted += 1;
            check(&file, &masked, &plan).unwrap();
        }
    }
    assert!(accepted > 400, "{accepted}");
}
