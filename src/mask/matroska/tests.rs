use std::io::Cursor;

use crate::asset::{MediaTime, Span, SpanReason};
use crate::mask::trial;
use crate::mask::unit::{Coding, Reach, UnitFault};
use crate::mask::{Certificate, MaskError, MaskPlan, WarningCode, open_silencer, recheck_files};
use crate::media::matroska::{Crc32, ids};
use crate::media::{Container, Measured};

/// Stands in for a codec: every frame plays 20 ms, and is silent when all bytes are 0xEE.
pub(super) struct Double;

impl Coding for Double {
    fn rate(&self) -> u32 {
        1000
    }

    fn reach(&self) -> Reach {
        Reach { before: 0, after: 5, units_after: 1 }
    }

    fn ticks(&mut self, unit: &[u8]) -> Result<u64, UnitFault> {
        if unit.is_empty() { Err(UnitFault::Malformed("an empty frame")) } else { Ok(20) }
    }

    fn silence(&mut self, _unit: &[u8], size: usize) -> Result<Vec<u8>, UnitFault> {
        Ok(vec![0xEE; size])
    }

    fn is_silence(&mut self, unit: &[u8]) -> bool {
        unit.iter().all(|byte| *byte == 0xEE)
    }
}

fn id(id: u32) -> Vec<u8> {
    id.to_be_bytes().into_iter().skip_while(|byte| *byte == 0).collect()
}

fn element(name: u32, content: &[u8]) -> Vec<u8> {
    let size = u16::try_from(content.len()).unwrap() | 0x4000;
    [id(name), size.to_be_bytes().to_vec(), content.to_vec()].concat()
}

fn number(name: u32, value: u64) -> Vec<u8> {
    element(name, &value.to_be_bytes())
}

fn with_sum(content: &[u8]) -> Vec<u8> {
    [&[0xBF, 0x84][..], &Crc32::of(content), content].concat()
}

fn unknown(name: u32) -> Vec<u8> {
    [id(name), vec![0xFF]].concat()
}

fn simple(track: u8, time: i16, keyframe: bool, frames: &[u8]) -> Vec<u8> {
    let flags = if keyframe { 0x80 } else { 0 };
    let [high, low] = time.to_be_bytes();
    element(ids::SIMPLE_BLOCK, &[&[0x80 | track, high, low, flags], frames].concat())
}

fn group(track: u8, time: i16, frames: &[u8], more: &[Vec<u8>]) -> Vec<u8> {
    let [high, low] = time.to_be_bytes();
    let block = element(ids::BLOCK, &[&[0x80 | track, high, low, 0], frames].concat());
    element(ids::BLOCK_GROUP, &[block, more.concat()].concat())
}

fn track(entry: &[Vec<u8>]) -> Vec<u8> {
    element(ids::TRACK_ENTRY, &entry.concat())
}

fn head(codec: &str, more: &[Vec<u8>]) -> Vec<u8> {
    let audio = [
        element(ids::SAMPLING_FREQUENCY, &8000_f32.to_be_bytes()),
        number(ids::CHANNELS, 1),
        number(ids::BIT_DEPTH, 16),
    ];
    let entry = |track: u64, kind, codec: &str| {
        [
            number(ids::TRACK_NUMBER, track),
            number(ids::TRACK_TYPE, kind),
            element(ids::CODEC_ID, codec.as_bytes()),
        ]
        .concat()
    };
    let tracks = [
        track(&[entry(1, 2, "A_PCM/INT/LIT"), element(ids::AUDIO, &audio.concat())]),
        track(&[entry(2, 2, codec), more.concat()]),
        track(&[entry(3, 1, "V_VP8")]),
        track(&[entry(4, 17, "S_TEXT/UTF8")]),
    ];
    let info = element(ids::INFO, &with_sum(&number(ids::TIMESTAMP_SCALE, 1_000_000)));
    [info, element(ids::TRACKS, &with_sum(&tracks.concat()))].concat()
}

