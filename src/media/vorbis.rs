//! Vorbis I headers: the sampling rate, the two block sizes, and which mode has which.
//!
//! The modes are at the end of the setup header, behind codebooks, floors, residues and mappings
//! that have no lengths of their own; so all of it is stepped through, and nothing kept.

use super::MediaError;

/// Longest header packet that is read; those of encoders have 4 to 8 KiB.
const MAX_VORBIS_HEADER_BYTES: u64 = 1024 * 1024;
/// The sync pattern of a codebook, "BCV".
const CODEBOOK: u32 = 0x56_4342;

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
        let mut bits = LsbReader { bytes: setup, at: 0 };
        let long_modes = read_setup(&mut bits, channels).ok_or_else(|| {
            MediaError::malformed("a damaged Vorbis setup header", bits.at as u64 / 8)
        })?;
        Ok(Self { rate, block_sizes, long_modes })
    }

    /// Mode and block size of an audio packet, and how many of its bits a decoder needs to go on:
    /// type, mode, and the two window flags of a long block. `None` for any other packet.
    pub fn packet(&self, packet: &[u8]) -> Option<VorbisPacket> {
        let mut bits = LsbReader { bytes: packet, at: 0 };
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

/// Bits, least significant first. Vorbis I section 2.1.
struct LsbReader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl LsbReader<'_> {
    fn read(&mut self, count: u32) -> Option<u32> {
        let mut value = 0;
        for place in 0..count {
            let byte = *self.bytes.get(self.at / 8)?;
            value |= (u32::from(byte) >> (self.at % 8) & 1) << place;
            self.at += 1;
        }
        Some(value)
    }

    fn flag(&mut self) -> Option<bool> {
        self.read(1).map(|bit| bit == 1)
    }

    fn skip(&mut self, count: u64) -> Option<()> {
        let end = self.at.checked_add(usize::try_from(count).ok()?)?;
        self.at = Some(end).filter(|end| *end <= self.bytes.len().saturating_mul(8))?;
        Some(())
    }

    fn list<T>(&mut self, count: u32, read: impl Fn(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        (0..count).map(|_| read(self)).collect()
    }
}

/// Bits that are needed to write a number.
fn ilog(number: usize) -> u32 {
    usize::BITS - number.leading_zeros()
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

/// Vorbis I section 4.2.4: which modes are long.
fn read_setup(bits: &mut LsbReader<'_>, channels: u32) -> Option<Vec<bool>> {
    bits.at = bits.bytes.starts_with(b"\x05vorbis").then_some(7 * 8)?;
    let count = bits.read(8)? + 1;
    bits.list(count, codebook)?;
    let count = bits.read(6)? + 1;
    bits.list(count, |bits| bits.read(16).filter(|kind| *kind == 0))?;
    let count = bits.read(6)? + 1;
    bits.list(count, floor)?;
    let count = bits.read(6)? + 1;
    bits.list(count, residue)?;
    let count = bits.read(6)? + 1;
    bits.list(count, |bits| mapping(bits, channels))?;
    let count = bits.read(6)? + 1;
    let modes = bits.list(count, |bits| {
        let long = bits.flag()?;
        // Window and transform have one type each.
        bits.read(32).filter(|kinds| *kinds == 0)?;
        bits.skip(8)?;
        Some(long)
    })?;
    bits.flag()?.then_some(modes)
}

/// Section 3.2.1.
fn codebook(bits: &mut LsbReader<'_>) -> Option<()> {
    bits.read(24).filter(|sync| *sync == CODEBOOK)?;
    let (dimensions, entries) = (bits.read(16)?, bits.read(24)?);
    if bits.flag()? {
        bits.skip(5)?;
        let mut current = 0;
        while current < entries {
            let run = bits.read(ilog(usize::try_from(entries - current).ok()?))?;
            // A length may have no words, but there are no more than 32 lengths.
            current = current.checked_add(run).filter(|end| *end <= entries)?;
        }
    } else if bits.flag()? {
        for _ in 0..entries {
            let used = bits.flag()?;
            bits.skip(if used { 5 } else { 0 })?;
        }
    } else {
        bits.skip(u64::from(entries) * 5)?;
    }
    let lookup = bits.read(4)?;
    if lookup == 0 {
        return Some(());
    }
    bits.skip(64)?;
    let width = bits.read(4)? + 1;
    bits.skip(1)?;
    let values = match lookup {
        1 => lattice_side(entries, dimensions)?,
        2 => u64::from(entries) * u64::from(dimensions),
        _ => return None,
    };
    bits.skip(values.checked_mul(u64::from(width))?)
}

/// Section 9.2.3: the greatest number whose power with `dimensions` is not above `entries`.
fn lattice_side(entries: u32, dimensions: u32) -> Option<u64> {
    let fits =
        |side: u64| side.checked_pow(dimensions).is_some_and(|volume| volume <= u64::from(entries));
    let (mut low, mut high) = (0, u64::from(entries) + 1);
    if dimensions == 0 {
        return None;
    }
    while low + 1 < high {
        let middle = low.midpoint(high);
        if fits(middle) { low = middle } else { high = middle }
    }
    Some(low)
}

/// Sections 6.2.1 and 7.2.2.
fn floor(bits: &mut LsbReader<'_>) -> Option<()> {
    match bits.read(16)? {
        0 => {
            bits.skip(8 + 16 + 16 + 6 + 8)?;
            let books = u64::from(bits.read(4)?) + 1;
            bits.skip(books * 8)
        }
        1 => {
            let partitions = bits.read(5)?;
            let partitions = bits.list(partitions, |bits| bits.read(4))?;
            let classes = partitions.iter().max().map_or(0, |most| most + 1);
            let dimensions = bits.list(classes, |bits| {
                let dimensions = u64::from(bits.read(3)?) + 1;
                let subclasses = bits.read(2)?;
                bits.skip(if subclasses > 0 { 8 } else { 0 })?;
                bits.skip(8 << subclasses)?;
                Some(dimensions)
            })?;
            bits.skip(2)?;
            let width = u64::from(bits.read(4)?);
            for class in partitions {
                bits.skip(width * dimensions.get(usize::try_from(class).ok()?)?)?;
            }
            Some(())
        }
        _ => None,
    }
}

/// Section 8.6.1.
fn residue(bits: &mut LsbReader<'_>) -> Option<()> {
    bits.read(16).filter(|kind| *kind <= 2)?;
    bits.skip(24 + 24 + 24)?;
    let classes = bits.read(6)? + 1;
    bits.skip(8)?;
    let cascades = bits.list(classes, |bits| {
        let low = bits.read(3)?;
        let high = if bits.flag()? { bits.read(5)? } else { 0 };
        Some(low.count_ones() + high.count_ones())
    })?;
    bits.skip(8 * cascades.iter().map(|books| u64::from(*books)).sum::<u64>())
}

/// Section 4.2.4, step 5 of the setup header.
fn mapping(bits: &mut LsbReader<'_>, channels: u32) -> Option<()> {
    bits.read(16).filter(|kind| *kind == 0)?;
    let submaps = if bits.flag()? { u64::from(bits.read(4)?) + 1 } else { 1 };
    if bits.flag()? {
        let steps = u64::from(bits.read(8)?) + 1;
        let width = ilog(usize::try_from(channels - 1).ok()?);
        bits.skip(steps * 2 * u64::from(width))?;
    }
    bits.read(2).filter(|reserved| *reserved == 0)?;
    bits.skip(if submaps > 1 { u64::from(channels) * 4 } else { 0 })?;
    bits.skip(submaps * 24)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const IDENTIFICATION: &[u8] =
        b"\x01vorbis\0\0\0\0\x02\x40\x1F\0\0\0\0\0\0\0\0\0\0\0\0\0\0\xB8\x01";

    /// Writes fields of (value, bits), least significant bit first.
    fn write(fields: &[(u32, u32)]) -> Vec<u8> {
        let mut bytes = b"\x05vorbis".to_vec();
        let mut at = 0;
        for (value, count) in fields {
            for place in 0..*count {
                if at % 8 == 0 {
                    bytes.push(0);
                }
                *bytes.last_mut().unwrap() |= (((value >> place) & 1) as u8) << (at % 8);
                at += 1;
            }
        }
        bytes
    }

    /// A setup header with one of everything.
    fn setup() -> Vec<u8> {
        let codebooks: &[(u32, u32)] = &[
            (4 - 1, 8),
            // Ordered: 2 words of 1 bit, then 3 of the next length.
            (CODEBOOK, 24),
            (1, 16),
            (5, 24),
            (1, 1),
            (0, 5),
            (2, 3),
            (3, 2),
            (0, 4),
            // Sparse, with a lattice of 3 values of 4 bits: 3 * 3 <= 10.
            (CODEBOOK, 24),
            (2, 16),
            (10, 24),
            (0, 1),
            (1, 1),
            (1, 1),
            (7, 5),
            (0, 9),
            (1, 4),
            (9, 32),
            (9, 32),
            (3, 4),
            (1, 1),
            (0xFFF, 12),
            // Plain, with 3 * 2 values of 1 bit.
            (CODEBOOK, 24),
            (2, 16),
            (3, 24),
            (0, 1),
            (0, 1),
            (0x7FFF, 15),
            (2, 4),
            (9, 32),
            (9, 32),
            (0, 4),
            (0, 1),
            (63, 6),
            // Plain without values.
            (CODEBOOK, 24),
            (1, 16),
            (1, 24),
            (0, 1),
            (0, 1),
            (3, 5),
            (0, 4),
        ];
        let times = &[(0, 6), (0, 16)];
        let floors: &[(u32, u32)] = &[
            (2 - 1, 6),
            (0, 16),
            (9, 8),
            (9, 16),
            (9, 16),
            (9, 6),
            (9, 8),
            (2 - 1, 4),
            (3, 8),
            (3, 8),
            // Two partitions of class 1, whose class 0 is there too.
            (1, 16),
            (2, 5),
            (1, 4),
            (1, 4),
            (0, 3),
            (0, 2),
            (7, 8),
            (2, 3),
            (1, 2),
            (7, 8),
            (7, 8),
            (7, 8),
            (3, 2),
            (5, 4),
            (0x7FFF, 15),
            (0x7FFF, 15),
        ];
        let residues: &[(u32, u32)] = &[
            (0, 6),
            (2, 16),
            (9, 24),
            (9, 24),
            (9, 24),
            (2 - 1, 6),
            (1, 8),
            (5, 3),
            (1, 1),
            (1, 5),
            (2, 3),
            (0, 1),
            (7, 8),
            (7, 8),
            (7, 8),
            (7, 8),
        ];
        let mappings: &[(u32, u32)] = &[
            (0, 6),
            (0, 16),
            (1, 1),
            (1, 4),
            (1, 1),
            (0, 8),
            (1, 1),
            (0, 1),
            (0, 2),
            (0, 4),
            (1, 4),
            (0, 24),
            (0, 24),
        ];
        let modes: &[(u32, u32)] =
            &[(1, 6), (0, 1), (0, 32), (0, 8), (1, 1), (0, 32), (0, 8), (1, 1)];
        write(&[codebooks, times, floors, residues, mappings, modes].concat())
    }

    #[test]
    fn the_modes_are_found_behind_everything_else() {
        let setup = VorbisSetup::read(IDENTIFICATION, &setup()).unwrap();
        let long_modes = vec![false, true];
        assert_eq!(setup, VorbisSetup { rate: 8000, block_sizes: [256, 2048], long_modes });
        let packet = |bytes: &[u8]| setup.packet(bytes).map(|it| (it.block_size, it.head_bits));
        assert_eq!(packet(&[0b00]), Some((256, 2)));
        assert_eq!(packet(&[0b10]), Some((2048, 4)));
        assert_eq!((packet(&[0b01]), packet(&[])), (None, None));
    }

    #[test]
    fn a_cut_header_is_malformed() {
        let setup = setup();
        for len in 0..setup.len() {
            assert!(VorbisSetup::read(IDENTIFICATION, &setup[..len]).is_err(), "{len}");
        }
        for len in 0..29 {
            assert!(VorbisSetup::read(&IDENTIFICATION[..len], &setup).is_err(), "{len}");
        }
    }

    #[test]
    fn lattice_sides_are_integer_roots() {
        for (entries, dimensions, side) in
            [(625, 4, 5), (624, 4, 4), (1, 8, 1), (0, 1, 0), (81, 1, 81), (65_536, 65_535, 1)]
        {
            assert_eq!(lattice_side(entries, dimensions), Some(side));
        }
        assert_eq!(lattice_side(5, 0), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn damaged_headers_end(changes in prop::collection::vec((0_usize..1000, any::<u8>()), 1..4)) {
            let mut setup = setup();
            for (at, byte) in changes {
                let at = 7 + at % (setup.len() - 7);
                setup[at] = byte;
            }
            if let Ok(read) = VorbisSetup::read(IDENTIFICATION, &setup) {
                prop_assert!((1..=64).contains(&read.long_modes.len()));
            }
        }
    }
}
