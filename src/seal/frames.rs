//! Encryption at rest for the spool: a key per file, wrapped by the node's key, and frames.
//!
//! A frame is AES-256-GCM ciphertext and its 16-byte tag:
//!
//! ```text
//!   nonce  00 00 00 00 | frame number, 8 bytes big endian
//!   AAD    last flag, 1 byte | plaintext length, 4 bytes big endian
//! ```
//!
//! The number stops re-ordering, the flag stops truncation. A [`FileKey`] serves one file, and no
//! frame number is sealed twice with different contents.

use aes_gcm::{Aes256Gcm, KeyInit as _, Nonce, aead::AeadInOut as _};
use zeroize::Zeroizing;

use super::{error::SealError, random::Random};

/// Bytes that a frame adds to its plaintext.
const FRAME_OVERHEAD: usize = 16;
const NONCE_BYTES: usize = 12;
const KEY_BYTES: usize = 32;

/// The key of one spool file. Wiped on drop.
pub struct FileKey(Zeroizing<[u8; KEY_BYTES]>);

impl FileKey {
    /// Draws a new key.
    ///
    /// # Errors
    /// [`SealError::Random`].
    pub fn generate(random: &dyn Random) -> Result<Self, SealError> {
        let mut bytes = Zeroizing::new([0; KEY_BYTES]);
        random.fill(&mut *bytes)?;
        Ok(Self(bytes))
    }
}

/// The node's key, which wraps file keys. Wiped on drop.
pub struct WrapKey(Aes256Gcm);

impl WrapKey {
    /// Takes 32 random bytes, read from the operator's secret file.
    pub fn from_bytes(bytes: &[u8; KEY_BYTES]) -> Self {
        Self(Aes256Gcm::new(bytes.into()))
    }

    /// Wraps `key`, bound to `aad` (the name of what it opens): nonce, ciphertext, tag.
    ///
    /// # Errors
    /// [`SealError::Random`], or [`SealError::Internal`] if the cipher refuses.
    pub fn wrap(
        &self,
        key: &FileKey,
        aad: &[u8],
        random: &dyn Random,
    ) -> Result<Vec<u8>, SealError> {
        let mut nonce = [0; NONCE_BYTES];
        random.fill(&mut nonce)?;
        let mut sealed = key.0.to_vec();
        let tag = self
            .0
            .encrypt_inout_detached(&Nonce::from(nonce), aad, sealed.as_mut_slice().into())
            .map_err(|_| SealError::Internal { what: "wrapping a key" })?;
        Ok([&nonce, sealed.as_slice(), tag.as_slice()].concat())
    }

    /// Opens what [`wrap`](Self::wrap) made with the same `aad`.
    ///
    /// # Errors
    /// [`SealError::NotAuthentic`] for anything else.
    pub fn unwrap(&self, wrapped: &[u8], aad: &[u8]) -> Result<FileKey, SealError> {
        let (nonce, sealed) =
            wrapped.split_first_chunk::<NONCE_BYTES>().ok_or(SealError::NotAuthentic)?;
        let mut plain = Zeroizing::new(sealed.to_vec());
        self.0
            .decrypt_in_place(&Nonce::from(*nonce), aad, &mut *plain)
            .map_err(|_| SealError::NotAuthentic)?;
        let bytes = plain.as_slice().try_into().map_err(|_| SealError::NotAuthentic)?;
        Ok(FileKey(Zeroizing::new(bytes)))
    }
}

fn nonce(seq: u64) -> [u8; NONCE_BYTES] {
    let mut nonce = [0; NONCE_BYTES];
    nonce.iter_mut().skip(4).zip(seq.to_be_bytes()).for_each(|(slot, byte)| *slot = byte);
    nonce
}

fn associated(last: bool, plaintext_len: usize) -> Result<[u8; 5], SealError> {
    let len = u32::try_from(plaintext_len)
        .map_err(|_| SealError::LimitReached { limit: "frame bytes", max: u32::MAX.into() })?;
    let [a, b, c, d] = len.to_be_bytes();
    Ok([u8::from(last), a, b, c, d])
}

