//! The plan's spans on the clock of one coding.

use super::MaskPlan;
use super::certificate::SampledSpan;
use super::unit::Reach;
use crate::asset::{MediaTime, Span};
use crate::media::Measured;

/// Spans in ticks. Invariant: sorted.
#[derive(Debug, Clone, Default)]
pub(super) struct TickSpans {
    spans: Vec<(i128, i128)>,
}

impl TickSpans {
    /// The spans of `plan` at `rate` ticks per second, rounded outward. What plays at time 0 is
    /// tick `origin`: encoder delay and pre-skip make it positive, an initial gap negative.
    ///
    /// A span from the start covers what comes before time 0 too, and one up to the measured end
    /// all that comes after it.
    pub(super) fn new(plan: &MaskPlan, facts: &Measured, rate: u32, origin: i64) -> Self {
        let tick = |micros: u64| i128::from(micros) * i128::from(rate);
        let origin = i128::from(origin);
        let scaled = plan.silenced.iter().map(|span| {
            let from = tick(span.from.as_micros()).div_euclid(1_000_000) + origin;
            let to = (tick(span.to.as_micros()) + 999_999).div_euclid(1_000_000) + origin;
            let from = if span.from == MediaTime::ZERO { i128::MIN } else { from };
            (from, if span.to >= facts.duration { i128::MAX } else { to })
        });
        Self { spans: scaled.collect() }
    }

    /// Spans that a container mapped to its own clock; they may overlap.
    pub(super) fn of(mut ranges: Vec<(i128, i128)>) -> Self {
        ranges.sort_unstable();
        let mut spans: Vec<(i128, i128)> = Vec::with_capacity(ranges.len());
        for (from, to) in ranges.into_iter().filter(|range| range.0 < range.1) {
            match spans.last_mut() {
                Some(last) if from <= last.1 => last.1 = last.1.max(to),
                _ => spans.push((from, to)),
            }
        }
        Self { spans }
    }

    /// The spans, in order.
    pub(super) fn ranges(&self) -> &[(i128, i128)] {
        &self.spans
    }

    /// The end of the last span that has a tick of `from..=to`.
    pub(super) fn end_within(&self, from: i128, to: i128) -> Option<i128> {
        let begun = self.spans.partition_point(|span| span.0 <= to);
        let last = self.spans.get(begun.checked_sub(1)?)?;
        Some(last.1).filter(|end| *end > from)
    }

    /// Whether a unit that plays the ticks `[from, to)` is heard inside a span.
    pub(super) fn touch(&self, from: u64, to: u64, reach: Reach) -> bool {
        let from = i128::from(from) - i128::from(reach.before);
        let to = i128::from(to) + i128::from(reach.after);
        let first = self.spans.partition_point(|span| span.1 <= from);
        self.spans.get(first).is_some_and(|span| span.0 < to)
    }
}

/// First and last sample of a span at `rate`, if there is one, rounded outward; for the certificate.
pub(super) fn in_samples(span: Span, rate: Option<u32>) -> SampledSpan {
    let scaled = |micros: u64, rate: u32| u128::from(micros) * u128::from(rate);
    let whole = |samples: u128| u64::try_from(samples).unwrap_or(u64::MAX);
    SampledSpan {
        span,
        from_sample: rate.map(|rate| whole(scaled(span.from.as_micros(), rate) / 1_000_000)),
        to_sample: rate.map(|rate| whole(scaled(span.to.as_micros(), rate).div_ceil(1_000_000))),
    }
}

/// Decides unit by unit, in order, what is silenced.
#[derive(Debug, Clone)]
pub(super) struct Chooser {
    spans: TickSpans,
    reach: Reach,
    /// Units that are still to be silenced after the last one that touched a span.
    owed: u32,
}

impl Chooser {
    pub(super) const fn new(spans: TickSpans, reach: Reach) -> Self {
        Self { spans, reach, owed: 0 }
    }

    /// Whether the unit that plays `[from, to)` is silenced. To be called for every unit, in order.
    pub(super) fn choose(&mut self, from: u64, to: u64) -> bool {
        if self.spans.touch(from, to, self.reach) {
            self.owed = self.reach.units_after;
            return true;
        }
        let owed = self.owed > 0;
        self.owed = self.owed.saturating_sub(1);
        owed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asset::SpanReason;
    use crate::media::Container;

    #[test]
    fn units_that_reach_into_a_span_are_chosen_and_one_more() {
        let time = MediaTime::from_millis;
        let span = Span::new(time(100), time(200), SpanReason::Redacted).unwrap();
        let plan = MaskPlan::from_spans(&[span], time(1000), MediaTime::ZERO).unwrap();
        let facts = Measured {
            container: Container::Amr,
            codec: String::new(),
            channels: None,
            sample_rate: None,
            first: MediaTime::ZERO,
            duration: time(1000),
            bytes: 0,
        };
        // 100 ms are ticks 800 to 1600, and 40 more are skipped at the start.
        let chosen = |units_after| {
            let reach = Reach { before: 0, after: 10, units_after };
            let mut chooser = Chooser::new(TickSpans::new(&plan, &facts, 8000, 40), reach);
            let units = (0..20).filter(|unit| chooser.choose(unit * 160, unit * 160 + 160));
            units.collect::<Vec<u64>>()
        };
        assert_eq!(chosen(0), [5, 6, 7, 8, 9, 10]);
        assert_eq!(chosen(1), [5, 6, 7, 8, 9, 10, 11]);
        let exact = Chooser::new(TickSpans::new(&plan, &facts, 8000, -800), Reach::default());
        assert!(exact.spans.touch(0, 160, Reach::default()));
        assert!(!exact.spans.touch(800, 960, Reach::default()));
    }
}
