//! Which codec a logical stream carries, told from its first packet.

use crate::mask::unit::Coding;
use crate::mask::{MaskError, QuarantineReason, flac, opus, vorbis};
use crate::media::{MediaError, OpusHead, STREAMINFO_MD5};

/// Where the first packet of FLAC has its 34 bytes of STREAMINFO.
pub(in crate::mask) const STREAMINFO_AT: usize = 17;

/// Makes a coding from a stream's header packets. Packets that were too long are empty.
pub(in crate::mask) type MakeCoding = fn(&[Vec<u8>]) -> Result<Box<dyn Coding>, MaskError>;

/// What has to be known of a codec to silence it in Ogg.
pub(in crate::mask) struct Codec {
    /// Header packets in front of the sound, the first one included.
    pub(in crate::mask) headers: usize,
    /// Ticks at the start that are decoded, but not played.
    pub(in crate::mask) pre_skip: u16,
    /// Removes from the first packet what describes the sound (a digest, for instance).
    pub(in crate::mask) clear: fn(&mut [u8]),
    /// Takes all header packets.
    pub(in crate::mask) coding: MakeCoding,
}

/// The codec of the stream whose first packet begins at byte `at` of the file. A new codec is one
/// arm here.
///
/// # Errors
/// Quarantine for any codec that cannot be silenced in place; a damaged header.
pub(in crate::mask) fn recognise(first: &[u8], at: u64) -> Result<Codec, MaskError> {
    if first.starts_with(OpusHead::MAGIC) {
        let head = OpusHead::read(first, at)?;
        opus::coding(&head)?;
        return Ok(Codec {
            headers: 2,
            pre_skip: head.pre_skip,
            clear: |_| {},
            coding: opus_coding,
        });
    }
    if first.starts_with(b"\x01vorbis") {
        return Ok(Codec { headers: 3, pre_skip: 0, clear: |_| {}, coding: vorbis::coding });
    }
    if let Some(more) = flac_headers(first) {
        return Ok(Codec {
            headers: 1 + more,
            pre_skip: 0,
            clear: clear_flac,
            coding: flac_coding,
        });
    }
    let detail = format!("a stream of {} in Ogg", name(first));
    Err(MaskError::quarantine(QuarantineReason::MaskUnsupportedContainer, detail))
}

fn opus_coding(headers: &[Vec<u8>]) -> Result<Box<dyn Coding>, MaskError> {
    let first =
        headers.first().ok_or_else(|| MediaError::unsupported("a stream without header"))?;
    opus::coding(&OpusHead::read(first, 0)?)
}

/// How many header packets follow the first one of FLAC; RFC 9639 section 10.1. `None` for another
/// codec, and when their number is not told.
fn flac_headers(first: &[u8]) -> Option<usize> {
    let [high, low, ..] = *first.strip_prefix(b"\x7FFLAC\x01\0")? else { return None };
    Some(usize::from(u16::from_be_bytes([high, low]))).filter(|count| *count > 0)
}

fn flac_coding(headers: &[Vec<u8>]) -> Result<Box<dyn Coding>, MaskError> {
    let first = headers.first().and_then(|first| first.get(STREAMINFO_AT..));
    flac::coding(first.unwrap_or_default())
}

/// The MD5 of all samples says what was masked.
fn clear_flac(first: &mut [u8]) {
    let info = first.get_mut(STREAMINFO_AT..).and_then(|info| info.get_mut(STREAMINFO_MD5));
    info.unwrap_or_default().fill(0);
}

/// The name of a codec that is not silenced, for the operator.
fn name(first: &[u8]) -> &'static str {
    let names: [(&[u8], &'static str); 7] = [
        (b"\x7FFLAC", "FLAC"),
        (b"Speex   ", "Speex"),
        (b"fishead\0", "Skeleton"),
        (b"\x80theora", "Theora"),
        (b"\x80kate\0\0\0", "Kate"),
        (b"CMML\0\0\0\0", "CMML"),
        (b"OVP80", "VP8"),
    ];
    let known = names.iter().find(|(magic, _)| first.starts_with(magic));
    known.map_or("an unknown codec", |(_, name)| name)
}
