//! Checksums of clusters. They stand in front of what they cover, so that a cluster that has one is
//! held until its end.

use std::collections::VecDeque;

use super::guide::held_back;
use crate::mask::MaskError;
use crate::media::MediaError;
use crate::media::matroska::Crc32;

/// Longest cluster with a checksum. Muxers begin a new one after 5 MiB or 5 s.
const MAX_CLUSTER_BYTES: usize = 64 * 1024 * 1024;
/// Length of a checksum in bytes.
const SUM_BYTES: usize = 4;

/// Compares a cluster's checksum with its content as both stream past.
#[derive(Default)]
pub(super) struct Comparison {
    open: Option<([u8; SUM_BYTES], u64, Crc32)>,
}

impl Comparison {
    /// Begins with a `CRC-32` element at byte `at`.
    pub(super) fn begin(&mut self, element: &[u8], at: u64) {
        let sum = element.last_chunk().copied().unwrap_or_default();
        self.open = Some((sum, at, Crc32::default()));
    }

    /// Takes the next bytes of the cluster.
    pub(super) fn update(&mut self, bytes: &[u8]) {
        if let Some((_, _, crc)) = &mut self.open {
            crc.update(bytes);
        }
    }

    /// Ends the cluster: where the checksum stands if it is wrong.
    pub(super) fn end(&mut self) -> Option<u64> {
        let (sum, at, crc) = self.open.take()?;
        (crc.finish() != sum).then_some(at)
    }
}

/// A checksum that is to be computed.
struct Pending {
    /// Offset of its four bytes in the file.
    sum_at: u64,
    /// Where its cluster ends, once that is known.
    end: Option<u64>,
}

/// Computes checksums of the bytes that leave.
#[derive(Default)]
pub(super) struct Checksums {
    /// In file order.
    pending: VecDeque<Pending>,
    /// Bytes that are held, from the first pending checksum on or from anywhere before it.
    held: Vec<u8>,
    /// Offset in the file of the first held byte.
    at: u64,
}

impl Checksums {
    /// A checksum whose four bytes are at `sum_at` covers what follows them.
    pub(super) fn begin(&mut self, sum_at: u64) {
        self.pending.push_back(Pending { sum_at, end: None });
    }

    /// The cluster of the last checksum ends at `end`.
    pub(super) fn end(&mut self, end: u64) {
        if let Some(pending) = self.pending.back_mut().filter(|pending| pending.end.is_none()) {
            pending.end = Some(end);
        }
    }

    /// Takes the next bytes of the result, and appends to `out` what is final.
    ///
    /// # Errors
    /// Quarantine when a cluster is too long to be held.
    pub(super) fn push(&mut self, bytes: &mut Vec<u8>, out: &mut Vec<u8>) -> Result<(), MaskError> {
        self.held.append(bytes);
        loop {
            let Some(pending) = self.pending.front() else {
                self.give(usize::MAX, out);
                return Ok(());
            };
            let before = usize::try_from(pending.sum_at.saturating_sub(self.at));
            let end = pending.end;
            self.give(before.unwrap_or(usize::MAX), out);
            let len = end.and_then(|end| usize::try_from(end.saturating_sub(self.at)).ok());
            let cluster = len.and_then(|len| self.held.get_mut(..len));
            let Some((sum, content)) = cluster.and_then(<[u8]>::split_first_chunk_mut::<SUM_BYTES>)
            else {
                break;
            };
            *sum = Crc32::of(content);
            self.give(len.unwrap_or(0), out);
            self.pending.pop_front();
        }
        if self.held.len() > MAX_CLUSTER_BYTES {
            let what = format!("a cluster of more than {MAX_CLUSTER_BYTES} bytes with a checksum");
            return Err(held_back(what, self.at));
        }
        Ok(())
    }

    /// Lets at most `len` bytes go.
    fn give(&mut self, len: usize, out: &mut Vec<u8>) {
        let len = len.min(self.held.len());
        out.extend(self.held.drain(..len));
        self.at = self.at.saturating_add(len as u64);
    }
}

/// The error for a source whose cluster does not have the checksum at `at`.
pub(super) fn wrong_sum(at: u64) -> MediaError {
    MediaError::malformed("a cluster whose checksum is wrong", at)
}
