//! The payload of `data` through a rewriter of its own; everything around it as it is.

use std::ops::Range;

use crate::mask::certificate::Scope;
use crate::mask::check::ByteRecheck;
use crate::mask::patch::{Edit, Patcher};
use crate::mask::silence::Rewrite;
use crate::mask::{MaskError, Recheck};
use crate::media::{MediaError, WavLayout};

/// Where a stream stands, and where `data` lies in it.
struct Position {
    data: Range<u64>,
    at: u64,
}

impl Position {
    fn new(layout: &WavLayout) -> Self {
        let end = layout.data_offset.saturating_add(layout.data_len);
        Self { data: layout.data_offset..end, at: 0 }
    }

    /// Steps over `len` bytes. Of them, those before the first index come before `data`, and those
    /// from the second on after it.
    fn step(&mut self, len: usize) -> (usize, usize) {
        let start = self.at;
        self.at = start.saturating_add(len as u64);
        let index = |at: u64| usize::try_from(at.saturating_sub(start)).unwrap_or(len).min(len);
        (index(self.data.start), index(self.data.end))
    }

    fn behind_data(&self) -> bool {
        self.at >= self.data.end
    }
}

/// `chunk` before, in, and after `data`.
fn split(chunk: &[u8], (from, to): (usize, usize)) -> (&[u8], &[u8], &[u8]) {
    let (head, tail) = chunk.split_at_checked(to).unwrap_or((chunk, &[]));
    let (head, data) = head.split_at_checked(from).unwrap_or((head, &[]));
    (head, data, tail)
}

/// The error of an inner reader as one of the file, in which `data` begins at `by`.
fn in_file(error: MaskError, by: u64) -> MaskError {
    match error {
        MaskError::Recheck { offset } => MaskError::Recheck { offset: offset.saturating_add(by) },
        MaskError::Media(MediaError::Malformed { what, offset }) => {
            MediaError::Malformed { what, offset: offset.saturating_add(by) }.into()
        }
        other => other,
    }
}

/// Rewrites `data` by an inner rewriter that sees nothing else, and edits other chunks.
pub(super) struct DataRewrite {
    around: Patcher,
    inner: Box<dyn Rewrite>,
    position: Position,
    cleared: Vec<String>,
    /// What the inner rewriter did, once `data` has ended.
    scope: Option<Scope>,
}

impl DataRewrite {
    /// `edits` lie outside `data`; `cleared` names their chunks.
    pub(super) fn new(
        layout: &WavLayout,
        edits: Vec<Edit>,
        cleared: Vec<String>,
        inner: Box<dyn Rewrite>,
    ) -> Self {
        let around = Patcher::new(Scope::default(), edits);
        Self { around, inner, position: Position::new(layout), cleared, scope: None }
    }

    fn end_data(&mut self, out: &mut Vec<u8>) -> Result<(), MaskError> {
        if self.scope.is_none() {
            let by = self.position.data.start;
            self.scope = Some(self.inner.finish(out).map_err(|error| in_file(error, by))?);
        }
        Ok(())
    }
}

impl Rewrite for DataRewrite {
    fn push(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<(), MaskError> {
        let (before, data, after) = split(input, self.position.step(input.len()));
        self.around.push(before, out)?;
        self.around.skip(data.len() as u64);
        let by = self.position.data.start;
        if !data.is_empty() {
            self.inner.push(data, out).map_err(|error| in_file(error, by))?;
        }
        if self.position.behind_data() {
            self.end_data(out)?;
        }
        self.around.push(after, out)
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> Result<Scope, MaskError> {
        self.end_data(out)?;
        let mut scope = self.scope.take().unwrap_or_default();
        scope.metadata_cleared.append(&mut self.cleared);
        Ok(scope)
    }
}

/// Checks `data` by an inner check that sees nothing else, and everything around it byte by byte.
pub(super) struct DataCheck {
    around: ByteRecheck,
    inner: Box<dyn Recheck>,
    position: Position,
}

impl DataCheck {
    /// `cleared` is what must stand outside `data`.
    pub(super) fn new(layout: &WavLayout, cleared: Vec<Edit>, inner: Box<dyn Recheck>) -> Self {
        let around = ByteRecheck::new(cleared, layout.total_len);
        Self { around, inner, position: Position::new(layout) }
    }
}

impl Recheck for DataCheck {
    fn push(&mut self, source: &[u8], masked: &[u8]) -> Result<(), MaskError> {
        if source.len() != masked.len() {
            return self.around.push(source, masked);
        }
        let range = self.position.step(source.len());
        let (before, data, after) = split(source, range);
        let (masked_before, masked_data, masked_after) = split(masked, range);
        self.around.push(before, masked_before)?;
        // What lies in `data` counts as equal here.
        self.around.push(data, data)?;
        let by = self.position.data.start;
        self.inner.push(data, masked_data).map_err(|error| in_file(error, by))?;
        self.around.push(after, masked_after)
    }

    fn finish(self: Box<Self>) -> Result<(), MaskError> {
        let by = self.position.data.start;
        self.inner.finish().map_err(|error| in_file(error, by))?;
        Box::new(self.around).finish()
    }
}
