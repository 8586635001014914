//! Reads the bytes before the content of an envelope, from a prefix that may still grow.
//!
//! Accepted: EnvelopedData and AuthEnvelopedData, DER or BER with indefinite lengths, content as
//! one OCTET STRING, in segments, or absent. The layout is drawn in `envelope_header.rs`.

use aws_lc_rs::rsa::{
    OAEP_SHA1_MGF1SHA1, OAEP_SHA256_MGF1SHA256, OAEP_SHA384_MGF1SHA384, OAEP_SHA512_MGF1SHA512,
    OaepAlgorithm,
};

use super::{
    der_reader::{Frame, Stop, Walker},
    der_writer::{
        CONTEXT_0, CONTEXT_0_PRIMITIVE, CONTEXT_1, CONTEXT_2, INTEGER, NULL, OBJECT_IDENTIFIER,
        OCTET_STRING, SEQUENCE, SET,
    },
    envelope_header::oaep_parameters,
    error::SealError,
    gcm::TAG_BYTES,
    oid, pem,
    settings::Cipher,
};

/// Longest header that is read: recipients with large keys and names, and certificates that other
/// tools include. A hostile one is not buffered beyond this.
pub const MAX_HEADER_BYTES: usize = 256 * 1024;
/// Most recipients of one envelope; each costs a private key operation.
pub const MAX_RECIPIENTS: usize = 64;
/// Most bytes after the content: the tag and unprotected attributes.
pub const MAX_TRAILER_BYTES: usize = 64 * 1024;
/// A version is one small number; RFC 5652 goes to 4.
const MAX_VERSION: u8 = 4;

/// Where the content is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Content {
    /// Elsewhere.
    Absent,
    /// One run of bytes.
    Whole { len: u64 },
    /// OCTET STRINGs inside a container, the last of the frames.
    Segmented,
}

/// How a recipient's key was encrypted.
pub(super) enum Transport {
    Oaep(&'static OaepAlgorithm),
    Pkcs1,
    /// Well formed, but nothing that is opened here.
    Other,
}

/// A KeyTransRecipientInfo.
pub(super) struct RecipientEntry {
    /// The RecipientIdentifier as it stands in the envelope.
    pub(super) identity: Vec<u8>,
    pub(super) transport: Transport,
    pub(super) encrypted_key: Vec<u8>,
}

/// What an envelope says before its content begins.
pub struct EnvelopeHeader {
    cipher: Cipher,
    iv: Vec<u8>,
    tag_bytes: usize,
    recipients: Vec<RecipientEntry>,
    content: Content,
    payload_offset: u64,
    frames: Vec<Frame>,
    /// The tag of a detached AuthEnvelopedData, which stands in the envelope.
    detached_tag: Option<Vec<u8>>,
}

impl EnvelopeHeader {
    /// Reads as much of `prefix` as the header takes; `None` asks for a longer prefix.
    ///
    /// # Errors
    /// [`SealError::Malformed`], [`SealError::Unsupported`] or [`SealError::LimitReached`]; a longer
    /// prefix would not help.
    pub fn parse(prefix: &[u8]) -> Result<Option<Self>, SealError> {
        let window = prefix.get(..MAX_HEADER_BYTES).unwrap_or(prefix);
        match read(window) {
            Ok(header) => Ok(Some(header)),
            Err(Stop::NeedMore) if prefix.len() < MAX_HEADER_BYTES => Ok(None),
            Err(Stop::NeedMore) => Err(SealError::LimitReached {
                limit: "envelope header bytes",
                max: MAX_HEADER_BYTES as u64,
            }),
            Err(Stop::Fault(error)) => Err(error),
        }
    }

    /// Reads a whole envelope whose content is stored elsewhere: DER, or PEM with the label `PKCS7`
    /// or `CMS`, any column width and line end.
    ///
    /// # Errors
    /// As [`parse`](Self::parse), [`SealError::Pem`], and [`SealError::Unsupported`] if the envelope
    /// carries content.
    pub(super) fn parse_detached(envelope: &[u8]) -> Result<Self, SealError> {
        if envelope.first() == Some(&SEQUENCE) {
            return Self::parse_detached_der(envelope);
        }
        let text = std::str::from_utf8(envelope)
            .map_err(|_| SealError::Pem { what: "neither der nor text" })?;
        let blocks = pem::blocks(text)?;
        let block = blocks
            .iter()
            .find(|block| matches!(block.label.as_str(), "PKCS7" | "CMS"))
            .ok_or(SealError::Pem { what: "no PKCS7 or CMS block in the text" })?;
        Self::parse_detached_der(&block.bytes)
    }

