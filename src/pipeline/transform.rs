//! One pass over a spooled file: silence, check, seal, digest; the result goes to the store
//! through a bounded channel. Runs on a worker thread.

use std::io::Read as _;

use super::analyse::source;
use super::{Analysed, BLOCK_BYTES, PipelineError};
use crate::asset::{AssetId, Digest};
use crate::mask::{Certificate, MaskError, Masker};
use crate::media::MediaError;
use crate::seal::{SealSummary, Sealer};
use crate::spool::Spool;
use crate::store::{Closed, Outlet};

/// What the pass found out.
#[derive(Debug)]
pub(super) struct Transformed {
    pub(super) certificate: Certificate,
    pub(super) summary: SealSummary,
    pub(super) segments: Vec<Digest>,
}

/// Runs the pass. A failure also fails the body that the store is reading, so no short object is
/// ever taken for a whole one.
pub(super) fn transform(
    spool: &Spool,
    asset: AssetId,
    analysed: &Analysed,
    sealer: Sealer,
    mut outlet: Outlet,
) -> Result<Transformed, PipelineError> {
    let (certificate, summary) = match pass(spool, asset, analysed, sealer, &mut outlet) {
        Ok(passed) => passed,
        Err(error) => {
            outlet.fail("the file could not be sealed");
            return Err(error);
        }
    };
    Ok(Transformed { certificate, summary, segments: outlet.finish() })
}

fn pass(
    spool: &Spool,
    asset: AssetId,
    analysed: &Analysed,
    mut sealer: Sealer,
    outlet: &mut Outlet,
) -> Result<(Certificate, SealSummary), PipelineError> {
    let io = |error| PipelineError::from(MaskError::from(MediaError::Io(error)));
    let (mut source, mut index) = source(spool, asset, analysed)?;
    let mut masker = Masker::open(index.as_mut(), &analysed.measured, &analysed.plan)?;
    drop(index);
    let mut block = zeroize::Zeroizing::new(vec![0_u8; BLOCK_BYTES]);
    let mut masked = Vec::with_capacity(BLOCK_BYTES);
    let give = |masked: &mut Vec<u8>, outlet: &mut Outlet, sealer: &mut Sealer| {
        for piece in masked.chunks(BLOCK_BYTES) {
            outlet.send(sealer.push(piece)?).map_err(closed)?;
        }
        masked.clear();
        Ok::<(), PipelineError>(())
    };
    loop {
        let count = source.read(&mut block).map_err(io)?;
        let Some(bytes) = block.get(..count).filter(|bytes| !bytes.is_empty()) else { break };
        masker.push(bytes, &mut masked)?;
        if masked.len() >= BLOCK_BYTES / 2 {
            give(&mut masked, outlet, &mut sealer)?;
        }
    }
    let mut certificate = masker.finish(&mut masked)?;
    certificate.decoded_from = analysed
        .decoded_from
        .as_ref()
        .map(|original| format!("{} in {}", original.codec, original.container));
    certificate.cut = analysed.ending;
    give(&mut masked, outlet, &mut sealer)?;
    let (tail, summary) = sealer.finish()?;
    outlet.send(tail).map_err(closed)?;
    Ok((certificate, summary))
}

/// Nobody takes the bytes any more: the store's own error tells why.
fn closed(_: Closed) -> PipelineError {
    PipelineError::Thread
}
