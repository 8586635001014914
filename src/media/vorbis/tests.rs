use proptest::prelude::*;

use super::setup::{CODEBOOK, lattice_side};
use super::*;

const IDENTIFICATION: &[u8] = b"\x01vorbis\0\0\0\0\x02\x40\x1F\0\0\0\0\0\0\0\0\0\0\0\0\0\0\xB8\x01";

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

/// Four codebooks, one of each kind.
const CODEBOOKS: &[(u32, u32)] = &[
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

/// A setup header with one of everything.
fn setup() -> Vec<u8> {
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
    let modes: &[(u32, u32)] = &[(1, 6), (0, 1), (0, 32), (0, 8), (1, 1), (0, 32), (0, 8), (1, 1)];
    write(&[CODEBOOKS, times, floors, residues, mappings, modes].concat())
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
