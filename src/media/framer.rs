//! Cuts a stream that has no index into coded units and what lies between them.

use std::io::Read;

use super::MediaError;

/// Longest unit or stretch that a framer may ask to see at once. FLAC's longest legal frame has
/// about 16 MiB; real ones stay below 1 MiB.
pub const MAX_WINDOW_BYTES: usize = 16 * 1024 * 1024;
/// How much of a source is read at a time.
const READ_BYTES: usize = 64 * 1024;

/// What a window begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// The window must have at least this many bytes to tell; never given for the last window.
    More(usize),
    /// So many bytes are no unit: headers, tags, padding.
    Between(usize),
    /// A unit of so many bytes.
    Unit(usize),
}

/// Knows where units begin and end.
pub trait Framer: Send {
    /// What `window`, whose first byte is byte `at` of the file, begins with. `last` says that the
    /// file ends with the window. The window is never empty.
    ///
    /// # Errors
    /// Malformed, with the offset in the file.
    fn cut(&mut self, window: &[u8], at: u64, last: bool) -> Result<Cut, MediaError>;
}

/// A piece of a file. Together, all pieces are the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// Offset in the file.
    pub at: u64,
    /// True for a coded unit.
    pub unit: bool,
    /// Not empty.
    pub bytes: Vec<u8>,
}

/// Runs a framer over bytes that come in any portions.
pub struct Cutter<F> {
    framer: F,
    window: Vec<u8>,
    /// Bytes of `window` that were cut off already.
    done: usize,
    /// Offset in the file of the first byte of `window`.
    at: u64,
    /// How many bytes the framer wants to see.
    wanted: usize,
}

impl<F: Framer> Cutter<F> {
    /// Begins at offset 0.
    pub const fn new(framer: F) -> Self {
        Self { framer, window: Vec::new(), done: 0, at: 0, wanted: 1 }
    }

    /// The framer.
    pub const fn framer(&self) -> &F {
        &self.framer
    }

    /// Takes the next bytes; [`Cutter::next`] then gives the pieces that are whole.
    pub fn push(&mut self, input: &[u8]) {
        if self.done > 0 {
            self.window.drain(..self.done);
            self.at = self.at.saturating_add(self.done as u64);
            self.done = 0;
        }
        self.window.extend_from_slice(input);
    }

    /// The next piece; `None` when more bytes are needed, or at the end of the file (`last`).
    ///
    /// # Errors
    /// The framer's, and a limit when it asks for more than [`MAX_WINDOW_BYTES`].
    pub fn next(&mut self, last: bool) -> Result<Option<Piece>, MediaError> {
        let rest = self.window.get(self.done..).unwrap_or_default();
        if rest.is_empty() || (!last && rest.len() < self.wanted) {
            return Ok(None);
        }
        let at = self.at.saturating_add(self.done as u64);
        let (len, unit) = match self.framer.cut(rest, at, last)? {
            Cut::More(wanted) if !last => {
                MediaError::check(
                    "the length of a coded unit",
                    wanted as u64,
                    MAX_WINDOW_BYTES as u64,
                )?;
                self.wanted = wanted.max(rest.len().saturating_add(1));
                return Ok(None);
            }
            Cut::More(_) => return Err(MediaError::malformed("the file ends inside a unit", at)),
            Cut::Between(len) => (len, false),
            Cut::Unit(len) => (len, true),
        };
        let bytes = rest.get(..len).filter(|bytes| !bytes.is_empty());
        let bytes =
            bytes.ok_or_else(|| MediaError::malformed("the file ends inside a unit", at))?;
        let piece = Piece { at, unit, bytes: bytes.to_vec() };
        self.done += len;
        self.wanted = 1;
        Ok(Some(piece))
    }
}

/// Reads a whole source, and gives each of its units to `each`.
///
/// # Errors
/// The framer's, and I/O.
pub(super) fn each_unit<F: Framer>(
    source: &mut dyn Read,
    framer: F,
    mut each: impl FnMut(&[u8]),
) -> Result<(), MediaError> {
    let mut cutter = Cutter::new(framer);
    let mut buffer = vec![0; READ_BYTES];
    loop {
        let got = source.read(&mut buffer)?;
        cutter.push(buffer.get(..got).unwrap_or_default());
        while let Some(piece) = cutter.next(got == 0)? {
            if piece.unit {
                each(&piece.bytes);
            }
        }
        if got == 0 {
            return Ok(());
        }
    }
}
