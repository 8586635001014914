//! Every way in which a WAVE header is known to lie, made by hand.

use std::io::Cursor;

use super::{Container, Encoding, MediaError, WavLayout};

/// `fmt ` of 8 kHz mono: A-law, or PCM of 16 bits.
fn fmt(tag: u16) -> Vec<u8> {
    let size: u16 = if tag == 1 { 2 } else { 1 };
    let mut out = Vec::new();
    for word in [tag, 1] {
        out.extend_from_slice(&word.to_le_bytes());
    }
    for long in [8000, 8000 * u32::from(size)] {
        out.extend_from_slice(&long.to_le_bytes());
    }
    for word in [size, size * 8] {
        out.extend_from_slice(&word.to_le_bytes());
    }
    out
}

fn chunk(id: &[u8; 4], size: u32, payload: &[u8]) -> Vec<u8> {
    [id.as_slice(), &size.to_le_bytes(), payload].concat()
}

fn whole(id: &[u8; 4], payload: &[u8]) -> Vec<u8> {
    let mut out = chunk(id, u32::try_from(payload.len()).unwrap(), payload);
    out.resize(out.len().next_multiple_of(2), 0);
    out
}

fn file(magic: &[u8; 4], riff_size: u32, chunks: &[Vec<u8>]) -> Vec<u8> {
    [magic.as_slice(), &riff_size.to_le_bytes(), b"WAVE", &chunks.concat()].concat()
}

fn read(file: &[u8]) -> Result<WavLayout, MediaError> {
    WavLayout::read(&mut Cursor::new(file), file.len() as u64)
}

fn data_of(file: &[u8]) -> (u64, u64) {
    let layout = read(file).unwrap();
    (layout.data_offset, layout.data_len)
}

fn fault(file: &[u8]) -> String {
    read(file).unwrap_err().to_string()
}

#[test]
fn wrong_riff_sizes_do_not_matter() {
    for size in [0, 1, 36, 44, 1 << 30, u32::MAX] {
        let chunks = [whole(b"fmt ", &fmt(1)), whole(b"data", &[1; 100]), whole(b"LIST", b"abcd")];
        let wav = file(b"RIFF", size, &chunks);
        assert_eq!(data_of(&wav), (44, 100), "{size}");
        assert_eq!(read(&wav).unwrap().chunks.len(), 3);
    }
}

#[test]
fn streamed_data_runs_to_the_end_of_the_file() {
    for size in [0, u32::MAX] {
        let chunks = [whole(b"fmt ", &fmt(1)), chunk(b"data", size, &[1; 101])];
        let layout = read(&file(b"RIFF", u32::MAX, &chunks)).unwrap();
        assert_eq!((layout.data_len, layout.frames), (101, 51), "{size}");
    }
    let empty = file(b"RIFF", 36, &[whole(b"fmt ", &fmt(1)), whole(b"data", b"")]);
    assert_eq!(read(&empty).unwrap().duration().as_micros(), 0);
}

#[test]
fn long_files_take_their_sizes_from_ds64() {
    let ds64 = |data: u64, table: &[u8]| {
        let sizes = [0_u64, data, 0].map(u64::to_le_bytes).concat();
        whole(b"ds64", &[&sizes[..], &1_u32.to_le_bytes(), table].concat())
    };
    let entry = [&b"long"[..], &3_u64.to_le_bytes()].concat();
    for (data, expected) in [(100, 100), (0, 104 + 12), (u64::MAX, 104 + 12)] {
        let chunks = [
            ds64(data, &entry),
            whole(b"fmt ", &fmt(1)),
            chunk(b"long", u32::MAX, b"abc\0"),
            chunk(b"data", u32::MAX, &[1; 104]),
            whole(b"LIST", b"abcd"),
        ];
        let layout = read(&file(b"RF64", u32::MAX, &chunks)).unwrap();
        assert_eq!(layout.data_len, expected, "{data}");
        assert_eq!(layout.container, Container::Rf64);
    }
    let short = file(b"BW64", 0, &[whole(b"ds64", &[0; 27]), whole(b"fmt ", &fmt(1))]);
    assert_eq!(fault(&short), "the ds64 chunk is shorter than its table at byte 20");
    let chunks = [ds64(1000, &entry), whole(b"fmt ", &fmt(1)), chunk(b"data", u32::MAX, &[1; 104])];
    assert!(fault(&file(b"BW64", 0, &chunks)).contains("longer than the file"));
}