/// 40 ms of each track: PCM as 7, two laced frames of the double, a picture, and at times a text.
fn cluster(index: u64, sum: bool) -> Vec<u8> {
    let text = group(4, 10, b"some text", &[number(ids::BLOCK_DURATION, 15)]);
    // Shown, and a key frame where the number is even.
    let frame = [0x50 + index as u8; 70];
    let picture = if index.is_multiple_of(4) {
        simple(3, 0, true, &frame)
    } else {
        group(3, 0, &frame, &[element(ids::REFERENCE_BLOCK, &[0xCE])])
    };
    let lace = [&[0x82, 0, 1, 0x02, 1, 5][..], &[9; 5 + 6]].concat();
    let content = [
        number(ids::TIMESTAMP, index * 40),
        simple(1, 0, true, &[7; 2 * 160]),
        simple(1, 20, true, &[7; 2 * 160]),
        element(ids::SIMPLE_BLOCK, &lace),
        picture,
        if index.is_multiple_of(2) { text } else { vec![0xEC, 0x83, 1, 2, 3] },
        number(ids::PREV_SIZE, 7),
    ]
    .concat();
    let content = if sum { with_sum(&content) } else { content };
    if sum { element(ids::CLUSTER, &content) } else { [unknown(ids::CLUSTER), content].concat() }
}

fn file(sum: bool, head: &[u8]) -> Vec<u8> {
    let seek = |target: u32| {
        let position = number(0x53AC, 99);
        element(ids::SEEK, &[element(ids::SEEK_ID, &target.to_be_bytes()), position].concat())
    };
    let cue = |track, time| {
        let positions = element(ids::CUE_TRACK_POSITIONS, &number(ids::CUE_TRACK, track));
        element(ids::CUE_POINT, &[number(ids::CUE_TIME, time), positions].concat())
    };
    let cues = [cue(3, 0), cue(3, 160), cue(1, 160), cue(3, 320)].concat();
    let content = [
        element(ids::SEEK_HEAD, &with_sum(&[seek(ids::ATTACHMENTS), seek(ids::CUES)].concat())),
        head.to_vec(),
        (0..12).flat_map(|index| cluster(index, sum)).collect(),
        element(ids::CUES, &with_sum(&cues)),
        element(ids::ATTACHMENTS, &[0x61; 300]),
        element(ids::TAGS, &[]),
        vec![0xEC, 0x82, 5, 5],
    ]
    .concat();
    let segment = if sum {
        element(ids::SEGMENT, &content)
    } else {
        [unknown(ids::SEGMENT), content].concat()
    };
    [element(ids::EBML, &element(ids::DOC_TYPE, b"webm")), segment].concat()
}

fn facts(file: &[u8]) -> Measured {
    Measured {
        container: Container::Matroska,
        codec: String::new(),
        channels: Some(1),
        sample_rate: Some(8000),
        first: MediaTime::ZERO,
        duration: MediaTime::from_millis(480),
        bytes: file.len() as u64,
    }
}

fn plan(spans: &[(u64, u64)]) -> MaskPlan {
    let time = MediaTime::from_millis;
    let span =
        |(from, to): &(u64, u64)| Span::new(time(*from), time(*to), SpanReason::Paused).unwrap();
    let spans: Vec<Span> = spans.iter().map(span).collect();
    MaskPlan::from_spans(&spans, time(480), MediaTime::ZERO).unwrap()
}

fn mask(file: &[u8], plan: &MaskPlan, chunk: usize) -> Result<(Vec<u8>, Certificate), MaskError> {
    let mut silencer = open_silencer(&mut Cursor::new(file), &facts(file), plan)?;
    let mut out = Vec::new();
    for part in file.chunks(chunk) {
        silencer.push(part, &mut out)?;
    }
    let certificate = silencer.finish(&mut out)?;
    Ok((out, certificate))
}

