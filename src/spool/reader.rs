//! Reads a spool file, forward or from any offset.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt as _;

use super::{
    FRAME_BYTES, LAST_FRAME, MAGIC, MARK, MAX_WRAPPED_KEY_BYTES, NodeKey, ROW, SpoolError,
};
use crate::asset::AssetId;
use crate::seal::{FileKey, FrameOpener};

const TAG_BYTES: u64 = 16;
const HEAD_BYTES: u64 = 4;
/// One frame in this many is remembered, so that a seek reads few frame heads: 16 MiB of
/// plaintext, 24 bytes each; 5 GiB need 8 KiB.
const INDEX_STEP: u64 = 256;

/// A frame's place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    /// Frame number; that of a mark is the one that it would have in its row's predecessor.
    pub(super) number: u64,
    /// Plaintext before it.
    pub(super) plain: u64,
    /// Its first byte in the file.
    pub(super) file: u64,
}

/// The plaintext of a whole spool file. Each frame is verified before a byte of it is given out.
pub struct SpoolReader {
    file: File,
    opener: FrameOpener,
    len: u64,
    index: Vec<Place>,
    position: u64,
    /// The frame in memory, and where its plaintext begins.
    current: Place,
    frame: zeroize::Zeroizing<Vec<u8>>,
    loaded: bool,
}

pub(super) struct Head {
    pub(super) plain: u64,
    pub(super) last: bool,
    mark: bool,
}

/// The first frame of the next row of numbers after that of `number`.
pub(super) const fn next_row(number: u64) -> u64 {
    (number / ROW).saturating_add(1).saturating_mul(ROW)
}

impl Head {
    /// The number with which the frame at `place` was sealed.
    pub(super) const fn sealed_as(&self, place: Place) -> u64 {
        if self.mark { next_row(place.number) } else { place.number }
    }
}

impl SpoolReader {
    pub(super) fn open(file: File, asset: AssetId, key: &NodeKey) -> Result<Self, SpoolError> {
        let (key, first) = file_key(&file, asset, key)?;
        let (index, len) = scan(&file, first)?;
        let frame = zeroize::Zeroizing::new(Vec::with_capacity(FRAME_BYTES + 64));
        let opener = FrameOpener::new(&key);
        let current = first;
        Ok(Self { file, opener, len, index, position: 0, current, frame, loaded: false })
    }

    /// Length of the plaintext in bytes.
    pub const fn len(&self) -> u64 {
        self.len
    }

    /// Whether the plaintext has no bytes.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    fn holds_position(&self) -> bool {
        let end = self.current.plain.saturating_add(self.frame.len() as u64);
        self.loaded && (self.current.plain..end).contains(&self.position)
    }

    /// Loads the frame that holds the position. Invariant: the position is before the end.
    fn load(&mut self) -> Result<(), SpoolError> {
        let near = self.loaded && self.current.plain <= self.position;
        let known = self.index.partition_point(|place| place.plain <= self.position);
        let known = known.checked_sub(1).and_then(|at| self.index.get(at)).copied();
        let known = known.ok_or_else(|| SpoolError::damaged(0))?;
        let mut place =
            if near && self.current.plain >= known.plain { self.current } else { known };
        loop {
            let head = read_head(&self.file, place.file)?;
            let next = after(place, &head);
            if self.position < next.plain || head.last {
                return self.open_frame(place, &head);
            }
            place = next;
        }
    }

    fn open_frame(&mut self, place: Place, head: &Head) -> Result<(), SpoolError> {
        let damaged = SpoolError::damaged(place.file);
        let sealed = usize::try_from(head.plain.saturating_add(TAG_BYTES));
        let Ok(sealed) = sealed else { return Err(damaged) };
        self.loaded = false;
        self.frame.clear();
        self.frame.resize(sealed, 0);
        if self.file.read_exact_at(&mut self.frame, place.file.saturating_add(HEAD_BYTES)).is_err()
            || self.opener.open(head.sealed_as(place), head.last, &mut self.frame).is_err()
        {
            return Err(damaged);
        }
        (self.current, self.loaded) = (place, true);
        Ok(())
    }
}

