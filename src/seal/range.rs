//! Decrypts any range of a stored object without the rest of it.
//!
//! What comes out is **not authentic by itself**: neither GCM's tag nor CBC's padding covers a
//! range. The caller verifies the stored bytes against the segment digests of the record before it
//! hands on anything made from them.

use std::ops::Range;

use bytes::Bytes;

use super::{
    cbc::{BLOCK_BYTES, BlockDecryptor},
    cipher::ContentKey,
    error::SealError,
    gcm::Keystream,
    header::{Content, EnvelopeHeader},
    private_key::PrivateKey,
    random::Random,
};

enum Form {
    Clear,
    Gcm { key: ContentKey, nonce: [u8; 12] },
    Cbc { key: ContentKey, iv: [u8; BLOCK_BYTES] },
}

/// Knows where each plaintext byte of one stored object lies, and how to decrypt it.
pub struct RangeOpener {
    form: Form,
    payload_offset: u64,
    plaintext_len: u64,
}

impl RangeOpener {
    /// For a stored CMS message, whose header was read from its first bytes.
    ///
    /// # Errors
    /// [`SealError::NoRecipient`], [`SealError::Random`], [`SealError::Unsupported`] for segmented
    /// content, which our sealer never writes, or [`SealError::LengthMismatch`] if the envelope's
    /// length differs from what `plaintext_len` seals to.
    pub fn attached(
        header: &EnvelopeHeader,
        key: &PrivateKey,
        plaintext_len: u64,
        random: &dyn Random,
    ) -> Result<Self, SealError> {
        if header.content() == Content::Absent {
            return Err(SealError::Unsupported { what: "an envelope without content" });
        }
        Self::new(header, key.content_key(header, random)?, plaintext_len)
    }

    /// For bare ciphertext, whose envelope (PEM) is kept elsewhere.
    ///
    /// # Errors
    /// As [`attached`](Self::attached), and any error about the envelope's bytes.
    pub fn detached(
        envelope: &str,
        key: &PrivateKey,
        plaintext_len: u64,
        random: &dyn Random,
    ) -> Result<Self, SealError> {
        let header = EnvelopeHeader::parse_detached(envelope.as_bytes())?;
        Self::new(&header, key.content_key(&header, random)?, plaintext_len)
    }

    fn new(
        header: &EnvelopeHeader,
        key: ContentKey,
        plaintext_len: u64,
    ) -> Result<Self, SealError> {
        const IV: SealError = SealError::Unsupported { what: "a vector of another length" };
        let cipher = header.cipher();
        if header.content() == Content::Segmented {
            return Err(SealError::Unsupported { what: "ranges of segmented content" });
        }
        if key.as_bytes().len() != cipher.key_bytes() {
            return Err(SealError::NotAuthentic);
        }
        let expected = cipher
            .ciphertext_len(plaintext_len)
            .filter(|len| len.checked_add(header.payload_offset()).is_some())
            .ok_or(SealError::LimitReached { limit: "stored bytes", max: u64::MAX })?;
        if let Some(declared) = header.payload_len().filter(|len| *len != expected) {
            return Err(SealError::LengthMismatch { declared, seen: expected });
        }
        let form = if cipher.is_authenticated() {
            Form::Gcm { key, nonce: header.iv().try_into().map_err(|_| IV)? }
        } else {
            Form::Cbc { key, iv: header.iv().try_into().map_err(|_| IV)? }
        };
        Ok(Self { form, payload_offset: header.payload_offset(), plaintext_len })
    }

    /// For an object that policy left unsealed.
    pub const fn clear(plaintext_len: u64) -> Self {
        Self { form: Form::Clear, payload_offset: 0, plaintext_len }
    }

    /// The stored bytes that plaintext `from..to` is made of. A range that passes the end is cut
    /// there, and a reversed one is empty.
    pub fn stored_range(&self, from: u64, to: u64) -> Range<u64> {
        let (from, to) = self.cut(from, to);
        let (start, end) = match self.form {
            Form::Cbc { .. } if from < to => {
                let block = BLOCK_BYTES as u64;
                // The block before decrypts the first one; the first of all has the vector.
                let start = (from / block).saturating_sub(1).saturating_mul(block);
                (start, to.div_ceil(block).saturating_mul(block))
            }
            _ => (from, to),
        };
        // Invariant: `new` has checked that the end of the content fits 64 bits.
        let place = |at: u64| at.saturating_add(self.payload_offset);
        place(start)..place(end)
    }

