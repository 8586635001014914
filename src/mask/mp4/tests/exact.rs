//! The check holds every byte.

use super::fixture::{Trak, hevc};
use super::*;

/// Each byte that the masks changed is put back, and each is changed otherwise; of the media data,
/// every seventh.
pub(super) fn every_byte_is_held(file: &[u8], spans: &[(u64, u64)]) {
    let plan = plan(spans);
    let (masked, _) = mask(file, &plan, 1000).unwrap();
    check(file, &masked, &plan).unwrap();
    assert_ne!(file, masked);
    let top = index(file).top;
    let data = |at: usize| {
        let mut data = top.iter().filter(|part| &part.kind == b"mdat");
        data.any(|part| (part.offset..part.end).contains(&(at as u64)))
    };
    let mut missed = Vec::new();
    let mut wrong = masked.clone();
    for (at, (old, new)) in file.iter().zip(&masked).enumerate() {
        if at % 7 > 0 && data(at) {
            continue;
        }
        for other in [*old, new ^ 1, new ^ 0x80].into_iter().filter(|other| other != new) {
            wrong[at] = other;
            if check(file, &wrong, &plan).is_ok() {
                missed.push((at, *old, *new, other));
            }
        }
        wrong[at] = *new;
    }
    assert!(missed.is_empty(), "{missed:?}");
}

fn short(track: Trak) -> Trak {
    Trak { samples: track.samples.iter().take(40).cloned().collect(), ..track }
}

#[test]
fn of_progressive_files() {
    every_byte_is_held(&progressive(&[opus(), pictures(), text()], true), &[(600, 1000)]);
    every_byte_is_held(&progressive(&[closed_pictures(), short(opus())], false), &[(300, 400)]);
}

#[test]
fn of_fragmented_files() {
    every_byte_is_held(&fragmented(&[opus(), closed_pictures()]), &[(600, 1000)]);
    every_byte_is_held(&fragmented(&[closed_pictures()]), &[(0, 300), (1700, 1800)]);
}

#[test]
fn of_pictures_that_are_marked_or_hide_frames() {
    every_byte_is_held(&progressive(&[hevc()], true), &[(600, 1000)]);
    every_byte_is_held(&fragmented(&[vp9(&[3, 10])]), &[(1200, 1400)]);
}
