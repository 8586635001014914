//! Streams made up bit by bit: any version, mode, rate and use of the reservoir.

use std::io::Cursor;

use proptest::prelude::*;

use super::FrameCheck;
use super::reservoir::overlap;
use crate::asset::{MediaTime, Span, SpanReason};
use crate::mask::ticks::TickSpans;
use crate::mask::{
    Certificate, MaskError, MaskPlan, QuarantineReason, open_silencer, recheck_files,
};
use crate::media::mp3::{FrameHeader, SideInfo, crc16_arc};
use crate::media::{BitWriter, Container, Measured};

/// Numbers that look random and are the same every time.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit.max(1)
    }
}

/// Frames like `head`, with bit rates from `rates`, random main data and ancillary data.
fn stream(head: u32, rates: &[u32], count: usize, random: &mut Random) -> Vec<Vec<u8>> {
    let (mut frames, mut main): (Vec<Vec<u8>>, Vec<u8>) = (Vec::new(), Vec::new());
    let mut starts = Vec::new();
    let mut data_end = 0_u64;
    for _ in 0..count {
        let rate = rates[random.below(rates.len() as u64) as usize];
        let word = (head & !0xF200) | rate << 12 | (random.below(2) as u32) << 9;
        let header = FrameHeader::read(&word.to_be_bytes()).unwrap();
        let payload = header.frame_len().unwrap() - header.payload_at();
        let at = main.len() as u64;
        let begin = (at - data_end).min(header.max_main_data_begin());
        let room = (begin + payload as u64) * 8;
        let parts = header.granules() * header.channels();
        let lengths: Vec<u64> =
            (0..parts).map(|_| random.below((room / parts as u64).min(4095) + 1)).collect();
        data_end = at - begin + lengths.iter().sum::<u64>().div_ceil(8);
        let mut side = BitWriter::default();
        side.write(begin as u32, SideInfo::begin_bits(header));
        let selection = SideInfo::scale_factor_selection(header);
        while side.position() < selection.start {
            side.write(1, 1);
        }
        let shared = if random.below(4) == 0 { 1 } else { 0 };
        side.write(shared, selection.len() as u32);
        for length in lengths {
            side.write(length as u32, 12);
            let rest = if header.is_lsf() { 51 } else { 47 };
            side.write(u32::MAX, 30);
            side.write(random.below(1 << 17) as u32, rest - 30);
        }
        let mut frame = header.to_bytes().to_vec();
        frame.resize(header.side_info_at(), 0);
        frame.extend(side.into_bytes());
        let crc = super::side_fields::crc(&frame, header).to_be_bytes();
        if header.has_crc() {
            frame[4..6].copy_from_slice(&crc);
        }
        main.extend((0..payload).map(|_| 1 + random.below(255) as u8));
        starts.push((frames.len(), at as usize, payload));
        frames.push(frame);
    }
    for (frame, at, payload) in starts {
        frames[frame].extend(&main[at..at + payload]);
    }
    frames
}

fn facts(frames: &[Vec<u8>], bytes: usize) -> Measured {
    let header = FrameHeader::read(&frames[0]).unwrap();
    let samples = (frames.len() * header.granules() * 576) as u64;
    Measured {
        container: Container::Mp3,
        codec: "mp3".to_owned(),
        channels: Some(header.channels() as u16),
        sample_rate: Some(header.sample_rate()),
        first: MediaTime::ZERO,
        duration: MediaTime::from_micros(samples * 1_000_000 / u64::from(header.sample_rate()) + 1),
        bytes: bytes as u64,
    }
}

/// A plan for a span of the file, in thousandths of its length.
fn plan(facts: &Measured, from: u64, to: u64) -> MaskPlan {
    let micros = facts.duration.as_micros();
    let time = |part: u64| MediaTime::from_micros(micros * part / 1000);
    let span = Span::new(time(from), time(to), SpanReason::Paused).unwrap();
    MaskPlan::from_spans(&[span], facts.duration, MediaTime::ZERO).unwrap()
}

fn mask(
    file: &[u8],
    facts: &Measured,
    plan: &MaskPlan,
    portion: usize,
) -> Result<(Vec<u8>, Certificate), MaskError> {
    let mut silencer = open_silencer(&mut Cursor::new(file), facts, plan)?;
    let mut out = Vec::new();
    for part in file.chunks(portion) {
        silencer.push(part, &mut out)?;
    }
    let certificate = silencer.finish(&mut out)?;
    Ok((out, certificate))
}

