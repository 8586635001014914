//! Sizes of silent frames that no longer follow the loudness of what they held.

use std::collections::VecDeque;

use super::side_fields::set_main_data_begin;
use crate::media::mp3::FrameHeader;

/// Most frames that swap sizes: 13 s at 44.1 kHz, 740 kB at the highest rates.
pub(super) const MAX_RUN_FRAMES: usize = 512;

/// Silent frames in a row without kept main data in them. Their sizes are put in order: the sum
/// stays, and with it the place of every kept frame.
#[derive(Default)]
pub(super) struct Run {
    frames: Vec<(Vec<u8>, FrameHeader)>,
    /// Where the first one's payload begins in the main data.
    start: u64,
    /// Where kept main data ended before them.
    kept_end: u64,
}

impl Run {
    /// Adds a frame whose payload begins at `place.0` of the main data, and before which kept main
    /// data ended at `place.1`. Finished frames go to `done`.
    pub(super) fn push(
        &mut self,
        frame: Vec<u8>,
        header: FrameHeader,
        place: (u64, u64),
        done: &mut VecDeque<Vec<u8>>,
    ) {
        let alike = self.frames.first().is_none_or(|(_, first)| {
            first.payload_at() == header.payload_at() && place.1 == self.kept_end
        });
        let whole = header.frame_len() == Some(frame.len());
        if !alike || !whole || self.frames.len() >= MAX_RUN_FRAMES {
            self.flush(done);
        }
        if !whole {
            done.push_back(frame);
            return;
        }
        if self.frames.is_empty() {
            (self.start, self.kept_end) = place;
        }
        self.frames.push((frame, header));
    }

    /// Gives out the frames, the longest first.
    pub(super) fn flush(&mut self, done: &mut VecDeque<Vec<u8>>) {
        let mut sizes: Vec<FrameHeader> = self.frames.iter().map(|(_, header)| *header).collect();
        let rate =
            |header: &FrameHeader| header.frame_len().unwrap_or(0).saturating_sub(header.padding());
        let first = sizes.first().map(rate);
        if sizes.iter().all(|header| Some(rate(header)) == first) {
            done.extend(self.frames.drain(..).map(|(frame, _)| frame));
            return;
        }
        sizes.sort_by_key(|header| std::cmp::Reverse(header.frame_len()));
        let mut begin = self.start;
        for ((mut frame, own), size) in self.frames.drain(..).zip(sizes) {
            let header = own.sized_as(size);
            let len = header.frame_len().unwrap_or(0);
            frame.resize(len, 0);
            if let Some(head) = frame.first_chunk_mut() {
                *head = header.to_bytes();
            }
            set_main_data_begin(&mut frame, header, begin.saturating_sub(self.kept_end));
            begin = begin.saturating_add(len.saturating_sub(header.payload_at()) as u64);
            done.push_back(frame);
        }
    }
}
