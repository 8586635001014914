//! What follows the sound in a stream, which could not be read beforehand.

use crate::mask::MaskError;
use crate::mask::certificate::Scope;
use crate::mask::silence::Rewrite;
use crate::media::{ByteOrder, Measured, MediaError, WavLayout};

/// Most bytes after the sound: they wait until the stream has ended.
const MAX_TAIL_BYTES: u64 = 1024 * 1024;

/// Masks the sound of a stream, and lets nothing follow it but chunks that say nothing about it.
pub(super) struct Tail {
    inner: Box<dyn Rewrite>,
    byte_order: ByteOrder,
    /// End of `data` with its padding.
    end: u64,
    at: u64,
    held: Vec<u8>,
}

impl Tail {
    pub(super) fn new(layout: &WavLayout, inner: Box<dyn Rewrite>) -> Self {
        let end = layout.data_offset.saturating_add(layout.data_len);
        let end = end.saturating_add(layout.data_len & 1);
        Self { inner, byte_order: layout.byte_order, end, at: 0, held: Vec::new() }
    }

    /// Length of the whole chunk that `rest` begins with, if it does.
    fn chunk_len(&self, rest: &[u8]) -> Option<usize> {
        let (head, body) = rest.split_first_chunk::<8>()?;
        let (id, size) = head.split_first_chunk::<4>()?;
        let size = usize::try_from(self.byte_order.u32(size)).ok()?;
        let named = id.iter().all(|byte| (0x20..0x7F).contains(byte));
        (named && size <= body.len()).then(|| (head.len() + size).saturating_add(size & 1))
    }

    /// Every chunk that was held is harmless, and little else was.
    fn examine(&self) -> Result<(), MaskError> {
        let mut rest = self.held.as_slice();
        loop {
            // A cut-off one tells of the sound, too.
            let id = rest.first_chunk();
            if let Some(id @ (b"data" | b"fmt " | b"PEAK" | b"levl" | b"bext")) = id {
                let name = String::from_utf8_lossy(id);
                let what = format!("a {name} chunk after the sound of a stream (give a file)");
                return Err(MediaError::unsupported(what).into());
            }
            let Some(len) = self.chunk_len(rest) else { break };
            rest = rest.get(len..).unwrap_or_default();
        }
        if rest.len() as u64 > super::MAX_TRAILER_BYTES {
            let offset = self.at.saturating_sub(rest.len() as u64);
            let what = "bytes after the sound that are no chunk";
            return Err(MediaError::malformed(what, offset).into());
        }
        Ok(())
    }
}

impl Rewrite for Tail {
    fn push(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<(), MaskError> {
        let left = self.end.saturating_sub(self.at);
        self.at = self.at.saturating_add(input.len() as u64);
        let sound = usize::try_from(left).unwrap_or(usize::MAX).min(input.len());
        let (sound, tail) = input.split_at_checked(sound).unwrap_or((input, &[]));
        let held = (self.held.len() as u64).saturating_add(tail.len() as u64);
        MediaError::check("the number of bytes after the sound", held, MAX_TAIL_BYTES)?;
        self.held.extend_from_slice(tail);
        self.inner.push(sound, out)
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> Result<Scope, MaskError> {
        // A stream of unknown length ends where it ends.
        if self.at.saturating_add(1) < self.end && self.end < Measured::OPEN_END / 2 {
            return Err(
                MediaError::malformed("the stream ends inside its data chunk", self.at).into()
            );
        }
        let scope = self.inner.finish(out)?;
        self.examine()?;
        out.append(&mut self.held);
        Ok(scope)
    }
}
