//! Masks on synthetic streams: frames of the right outline, filled with noise.

use std::io::Cursor;

use super::block::BlockCoder;
use super::*;
use crate::asset::{MediaTime, SpanReason};
use crate::mask::{Certificate, MaskPlan, open_silencer, recheck_files};
use crate::media::{AdtsHeader, BitWriter, ChannelLayout, Container, Measured, Opening};

/// Numbers without order, the same in every run (xorshift).
struct Noise(u64);

impl Noise {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % bound
    }

    fn byte(&mut self) -> u8 {
        u8::try_from(self.below(256)).unwrap()
    }
}

/// One ADTS frame at 8 kHz: channel configuration `channels` (1, 2 or 6), with or without a CRC.
fn frame(channels: u8, crc: bool, payload: &[u8]) -> Vec<u8> {
    let header_bytes = if crc { 9 } else { 7 };
    let [high, low] = u16::try_from(header_bytes + payload.len()).unwrap().to_be_bytes();
    let protection = if crc { 0xF0 } else { 0xF1 };
    // The length has 2, 8 and 3 bits of three bytes; the buffer fullness says something.
    let mut frame = vec![0xFF, protection, 0x6C | channels >> 2, channels << 6 | high >> 3];
    frame.extend([high << 5 | low >> 3, low << 5 | 0x05, 0x50]);
    frame.resize(header_bytes, 0x77);
    frame.extend_from_slice(payload);
    frame
}

/// A block that begins as one of that configuration does.
fn block(channels: u8, len: usize, noise: &mut Noise) -> Vec<u8> {
    let mut block: Vec<u8> = (0..len).map(|_| noise.byte()).collect();
    block[0] = if channels == 2 { 0x20 } else { 0 };
    block
}

/// 60 frames of loudness that comes and goes, a tag ahead and one among them.
fn stream(channels: u8, crc: bool, noise: &mut Noise) -> Vec<u8> {
    let mut file = b"ID3\x04\0\0\0\0\0\x04PRIV".to_vec();
    for at in 0..60 {
        if at == 25 {
            file.extend_from_slice(b"ID3\x04\0\0\0\0\0\x04PRIV");
        }
        let len = 40 + (at % 7) * 9 + noise.below(20);
        file.extend(frame(channels, crc, &block(channels, len, noise)));
    }
    file
}

fn facts(file: &[u8]) -> Measured {
    Measured {
        container: Container::Adts,
        codec: "aac".to_owned(),
        channels: Some(1),
        sample_rate: Some(8000),
        first: MediaTime::ZERO,
        duration: MediaTime::from_millis(60 * 128),
        bytes: file.len() as u64,
    }
}

fn plan(spans: &[(u64, u64)]) -> MaskPlan {
    let time = MediaTime::from_millis;
    let span = |(from, to): &(u64, u64)| {
        crate::asset::Span::new(time(*from), time(*to), SpanReason::Redacted).unwrap()
    };
    let spans: Vec<_> = spans.iter().map(span).collect();
    MaskPlan::from_spans(&spans, time(60 * 128), MediaTime::ZERO).unwrap()
}

fn mask(file: &[u8], plan: &MaskPlan) -> Result<(Vec<u8>, Certificate), MaskError> {
    let mut silencer = open_silencer(&mut Cursor::new(file), &facts(file), plan)?;
    let mut out = Vec::new();
    for portion in file.chunks(777) {
        silencer.push(portion, &mut out)?;
    }
    let certificate = silencer.finish(&mut out)?;
    Ok((out, certificate))
}

fn recheck(file: &[u8], masked: &[u8], plan: &MaskPlan) -> Result<(), MaskError> {
    recheck_files(&mut Cursor::new(file), &mut Cursor::new(masked), &facts(file), plan)
}

/// Where frames begin, by their lengths alone; and those lengths.
fn frames(file: &[u8]) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < file.len() {
        if file[at..].starts_with(b"ID3") {
            at += 14;
            continue;
        }
        let len = AdtsHeader::parse(&file[at..]).unwrap().frame_bytes;
        found.push((at, len));
        at += len;
    }
    found
}

