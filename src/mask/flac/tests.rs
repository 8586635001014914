use std::io::Cursor;

use super::frames::CRC_BYTES;
use super::*;
use crate::asset::{MediaTime, Span, SpanReason};
use crate::mask::{Certificate, MaskPlan, open_silencer, recheck_files};
use crate::media::{Container, FlacLayout, FrameHeader, Measured, crc16};

const RATE: u32 = 8000;
const BLOCK: u16 = 192;

/// Numbers that look random, the same in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end
    }
}

fn info(min_block: u32, max_block: u32, bits: u32) -> StreamInfo {
    StreamInfo { min_block, max_block, rate: RATE, bits }
}

/// A frame header of fixed strategy and explicit block size; width and rate as in STREAMINFO.
fn header(number: u8, block: u16, channels: u8) -> Vec<u8> {
    let [high, low] = (block - 1).to_be_bytes();
    let mut header = vec![0xFF, 0xF8, 0x70, channels << 4, number, high, low, 0];
    while FrameHeader::parse(&header).is_none() {
        header[7] += 1;
    }
    header
}

fn frame(number: u8, block: u16, channels: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = [&header(number, block, channels), payload].concat();
    let sum = crc16(0, &frame);
    frame.extend(sum.to_be_bytes());
    frame
}

fn block(kind: u8, payload: &[u8]) -> Vec<u8> {
    let len = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&[kind], &len[1..], payload].concat()
}

fn streaminfo() -> Vec<u8> {
    let mut info = [BLOCK, BLOCK].map(u16::to_be_bytes).concat();
    info.extend([0; 6]);
    // 8000 Hz, 1 channel, 16 bits, total not known, then the MD5.
    info.extend([0x01, 0xF4, 0x00, 0xF0, 0, 0, 0, 0]);
    info.extend([0xAB; 16]);
    info
}

/// Twenty frames of random bytes, loud and quiet in turns, the last one short and of odd length.
/// The SEEKTABLE points to frames 6 and 9.
fn file(seed: u64) -> Vec<u8> {
    let mut random = Random(seed);
    let frames = (0..20_u8).map(|number| {
        let len = 30 + random.below(if number % 4 < 2 { 40 } else { 300 });
        let payload: Vec<u8> = (0..len).map(|_| random.below(256) as u8).collect();
        frame(number, if number < 19 { BLOCK } else { 101 }, 0, &payload)
    });
    let frames: Vec<Vec<u8>> = frames.collect();
    let offset = |frame: usize| frames[..frame].iter().map(Vec::len).sum::<usize>() as u64;
    let point = |frame: usize, sample: u64| {
        [&sample.to_be_bytes()[..], &offset(frame).to_be_bytes(), &BLOCK.to_be_bytes()].concat()
    };
    let seek = [point(6, 6 * 192), point(9, 9 * 192), point(0, u64::MAX)].concat();
    let text = |text: &[u8]| [&(text.len() as u32).to_le_bytes(), text].concat();
    let comments = [
        text(b"vendor"),
        3_u32.to_le_bytes().to_vec(),
        text(b"TITLE=a call"),
        text(b"replaygain_track_gain=-7.89 dB"),
        text(b"REPLAYGAIN_EMPTY="),
    ];
    let metadata = [
        block(0, &streaminfo()),
        block(3, &seek),
        block(6, &[7; 5000]),
        block(0x84, &comments.concat()),
    ];
    let tag = b"ID3\x04\0\0\0\0\0\x05tagID";
    [&tag[..], b"fLaC", &metadata.concat(), &frames.concat()].concat()
}

fn facts(file: &[u8]) -> Measured {
    Measured {
        container: Container::Flac,
        codec: "flac".to_owned(),
        channels: Some(1),
        sample_rate: Some(RATE),
        first: MediaTime::ZERO,
        duration: MediaTime::from_micros((19 * 192 + 101) * 125),
        bytes: file.len() as u64,
    }
}

fn plan(file: &[u8], from: u64, to: u64) -> MaskPlan {
    // In samples, of 125 microseconds each.
    let time = |sample: u64| MediaTime::from_micros(sample * 125);
    let span = Span::new(time(from), time(to), SpanReason::Paused).unwrap();
    MaskPlan::from_spans(&[span], facts(file).duration, MediaTime::ZERO).unwrap()
}

