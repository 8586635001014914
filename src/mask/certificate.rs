//! What was done to one file, for the audit ledger, the manifest and the operator.

use serde::{Deserialize, Serialize};

use super::{MaskPlan, MaskWarning};
use crate::asset::{Digest, MediaTime, Span};
use crate::media::{Container, Measured};

/// A span in time and in samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SampledSpan {
    /// In time.
    #[serde(flatten)]
    pub span: Span,
    /// First sample (of every channel) inside; none in files without sound.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_sample: Option<u64>,
    /// First sample after.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_sample: Option<u64>,
}

/// The spans of a certificate in the units that the rewriter worked with.
#[derive(Debug, Clone, Default)]
pub(super) struct Scope {
    pub(super) requested: Vec<SampledSpan>,
    pub(super) silenced: Vec<SampledSpan>,
    pub(super) units_silenced: u64,
    pub(super) units_total: u64,
    pub(super) metadata_cleared: Vec<String>,
    pub(super) warnings: Vec<MaskWarning>,
}

/// Digests and length of a finished rewrite.
#[derive(Debug)]
pub(super) struct Outcome {
    /// Of source and result, where they were wanted.
    pub(super) digests: Option<(Digest, Digest)>,
    pub(super) bytes: u64,
}

/// How a file ends whose end is not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ending {
    /// The stored file ends there.
    Ended,
    /// Such a file cannot be cut: from there on it is silent or blank.
    Silenced,
    /// The upload broke off inside a coded unit, which was left out.
    Torn,
}

/// What was not kept of the end of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CutAccount {
    /// How it ends.
    pub ending: Ending,
    /// Where the ledger says that nothing is kept any more, in milliseconds of the file's time; of
    /// a torn file, where it ends.
    pub at_ms: u64,
    /// Bytes that were not kept; 0 when they were silenced.
    pub dropped_bytes: u64,
    /// Playing time that was not kept, or silenced, in milliseconds.
    pub dropped_ms: u64,
}

/// The account of one masked (or untouched) file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Certificate {
    /// The container found in the bytes.
    pub container: Container,
    /// The codec or codecs.
    pub codec: String,
    /// In Hz, of the first sound track.
    pub sample_rate: Option<u32>,
    /// Of the first sound track.
    pub channels: Option<u16>,
    /// Playing time in milliseconds, rounded up; none for a pipe whose length nothing told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
    /// What was asked for, cut to the file.
    pub requested: Vec<SampledSpan>,
    /// What is silent, guard included; samples are rounded outward.
    pub silenced: Vec<SampledSpan>,
    /// Which channels are silent, counted from 0; without it, all are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub silenced_channels: Option<Vec<u16>>,
    /// Guard on each side in milliseconds.
    pub guard_ms: u64,
    /// Coded units (frames of samples in PCM) that were silenced; 0 when no mask applied.
    pub units_silenced: u64,
    /// Coded units of the file; 0 when no mask applied, for then they were not counted.
    pub units_total: u64,
    /// Of the file as it came; both digests are left out where nobody wanted them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_sha256: Option<Digest>,
    /// Of the file as it leaves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub masked_sha256: Option<Digest>,
    /// Length of both.
    pub bytes: u64,
    /// Whether the independent check was made and held.
    pub recheck_held: bool,
    /// Remarks about the events.
    pub warnings: Vec<MaskWarning>,
    /// Descriptions of the masked sound that were cleared, by chunk.
    pub metadata_cleared: Vec<String>,
    /// Container and codec of the file that was decoded, because silence could not be written in
    /// it (`mask.fallback`); `source_sha256` is then of the decoded file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decoded_from: Option<String>,
    /// What was not kept of its end: digests and lengths are then of the shorter file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cut: Option<CutAccount>,
}

impl Certificate {
    pub(super) fn new(facts: &Measured, plan: MaskPlan, scope: Scope, outcome: Outcome) -> Self {
        Self {
            container: facts.container,
            codec: facts.codec.clone(),
            sample_rate: facts.sample_rate,
            channels: facts.channels,
            duration_ms: (facts.duration != MediaTime::MAX)
                .then(|| facts.duration.as_millis_ceil()),
            requested: scope.requested,
            silenced: scope.silenced,
            silenced_channels: plan.channels,
            guard_ms: plan.guard.as_millis_ceil(),
            units_silenced: scope.units_silenced,
            units_total: scope.units_total,
            source_sha256: outcome.digests.map(|(source, _)| source),
            masked_sha256: outcome.digests.map(|(_, masked)| masked),
            bytes: outcome.bytes,
            recheck_held: false,
            warnings: plan.warnings.into_iter().chain(scope.warnings).collect(),
            metadata_cleared: scope.metadata_cleared,
            decoded_from: None,
            cut: None,
        }
    }

    /// The same account after a [`super::Recheck`] of the result came to its end without error.
    #[must_use]
    pub fn confirmed(self) -> Self {
        Self { recheck_held: true, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asset::SpanReason;

    #[test]
    fn the_report_has_times_and_samples_and_reads_back() {
        let time = MediaTime::from_micros;
        let span = Span::new(time(3_500_000), time(4_000_500), SpanReason::Redacted).unwrap();
        let sampled = SampledSpan { span, from_sample: Some(28_000), to_sample: Some(32_004) };
        let facts = Measured {
            container: Container::Wav,
            codec: "pcm_alaw".to_owned(),
            channels: Some(1),
            sample_rate: Some(8000),
            first: MediaTime::ZERO,
            duration: time(6_000_000),
            bytes: 3,
        };
        let scope = Scope { requested: vec![sampled], silenced: vec![sampled], ..Scope::default() };
        let digest = Digest::of(b"abc");
        let outcome = Outcome { digests: Some((digest, digest)), bytes: 3 };
        let certificate = Certificate::new(&facts, MaskPlan::default(), scope, outcome).confirmed();
        let json = serde_json::to_value(&certificate).unwrap();
        let expected = serde_json::json!({
            "fromMs": 3500, "toMs": 4000.5, "reason": "redacted",
            "fromSample": 28_000, "toSample": 32_004,
        });
        assert_eq!(json["silenced"][0], expected);
        assert_eq!((&json["container"], &json["recheckHeld"]), (&"wav".into(), &true.into()));
        assert_eq!(serde_json::from_value::<Certificate>(json).unwrap(), certificate);
    }
}