    fn parse_detached_der(der: &[u8]) -> Result<Self, SealError> {
        let end = der.len() as u64;
        let Some(mut header) = Self::parse(der)? else {
            return Err(SealError::Truncated { offset: end });
        };
        if header.content != Content::Absent {
            return Err(SealError::Unsupported { what: "content inside a detached envelope" });
        }
        let at = usize::try_from(header.payload_offset).unwrap_or(usize::MAX);
        let trailer = der.get(at..).unwrap_or_default();
        header.detached_tag =
            header.read_trailer(trailer, header.payload_offset, &header.frames)?;
        header.payload_offset = 0;
        Ok(header)
    }

    /// How the content is encrypted.
    pub const fn cipher(&self) -> Cipher {
        self.cipher
    }

    /// Where the content begins in the stored object; 0 for a detached envelope.
    pub const fn payload_offset(&self) -> u64 {
        self.payload_offset
    }

    /// Length of the ciphertext, if the envelope says so: not when segmented or detached.
    pub const fn payload_len(&self) -> Option<u64> {
        match self.content {
            Content::Whole { len } => Some(len),
            Content::Absent | Content::Segmented => None,
        }
    }

    pub(super) fn iv(&self) -> &[u8] {
        &self.iv
    }

    pub(super) fn recipients(&self) -> &[RecipientEntry] {
        &self.recipients
    }

    pub(super) const fn content(&self) -> Content {
        self.content
    }

    pub(super) fn frames(&self) -> &[Frame] {
        &self.frames
    }

    pub(super) fn detached_tag(&self) -> Option<&[u8]> {
        self.detached_tag.as_deref()
    }

    /// Reads what follows the content, from offset `base` to the end of the envelope: the tag of
    /// AuthEnvelopedData, unprotected attributes, and the ends of the containers.
    pub(super) fn read_trailer(
        &self,
        trailer: &[u8],
        base: u64,
        frames: &[Frame],
    ) -> Result<Option<Vec<u8>>, SealError> {
        let end = base.saturating_add(trailer.len() as u64);
        let mut walker = Walker::resume(trailer, base, frames.to_vec());
        self.walk_trailer(&mut walker).map_err(|stop| stop.into_error(end))
    }

