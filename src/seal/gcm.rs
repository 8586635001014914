//! AES-GCM over content of any size, piece by piece (NIST SP 800-38D).
//!
//! The one-shot interfaces of the libraries hold a whole message in memory. Here CTR and GHASH run
//! side by side over pieces. A [`Decryptor`] hands out plaintext before the tag is known: its user
//! must not release that plaintext until `verify` has succeeded.

use aes::{Aes128, Aes256};
use ctr::{
    Ctr32BE,
    cipher::{BlockCipherEncrypt as _, KeyInit as _, KeyIvInit as _},
    cipher::{StreamCipher as _, StreamCipherSeek as _},
};
use ghash::{Block, GHash, universal_hash::UniversalHash as _};
use subtle::ConstantTimeEq as _;
use zeroize::{Zeroize as _, Zeroizing};

use super::error::SealError;

/// Most bytes under one key and nonce: 2^32 - 2 blocks (SP 800-38D section 5.2.1.1).
pub(super) const MAX_BYTES: u64 = ((1 << 32) - 2) * 16;
/// Bytes of a full tag.
pub(super) const TAG_BYTES: usize = 16;
/// CTR and GHASH alternate over pieces of this size, which stay in the first-level cache.
const BATCH: usize = 16 * 1024;

const TOO_LONG: SealError = SealError::LimitReached { limit: "gcm content bytes", max: MAX_BYTES };

/// The CTR part alone: for ranges, where the tag cannot be checked.
pub(super) enum Keystream {
    Aes128(Box<Ctr32BE<Aes128>>),
    Aes256(Box<Ctr32BE<Aes256>>),
}

impl Keystream {
    /// The keystream at the counter block J0: its first 16 bytes mask the tag.
    fn start(key: &[u8], nonce: &[u8; 12]) -> Result<Self, SealError> {
        let mut counter = [0; 16];
        let bytes = nonce.iter().chain(&[0, 0, 0, 1]);
        counter.iter_mut().zip(bytes).for_each(|(slot, byte)| *slot = *byte);
        let wrong = |_| SealError::Internal { what: "aes key length" };
        match key.len() {
            16 => {
                Ok(Self::Aes128(Box::new(Ctr32BE::new_from_slices(key, &counter).map_err(wrong)?)))
            }
            _ => {
                Ok(Self::Aes256(Box::new(Ctr32BE::new_from_slices(key, &counter).map_err(wrong)?)))
            }
        }
    }

    /// The keystream for content from byte `offset` on.
    pub(super) fn at(key: &[u8], nonce: &[u8; 12], offset: u64) -> Result<Self, SealError> {
        let position = offset.checked_add(16).ok_or(TOO_LONG)?;
        let mut stream = Self::start(key, nonce)?;
        match &mut stream {
            Self::Aes128(ctr) => ctr.try_seek(position),
            Self::Aes256(ctr) => ctr.try_seek(position),
        }
        .map_err(|_| TOO_LONG)?;
        Ok(stream)
    }

    /// Encrypts or decrypts the next bytes in place.
    pub(super) fn apply(&mut self, bytes: &mut [u8]) -> Result<(), SealError> {
        match self {
            Self::Aes128(ctr) => ctr.try_apply_keystream(bytes),
            Self::Aes256(ctr) => ctr.try_apply_keystream(bytes),
        }
        .map_err(|_| TOO_LONG)
    }
}

/// GHASH over content that comes in pieces of any length.
struct Hash {
    state: GHash,
    partial: [u8; 16],
    /// Invariant: below 16.
    filled: usize,
    bytes: u64,
}

impl Hash {
    fn update(&mut self, mut piece: &[u8]) {
        self.bytes = self.bytes.saturating_add(piece.len() as u64);
        if self.filled > 0 {
            let free = self.partial.get_mut(self.filled..).unwrap_or_default();
            let (now, later) = piece.split_at(free.len().min(piece.len()));
            free.iter_mut().zip(now).for_each(|(slot, byte)| *slot = *byte);
            self.filled += now.len();
            piece = later;
            if self.filled < 16 {
                return;
            }
            self.state.update(&[Block::from(self.partial)]);
        }
        let (blocks, rest) = Block::slice_as_chunks(piece);
        self.state.update(blocks);
        self.partial.iter_mut().zip(rest).for_each(|(slot, byte)| *slot = *byte);
        self.filled = rest.len();
    }

