//! The algorithms by name, and the key of one asset's content.

use std::{fmt, str::FromStr};

use const_oid::ObjectIdentifier;
use zeroize::Zeroizing;

use super::{error::SealError, oid, random::Random};

/// How content is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub enum Cipher {
    /// AES-256 in GCM: authenticated. The default for our own archives.
    #[serde(rename = "aes-256-gcm")]
    Aes256Gcm,
    /// AES-128 in GCM.
    #[serde(rename = "aes-128-gcm")]
    Aes128Gcm,
    /// AES-256 in CBC with PKCS#7 padding: what GIR reads. Carries no integrity of its own.
    #[serde(rename = "aes-256-cbc")]
    Aes256Cbc,
    /// AES-128 in CBC, for Java peers limited to 128 bits.
    #[serde(rename = "aes-128-cbc")]
    Aes128Cbc,
}

/// How the content key is encrypted for a recipient.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub enum KeyTransport {
    /// RSAES-OAEP with SHA-256 for both hash and MGF1 (RFC 4055).
    #[serde(rename = "rsa-oaep-sha256")]
    RsaOaepSha256,
    /// RSAES-PKCS1-v1_5: the only one that GIR's crypto server was seen to read.
    #[serde(rename = "rsa-pkcs1")]
    RsaPkcs1,
}

impl Cipher {
    const ALL: [Self; 4] = [Self::Aes256Gcm, Self::Aes128Gcm, Self::Aes256Cbc, Self::Aes128Cbc];

    /// The name used in settings, records and logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Aes256Gcm => "aes-256-gcm",
            Self::Aes128Gcm => "aes-128-gcm",
            Self::Aes256Cbc => "aes-256-cbc",
            Self::Aes128Cbc => "aes-128-cbc",
        }
    }

    /// Whether a changed byte is noticed by the cipher itself.
    pub const fn is_authenticated(self) -> bool {
        matches!(self, Self::Aes256Gcm | Self::Aes128Gcm)
    }

    /// Length of the content key in bytes.
    pub const fn key_bytes(self) -> usize {
        match self {
            Self::Aes256Gcm | Self::Aes256Cbc => 32,
            Self::Aes128Gcm | Self::Aes128Cbc => 16,
        }
    }

    /// Length of the nonce (GCM) or initialization vector (CBC) in bytes.
    pub(super) const fn iv_bytes(self) -> usize {
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

impl fmt::Display for Cipher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Cipher {
    type Err = SealError;

    fn from_str(name: &str) -> Result<Self, SealError> {
        Self::ALL
            .into_iter()
            .find(|cipher| cipher.name() == name)
            .ok_or_else(|| SealError::UnknownName { kind: "cipher", name: name.to_owned() })
    }
}

impl KeyTransport {
    const ALL: [Self; 2] = [Self::RsaOaepSha256, Self::RsaPkcs1];

    /// The name used in settings, records and logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::RsaOaepSha256 => "rsa-oaep-sha256",
            Self::RsaPkcs1 => "rsa-pkcs1",
        }
    }
}

impl fmt::Display for KeyTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for KeyTransport {
    type Err = SealError;

    fn from_str(name: &str) -> Result<Self, SealError> {
        Self::ALL
            .into_iter()
            .find(|transport| transport.name() == name)
            .ok_or_else(|| SealError::UnknownName { kind: "key transport", name: name.to_owned() })
    }
}

/// The key of one asset's content. Wiped on drop.
pub struct ContentKey(Zeroizing<Vec<u8>>);

impl ContentKey {
    /// Draws a key of the length that `cipher` needs.
    ///
    /// # Errors
    /// [`SealError::Random`].
    pub fn random(cipher: Cipher, random: &dyn Random) -> Result<Self, SealError> {
        let mut bytes = Zeroizing::new(vec![0; cipher.key_bytes()]);
        random.fill(&mut bytes)?;
        Ok(Self(bytes))
    }

    /// Takes over the bytes of a key that was opened before.
    pub const fn from_bytes(bytes: Zeroizing<Vec<u8>>) -> Self {
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
    fn names_and_identifiers_come_back() {
        for cipher in Cipher::ALL {
            assert_eq!(cipher.to_string().parse::<Cipher>().unwrap(), cipher);
            assert_eq!(Cipher::from_oid(cipher.oid().as_bytes()), Some(cipher));
            assert_eq!(serde_json::to_value(cipher).unwrap(), cipher.name());
        }
        for transport in KeyTransport::ALL {
            assert_eq!(transport.name().parse::<KeyTransport>().unwrap(), transport);
        }
        assert!("aes-256-ctr".parse::<Cipher>().is_err());
    }

    #[test]
    fn cbc_always_pads() {
        assert_eq!(Cipher::Aes256Cbc.ciphertext_len(0), Some(16));
        assert_eq!(Cipher::Aes256Cbc.ciphertext_len(16), Some(32));
        assert_eq!(Cipher::Aes256Cbc.ciphertext_len(u64::MAX), None);
        assert_eq!(Cipher::Aes128Gcm.ciphertext_len(16), Some(16));
    }
}
