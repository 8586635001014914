//! Sound without frames: bytes are filled, and nothing else changes.

use super::rewrite::Changes;
use crate::mask::patch::Edit;
use crate::mask::ticks::TickSpans;
use crate::media::mp4::{Cursor, Sample, SampleTable};

/// Fills what plays in `spans` with `byte`.
pub(super) fn fill(
    table: &SampleTable,
    whole_chunks: bool,
    byte: u8,
    spans: &TickSpans,
    changes: &mut Changes,
) {
    changes.scope.units_total += u64::from(table.count());
    let mut cursor = Cursor::default();
    loop {
        let next = if whole_chunks { cursor.next_chunk(table) } else { cursor.next(table) };
        let Some(sample) = next else { break };
        let frames = Frames::of(&sample);
        for (from, to) in frames.touched(spans) {
            changes.scope.units_silenced += if whole_chunks { to - from } else { 1 };
            let at = |frame: u64| {
                sample.offset.saturating_add(frame.saturating_mul(frames.size)).min(frames.end)
            };
            changes.fill(Edit { from: at(from), to: at(to), fill: [byte; 2] });
        }
    }
}

/// The frames of one sample or chunk.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frames {
    /// Decoding time of the first, in media ticks.
    start: u64,
    count: u64,
    /// Media ticks of each.
    pub(super) each: u64,
    /// Bytes of each. Invariant: not 0.
    pub(super) size: u64,
    /// Offset in the file after the last.
    end: u64,
}

impl Frames {
    /// A chunk has its samples as frames. A sample that is as many frames as it lasts ticks has
    /// those (fragments are written so); any other is one.
    pub(super) fn of(sample: &Sample) -> Self {
        let ticks = sample.duration;
        let count = if sample.count == 1 && ticks > 0 && sample.len.is_multiple_of(ticks) {
            ticks
        } else {
            u64::from(sample.count.max(1))
        };
        let end = sample.offset.saturating_add(sample.len);
        let size = (sample.len / count).max(1);
        Self { start: sample.dts, count, each: ticks / count, size, end }
    }

    /// The frames that play in the spans: first, and first after.
    fn touched(&self, spans: &TickSpans) -> Vec<(u64, u64)> {
        let (count, each) = (i128::from(self.count), i128::from(self.each));
        let start = i128::from(self.start);
        let end = start + count * each.max(1);
        let ranges = spans.ranges();
        let first = ranges.partition_point(|span| span.1 <= start);
        let mut found = Vec::new();
        let mut done = 0;
        for (from, to) in ranges.iter().skip(first).take_while(|span| span.0 < end) {
            if each == 0 {
                return vec![(0, self.count)];
            }
            let from = ((*from).max(start) - start).div_euclid(each);
            let to = ((*to).min(end) - start + each - 1).div_euclid(each);
            let (from, to) = (from.max(done), to.min(count));
            if from < to {
                let place = |frame: i128| u64::try_from(frame).unwrap_or(0);
                found.push((place(from), place(to)));
                done = to;
            }
        }
        found
    }
}
