//! FLAC's checksums, RFC 9639 sections 9.1.8 and 9.3. Neither has an initial value or a final
//! exclusive or, so that data with its own checksum behind it sums to 0.

use std::array::from_fn;
use std::sync::LazyLock;

/// Polynomials without their highest bit.
const CRC8: u8 = 0x07;
const CRC16: u16 = 0x8005;

/// What a byte adds to the sum when 0 to 7 bytes come after it.
static TABLES: LazyLock<[[u16; 256]; 8]> = LazyLock::new(|| {
    from_fn(|behind| {
        let bits = 8 + 8 * behind;
        let mut byte = 0_u16;
        from_fn(|_| {
            let sum = (0..bits)
                .fold(byte << 8, |sum, _| (sum << 1) ^ if sum & 0x8000 == 0 { 0 } else { CRC16 });
            byte += 1;
            sum
        })
    })
});

/// CRC-8 of a frame header.
pub(super) fn crc8(bytes: &[u8]) -> u8 {
    let step = |sum: u8, _| (sum << 1) ^ if sum & 0x80 == 0 { 0 } else { CRC8 };
    bytes.iter().fold(0, |sum, byte| (0..8).fold(sum ^ byte, step))
}

/// CRC-16 of a frame, from `sum` over the bytes before; 0 at its start.
pub fn crc16(sum: u16, bytes: &[u8]) -> u16 {
    let tables = &*TABLES;
    let [t0, t1, t2, t3, t4, t5, t6, t7] = tables;
    let at = |table: &[u16; 256], byte: u8| table.get(usize::from(byte)).copied().unwrap_or(0);
    let (chunks, rest) = bytes.as_chunks::<8>();
    let sum = chunks.iter().fold(sum, |sum, &[a, b, c, d, e, f, g, h]| {
        let [high, low] = sum.to_be_bytes();
        at(t7, a ^ high)
            ^ at(t6, b ^ low)
            ^ at(t5, c)
            ^ at(t4, d)
            ^ at(t3, e)
            ^ at(t2, f)
            ^ at(t1, g)
            ^ at(t0, h)
    });
    rest.iter().fold(sum, |sum, byte| {
        let [high, low] = sum.to_be_bytes();
        at(t0, byte ^ high) ^ (u16::from(low) << 8)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksums_are_those_of_the_catalogues() {
        // CRC-8/SMBUS and CRC-16/UMTS, whose check values are published.
        assert_eq!(crc8(b"123456789"), 0xF4);
        assert_eq!(crc16(0, b"123456789"), 0xFEE8);
        assert_eq!(crc16(crc16(0, b"1234"), b"56789"), 0xFEE8);
    }
}
