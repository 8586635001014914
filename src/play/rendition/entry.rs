//! Sample entries (ISO 14496-12 section 8.5.2), by codec.

use super::RenditionError;
use super::boxes::Bytes;
use crate::media::mp4::SampleEntry;
use crate::media::{AmrBand, MediaError};

/// Object types of ISO 14496-1 table 5.
pub(super) const AAC: u8 = 0x40;
const MPEG2_PART3: u8 = 0x69;
const MPEG1_PART3: u8 = 0x6B;

/// An entry of sound; `bits` of one sample, and what follows the fields.
fn sound(
    kind: &[u8; 4],
    (channels, rate, bits): (u16, u32, u16),
    fill: impl FnOnce(&mut Bytes),
) -> Vec<u8> {
    let mut out = Bytes::default();
    out.part(kind, |out| {
        out.zeros(6).u16(1).zeros(8).u16(channels).u16(bits).zeros(4);
        // A rate beyond 16 bits stands only where the codec has it.
        out.u32(u32::from(u16::try_from(rate).unwrap_or(0)) << 16);
        fill(out);
    });
    out.0
}

/// MPEG audio and AAC: an elementary stream (ISO 14496-14 section 5.6).
pub(super) fn mp4a(object_type: u8, channels: u16, rate: u32, config: &[u8]) -> Vec<u8> {
    let mut decoder = Bytes::default();
    // Audio stream, then buffer size and bit rates, which nobody needs.
    decoder.u8(object_type).u8(0x15).zeros(11);
    if !config.is_empty() {
        decoder.put(&descriptor(5, config));
    }
    let mut stream = Bytes::default();
    stream.u16(0).u8(0).put(&descriptor(4, &decoder.0)).put(&descriptor(6, &[2]));
    sound(b"mp4a", (channels, rate, 16), |out| {
        out.full(b"esds", (0, 0), |out| {
            out.put(&descriptor(3, &stream.0));
        });
    })
}

/// Tag and length of ISO 14496-1 section 8.3.3, the length in four groups of seven bits.
fn descriptor(tag: u8, content: &[u8]) -> Vec<u8> {
    let len = u32::try_from(content.len()).unwrap_or(0);
    let group = |shift: u32| u8::try_from(len >> shift & 0x7F).unwrap_or(0);
    let head = [tag, 0x80 | group(21), 0x80 | group(14), 0x80 | group(7), group(0)];
    [&head, content].concat()
}

/// MP3 of a sampling rate: the low ones are MPEG-2's.
pub(super) fn mp3(channels: u16, rate: u32) -> Vec<u8> {
    mp4a(if rate < 32_000 { MPEG2_PART3 } else { MPEG1_PART3 }, channels, rate, &[])
}

/// AudioSpecificConfig of AAC without anything special (ISO 14496-3 section 1.6.2.1).
pub(super) fn audio_specific_config(object_type: u8, rate_index: u8, channels: u8) -> [u8; 2] {
    let word = u16::from(object_type & 31) << 11
        | u16::from(rate_index & 15) << 7
        | u16::from(channels & 15) << 3;
    word.to_be_bytes()
}

/// Opus, from its identification header of Ogg or Matroska ("Encapsulation of Opus in ISO Base Media
/// File Format" section 4.3.2: the same fields, big-endian).
pub(super) fn opus(head: &[u8]) -> Option<Vec<u8>> {
    let body = head.strip_prefix(b"OpusHead")?;
    let (&[_, channels, skip_a, skip_b, ra, rb, rc, rd, gain_a, gain_b, family], table) =
        body.split_first_chunk::<11>()?;
    let fields = [0, channels, skip_b, skip_a, rd, rc, rb, ra, gain_b, gain_a, family];
    // Streams, coupled streams, and one number for each channel.
    let table = if family == 0 { &[] } else { table.get(..2 + usize::from(channels))? };
    Some(sound(b"Opus", (u16::from(channels), 48_000, 16), |out| {
        out.part(b"dOps", |out| {
            out.put(&fields).put(table);
        });
    }))
}

/// FLAC, from the 34 bytes of STREAMINFO ("Encapsulation of FLAC in ISO Base Media File Format"
/// section 3.3.2).
pub(super) fn flac(info: &[u8], channels: u16, rate: u32, bits: u16) -> Vec<u8> {
    sound(b"fLaC", (channels, rate, bits), |out| {
        out.full(b"dfLa", (0, 0), |out| {
            out.u32(0x8000_0000 | u32::try_from(info.len()).unwrap_or(0)).put(info);
        });
    })
}

/// AMR (3GPP TS 26.244 section 6): any mode, one frame in each sample.
pub(super) fn amr(band: AmrBand) -> Vec<u8> {
    let (kind, modes) = match band {
        AmrBand::Narrow => (b"samr", 0x81FF),
        AmrBand::Wide => (b"sawb", 0x83FF),
    };
    sound(kind, (1, band.sample_rate(), 16), |out| {
        out.part(b"damr", |out| {
            out.put(b"rlgt").u8(0).u16(modes).u8(0).u8(1);
        });
    })
}

/// An entry of pictures; `config` is the payload of its configuration box.
pub(super) fn picture(
    kind: &[u8; 4],
    (width, height): (u16, u16),
    config_kind: &[u8; 4],
    config: &[u8],
) -> Vec<u8> {
    let mut out = Bytes::default();
    out.part(kind, |out| {
        out.zeros(6).u16(1).zeros(16).u16(width).u16(height);
        // 72 dpi each way, one picture in a sample, no name, 24 bits of depth.
        out.u32(0x0048_0000).u32(0x0048_0000).u32(0).u16(1).zeros(32).u16(24).u16(0xFFFF);
        out.part(config_kind, |out| {
            out.put(config);
        });
    });
    out.0
}

/// An entry as the source has it, with its media in this file.
pub(super) fn copied(entry: &SampleEntry) -> Result<Vec<u8>, RenditionError> {
    let short = || MediaError::malformed("a sample entry is too short", entry.offset);
    let (head, rest) = entry.payload.split_first_chunk::<8>().ok_or_else(short)?;
    let mut out = Bytes::default();
    out.part(&entry.kind, |out| {
        out.put(head.get(..6).unwrap_or_default()).u16(1).put(rest);
    });
    Ok(out.0)
}
