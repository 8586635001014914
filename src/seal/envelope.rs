//! Writes envelopes, chunk by chunk.

use bytes::Bytes;
use zeroize::Zeroizing;

use super::{
    cbc,
    certificate::Recipient,
    cipher::ContentKey,
    envelope_header::{Envelope, tail_head},
    error::SealError,
    gcm,
    header::EnvelopeHeader,
    pem,
    random::Random,
    second_reader,
    settings::{Cipher, KeyTransport, SealMode},
};

/// Bytes that may go to a store. Made only by a [`Sealer`].
#[derive(Debug, Clone)]
pub struct SealedChunk(Bytes);

impl SealedChunk {
    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The bytes, without a copy.
    pub fn into_bytes(self) -> Bytes {
        self.0
    }

    /// How many bytes.
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none, as after a push that filled no cipher block.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// What was sealed; goes into the record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealSummary {
    /// What the stored object is.
    pub mode: SealMode,
    /// How it is encrypted; `None` in clear.
    pub cipher: Option<Cipher>,
    /// The detached envelope for the configured recipients, as PEM ([`SealMode::Gir`] only).
    pub pkcs7: Option<String>,
    /// The detached envelope for the playback recipient alone, as PEM.
    pub playback_envelope: Option<String>,
    /// Where the content begins in the stored object.
    pub payload_offset: u64,
    /// Bytes of plaintext.
    pub plaintext_len: u64,
    /// Bytes of the stored object.
    pub stored_len: u64,
}

enum Body {
    Clear,
    Gcm(Box<gcm::Encryptor>),
    Cbc(Box<cbc::Encryptor>),
}

/// Turns plaintext of a declared length into a stored object.
///
/// Push the plaintext in pieces of any size, store every chunk in order, then
/// [`finish`](Self::finish) and store the tail. A sealer that was dropped early has produced
/// nothing that opens.
pub struct Sealer {
    /// Goes out with the first chunk.
    header: Vec<u8>,
    body: Body,
    seen: u64,
    summary: SealSummary,
}

impl Sealer {
    /// A CMS message that the recipients can open with standard tools.
    ///
    /// # Errors
    /// [`SealError::Policy`] without recipients, [`SealError::LimitReached`] for too many of them
    /// or for more plaintext than GCM may carry under one key, [`SealError::Random`], or
    /// [`SealError::Internal`] when the header does not read back.
    pub fn cms(
        recipients: &[&Recipient],
        cipher: Cipher,
        key_transport: KeyTransport,
        plaintext_len: u64,
        random: &dyn Random,
    ) -> Result<Self, SealError> {
        let secrets = Secrets::draw(cipher, random)?;
        let envelope = Envelope::new(recipients, cipher, key_transport, &secrets.key, &secrets.iv)?;
        let payload_len = payload_len(cipher, plaintext_len)?;
        let header = envelope.attached(payload_len).ok_or(TOO_LONG)?;
        check(&header, &secrets, recipients.len(), Some(payload_len))?;

        let tail = if cipher.is_authenticated() { tail_head().len() + gcm::TAG_BYTES } else { 0 };
        let payload_offset = header.len() as u64;
        let stored_len = payload_offset
            .checked_add(payload_len)
            .and_then(|len| len.checked_add(tail as u64))
            .ok_or(TOO_LONG)?;
        let summary = SealSummary {
            mode: SealMode::Cms,
            cipher: Some(cipher),
            pkcs7: None,
            playback_envelope: None,
            payload_offset,
            plaintext_len,
            stored_len,
        };
        Ok(Self { header, body: secrets.body()?, seen: 0, summary })
    }

    /// What GIR's crypto server expects: bare ciphertext, and a detached envelope for exactly
    /// `recipients`. With `playback`, a second envelope lets that recipient open the same content.
    ///
    /// # Errors
    /// As [`cms`](Self::cms), and [`SealError::Policy`] for a cipher that is not CBC.
    pub fn gir(
        recipients: &[&Recipient],
        playback: Option<&Recipient>,
        cipher: Cipher,
        plaintext_len: u64,
        random: &dyn Random,
    ) -> Result<Self, SealError> {
        if cipher.is_authenticated() {
            return Err(SealError::Policy { what: "gir reads aes-cbc only" });
        }
        let secrets = Secrets::draw(cipher, random)?;
        let pkcs7 = secrets.detached_envelope(recipients)?;
        let playback_envelope =
            playback.map(|recipient| secrets.detached_envelope(&[recipient])).transpose()?;
        let summary = SealSummary {
            mode: SealMode::Gir,
            cipher: Some(cipher),
            pkcs7: Some(pkcs7),
            playback_envelope,
            payload_offset: 0,
            plaintext_len,
            stored_len: payload_len(cipher, plaintext_len)?,
        };
        Ok(Self { header: Vec::new(), body: secrets.body()?, seen: 0, summary })
    }

    /// Stores plaintext as it is: for storage that policy leaves unsealed, and only for that.
    pub const fn leave_clear(plaintext_len: u64) -> Self {
        let summary = SealSummary {
            mode: SealMode::None,
            cipher: None,
            pkcs7: None,
            playback_envelope: None,
            payload_offset: 0,
            plaintext_len,
            stored_len: plaintext_len,
        };
        Self { header: Vec::new(), body: Body::Clear, seen: 0, summary }
    }

