//! Bits in and out, most significant first, as MPEG, AAC and FLAC write them.

/// Reads bits from a slice; past the end there is `None`, never a panic.
#[derive(Debug, Clone)]
pub struct BitReader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> BitReader<'a> {
    /// Begins at the first bit of `bytes`.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// How many bits were read.
    pub const fn position(&self) -> usize {
        self.at
    }

    /// How many bits are left.
    pub const fn left(&self) -> usize {
        self.bytes.len().saturating_mul(8).saturating_sub(self.at)
    }

    /// The next `count` bits (at most 32) as a number.
    pub fn read(&mut self, count: u32) -> Option<u32> {
        let wanted = usize::try_from(count).ok()?;
        if count > 32 || wanted > self.left() {
            return None;
        }
        let mut value = 0_u64;
        let mut missing = wanted;
        while missing > 0 {
            let byte = *self.bytes.get(self.at / 8)?;
            let free = 8 - self.at % 8;
            let take = free.min(missing);
            let bits = (u32::from(byte) >> (free - take)) & ((1_u32 << take) - 1);
            value = (value << take) | u64::from(bits);
            self.at += take;
            missing -= take;
        }
        u32::try_from(value).ok()
    }

    /// The next bit.
    pub fn flag(&mut self) -> Option<bool> {
        self.read(1).map(|bit| bit == 1)
    }

    /// Steps over `count` bits.
    pub fn skip(&mut self, count: usize) -> Option<()> {
        if count > self.left() {
            return None;
        }
        self.at += count;
        Some(())
    }
}

/// Collects bits into bytes.
#[derive(Debug, Clone, Default)]
pub struct BitWriter {
    bytes: Vec<u8>,
    /// Bits in use of the last byte; 0 when it is full or there is none.
    used: u32,
}

impl BitWriter {
    /// Appends the low `count` bits (at most 32) of `value`.
    pub fn write(&mut self, value: u32, count: u32) {
        for shift in (0..count.min(32)).rev() {
            let bit = u8::from((value >> shift) & 1 == 1);
            if self.used == 0 {
                self.bytes.push(0);
            }
            if let Some(last) = self.bytes.last_mut() {
                *last |= bit << (7 - self.used);
            }
            self.used = (self.used + 1) % 8;
        }
    }

    /// Appends `count` bits that are 0.
    pub fn zeros(&mut self, count: usize) {
        let unused = self.bytes.len() * 8 - self.position();
        let beyond = count.saturating_sub(unused);
        self.bytes.resize(self.bytes.len() + beyond.div_ceil(8), 0);
        let used = if beyond == 0 { self.used as usize + count } else { beyond };
        self.used = u32::try_from(used % 8).unwrap_or(0);
    }

    /// How many bits were written.
    pub fn position(&self) -> usize {
        let unused = if self.used == 0 { 0 } else { 8 - self.used as usize };
        self.bytes.len() * 8 - unused
    }

    /// The bytes; the rest of the last one is 0.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_written_is_read(fields in prop::collection::vec((any::<u32>(), 0_u32..=32), 0..40)) {
            let mut writer = BitWriter::default();
            let mut total = 0;
            for (value, count) in &fields {
                writer.write(*value, *count);
                writer.zeros(*count as usize / 2);
                total += *count as usize / 2 * 3 + *count as usize % 2;
                prop_assert_eq!(writer.position(), total);
            }
            let bytes = writer.into_bytes();
            let mut reader = BitReader::new(&bytes);
            for (value, count) in &fields {
                let mask = if *count == 32 { u32::MAX } else { (1 << count) - 1 };
                prop_assert_eq!(reader.read(*count), Some(value & mask));
                prop_assert_eq!(reader.read(*count / 2), Some(0));
            }
            prop_assert_eq!(reader.position(), total);
            prop_assert!(reader.left() < 8);
            prop_assert_eq!(reader.read(8), None);
        }
    }
}