    fn walk_trailer(&self, walker: &mut Walker<'_>) -> Result<Option<Vec<u8>>, Stop> {
        walker.leave()?;
        let mut tag = None;
        let authenticated = self.cipher.is_authenticated();
        if authenticated {
            if walker.peek()? == CONTEXT_1 {
                let what = "authenticated attributes";
                return Err(Stop::Fault(SealError::Unsupported { what }));
            }
            let found = walker.primitive(OCTET_STRING)?;
            if found.len() != self.tag_bytes {
                return Err(walker.fault("a tag of the declared length"));
            }
            tag = Some(found.to_vec());
        }
        let attributes = if authenticated { CONTEXT_2 } else { CONTEXT_1 };
        if !walker.at_end()? && walker.peek()? == attributes {
            walker.skip()?;
        }
        for _ in 0..3 {
            walker.leave()?;
        }
        if walker.rest().is_empty() {
            Ok(tag)
        } else {
            Err(walker.fault("the end of the envelope"))
        }
    }
}

fn unsupported(what: &'static str) -> Stop {
    Stop::Fault(SealError::Unsupported { what })
}

fn read(prefix: &[u8]) -> Result<EnvelopeHeader, Stop> {
    let mut walker = Walker::new(prefix);
    walker.enter(SEQUENCE)?;
    let kind = walker.primitive(OBJECT_IDENTIFIER)?;
    let authenticated = kind == oid::AUTH_ENVELOPED_DATA.as_bytes();
    if !authenticated && kind != oid::ENVELOPED_DATA.as_bytes() {
        return Err(unsupported("a content type other than enveloped data"));
    }
    walker.enter(CONTEXT_0)?;
    walker.enter(SEQUENCE)?;
    let version = read_version(&mut walker)?;
    if authenticated && version != 0 {
        return Err(walker.fault("version 0"));
    }
    if walker.peek()? == CONTEXT_0 {
        walker.skip()?;
    }
    let recipients = read_recipients(&mut walker)?;

    walker.enter(SEQUENCE)?;
    if walker.primitive(OBJECT_IDENTIFIER)? != oid::DATA.as_bytes() {
        return Err(unsupported("an inner content type other than data"));
    }
    let (cipher, iv, tag_bytes) = read_algorithm(&mut walker)?;
    if cipher.is_authenticated() != authenticated {
        return Err(unsupported("a cipher that does not go with the content type"));
    }
    let content = read_content_head(&mut walker)?;
    Ok(EnvelopeHeader {
        cipher,
        iv,
        tag_bytes,
        recipients,
        content,
        payload_offset: walker.offset(),
        frames: walker.into_frames(),
        detached_tag: None,
    })
}

fn read_version(walker: &mut Walker<'_>) -> Result<u8, Stop> {
    match walker.primitive(INTEGER)? {
        [version] if *version <= MAX_VERSION => Ok(*version),
        _ => Err(walker.fault("a version from 0 to 4")),
    }
}

fn read_recipients(walker: &mut Walker<'_>) -> Result<Vec<RecipientEntry>, Stop> {
    let mut recipients = Vec::new();
    let mut count = 0;
    walker.enter(SET)?;
    while !walker.at_end()? {
        count += 1;
        if count > MAX_RECIPIENTS {
            let max = MAX_RECIPIENTS as u64;
            return Err(Stop::Fault(SealError::LimitReached { limit: "recipients", max }));
        }
        // Key agreement, passwords and the like carry context tags; they are passed over.
        if walker.peek()? == SEQUENCE {
            recipients.push(read_recipient(walker)?);
        } else {
            walker.skip()?;
        }
    }
    walker.leave()?;
    Ok(recipients)
}

fn read_recipient(walker: &mut Walker<'_>) -> Result<RecipientEntry, Stop> {
    walker.enter(SEQUENCE)?;
    let version = read_version(walker)?;
    let expected = if walker.peek()? == SEQUENCE { 0 } else { 2 };
    if version != expected {
        return Err(walker.fault("a recipient version that goes with the identifier"));
    }
    let identity = walker.skip()?.to_vec();
    walker.enter(SEQUENCE)?;
    let algorithm = walker.primitive(OBJECT_IDENTIFIER)?;
    let parameters = if walker.at_end()? { &[][..] } else { walker.skip()? };
    walker.leave()?;
    let transport = read_transport(algorithm, parameters);
    let encrypted_key = walker.primitive(OCTET_STRING)?.to_vec();
    walker.leave()?;
    Ok(RecipientEntry { identity, transport, encrypted_key })
}

fn read_transport(algorithm: &[u8], parameters: &[u8]) -> Transport {
    if algorithm == oid::RSA_ENCRYPTION.as_bytes() && matches!(parameters, [] | [NULL, 0]) {
        return Transport::Pkcs1;
    }
    if algorithm != oid::RSAES_OAEP.as_bytes() {
        return Transport::Other;
    }
    // The defaults of RFC 4055 are SHA-1 throughout, and DER leaves defaults out.
    if matches!(parameters, [] | [SEQUENCE, 0]) {
        return Transport::Oaep(&OAEP_SHA1_MGF1SHA1);
    }
    let known = [
        (oid::SHA256, &OAEP_SHA256_MGF1SHA256),
        (oid::SHA384, &OAEP_SHA384_MGF1SHA384),
        (oid::SHA512, &OAEP_SHA512_MGF1SHA512),
        (oid::SHA1, &OAEP_SHA1_MGF1SHA1),
    ];
    let found = known.into_iter().find(|(hash, _)| {
        [&[][..], &[NULL, 0]].into_iter().any(|inner| oaep_parameters(hash, inner) == parameters)
    });
    found.map_or(Transport::Other, |(_, algorithm)| Transport::Oaep(algorithm))
}

/// The content cipher, its nonce or vector, and the length of its tag.
fn read_algorithm(walker: &mut Walker<'_>) -> Result<(Cipher, Vec<u8>, usize), Stop> {
    walker.enter(SEQUENCE)?;
    let cipher = Cipher::from_oid(walker.primitive(OBJECT_IDENTIFIER)?)
        .ok_or_else(|| unsupported("a cipher other than aes-gcm and aes-cbc"))?;
    let (iv, tag_bytes) = if cipher.is_authenticated() {
        walker.enter(SEQUENCE)?;
        let iv = walker.primitive(OCTET_STRING)?;
        // RFC 5084 section 3.2: 12 when left out.
        let tag_bytes = if walker.at_end()? {
            12
        } else {
            match walker.primitive(INTEGER)? {
                [len] if (12..=TAG_BYTES).contains(&usize::from(*len)) => usize::from(*len),
                _ => return Err(walker.fault("a tag length from 12 to 16")),
            }
        };
        walker.leave()?;
        (iv, tag_bytes)
    } else {
        (walker.primitive(OCTET_STRING)?, 0)
    };
    if iv.len() != cipher.iv_bytes() {
        return Err(unsupported("a nonce or vector of another length"));
    }
    walker.leave()?;
    Ok((cipher, iv.to_vec(), tag_bytes))
}

fn read_content_head(walker: &mut Walker<'_>) -> Result<Content, Stop> {
    if walker.at_end()? {
        return Ok(Content::Absent);
    }
    match walker.peek()? {
        CONTEXT_0_PRIMITIVE => match walker.head()?.len {
            Some(len) => Ok(Content::Whole { len }),
            None => Err(walker.fault("a definite length")),
        },
        CONTEXT_0 => {
            walker.enter(CONTEXT_0)?;
            Ok(Content::Segmented)
        }
        _ => Err(walker.fault("encrypted content")),
    }
}
