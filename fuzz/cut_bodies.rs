//! The fuzz body of the cut: a file of any container that can be cut, ended at any place.
//!
//! The first byte chooses the container, the next two the place; the rest is the file. What is kept
//! must be read the same in any portions, must not be longer than the file, and must be cut or
//! refused again without a panic.

use std::io::{Cursor, Read as _};

use reelgate::asset::MediaTime;
use reelgate::mask::{CutFound, find_cut};
use reelgate::media::{Container, measure};

const CONTAINERS: [Container; 8] = [
    Container::Wav,
    Container::Rf64,
    Container::Mp3,
    Container::Ogg,
    Container::Flac,
    Container::Adts,
    Container::Amr,
    Container::Gsm,
];

/// Cuts a file, and what was kept of it once more.
pub fn cut(data: &[u8]) {
    let Some(([container, high, low], file)) = data.split_first_chunk() else { return };
    let container = CONTAINERS[usize::from(*container) % CONTAINERS.len()];
    let at = MediaTime::from_millis(u64::from(u16::from_be_bytes([*high, *low])) / 16);
    let Ok(CutFound::Kept(kept)) =
        find_cut(&mut Cursor::new(file), container, file.len() as u64, at)
    else {
        return;
    };
    let read = |step: usize| {
        let mut reader = kept.clone().reader(Cursor::new(file));
        let (mut out, mut buffer) = (Vec::new(), vec![0; step]);
        loop {
            match reader.read(&mut buffer).expect("bytes in memory") {
                0 => return out,
                got => out.extend_from_slice(&buffer[..got]),
            }
        }
    };
    let short = read(4096);
    assert!(short == read(13), "the portions made a difference");
    assert_eq!(short.len() as u64, kept.len());
    // A byte of padding and the numbers of a header are all that is new.
    assert!(short.len() <= file.len() + 1);
    let bytes = short.len() as u64;
    let _ = find_cut(&mut Cursor::new(&short), container, bytes, at);
    let _ = measure(Box::new(Cursor::new(short)), bytes, container);
}