#[test]
fn every_size_can_be_silent_and_no_other_bit_passes() {
    for configuration in 1..8 {
        let coder = BlockCoder::new(ChannelLayout::of_configuration(configuration).unwrap());
        let source = if configuration == 2 { [0x2B; 9] } else { [0x01; 9] };
        for size in (coder.shortest()..700).chain([2000, 8191]) {
            let mut silent = coder.silence(&source, size).unwrap();
            assert_eq!(silent.len(), size);
            assert!(coder.is_silence(&silent), "{configuration} {size}");
            if size > 60 && size != 400 {
                continue;
            }
            for bit in 0..size * 8 {
                // The tag of a single element may be any.
                if configuration > 2 || !(3..7).contains(&bit) {
                    silent[bit / 8] ^= 0x80 >> (bit % 8);
                    assert!(!coder.is_silence(&silent), "{configuration} {size} {bit}");
                    silent[bit / 8] ^= 0x80 >> (bit % 8);
                }
            }
        }
        assert!(coder.silence(&source, coder.shortest() - 1).is_err());
    }
}

#[test]
fn the_shortest_blocks_are_as_the_standard_has_them() {
    let mono = BlockCoder::new(ChannelLayout::of_configuration(1).unwrap());
    // SCE with tag 5, then END.
    assert_eq!(mono.silence(&[0x0A, 0xFF], 4).unwrap(), [0x0A, 0, 0, 0x07]);
    // Blocks without channels: with nothing at all, END alone, and padding.
    assert!(mono.silence(&[], 0).unwrap().is_empty());
    assert_eq!(mono.silence(&[0xE0], 1).unwrap(), [0xE0]);
    assert_eq!(mono.silence(&[0xC2, 0x13, 0xC0], 3).unwrap(), [0xE0, 0, 0]);
    assert!(mono.is_silence(&[0xE0, 0, 0]) && mono.is_silence(&[]));
    // A pair where one channel should be, and a coupling channel.
    assert!(mono.silence(&[0x20; 9], 9).is_err());
    assert!(mono.silence(&[0x40; 9], 9).is_err());
}

#[test]
fn frames_in_a_mask_are_silent_and_even_and_all_others_are_kept() {
    let mut noise = Noise(7);
    for (channels, crc) in [(1, false), (2, true), (6, false), (1, true)] {
        let file = stream(channels, crc, &mut noise);
        let plan = plan(&[(1000, 2000), (3000, 5000)]);
        let (masked, certificate) = mask(&file, &plan).unwrap();
        recheck(&file, &masked, &plan).unwrap();
        // 1000 ms lie in frame 7, and frame 6 sounds until then; 2000 ms lie in frame 15.
        let silent = |at: usize| (6..=15).contains(&at) || (22..=39).contains(&at);
        let (before, after) = (frames(&file), frames(&masked));
        assert_eq!(before.len(), after.len());
        assert_eq!((certificate.units_total, certificate.units_silenced), (60, 28));
        for (at, (old, new)) in before.iter().zip(&after).enumerate() {
            let part = |file: &[u8], (from, len): (usize, usize)| file[from..from + len].to_vec();
            if !silent(at) {
                assert_eq!(old, new);
                assert_eq!(part(&file, *old), part(&masked, *new));
            }
        }
        let row: Vec<usize> = after[6..=15].iter().map(|frame| frame.1).collect();
        assert!(row.iter().max().unwrap() - row.iter().min().unwrap() <= 1, "{row:?}");
    }
}

#[test]
fn one_changed_byte_fails_the_check() {
    let file = stream(2, true, &mut Noise(3));
    let plan = plan(&[(1000, 2000)]);
    let (masked, _) = mask(&file, &plan).unwrap();
    for at in 0..masked.len() {
        let mut wrong = masked.clone();
        wrong[at] ^= 0x80;
        assert!(recheck(&file, &wrong, &plan).is_err(), "{at}");
    }
    assert!(recheck(&file, &file, &plan).is_err());
}