fn mask(file: &[u8], plan: &MaskPlan, size: usize) -> Result<(Vec<u8>, Certificate), MaskError> {
    let mut silencer = open_silencer(&mut Cursor::new(file), &facts(file), plan)?;
    let mut out = Vec::new();
    for chunk in file.chunks(size) {
        silencer.push(chunk, &mut out)?;
    }
    let certificate = silencer.finish(&mut out)?;
    Ok((out, certificate))
}

fn recheck(file: &[u8], masked: &[u8], plan: &MaskPlan) -> Result<(), MaskError> {
    recheck_files(&mut Cursor::new(file), &mut Cursor::new(masked), &facts(file), plan)
}

/// Offsets of the frames, by their numbers.
fn frame_offsets(file: &[u8]) -> Vec<usize> {
    let mut at =
        FlacLayout::read(&mut Cursor::new(file), file.len() as u64).unwrap().frames_at as usize;
    let mut offsets = vec![at];
    for number in 1..20 {
        let next = |at: &usize| {
            FrameHeader::parse(&file[*at..]).is_some_and(|header| header.number == number)
        };
        at = (at + 1..file.len()).find(next).unwrap();
        offsets.push(at);
    }
    offsets.push(file.len());
    offsets
}

#[test]
fn masked_frames_are_silent_and_all_else_stays() {
    let file = file(1);
    // From the last sample of frame 3 to the first of frame 14.
    let plan = plan(&file, 4 * 192 - 1, 14 * 192 + 1);
    let (masked, certificate) = mask(&file, &plan, file.len()).unwrap();
    for size in [1, 7, 1000] {
        assert!(mask(&file, &plan, size).unwrap().0 == masked, "chunks of {size}");
    }
    recheck(&file, &masked, &plan).unwrap();
    assert_eq!((certificate.units_silenced, certificate.units_total), (12, 20));
    assert_eq!(certificate.metadata_cleared, ["STREAMINFO", "VORBIS_COMMENT"]);

    let (old, new) = (frame_offsets(&file), frame_offsets(&masked));
    let at = |text: &[u8]| file.windows(text.len()).position(|found| found == text).unwrap();
    let mut metadata = file[..old[0]].to_vec();
    metadata[at(&[0xAB; 16])..][..16].fill(0);
    metadata[at(b"-7.89 dB")..][..8].fill(b' ');
    assert!(masked.starts_with(&metadata));
    assert_eq!((&old[..4], &old[15..]), (&new[..4], &new[15..]));
    assert_eq!((old[6], old[9]), (new[6], new[9]), "seek points");
    let mut coding = FlacCoding { info: info(192, 192, 16), seek_samples: Vec::new() };
    for number in 0..20 {
        let unit = &masked[new[number]..new[number + 1]];
        if (3..15).contains(&number) {
            assert!(coding.is_silence(unit), "frame {number}");
        } else {
            assert_eq!(unit, &file[old[number]..old[number + 1]]);
        }
    }
    // Sizes between seek points no longer follow the loudness.
    let sizes: Vec<usize> = (9..15).map(|number| new[number + 1] - new[number]).collect();
    assert!(sizes.iter().max().unwrap() - sizes.iter().min().unwrap() <= 1, "{sizes:?}");
}

#[test]
fn a_changed_byte_does_not_pass_the_check() {
    let file = file(2);
    let plan = plan(&file, 1000, 3749);
    let (masked, _) = mask(&file, &plan, 500).unwrap();
    recheck(&file, &masked, &plan).unwrap();
    for at in (0..masked.len()).filter(|at| at % 7 == 0 || *at > 5200) {
        let mut changed = masked.clone();
        changed[at] ^= 0x10;
        assert!(recheck(&file, &changed, &plan).is_err(), "byte {at}");
    }
    assert!(recheck(&file, &file, &plan).is_err());
}

#[test]
fn damage_is_refused_or_masked_so_that_the_check_holds() {
    let whole = file(3);
    let mut random = Random(4);
    let mut accepted = 0;
    for _ in 0..3000 {
        let mut damaged = whole.clone();
        for _ in 0..=random.below(3) {
            let at = random.below(damaged.len());
            damaged[at] = random.below(256) as u8;
        }
        if random.below(4) == 0 {
            damaged.truncate(random.below(damaged.len()));
        }
        let plan = plan(&damaged, 1000, 1000 + 1 + random.below(2749) as u64);
        if let Ok((masked, _)) = mask(&damaged, &plan, 1 + random.below(3000)) {
            recheck(&damaged, &masked, &plan).unwrap();
            accepted += 1;
        }
    }
    assert!(accepted > 100, "{accepted}");
}

