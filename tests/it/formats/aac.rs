//! AAC-LC in ADTS, MP4 and Matroska, and MP3 in MP4.

use std::fs;

use super::adts;
use super::harness::{Format, Variant, encode, seed};
use super::judge::{Law, Tail};
use super::masked::{facts_of, mask, spans};
use super::signal::Random;
use super::tools::Decoder;

/// A frame is heard over 2048 samples.
const LAW: Law = Law::exact(2047, 2047);
/// Noise substitution: the decoder's noise depends on all that it made before.
const NOISE: Law = LAW.tail(Tail::Coded);

/// Matroska has times in milliseconds: six of doubt on each side, at samples per millisecond.
const fn rounded(per_ms: usize) -> Law {
    Law::exact(2047 + 6 * per_ms, 2047 + 6 * per_ms)
}

#[test]
fn aac_in_adts_is_exactly_zero_inside_and_exact_outside() {
    let variants = [
        Variant::new(
            ("adts 8 kHz", "aac"),
            (8000, 1),
            "ffmpeg -v error -i $IN -c:a aac -aac_pns 0 -b:a 16k $OUT",
            LAW,
        ),
        Variant::new(
            ("adts 16 kHz", "aac"),
            (16_000, 1),
            "ffmpeg -v error -i $IN -c:a aac -aac_pns 0 -b:a 32k $OUT",
            LAW,
        ),
        Variant::new(
            ("adts 44 kHz stereo", "aac"),
            (44_100, 2),
            "ffmpeg -v error -i $IN -c:a aac -aac_pns 0 -b:a 96k $OUT",
            LAW,
        )
        .second(Decoder::Faad, 0.0),
        Variant::new(
            ("adts noise substitution", "aac"),
            (44_100, 1),
            "ffmpeg -v error -i $IN -c:a aac -b:a 40k $OUT",
            NOISE,
        ),
    ];
    Format { name: "AAC in ADTS", variants: &variants, apart: 1.2 }.holds();
}

#[test]
fn aac_in_mp4_is_exactly_zero_inside_and_exact_outside() {
    let variants = [
        Variant::new(
            ("m4a 16 kHz", "m4a"),
            (16_000, 1),
            "ffmpeg -v error -i $IN -c:a aac -aac_pns 0 -b:a 32k $OUT",
            LAW,
        ),
        Variant::new(
            ("m4a 44 kHz stereo", "m4a"),
            (44_100, 2),
            "ffmpeg -v error -i $IN -c:a aac -aac_pns 0 -b:a 96k -movflags faststart $OUT",
            LAW,
        )
        .second(Decoder::Faad, 0.0),
        Variant::new(
            ("fmp4 48 kHz", "mp4"),
            (48_000, 1),
            "ffmpeg -v error -i $IN -c:a aac -aac_pns 0 -b:a 64k -frag_duration 1000000 \
             -movflags empty_moov+default_base_moof $OUT",
            LAW,
        ),
        Variant::new(
            ("m4a noise substitution", "m4a"),
            (44_100, 1),
            "ffmpeg -v error -i $IN -c:a aac -b:a 40k $OUT",
            NOISE,
        ),
    ];
    Format { name: "AAC in MP4", variants: &variants, apart: 1.2 }.holds();
}

#[test]
fn aac_in_matroska_is_exactly_zero_inside_and_exact_outside() {
    let variants = [
        Variant::new(
            ("mkv aac 16 kHz", "mkv"),
            (16_000, 1),
            "ffmpeg -v error -i $IN -c:a aac -aac_pns 0 -b:a 32k $OUT",
            rounded(16),
        ),
        Variant::new(
            ("mkv aac 48 kHz stereo", "mkv"),
            (48_000, 2),
            "ffmpeg -v error -i $IN -c:a aac -aac_pns 0 -b:a 96k $OUT",
            rounded(48),
        ),
    ];
    Format { name: "AAC in Matroska", variants: &variants, apart: 1.2 }.holds();
}