#[test]
fn a_protected_silent_frame_has_the_crc_that_decoders_expect() {
    // This frame, 93 bytes of 44.1 kHz stereo, was read without complaint by a decoder that checks.
    let expected =
        [0xFF, 0xF0, 0x50, 0x80, 0x0B, 0xBF, 0xFC, 0xBF, 0x04, 0x21, 0, 0, 0, 0, 0x1B, 0xCF, 0x80];
    let mut sound = vec![0xFF, 0xF0, 0x50, 0x80, 0x0B, 0xA1, 0x50, 0, 0, 0x21];
    sound.resize(93, 0x39);
    let file = sound.repeat(60);
    let (masked, _) = mask(&file, &plan(&[(100, 200)])).unwrap();
    let (at, len) = frames(&masked)[6];
    assert_eq!(len, 93);
    assert_eq!(masked[at..at + 17], expected);
}

#[test]
fn several_blocks_in_a_frame_are_silent_each() {
    let mut noise = Noise(9);
    let mut file = Vec::new();
    for _ in 0..30 {
        let mut frame = frame(1, false, &block(1, 90, &mut noise));
        frame[6] |= 1;
        file.extend(frame);
    }
    let plan = plan(&[(1000, 2000)]);
    let (masked, certificate) = mask(&file, &plan).unwrap();
    recheck(&file, &masked, &plan).unwrap();
    assert_eq!((certificate.units_total, certificate.units_silenced), (30, 5));
    // The first block is as short as can be, the second is padded.
    let (at, _) = frames(&masked)[4];
    assert_eq!(masked[at + 7..at + 11], [0, 0, 0, 0x07]);
    assert_eq!(masked[at + 11..at + 14], [0, 0, 0]);
}

#[test]
fn damage_is_silenced_with_the_frame_ahead() {
    let mut noise = Noise(11);
    let mut file = stream(1, false, &mut noise);
    file.truncate(file.len() - 3);
    let (at, len) = frames(&file[..file.len() - 90])[30];
    file.splice(at + len..at + len, [0x5A; 100]);
    // All of the file, and to its end only.
    for span in [(0, 7680), (3500, 4500), (7500, 7680)] {
        let plan = plan(&[span]);
        let (masked, _) = mask(&file, &plan).unwrap();
        recheck(&file, &masked, &plan).unwrap();
        assert_eq!(masked.windows(9).any(|bytes| bytes == [0x5A; 9]), span.0 == 7500);
    }
}

#[test]
fn what_is_not_plain_aac_lc_is_held_back() {
    let plan = plan(&[(1000, 2000)]);
    let mut noise = Noise(13);
    for (profile, name) in [(0x00, "AAC Main"), (0x80, "AAC SSR"), (0xC0, "AAC LTP")] {
        let mut file = Vec::new();
        for _ in 0..9 {
            let mut frame = frame(1, false, &block(1, 50, &mut noise));
            frame[2] = frame[2] & 0x3F | profile;
            file.extend(frame);
        }
        let error = mask(&file, &plan).unwrap_err();
        assert_eq!(error.reason(), Some(QuarantineReason::MaskUnsupportedContainer));
        assert!(error.to_string().ends_with(name), "{error}");
    }
    // SBR behind the channels of every frame: FIL of 6 bytes of type 13, at any bit.
    let with_sbr = |noise: &mut Noise| {
        let mut writer = BitWriter::default();
        for _ in 0..30 + noise.below(20) {
            writer.write(u32::from(noise.byte()), 7);
        }
        for (value, count) in [(0b110, 3), (6, 4), (0xD, 4), (0x123_4567, 28), (9, 16), (7, 3)] {
            writer.write(value, count);
        }
        let mut block = writer.into_bytes();
        block[0] = 0;
        block
    };
    let frames = (0..40).map(|_| frame(1, false, &with_sbr(&mut noise)));
    let error = mask(&frames.flatten().collect::<Vec<u8>>(), &plan).unwrap_err();
    assert!(error.to_string().ends_with("HE-AAC (SBR, not signalled)"), "{error}");
    let plain: Vec<Vec<u8>> = (0..64).map(|_| block(1, 50, &mut noise)).collect();
    assert!(!carries_sbr(&plain));
}

