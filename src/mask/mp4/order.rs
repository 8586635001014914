//! The samples of all tracks in the order in which they lie in the file.

use std::ops::Range;

use crate::media::MediaError;
use crate::media::mp4::{Cursor, Index, Sample, SampleTable};

struct Head {
    cursor: Cursor,
    whole_chunks: bool,
    next: Option<Sample>,
}

impl Head {
    fn advance(&mut self, table: &SampleTable) -> Option<Sample> {
        let following =
            if self.whole_chunks { self.cursor.next_chunk(table) } else { self.cursor.next(table) };
        std::mem::replace(&mut self.next, following)
    }
}

/// Merges the tracks of an index, which must be the same at every step.
pub(super) struct FileOrder {
    heads: Vec<Head>,
    data: Vec<Range<u64>>,
    /// The `mdat` that holds the last sample.
    holder: usize,
    /// Where the last sample ends.
    end: u64,
}

impl FileOrder {
    /// Begins at the first sample. Tracks for which `whole_chunks` is set are given chunk by chunk.
    pub(super) fn new(index: &Index, whole_chunks: &[bool]) -> Self {
        let mut heads = Vec::with_capacity(index.tracks.len());
        for (place, track) in index.tracks.iter().enumerate() {
            let whole_chunks = whole_chunks.get(place).copied().unwrap_or(false);
            let mut head = Head { cursor: Cursor::default(), whole_chunks, next: None };
            head.advance(&track.table);
            heads.push(head);
        }
        let data = index.top.iter().filter(|part| &part.kind == b"mdat");
        let data = data.map(|part| part.offset..part.end).collect();
        Self { heads, data, holder: 0, end: 0 }
    }

    /// The next sample that is not empty, and the place of its track.
    ///
    /// # Errors
    /// Malformed when it overlaps the one before, lies before it, or outside the media data.
    pub(super) fn next(&mut self, index: &Index) -> Result<Option<(usize, Sample)>, MediaError> {
        loop {
            let heads = self.heads.iter().enumerate();
            let lowest = heads.filter_map(|(place, head)| Some((head.next?.offset, place))).min();
            let Some((at, place)) = lowest else { return Ok(None) };
            let (Some(head), Some(track)) = (self.heads.get_mut(place), index.tracks.get(place))
            else {
                return Ok(None);
            };
            let Some(sample) = head.advance(&track.table) else { return Ok(None) };
            if sample.len == 0 {
                continue;
            }
            if at < self.end {
                return Err(MediaError::malformed("samples overlap or are out of order", at));
            }
            let outside = || MediaError::malformed("a sample lies outside the media data", at);
            let end = at.checked_add(sample.len).ok_or_else(outside)?;
            while self.data.get(self.holder).is_some_and(|data| data.end <= at) {
                self.holder += 1;
            }
            let holder = self.data.get(self.holder);
            holder.filter(|data| data.start <= at && end <= data.end).ok_or_else(outside)?;
            self.end = end;
            return Ok(Some((place, sample)));
        }
    }
}