#[test]
fn a_stream_that_begins_in_its_midst_or_has_gaps_is_refused() {
    let whole = file(5);
    let offsets = frame_offsets(&whole);
    let plan = plan(&whole, 1000, 1001);
    for (cut, expected) in [
        (offsets[0]..offsets[2], "a FLAC stream that begins in its midst is not supported"),
        (offsets[2]..offsets[3], "FLAC frames are missing"),
        (offsets[3]..offsets[4] - 1, "a damaged or cut-off FLAC frame"),
        (offsets[20] - 1..offsets[20], "a damaged or cut-off FLAC frame"),
    ] {
        let file = [&whole[..cut.start], &whole[cut.end..]].concat();
        let error = mask(&file, &plan, 100).err().unwrap().to_string();
        assert!(error.starts_with(expected), "{error}");
    }
    let tagged = [&whole[..], b"TAG", &[b' '; 125]].concat();
    let (masked, _) = mask(&tagged, &plan, 100).unwrap();
    recheck(&tagged, &masked, &plan).unwrap();
}

#[test]
fn silence_has_every_length_that_sound_has() {
    for (block, channels, bits) in [
        (16, 0, 16),
        (160, 0, 8),
        (192, 10, 16),
        (576, 1, 20),
        (882, 1, 16),
        (1000, 0, 16),
        (4096, 0, 8),
        (4096, 0, 16),
        (4096, 8, 24),
        (4608, 0, 16),
        (16_384, 9, 16),
        (65_535_u16, 7, 24),
    ] {
        let header = header(0, block, channels);
        let mut coding =
            FlacCoding { info: info(16, u32::from(block), bits), seek_samples: vec![] };
        let widths = FrameHeader::parse(&header).unwrap().widths(&coding.info);
        let shortest = fill::constant(&widths).div_ceil(8) as usize;
        let sum: u64 = widths.iter().map(|width| 8 + u64::from(*width) * u64::from(block)).sum();
        let longest = sum.div_ceil(8) as usize;
        let step = if block == 65_535 { longest } else { 1 + longest / 99 };
        for payload in (shortest..longest).step_by(step).chain([longest]) {
            let size = header.len() + payload + CRC_BYTES;
            let silent = coding.silence(&header, size);
            let silent = silent.unwrap_or_else(|_| panic!("{block} {channels} {bits} {payload}"));
            assert_eq!(silent.len(), size);
            assert!(silent.starts_with(&header) && coding.is_silence(&silent));
        }
        assert!(coding.silence(&header, header.len() + CRC_BYTES + 1).is_err());
    }
}

#[test]
fn a_short_last_block_of_an_odd_length_may_end_early() {
    let header = header(0, 4095, 0);
    let mut coding = FlacCoding { info: info(4096, 4096, 16), seek_samples: vec![] };
    let mut inner = FlacCoding { info: info(16, 4096, 16), seek_samples: vec![] };
    let mut tails = 0;
    for size in (header.len() + 6..8000).step_by(61) {
        let silent = coding.silence(&header, size).unwrap();
        assert_eq!(silent.len(), size);
        assert!(coding.is_silence(&silent));
        let exact = inner.silence(&header, size).is_ok();
        assert_eq!(inner.is_silence(&silent), exact);
        tails += usize::from(!exact);
    }
    assert!(tails > 10, "{tails}");
}

#[test]
fn what_is_not_zero_is_not_silence() {
    let mut coding = FlacCoding { info: info(16, 192, 16), seek_samples: vec![] };
    let silent = coding.silence(&header(3, 192, 1), 200).unwrap();
    assert!(coding.is_silence(&silent));
    for bit in 64..(silent.len() - CRC_BYTES) * 8 {
        let mut changed = silent[..silent.len() - CRC_BYTES].to_vec();
        changed[bit / 8] ^= 0x80 >> (bit % 8);
        let sum = crc16(0, &changed);
        changed.extend(sum.to_be_bytes());
        assert!(!coding.is_silence(&changed), "bit {bit}");
    }
    for len in 0..silent.len() {
        assert!(!coding.is_silence(&silent[..len]));
    }
}
