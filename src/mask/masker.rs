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
