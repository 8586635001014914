//! Vorbis I headers: the sampling rate, the two block sizes, and which mode has which.
//!
//! The modes are at the end of the setup header, behind codebooks, floors, residues and mappings
//! that have no lengths of their own; so all of it is stepped through, and nothing kept.

mod setup;
#[cfg(test)]
mod tests;

use super::MediaError;
use setup::{LsbReader, ilog, read_setup};

/// Longest header packet that is read; those of encoders have 4 to 8 KiB.
const MAX_VORBIS_HEADER_BYTES: u64 = 1024 * 1024;

/// What is needed to tell the playing time of packets. Vorbis I sections 4.2.2 and 4.2.4.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VorbisSetup {
    /// Hz. Invariant: not 0.
    pub rate: u32,
    /// Samples of a short and of a long block. Invariant: powers of two from 64 to 8192, sorted.
    pub block_sizes: [u32; 2],
    /// For each mode, whether its blocks are long. Invariant: 1 to 64 modes.
    pub long_modes: Vec<bool>,
}

impl VorbisSetup {
    /// Reads the identification and the setup header, both without framing of the container.
    ///
    /// # Errors
    /// Malformed, with the offset in the header; a limit.
    pub fn read(identification: &[u8], setup: &[u8]) -> Result<Self, MediaError> {
        let len = setup.len() as u64;
        MediaError::check("the length of a Vorbis header", len, MAX_VORBIS_HEADER_BYTES)?;
        let (channels, rate, block_sizes) = read_identification(identification)
            .ok_or_else(|| MediaError::malformed("a damaged Vorbis identification header", 0))?;
        let mut bits = LsbReader::new(setup);
        let long_modes = read_setup(&mut bits, channels).ok_or_else(|| {
            MediaError::malformed("a damaged Vorbis setup header", bits.at as u64 / 8)
        })?;
        Ok(Self { rate, block_sizes, long_modes })
    }

    /// Mode and block size of an audio packet, and how many of its bits a decoder needs to go on:
    /// type, mode, and the two window flags of a long block. `None` for any other packet.
    pub fn packet(&self, packet: &[u8]) -> Option<VorbisPacket> {
        let mut bits = LsbReader::new(packet);
        let audio = bits.read(1)? == 0;
        let mode = bits.read(ilog(self.long_modes.len().checked_sub(1)?))?;
        let long = *self.long_modes.get(usize::try_from(mode).ok()?)?;
        bits.skip(if long { 2 } else { 0 })?;
        let [short_size, long_size] = self.block_sizes;
        let block_size = if long { long_size } else { short_size };
        audio.then_some(VorbisPacket { block_size, head_bits: bits.at })
    }
}

/// The beginning of an audio packet, Vorbis I section 4.3.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VorbisPacket {
    /// Samples of the block; with its predecessor it makes a quarter of both play.
    pub block_size: u32,
    /// Bits before the floors.
    pub head_bits: usize,
}

fn read_identification(header: &[u8]) -> Option<(u32, u32, [u32; 2])> {
    let fields = header.strip_prefix(b"\x01vorbis\0\0\0\0")?;
    let [channels, a, b, c, d, rest @ ..] = fields else { return None };
    let (rate, channels) = (u32::from_le_bytes([*a, *b, *c, *d]), u32::from(*channels));
    let sizes = *rest.get(12)?;
    let exponents = [sizes & 15, sizes >> 4];
    let [short, long] = exponents;
    let right = rate > 0 && channels > 0 && short >= 6 && short <= long && long <= 13;
    right.then(|| (channels, rate, exponents.map(|exponent| 1 << exponent)))
}