    /// Pads what was taken since the last boundary to whole blocks.
    fn pad(&mut self) {
        let rest = self.partial.get(..self.filled).unwrap_or_default();
        self.state.update_padded(rest);
        self.filled = 0;
    }
}

/// What both directions share.
struct Gcm {
    keystream: Keystream,
    hash: Hash,
    tag_mask: Zeroizing<[u8; TAG_BYTES]>,
    aad_bytes: u64,
}

impl Gcm {
    fn new(key: &[u8], nonce: &[u8; 12], aad: &[u8]) -> Result<Self, SealError> {
        let mut keystream = Keystream::start(key, nonce)?;
        let mut tag_mask = Zeroizing::new([0; TAG_BYTES]);
        keystream.apply(&mut *tag_mask)?;
        let mut subkey = hash_subkey(key)?;
        let state = GHash::new((&*subkey).into());
        subkey.zeroize();
        let mut hash = Hash { state, partial: [0; 16], filled: 0, bytes: 0 };
        hash.update(aad);
        hash.pad();
        hash.bytes = 0;
        Ok(Self { keystream, hash, tag_mask, aad_bytes: aad.len() as u64 })
    }

    fn admit(&self, more: usize) -> Result<(), SealError> {
        let room = MAX_BYTES.saturating_sub(self.hash.bytes);
        if more as u64 > room { Err(TOO_LONG) } else { Ok(()) }
    }

    fn tag(mut self) -> [u8; TAG_BYTES] {
        self.hash.pad();
        // Both are far below 2^61 bytes, so the bit counts fit.
        let aad_bits = self.aad_bytes.wrapping_mul(8).to_be_bytes();
        let bits = self.hash.bytes.wrapping_mul(8).to_be_bytes();
        let mut lengths = [0; 16];
        let both = aad_bits.iter().chain(&bits);
        lengths.iter_mut().zip(both).for_each(|(slot, byte)| *slot = *byte);
        self.hash.state.update(&[Block::from(lengths)]);
        let mut tag: [u8; TAG_BYTES] = self.hash.state.finalize().into();
        tag.iter_mut().zip(self.tag_mask.iter()).for_each(|(slot, mask)| *slot ^= mask);
        tag
    }
}

/// H: the zero block, encrypted.
fn hash_subkey(key: &[u8]) -> Result<Zeroizing<[u8; 16]>, SealError> {
    let wrong = |_| SealError::Internal { what: "aes key length" };
    let mut block = aes::Block::default();
    match key.len() {
        16 => Aes128::new_from_slice(key).map_err(wrong)?.encrypt_block(&mut block),
        _ => Aes256::new_from_slice(key).map_err(wrong)?.encrypt_block(&mut block),
    }
    let subkey = Zeroizing::new(block.into());
    block.as_mut_slice().zeroize();
    Ok(subkey)
}

/// Encrypts one content.
pub(super) struct Encryptor(Gcm);

impl Encryptor {
    /// Starts with a key of 16 or 32 bytes. A nonce serves a key once.
    pub(super) fn new(key: &[u8], nonce: &[u8; 12], aad: &[u8]) -> Result<Self, SealError> {
        Gcm::new(key, nonce, aad).map(Self)
    }

    /// Encrypts the next bytes in place.
    pub(super) fn apply(&mut self, bytes: &mut [u8]) -> Result<(), SealError> {
        self.0.admit(bytes.len())?;
        for batch in bytes.chunks_mut(BATCH) {
            self.0.keystream.apply(batch)?;
            self.0.hash.update(batch);
        }
        Ok(())
    }

    /// Ends the content and returns its tag.
    pub(super) fn finish(self) -> [u8; TAG_BYTES] {
        self.0.tag()
    }
}

/// Decrypts one content.
pub(super) struct Decryptor(Gcm);

impl Decryptor {
    /// Starts with the key, nonce and associated data of the encryptor.
    pub(super) fn new(key: &[u8], nonce: &[u8; 12], aad: &[u8]) -> Result<Self, SealError> {
        Gcm::new(key, nonce, aad).map(Self)
    }

    /// Decrypts the next bytes in place. They are not authentic before [`verify`](Self::verify).
    pub(super) fn apply(&mut self, bytes: &mut [u8]) -> Result<(), SealError> {
        self.0.admit(bytes.len())?;
        for batch in bytes.chunks_mut(BATCH) {
            self.0.hash.update(batch);
            self.0.keystream.apply(batch)?;
        }
        Ok(())
    }

