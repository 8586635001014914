//! WAVE files made by hand, masked and checked.

use std::io::Cursor;

use proptest::prelude::*;

use super::*;
use crate::asset::{Digest, MediaTime, Span, SpanReason};
use crate::mask::{
    Certificate, Masker, QuarantineReason, gsm, open_silencer, recheck_files, trial,
};
use crate::media::{Container, Encoding};

/// Format tag, bytes per sample, and the silent byte written down a second time.
const ENCODINGS: [(u16, u16, u8, Encoding); 8] = [
    (1, 1, 0x80, Encoding::PcmU8),
    (1, 2, 0, Encoding::Pcm16),
    (1, 3, 0, Encoding::Pcm24),
    (1, 4, 0, Encoding::Pcm32),
    (3, 4, 0, Encoding::Float32),
    (3, 8, 0, Encoding::Float64),
    (6, 1, 0xD5, Encoding::ALaw),
    (7, 1, 0xFF, Encoding::MuLaw),
];

fn chunk(id: &[u8; 4], payload: &[u8]) -> Vec<u8> {
    let size = u32::try_from(payload.len()).unwrap().to_le_bytes();
    [id.as_slice(), &size, payload, &[0][..payload.len() & 1]].concat()
}

/// A file whose every data byte is 0x11 to 0x4F: never silence. Chunks before and after.
fn wav(tag: u16, size: u16, channels: u16, rate: u32, data_len: usize) -> Vec<u8> {
    let align = size * channels;
    let mut fmt = [tag, channels].map(u16::to_le_bytes).concat();
    fmt.extend([rate, rate * u32::from(align)].map(u32::to_le_bytes).concat());
    fmt.extend([align, size * 8].map(u16::to_le_bytes).concat());
    let data: Vec<u8> = (0..data_len).map(|at| 0x11 + (at % 63) as u8).collect();
    let mut bext = vec![7; 602];
    bext[346..348].copy_from_slice(&[2, 0]);
    let chunks = [
        chunk(b"LIST", b"INFOodd"),
        chunk(b"bext", &bext),
        chunk(b"fmt ", &fmt),
        chunk(b"data", &data),
        chunk(b"PEAK", &[9; 16]),
        chunk(b"iXML", b"<x/>"),
    ];
    [&b"RIFF\x01\0\0\0WAVE"[..], &chunks.concat()].concat()
}

/// Masks `file` in chunks of the given sizes, in turn.
fn mask(file: &[u8], plan: &MaskPlan, sizes: &[usize]) -> (Vec<u8>, Certificate) {
    let mut source = Cursor::new(file);
    let layout = WavLayout::read(&mut source, file.len() as u64).unwrap();
    let mut silencer = open_silencer(&mut source, &layout.measured(), plan).unwrap();
    let (mut out, mut rest) = (Vec::new(), file);
    for size in sizes.iter().cycle() {
        let (now, later) = rest.split_at((*size).min(rest.len()));
        silencer.push(now, &mut out).unwrap();
        rest = later;
        if rest.is_empty() {
            break;
        }
    }
    let certificate = silencer.finish(&mut out).unwrap();
    (out, certificate)
}