fn recheck(file: &[u8], masked: &[u8], facts: &Measured, plan: &MaskPlan) -> Result<(), MaskError> {
    recheck_files(&mut Cursor::new(file), &mut Cursor::new(masked), facts, plan)
}

/// The bits of every granule, and the whole main data with the granules' bits set to 0.
fn granules(mut file: &[u8]) -> (Vec<Vec<bool>>, Vec<u8>) {
    let (mut main, mut places) = (Vec::new(), Vec::new());
    while let Some(header) = FrameHeader::read(file) {
        let len = header.frame_len().unwrap();
        let side = SideInfo::read(header, file).unwrap();
        let mut at = (main.len() as u64 - side.main_data_begin) * 8;
        for bits in &side.granule_bits[..header.granules()] {
            places.push(at..at + bits);
            at += bits;
        }
        main.extend_from_slice(&file[header.payload_at()..len]);
        file = &file[len..];
    }
    let bit = |at: u64| main[at as usize / 8] >> (7 - at % 8) & 1 == 1;
    let bits = places.iter().map(|place| place.clone().map(bit).collect()).collect();
    let mut rest = main.clone();
    for place in &places {
        super::reservoir::clear_bits(&mut rest, 0, place);
    }
    (bits, rest)
}

const HEADS: [u32; 6] =
    [0xFFFB_0064, 0xFFFA_04C4, 0xFFFB_0804, 0xFFF3_0004, 0xFFF2_04C4, 0xFFE3_08C4];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]
    #[test]
    fn masked_granules_are_empty_and_the_others_as_they_were(
        head in prop::sample::select(&HEADS[..]),
        rates in prop::sample::select(vec![vec![9], vec![1], vec![1, 2, 4, 9, 12], vec![14, 3]]),
        seed in 1..u64::MAX,
        from in 0_u64..900,
        len in 1_u64..500,
        portion in 1_usize..3000,
    ) {
        let frames = stream(head, &rates, 60, &mut Random(seed));
        let file = frames.concat();
        let facts = facts(&frames, file.len());
        let plan = plan(&facts, from, (from + len).min(1000));
        let (masked, certificate) = mask(&file, &facts, &plan, file.len()).unwrap();
        let (streamed, _) = mask(&file, &facts, &plan, portion).unwrap();
        prop_assert!(masked == streamed, "chunking changed the result");
        prop_assert_eq!(masked.len(), file.len());
        prop_assert_eq!(certificate.units_total, 60);
        recheck(&file, &masked, &facts, &plan).unwrap();

        let header = FrameHeader::read(&file).unwrap();
        let rate = u64::from(header.sample_rate());
        let span = plan.silenced[0];
        let first = span.from.as_micros() * rate / 1_000_000;
        let after = (span.to.as_micros() * rate).div_ceil(1_000_000);
        let ((before, others), (now, rest)) = (granules(&file), granules(&masked));
        prop_assert_eq!(before.len(), now.len());
        let heard = |index: usize| {
            let at = index as u64 * 576;
            overlap(&(at.saturating_sub(1105)..at + 1632), &(first..after))
        };
        for (index, (before, now)) in before.iter().zip(&now).enumerate() {
            // A second granule may need the first one's scale factors.
            let companion = !header.is_lsf() && index % 2 == 1 && heard(index - 1);
            prop_assert!(!heard(index) || now.is_empty(), "granule {} is left", index);
            prop_assert!(now == before || heard(index) || companion, "granule {}", index);
            prop_assert!(now == before || now.is_empty(), "granule {} is changed", index);
        }
        // What is no granule's is the source's, or gone.
        let known = rest.iter().zip(&others).filter(|(now, before)| **now & !**before == 0);
        prop_assert_eq!(known.count(), others.len());
    }
}

