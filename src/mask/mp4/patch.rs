//! Bytes of the file that are replaced by others of the same length.

/// What to put where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Patch {
    /// Offset in the file.
    pub(super) at: u64,
    pub(super) bytes: Vec<u8>,
}

impl Patch {
    /// Offset after the last byte.
    pub(super) fn end(&self) -> u64 {
        self.at.saturating_add(self.bytes.len() as u64)
    }
}

/// Applies patches to bytes that stream past.
#[derive(Debug)]
pub(super) struct Overlay {
    /// Invariant: sorted, not overlapping.
    patches: Vec<Patch>,
    /// The first that does not lie wholly behind `position`.
    next: usize,
    position: u64,
}

impl Overlay {
    pub(super) fn new(mut patches: Vec<Patch>) -> Self {
        patches.sort_by_key(|patch| patch.at);
        Self { patches, next: 0, position: 0 }
    }

    /// Patches the next bytes of the file.
    pub(super) fn apply(&mut self, bytes: &mut [u8]) {
        let start = self.position;
        self.position = start.saturating_add(bytes.len() as u64);
        while let Some(patch) = self.patches.get(self.next).filter(|patch| patch.at < self.position)
        {
            let into = usize::try_from(patch.at.saturating_sub(start)).unwrap_or(usize::MAX);
            let skip = usize::try_from(start.saturating_sub(patch.at)).unwrap_or(usize::MAX);
            let places = bytes.get_mut(into..).unwrap_or_default().iter_mut();
            for (place, byte) in places.zip(patch.bytes.iter().skip(skip)) {
                *place = *byte;
            }
            if patch.end() > self.position {
                break;
            }
            self.next += 1;
        }
    }
}