fn plan(spans: &[(u64, u64)], duration: MediaTime) -> MaskPlan {
    let span = |(from, to): &(u64, u64)| {
        let time = MediaTime::from_micros;
        Span::new(time(*from), time(*to), SpanReason::Paused).unwrap()
    };
    let spans: Vec<Span> = spans.iter().map(span).collect();
    MaskPlan::from_spans(&spans, duration, MediaTime::ZERO).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]
    #[test]
    fn masked_frames_are_silent_and_all_else_is_kept(
        (tag, size, silence, encoding) in prop::sample::select(&ENCODINGS[..]),
        channels in 1_u16..6,
        rate in prop::sample::select(vec![1_u32, 8000, 11_025, 44_100, 192_000]),
        data_len in 1_usize..4000,
        cuts in prop::collection::vec((0.0_f64..1.0, 0.0_f64..1.2), 1..5),
        sizes in prop::collection::vec(1_usize..700, 1..6),
    ) {
        let file = wav(tag, size, channels, rate, data_len);
        let layout = WavLayout::read(&mut Cursor::new(&file), file.len() as u64).unwrap();
        prop_assert_eq!(layout.encoding, encoding);
        let duration = layout.duration();
        let micros = duration.as_micros() as f64;
        let spans: Vec<(u64, u64)> = cuts.iter().map(|(from, len)| {
            let from = (from * micros) as u64;
            (from, from + 1 + (len * micros) as u64)
        }).collect();
        let plan = plan(&spans, duration);
        let (whole, certificate) = mask(&file, &plan, &[file.len()]);
        let (streamed, _) = mask(&file, &plan, &sizes);
        prop_assert!(whole == streamed, "chunking changed the result");
        prop_assert_eq!(certificate.masked_sha256, Some(Digest::of(&whole)));
        prop_assert_eq!(certificate.source_sha256, Some(Digest::of(&file)));
        let facts = layout.measured();
        recheck_files(&mut Cursor::new(&file), &mut Cursor::new(&whole), &facts, &plan).unwrap();

        let align = u64::from(layout.block_align);
        let mut silent_frames = 0;
        let data = &whole[layout.data_offset as usize..];
        for (at, byte) in (0..layout.data_len).zip(data) {
            let frame = u128::from(at / align);
            let masked = spans.iter().any(|(from, to)| {
                let (from, to) = (u128::from(*from), u128::from(*to));
                frame * 1_000_000 < to * u128::from(rate)
                    && (frame + 1) * 1_000_000 > from * u128::from(rate)
            });
            let original = file[(layout.data_offset + at) as usize];
            prop_assert_eq!(*byte, if masked { silence } else { original }, "byte {}", at);
            silent_frames += u64::from(masked && at % align == 0);
        }
        prop_assert_eq!(certificate.units_silenced, silent_frames);
        let before = &file[..layout.data_offset as usize];
        let mut expected = before.to_vec();
        let bext = layout.chunks.iter().find(|chunk| &chunk.id == b"bext").unwrap();
        let bext = bext.offset as usize;
        expected[bext + 412..bext + 422].copy_from_slice(&[0xFF, 0x7F].repeat(5));
        prop_assert!(whole.starts_with(&expected));
        let after = [chunk(b"PEAK", &[0; 16]), chunk(b"iXML", b"<x/>")].concat();
        prop_assert!(whole.ends_with(&after));
        prop_assert_eq!(certificate.metadata_cleared, ["bext", "PEAK"]);
    }
}

#[test]
fn any_changed_byte_fails_the_recheck() {
    let file = wav(7, 1, 2, 8000, 2001);
    let layout = WavLayout::read(&mut Cursor::new(&file), file.len() as u64).unwrap();
    let facts = layout.measured();
    let plan = plan(&[(30_000, 60_000), (124_000, 126_000)], facts.duration);
    let (masked, _) = mask(&file, &plan, &[777]);
    for at in 0..masked.len() {
        let mut wrong = masked.clone();
        wrong[at] ^= 1;
        let error = recheck_files(&mut Cursor::new(&file), &mut Cursor::new(&wrong), &facts, &plan);
        let offset = at as u64;
        assert!(
            matches!(error, Err(MaskError::Recheck { offset: found }) if found == offset),
            "{at}"
        );
    }
    let cut = &masked[..masked.len() - 1];
    let error = recheck_files(&mut Cursor::new(&file), &mut Cursor::new(cut), &facts, &plan);
    assert!(matches!(error, Err(MaskError::Length { .. })));
}

#[test]
fn doubtful_files_are_held_back_when_a_mask_applies() {
    let time = MediaTime::from_millis;
    let span = Span::new(MediaTime::ZERO, time(10), SpanReason::Paused).unwrap();
    let reason = |file: &[u8]| {
        let layout = WavLayout::read(&mut Cursor::new(file), file.len() as u64).unwrap();
        let facts = layout.measured();
        let plan = MaskPlan::from_spans(&[span], facts.duration, time(500)).unwrap();
        let opened = open_silencer(&mut Cursor::new(file), &facts, &plan);
        opened.err().and_then(|error| error.reason().map(|reason| reason.code()))
    };
    let adpcm = wav(0x11, 1, 1, 8000, 2000);
    assert_eq!(reason(&adpcm), Some("mask_unsupported_container"));
    let mut trailed = wav(6, 1, 1, 8000, 2000);
    trailed.extend_from_slice(&[0; 200]);
    assert_eq!(reason(&trailed), None);
    trailed.extend_from_slice(&[0; 200]);
    assert_eq!(reason(&trailed), Some("media_malformed"));
}

#[test]
fn a_cut_off_description_is_cleared_too() {
    let file = wav(1, 2, 1, 8000, 800);
    let peak = file.windows(4).position(|id| id == b"PEAK").unwrap();
    let (masked, certificate) = trial::masked(&file[..peak + 20], &[(20, 40)]).unwrap();
    assert_eq!(masked[peak + 8..], [0; 12]);
    assert_eq!(certificate.metadata_cleared, ["bext", "PEAK"]);
    trial::every_change_is_seen(&file[..peak + 20], &[(20, 40)]);
}

