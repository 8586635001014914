//! Stretches of media time.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A position on a media timeline, in microseconds from its first sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct MediaTime(u64);

impl MediaTime {
    /// The first sample.
    pub const ZERO: Self = Self(0);

    /// Later than any end; stands for "to the end" where that is not known.
    pub const MAX: Self = Self(u64::MAX);

    /// From microseconds.
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// From milliseconds; saturates.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis.saturating_mul(1000))
    }

    /// In microseconds.
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// In milliseconds, rounded down.
    pub const fn as_millis(self) -> u64 {
        self.0 / 1000
    }

    /// In milliseconds, rounded up.
    pub const fn as_millis_ceil(self) -> u64 {
        self.0.div_ceil(1000)
    }

    /// Later by `other`; saturates.
    #[must_use]
    pub const fn saturating_add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    /// Earlier by `other`; never before zero.
    #[must_use]
    pub const fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl fmt::Display for MediaTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:06} s", self.0 / 1_000_000, self.0 % 1_000_000)
    }
}

/// Why a span must not be heard or seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SpanReason {
    /// Between `paused` and `resume`.
    Paused,
    /// `paused` without a later `resume`: silent to the end (R9).
    PausedToEnd,
    /// `resume` before any `paused`: silent from the start (R9).
    ResumedFromStart,
    /// Do-not-record, or after a stop.
    NotRecorded,
    /// Asked for by an operator.
    Redacted,
}

/// A half-open stretch `[from, to)` of a media timeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// First instant inside.
    pub from: MediaTime,
    /// First instant after. Invariant: not before `from`.
    pub to: MediaTime,
    /// Why.
    pub reason: SpanReason,
}

impl Span {
    /// A span, if `from` is before `to`.
    pub fn new(from: MediaTime, to: MediaTime, reason: SpanReason) -> Option<Self> {
        (from < to).then_some(Self { from, to, reason })
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct SpanJson {
    from_ms: f64,
    to_ms: f64,
    reason: SpanReason,
}

impl Serialize for Span {
    /// `{"fromMs","toMs","reason"}`; whole milliseconds are written without a fraction.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct as _;

        let mut out = serializer.serialize_struct("Span", 3)?;
        for (name, time) in [("fromMs", self.from), ("toMs", self.to)] {
            let micros = time.as_micros();
            if micros % 1000 == 0 {
                out.serialize_field(name, &(micros / 1000))?;
            } else {
                #[expect(clippy::cast_precision_loss, reason = "2^53 us are 285 years of media")]
                out.serialize_field(name, &(micros as f64 / 1000.0))?;
            }
        }
        out.serialize_field("reason", &self.reason)?;
        out.end()
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let json = SpanJson::deserialize(deserializer)?;
        let micros = |millis: f64| {
            if !millis.is_finite() || !(0.0..=9.0e12).contains(&millis) {
                return Err(serde::de::Error::custom("a span time is 0 to 9e12 milliseconds"));
            }
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "range checked"
            )]
            Ok(MediaTime::from_micros((millis * 1000.0).round() as u64))
        };
        Self::new(micros(json.from_ms)?, micros(json.to_ms)?, json.reason)
            .ok_or_else(|| serde::de::Error::custom("a span ends after it begins"))
    }
}
