//! AES-CBC with PKCS#7 padding over content of any size (NIST SP 800-38A; RFC 5652 section 6.3).
//!
//! CBC carries no integrity: who opens such content compares digests kept elsewhere.

use aes::{Aes128, Aes256, Block};
use cbc::cipher::{BlockModeDecrypt as _, BlockModeEncrypt as _, KeyIvInit as _};
use subtle::{ConstantTimeEq as _, ConstantTimeLess as _};
use zeroize::{Zeroize as _, Zeroizing};

use super::error::SealError;

/// Bytes of a cipher block.
pub(super) const BLOCK_BYTES: usize = 16;

const KEY_LENGTH: SealError = SealError::Internal { what: "aes key length" };

enum Mode<Short, Long> {
    Aes128(Box<Short>),
    Aes256(Box<Long>),
}

/// Bytes of an unfinished block. Wiped on drop, as they may be plaintext.
#[derive(Default)]
struct Partial(Zeroizing<Vec<u8>>);

impl Partial {
    /// Appends to `out` all whole blocks of what is held and `bytes`, and holds the rest.
    fn whole_blocks(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        let total = self.0.len().saturating_add(bytes.len());
        let whole = total - total % BLOCK_BYTES;
        if whole == 0 {
            self.0.extend_from_slice(bytes);
            return;
        }
        let (now, later) = bytes.split_at_checked(whole - self.0.len()).unwrap_or((bytes, &[]));
        out.reserve(whole.saturating_add(BLOCK_BYTES));
        out.extend_from_slice(&self.0);
        out.extend_from_slice(now);
        self.0.zeroize();
        self.0.extend_from_slice(later);
    }
}

/// Encrypts one content.
pub(super) struct Encryptor {
    mode: Mode<cbc::Encryptor<Aes128>, cbc::Encryptor<Aes256>>,
    partial: Partial,
}

impl Encryptor {
    /// Starts with a key of 16 or 32 bytes and an unpredictable initialization vector.
    pub(super) fn new(key: &[u8], iv: &[u8; BLOCK_BYTES]) -> Result<Self, SealError> {
        let mode = if key.len() == 16 {
            let mode = cbc::Encryptor::new_from_slices(key, iv).map_err(|_| KEY_LENGTH)?;
            Mode::Aes128(Box::new(mode))
        } else {
            let mode = cbc::Encryptor::new_from_slices(key, iv).map_err(|_| KEY_LENGTH)?;
            Mode::Aes256(Box::new(mode))
        };
        Ok(Self { mode, partial: Partial::default() })
    }

    /// Encrypts the next bytes; whole blocks are appended to `out`.
    pub(super) fn push(&mut self, plaintext: &[u8], out: &mut Vec<u8>) {
        let from = out.len();
        self.partial.whole_blocks(plaintext, out);
        let (blocks, _) = Block::slice_as_chunks_mut(out.get_mut(from..).unwrap_or_default());
        match &mut self.mode {
            Mode::Aes128(mode) => mode.encrypt_blocks(blocks),
            Mode::Aes256(mode) => mode.encrypt_blocks(blocks),
        }
    }

    /// Pads, and appends the last block to `out`.
    pub(super) fn finish(mut self, out: &mut Vec<u8>) {
        let fill = BLOCK_BYTES - self.partial.0.len() % BLOCK_BYTES;
        // 1 to 16.
        let padding = vec![fill as u8; fill];
        self.push(&padding, out);
    }
}

/// Decrypts whole blocks, from any block on, and leaves padding alone: for ranges.
pub(super) struct BlockDecryptor {
    mode: Mode<cbc::Decryptor<Aes128>, cbc::Decryptor<Aes256>>,
    partial: Partial,
}

impl BlockDecryptor {
    /// Starts behind `previous`: the ciphertext block before, or the initialization vector.
    pub(super) fn new(key: &[u8], previous: &[u8; BLOCK_BYTES]) -> Result<Self, SealError> {
        let mode = if key.len() == 16 {
            let mode = cbc::Decryptor::new_from_slices(key, previous).map_err(|_| KEY_LENGTH)?;
            Mode::Aes128(Box::new(mode))
        } else {
            let mode = cbc::Decryptor::new_from_slices(key, previous).map_err(|_| KEY_LENGTH)?;
            Mode::Aes256(Box::new(mode))
        };
        Ok(Self { mode, partial: Partial::default() })
    }

    /// Decrypts the next bytes; whole blocks are appended to `out`.
    pub(super) fn push(&mut self, ciphertext: &[u8], out: &mut Vec<u8>) {
        let from = out.len();
        self.partial.whole_blocks(ciphertext, out);
        let (blocks, _) = Block::slice_as_chunks_mut(out.get_mut(from..).unwrap_or_default());
        match &mut self.mode {
            Mode::Aes128(mode) => mode.decrypt_blocks(blocks),
            Mode::Aes256(mode) => mode.decrypt_blocks(blocks),
        }
    }
}

/// Decrypts one content from its start and takes the padding off.
pub(super) struct Decryptor {
    blocks: BlockDecryptor,
    /// The last block decrypted so far: it may be the padded one.
    held: Zeroizing<Vec<u8>>,
}

