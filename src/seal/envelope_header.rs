//! The bytes before the content of an envelope (RFC 5652 section 6, RFC 5083, RFC 5084, RFC 4055).
//!
//! ```text
//!   ContentInfo  SEQUENCE
//!     contentType  id-envelopedData | id-ct-authEnvelopedData
//!     [0] EXPLICIT  EnvelopedData | AuthEnvelopedData  SEQUENCE
//!       version 0
//!       RecipientInfos  SET OF KeyTransRecipientInfo
//!       EncryptedContentInfo  SEQUENCE
//!         id-data
//!         algorithm  { aes-gcm, { nonce, 16 } } | { aes-cbc, iv }
//!         [0] IMPLICIT OCTET STRING  <- content; absent in a detached envelope
//!       mac  OCTET STRING of 16 bytes, AuthEnvelopedData only
//! ```
//!
//! All lengths are definite, because the plaintext length is known beforehand.

use aws_lc_rs::rsa::OAEP_SHA256_MGF1SHA256;
use const_oid::ObjectIdentifier;

use super::{
    certificate::Recipient,
    cipher::ContentKey,
    der_writer::{
        CONTEXT_0, CONTEXT_0_PRIMITIVE, CONTEXT_1, OCTET_STRING, SEQUENCE, element, head,
        identifier, null, octets, sequence, set_of, small_integer,
    },
    error::SealError,
    gcm::TAG_BYTES,
    header::MAX_RECIPIENTS,
    oid,
    settings::{Cipher, KeyTransport},
};

/// What an envelope says about its content.
pub(super) struct Envelope {
    cipher: Cipher,
    /// RecipientInfos and EncryptedContentInfo's first two fields, already encoded.
    recipients: Vec<u8>,
    content_type: Vec<u8>,
    algorithm: Vec<u8>,
}

impl Envelope {
    /// Encrypts `key` for each recipient.
    pub(super) fn new(
        recipients: &[&Recipient],
        cipher: Cipher,
        transport: KeyTransport,
        key: &ContentKey,
        iv: &[u8],
    ) -> Result<Self, SealError> {
        if recipients.is_empty() {
            return Err(SealError::Policy { what: "an envelope needs a recipient" });
        }
        if recipients.len() > MAX_RECIPIENTS {
            return Err(SealError::LimitReached {
                limit: "recipients",
                max: MAX_RECIPIENTS as u64,
            });
        }
        let infos: Result<Vec<_>, _> =
            recipients.iter().map(|recipient| recipient_info(recipient, transport, key)).collect();
        let parameters = if cipher.is_authenticated() {
            sequence(&[&octets(iv), &small_integer(TAG_BYTES as u8)])
        } else {
            octets(iv)
        };
        Ok(Self {
            cipher,
            recipients: set_of(infos?),
            content_type: identifier(&oid::DATA),
            algorithm: sequence(&[&identifier(&cipher.oid()), &parameters]),
        })
    }

    /// The whole envelope without its content: the content is stored elsewhere.
    pub(super) fn detached(&self) -> Vec<u8> {
        let content = sequence(&[&self.content_type, &self.algorithm]);
        let data = sequence(&[&small_integer(0), &self.recipients, &content]);
        sequence(&[&identifier(&oid::ENVELOPED_DATA), &element(CONTEXT_0, &[&data])])
    }

    /// Everything up to the first of `content_len` content bytes, or `None` if the total does not
    /// fit 64 bits.
    pub(super) fn attached(&self, content_len: u64) -> Option<Vec<u8>> {
        let authenticated = self.cipher.is_authenticated();
        let kind = if authenticated { oid::AUTH_ENVELOPED_DATA } else { oid::ENVELOPED_DATA };
        let tail = if authenticated { tail_head().len().checked_add(TAG_BYTES)? } else { 0 };

        // From the inside out: each layer is its own head, then what stands before the content.
        let mut before = head(CONTEXT_0_PRIMITIVE, content_len);
        let mut total = content_len.checked_add(before.len() as u64)?;
        let layers = [
            (SEQUENCE, [self.content_type.as_slice(), &self.algorithm].concat(), tail),
            (SEQUENCE, [small_integer(0).as_slice(), &self.recipients].concat(), 0),
            (CONTEXT_0, Vec::new(), 0),
            (SEQUENCE, identifier(&kind), 0),
        ];
        for (tag, fields, behind) in layers {
            let inner = total.checked_add(fields.len() as u64)?;
            let layer = head(tag, inner);
            total = inner.checked_add(layer.len() as u64)?.checked_add(behind as u64)?;
            before = [layer, fields, before].concat();
        }
        Some(before)
    }
}

/// Tag and length of the mac that follows the content of AuthEnvelopedData.
pub(super) fn tail_head() -> Vec<u8> {
    head(OCTET_STRING, TAG_BYTES as u64)
}

fn recipient_info(
    recipient: &Recipient,
    transport: KeyTransport,
    key: &ContentKey,
) -> Result<Vec<u8>, SealError> {
    const FAILED: SealError = SealError::Internal { what: "encrypting the content key" };
    let (algorithm, encrypted) = match transport {
        KeyTransport::RsaPkcs1 => {
            let public = recipient.pkcs1()?;
            let mut encrypted = vec![0; public.ciphertext_size()];
            public.encrypt(key.as_bytes(), &mut encrypted).map_err(|_| FAILED)?;
            (sequence(&[&identifier(&oid::RSA_ENCRYPTION), &null()]), encrypted)
        }
        KeyTransport::RsaOaepSha256 => {
            let public = recipient.oaep()?;
            let mut encrypted = vec![0; public.ciphertext_size()];
            public
                .encrypt(&OAEP_SHA256_MGF1SHA256, key.as_bytes(), &mut encrypted, None)
                .map_err(|_| FAILED)?;
            (
                sequence(&[&identifier(&oid::RSAES_OAEP), &oaep_parameters(&oid::SHA256, &null())]),
                encrypted,
            )
        }
    };
    Ok(sequence(&[&small_integer(0), recipient.identity(), &algorithm, &octets(&encrypted)]))
}

/// RSAES-OAEP-params with the same hash for both uses and no label. The hash's own parameters are
/// NULL or nothing; both are legal, and we write NULL (RFC 4055 section 2.1).
pub(super) fn oaep_parameters(hash: &ObjectIdentifier, hash_parameters: &[u8]) -> Vec<u8> {
    let hash = sequence(&[&identifier(hash), hash_parameters]);
    let mask = sequence(&[&identifier(&oid::MGF1), &hash]);
    sequence(&[&element(CONTEXT_0, &[&hash]), &element(CONTEXT_1, &[&mask])])
}
