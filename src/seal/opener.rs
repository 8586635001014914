//! Opens envelopes, chunk by chunk.

use super::{
    cbc,
    cipher::ContentKey,
    der_reader::{Frame, Stop, Walker},
    der_writer::OCTET_STRING,
    error::SealError,
    gcm,
    header::{Content, EnvelopeHeader, MAX_TRAILER_BYTES},
    private_key::PrivateKey,
    random::Random,
};

/// Tag, length count and eight length bytes.
const MAX_SEGMENT_HEAD_BYTES: usize = 10;
const IV_LENGTH: SealError = SealError::Unsupported { what: "a vector of another length" };

/// Turns a stored object back into plaintext.
///
/// Push the stored bytes in pieces of any size, then [`finish`](Self::finish). Plaintext appended
/// before `finish` has returned `Ok` is a claim, not a fact: GCM is authentic only once its tag was
/// seen. CBC is never authentic by itself; its digest must be compared elsewhere.
///
/// Memory is bounded by [`MAX_HEADER_BYTES`](super::MAX_HEADER_BYTES),
/// [`MAX_TRAILER_BYTES`] and the pieces pushed.
pub struct Opener<'k> {
    stage: Stage<'k>,
}

enum Stage<'k> {
    Header { prefix: Vec<u8>, key: &'k PrivateKey, random: &'k dyn Random },
    Content(Box<Body>),
    Failed,
}

impl<'k> Opener<'k> {
    /// Opens a stored CMS message from its first byte.
    pub const fn new(key: &'k PrivateKey, random: &'k dyn Random) -> Self {
        Self { stage: Stage::Header { prefix: Vec::new(), key, random } }
    }

    /// Opens bare ciphertext whose envelope, PEM or DER, is kept elsewhere.
    ///
    /// # Errors
    /// [`SealError::Pem`] or any error about the envelope's bytes; [`SealError::NoRecipient`] or
    /// [`SealError::Random`].
    pub fn detached(
        envelope: &[u8],
        key: &PrivateKey,
        random: &dyn Random,
    ) -> Result<Self, SealError> {
        let header = EnvelopeHeader::parse_detached(envelope)?;
        let key = key.content_key(&header, random)?;
        Self::with_key(header, &key)
    }

    /// Opens content whose header was read before: push from the header's `payload_offset` on.
    pub(super) fn with_key(header: EnvelopeHeader, key: &ContentKey) -> Result<Self, SealError> {
        Ok(Self { stage: Stage::Content(Box::new(Body::new(header, key)?)) })
    }

    /// Opens the next stored bytes and appends their plaintext to `out`.
    ///
    /// # Errors
    /// Any [`SealError`] about the bytes; every later call then fails with
    /// [`SealError::AlreadyFailed`].
    pub fn push(&mut self, sealed: &[u8], out: &mut Vec<u8>) -> Result<(), SealError> {
        match std::mem::replace(&mut self.stage, Stage::Failed) {
            Stage::Header { mut prefix, key, random } => {
                prefix.extend_from_slice(sealed);
                let Some(header) = EnvelopeHeader::parse(&prefix)? else {
                    self.stage = Stage::Header { prefix, key, random };
                    return Ok(());
                };
                if header.content() == Content::Absent {
                    return Err(SealError::Unsupported { what: "an envelope without content" });
                }
                let at = usize::try_from(header.payload_offset()).unwrap_or(usize::MAX);
                let content_key = key.content_key(&header, random)?;
                let mut body = Box::new(Body::new(header, &content_key)?);
                body.push(prefix.get(at..).unwrap_or_default(), out)?;
                self.stage = Stage::Content(body);
            }
            Stage::Content(mut body) => {
                body.push(sealed, out)?;
                self.stage = Stage::Content(body);
            }
            Stage::Failed => return Err(SealError::AlreadyFailed),
        }
        Ok(())
    }

    /// Ends the object and appends the last plaintext to `out`. Only now is it all vouched for.
    ///
    /// # Errors
    /// [`SealError::Truncated`], [`SealError::Malformed`] for anything behind the envelope's end, or
    /// [`SealError::NotAuthentic`]. All plaintext must then be discarded.
    pub fn finish(self, out: &mut Vec<u8>) -> Result<(), SealError> {
        match self.stage {
            Stage::Header { prefix, .. } => {
                Err(SealError::Truncated { offset: prefix.len() as u64 })
            }
            Stage::Content(body) => body.finish(out),
            Stage::Failed => Err(SealError::AlreadyFailed),
        }
    }
}

/// Where the reading of the content stands.
enum Form {
    /// All bytes are content.
    Detached,
    /// This many content bytes are still to come; the rest is trailer.
    Whole { left: u64 },
    /// Inside a segment, or at the head of the next.
    Segments { head: Vec<u8>, left: u64, frames: Vec<Frame> },
}

enum Decryptor {
    Gcm(Box<gcm::Decryptor>),
    Cbc(Box<cbc::Decryptor>),
}

impl Decryptor {
    fn push(&mut self, ciphertext: &[u8], out: &mut Vec<u8>) -> Result<(), SealError> {
        match self {
            Self::Gcm(decryptor) => {
                let from = out.len();
                out.extend_from_slice(ciphertext);
                decryptor.apply(out.get_mut(from..).unwrap_or_default())
            }
            Self::Cbc(decryptor) => {
                decryptor.push(ciphertext, out);
                Ok(())
            }
        }
    }
}