    /// Ends the content and compares the tag, or its leading 12 to 15 bytes, in constant time.
    pub(super) fn verify(self, tag: &[u8]) -> Result<(), SealError> {
        let ours = self.0.tag();
        let ours = ours.get(..tag.len()).unwrap_or_default();
        if tag.len() >= 12 && bool::from(ours.ct_eq(tag)) {
            Ok(())
        } else {
            Err(SealError::NotAuthentic)
        }
    }
}

#[cfg(test)]
mod tests {
    use aes_gcm::{AeadInOut, Aes128Gcm, Aes256Gcm, KeyInit, Nonce};
    use proptest::prelude::*;

    use super::*;

    const NONCE: [u8; 12] = *b"twelve bytes";

    fn one_shot(key: &[u8], aad: &[u8], plain: &[u8]) -> Vec<u8> {
        let mut out = plain.to_vec();
        let nonce = Nonce::from(NONCE);
        if key.len() == 16 {
            Aes128Gcm::new_from_slice(key).unwrap().encrypt_in_place(&nonce, aad, &mut out)
        } else {
            Aes256Gcm::new_from_slice(key).unwrap().encrypt_in_place(&nonce, aad, &mut out)
        }
        .unwrap();
        out
    }

    fn pieces<'a>(bytes: &'a mut [u8], splits: &[usize]) -> Vec<&'a mut [u8]> {
        let mut rest = bytes;
        let mut out = Vec::new();
        for split in splits {
            let (piece, later) = std::mem::take(&mut rest).split_at_mut(split % (rest.len() + 1));
            out.push(piece);
            rest = later;
        }
        out.push(rest);
        out
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]
        #[test]
        fn pieces_equal_the_whole(
            plain in prop::collection::vec(any::<u8>(), 0..70_000),
            splits in prop::collection::vec(0_usize..40_000, 0..6),
            aad in prop::collection::vec(any::<u8>(), 0..40),
            long in any::<bool>(),
            offset in 0_usize..70_000,
        ) {
            let key = if long { vec![3; 32] } else { vec![4; 16] };
            let expected = one_shot(&key, &aad, &plain);
            let (expected, expected_tag) = expected.split_at(plain.len());
            let mut sealed = plain.clone();
            let mut encryptor = Encryptor::new(&key, &NONCE, &aad).unwrap();
            pieces(&mut sealed, &splits).into_iter().for_each(|p| encryptor.apply(p).unwrap());
            let tag = encryptor.finish();
            prop_assert_eq!(&sealed, expected);
            prop_assert_eq!(&tag[..], expected_tag);

            let offset = offset % (plain.len() + 1);
            let mut range = sealed[offset..].to_vec();
            Keystream::at(&key, &NONCE, offset as u64).unwrap().apply(&mut range).unwrap();
            prop_assert_eq!(&range, &plain[offset..]);

            let mut decryptor = Decryptor::new(&key, &NONCE, &aad).unwrap();
            pieces(&mut sealed, &splits).into_iter().for_each(|p| decryptor.apply(p).unwrap());
            prop_assert_eq!(&sealed, &plain);
            prop_assert!(decryptor.verify(&tag).is_ok());
        }
    }

    #[test]
    fn a_wrong_or_short_tag_is_refused() {
        let tag = Encryptor::new(&[1; 32], &NONCE, b"").unwrap().finish();
        let verify = |tag: &[u8]| Decryptor::new(&[1; 32], &NONCE, b"").unwrap().verify(tag);
        assert!(verify(&tag).is_ok() && verify(&tag[..12]).is_ok());
        assert!(verify(&tag[..11]).is_err() && verify(&[]).is_err() && verify(&[0; 17]).is_err());
        let mut wrong = tag;
        wrong[15] ^= 0x80;
        assert!(verify(&wrong).is_err());
    }

    #[test]
    fn the_keystream_ends_at_the_limit_of_the_mode() {
        let mut last = Keystream::at(&[1; 32], &NONCE, MAX_BYTES - 16).unwrap();
        assert!(last.apply(&mut [0; 16]).is_ok());
        assert!(Keystream::at(&[1; 32], &NONCE, u64::MAX).is_err());
    }
}
