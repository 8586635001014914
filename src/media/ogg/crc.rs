//! The page checksum: polynomial 04C11DB7, most significant bit first, from 0 (RFC 3533 section 6).

/// `TABLES[k]` advances a byte that is followed by `k` zero bytes.
static TABLES: [[u32; 256]; 8] = tables();

#[expect(clippy::indexing_slicing, reason = "computed by the compiler, which would refuse it")]
const fn tables() -> [[u32; 256]; 8] {
    let mut tables = [[0; 256]; 8];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = (byte as u32) << 24;
        let mut bit = 0;
        while bit < 8 {
            crc = (crc << 1) ^ if crc >> 31 == 1 { 0x04C1_1DB7 } else { 0 };
            bit += 1;
        }
        tables[0][byte] = crc;
        byte += 1;
    }
    let mut after = 1;
    while after < 8 {
        let mut byte = 0;
        while byte < 256 {
            let crc = tables[after - 1][byte];
            tables[after][byte] = (crc << 8) ^ tables[0][(crc >> 24) as usize];
            byte += 1;
        }
        after += 1;
    }
    tables
}

/// The checksum of what had the checksum `crc`, followed by `bytes`.
pub(super) fn update(mut crc: u32, bytes: &[u8]) -> u32 {
    let [t0, t1, t2, t3, t4, t5, t6, t7] = &TABLES;
    let at = |table: &[u32; 256], byte: u8| table.get(usize::from(byte)).copied().unwrap_or(0);
    let (chunks, rest) = bytes.as_chunks::<8>();
    for &[a, b, c, d, e, f, g, h] in chunks {
        let [a, b, c, d] = (crc ^ u32::from_be_bytes([a, b, c, d])).to_be_bytes();
        crc = at(t7, a) ^ at(t6, b) ^ at(t5, c) ^ at(t4, d);
        crc ^= at(t3, e) ^ at(t2, f) ^ at(t1, g) ^ at(t0, h);
    }
    for byte in rest {
        let [top, ..] = crc.to_be_bytes();
        crc = (crc << 8) ^ at(t0, top ^ byte);
    }
    crc
}

#[cfg(test)]
mod tests {
    use super::update;

    #[test]
    fn the_catalogued_check_value_comes_out_however_it_is_cut() {
        // CRC-32/MPEG-2 of "123456789" is 0376E6E7; it begins with FFFFFFFF instead of 0.
        for cut in 0..=9 {
            let (head, tail) = b"123456789".split_at(cut);
            assert_eq!(update(update(u32::MAX, head), tail), 0x0376_E6E7);
        }
        assert_eq!(update(0, &[0; 100]), 0);
    }
}
