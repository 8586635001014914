//! Bytes that no sample of any track claims: what an editor left of a track that it took out of
//! the index. They may be speech, and are zeroed whatever the masks are.
//!
//! Boxes that are neither media data nor free space, such as `uuid` or `emsg`, keep their bytes.

use std::ops::Range;

use super::treatment::refused;
use crate::mask::MaskError;
use crate::mask::patch::Edit;
use crate::media::ReadSeek;
use crate::media::mp4::{Budget, Index, boxes, read_payload};

/// What the certificate calls them.
const NAME: &str = "bytes of no sample";

/// Where all that no sample claims is zero: media data, and free space between the boxes of the
/// file, the movie and its tracks. Sorted, not overlapping, none empty.
///
/// # Errors
/// Quarantine when there are items (ISO 14496-12 section 8.11.3): they claim media data, too.
pub(super) fn hollow(
    source: &mut dyn ReadSeek,
    index: &Index,
) -> Result<Vec<Range<u64>>, MaskError> {
    let mut budget = Budget::default();
    let mut found = Vec::new();
    let mut open: Vec<_> = index.top.iter().rev().copied().collect();
    // The last one of `open` is the next one in the file.
    while let Some(part) = open.pop() {
        match &part.kind {
            b"moov" | b"trak" => {
                let children = boxes(source, part.offset, part.end, &mut budget)?;
                open.extend(children.into_iter().rev());
            }
            b"mdat" | b"free" | b"skip" | b"wide" if !part.is_empty() => {
                found.push(part.offset..part.end);
            }
            // Their form differs between MP4 and QuickTime, the name does not.
            b"meta" | b"udta" => {
                let payload = read_payload(source, &part, &mut budget)?;
                if payload.windows(4).any(|name| name == b"iloc") {
                    let at = part.start;
                    return Err(refused(format!("items (iloc) in the box at byte {at}")));
                }
            }
            _ => {}
        }
    }
    Ok(found)
}

/// Zeroes what no sample claims.
pub(super) struct Unclaimed {
    /// Invariant: sorted, not overlapping.
    hollow: Vec<Range<u64>>,
    /// The first that does not lie wholly behind the bytes that were seen.
    next: usize,
    cleared: bool,
}

impl Unclaimed {
    pub(super) const fn new(hollow: Vec<Range<u64>>) -> Self {
        Self { hollow, next: 0, cleared: false }
    }

    /// Zeroes what is hollow of `bytes`, which no sample claims, from offset `at` on.
    pub(super) fn clear(&mut self, at: u64, bytes: &mut [u8]) {
        let end = at.saturating_add(bytes.len() as u64);
        while let Some(range) = self.hollow.get(self.next).filter(|range| range.start < end) {
            let zeros = Edit { from: range.start, to: range.end, fill: [0; 2] };
            let inside = zeros.within(at, bytes.len()).and_then(|inside| bytes.get_mut(inside));
            let inside = inside.unwrap_or_default();
            self.cleared |= inside.iter().any(|byte| *byte != 0);
            inside.fill(0);
            if range.end > end {
                break;
            }
            self.next += 1;
        }
    }

    /// What was cleared, if anything was.
    pub(super) fn name(&self) -> Option<String> {
        self.cleared.then(|| NAME.to_owned())
    }
}
