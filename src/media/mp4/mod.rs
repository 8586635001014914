//! ISO base media (ISO 14496-12): MP4, M4A, 3GP and QuickTime, progressive and fragmented.
//!
//! [`Index`] is what a file says of its samples: where each lies, when it plays, and which bytes of
//! the file say so. It is read from the boxes alone; no sample is touched.

mod boxes;
mod edits;
mod entry;
mod fields;
mod fragment;
mod index;
mod measure;
mod samples;
mod stbl;

pub use boxes::{Mp4Box, boxes, boxes_in, read_payload};
pub use edits::Edit;
pub use entry::{ElementaryStream, SampleEntry, SoundEntry};
pub use fields::Fields;
pub use fragment::{Fragment, RunEntry, TrackDefaults, TrackRun};
pub use index::{Index, TrackIndex};
pub(super) use measure::{check_plays_through, measure};
pub use samples::{ChunkRun, Sizes, append};
pub use samples::{Cursor, Run, Sample, SampleTable, SizeFields};

use super::MediaError;

/// Most boxes looked at. A day of one-second fragments has 172,800 at the top.
const MAX_BOXES: u64 = 2_000_000;
/// Most tracks.
const MAX_TRACKS: u64 = 64;
/// Most bytes of boxes that are read into memory. Twelve hours of 20 ms frames have 9 MB of sizes
/// and, with a chunk for each, 17 MB of offsets.
pub const MAX_INDEX_BYTES: u64 = 96 * 1024 * 1024;
/// Most samples that are listed one by one, over all tracks: a day of 20 ms frames, and its
/// pictures. Tiny samples without end would otherwise fill the memory.
pub const MAX_SAMPLES: u64 = 6_000_000;

/// What may still be read of one file.
#[derive(Debug, Clone)]
pub struct Budget {
    boxes: u64,
    bytes: u64,
    samples: u64,
}

impl Default for Budget {
    fn default() -> Self {
        Self { boxes: MAX_BOXES, bytes: MAX_INDEX_BYTES, samples: MAX_SAMPLES }
    }
}

impl Budget {
    fn spend_box(&mut self) -> Result<(), MediaError> {
        let left = self.boxes.checked_sub(1);
        self.boxes = left.ok_or(MediaError::Limit {
            what: "the number of boxes",
            limit: MAX_BOXES,
            found: MAX_BOXES + 1,
        })?;
        Ok(())
    }

    fn spend_bytes(&mut self, bytes: u64) -> Result<(), MediaError> {
        let left = self.bytes.checked_sub(bytes);
        self.bytes = left.ok_or(MediaError::Limit {
            what: "the size of the sample tables",
            limit: MAX_INDEX_BYTES,
            found: (MAX_INDEX_BYTES - self.bytes).saturating_add(bytes),
        })?;
        Ok(())
    }

    fn spend_samples(&mut self, samples: u64) -> Result<(), MediaError> {
        let left = self.samples.checked_sub(samples);
        self.samples = left.ok_or(MediaError::Limit {
            what: "the number of samples",
            limit: MAX_SAMPLES,
            found: (MAX_SAMPLES - self.samples).saturating_add(samples),
        })?;
        Ok(())
    }
}
