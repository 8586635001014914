//! Where a file ends of which the rest is not kept.

use std::io::{Read as _, Seek as _, SeekFrom};

use super::PipelineError;
use super::analyse::Source;
use crate::asset::{AssetId, MediaTime};
use crate::mask::{
    Cut, CutAccount, CutFound, Ending, MaskError, MaskPlan, QuarantineReason, find_cut,
};
use crate::media::{Container, Measured, MediaError, SNIFF_BYTES, sniff};
use crate::spool::Spool;

/// Most bytes of a unit that was cut off by the end of an upload. More is damage, and held back.
const MAX_TORN_BYTES: u64 = 256 * 1024;

/// A file, or the shorter one that is kept of it.
pub(super) struct Ended {
    pub(super) measured: Measured,
    pub(super) plan: MaskPlan,
    pub(super) cut: Option<Cut>,
    pub(super) ending: Option<CutAccount>,
}

/// Leaves out the last unit of a file if it is torn. `whole` is what was found of all of it: some
/// formats are measured without a look at their last unit.
pub(super) fn without_torn(
    spool: &Spool,
    asset: AssetId,
    whole: Result<Measured, PipelineError>,
) -> Result<(Measured, Option<Cut>), PipelineError> {
    let doubtful = match &whole {
        Ok(measured) => matches!(measured.container, Container::Flac | Container::Ogg),
        Err(PipelineError::Quarantine { reason, .. }) => {
            *reason == QuarantineReason::MediaMalformed
        }
        Err(_) => false,
    };
    if !doubtful {
        return Ok((whole?, None));
    }
    let mut reader = spool.reader(asset)?;
    let mut head = Vec::with_capacity(SNIFF_BYTES);
    let io = |error| PipelineError::from(MaskError::from(MediaError::Io(error)));
    (&mut reader).take(SNIFF_BYTES as u64).read_to_end(&mut head).map_err(io)?;
    reader.seek(SeekFrom::Start(0)).map_err(io)?;
    let (container, bytes) = (sniff(&head), reader.len());
    match find_cut(&mut reader, container, bytes, MediaTime::MAX) {
        Ok(CutFound::Kept(cut)) if cut.dropped_bytes() <= MAX_TORN_BYTES => {
            Ok((measure_cut(spool, asset, container, &cut)?, Some(cut)))
        }
        Err(MaskError::Media(MediaError::Io(error))) => Err(io(error)),
        _ => Ok((whole?, None)),
    }
}

fn measure_cut(
    spool: &Spool,
    asset: AssetId,
    container: Container,
    cut: &Cut,
) -> Result<Measured, PipelineError> {
    let source = Source::open(spool, asset, Some(cut))?;
    let measured = crate::media::measure(Box::new(source), cut.len(), container);
    Ok(measured.map_err(MaskError::from)?)
}

/// Ends a file where its plan says that nothing is kept any more. `torn` is the file without a
/// torn last unit, of which `measured` and `plan` are, if it has one.
///
/// # Errors
/// [`PipelineError::NotRecorded`] when nothing is left; else as the measuring of files.
pub(super) fn end(
    spool: &Spool,
    asset: AssetId,
    (measured, plan): (Measured, MaskPlan),
    torn: Option<Cut>,
) -> Result<Ended, PipelineError> {
    let Some(at) = plan.dropped else {
        let ending = torn.as_ref().map(|cut| CutAccount {
            ending: Ending::Torn,
            at_ms: measured.duration.as_millis(),
            dropped_bytes: cut.dropped_bytes(),
            dropped_ms: 0,
        });
        return Ok(Ended { measured, plan, cut: torn, ending });
    };
    let mut reader = spool.reader(asset)?;
    let (bytes, container) = (reader.len(), measured.container);
    let account = |ending, dropped_bytes, kept: MediaTime| CutAccount {
        ending,
        at_ms: at.as_millis(),
        dropped_bytes,
        dropped_ms: measured.duration.saturating_sub(kept).as_millis(),
    };
    match find_cut(&mut reader, container, bytes, at)? {
        CutFound::Nothing => Err(PipelineError::NotRecorded),
        CutFound::Kept(cut) => {
            let kept = measure_cut(spool, asset, container, &cut)?;
            let ending = account(Ending::Ended, cut.dropped_bytes(), kept.duration);
            let plan = plan.ending_at(kept.duration);
            Ok(Ended { measured: kept, plan, cut: Some(cut), ending: Some(ending) })
        }
        CutFound::Whole | CutFound::Uncuttable => {
            let ending = account(Ending::Silenced, 0, at);
            Ok(Ended { measured, plan, cut: torn, ending: Some(ending) })
        }
    }
}
