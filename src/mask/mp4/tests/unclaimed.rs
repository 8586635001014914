//! What no sample claims does not stay.

use super::exact::every_byte_is_held;
use super::fixture::boxed;
use super::*;

/// The file in which of all boxes of a kind the one at `place`, and each `every` further, is `free`.
fn without(mut file: Vec<u8>, kind: &[u8; 4], place: usize, every: usize) -> Vec<u8> {
    let found: Vec<usize> = (0..file.len()).filter(|at| file[*at..].starts_with(kind)).collect();
    for at in found.into_iter().skip(place).step_by(every) {
        file[at..at + 4].copy_from_slice(b"free");
    }
    file
}

/// Files with three tracks of which the index has lost the second, and where its bytes are.
fn orphaned() -> Vec<(Vec<u8>, Vec<Sample>)> {
    let whole = [
        (progressive(&[opus(), alaw(), text()], true), b"trak", 3),
        (progressive(&[opus(), alaw(), text()], false), b"trak", 3),
        (fragmented(&[opus(), closed_pictures(), text()]), b"traf", 3),
    ];
    let orphaned = whole.into_iter().map(|(file, kind, every)| {
        let lost = samples(&index(&file).tracks[1]);
        (without(file, kind, 1, every), lost)
    });
    orphaned.collect()
}

#[test]
fn samples_of_a_track_that_was_taken_out_are_zeroed() {
    let plan = plan(&[(600, 1000)]);
    for (file, lost) in orphaned() {
        let (masked, certificate) = mask(&file, &plan, 1000).unwrap();
        check(&file, &masked, &plan).unwrap();
        assert_eq!(mask(&file, &plan, 7).unwrap().0, masked, "chunking changed the result");
        assert!(certificate.metadata_cleared.contains(&"bytes of no sample".to_owned()));
        for one in &lost {
            assert!(bytes(&masked, one).iter().all(|byte| *byte == 0), "sample {}", one.number);
        }
        for one in [&lost[0], &lost[lost.len() / 2], &lost[lost.len() - 1]] {
            let mut wrong = masked.clone();
            let at = (one.offset + one.len - 1) as usize;
            wrong[at] = file[at];
            let error = check(&file, &wrong, &plan).err().unwrap();
            assert!(matches!(error, MaskError::Recheck { offset } if offset == at as u64));
        }
        let (again, certificate) = mask(&masked, &plan, 1000).unwrap();
        assert_eq!(again, masked);
        assert!(!certificate.metadata_cleared.contains(&"bytes of no sample".to_owned()));
    }
}

#[test]
fn every_byte_of_a_file_with_free_space_is_held() {
    let noise = [0x5A; 40];
    let data = boxed(b"mdat", &noise);
    let free = [boxed(b"free", &noise), boxed(b"skip", &noise), boxed(b"uuid", &noise), data];
    let file = [progressive(&[opus(), text()], false), free.concat(), boxed(b"wide", &[])].concat();
    every_byte_is_held(&file, &[(600, 1000)]);
    let (masked, _) = mask(&file, &plan(&[(600, 1000)]), 1000).unwrap();
    let left = masked.windows(40).filter(|window| *window == noise).count();
    assert_eq!(left, 1, "of uuid");
    let (file, _) = orphaned().swap_remove(2);
    every_byte_is_held(&file, &[(600, 1000)]);
}

#[test]
fn files_with_items_are_held_back() {
    let items = boxed(b"meta", &[vec![0; 4], boxed(b"iloc", &[0; 8])].concat());
    let plan = plan(&[(600, 1000)]);
    let file = [progressive(&[opus()], false), items].concat();
    let error = mask(&file, &plan, 1000).err().unwrap();
    assert_eq!(error.reason(), Some(QuarantineReason::MaskUnsupportedContainer), "{error}");
    let plain = boxed(b"meta", &[vec![0; 4], boxed(b"ilst", &[1; 8])].concat());
    let file = [progressive(&[opus()], false), plain].concat();
    let (masked, _) = mask(&file, &plan, 1000).unwrap();
    check(&file, &masked, &plan).unwrap();
}