    /// Starts to decrypt plaintext `from..to`, cut as above; push the bytes of
    /// [`stored_range`](Self::stored_range).
    pub fn stream(&self, from: u64, to: u64) -> RangeStream {
        let stored = self.stored_range(from, to);
        let (from, to) = self.cut(from, to);
        let mut skip = 0;
        let decryptor = match &self.form {
            Form::Clear => Ok(Decryptor::Clear),
            Form::Gcm { key, nonce } => {
                Keystream::at(key.as_bytes(), nonce, from).map(Decryptor::Gcm)
            }
            Form::Cbc { key, iv } => {
                // The block before the first one opens to noise, and is skipped.
                skip = from.saturating_sub(stored.start.saturating_sub(self.payload_offset));
                BlockDecryptor::new(key.as_bytes(), iv)
                    .map(|decryptor| Decryptor::Cbc(Box::new(decryptor)))
            }
        };
        RangeStream {
            decryptor: decryptor.ok(),
            skip,
            plain_left: to.saturating_sub(from),
            stored_left: stored.end.saturating_sub(stored.start),
        }
    }

    fn cut(&self, from: u64, to: u64) -> (u64, u64) {
        let to = to.min(self.plaintext_len);
        (from.min(to), to)
    }
}

enum Decryptor {
    Clear,
    Gcm(Keystream),
    Cbc(Box<BlockDecryptor>),
}

/// One range on its way to plaintext. Unauthenticated, as the module says.
pub struct RangeStream {
    /// `None` if the cipher refused at the start; the first push says so.
    decryptor: Option<Decryptor>,
    /// Plaintext to drop before the range begins.
    skip: u64,
    plain_left: u64,
    stored_left: u64,
}

impl RangeStream {
    /// Decrypts the next stored bytes and appends their part of the range to `out`.
    ///
    /// # Errors
    /// [`SealError::LengthMismatch`] for more bytes than the range has.
    pub fn push(&mut self, stored: &[u8], out: &mut Vec<u8>) -> Result<(), SealError> {
        let (declared, seen) = (self.stored_left, stored.len() as u64);
        self.stored_left =
            declared.checked_sub(seen).ok_or(SealError::LengthMismatch { declared, seen })?;
        let from = out.len();
        let refused = SealError::Internal { what: "starting a range" };
        match self.decryptor.as_mut().ok_or(refused)? {
            Decryptor::Clear => out.extend_from_slice(stored),
            Decryptor::Gcm(keystream) => {
                out.extend_from_slice(stored);
                keystream.apply(out.get_mut(from..).unwrap_or_default())?;
            }
            Decryptor::Cbc(decryptor) => decryptor.push(stored, out),
        }
        let fresh = out.len().saturating_sub(from);
        let skip = usize::try_from(self.skip).unwrap_or(usize::MAX).min(fresh);
        out.drain(from..from.saturating_add(skip));
        let keep = usize::try_from(self.plain_left).unwrap_or(usize::MAX);
        out.truncate(from.saturating_add(keep));
        self.skip = self.skip.saturating_sub(skip as u64);
        self.plain_left = self.plain_left.saturating_sub((out.len() - from) as u64);
        Ok(())
    }

    /// The same for bytes that are shared: those of an unsealed object are not copied.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    pub fn open(&mut self, stored: Bytes) -> Result<Bytes, SealError> {
        if !matches!(self.decryptor, Some(Decryptor::Clear)) {
            let mut clear = Vec::with_capacity(stored.len());
            self.push(&stored, &mut clear)?;
            return Ok(clear.into());
        }
        let (declared, seen) = (self.stored_left, stored.len() as u64);
        self.stored_left =
            declared.checked_sub(seen).ok_or(SealError::LengthMismatch { declared, seen })?;
        // Each stored byte is one of the range.
        self.plain_left = self.stored_left;
        Ok(stored)
    }

    /// Whether the range has come to its end.
    ///
    /// # Errors
    /// [`SealError::LengthMismatch`] if stored bytes are missing.
    pub fn finish(&self) -> Result<(), SealError> {
        match self.stored_left {
            0 => Ok(()),
            declared => Err(SealError::LengthMismatch { declared, seen: 0 }),
        }
    }
}
