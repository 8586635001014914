//! The check of a masked Ogg file: both files are taken apart page by page and compared.

use super::demux::{Demux, Role};
use super::stream::Unit;
use crate::mask::{MaskError, MaskPlan, Recheck};
use crate::media::{Cutter, Measured, OggFramer, Piece, ogg_crc_holds, set_ogg_crc};

/// Where a page has its checksum and, behind it, the number of lacing values.
const CRC_AT: usize = 22;
const COUNT_AT: usize = 26;

/// Compares two Ogg files. Pages must agree but for their checksums, for sizes inside rows of
/// masked units, and for the masked units, which must be silent and as long.
pub(super) struct OggCheck {
    source: Side,
    masked: Side,
    /// Bytes of each file that were taken.
    taken: u64,
    scratch: Vec<u8>,
}

struct Side {
    pages: Cutter<OggFramer>,
    demux: Demux,
}

impl OggCheck {
    pub(super) fn new(plan: &MaskPlan, facts: &Measured) -> Self {
        let side = || Side { pages: Cutter::new(OggFramer), demux: Demux::new(plan, facts) };
        Self { source: side(), masked: side(), taken: 0, scratch: Vec::new() }
    }

    fn advance(&mut self, last: bool) -> Result<(), MaskError> {
        while let Some(source) = self.source.pages.next(last)? {
            let wrong = || MaskError::Recheck { offset: source.at };
            let expected = self.source.demux.page(&source.bytes, source.at)?;
            // Pages are equally long, so both are whole at the same time.
            let masked = self.masked.pages.next(last).map_err(|_| wrong())?.ok_or_else(wrong)?;
            let found = self.masked.demux.page(&masked.bytes, masked.at).map_err(|_| wrong())?;
            if !self.pages_agree(&source, &masked, (expected, found)) {
                return Err(wrong());
            }
        }
        Ok(())
    }

    /// Whether `masked` is what should have become of `source`.
    fn pages_agree(&mut self, source: &Piece, masked: &Piece, roles: (Role, Role)) -> bool {
        let (old, new) = (&source.bytes, &masked.bytes);
        let sealed = old == new || ogg_crc_holds(new);
        let head = |page: &[u8]| (page.get(..CRC_AT) == old.get(..CRC_AT)).then_some(page.len());
        let same_head =
            head(new) == Some(old.len()) && old.get(COUNT_AT) == new.get(COUNT_AT) && sealed;
        same_head
            && match roles {
                (Role::Header, Role::Header) => old == new,
                (Role::First(packet, clear), Role::First(..)) => {
                    let mut cleared = old.clone();
                    clear(cleared.get_mut(packet.body).unwrap_or_default());
                    if &cleared != old {
                        set_ogg_crc(&mut cleared);
                    }
                    &cleared == new
                }
                (Role::Sound(expected), Role::Sound(found)) => {
                    let mut pairs = expected.iter().zip(&found);
                    expected.len() == found.len()
                        && pairs.all(|(left, right)| {
                            let contents = (left.bytes(old), right.bytes(new));
                            placed_alike(left, right) && self.content_agrees(left.masked, contents)
                        })
                }
                _ => false,
            }
    }

    /// Whether a unit is silent if it must be, with the old one's bandwidth and channels, and else
    /// as it was.
    fn content_agrees(&mut self, masked: bool, (old, new): (&[u8], &[u8])) -> bool {
        let (source, result) = (self.source.demux.coding(), self.masked.demux.coding());
        let (Some(source), Some(result)) = (source, result) else { return false };
        if masked {
            let expected = source.silence(old, new.len());
            return result.is_silence(new) && expected.is_ok_and(|expected| expected == new);
        }
        self.scratch.clear();
        self.scratch.extend_from_slice(old);
        source.tidy(&mut self.scratch);
        self.scratch == new
    }
}

/// Whether a unit plays when it did, and stands where it did. A masked one on a single page may
/// have another size.
fn placed_alike(old: &Unit, new: &Unit) -> bool {
    let moved = old.masked && old.before.is_empty();
    (old.from, old.to, old.masked) == (new.from, new.to, new.masked)
        && old.before == new.before
        && (moved || old.here == new.here)
}

impl Recheck for OggCheck {
    fn push(&mut self, source: &[u8], masked: &[u8]) -> Result<(), MaskError> {
        self.taken = self.taken.saturating_add(source.len() as u64);
        self.source.pages.push(source);
        self.masked.pages.push(masked);
        self.advance(false)
    }

    fn finish(mut self: Box<Self>) -> Result<(), MaskError> {
        self.advance(true)?;
        self.source.demux.end(self.taken)?;
        match self.masked.pages.next(true) {
            Ok(None) => Ok(()),
            Ok(Some(piece)) => Err(MaskError::Recheck { offset: piece.at }),
            Err(_) => Err(MaskError::Recheck { offset: self.taken }),
        }
    }
}
