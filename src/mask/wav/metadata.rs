//! Chunks that describe the sound.

use std::io::SeekFrom;

use crate::mask::MaskError;
use crate::mask::patch::Edit;
use crate::media::{ByteOrder, Chunk, MediaError, ReadSeek, WavLayout};

/// Where `bext` has its version, and from version 2 its five loudness values (EBU Tech 3285).
const BEXT_VERSION: u64 = 346;
const BEXT_LOUDNESS: (u64, u64) = (412, 422);
/// A loudness value that is not set.
const NOT_SET: i16 = 0x7FFF;

/// The chunks that describe sound that is no longer there, with what clears them: peaks, the peak
/// envelope, and loudness; also where the file ends inside one.
///
/// # Errors
/// I/O.
pub(super) fn describing_chunks(
    source: &mut dyn ReadSeek,
    layout: &WavLayout,
) -> Result<Vec<(Chunk, Edit)>, MaskError> {
    let mut found = Vec::new();
    for chunk in layout.chunks.iter().copied().chain(cut_off(source, layout)?) {
        let (from, to, fill) = match &chunk.id {
            b"PEAK" | b"levl" => (0, chunk.len, [0; 2]),
            b"bext" if chunk.len >= BEXT_LOUDNESS.1 => {
                let mut version = [0; 2];
                source
                    .seek(SeekFrom::Start(chunk.offset + BEXT_VERSION))
                    .map_err(MediaError::Io)?;
                source.read_exact(&mut version).map_err(MediaError::Io)?;
                if layout.byte_order.u16(&version) < 2 {
                    continue;
                }
                let not_set = match layout.byte_order {
                    ByteOrder::Little => NOT_SET.to_le_bytes(),
                    ByteOrder::Big => NOT_SET.to_be_bytes(),
                };
                (BEXT_LOUDNESS.0, BEXT_LOUDNESS.1, not_set)
            }
            _ => continue,
        };
        if from < to {
            found.push((chunk, Edit { from: chunk.offset + from, to: chunk.offset + to, fill }));
        }
    }
    Ok(found)
}

/// The chunk inside which the file ends. What it announces is longer than what is there.
fn cut_off(source: &mut dyn ReadSeek, layout: &WavLayout) -> Result<Option<Chunk>, MaskError> {
    let Some(len) = layout.trailer_len.checked_sub(8) else { return Ok(None) };
    let offset = layout.total_len.saturating_sub(len);
    let mut id = [0; 4];
    source.seek(SeekFrom::Start(offset.saturating_sub(8))).map_err(MediaError::Io)?;
    source.read_exact(&mut id).map_err(MediaError::Io)?;
    Ok(Some(Chunk { id, offset, len }))
}
