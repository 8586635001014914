//! The check after the rewrite: every masked sample is silent, every other byte is the source's.
//!
//! It shares the format's reader with the rewriter, but not the arithmetic from time to bytes.

use std::io::SeekFrom;

use super::patch::Edit;
use super::silence::{refuse_channels, unsupported};
use super::{MaskError, MaskPlan, aac, amr, flac, gsm, matroska, mp3, mp4, ogg, wav};
use crate::media::{Container, Measured, MediaError, ReadSeek};

/// Bytes compared with silence at a time.
const COMPARED_BYTES: usize = 512;
/// How much of each file is read at a time.
const READ_BYTES: usize = 64 * 1024;

/// Compares a masked file with its source as both stream past.
pub trait Recheck: Send {
    /// Takes the next bytes of both files, equally many of each.
    ///
    /// # Errors
    /// [`MaskError::Recheck`] names the first byte that is wrong.
    fn push(&mut self, source: &[u8], masked: &[u8]) -> Result<(), MaskError>;

    /// At how many of the next places nothing but the source's bytes belongs.
    fn untouched(&self) -> u64 {
        0
    }

    /// Steps over `len` of the [`Recheck::untouched`] places, which hold the source's own bytes.
    fn pass(&mut self, _len: u64) {}

    /// Ends both files.
    ///
    /// # Errors
    /// [`MaskError::Length`] when they ended early.
    fn finish(self: Box<Self>) -> Result<(), MaskError>;
}

/// The check for the file in `source` under `plan`.
///
/// # Errors
/// As [`super::open_silencer`].
pub fn open_recheck(
    source: &mut dyn ReadSeek,
    facts: &Measured,
    plan: &MaskPlan,
) -> Result<Box<dyn Recheck>, MaskError> {
    if plan.is_empty() {
        return Ok(Box::new(ByteRecheck::new(Vec::new(), facts.bytes)));
    }
    refuse_channels(facts, plan)?;
    match facts.container {
        Container::Wav | Container::Rf64 => wav::check(source, facts, plan),
        Container::Mp3 => Ok(mp3::open_check(facts, plan)),
        Container::Ogg => Ok(ogg::open_check(facts, plan)),
        Container::Matroska => Ok(matroska::open_check(facts, plan)),
        Container::Flac => flac::check(source, facts, plan),
        Container::Adts => aac::check(source, facts, plan),
        Container::Amr => amr::check(source, facts, plan),
        Container::Gsm => Ok(gsm::check(facts, plan)),
        Container::Mp4 => mp4::open_check(source, facts, plan),
        Container::Unknown => Err(unsupported(facts)),
    }
}

/// Reads both files from their beginnings and checks them.
///
/// # Errors
/// As [`Recheck`] and [`open_recheck`], and I/O.
pub fn recheck_files(
    source: &mut dyn ReadSeek,
    masked: &mut dyn ReadSeek,
    facts: &Measured,
    plan: &MaskPlan,
) -> Result<(), MaskError> {
    let mut check = open_recheck(source, facts, plan)?;
    source.seek(SeekFrom::Start(0)).map_err(MediaError::Io)?;
    masked.seek(SeekFrom::Start(0)).map_err(MediaError::Io)?;
    let (mut left, mut right) = (vec![0; READ_BYTES], vec![0; READ_BYTES]);
    loop {
        let of_source = fill(source, &mut left)?;
        let of_masked = fill(masked, &mut right)?;
        check.push(of_source, of_masked)?;
        if of_source.len() < READ_BYTES {
            return check.finish();
        }
    }
}

/// Reads until `buffer` is full or the file ends.
fn fill<'a>(file: &mut dyn ReadSeek, buffer: &'a mut [u8]) -> Result<&'a [u8], MaskError> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match file.read(rest).map_err(MediaError::Io)? {
            0 => break,
            got => filled += got,
        }
    }
    Ok(buffer.get(..filled).unwrap_or_default())
}

