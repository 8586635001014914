//! Rewriting by fixed patches: a sorted list of byte ranges and what to put there.

use super::MaskError;
use super::certificate::Scope;
use super::silence::Rewrite;

/// A byte range of the file and the two bytes that are repeated over it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Edit {
    pub(super) from: u64,
    /// Invariant: after `from`.
    pub(super) to: u64,
    pub(super) fill: [u8; 2],
}

impl Edit {
    /// The part of a chunk that begins at `position` and is `len` bytes long that lies inside.
    pub(super) fn within(&self, position: u64, len: usize) -> Option<std::ops::Range<usize>> {
        let from = usize::try_from(self.from.saturating_sub(position)).ok()?.min(len);
        let to = usize::try_from(self.to.saturating_sub(position)).unwrap_or(len).min(len);
        (from < to).then_some(from..to)
    }

    /// The byte that belongs at `position`.
    pub(super) const fn byte_at(&self, position: u64) -> u8 {
        let [even, odd] = self.fill;
        if position.wrapping_sub(self.from) & 1 == 0 { even } else { odd }
    }

    /// Overwrites the part of `chunk`, which begins at `position`, that lies inside.
    fn apply(&self, position: u64, chunk: &mut [u8]) {
        let Some(range) = self.within(position, chunk.len()) else { return };
        let start = position.saturating_add(range.start as u64);
        let Some(inside) = chunk.get_mut(range) else { return };
        let [even, odd] = self.fill;
        if even == odd {
            inside.fill(even);
        } else {
            for (byte, at) in inside.iter_mut().zip(start..) {
                *byte = self.byte_at(at);
            }
        }
    }
}

/// Copies a file and applies edits; without edits, copies it unchanged (any container).
pub(super) struct Patcher {
    scope: Scope,
    /// Invariant: sorted, not overlapping.
    edits: Vec<Edit>,
    /// The first edit that does not lie wholly behind `position`.
    next: usize,
    position: u64,
}

impl Patcher {
    pub(super) fn new(scope: Scope, mut edits: Vec<Edit>) -> Self {
        edits.sort_by_key(|edit| edit.from);
        Self { scope, edits, next: 0, position: 0 }
    }

    /// Steps over `len` bytes of the file that come from elsewhere.
    pub(super) fn skip(&mut self, len: u64) {
        self.position = self.position.saturating_add(len);
    }
}

impl Rewrite for Patcher {
    fn push(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<(), MaskError> {
        let position = self.position;
        self.position = position.saturating_add(input.len() as u64);
        let written = out.len();
        out.extend_from_slice(input);
        let Some(chunk) = out.get_mut(written..) else { return Ok(()) };
        while let Some(edit) = self.edits.get(self.next).filter(|edit| edit.from < self.position) {
            edit.apply(position, chunk);
            if edit.to > self.position {
                break;
            }
            self.next += 1;
        }
        Ok(())
    }

    fn untouched(&self) -> u64 {
        let next = self.edits.get(self.next).map_or(u64::MAX, |edit| edit.from);
        next.saturating_sub(self.position)
    }

    fn pass(&mut self, len: u64) {
        self.skip(len);
    }

    fn finish(&mut self, _out: &mut Vec<u8>) -> Result<Scope, MaskError> {
        Ok(std::mem::take(&mut self.scope))
    }
}
