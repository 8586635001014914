//! Times of sound: rounded in the container, exact by counting.

use crate::asset::MediaTime;
use crate::mask::MaskPlan;
use crate::mask::ticks::TickSpans;
use crate::media::Measured;
use crate::media::matroska::TrackEntry;

/// How many timestamp units the container's time may differ from the counted one. Twice as much
/// as rounding can make: once in the track's first block, once in the block itself.
const TOLERANCE_UNITS: u64 = 2;
/// Earliest time of a block relative to its cluster, in timestamp units.
const EARLIEST_UNITS: i128 = 1 << 15;
const NS_PER_SECOND: i128 = 1_000_000_000;

/// Ticks of the container's times, which begin so early that no block comes before tick 0.
#[derive(Debug, Clone, Copy)]
pub(super) struct TickRate {
    rate: u32,
    bias_ns: i128,
}

impl TickRate {
    /// The tick of a time in nanoseconds.
    pub(super) fn tick(self, time_ns: i128) -> u64 {
        in_ticks(time_ns.saturating_add(self.bias_ns), self.rate)
    }
}

/// Gives every frame of one track its first tick.
pub(super) struct Clock {
    ticks: TickRate,
    tolerance: u64,
    next: Option<u64>,
}

impl Clock {
    /// A clock of `rate` ticks per second for timestamp units of `scale` nanoseconds.
    pub(super) fn new(rate: u32, scale: u64) -> Self {
        let bias_ns = EARLIEST_UNITS * i128::from(scale);
        let tolerance = in_ticks(i128::from(scale.saturating_mul(TOLERANCE_UNITS)), rate);
        let ticks = TickRate { rate, bias_ns };
        Self { ticks, tolerance: tolerance.saturating_add(1), next: None }
    }

    /// How the container's times become ticks.
    pub(super) const fn ticks(&self) -> TickRate {
        self.ticks
    }

    /// The first tick of a frame that plays `ticks`, and begins about at `hint`: the count goes
    /// on, unless it strayed too far from the container's times.
    pub(super) fn place(&mut self, hint: Option<u64>, ticks: u64) -> u64 {
        let counted =
            self.next.filter(|next| hint.is_none_or(|hint| hint.abs_diff(*next) <= self.tolerance));
        let from = counted.or(hint).unwrap_or(0);
        self.next = Some(from.saturating_add(ticks));
        from
    }

    /// The plan's spans on this clock, wider by as much as the count may be wrong. `CodecDelay`
    /// is what players subtract from the container's times.
    pub(super) fn spans(&self, plan: &MaskPlan, facts: &Measured, entry: &TrackEntry) -> TickSpans {
        let rate = self.ticks.rate;
        let origin = self.ticks.tick(i128::from(entry.codec_delay_ns));
        let wider = u128::from(self.tolerance + 1) * 1_000_000;
        let wider = u64::try_from(wider.div_ceil(u128::from(rate.max(1)))).unwrap_or(u64::MAX);
        let wider = MediaTime::from_micros(wider);
        let mut plan = plan.clone();
        for span in &mut plan.silenced {
            span.from = span.from.saturating_sub(wider);
            span.to = span.to.saturating_add(wider);
        }
        TickSpans::new(&plan, facts, rate, i64::try_from(origin).unwrap_or(i64::MAX))
    }
}

fn in_ticks(time_ns: i128, rate: u32) -> u64 {
    let ticks = time_ns.saturating_mul(i128::from(rate)).div_euclid(NS_PER_SECOND);
    u64::try_from(ticks.max(0)).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_count_goes_on_through_rounded_times_and_jumps_over_gaps() {
        let mut clock = Clock::new(44_100, 1_000_000);
        let ticks = clock.ticks();
        let start = ticks.tick(0);
        // Frames of 1024 ticks are 23.22 ms long.
        let mut place = |ms: i128| {
            let hint = ticks.tick(ms * 1_000_000);
            clock.place(Some(hint), 1024) - start
        };
        assert_eq!([place(0), place(23), place(46), place(70)], [0, 1024, 2048, 3072]);
        assert_eq!([place(200), place(223)], [8820, 9844]);
        assert_eq!(place(100), 4410);
        assert_eq!(clock.place(None, 10) - start, 5434);
        assert_eq!(Clock::new(8000, 1000).ticks().tick(-32_768_000), 0);
    }
}