/// The check for formats whose masks are byte ranges, and for files without a mask.
pub(super) struct ByteRecheck {
    /// What must stand where; elsewhere the source's bytes. Invariant: sorted; two ranges that
    /// overlap have the same fill.
    expected: Vec<Edit>,
    position: u64,
    /// The first range that does not lie wholly behind `position`.
    next: usize,
    total: u64,
}

impl ByteRecheck {
    /// For a file of `total` bytes.
    pub(super) fn new(mut expected: Vec<Edit>, total: u64) -> Self {
        expected.sort_by_key(|edit| edit.from);
        Self { expected, position: 0, next: 0, total }
    }
}

impl Recheck for ByteRecheck {
    fn push(&mut self, source: &[u8], masked: &[u8]) -> Result<(), MaskError> {
        let start = self.position;
        let found = start.saturating_add(masked.len() as u64);
        if source.len() != masked.len() || found > self.total {
            return Err(MaskError::Length { expected: self.total, found });
        }
        let mut at = start;
        while at < found {
            let edit = self.expected.get(self.next).filter(|edit| edit.from < found);
            let Some(edit) = edit else {
                same(source, masked, start, at..found)?;
                break;
            };
            if at < edit.from {
                same(source, masked, start, at..edit.from)?;
                at = edit.from;
            }
            let until = edit.to.min(found).max(at);
            filled(edit, masked, start, at..until)?;
            at = until;
            if edit.to <= found {
                self.next += 1;
            }
        }
        self.position = found;
        Ok(())
    }

    fn untouched(&self) -> u64 {
        let next = self.expected.get(self.next).map_or(self.total, |edit| edit.from);
        next.min(self.total).saturating_sub(self.position)
    }

    fn pass(&mut self, len: u64) {
        self.position = self.position.saturating_add(len);
    }

    fn finish(self: Box<Self>) -> Result<(), MaskError> {
        if self.position != self.total && self.total != Measured::OPEN_END {
            return Err(MaskError::Length { expected: self.total, found: self.position });
        }
        Ok(())
    }
}

/// The bytes of file positions `range` in a chunk that begins at `start`.
fn part<'a>(chunk: &'a [u8], start: u64, range: &std::ops::Range<u64>) -> Option<&'a [u8]> {
    let from = usize::try_from(range.start.checked_sub(start)?).ok()?;
    let to = usize::try_from(range.end.checked_sub(start)?).ok()?;
    chunk.get(from..to)
}

fn same(
    source: &[u8],
    masked: &[u8],
    start: u64,
    range: std::ops::Range<u64>,
) -> Result<(), MaskError> {
    let (left, right) = (part(source, start, &range), part(masked, start, &range));
    if left.is_some() && left == right {
        return Ok(());
    }
    let pairs = left.unwrap_or_default().iter().zip(right.unwrap_or_default());
    let equal = pairs.take_while(|(left, right)| left == right).count();
    Err(MaskError::Recheck { offset: range.start.saturating_add(equal as u64) })
}

/// Without leaving early, which is what lets the compiler compare many bytes at once.
fn is_all(bytes: &[u8], value: u8) -> bool {
    bytes.iter().fold(0, |different, byte| different | (byte ^ value)) == 0
}

fn filled(
    edit: &Edit,
    masked: &[u8],
    start: u64,
    range: std::ops::Range<u64>,
) -> Result<(), MaskError> {
    let bytes = part(masked, start, &range).ok_or(MaskError::Recheck { offset: range.start })?;
    let [even, odd] = edit.fill;
    if even == odd && bytes.chunks(COMPARED_BYTES).all(|part| is_all(part, even)) {
        return Ok(());
    }
    match bytes.iter().zip(range).find(|(byte, at)| **byte != edit.byte_at(*at)) {
        Some((_, offset)) => Err(MaskError::Recheck { offset }),
        None => Ok(()),
    }
}
