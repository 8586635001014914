//! Pages that wait for the end of a packet that they hold the beginning of.

use std::collections::VecDeque;

use super::stream::Place;
use crate::mask::MaskError;
use crate::media::{MediaError, ogg_crc_holds, set_ogg_crc};

/// Most bytes of pages that may wait; a packet of sound has fewer.
const MAX_WAITING_BYTES: u64 = 4 * 1024 * 1024;

struct Waiting {
    at: u64,
    source: Vec<u8>,
    bytes: Vec<u8>,
    /// Its last packet has not ended yet.
    open: bool,
}

/// Pages in file order. Invariant: the first one is open, except while a page is worked on.
#[derive(Default)]
pub(super) struct Queue {
    pages: VecDeque<Waiting>,
    /// Number of the first one in the file.
    first: u64,
    waiting: u64,
}

impl Queue {
    /// Appends a page at byte `at` of the file; gives it its number.
    ///
    /// # Errors
    /// A limit when too much waits.
    pub(super) fn push(&mut self, bytes: Vec<u8>, at: u64, open: bool) -> Result<u64, MaskError> {
        self.waiting = self.waiting.saturating_add(bytes.len() as u64);
        MediaError::check("the bytes behind an open packet", self.waiting, MAX_WAITING_BYTES)?;
        self.pages.push_back(Waiting { at, source: bytes.clone(), bytes, open });
        Ok(self.first.saturating_add(self.pages.len() as u64).saturating_sub(1))
    }

    /// A page's bytes, to be changed.
    pub(super) fn page(&mut self, number: u64) -> Option<&mut Vec<u8>> {
        self.waiting(number).map(|page| &mut page.bytes)
    }

    /// Bytes of a page, to be changed.
    pub(super) fn place(&mut self, place: &Place) -> Option<&mut [u8]> {
        self.page(place.page)?.get_mut(place.range.clone())
    }

    /// Says that the last packet of a page has ended.
    pub(super) fn close(&mut self, number: u64) {
        if let Some(page) = self.waiting(number) {
            page.open = false;
        }
    }

    /// Appends the pages up to the first open one to `out`; changed ones get their checksum.
    ///
    /// # Errors
    /// Malformed when a page that was changed did not have the checksum that it should have.
    pub(super) fn release(&mut self, out: &mut Vec<u8>) -> Result<(), MaskError> {
        while let Some(mut page) = self.pages.pop_front_if(|page| !page.open) {
            if page.bytes != page.source {
                if !ogg_crc_holds(&page.source) {
                    return Err(MediaError::malformed("a page is damaged", page.at).into());
                }
                set_ogg_crc(&mut page.bytes);
            }
            out.extend_from_slice(&page.bytes);
            self.waiting = self.waiting.saturating_sub(page.bytes.len() as u64);
            self.first = self.first.saturating_add(1);
        }
        Ok(())
    }

    fn waiting(&mut self, number: u64) -> Option<&mut Waiting> {
        let index = usize::try_from(number.checked_sub(self.first)?).ok()?;
        self.pages.get_mut(index)
    }
}
