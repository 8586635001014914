//! Rewrite and check in one: nothing comes out that was not verified.

use std::io::SeekFrom;

use super::{Certificate, MaskError, MaskPlan, Recheck, Silencer, open_recheck, open_silencer};
use crate::media::{Measured, MediaError, ReadSeek};

/// Silences a file as it streams through, and checks every byte before it is given out.
pub struct Masker {
    silencer: Silencer,
    check: Box<dyn Recheck>,
    /// Bytes of the source whose counterparts the rewriter still holds back.
    ahead: Vec<u8>,
}

impl Masker {
    /// For the file in `source`, of which headers and index are read here; `source` is left at
    /// its beginning. For a pipe see [`open_silencer`].
    ///
    /// # Errors
    /// As [`open_silencer`].
    pub fn open(
        source: &mut dyn ReadSeek,
        facts: &Measured,
        plan: &MaskPlan,
    ) -> Result<Self, MaskError> {
        let rewind = |source: &mut dyn ReadSeek| source.seek(SeekFrom::Start(0));
        rewind(source).map_err(MediaError::Io)?;
        let silencer = open_silencer(source, facts, plan)?;
        rewind(source).map_err(MediaError::Io)?;
        let check = open_recheck(source, facts, plan)?;
        rewind(source).map_err(MediaError::Io)?;
        Ok(Self { silencer, check, ahead: Vec::new() })
    }

    /// As [`Silencer::without_digests`].
    #[must_use]
    pub fn without_digests(self) -> Self {
        Self { silencer: self.silencer.without_digests(), ..self }
    }

    /// How many of the next bytes of the file are not changed: those the caller may give out as
    /// they are, and say so with [`Masker::pass`]. Rewriter and check must agree on them.
    pub fn untouched(&self) -> u64 {
        if !self.ahead.is_empty() {
            return 0;
        }
        self.silencer.untouched().min(self.check.untouched())
    }

    /// Steps over `len` of the [`Masker::untouched`] bytes, which the caller gave out.
    ///
    /// # Errors
    /// [`MaskError::Length`] when that is more than were untouched; the output is then to be thrown
    /// away.
    pub fn pass(&mut self, len: u64) -> Result<(), MaskError> {
        let expected = self.untouched();
        if len > expected {
            return Err(MaskError::Length { expected, found: len });
        }
        self.silencer.pass(len);
        self.check.pass(len);
        Ok(())
    }

    /// Takes the next bytes of the file, and appends masked bytes to `out`, now or later.
    ///
    /// # Errors
    /// As [`Silencer::push`], and [`MaskError::Recheck`]; `out` is then to be thrown away.
    pub fn push(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<(), MaskError> {
        let before = out.len();
        self.silencer.push(input, out)?;
        let given = out.get(before..).unwrap_or_default();
        if self.ahead.is_empty() && given.len() == input.len() {
            return self.check.push(input, given);
        }
        self.ahead.extend_from_slice(input);
        compare(self.check.as_mut(), &mut self.ahead, given)
    }

    /// Ends the file: appends what was held back, and accounts for what was done.
    ///
    /// # Errors
    /// As [`Masker::push`].
    pub fn finish(self, out: &mut Vec<u8>) -> Result<Certificate, MaskError> {
        let Self { silencer, mut check, mut ahead } = self;
        let before = out.len();
        let certificate = silencer.finish(out)?;
        compare(check.as_mut(), &mut ahead, out.get(before..).unwrap_or_default())?;
        check.finish()?;
        Ok(certificate.confirmed())
    }
}

/// Checks what was given out against as many bytes of the source.
fn compare(check: &mut dyn Recheck, ahead: &mut Vec<u8>, given: &[u8]) -> Result<(), MaskError> {
    let (expected, found) = (ahead.len() as u64, given.len() as u64);
    let source = ahead.get(..given.len()).ok_or(MaskError::Length { expected, found })?;
    check.push(source, given)?;
    ahead.drain(..given.len());
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;
    use crate::asset::{MediaTime, Span, SpanReason};
    use crate::media::WavLayout;

    /// A second of 8 kHz A-law, no byte of it silence, and something behind it.
    fn alaw() -> Vec<u8> {
        let fmt = [6, 0, 1, 0, 0x40, 0x1F, 0, 0, 0x40, 0x1F, 0, 0, 1, 0, 8, 0];
        let data: Vec<u8> = (0..8000).map(|at| 0x11 + (at % 63) as u8).collect();
        let chunks = [&b"WAVEfmt \x10\0\0\0"[..], &fmt, b"data", &8000_u32.to_le_bytes(), &data];
        let body = [&chunks.concat()[..], b"iXML\x04\0\0\0<x/>"].concat();
        [b"RIFF", &(body.len() as u32).to_le_bytes()[..], &body].concat()
    }

    #[test]
    fn what_is_untouched_lies_outside_every_edit() {
        let file = alaw();
        let mut source = Cursor::new(&file[..]);
        let facts = WavLayout::read(&mut source, file.len() as u64).unwrap().measured();
        let at = |millis: u64| MediaTime::from_micros(millis * 1000);
        let span = |from, to| Span { from: at(from), to: at(to), reason: SpanReason::Paused };
        let spans = [span(200, 300), span(700, 701)];
        let plan = MaskPlan::from_spans(&spans, facts.duration, MediaTime::ZERO).unwrap();
        let open = || Masker::open(&mut Cursor::new(&file[..]), &facts, &plan).unwrap();
        let mut expected = Vec::new();
        let mut masker = open();
        masker.push(&file, &mut expected).unwrap();
        let certificate = masker.finish(&mut expected).unwrap();
        for size in [1, 3, 64, 1000, 100_000] {
            let (mut masker, mut out, mut passed) = (open().without_digests(), Vec::new(), 0);
            while out.len() < file.len() {
                let rest = &file[out.len()..];
                let untouched = masker.untouched() as usize;
                if untouched > 0 {
                    let bytes = &rest[..untouched.min(size)];
                    passed += bytes.len();
                    out.extend_from_slice(bytes);
                    masker.pass(bytes.len() as u64).unwrap();
                } else {
                    masker.push(&rest[..size.min(rest.len())], &mut out).unwrap();
                }
            }
            let own = masker.finish(&mut out).unwrap();
            assert!(out == expected && own.units_silenced == certificate.units_silenced, "{size}");
            // All but the masks, what is cleared behind the sound, and what lies beside them.
            assert!(size > 64 || passed > 6500, "{passed} bytes passed in steps of {size}");
        }
        assert_eq!(open().untouched(), 0, "bytes would pass that are to be digested");
        let mut masker = open().without_digests();
        let many = masker.untouched() + 1;
        assert!(matches!(masker.pass(many), Err(MaskError::Length { .. })));
    }
}
