//! The one way to silence any format, and the choice of the rewriter.

use super::certificate::{Outcome, Scope};
use super::digests::Digests;
use super::patch::Patcher;
use super::ticks::in_samples;
use super::{
    Certificate, MaskError, MaskPlan, QuarantineReason, aac, amr, flac, gsm, matroska, mp3, mp4,
    ogg, wav,
};
use crate::asset::Span;
use crate::media::{Container, Measured, ReadSeek};

/// What one format does; [`Silencer`] keeps the account.
///
/// The output is as long as the input. A call may hold bytes back and give them out later.
pub(super) trait Rewrite: Send {
    /// Takes the next bytes of the file, and appends masked bytes to `out`.
    ///
    /// # Errors
    /// [`MaskError`]; the output is then to be thrown away.
    fn push(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<(), MaskError>;

    /// How many of the next bytes leave as they are, with nothing before them held back.
    fn untouched(&self) -> u64 {
        0
    }

    /// Steps over `len` of the [`Rewrite::untouched`] bytes.
    fn pass(&mut self, _len: u64) {}

    /// Ends the file: appends what was held back, and says what was done.
    ///
    /// # Errors
    /// As [`Rewrite::push`].
    fn finish(&mut self, out: &mut Vec<u8>) -> Result<Scope, MaskError>;
}

/// Rewrites one file as it streams through, in bounded memory.
pub struct Silencer {
    rewrite: Box<dyn Rewrite>,
    facts: Measured,
    plan: MaskPlan,
    taken: u64,
    given: u64,
    digests: Option<Digests>,
}

impl Silencer {
    fn new(rewrite: Box<dyn Rewrite>, facts: &Measured, plan: &MaskPlan) -> Self {
        let (facts, plan) = (facts.clone(), plan.clone());
        let digests = Some(Digests::default());
        Self { rewrite, facts, plan, taken: 0, given: 0, digests }
    }

    /// The same without digests in the certificate, for whoever does not look at them: they cost
    /// more than the masking of PCM does.
    #[must_use]
    pub fn without_digests(self) -> Self {
        Self { digests: None, ..self }
    }