#[test]
fn every_changed_byte_is_found() {
    for head in [HEADS[0], HEADS[1], HEADS[4]] {
        let mut frames = stream(head, &[4, 5], 24, &mut Random(7));
        frames.insert(0, info_frame(FrameHeader::read(&frames[0]).unwrap()));
        let file = [id3().as_slice(), &frames.concat(), b"TAG", &[0x20; 125]].concat();
        let facts = facts(&frames, file.len());
        let plan = plan(&facts, 400, 600);
        let (masked, certificate) = mask(&file, &facts, &plan, 1000).unwrap();
        recheck(&file, &masked, &facts, &plan).unwrap();
        let cleared = ["ID3v2 USLT", "LAME peak and gain"];
        assert_eq!(certificate.metadata_cleared, cleared);
        for at in 0..masked.len() {
            let mut wrong = masked.clone();
            wrong[at] ^= 1 << (at % 8);
            let found = recheck(&file, &wrong, &facts, &plan);
            assert!(matches!(found, Err(MaskError::Recheck { .. })), "{head:x} {at}: {found:?}");
        }
        recheck(&file, &masked[..masked.len() - 1], &facts, &plan).unwrap_err();
    }
}

fn id3() -> Vec<u8> {
    b"ID3\x03\0\0\0\0\0\x22USLT\0\0\0\x0A\0\0wordsaloudTPE1\0\0\0\x04\0\0name".to_vec()
}

/// A LAME tag with delay 576, peak, and CRCs that are wrong.
fn info_frame(like: FrameHeader) -> Vec<u8> {
    let head = FrameHeader::read(&(u32::from_be_bytes(like.to_bytes()) | 0x9000).to_be_bytes());
    let header = head.unwrap();
    let mut frame = vec![0; header.frame_len().unwrap()];
    frame[..4].copy_from_slice(&header.to_bytes());
    let at = 4 + header.side_info_len();
    frame[at..at + 4].copy_from_slice(b"Info");
    let lame = at + 8;
    frame[lame..lame + 9].copy_from_slice(b"LAME3.100");
    frame[lame + 11..lame + 19].fill(9);
    frame[lame + 21] = 0x24;
    frame[lame + 32..lame + 36].fill(0xEE);
    frame
}

#[test]
fn the_crcs_of_a_lame_tag_are_right_or_absent() {
    let mut frames = stream(HEADS[0], &[9, 5], 40, &mut Random(3));
    frames.insert(0, info_frame(FrameHeader::read(&frames[0]).unwrap()));
    let file = frames.concat();
    let mut facts = facts(&frames, file.len());
    let plan = plan(&facts, 300, 500);
    let first = frames[0].len();
    let lame = 4 + 32 + 8;
    let field = |file: &[u8], at: usize| u16::from_be_bytes([file[lame + at], file[lame + at + 1]]);
    let (masked, _) = mask(&file, &facts, &plan, 5000).unwrap();
    assert_eq!(field(&masked, 32), crc16_arc(0, &masked[first..]));
    assert_eq!(field(&masked, 34), crc16_arc(0, &masked[..lame + 34]));
    facts.bytes = Measured::OPEN_END;
    let (piped, certificate) = mask(&file, &facts, &plan, 5000).unwrap();
    assert_eq!((field(&piped, 32), &piped[first..]), (0, &masked[first..]));
    assert_eq!(field(&piped, 34), crc16_arc(0, &piped[..lame + 34]));
    assert_eq!(certificate.metadata_cleared, ["LAME peak and gain", "LAME music CRC"]);
}

#[test]
fn garbage_and_a_cut_off_frame_are_silenced_with_their_neighbours() {
    let frames = stream(HEADS[3], &[4], 30, &mut Random(9));
    let junk = vec![0x33; 50];
    let (mut file, mut places) = (junk.clone(), vec![0]);
    for (index, frame) in frames.iter().enumerate() {
        file.extend(frame);
        if [4, 14, 24].contains(&index) {
            places.push(file.len());
            file.extend(&junk);
        }
    }
    file.truncate(file.len() - 20);
    let facts = facts(&frames, file.len());
    for (from, to, gone) in
        [(450, 600, [false, false, true, false]), (0, 10, [true, false, false, false])]
    {
        let plan = plan(&facts, from, to);
        let (masked, _) = mask(&file, &facts, &plan, 77).unwrap();
        recheck(&file, &masked, &facts, &plan).unwrap();
        for (place, gone) in places.iter().zip(gone) {
            assert_eq!(masked[*place..place + 50] == [0; 50], gone, "{from} {place}");
        }
    }
    let plan = plan(&facts, 990, 1000);
    let (masked, _) = mask(&file, &facts, &plan, 77).unwrap();
    recheck(&file, &masked, &facts, &plan).unwrap();
    assert!(masked.ends_with(&[0; 60]));
}

