//! Edit lists (ISO 14496-12 section 8.6.6): which part of the media plays when.

use super::{Fields, MediaError};

/// Most entries of one list.
const MAX_EDITS: u64 = 4096;

/// One entry of an edit list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Edit {
    /// How long it plays, in ticks of the movie; 0 in fragmented files means to the end.
    pub duration: u64,
    /// First media tick that plays; `None` for a pause.
    pub media_time: Option<u64>,
    /// Whether it plays at its normal rate.
    pub normal_rate: bool,
}

/// The entries of an `elst` payload.
///
/// # Errors
/// Malformed when it is cut short, and a limit on the entries.
pub(super) fn read_elst(payload: &[u8], at: u64) -> Result<Vec<Edit>, MediaError> {
    let mut fields = Fields::new(payload, at);
    let (version, _) = fields.version()?;
    let wide = version == 1;
    let count = fields.u32()?;
    MediaError::check("the number of edits", u64::from(count), MAX_EDITS)?;
    let mut edits = Vec::new();
    for _ in 0..count {
        let at = fields.at();
        let duration = fields.number(wide)?;
        let media_time = fields.number(wide)?;
        let none = if wide { u64::MAX } else { u64::from(u32::MAX) };
        let highest = if wide { i64::MAX as u64 } else { i32::MAX as u64 };
        if media_time > highest && media_time != none {
            return Err(MediaError::malformed("an edit begins before the media", at));
        }
        let normal_rate = fields.u32()? == 0x0001_0000;
        let media_time = (media_time != none).then_some(media_time);
        edits.push(Edit { duration, media_time, normal_rate });
    }
    Ok(edits)
}
