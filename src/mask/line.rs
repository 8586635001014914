//! Puts units that come back from their tracks into the file's order again.

use std::collections::VecDeque;

use super::MaskError;
use super::track::Track;
use crate::media::MediaError;

/// Most bytes that may wait behind a unit that is not finished.
const MAX_WAITING_BYTES: u64 = 64 * 1024 * 1024;

enum Place {
    Ready(Vec<u8>),
    /// The next unit of a track.
    Unit(usize),
}

/// The file's pieces in order, some of them still with their track.
#[derive(Default)]
pub(super) struct Line {
    places: VecDeque<Place>,
    waiting: u64,
}

impl Line {
    /// Bytes that are finished.
    pub(super) fn bytes(&mut self, bytes: Vec<u8>) {
        self.waiting += bytes.len() as u64;
        self.places.push_back(Place::Ready(bytes));
    }

    /// A unit of `len` bytes that was pushed into `track`.
    pub(super) fn unit(&mut self, track: usize, len: usize) {
        self.waiting += len as u64;
        self.places.push_back(Place::Unit(track));
    }

    /// Appends to `out` whatever is finished, up to the first unit that is not.
    ///
    /// # Errors
    /// A limit when too much waits.
    pub(super) fn release(
        &mut self,
        tracks: &mut [Box<dyn Track>],
        out: &mut Vec<u8>,
    ) -> Result<(), MaskError> {
        while let Some(place) = self.places.front_mut() {
            let bytes = match place {
                Place::Ready(bytes) => std::mem::take(bytes),
                Place::Unit(track) => match tracks.get_mut(*track).and_then(|track| track.pop()) {
                    Some(bytes) => bytes,
                    None => break,
                },
            };
            self.waiting = self.waiting.saturating_sub(bytes.len() as u64);
            out.extend_from_slice(&bytes);
            self.places.pop_front();
        }
        MediaError::check(
            "the number of bytes behind an unfinished unit",
            self.waiting,
            MAX_WAITING_BYTES,
        )?;
        Ok(())
    }
}
