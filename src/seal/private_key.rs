//! The private key of a recipient, which opens content keys.

use aws_lc_rs::{
    encoding::AsDer as _,
    rsa::{OaepPrivateDecryptingKey, Pkcs1PrivateDecryptingKey, PrivateDecryptingKey},
};
use zeroize::Zeroizing;

use super::{
    certificate::Recipient,
    cipher::ContentKey,
    der_writer::{SEQUENCE, identifier, null, octets, sequence, small_integer},
    error::SealError,
    header::{EnvelopeHeader, RecipientEntry, Transport},
    oid, pem,
    random::Random,
};

/// An RSA private key. Wiped on drop by the library that holds it.
pub struct PrivateKey {
    oaep: OaepPrivateDecryptingKey,
    pkcs1: Pkcs1PrivateDecryptingKey,
    public_key_der: Vec<u8>,
    identity: Option<Vec<u8>>,
}

impl PrivateKey {
    /// Reads an unencrypted key: PKCS#8 (`PRIVATE KEY`) or PKCS#1 (`RSA PRIVATE KEY`).
    ///
    /// # Errors
    /// [`SealError::Pem`] or [`SealError::Key`].
    pub fn from_pem(text: &str) -> Result<Self, SealError> {
        let blocks = pem::blocks(text)?;
        let pkcs8 = blocks
            .iter()
            .find_map(|block| match block.label.as_str() {
                "PRIVATE KEY" => Some(block.bytes.clone()),
                "RSA PRIVATE KEY" => Some(pkcs8_around(&block.bytes)),
                _ => None,
            })
            .ok_or(SealError::Pem { what: "no unencrypted private key in the text" })?;
        let key = PrivateDecryptingKey::from_pkcs8(&pkcs8)
            .map_err(|rejected| SealError::Key { detail: rejected.to_string() })?;
        let unusable = |_| SealError::Internal { what: "preparing the private key" };
        let public_key_der = key.public_key().as_der().map_err(unusable)?.as_ref().to_vec();
        Ok(Self {
            oaep: OaepPrivateDecryptingKey::new(key.clone()).map_err(unusable)?,
            pkcs1: Pkcs1PrivateDecryptingKey::new(key).map_err(unusable)?,
            public_key_der,
            identity: None,
        })
    }

    /// Binds the key to its certificate: only entries that name this certificate are then tried.
    ///
    /// Without it every entry of an envelope is tried, and nobody checks whom the entry names.
    ///
    /// # Errors
    /// [`SealError::KeyMismatch`] if they do not belong together.
    pub fn with_certificate(mut self, recipient: &Recipient) -> Result<Self, SealError> {
        if recipient.public_key_der()? != self.public_key_der {
            return Err(SealError::KeyMismatch);
        }
        self.identity = Some(recipient.identity().to_vec());
        Ok(self)
    }

    /// Opens the content key of an envelope.
    ///
    /// A PKCS#1 v1.5 entry that does not open yields a random key of the right length instead of
    /// an error (RFC 3218 section 2.3.2), so that nobody learns from us whether its padding was
    /// good; the content then fails to open.
    ///
    /// # Errors
    /// [`SealError::NoRecipient`] or [`SealError::Random`].
    pub(super) fn content_key(
        &self,
        header: &EnvelopeHeader,
        random: &dyn Random,
    ) -> Result<ContentKey, SealError> {
        // Drawn first, so that success and failure take the same steps.
        let substitute = ContentKey::random(header.cipher(), random)?;
        let mut any_pkcs1 = false;
        for entry in header.recipients().iter().filter(|entry| self.may_open(entry)) {
            any_pkcs1 |= matches!(entry.transport, Transport::Pkcs1);
            if let Some(key) = self.decrypt(entry)
                && key.len() == header.cipher().key_bytes()
            {
                return Ok(ContentKey::from_bytes(key));
            }
        }
        if any_pkcs1 { Ok(substitute) } else { Err(SealError::NoRecipient) }
    }

    fn may_open(&self, entry: &RecipientEntry) -> bool {
        let names_key_identifier = entry.identity.first() != Some(&SEQUENCE);
        let named = self.identity.as_ref().is_none_or(|own| *own == entry.identity);
        (named || names_key_identifier) && entry.encrypted_key.len() == self.oaep.key_size_bytes()
    }

    fn decrypt(&self, entry: &RecipientEntry) -> Option<Zeroizing<Vec<u8>>> {
        let mut plain = Zeroizing::new(vec![0; self.oaep.key_size_bytes()]);
        let encrypted = &entry.encrypted_key;
        let len = match entry.transport {
            Transport::Oaep(algorithm) => {
                self.oaep.decrypt(algorithm, encrypted, &mut plain, None).ok()?.len()
            }
            Transport::Pkcs1 => self.pkcs1.decrypt(encrypted, &mut plain).ok()?.len(),
            Transport::Other => return None,
        };
        plain.truncate(len);
        Some(plain)
    }
}

/// PrivateKeyInfo (RFC 5208) around an RSAPrivateKey.
fn pkcs8_around(pkcs1: &[u8]) -> Zeroizing<Vec<u8>> {
    let algorithm = sequence(&[&identifier(&oid::RSA_ENCRYPTION), &null()]);
    let key = Zeroizing::new(octets(pkcs1));
    Zeroizing::new(sequence(&[&small_integer(0), &algorithm, &key]))
}