/// Reads the head of a file: its key, and the place of its first frame.
pub(super) fn file_key(
    file: &File,
    asset: AssetId,
    key: &NodeKey,
) -> Result<(FileKey, Place), SpoolError> {
    let damaged = |_| SpoolError::damaged(0);
    let mut fixed = [0_u8; MAGIC.len() + 2];
    file.read_exact_at(&mut fixed, 0).map_err(damaged)?;
    let (magic, length) = fixed.split_at_checked(MAGIC.len()).unwrap_or((&fixed, &[]));
    let length: [u8; 2] = length.try_into().map_err(|_| SpoolError::damaged(8))?;
    let length = usize::from(u16::from_be_bytes(length));
    if magic != MAGIC || length > MAX_WRAPPED_KEY_BYTES {
        return Err(SpoolError::damaged(0));
    }
    let mut wrapped = vec![0_u8; length];
    file.read_exact_at(&mut wrapped, fixed.len() as u64).map_err(damaged)?;
    let key = key.unwrap(&wrapped, asset)?;
    Ok((key, Place { number: 0, plain: 0, file: (fixed.len() + length) as u64 }))
}

/// Walks the frame heads once: finds the length, and that the last frame is there.
fn scan(file: &File, first: Place) -> Result<(Vec<Place>, u64), SpoolError> {
    let size = file.metadata()?.len();
    let mut index = Vec::new();
    let mut place = first;
    loop {
        if place.number.is_multiple_of(INDEX_STEP) {
            index.push(place);
        }
        let head = read_head(file, place.file)?;
        let next = after(place, &head);
        if next.file > size || (head.plain == 0 && !head.last && !head.mark) {
            return Err(SpoolError::damaged(place.file));
        }
        if head.last {
            return Ok((index, next.plain));
        }
        place = next;
    }
}

pub(super) fn read_head(file: &File, at: u64) -> Result<Head, SpoolError> {
    let mut head = [0_u8; 4];
    file.read_exact_at(&mut head, at).map_err(|_| SpoolError::damaged(at))?;
    let head = u32::from_be_bytes(head);
    let plain = u64::from(head & !(LAST_FRAME | MARK));
    let (last, mark) = (head & LAST_FRAME != 0, head & MARK != 0);
    if plain > FRAME_BYTES as u64 || (mark && (last || plain > 0)) {
        return Err(SpoolError::damaged(at));
    }
    Ok(Head { plain, last, mark })
}

pub(super) const fn after(place: Place, head: &Head) -> Place {
    Place {
        number: head.sealed_as(place).saturating_add(1),
        plain: place.plain.saturating_add(head.plain),
        file: place.file.saturating_add(HEAD_BYTES + TAG_BYTES).saturating_add(head.plain),
    }
}

impl Read for SpoolReader {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.position >= self.len || out.is_empty() {
            return Ok(0);
        }
        if !self.holds_position() {
            self.load().map_err(io::Error::other)?;
        }
        let skip = usize::try_from(self.position.saturating_sub(self.current.plain));
        let rest = skip.ok().and_then(|skip| self.frame.get(skip..)).unwrap_or_default();
        let count = rest.len().min(out.len());
        if let (Some(target), Some(source)) = (out.get_mut(..count), rest.get(..count)) {
            target.copy_from_slice(source);
        }
        self.position = self.position.saturating_add(count as u64);
        Ok(count)
    }
}

impl Seek for SpoolReader {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let target = match to {
            SeekFrom::Start(offset) => Some(offset),
            SeekFrom::End(delta) => self.len.checked_add_signed(delta),
            SeekFrom::Current(delta) => self.position.checked_add_signed(delta),
        };
        self.position = target.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        Ok(self.position)
    }
}