    /// Takes the next bytes of the file, and appends masked bytes to `out`, now or later.
    ///
    /// # Errors
    /// [`MaskError::Length`] when more comes than the file was announced to have, and whatever
    /// keeps the format from being silenced; the output is then to be thrown away.
    pub fn push(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<(), MaskError> {
        let (expected, found) = (self.facts.bytes, self.taken.saturating_add(input.len() as u64));
        if found > expected {
            return Err(MaskError::Length { expected, found });
        }
        let before = out.len();
        let rewrite = &mut self.rewrite;
        match &mut self.digests {
            None => rewrite.push(input, out)?,
            Some(digests) => digests.along(input, || {
                rewrite.push(input, out)?;
                Ok::<_, MaskError>(out.get(before..).unwrap_or_default())
            })?,
        }
        self.taken = found;
        self.given = self.given.saturating_add(out.len().saturating_sub(before) as u64);
        Ok(())
    }

    /// How many of the next bytes leave as they are, when nobody asked for digests of them.
    pub(super) fn untouched(&self) -> u64 {
        if self.digests.is_some() {
            return 0;
        }
        self.rewrite.untouched().min(self.facts.bytes.saturating_sub(self.taken))
    }

    /// Steps over `len` of the [`Silencer::untouched`] bytes.
    pub(super) fn pass(&mut self, len: u64) {
        self.rewrite.pass(len);
        self.taken = self.taken.saturating_add(len);
        self.given = self.given.saturating_add(len);
    }

    /// Ends the file: appends what was held back, and accounts for what was done.
    ///
    /// # Errors
    /// [`MaskError::Length`] when the file ended early; else as [`Silencer::push`].
    pub fn finish(mut self, out: &mut Vec<u8>) -> Result<Certificate, MaskError> {
        let bytes = self.taken;
        let open_end = self.facts.bytes == Measured::OPEN_END;
        if bytes != self.facts.bytes && !open_end {
            return Err(MaskError::Length { expected: self.facts.bytes, found: bytes });
        }
        let before = out.len();
        let mut scope = self.rewrite.finish(out)?;
        let last = out.get(before..).unwrap_or_default();
        let given = self.given.saturating_add(last.len() as u64);
        if given != bytes {
            return Err(MaskError::Length { expected: bytes, found: given });
        }
        if scope.units_silenced == 0 && !self.plan.is_empty() {
            let detail = "no unit of the file lies in a mask";
            return Err(MaskError::quarantine(QuarantineReason::MaskOutsideMedia, detail));
        }
        if scope.silenced.is_empty() {
            let rate = self.facts.sample_rate;
            let sampled =
                |spans: &[Span]| spans.iter().map(|span| in_samples(*span, rate)).collect();
            scope.requested = sampled(&self.plan.requested);
            scope.silenced = sampled(&self.plan.silenced);
        }
        let digests = self.digests.map(|digests| digests.finish(last));
        Ok(Certificate::new(&self.facts, self.plan, scope, Outcome { digests, bytes }))
    }
}

/// The rewriter for the file in `source`, of which only headers are read here.
///
/// An empty plan passes any container through unchanged. With [`Measured::OPEN_END`] as length,
/// `source` holds the first bytes only, as of a pipe; only formats without an index can do that.
///
/// # Errors
/// Quarantine with [`QuarantineReason::MaskUnsupportedContainer`] when a mask applies to a
/// container or codec in which silence cannot be written; [`MaskError::Media`] for a damaged file.
pub fn open_silencer(
    source: &mut dyn ReadSeek,
    facts: &Measured,
    plan: &MaskPlan,
) -> Result<Silencer, MaskError> {
    let rewrite: Box<dyn Rewrite> = if plan.is_empty() {
        Box::new(Patcher::new(Scope::default(), Vec::new()))
    } else {
        refuse_channels(facts, plan)?;
        match facts.container {
            Container::Wav | Container::Rf64 => wav::open(source, facts, plan)?,
            Container::Mp3 => mp3::open(source, facts, plan)?,
            Container::Ogg => ogg::open(facts, plan),
            Container::Matroska => matroska::open(facts, plan),
            Container::Flac => flac::open(source, facts, plan)?,
            Container::Adts => aac::open(source, facts, plan)?,
            Container::Amr => amr::open(source, facts, plan)?,
            Container::Gsm => gsm::open(facts, plan),
            Container::Mp4 => mp4::open(source, facts, plan)?,
            Container::Unknown => return Err(unsupported(facts)),
        }
    };
    Ok(Silencer::new(rewrite, facts, plan))
}

/// A mask applies to something that cannot be masked.
pub(super) fn unsupported(facts: &Measured) -> MaskError {
    let detail = format!("codec {} in container {}", facts.codec, facts.container);
    MaskError::quarantine(QuarantineReason::MaskUnsupportedContainer, detail)
}

/// Refuses a plan for some channels only where channels are coded together. Inside WAVE, the
/// encoding decides.
pub(super) fn refuse_channels(facts: &Measured, plan: &MaskPlan) -> Result<(), MaskError> {
    if plan.channels.is_none() || matches!(facts.container, Container::Wav | Container::Rf64) {
        return Ok(());
    }
    let detail = format!("codec {} in container {}", facts.codec, facts.container);
    Err(MaskError::quarantine(QuarantineReason::MaskChannelUnsupported, detail))
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;
    use crate::asset::{Digest, MediaTime, SpanReason};

    fn mp3(bytes: u64) -> Measured {
        Measured {
            container: Container::Mp3,
            codec: "mp3".to_owned(),
            channels: Some(1),
            sample_rate: Some(8000),
            first: MediaTime::ZERO,
            duration: MediaTime::from_millis(1000),
            bytes,
        }
    }

    #[test]
    fn any_container_passes_without_a_mask() {
        let mut silencer =
            open_silencer(&mut Cursor::new(b""), &mp3(6), &MaskPlan::default()).unwrap();
        let mut out = Vec::new();
        silencer.push(b"abc", &mut out).unwrap();
        silencer.push(b"def", &mut out).unwrap();
        let certificate = silencer.finish(&mut out).unwrap();
        assert_eq!(out, b"abcdef");
        assert_eq!(certificate.masked_sha256, Some(Digest::of(b"abcdef")));
        assert_eq!(certificate.source_sha256, certificate.masked_sha256);
    }

    #[test]
    fn a_mask_on_an_unsupported_container_is_held_back() {
        let span = Span::new(MediaTime::ZERO, MediaTime::from_millis(1), SpanReason::Redacted);
        let facts = Measured { container: Container::Unknown, ..mp3(6) };
        let plan = MaskPlan::from_spans(&[span.unwrap()], facts.duration, MediaTime::ZERO).unwrap();
        let error = open_silencer(&mut Cursor::new(b""), &facts, &plan).err().unwrap();
        assert_eq!(error.reason(), Some(QuarantineReason::MaskUnsupportedContainer));
        assert!(error.to_string().ends_with("codec mp3 in container unknown"), "{error}");
    }

    #[test]
    fn short_and_long_streams_are_refused() {
        let open = || open_silencer(&mut Cursor::new(b""), &mp3(2), &MaskPlan::default()).unwrap();
        let mut out = Vec::new();
        let mut silencer = open();
        silencer.push(b"a", &mut out).unwrap();
        assert!(matches!(silencer.finish(&mut out), Err(MaskError::Length { found: 1, .. })));
        let mut silencer = open();
        assert!(matches!(silencer.push(b"abc", &mut out), Err(MaskError::Length { found: 3, .. })));
    }
}
