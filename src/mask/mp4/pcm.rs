//! Sound without frames: bytes are filled, and nothing else changes.

use super::rewrite::Changes;
use crate::mask::patch::Edit;
use crate::mask::ticks::TickSpans;
use crate::mask::unit::Reach;
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
        if whole_chunks {
            for (from, to) in frames(&sample, spans) {
                changes.scope.units_silenced += to - from;
                let frame = sample.len / u64::from(sample.count.max(1));
                let at = |frames: u64| sample.offset.saturating_add(frames.saturating_mul(frame));
                changes.fill(Edit { from: at(from), to: at(to), fill: [byte; 2] });
            }
        } else {
            let end = sample.dts.saturating_add(sample.duration);
            if spans.touch(sample.dts, end, Reach::default()) {
                changes.scope.units_silenced += 1;
                let to = sample.offset.saturating_add(sample.len);
                changes.fill(Edit { from: sample.offset, to, fill: [byte; 2] });
            }
        }
    }
}

/// The frames of a chunk that play in the spans: first, and first after.
fn frames(chunk: &Sample, spans: &TickSpans) -> Vec<(u64, u64)> {
    let count = i128::from(chunk.count);
    let each = i128::from(chunk.duration) / count.max(1);
    let (start, end) = (i128::from(chunk.dts), i128::from(chunk.dts) + i128::from(chunk.duration));
    let ranges = spans.ranges();
    let first = ranges.partition_point(|span| span.1 <= start);
    let mut found = Vec::new();
    let mut done = 0;
    for (from, to) in ranges.iter().skip(first).take_while(|span| span.0 < end) {
        if each == 0 {
            return vec![(0, u64::from(chunk.count))];
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
