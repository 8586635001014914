//! What must be silent in one file.

use serde::{Deserialize, Serialize};

use super::cut::LAST_GUARD;
use super::{MaskError, QuarantineReason};
use crate::asset::{MediaTime, Span, SpanReason};

/// Silence added before and after each mask for the clocks of desktops and recorders, which differ
/// (R10).
pub const DEFAULT_GUARD: MediaTime = MediaTime::from_millis(500);

/// What an operator should know about the events of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WarningCode {
    /// `paused` without a later `resume`: silent to the end.
    PausedToEnd,
    /// `resume` before any `paused`: silent from the start.
    ResumedFromStart,
    /// `resume` earlier than the `paused` it follows in the document: not used.
    ResumeBeforePause,
    /// `resume` while nothing was paused: not used.
    ResumeIgnored,
    /// `paused` while already paused: not used.
    PauseIgnored,
    /// A mask reaches beyond the file and was cut there.
    MaskClamped,
    /// Pauses may be in the file or cut out; both places are silent.
    TimelineUncertain,
    /// Stop minus start is far from the duration, so that drift cannot be told.
    ClockMismatch,
    /// As before, by quarters of an hour: a time zone is wrong somewhere (R16).
    TimezoneSlip,
    /// No key frame follows a mask: the pictures are gone up to the end.
    VideoLostToEnd,
}

/// One remark for the operator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MaskWarning {
    /// Stable.
    pub code: WarningCode,
    /// Which event, which time.
    pub text: String,
}

/// The spans of one file, asked for and applied.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MaskPlan {
    /// As asked for, cut to the file. Invariant: sorted, and neither overlapping nor touching.
    pub requested: Vec<Span>,
    /// With the guard. Invariant: sorted, within the file, and neither overlapping nor touching.
    pub silenced: Vec<Span>,
    /// The guard on each side.
    #[serde(rename = "guardMs", serialize_with = "as_millis")]
    pub guard: MediaTime,
    /// Which channels fall silent, counted from 0; without it, all do. Invariant: sorted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channels: Option<Vec<u16>>,
    /// From where on nothing of the file is kept; it is silent there, too. Whoever can shortens
    /// the file ([`super::find_cut`]).
    #[serde(skip)]
    pub dropped: Option<MediaTime>,
    /// Remarks for the operator.
    pub warnings: Vec<MaskWarning>,
}

fn as_millis<S: serde::Serializer>(time: &MediaTime, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(time.as_millis_ceil())
}

impl MaskPlan {
    /// A plan for a file that lasts `duration`. An end beyond the file is cut to it.
    ///
    /// # Errors
    /// Quarantine when a span begins at or after the end of the file.
    pub fn from_spans(
        spans: &[Span],
        duration: MediaTime,
        guard: MediaTime,
    ) -> Result<Self, MaskError> {
        Self::assemble(spans, Vec::new(), duration, guard)
    }

    /// As [`MaskPlan::from_spans`]; what is `doubtful` is silent too, but was not asked for.
    /// Invariant: it lies within the file.
    pub(super) fn assemble(
        spans: &[Span],
        doubtful: Vec<Span>,
        duration: MediaTime,
        guard: MediaTime,
    ) -> Result<Self, MaskError> {
        let mut requested = Vec::with_capacity(spans.len());
        for span in spans {
            let cut = Span::new(span.from, span.to.min(duration), span.reason);
            requested.push(cut.ok_or_else(|| {
                let detail = format!("{} is not before the end at {duration}", span.from);
                MaskError::quarantine(QuarantineReason::MaskOutsideMedia, detail)
            })?);
        }
        let requested = merge(requested);
        let widened = requested.iter().chain(&doubtful).map(|span| Span {
            from: span.from.saturating_sub(guard),
            to: span.to.saturating_add(guard).min(duration),
            reason: span.reason,
        });
        let silenced = merge(widened.collect());
        Ok(Self { requested, silenced, guard, ..Self::default() })
    }

    /// Whether nothing of the file would be heard but what lies within the guard of its end, or
    /// not even that.
    pub fn keeps_nothing(&self) -> bool {
        self.dropped.is_some_and(|from| from.saturating_sub(self.guard) == MediaTime::ZERO)
    }

    /// The plan of the file that ends at `duration` because the rest is not kept. A little before
    /// the end is silent whatever the guard.
    #[must_use]
    pub fn ending_at(self, duration: MediaTime) -> Self {
        let within = |spans: Vec<Span>| -> Vec<Span> {
            let cut = |span: Span| Span::new(span.from, span.to.min(duration), span.reason);
            spans.into_iter().filter_map(cut).collect()
        };
        let mut silenced = within(self.silenced);
        let last = duration.saturating_sub(LAST_GUARD);
        silenced.extend(Span::new(last, duration, SpanReason::NotRecorded));
        let (requested, silenced) = (within(self.requested), merge(silenced));
        // Where the file ends, all channels do.
        Self { requested, silenced, dropped: None, ..self }
    }

    /// The same plan for some channels only, counted from 0 in the file's order. Formats that code
    /// channels together refuse it.
    #[must_use]
    pub fn with_channels(mut self, mut channels: Vec<u16>) -> Self {
        channels.sort_unstable();
        channels.dedup();
        self.channels = Some(channels);
        self
    }

    /// True when nothing is to be silenced.
    pub fn is_empty(&self) -> bool {
        self.silenced.is_empty()
    }
}

/// Sorts, and joins what overlaps or touches. A joined span keeps the reason of its first part.
fn merge(mut spans: Vec<Span>) -> Vec<Span> {
    spans.sort_by_key(|span| (span.from, span.to));
    let mut merged: Vec<Span> = Vec::with_capacity(spans.len());
    for span in spans {
        match merged.last_mut() {
            Some(last) if span.from <= last.to => last.to = last.to.max(span.to),
            _ => merged.push(span),
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asset::SpanReason;

    fn span(from: u64, to: u64) -> Span {
        let time = MediaTime::from_millis;
        Span::new(time(from), time(to), SpanReason::Redacted).unwrap()
    }

    #[test]
    fn guards_widen_clamp_and_merge() {
        let guard = DEFAULT_GUARD;
        let end = MediaTime::from_millis(10_000);
        let spans = [span(5000, 6000), span(200, 300), span(6800, 7000), span(9900, 20_000)];
        let plan = MaskPlan::from_spans(&spans, end, guard).unwrap();
        assert_eq!(plan.requested.len(), 4);
        assert_eq!(plan.silenced, [span(0, 800), span(4500, 7500), span(9400, 10_000)]);
        let error = MaskPlan::from_spans(&[span(10_000, 11_000)], end, guard).unwrap_err();
        assert_eq!(error.reason(), Some(QuarantineReason::MaskOutsideMedia));
        assert!(MaskPlan::from_spans(&[], end, guard).unwrap().is_empty());
    }
}