/// A file of a codec: `fmt ` with its extension, numbered blocks, and a cut-off last one.
fn coded(tag: u16, channels: u16, align: u16, samples: u16, blocks: u16, rest: u16) -> Vec<u8> {
    let mut fmt = [tag, channels].map(u16::to_le_bytes).concat();
    fmt.extend([8000_u32, 4000].map(u32::to_le_bytes).concat());
    fmt.extend([align, 4, 2, samples].map(u16::to_le_bytes).concat());
    let data: Vec<u8> = (0..blocks * align + rest).map(|at| (at / align + 0x11) as u8).collect();
    let chunks = [
        chunk(b"PEAK", &[9; 16]),
        chunk(b"fmt ", &fmt),
        chunk(b"data", &data),
        chunk(b"levl", &[9; 5]),
    ];
    [&b"RIFF\x01\0\0\0WAVE"[..], &chunks.concat()].concat()
}

/// The payload of `data`.
fn data_of(file: &[u8]) -> &[u8] {
    let layout = WavLayout::read(&mut Cursor::new(file), file.len() as u64).unwrap();
    &file[layout.data_offset as usize..][..layout.data_len as usize]
}

#[test]
fn whole_blocks_are_silenced() {
    let ima = vec![0; 260];
    let ms = [&[0, 0, 16, 0, 16, 0][..], &[0; 122]].concat();
    let gsm = gsm::block(8000).silent;
    // 100 ms are samples 800 to 1600; ADPCM masks what they touch, GSM one block on each side.
    for (tag, channels, samples, silent, first, after) in [
        (0x11_u16, 1_u16, 513_u16, ima, 1, 4),
        (0x02, 2, 116, ms, 6, 14),
        (0x31, 1, 320, gsm, 2, 6),
    ] {
        let align = silent.len();
        let file = coded(tag, channels, align as u16, samples, 20, 31);
        let (masked, certificate) = trial::masked(&file, &[(100, 200)]).unwrap();
        let units = (certificate.units_silenced, certificate.units_total);
        assert_eq!(units, ((after - first) as u64, 21), "{tag}");
        let mut expected = data_of(&file).to_vec();
        expected[first * align..after * align].copy_from_slice(&silent.repeat(after - first));
        assert!(data_of(&masked) == expected, "{tag}");
        assert_eq!(certificate.metadata_cleared, ["PEAK", "levl"]);
        let (to_end, _) = trial::masked(&file, &[(0, 60_000)]).unwrap();
        let all = [silent.repeat(20), silent[..31].to_vec()].concat();
        assert!(data_of(&to_end) == all, "{tag}");
        trial::every_change_is_seen(&file, &[(100, 200)]);
        trial::mutants(&file, &[(100, 200)], 500);
    }
}

#[test]
fn g722_is_silenced_by_the_byte() {
    let file = coded(0x028F, 1, 1, 0, 2000, 0);
    let (masked, certificate) = trial::masked(&file, &[(100, 200)]).unwrap();
    let silenced = (800 - 240) / 2..1600 / 2 + 12;
    assert_eq!(data_of(&masked)[..silenced.start], data_of(&file)[..silenced.start]);
    assert_eq!(data_of(&masked)[silenced.end..], data_of(&file)[silenced.end..]);
    // What was masked leaves no trace: other sound at the same place gives the same bytes.
    let mut other = file.clone();
    let data = file.windows(4).position(|id| id == b"data").unwrap() + 8;
    other[data + silenced.start..data + silenced.end].reverse();
    assert!(trial::masked(&other, &[(100, 200)]).unwrap().0 == masked);
    trial::every_change_is_seen(&file, &[(100, 200)]);
    assert_eq!((certificate.units_silenced, certificate.units_total), (532, 2000));
    trial::few_mutants(&file, &[(100, 200)], 250, 50);
}

#[test]
fn single_channels_are_silenced_where_samples_stand_alone() {
    let file = wav(1, 2, 3, 8000, 6 * 900);
    let (facts, plan) = trial::plan(&file, &[(20, 60)]).unwrap();
    let one = plan.clone().with_channels(vec![1, 1]);
    let (masked, certificate) = trial::apply(&file, &facts, &one, 7).unwrap();
    let mut expected = data_of(&file).to_vec();
    expected[160 * 6..480 * 6].chunks_mut(6).for_each(|frame| frame[2..4].fill(0));
    assert_eq!(data_of(&masked), expected);
    assert_eq!(certificate.silenced_channels, Some(vec![1]));
    assert_eq!(certificate.metadata_cleared, ["bext", "PEAK"]);
    let check = |masked: &[u8], plan: &MaskPlan| {
        recheck_files(&mut Cursor::new(&file), &mut Cursor::new(masked), &facts, plan)
    };
    check(&masked, &one).unwrap();
    assert!(check(&masked, &plan).is_err());
    for at in (0..masked.len()).step_by(3) {
        let mut wrong = masked.clone();
        wrong[at] ^= 2;
        let error = check(&wrong, &one).unwrap_err();
        assert!(matches!(error, MaskError::Recheck { offset } if offset == at as u64), "{at}");
    }
    let all = plan.clone().with_channels(vec![2, 0, 1]);
    assert_eq!(trial::apply(&file, &facts, &all, 99).unwrap().0, mask(&file, &plan, &[99]).0);
    let adpcm = coded(0x11, 2, 264, 257, 9, 0);
    for (file, channels) in [(&file, vec![3]), (&file, vec![]), (&adpcm, vec![0])] {
        let (facts, plan) = trial::plan(file, &[(20, 60)]).unwrap();
        let plan = plan.with_channels(channels);
        let reason = Some(QuarantineReason::MaskChannelUnsupported);
        assert_eq!(trial::apply(file, &facts, &plan, 99).unwrap_err().reason(), reason);
        let checked = check(file, &plan).unwrap_err();
        assert!(facts.codec != "pcm_s16le" || checked.reason() == reason);
    }
}

