//! Big-endian fields of one box.

use super::MediaError;

/// Reads the fields of a payload one after the other.
#[derive(Debug, Clone)]
pub struct Fields<'a> {
    rest: &'a [u8],
    /// Offset in the file of the first byte of `rest`.
    at: u64,
}

impl<'a> Fields<'a> {
    /// Begins at the first byte of `payload`, which is byte `at` of the file.
    pub const fn new(payload: &'a [u8], at: u64) -> Self {
        Self { rest: payload, at }
    }

    /// What was not read.
    pub const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Offset in the file of the next field.
    pub const fn at(&self) -> u64 {
        self.at
    }

    /// The next `N` bytes.
    ///
    /// # Errors
    /// Malformed when the box ends before; so for all fields.
    pub fn bytes<const N: usize>(&mut self) -> Result<[u8; N], MediaError> {
        let (field, rest) = self.rest.split_first_chunk::<N>().ok_or_else(|| self.short())?;
        self.rest = rest;
        self.at = self.at.saturating_add(N as u64);
        Ok(*field)
    }

    /// The next `len` bytes.
    ///
    /// # Errors
    /// As [`Fields::bytes`].
    pub fn take(&mut self, len: usize) -> Result<&'a [u8], MediaError> {
        let (field, rest) = self.rest.split_at_checked(len).ok_or_else(|| self.short())?;
        self.rest = rest;
        self.at = self.at.saturating_add(len as u64);
        Ok(field)
    }

    /// The next 8 bits.
    ///
    /// # Errors
    /// As [`Fields::bytes`].
    pub fn u8(&mut self) -> Result<u8, MediaError> {
        self.bytes().map(u8::from_be_bytes)
    }

    /// The next 16 bits.
    ///
    /// # Errors
    /// As [`Fields::bytes`].
    pub fn u16(&mut self) -> Result<u16, MediaError> {
        self.bytes().map(u16::from_be_bytes)
    }

    /// The next 32 bits.
    ///
    /// # Errors
    /// As [`Fields::bytes`].
    pub fn u32(&mut self) -> Result<u32, MediaError> {
        self.bytes().map(u32::from_be_bytes)
    }

    /// The next 64 bits when `wide`, else 32.
    ///
    /// # Errors
    /// As [`Fields::bytes`].
    pub fn number(&mut self, wide: bool) -> Result<u64, MediaError> {
        if wide { self.bytes().map(u64::from_be_bytes) } else { self.u32().map(u64::from) }
    }

    /// Version and flags of a full box (ISO 14496-12 section 4.2.2).
    ///
    /// # Errors
    /// As [`Fields::bytes`].
    pub fn version(&mut self) -> Result<(u8, u32), MediaError> {
        let word = self.u32()?;
        let [version, _, _, _] = word.to_be_bytes();
        Ok((version, word & 0x00FF_FFFF))
    }

    fn short(&self) -> MediaError {
        MediaError::malformed("a box is shorter than its fields", self.at)
    }
}