#[test]
fn blocks_in_other_containers_follow_their_config() {
    let parse = |bytes: &[u8]| AudioSpecificConfig::parse(bytes, 0).unwrap();
    // 8 kHz mono in frames of 960.
    let mut mono = coding(&parse(&[0x15, 0x8C])).unwrap();
    assert_eq!((mono.rate(), mono.ticks(&[]), mono.reach().after), (8000, Ok(960), 960));
    let silent = mono.silence(&[0x01; 40], 33).unwrap();
    assert!(silent.len() == 33 && mono.is_silence(&silent) && !mono.is_silence(&[0x01; 40]));
    for (bytes, name) in [(&[0x2B, 0x8A, 0x08, 0x00][..], "HE-AAC (SBR)"), (&[9, 0x90], "Main")] {
        let error = coding(&parse(bytes)).err().unwrap();
        assert_eq!(error.reason(), Some(QuarantineReason::MaskUnsupportedContainer));
        assert!(error.to_string().ends_with(name), "{error}");
    }
    assert!(coding(&parse(&[0x11, 0xC0])).is_err());
}

#[test]
fn a_declared_program_stays_where_it_was() {
    // A single channel of tag 3 in front, and a comment of two bytes.
    let mut writer = BitWriter::default();
    let zero = (0, 4);
    let fields = [(5, 3), zero, (1, 2), (11, 4), (1, 4), zero, zero, (0, 2), (0, 3), zero, (0, 3)];
    for (value, count) in fields.into_iter().chain([(0b0_0011, 5), (0, 6), (2, 8), (0x4142, 16)]) {
        writer.write(value, count);
    }
    writer.write(0b000_0011, 7);
    let mut declaring = writer.into_bytes();
    declaring.resize(50, 0x55);
    let program = Opening::read(&declaring).unwrap().program.unwrap();
    let coder = BlockCoder::new(ChannelLayout::of_program(program).unwrap());
    let silent = coder.silence(&declaring, 20).unwrap();
    assert!(coder.is_silence(&silent));
    // The same up to the comment's length, which is 0.
    assert_eq!(silent[..6], declaring[..6]);
    assert_eq!(silent[6], 0);
    let plain = coder.silence(&[0x06, 0x55, 0x55], 20).unwrap();
    assert_eq!(plain[..4], [0x06, 0, 0, 0x06]);
    assert!(coder.is_silence(&plain));
    // Another tag is no channel of this program, and another program is another stream.
    assert!(coder.silence(&[0x08, 0x55, 0x55], 20).is_err());
    declaring[5] ^= 0x40;
    assert!(coder.silence(&declaring, 20).is_err());
}

#[test]
fn damaged_files_are_masked_wholly_or_refused() {
    let mut noise = Noise(17);
    let plan = plan(&[(500, 900), (3000, 4000), (7000, 7680)]);
    let mut accepted = 0;
    for case in 0..3000 {
        let mut file = stream([1, 2, 6][case % 3], case % 2 == 0, &mut noise);
        for _ in 0..1 + noise.below(4) {
            let at = noise.below(file.len());
            match noise.below(4) {
                0 => file.truncate(at.max(200)),
                1 => drop(file.drain(at..(at + 20).min(file.len()))),
                2 => file[at] ^= 1 << noise.below(8),
                _ => file[at] = noise.byte(),
            }
        }
        if let Ok((masked, _)) = mask(&file, &plan) {
            accepted += 1;
            assert_eq!(masked.len(), file.len());
            recheck(&file, &masked, &plan).unwrap();
        }
    }
    assert!(accepted > 1500, "{accepted}");
}
