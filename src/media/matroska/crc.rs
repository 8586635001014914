//! The CRC-32 of EBML: that of IEEE 802.3, stored with its least significant byte first.

const TABLE: [u32; 256] = table();

const fn table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut rest: &mut [u32] = &mut table;
    let mut index = 0;
    while let Some((entry, tail)) = rest.split_first_mut() {
        let mut value = index;
        let mut bit = 0;
        while bit < 8 {
            value = if value & 1 == 1 { (value >> 1) ^ 0xEDB8_8320 } else { value >> 1 };
            bit += 1;
        }
        *entry = value;
        rest = tail;
        index += 1;
    }
    table
}

/// A running CRC-32.
#[derive(Debug, Clone, Copy)]
pub struct Crc32(u32);

impl Default for Crc32 {
    fn default() -> Self {
        Self(u32::MAX)
    }
}

impl Crc32 {
    /// Takes the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        for byte in bytes {
            let index = usize::from(self.0.to_le_bytes()[0] ^ byte);
            self.0 = (self.0 >> 8) ^ TABLE.get(index).copied().unwrap_or_default();
        }
    }

    /// The four bytes that the element holds.
    pub const fn finish(self) -> [u8; 4] {
        (!self.0).to_le_bytes()
    }

    /// The four bytes for `bytes`.
    pub fn of(bytes: &[u8]) -> [u8; 4] {
        let mut crc = Self::default();
        crc.update(bytes);
        crc.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_value_of_ieee_802_3() {
        assert_eq!(Crc32::of(b"123456789"), 0xCBF4_3926_u32.to_le_bytes());
    }
}
