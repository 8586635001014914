//! What each content cipher needs, and the key of one asset's content.

use const_oid::ObjectIdentifier;
use zeroize::Zeroizing;

use super::{error::SealError, oid, random::Random, settings::Cipher};

impl Cipher {
    const ALL: [Self; 4] = [Self::Aes256Gcm, Self::Aes128Gcm, Self::Aes256Cbc, Self::Aes128Cbc];

    /// Whether a changed byte is noticed by the cipher itself.
    pub(super) fn is_authenticated(self) -> bool {
        !self.is_cbc()
    }

    /// Length of the content key in bytes.
    pub(super) const fn key_bytes(self) -> usize {
        match self {
            Self::Aes256Gcm | Self::Aes256Cbc => 32,
            Self::Aes128Gcm | Self::Aes128Cbc => 16,
        }
    }

    /// Length of the nonce (GCM) or initialization vector (CBC) in bytes.
    pub(super) fn iv_bytes(self) -> usize {
        if self.is_authenticated() { 12 } else { 16 }
    }

    /// Length of the ciphertext of `plaintext_len` bytes, without a tag; `None` if it does not fit.
    pub(super) fn ciphertext_len(self, plaintext_len: u64) -> Option<u64> {
        if self.is_authenticated() {
            return Some(plaintext_len);
        }
        (plaintext_len / 16).checked_add(1)?.checked_mul(16)
    }

    pub(super) const fn oid(self) -> ObjectIdentifier {
        match self {
            Self::Aes256Gcm => oid::AES_256_GCM,
            Self::Aes128Gcm => oid::AES_128_GCM,
            Self::Aes256Cbc => oid::AES_256_CBC,
            Self::Aes128Cbc => oid::AES_128_CBC,
        }
    }

    pub(super) fn from_oid(bytes: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|cipher| cipher.oid().as_bytes() == bytes)
    }
}

/// The key of one asset's content. Wiped on drop.
pub(super) struct ContentKey(Zeroizing<Vec<u8>>);

impl ContentKey {
    /// Draws a key of the length that `cipher` needs.
    ///
    /// # Errors
    /// [`SealError::Random`].
    pub(super) fn random(cipher: Cipher, random: &dyn Random) -> Result<Self, SealError> {
        let mut bytes = Zeroizing::new(vec![0; cipher.key_bytes()]);
        random.fill(&mut bytes)?;
        Ok(Self(bytes))
    }

    /// Takes over the bytes of a key that was opened before.
    pub(super) const fn from_bytes(bytes: Zeroizing<Vec<u8>>) -> Self {
        Self(bytes)
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_come_back() {
        for cipher in Cipher::ALL {
            assert_eq!(Cipher::from_oid(cipher.oid().as_bytes()), Some(cipher));
        }
        assert_eq!(Cipher::from_oid(&[1]), None);
    }

    #[test]
    fn cbc_always_pads() {
        assert_eq!(Cipher::Aes256Cbc.ciphertext_len(0), Some(16));
        assert_eq!(Cipher::Aes256Cbc.ciphertext_len(16), Some(32));
        assert_eq!(Cipher::Aes256Cbc.ciphertext_len(u64::MAX), None);
        assert_eq!(Cipher::Aes128Gcm.ciphertext_len(16), Some(16));
    }
}
