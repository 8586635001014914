//! Rewriting by fixed patches: a sorted list of byte ranges and what to put there.

use super::certificate::{Outcome, Scope};
use super::{Certificate, MaskError, MaskPlan, Silencer};
use crate::asset::Hasher;
use crate::media::Measured;

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
    facts: Measured,
    plan: MaskPlan,
    scope: Scope,
    /// Invariant: sorted, not overlapping.
    edits: Vec<Edit>,
    /// The first edit that does not lie wholly behind `position`.
    next: usize,
    source: Hasher,
    /// The result's digest, from the first edit on; until then both files are the same.
    masked: Option<Hasher>,
}

impl Patcher {
    pub(super) fn new(facts: Measured, plan: MaskPlan, scope: Scope, mut edits: Vec<Edit>) -> Self {
        edits.sort_by_key(|edit| edit.from);
        Self { facts, plan, scope, edits, next: 0, source: Hasher::default(), masked: None }
    }
}

impl Silencer for Patcher {
    fn push(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<(), MaskError> {
        let position = self.source.bytes();
        let expected = self.facts.bytes;
        let found = position.saturating_add(input.len() as u64);
        if found > expected {
            return Err(MaskError::Length { expected, found });
        }
        let written = out.len();
        out.extend_from_slice(input);
        let Some(chunk) = out.get_mut(written..) else { return Ok(()) };
        while let Some(edit) = self.edits.get(self.next).filter(|edit| edit.from < found) {
            self.masked.get_or_insert_with(|| self.source.clone());
            edit.apply(position, chunk);
            if edit.to > found {
                break;
            }
            self.next += 1;
        }
        self.source.update(input);
        if let Some(masked) = &mut self.masked {
            masked.update(chunk);
        }
        Ok(())
    }

    fn finish(self: Box<Self>, _out: &mut Vec<u8>) -> Result<Certificate, MaskError> {
        let bytes = self.source.bytes();
        if bytes != self.facts.bytes {
            return Err(MaskError::Length { expected: self.facts.bytes, found: bytes });
        }
        let source = self.source.finish();
        let masked = self.masked.map_or(source, Hasher::finish);
        let outcome = Outcome { source, masked, bytes };
        Ok(Certificate::new(&self.facts, self.plan, self.scope, outcome))
    }
}