struct Body {
    header: EnvelopeHeader,
    form: Form,
    decryptor: Decryptor,
    /// Offset of the next byte pushed.
    at: u64,
    trailer: Vec<u8>,
}

impl Body {
    fn new(header: EnvelopeHeader, key: &ContentKey) -> Result<Self, SealError> {
        let key = key.as_bytes();
        if key.len() != header.cipher().key_bytes() {
            return Err(SealError::NotAuthentic);
        }
        let decryptor = if header.cipher().is_authenticated() {
            let nonce = header.iv().try_into().map_err(|_| IV_LENGTH)?;
            Decryptor::Gcm(Box::new(gcm::Decryptor::new(key, nonce, &[])?))
        } else {
            let iv = header.iv().try_into().map_err(|_| IV_LENGTH)?;
            Decryptor::Cbc(Box::new(cbc::Decryptor::new(key, iv)?))
        };
        let form = match header.content() {
            Content::Absent => Form::Detached,
            Content::Whole { len } => Form::Whole { left: len },
            Content::Segmented => {
                Form::Segments { head: Vec::new(), left: 0, frames: header.frames().to_vec() }
            }
        };
        let at = header.payload_offset();
        Ok(Self { header, form, decryptor, at, trailer: Vec::new() })
    }

    fn push(&mut self, sealed: &[u8], out: &mut Vec<u8>) -> Result<(), SealError> {
        let mut rest = sealed;
        while !rest.is_empty() {
            let used = match &mut self.form {
                Form::Detached => {
                    self.decryptor.push(rest, out)?;
                    rest.len()
                }
                Form::Whole { left: 0 } => {
                    let room = MAX_TRAILER_BYTES.saturating_sub(self.trailer.len());
                    if rest.len() > room {
                        let max = MAX_TRAILER_BYTES as u64;
                        return Err(SealError::LimitReached { limit: "trailer bytes", max });
                    }
                    self.trailer.extend_from_slice(rest);
                    rest.len()
                }
                Form::Segments { left: 0, .. } => self.segment_head(rest)?,
                Form::Whole { left } | Form::Segments { left, .. } => {
                    let take = usize::try_from(*left).unwrap_or(usize::MAX).min(rest.len());
                    let now = rest.get(..take).unwrap_or_default();
                    self.decryptor.push(now, out)?;
                    *left = left.saturating_sub(take as u64);
                    take
                }
            };
            self.at = self.at.saturating_add(used as u64);
            rest = rest.get(used..).unwrap_or_default();
        }
        Ok(())
    }

    /// Takes one byte of a segment's head, or ends the segments; returns how many were used.
    fn segment_head(&mut self, rest: &[u8]) -> Result<usize, SealError> {
        let Form::Segments { head, left, frames } = &mut self.form else { return Ok(0) };
        let base = self.at.saturating_sub(head.len() as u64);
        let ended = |head: &[u8]| {
            let mut walker = Walker::resume(head, base, frames.clone());
            matches!(walker.at_end(), Ok(true)) && walker.leave().is_ok()
        };
        if head.is_empty() && ended(head) {
            // A container of definite length: the end takes no bytes.
            self.end_segments();
            return Ok(0);
        }
        head.extend(rest.first());
        if ended(head) {
            self.end_segments();
            return Ok(1);
        }
        let mut walker = Walker::resume(head, base, frames.clone());
        match walker.head() {
            Ok(found) if found.tag == OCTET_STRING => {
                *left = found.len.unwrap_or(0);
                head.clear();
                Ok(1)
            }
            Err(Stop::NeedMore) if head.len() < MAX_SEGMENT_HEAD_BYTES => Ok(1),
            // The first half of the end-of-contents octets was read as a tag of length 0.
            Ok(found) if found.tag == 0 => {
                Err(SealError::Malformed { offset: base, what: "the end of the segments" })
            }
            Ok(_) => Err(SealError::Unsupported { what: "content segments within segments" }),
            Err(stop) => Err(stop.into_error(base)),
        }
    }

    /// From here on everything is trailer, inside the containers around the segments.
    fn end_segments(&mut self) {
        self.form = Form::Whole { left: 0 };
    }

    fn finish(mut self, out: &mut Vec<u8>) -> Result<(), SealError> {
        if let Form::Segments { head, left: 0, .. } = &self.form
            && head.is_empty()
        {
            self.segment_head(&[])?;
        }
        let tag = match &self.form {
            Form::Detached => self.header.detached_tag().map(<[u8]>::to_vec),
            Form::Whole { left: 0 } => {
                let frames = self.header.frames();
                let outer = match self.header.content() {
                    Content::Segmented => frames.split_last().map_or(&[][..], |(_, outer)| outer),
                    Content::Absent | Content::Whole { .. } => frames,
                };
                let base = self.at.saturating_sub(self.trailer.len() as u64);
                self.header.read_trailer(&self.trailer, base, outer)?
            }
            Form::Whole { .. } | Form::Segments { .. } => {
                return Err(SealError::Truncated { offset: self.at });
            }
        };
        match self.decryptor {
            Decryptor::Gcm(decryptor) => decryptor.verify(tag.as_deref().unwrap_or_default()),
            Decryptor::Cbc(decryptor) => decryptor.finish(out),
        }
    }
}
