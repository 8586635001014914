//! Which codec a logical stream carries, told from its first packet.

use crate::mask::unit::Coding;
use crate::mask::{MaskError, QuarantineReason, opus};
use crate::media::{MediaError, OpusHead};

/// Makes a coding from a stream's header packets. Packets that were too long are empty.
pub(super) type MakeCoding = fn(&[Vec<u8>]) -> Result<Box<dyn Coding>, MaskError>;

/// What has to be known of a codec to silence it in Ogg.
pub(super) struct Codec {
    /// Header packets in front of the sound, the first one included.
    pub(super) headers: usize,
    /// Ticks at the start that are decoded, but not played.
    pub(super) pre_skip: u16,
    /// Removes from the first packet what describes the sound (a digest, for instance).
    pub(super) clear: fn(&mut [u8]),
    /// Takes all header packets.
    pub(super) coding: MakeCoding,
}

/// The codec of the stream whose first packet begins at byte `at` of the file. A new codec is one
/// arm here.
///
/// # Errors
/// Quarantine for any codec that cannot be silenced in place; a damaged header.
pub(super) fn recognise(first: &[u8], at: u64) -> Result<Codec, MaskError> {
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
    let detail = format!("a stream of {} in Ogg", name(first));
    Err(MaskError::quarantine(QuarantineReason::MaskUnsupportedContainer, detail))
}

fn opus_coding(headers: &[Vec<u8>]) -> Result<Box<dyn Coding>, MaskError> {
    let first =
        headers.first().ok_or_else(|| MediaError::unsupported("a stream without header"))?;
    opus::coding(&OpusHead::read(first, 0)?)
}

/// The name of a codec that is not silenced, for the operator.
fn name(first: &[u8]) -> &'static str {
    let names: [(&[u8], &'static str); 8] = [
        (b"\x01vorbis", "Vorbis"),
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