    /// The exact length of the stored object, known before the first byte.
    pub const fn sealed_len(&self) -> u64 {
        self.summary.stored_len
    }

    /// Seals the next plaintext. The first chunk also carries the envelope's header.
    ///
    /// # Errors
    /// [`SealError::LengthMismatch`] as soon as there is more plaintext than declared.
    pub fn push(&mut self, plaintext: &[u8]) -> Result<SealedChunk, SealError> {
        let declared = self.summary.plaintext_len;
        let seen = self.seen.saturating_add(plaintext.len() as u64);
        if seen > declared {
            return Err(SealError::LengthMismatch { declared, seen });
        }
        self.seen = seen;
        let mut out = std::mem::take(&mut self.header);
        let from = out.len();
        match &mut self.body {
            Body::Clear => out.extend_from_slice(plaintext),
            Body::Gcm(encryptor) => {
                out.reserve_exact(plaintext.len());
                out.extend_from_slice(plaintext);
                encryptor.apply(out.get_mut(from..).unwrap_or_default())?;
            }
            Body::Cbc(encryptor) => encryptor.push(plaintext, &mut out),
        }
        Ok(SealedChunk(out.into()))
    }

    /// Ends the object: its last bytes, and what the record needs to know.
    ///
    /// # Errors
    /// [`SealError::LengthMismatch`] if less plaintext came than was declared. The object stored so
    /// far must then be discarded.
    pub fn finish(mut self) -> Result<(SealedChunk, SealSummary), SealError> {
        let (declared, seen) = (self.summary.plaintext_len, self.seen);
        if seen != declared {
            return Err(SealError::LengthMismatch { declared, seen });
        }
        let mut out = std::mem::take(&mut self.header);
        match self.body {
            Body::Clear => {}
            Body::Gcm(encryptor) => {
                out.extend(tail_head());
                out.extend(encryptor.finish());
            }
            Body::Cbc(encryptor) => encryptor.finish(&mut out),
        }
        Ok((SealedChunk(out.into()), self.summary))
    }
}

const TOO_LONG: SealError = SealError::LimitReached { limit: "stored bytes", max: u64::MAX };

fn payload_len(cipher: Cipher, plaintext_len: u64) -> Result<u64, SealError> {
    if cipher.is_authenticated() && plaintext_len > gcm::MAX_BYTES {
        return Err(SealError::LimitReached { limit: "gcm content bytes", max: gcm::MAX_BYTES });
    }
    cipher.ciphertext_len(plaintext_len).ok_or(TOO_LONG)
}

/// The key and the initialization vector of one object, alive only while it is set up.
struct Secrets {
    cipher: Cipher,
    key: ContentKey,
    iv: Zeroizing<Vec<u8>>,
}

impl Secrets {
    fn draw(cipher: Cipher, random: &dyn Random) -> Result<Self, SealError> {
        let key = ContentKey::random(cipher, random)?;
        let mut iv = Zeroizing::new(vec![0; cipher.iv_bytes()]);
        random.fill(&mut iv)?;
        Ok(Self { cipher, key, iv })
    }

    fn body(&self) -> Result<Body, SealError> {
        const IV: SealError = SealError::Internal { what: "initialization vector length" };
        let key = self.key.as_bytes();
        if self.cipher.is_authenticated() {
            let nonce = self.iv.as_slice().try_into().map_err(|_| IV)?;
            Ok(Body::Gcm(Box::new(gcm::Encryptor::new(key, nonce, &[])?)))
        } else {
            let iv = self.iv.as_slice().try_into().map_err(|_| IV)?;
            Ok(Body::Cbc(Box::new(cbc::Encryptor::new(key, iv)?)))
        }
    }

    fn detached_envelope(&self, recipients: &[&Recipient]) -> Result<String, SealError> {
        let transport = KeyTransport::RsaPkcs1;
        let envelope = Envelope::new(recipients, self.cipher, transport, &self.key, &self.iv)?;
        let der = envelope.detached();
        check(&der, self, recipients.len(), None)?;
        if !second_reader::is_gir_envelope(&der, recipients.len()) {
            return Err(SealError::Internal { what: "an envelope did not read back" });
        }
        Ok(pem::armour("PKCS7", &der).to_string())
    }
}

/// Reads a header back before it is used: a lost envelope is a lost recording.
fn check(
    der: &[u8],
    secrets: &Secrets,
    recipients: usize,
    payload_len: Option<u64>,
) -> Result<(), SealError> {
    const WRONG: SealError = SealError::Internal { what: "an envelope did not read back" };
    let header = match payload_len {
        Some(_) => EnvelopeHeader::parse(der)?.ok_or(WRONG)?,
        None => EnvelopeHeader::parse_detached(der)?,
    };
    let good = header.cipher() == secrets.cipher
        && header.iv() == secrets.iv.as_slice()
        && header.recipients().len() == recipients
        && header.payload_len() == payload_len
        && (payload_len.is_none() || header.payload_offset() == der.len() as u64);
    if good { Ok(()) } else { Err(WRONG) }
}
