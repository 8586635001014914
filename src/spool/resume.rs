//! Goes on with a file that was not ended.

use std::fs::File;
use std::io::{Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::FileExt as _;

use super::reader::{after, file_key, next_row, read_head};
use super::{FRAME_BYTES, MARK, NodeKey, SpoolError, SpoolWriter};
use crate::asset::{AssetId, Digest, Hasher};
use crate::seal::{FrameOpener, FrameSealer};

/// What was found of a file.
pub enum Resumed {
    /// It was ended: its length in bytes and its digest.
    Ended(u64, Digest),
    /// Write on. What is counted in [`SpoolWriter::bytes`] is durable.
    Open(Box<SpoolWriter>),
}

impl std::fmt::Debug for Resumed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Ended(bytes, _) => f.debug_tuple("Ended").field(bytes).finish(),
            Self::Open(writer) => f.debug_tuple("Open").field(&writer.bytes()).finish(),
        }
    }
}

/// Reads all whole frames back; the first that is not whole, and all behind it, is cut off.
pub(super) fn resume(
    mut file: File,
    asset: AssetId,
    key: &NodeKey,
) -> Result<Option<Resumed>, SpoolError> {
    let (key, mut place) = match file_key(&file, asset, key) {
        Ok(found) => found,
        // Created, and then the power went: nothing of it was ever durable.
        Err(SpoolError::Damaged { .. }) => return Ok(None),
        Err(error) => return Err(error),
    };
    let opener = FrameOpener::new(&key);
    let mut hasher = Hasher::default();
    let mut frame = zeroize::Zeroizing::new(Vec::with_capacity(FRAME_BYTES + 64));
    while let Ok(head) = read_head(&file, place.file) {
        let next = after(place, &head);
        let body = place.file.saturating_add(4);
        frame.clear();
        frame.resize(usize::try_from(next.file.saturating_sub(body)).unwrap_or(0), 0);
        let read = file.read_exact_at(&mut frame, body);
        let sealed_as = head.sealed_as(place);
        if read.is_err() || opener.open(sealed_as, head.last, &mut frame).is_err() {
            break;
        }
        hasher.update(&frame);
        if head.last {
            let bytes = hasher.bytes();
            return Ok(Some(Resumed::Ended(bytes, hasher.finish())));
        }
        place = next;
    }
    file.set_len(place.file)?;
    file.seek(SeekFrom::Start(place.file))?;
    let number = next_row(place.number);
    let mut mark = MARK.to_be_bytes().to_vec();
    // Written twice after two crashes it is the same frame, for it holds nothing.
    FrameSealer::new(&key).seal(number, false, &[], &mut mark)?;
    file.write_all(&mark)?;
    file.sync_all()?;
    let next = number.saturating_add(1);
    Ok(Some(Resumed::Open(Box::new(SpoolWriter::resumed(file, &key, hasher, next)))))
}
