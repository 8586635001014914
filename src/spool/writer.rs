//! Writes a spool file, frame by frame.

use std::fs::File;
use std::io::Write as _;

use super::{FRAME_BYTES, LAST_FRAME, SpoolError};
use crate::asset::{Digest, Hasher};
use crate::seal::{FileKey, FrameSealer};

/// An upload on its way to the disk. Holds one frame of plaintext in memory.
pub struct SpoolWriter {
    file: File,
    sealer: FrameSealer,
    frame: zeroize::Zeroizing<Vec<u8>>,
    sealed: Vec<u8>,
    next: u64,
    hasher: Hasher,
}

impl SpoolWriter {
    pub(super) fn new(file: File, key: &FileKey) -> Self {
        Self {
            file,
            sealer: FrameSealer::new(key),
            frame: zeroize::Zeroizing::new(Vec::with_capacity(FRAME_BYTES)),
            sealed: Vec::with_capacity(FRAME_BYTES + 64),
            next: 0,
            hasher: Hasher::default(),
        }
    }

    /// Goes on with a file whose write position is behind its last whole frame. `hasher` took in
    /// what they hold; `next` is the number that no frame had yet.
    pub(super) fn resumed(file: File, key: &FileKey, hasher: Hasher, next: u64) -> Self {
        Self { hasher, next, ..Self::new(file, key) }
    }

    /// Takes the next bytes. They are durable only after [`Self::sync`] or [`Self::finish`].
    ///
    /// # Errors
    /// [`SpoolError::Io`] when the disk is full or fails.
    pub fn write(&mut self, mut bytes: &[u8]) -> Result<(), SpoolError> {
        self.hasher.update(bytes);
        while !bytes.is_empty() {
            // A full frame is written only when more follows: the last one is marked.
            if self.frame.len() == FRAME_BYTES {
                self.flush_frame(false)?;
            }
            let room = FRAME_BYTES.saturating_sub(self.frame.len()).min(bytes.len());
            let (now, later) = bytes.split_at_checked(room).unwrap_or((bytes, &[]));
            self.frame.extend_from_slice(now);
            bytes = later;
        }
        Ok(())
    }

    /// Bytes taken so far.
    pub const fn bytes(&self) -> u64 {
        self.hasher.bytes()
    }

    /// Makes everything taken so far durable, as a short frame if need be.
    ///
    /// # Errors
    /// [`SpoolError::Io`].
    pub fn sync(&mut self) -> Result<(), SpoolError> {
        if !self.frame.is_empty() {
            self.flush_frame(false)?;
        }
        Ok(self.file.sync_data()?)
    }

    /// Ends the file and makes it durable.
    ///
    /// # Errors
    /// [`SpoolError::Io`].
    pub fn finish(mut self) -> Result<Digest, SpoolError> {
        self.flush_frame(true)?;
        self.file.sync_all()?;
        Ok(self.hasher.finish())
    }

    fn flush_frame(&mut self, last: bool) -> Result<(), SpoolError> {
        let length = u32::try_from(self.frame.len()).map_err(|_| SpoolError::damaged(0))?;
        let head = if last { length | LAST_FRAME } else { length };
        self.sealed.clear();
        self.sealed.extend_from_slice(&head.to_be_bytes());
        self.sealer.seal(self.next, last, &self.frame, &mut self.sealed)?;
        self.file.write_all(&self.sealed)?;
        self.frame.clear();
        self.next = self.next.saturating_add(1);
        Ok(())
    }
}