fn recheck(file: &[u8], masked: &[u8], plan: &MaskPlan) -> Result<(), MaskError> {
    recheck_files(&mut Cursor::new(file), &mut Cursor::new(masked), &facts(file), plan)
}

fn position(file: &[u8], wanted: &[u8]) -> Vec<usize> {
    let windows = file.windows(wanted.len()).enumerate();
    windows.filter(|(_, window)| *window == wanted).map(|(at, _)| at).collect()
}

#[test]
fn sound_pictures_texts_and_what_points_at_them() {
    for sum in [false, true] {
        let file = file(sum, &head("A_TEST", &[]));
        let plan = plan(&[(100, 210)]);
        let (masked, certificate) = mask(&file, &plan, file.len()).unwrap();
        assert_eq!(mask(&file, &plan, 13).unwrap().0, masked);
        recheck(&file, &masked, &plan).unwrap();
        assert_eq!(masked.len(), file.len());
        // PCM is silent to the sample, 2 ms and two samples wider.
        let sevens = |file: &[u8]| file.iter().filter(|byte| **byte == 7).count();
        let silent = 2 * 8 * (210 - 100 + 2 * 2) + 2 * 4;
        assert!((sevens(&file) - sevens(&masked)).abs_diff(silent) <= 2 * 4);
        // Pictures go from 120 ms on up to the key frame at 320; text where it overlaps.
        for index in 0..12_u8 {
            let gone = (3..8).contains(&index);
            assert_eq!(position(&masked, &[0x50 + index; 70]).is_empty(), gone, "picture {index}");
        }
        assert_eq!(position(&masked, b"some text").len(), 6 - 2);
        assert!(position(&masked, &[0x61; 20]).is_empty());
        assert!(position(&masked, &ids::ATTACHMENTS.to_be_bytes()).is_empty());
        assert!(position(&masked, &[0xEC, 0x82, 5, 5]).is_empty());
        // The cue at 160 for the picture is gone, the one for sound is not.
        let cue = |time| position(&masked, &number(ids::CUE_TIME, time)).len();
        assert_eq!([cue(0), cue(160), cue(320)], [1, 1, 1]);
        assert_eq!(certificate.metadata_cleared, ["CuePoint", "Attachments"]);
        assert_eq!((certificate.units_total, certificate.warnings.len()), (66, 0));
    }
}

#[test]
fn frames_of_a_codec_are_silent_where_they_are_heard() {
    let tracks = head("A_TEST", &[number(ids::CODEC_DELAY, 3_000_000)]);
    let file = file(false, &tracks);
    let (masked, _) = mask(&file, &plan(&[(120, 130)]), 100).unwrap();
    // 3 ms of delay and 4 ms of doubt: 119 to 137 ms of the container's time. The frames at 101, which
    // is heard 5 ms longer than it plays, and at 121; and one more. They have 6, 5 and 6 bytes.
    let lace = |frames: &[u8]| {
        let content = [&[0x82, 0, 1, 0x02, 1, 5][..], frames].concat();
        position(&masked, &element(ids::SIMPLE_BLOCK, &content)).len()
    };
    assert_eq!(masked.iter().filter(|byte| **byte == 0xEE).count(), 6 + 5 + 6);
    assert_eq!(lace(&[9; 11]), 10);
}

#[test]
fn a_last_mask_without_a_later_key_frame_is_reported() {
    let file = file(false, &head("A_TEST", &[]));
    let (_, certificate) = mask(&file, &plan(&[(400, 420)]), 999).unwrap();
    assert_eq!(certificate.warnings[0].code, WarningCode::VideoLostToEnd);
    let (_, certificate) = mask(&file, &plan(&[(0, 50)]), 999).unwrap();
    assert!(certificate.warnings.is_empty());
}