#[test]
fn sizes_in_a_mask_do_not_follow_the_sound() {
    let frames = stream(HEADS[0], &[2, 5, 9, 13], 80, &mut Random(21));
    let file = frames.concat();
    let facts = facts(&frames, file.len());
    let (masked, _) = mask(&file, &facts, &plan(&facts, 200, 800), 5000).unwrap();
    let mut sizes = Vec::new();
    let mut rest = masked.as_slice();
    while let Some(len) = FrameHeader::read(rest).and_then(FrameHeader::frame_len) {
        sizes.push(len);
        rest = &rest[len..];
    }
    assert!(rest.is_empty());
    assert_eq!(sizes.len(), 80);
    assert!(sizes[22..55].is_sorted_by(|left, right| left >= right), "{sizes:?}");
    let same = sizes.iter().zip(&frames).take(14).all(|(size, frame)| *size == frame.len());
    assert!(same);
}

#[test]
fn frames_of_a_container_keep_their_sizes_and_times() {
    let mut frames = stream(HEADS[0], &[3, 9, 12], 40, &mut Random(5));
    // The container says that nothing plays before 100 000.
    let time = |index: usize| Some(100_000 + 1152 * index as u64);
    let mut facts = facts(&frames, 0);
    facts.duration = MediaTime::from_millis(10_000);
    let rate = 44_100;
    let span =
        Span::new(MediaTime::from_millis(2500), MediaTime::from_millis(2600), SpanReason::Paused);
    let plan = MaskPlan::from_spans(span.as_slice(), facts.duration, MediaTime::ZERO).unwrap();
    let spans = || TickSpans::new(&plan, &facts, rate, 0);
    let mut track = super::track(spans(), super::REACH);
    let mut check = FrameCheck::new(spans(), super::REACH);
    // A frame may be followed by bytes that are not its own.
    frames[9].extend([7; 30]);
    frames[20].extend([7; 30]);
    for (index, frame) in frames.iter().enumerate() {
        track.push(frame.clone(), 0, time(index)).unwrap();
    }
    track.finish().unwrap();
    let mut silent = Vec::new();
    for (index, frame) in frames.iter().enumerate() {
        let masked = track.pop().unwrap();
        assert_eq!(masked.len(), frame.len());
        if check.push(frame, &masked, 0, time(index)).unwrap() {
            silent.push(index);
        }
    }
    check.finish(0).unwrap();
    // Samples 110 250 to 114 660; the second granule of frame 7 sounds until 110 272.
    assert_eq!(silent, [7, 8, 9, 10, 11, 12]);
    assert_eq!((track.count().total, track.count().silenced), (40, 6));
    let other_layer = [0xFF, 0xFD, 0x90, 0x64, 0, 0];
    let error = super::track(spans(), super::REACH).push(other_layer.to_vec(), 0, None);
    assert_eq!(
        error.unwrap_err().reason().map(QuarantineReason::code),
        Some("mask_unsupported_container")
    );
}

#[test]
fn mutants_never_panic_and_pass_their_own_recheck() {
    let mut random = Random(0x2545_F491_4F6C_DD1D);
    let mut accepted = 0;
    for case in 0..4000 {
        let head = HEADS[case % HEADS.len()];
        let mut frames = stream(head, &[3, 4, 8], 24, &mut random);
        if case % 3 == 0 {
            frames.insert(0, info_frame(FrameHeader::read(&frames[0]).unwrap()));
        }
        // A piece cut out: what follows reaches into main data that is not its own.
        if case % 4 == 1 {
            frames.drain(7..7 + random.below(5) as usize);
        }
        let mut file = [if case % 5 == 0 { id3() } else { Vec::new() }, frames.concat()].concat();
        for _ in 0..random.below(12) {
            let at = random.below(file.len() as u64) as usize;
            file[at] = [0, 1, 0x7F, 0xFF, random.below(256) as u8][random.below(5) as usize];
        }
        file.truncate(file.len() - (random.below(2) * random.below(900)) as usize);
        let mut facts = facts(&frames, file.len());
        let from = random.below(900);
        let plan = plan(&facts, from, from + 1 + random.below(100));
        if case % 7 == 0 {
            facts.bytes = Measured::OPEN_END;
        }
        let Ok((masked, _)) = mask(&file, &facts, &plan, 97) else { continue };
        assert_eq!(masked.len(), file.len());
        recheck(&file, &masked, &facts, &plan).unwrap_or_else(|error| panic!("{case}: {error}"));
        accepted += 1;
    }
    assert!(accepted > 2000, "{accepted}");
}