#[test]
fn mutants_never_panic_and_pass_their_own_recheck() {
    let original = wav(1, 2, 2, 8000, 700);
    let span =
        Span::new(MediaTime::from_millis(20), MediaTime::from_millis(60), SpanReason::Paused);
    let mut below = trial::below_with(0x2545_F491_4F6C_DD1D);
    let mut masked = 0;
    for _ in 0..20_000 {
        let mut mutant = original.clone();
        for _ in 0..=below(3) {
            let at = below(mutant.len());
            mutant[at] = [0, 1, 0x7F, 0x80, 0xFF, below(256) as u8][below(6)];
        }
        mutant.truncate(mutant.len() - below(2) * below(1300));
        let bytes = mutant.len() as u64;
        let Ok(layout) = WavLayout::read(&mut Cursor::new(&mutant), bytes) else { continue };
        let facts = layout.measured();
        let plan = MaskPlan::from_spans(span.as_slice(), facts.duration, MediaTime::ZERO);
        let Ok(plan) = plan else { continue };
        let Ok(mut silencer) = open_silencer(&mut Cursor::new(&mutant), &facts, &plan) else {
            continue;
        };
        let mut out = Vec::new();
        mutant.chunks(97).for_each(|chunk| silencer.push(chunk, &mut out).unwrap());
        silencer.finish(&mut out).unwrap();
        let mut files = (Cursor::new(&mutant), Cursor::new(&out));
        recheck_files(&mut files.0, &mut files.1, &facts, &plan).unwrap();
        masked += 1;
    }
    assert!(masked > 5000, "{masked}");
}

/// Masks `file` as a stream of unknown length.
fn streamed(file: &[u8]) -> Result<Vec<u8>, MaskError> {
    let facts = Measured::streamed(Container::Wav, file)?;
    let span = Span::new(MediaTime::from_millis(20), MediaTime::MAX, SpanReason::Redacted).unwrap();
    let plan = MaskPlan::from_spans(&[span], facts.duration, MediaTime::ZERO)?;
    let mut masker = Masker::open(&mut Cursor::new(file), &facts, &plan)?;
    let mut out = Vec::new();
    for block in file.chunks(97) {
        masker.push(block, &mut out)?;
    }
    masker.finish(&mut out)?;
    Ok(out)
}

#[test]
fn nothing_that_tells_of_the_sound_follows_it_in_a_stream() {
    let file = wav(1, 2, 1, 8000, 800);
    let data = file.windows(4).position(|id| id == b"data").unwrap();
    let peak = file.windows(4).position(|id| id == b"PEAK").unwrap();
    assert!(streamed(&file).unwrap_err().to_string().contains("a PEAK chunk"));
    let cut = &file[..peak + 10];
    assert!(streamed(cut).unwrap_err().to_string().contains("a PEAK chunk"));
    let mut harmless = file.clone();
    harmless[peak..peak + 4].copy_from_slice(b"note");
    let masked = streamed(&harmless).unwrap();
    assert!(masked[data + 8 + 320..data + 808].iter().all(|byte| *byte == 0));
    assert_eq!(masked[data + 808..], harmless[data + 808..]);
    // A header that says too little: what follows is sound that nobody accounts for.
    let mut short = [&harmless[..data + 8], &[0x33; 700][..]].concat();
    short[data + 4..data + 8].copy_from_slice(&400_u32.to_le_bytes());
    assert!(streamed(&short).unwrap_err().to_string().contains("no chunk"));
    let cut = streamed(&harmless[..data + 400]).unwrap_err();
    assert!(cut.to_string().contains("inside its data chunk"), "{cut}");
    // Without a size the sound runs to the end, and so does the silence.
    let mut endless = harmless[..data + 808].to_vec();
    endless[data + 4..data + 8].fill(0xFF);
    assert!(streamed(&endless).unwrap()[data + 8 + 320..].iter().all(|byte| *byte == 0));
}