#[test]
fn mp3_in_mp4_is_exactly_zero_inside_and_exact_outside() {
    let law = Law::exact(1631, 1631 + 576);
    let variants = [
        Variant::new(
            ("mp4 mp3 44 kHz", "mp4"),
            (44_100, 2),
            "ffmpeg -v error -i $IN -c:a libmp3lame -b:a 96k $OUT",
            law,
        ),
        Variant::new(
            ("mp4 mp3 16 kHz", "mp4"),
            (16_000, 1),
            "ffmpeg -v error -i $IN -c:a libmp3lame -b:a 24k $OUT",
            law,
        ),
    ];
    Format { name: "MP3 in MP4", variants: &variants, apart: 1.2 }.holds();
}

/// An ADTS file with one more fill element of an extension type at the end of every frame.
fn extended(file: &[u8], extension_type: u8, random: &mut Random) -> Vec<u8> {
    let (mut out, mut at) = (Vec::new(), 0);
    for block in adts::blocks(file) {
        let head = &file[at..at + 7];
        assert_eq!(head[1] & 1, 1, "a frame without a CRC");
        at += 7 + block.len();
        let block = with_fill(block, extension_type, random);
        let length = 7 + block.len();
        out.extend_from_slice(&head[..3]);
        out.push(head[3] & 0xFC | (length >> 11) as u8);
        out.push((length >> 3) as u8);
        out.push((length << 5) as u8 | head[5] & 0x1F);
        out.push(head[6]);
        out.extend(block);
    }
    out
}

/// A raw data block with a fill element ahead of END. Of type 0, which is fill, the contents are
/// as the standard wants them; else they are random.
fn with_fill(block: &[u8], extension_type: u8, random: &mut Random) -> Vec<u8> {
    let bit = |at: usize| block[at / 8] >> (7 - at % 8) & 1 == 1;
    // Three ones, and zeros up to the byte.
    let last = (0..block.len() * 8).rev().find(|at| bit(*at)).expect("a bit that is set");
    assert!(last / 8 == block.len() - 1 && bit(last - 1) && bit(last - 2), "END");
    let mut bits: Vec<bool> = (0..last - 2).map(bit).collect();
    let mut write = |value: usize, count: usize| {
        bits.extend((0..count).rev().map(|at| value >> at & 1 == 1));
    };
    let bytes = 6 + random.below(30);
    write(0b110, 3);
    write(bytes.min(15), 4);
    if bytes >= 15 {
        write(bytes - 14, 8);
    }
    write(usize::from(extension_type), 4);
    let fill = extension_type == 0;
    write(if fill { 0 } else { random.below(16) }, 4);
    for _ in 1..bytes {
        write(if fill { 0b1010_0101 } else { random.below(256) }, 8);
    }
    write(0b111, 3);
    let packed = bits.chunks(8).map(|byte| {
        let weighed = byte.iter().enumerate().map(|(at, bit)| u8::from(*bit) << (7 - at));
        weighed.sum()
    });
    packed.collect()
}

#[test]
fn he_aac_that_nothing_signals_is_held_back() {
    let folder = tempfile::tempdir().unwrap();
    let line = "ffmpeg -v error -i $IN -c:a aac -b:a 32k $OUT";
    let variants = [
        Variant::new(("sbr mono", "aac"), (16_000, 1), line, LAW),
        Variant::new(("sbr stereo", "aac"), (22_050, 2), line, LAW),
    ];
    say!("HE-AAC: REELGATE_SEED={}", seed());
    for variant in &variants {
        let mut random = Random::named(seed(), variant.name);
        let plain = fs::read(encode(variant, folder.path(), 4.0)).unwrap();
        let frames = adts::blocks(&plain).len();
        assert!(frames >= 20, "{frames} frames");
        let spans = spans(&mut random, 1, 3.0, 1.0);
        let mut outcome = |extension_type| {
            let file = extended(&plain, extension_type, &mut random);
            assert_eq!(adts::blocks(&file).len(), frames);
            mask(&file, &facts_of(&file).unwrap(), &spans, &mut random)
        };
        let name = variant.name;
        outcome(0b0000).unwrap_or_else(|fault| panic!("{name}: mere fill: {fault}"));
        // EXT_SBR_DATA and EXT_SBR_DATA_CRC.
        for extension_type in [0b1101, 0b1110] {
            let fault = outcome(extension_type).unwrap_err();
            assert!(fault.starts_with("held back (mask_unsupported_container)"), "{name}: {fault}");
            assert!(fault.contains("HE-AAC"), "{name}: {fault}");
        }
    }
}