#[test]
fn stripped_headers_belong_to_the_frames() {
    let encoding = |header: &[u8]| {
        let compression =
            [number(ids::CONTENT_COMP_ALGO, 3), element(ids::CONTENT_COMP_SETTINGS, header)];
        let encoding = element(ids::CONTENT_COMPRESSION, &compression.concat());
        element(ids::CONTENT_ENCODINGS, &element(ids::CONTENT_ENCODING, &encoding))
    };
    let plan = plan(&[(100, 210)]);
    let silent = file(true, &head("A_TEST", &[encoding(&[0xEE, 0xEE])]));
    let (masked, _) = mask(&silent, &plan, 500).unwrap();
    recheck(&silent, &masked, &plan).unwrap();
    let reason = |tracks: &[u8]| {
        let error = mask(&file(true, tracks), &plan, 500).err().unwrap();
        (error.reason().unwrap().code(), error.to_string())
    };
    let (code, text) = reason(&head("A_TEST", &[encoding(&[0xEE, 1])]));
    assert_eq!(code, "mask_unsupported_container", "{text}");
    let (code, text) = reason(&head("A_DTS", &[]));
    assert_eq!(code, "mask_unsupported_container");
    assert!(text.contains("A_DTS"), "{text}");
}

#[test]
fn the_digest_of_flac_is_cleared() {
    let sound = [0x10, 0, 0x10, 0, 0, 0, 0, 0, 0, 0, 0x0A, 0xC4, 0x40, 0xF0, 0, 0, 0, 0];
    let private = |digest| [&b"fLaC\x80\0\0\x22"[..], &sound, &[digest; 16]].concat();
    let entry = [
        number(ids::TRACK_NUMBER, 5),
        number(ids::TRACK_TYPE, 2),
        element(ids::CODEC_ID, b"A_FLAC"),
        element(ids::CODEC_PRIVATE, &private(0x5A)),
    ];
    let pcm = [
        number(ids::TRACK_NUMBER, 1),
        number(ids::TRACK_TYPE, 2),
        element(ids::CODEC_ID, b"A_PCM/INT/LIT"),
        element(ids::AUDIO, &number(ids::BIT_DEPTH, 16)),
    ];
    let tracks =
        |entry: &[Vec<u8>]| element(ids::TRACKS, &with_sum(&[track(&pcm), track(entry)].concat()));
    let around = |tracks: &[u8], sound: u8| {
        let content = [number(ids::TIMESTAMP, 0), simple(1, 0, true, &[sound; 32])].concat();
        let cluster = element(ids::CLUSTER, &content);
        let info = element(ids::INFO, &[]);
        let segment = element(ids::SEGMENT, &[&*info, tracks, &*cluster].concat());
        [element(ids::EBML, &[]), segment].concat()
    };
    let plan = plan(&[(0, 210)]);
    let file = around(&tracks(&entry), 7);
    let (masked, certificate) = mask(&file, &plan, 50).unwrap();
    recheck(&file, &masked, &plan).unwrap();
    let mut cleared = entry;
    cleared[3] = element(ids::CODEC_PRIVATE, &private(0));
    assert_eq!(masked, around(&tracks(&cleared), 0));
    assert_eq!(certificate.metadata_cleared, ["MD5 of FLAC"]);
}

