//! Whether a file could be masked, and how many units it has.

use std::io::SeekFrom;

use super::{MaskError, MaskPlan, Masker};
use crate::asset::{MediaTime, Span, SpanReason};
use crate::media::{Measured, MediaError, ReadSeek};

/// How much is read at a time.
const READ_BYTES: usize = 256 * 1024;

/// Masks the whole file into nothing, with the check, and counts the units that were silenced.
///
/// # Errors
/// What keeps the file from being masked in place.
pub fn survey(source: &mut dyn ReadSeek, facts: &Measured) -> Result<u64, MaskError> {
    let end = facts.duration.max(MediaTime::from_micros(1));
    let all = Span { from: MediaTime::ZERO, to: end, reason: SpanReason::Redacted };
    let plan = MaskPlan::from_spans(&[all], end, MediaTime::ZERO)?;
    let mut masker = Masker::open(source, facts, &plan)?;
    source.seek(SeekFrom::Start(0)).map_err(MediaError::Io)?;
    let (mut block, mut out) = (vec![0; READ_BYTES], Vec::new());
    loop {
        let count = source.read(&mut block).map_err(MediaError::Io)?;
        let Some(input) = block.get(..count).filter(|input| !input.is_empty()) else { break };
        masker.push(input, &mut out)?;
        out.clear();
    }
    Ok(masker.finish(&mut out)?.units_silenced)
}
