//! The setup header, bit by bit. Section numbers are those of Vorbis I.

/// The sync pattern of a codebook, "BCV".
pub(super) const CODEBOOK: u32 = 0x56_4342;

/// Steps through a setup header, section 4.2.4, and returns which modes are long. `None` when it
/// breaks a rule or ends too early.
pub(super) fn read_setup(bits: &mut LsbReader<'_>, channels: u32) -> Option<Vec<bool>> {
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

/// Bits, least significant first. Vorbis I section 2.1.
pub(super) struct LsbReader<'a> {
    bytes: &'a [u8],
    /// Bits that were read.
    pub(super) at: usize,
}

impl<'a> LsbReader<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// The next `count` bits, at most 32.
    pub(super) fn read(&mut self, count: u32) -> Option<u32> {
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

    pub(super) fn skip(&mut self, count: u64) -> Option<()> {
        let end = self.at.checked_add(usize::try_from(count).ok()?)?;
        self.at = Some(end).filter(|end| *end <= self.bytes.len().saturating_mul(8))?;
        Some(())
    }

    fn list<T>(&mut self, count: u32, read: impl Fn(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        (0..count).map(|_| read(self)).collect()
    }
}

/// Bits that are needed to write a number.
pub(super) fn ilog(number: usize) -> u32 {
    usize::BITS - number.leading_zeros()
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
            // A run may be empty, but it takes bits, so that this ends.
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
pub(super) fn lattice_side(entries: u32, dimensions: u32) -> Option<u64> {
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