/// Seals the frames of one file.
pub struct FrameSealer(Aes256Gcm);

impl FrameSealer {
    /// Seals with `key`, which must serve no other file.
    pub fn new(key: &FileKey) -> Self {
        Self(Aes256Gcm::new((&*key.0).into()))
    }

    /// Appends frame number `seq` to `out`: ciphertext and tag.
    ///
    /// # Errors
    /// [`SealError::LimitReached`] above 4 GiB; `out` is then unchanged.
    pub fn seal(
        &self,
        seq: u64,
        last: bool,
        plaintext: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), SealError> {
        let aad = associated(last, plaintext.len())?;
        let from = out.len();
        out.reserve(plaintext.len().saturating_add(FRAME_OVERHEAD));
        out.extend_from_slice(plaintext);
        let frame = out.get_mut(from..).unwrap_or_default();
        match self.0.encrypt_inout_detached(&Nonce::from(nonce(seq)), &aad, frame.into()) {
            Ok(tag) => {
                out.extend_from_slice(&tag);
                Ok(())
            }
            Err(_) => {
                out.truncate(from);
                Err(SealError::Internal { what: "sealing a frame" })
            }
        }
    }
}

/// Opens the frames of one file.
pub struct FrameOpener(Aes256Gcm);

impl FrameOpener {
    /// Opens with the key that sealed the file.
    pub fn new(key: &FileKey) -> Self {
        Self(Aes256Gcm::new((&*key.0).into()))
    }

    /// Turns ciphertext and tag of frame `seq` into its plaintext, in place.
    ///
    /// # Errors
    /// [`SealError::NotAuthentic`] if number, flag, length, key or bytes differ from what was
    /// sealed; `frame` is then not plaintext.
    pub fn open(&self, seq: u64, last: bool, frame: &mut Vec<u8>) -> Result<(), SealError> {
        let len = frame.len().checked_sub(FRAME_OVERHEAD).ok_or(SealError::NotAuthentic)?;
        let aad = associated(last, len)?;
        self.0
            .decrypt_in_place(&Nonce::from(nonce(seq)), &aad, frame)
            .map_err(|_| SealError::NotAuthentic)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seal::SystemRandom;

    #[test]
    fn a_wrapped_key_opens_only_with_its_name() {
        let node = WrapKey::from_bytes(&[7; 32]);
        let key = FileKey::generate(&SystemRandom).unwrap();
        let wrapped = node.wrap(&key, b"asset-1", &SystemRandom).unwrap();
        assert_eq!(wrapped.len(), 60);
        assert_eq!(*node.unwrap(&wrapped, b"asset-1").unwrap().0, *key.0);
        assert!(node.unwrap(&wrapped, b"asset-2").is_err());
        assert!(WrapKey::from_bytes(&[8; 32]).unwrap(&wrapped, b"asset-1").is_err());
        for len in 0..wrapped.len() {
            assert!(node.unwrap(&wrapped[..len], b"asset-1").is_err());
        }
    }

    #[test]
    fn frames_cannot_be_moved_cut_or_changed() {
        let key = FileKey::generate(&SystemRandom).unwrap();
        let (sealer, opener) = (FrameSealer::new(&key), FrameOpener::new(&key));
        for len in [0, 1, 16, 70_000] {
            let plain = vec![0x5a; len];
            let mut sealed = b"before".to_vec();
            sealer.seal(3, true, &plain, &mut sealed).unwrap();
            let sealed = sealed.split_off(6);
            assert_eq!(sealed.len(), len + FRAME_OVERHEAD);
            let mut frame = sealed.clone();
            opener.open(3, true, &mut frame).unwrap();
            assert_eq!(frame, plain);
            assert!(opener.open(2, true, &mut sealed.clone()).is_err());
            assert!(opener.open(3, false, &mut sealed.clone()).is_err());
            assert!(opener.open(3, true, &mut sealed[1..].to_vec()).is_err());
            let mut changed = sealed;
            changed[len / 2] ^= 1;
            assert!(opener.open(3, true, &mut changed).is_err());
        }
        assert!(opener.open(0, false, &mut vec![0; 15]).is_err());
    }
}