impl Decryptor {
    /// Starts with the key and initialization vector of the encryptor.
    pub(super) fn new(key: &[u8], iv: &[u8; BLOCK_BYTES]) -> Result<Self, SealError> {
        Ok(Self { blocks: BlockDecryptor::new(key, iv)?, held: Zeroizing::default() })
    }

    /// Decrypts the next bytes and appends to `out` what cannot be padding.
    pub(super) fn push(&mut self, ciphertext: &[u8], out: &mut Vec<u8>) {
        let from = out.len();
        out.extend_from_slice(&self.held);
        self.held.zeroize();
        self.blocks.push(ciphertext, out);
        let ready = out.len().saturating_sub(BLOCK_BYTES).max(from);
        self.held.extend_from_slice(out.get(ready..).unwrap_or_default());
        out.get_mut(ready..).unwrap_or_default().zeroize();
        out.truncate(ready);
    }

    /// Checks the padding and appends the last bytes to `out`.
    ///
    /// Every failure is the same error, and the padding is looked at in constant time.
    pub(super) fn finish(self, out: &mut Vec<u8>) -> Result<(), SealError> {
        let whole = self.blocks.partial.0.is_empty();
        let (Some(fill), true) = (self.held.last().copied(), whole) else {
            return Err(SealError::NotAuthentic);
        };
        let mut good = 0.ct_lt(&fill) & fill.ct_lt(&17);
        for (distance, byte) in (1_u8..).zip(self.held.iter().rev()) {
            let inside = !fill.ct_lt(&distance);
            good &= !inside | byte.ct_eq(&fill);
        }
        if !bool::from(good) {
            return Err(SealError::NotAuthentic);
        }
        let keep = self.held.len().saturating_sub(usize::from(fill));
        out.extend_from_slice(self.held.get(..keep).unwrap_or_default());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn seal(key: &[u8], plain: &[u8], piece: usize) -> Vec<u8> {
        let mut encryptor = Encryptor::new(key, &[9; 16]).unwrap();
        let mut out = Vec::new();
        plain.chunks(piece).for_each(|piece| encryptor.push(piece, &mut out));
        encryptor.finish(&mut out);
        out
    }

    fn open(key: &[u8], sealed: &[u8], piece: usize) -> Result<Vec<u8>, SealError> {
        let mut decryptor = Decryptor::new(key, &[9; 16]).unwrap();
        let mut out = Vec::new();
        sealed.chunks(piece).for_each(|piece| decryptor.push(piece, &mut out));
        decryptor.finish(&mut out)?;
        Ok(out)
    }

    /// SP 800-38A F.2.5: the first block of CBC-AES256.
    #[test]
    fn nist_vector() {
        let key: Vec<u8> = hex("603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4");
        let iv: [u8; 16] = hex("000102030405060708090a0b0c0d0e0f").try_into().unwrap();
        let mut out = Vec::new();
        let mut encryptor = Encryptor::new(&key, &iv).unwrap();
        encryptor.push(&hex("6bc1bee22e409f96e93d7e117393172a"), &mut out);
        assert_eq!(out, hex("f58c4c04d6e5f1ba779eabfb5f7bfbd6"));
    }

    fn hex(text: &str) -> Vec<u8> {
        let pairs = (0..text.len()).step_by(2);
        pairs.map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]
        #[test]
        fn pieces_and_ranges_open(
            plain in prop::collection::vec(any::<u8>(), 0..5000),
            sizes in (1_usize..600, 1_usize..600),
            long in any::<bool>(),
            block in 0_usize..300,
        ) {
            let key = if long { vec![3; 32] } else { vec![4; 16] };
            let sealed = seal(&key, &plain, sizes.0);
            prop_assert_eq!(sealed.len(), 16 * (plain.len() / 16 + 1));
            prop_assert_eq!(&sealed, &seal(&key, &plain, 1 << 20));
            prop_assert_eq!(open(&key, &sealed, sizes.1).unwrap(), plain.clone());

            let start = 16 * (block % (plain.len() / 16 + 1));
            let previous =
                if start == 0 { [9; 16] } else { sealed[start - 16..start].try_into().unwrap() };
            let mut range = Vec::new();
            let mut blocks = BlockDecryptor::new(&key, &previous).unwrap();
            sealed[start..].chunks(sizes.1).for_each(|piece| blocks.push(piece, &mut range));
            prop_assert_eq!(&range[..plain.len() - start], &plain[start..]);
        }
    }

    #[test]
    fn wrong_padding_and_partial_blocks_are_refused() {
        let sealed = seal(&[1; 32], b"speech", 3);
        assert!(open(&[1; 32], &sealed, 5).is_ok());
        assert!(open(&[1; 32], &sealed[..15], 5).is_err() && open(&[1; 32], &[], 5).is_err());
        // A flip in the vector flips the padding count, and then the other padding bytes disagree.
        for bit in 0..8 {
            let mut decryptor = Decryptor::new(&[1; 32], &{
                let mut iv = [9; 16];
                iv[15] ^= 1 << bit;
                iv
            })
            .unwrap();
            let mut out = Vec::new();
            decryptor.push(&sealed, &mut out);
            assert!(decryptor.finish(&mut out).is_err());
        }
    }
}
