//! The one way to silence any format, and the choice of the rewriter.

use super::certificate::Scope;
use super::patch::Patcher;
use super::{Certificate, MaskError, MaskPlan, QuarantineReason, wav};
use crate::media::{Container, Measured, ReadSeek};

/// Rewrites one file as it streams through, in constant memory.
///
/// The output is as long as the input. A call may hold bytes back and give them out later.
pub trait Silencer: Send {
    /// Takes the next bytes of the file, and appends masked bytes to `out`.
    ///
    /// # Errors
    /// [`MaskError::Length`] when more comes than the file was announced to have; the output is
    /// then to be thrown away, as after every error.
    fn push(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<(), MaskError>;

    /// Ends the file: appends what was held back, and accounts for what was done.
    ///
    /// # Errors
    /// [`MaskError::Length`] when the file ended early.
    fn finish(self: Box<Self>, out: &mut Vec<u8>) -> Result<Certificate, MaskError>;
}

/// The rewriter for the file in `source`, of which only headers are read here.
///
/// An empty plan passes any container through unchanged.
///
/// # Errors
/// Quarantine with [`QuarantineReason::MaskUnsupportedContainer`] when a mask applies to a
/// container or codec in which silence cannot be written; [`MaskError::Media`] for a damaged file.
pub fn open_silencer(
    source: &mut dyn ReadSeek,
    facts: &Measured,
    plan: &MaskPlan,
) -> Result<Box<dyn Silencer>, MaskError> {
    if plan.is_empty() {
        let (facts, plan) = (facts.clone(), plan.clone());
        return Ok(Box::new(Patcher::new(facts, plan, Scope::default(), Vec::new())));
    }
    match facts.container {
        Container::Wav | Container::Rf64 => wav::open(source, facts, plan),
        Container::Mp3
        | Container::Mp4
        | Container::Ogg
        | Container::Matroska
        | Container::Flac
        | Container::Adts
        | Container::Amr
        | Container::Unknown => Err(unsupported(facts)),
    }
}

/// A mask applies to something that cannot be masked.
pub(super) fn unsupported(facts: &Measured) -> MaskError {
    let detail = format!("codec {} in container {}", facts.codec, facts.container);
    MaskError::quarantine(QuarantineReason::MaskUnsupportedContainer, detail)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;
    use crate::asset::{Digest, MediaTime, Span, SpanReason};

    fn mp3(bytes: u64) -> Measured {
        Measured {
            container: Container::Mp3,
            codec: "mp3".to_owned(),
            channels: Some(1),
            sample_rate: Some(8000),
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
        assert_eq!(certificate.masked_sha256, Digest::of(b"abcdef"));
        assert_eq!(certificate.source_sha256, certificate.masked_sha256);
    }

    #[test]
    fn a_mask_on_an_unsupported_container_is_held_back() {
        let span = Span::new(MediaTime::ZERO, MediaTime::from_millis(1), SpanReason::Redacted);
        let facts = mp3(6);
        let plan = MaskPlan::from_spans(&[span.unwrap()], facts.duration, MediaTime::ZERO).unwrap();
        let error = open_silencer(&mut Cursor::new(b""), &facts, &plan).err().unwrap();
        assert_eq!(error.reason(), Some(QuarantineReason::MaskUnsupportedContainer));
        assert!(error.to_string().ends_with("codec mp3 in container mp3"), "{error}");
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