#[test]
fn hostile_files_are_refused_with_an_offset() {
    let plan = plan(&[(100, 210)]);
    let good = head("A_TEST", &[]);
    let whole = file(true, &good);
    let code = |file: &[u8]| mask(file, &plan, 7).err().and_then(|error| error.reason());
    let named = |file: &[u8]| code(file).map(|reason| reason.code());
    // Cut off inside a cluster, and in front of the last element.
    for cut in [whole.len() / 2, whole.len() - 4] {
        assert_eq!(named(&whole[..cut]), Some("media_malformed"));
    }
    let with = |extra: &[u8]| {
        let ebml = element(ids::EBML, &element(ids::DOC_TYPE, b"webm"));
        [&*ebml, &*unknown(ids::SEGMENT), &*good, extra].concat()
    };
    let inside = |content: &[Vec<u8>]| with(&[unknown(ids::CLUSTER), content.concat()].concat());
    let time = number(ids::TIMESTAMP, 0);
    // Whole, but without a unit in the mask.
    let outside = inside(&[time.clone(), simple(1, 0, true, &[7, 7])]);
    assert_eq!(named(&outside), Some("mask_outside_media"));
    for malformed in [
        inside(&[simple(1, 0, true, &[7, 7])]),
        inside(&[time.clone(), time.clone()]),
        inside(&[time.clone(), simple(9, 0, true, &[7])]),
        inside(&[time.clone(), simple(1, 0, true, &[7])]),
        inside(&[time.clone(), simple(2, 0, true, &[])]),
        inside(&[time.clone(), element(ids::SIMPLE_BLOCK, &[0x81, 0, 0])]),
        inside(&[time.clone(), element(ids::BLOCK_GROUP, &[])]),
        inside(&[time.clone(), unknown(ids::SIMPLE_BLOCK)]),
        inside(&[number(ids::TIMESTAMP, u64::MAX), simple(1, 0, true, &[7, 7])]),
        with(&[0, 0]),
        with(&unknown(ids::ATTACHMENTS)),
        with(&[id(ids::CLUSTER), vec![0x82], number(ids::TIMESTAMP, 0)].concat()),
    ] {
        assert_eq!(named(&malformed), Some("media_malformed"));
    }
    let huge = [id(ids::SIMPLE_BLOCK), vec![1, 255, 255, 255, 255, 255, 255, 0]].concat();
    assert_eq!(named(&inside(&[time.clone(), huge])), Some("media_limit"));
    let doubled = [unknown(ids::SEGMENT), good.clone()].concat();
    assert_eq!(named(&with(&doubled)), Some("media_unsupported"));
    let encrypted = element(0xAF, &[1, 2, 3]);
    assert_eq!(named(&inside(&[time, encrypted])), Some("mask_unsupported_container"));
    let mut wrong_sum = whole.clone();
    let at = position(&whole, &[0x53; 70])[0];
    wrong_sum[at] = 4;
    assert_eq!(named(&wrong_sum), Some("media_malformed"));
}

#[test]
fn any_changed_byte_fails_the_recheck() {
    let file = file(true, &head("A_TEST", &[]));
    let plan = plan(&[(100, 210)]);
    let (masked, _) = mask(&file, &plan, 500).unwrap();
    for at in 0..masked.len() {
        for bit in [1, 0x80] {
            let mut wrong = masked.clone();
            wrong[at] ^= bit;
            assert!(recheck(&file, &wrong, &plan).is_err(), "byte {at}");
        }
    }
    assert!(recheck(&file, &file, &plan).is_err());
    assert!(recheck(&file, &masked[..masked.len() - 1], &plan).is_err());
}

#[test]
fn mutants_never_panic_and_pass_their_own_recheck() {
    let originals = [file(true, &head("A_TEST", &[])), file(false, &head("A_TEST", &[]))];
    let plans = [plan(&[(100, 210)]), plan(&[(0, 60), (300, 480)])];
    let mut below = trial::below_with(0x2545_F491_4F6C_DD1D);
    let mut masked = 0;
    for _ in 0..6000 {
        let mut mutant = originals[below(2)].clone();
        for _ in 0..=below(3) {
            let at = below(mutant.len());
            mutant[at] = [0, 1, 0x7F, 0x80, 0xFF, below(256) as u8][below(6)];
        }
        if below(4) == 0 {
            mutant.truncate(mutant.len() - below(mutant.len()));
        }
        let plan = &plans[below(2)];
        if let Ok((out, _)) = mask(&mutant, plan, 1 + below(2000)) {
            assert_eq!(out.len(), mutant.len());
            recheck(&mutant, &out, plan).unwrap();
            masked += 1;
        }
    }
    assert!(masked > 500, "{masked}");
}
