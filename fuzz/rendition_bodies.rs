//! The fuzz body of renditions: a file of any container, or two of them, made into an MP4.
//!
//! The first byte chooses what the file is (voice, or screen), the second and third where a clip
//! begins and how long it is, in steps of 16 ms; 0 takes all of it. The container is what the bytes
//! say. A plan that was made must give exactly its own length, twice the same, and the waveform must
//! be made or refused without a panic.

use std::io::Cursor;

use reelgate::asset::MediaTime;
use reelgate::media::{SNIFF_BYTES, sniff};
use reelgate::play::rendition::{Plan, SourceFile, Sources, peaks};

/// Makes a rendition of a file, and its waveform.
pub fn rendition(data: &[u8]) {
    let Some(([kind, from, length], file)) = data.split_first_chunk() else { return };
    let source = || {
        let container = sniff(&file[..file.len().min(SNIFF_BYTES)]);
        let reader = Box::new(Cursor::new(file.to_vec()));
        SourceFile { reader, bytes: file.len() as u64, container }
    };
    let time = |steps: u64| MediaTime::from_millis(steps * 16);
    let (from, length) = (u64::from(*from), u64::from(*length));
    let clip = (length > 0).then(|| (time(from), time(from + length)));
    let sources = || {
        let none = Sources { clip, ..Sources::default() };
        match kind % 3 {
            0 => Sources { voice: Some(source()), ..none },
            1 => Sources { screen: Some(source()), ..none },
            _ => Sources {
                voice: Some(source()),
                screen: Some(source()),
                screen_offset_us: 100_000,
                ..none
            },
        }
    };
    let write = || {
        let plan = Plan::read(sources()).ok()?;
        let (length, mut out) = (plan.len(), Vec::new());
        let sink = &mut |bytes: &[u8]| {
            out.extend_from_slice(bytes);
            Ok(())
        };
        plan.write(sink).expect("a source that stays the same");
        assert_eq!(out.len() as u64, length);
        Some(out)
    };
    assert!(write() == write(), "two renditions of one source");
    if let Ok(points) = peaks(source()) {
        assert!(points.iter().flatten().all(|point| (0.0..=1.0).contains(point)));
    }
}