#[test]
fn faults_are_named_with_their_offset() {
    let (format, data) = (whole(b"fmt ", &fmt(1)), whole(b"data", &[1; 10]));
    let riff = |chunks: &[Vec<u8>]| file(b"RIFF", 0, chunks);
    assert_eq!(fault(b""), "the file is empty at byte 0");
    assert_eq!(fault(b"RIFF\0\0"), "the file ends inside the RIFF header at byte 6");
    assert_eq!(fault(b"OggS\0\0\0\0\0\0\0\0"), "no RIFF, RF64 or BW64 header at byte 0");
    assert_eq!(fault(b"RIFF\0\0\0\0AVI "), "the RIFF form is not WAVE at byte 8");
    assert_eq!(
        fault(&riff(&[format.clone(), chunk(b"data", 100, &[1; 99])])),
        "chunk \"data\" is longer than the file (99 bytes are left) at byte 36"
    );
    assert_eq!(fault(&riff(std::slice::from_ref(&data))), "the file has no fmt chunk at byte 30");
    assert_eq!(
        fault(&riff(std::slice::from_ref(&format))),
        "the file has no data chunk at byte 36"
    );
    assert_eq!(
        fault(&riff(&[data.clone(), format.clone()])),
        "the fmt chunk comes after data at byte 38"
    );
    assert_eq!(
        fault(&riff(&[format.clone(), data.clone(), data.clone()])),
        "a second data chunk is not supported"
    );
    assert_eq!(
        fault(&riff(&[whole(b"fmt ", &[0; 12]), data.clone()])),
        "the fmt chunk is too short at byte 20"
    );
    assert!(
        fault(&riff(&[whole(b"fmt ", &[0; 5000]), data.clone()])).contains("the limit is 4096")
    );
    let many = [vec![format.clone()], vec![whole(b"junk", b""); 4096], vec![data.clone()]].concat();
    assert!(fault(&riff(&many)).contains("the limit is 4096"));
    for (at, value, text) in [
        (2, 0, "is 0"),
        (4, 0, "is 0"),
        (12, 3, "channels times sample size"),
        (2, 300, "the number of channels is 300; the limit is 256"),
    ] {
        let mut bad = fmt(1);
        bad[at..at + 2].copy_from_slice(&u16::to_le_bytes(value));
        assert!(fault(&riff(&[whole(b"fmt ", &bad), data.clone()])).contains(text), "{text}");
    }
}

#[test]
fn odd_chunks_are_padded_and_the_trailer_is_counted() {
    let chunks = [
        whole(b"LIST", b"abc"),
        whole(b"fmt ", &fmt(6)),
        whole(b"data", &[0xD5; 7]),
        whole(b"cue ", b"x"),
        b"TAG\0\x01".to_vec(),
    ];
    let layout = read(&file(b"RIFF", 0, &chunks)).unwrap();
    assert_eq!((layout.data_offset, layout.data_len, layout.frames), (56, 7, 7));
    assert_eq!((layout.encoding, layout.trailer_len), (Encoding::ALaw, 5));
    assert_eq!(layout.chunks.len(), 4);
}

#[test]
fn extensible_formats_are_resolved() {
    let mut long = fmt(1);
    long[..2].copy_from_slice(&[0xFE, 0xFF]);
    long.extend_from_slice(&[22, 0, 16, 0, 4, 0, 0, 0, 1, 0]);
    long.extend_from_slice(b"\0\0\0\0\x10\0\x80\0\0\xAA\0\x38\x9B\x71");
    let wav = |fmt: &[u8]| file(b"RIFF", 0, &[whole(b"fmt ", fmt), whole(b"data", &[1; 10])]);
    assert_eq!(read(&wav(&long)).unwrap().encoding, Encoding::Pcm16);
    assert!(fault(&wav(&long[..38])).contains("shorter than 40 bytes"));
    long[39] = 0;
    assert_eq!(read(&wav(&long)).unwrap().encoding, Encoding::Other(0xFFFE));
}

#[test]
fn numbers_are_big_endian_in_rifx() {
    let swap = |words: &[u8], size: usize| -> Vec<u8> {
        words.chunks(size).flat_map(|word| word.iter().rev().copied()).collect()
    };
    let le = fmt(1);
    let be = [swap(&le[..4], 2), swap(&le[4..12], 4), swap(&le[12..], 2)].concat();
    let whole = |id: &[u8; 4], payload: &[u8]| {
        let size = u32::try_from(payload.len()).unwrap().swap_bytes();
        chunk(id, size, payload)
    };
    let layout = read(&file(b"RIFX", 0, &[whole(b"fmt ", &be), whole(b"data", &[1; 10])])).unwrap();
    assert_eq!((layout.encoding, layout.sample_rate, layout.frames), (Encoding::Pcm16, 8000, 5));
    assert_eq!(layout.measured().codec, "pcm_s16be");
}

#[test]
fn mutants_never_panic() {
    let sizes = [0_u64, 64, 0].map(u64::to_le_bytes).concat();
    let chunks = [
        whole(b"ds64", &[&sizes[..], &[0; 4]].concat()),
        whole(b"bext", &[0; 30]),
        whole(b"fmt ", &fmt(1)),
        chunk(b"data", u32::MAX, &[1; 64]),
        whole(b"PEAK", &[0; 16]),
    ];
    let original = file(b"RF64", u32::MAX, &chunks);
    let mut random = 0x9E37_79B9_7F4A_7C15_u64;
    let mut below = |limit: usize| {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        usize::try_from(random % limit as u64).unwrap()
    };
    for _ in 0..20_000 {
        let mut mutant = original.clone();
        for _ in 0..=below(4) {
            let at = below(mutant.len());
            mutant[at] = [0, 1, 0x7F, 0x80, 0xFF, below(256) as u8][below(6)];
        }
        mutant.truncate(mutant.len() - below(2) * below(60));
        if let Ok(layout) = read(&mutant) {
            assert!(layout.data_offset + layout.data_len <= mutant.len() as u64);
            assert!(layout.duration().as_micros() > 0 || layout.frames == 0);
        }
    }
}
