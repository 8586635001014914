//! Masked files as other programs see them: silent inside the mask, unchanged outside, as long and
//! as large as before, and without a complaint from ffmpeg.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use reelgate::asset::{Digest, MediaTime};
use reelgate::mask::{Certificate, MaskPlan, open_silencer, parse_span, recheck_files};
use reelgate::media::{Container, Encoding, Measured, WavLayout, measure, sniff};

/// Seconds of every test file.
const SECONDS: u32 = 6;
/// Two tones and noise: no sample run of it is silent.
const SOUND: &str = "sine=f=440:r=RATE:d=6[a];sine=f=1250:r=RATE:d=6[b];\
                     anoisesrc=r=RATE:d=6:a=0.2:seed=7[c];[a][b][c]amix=inputs=3";

/// Name, rate, ffmpeg options, container, codec, and the length of one frame in seconds.
type Passed<'a> = (&'a str, u32, &'a [&'a str], Container, &'a str, f64);

/// Runs a tool, and fails on any word on standard error.
fn run(tool: &str, args: &[&str]) -> Vec<u8> {
    let output = Command::new(tool).args(args).output().unwrap_or_else(|error| {
        panic!("{tool} is needed for this test (see README, tests): {error}")
    });
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && errors.is_empty(), "{tool} {args:?}: {errors}");
    output.stdout
}

/// Makes a file of `SECONDS` seconds with the given ffmpeg output options.
fn make(folder: &Path, name: &str, rate: u32, options: &[&str]) -> PathBuf {
    let path = folder.join(name);
    let graph = SOUND.replace("RATE", &rate.to_string());
    let mut args = vec!["-nostdin", "-v", "error", "-y", "-filter_complex", &graph];
    args.extend(["-ar"]);
    let rate = rate.to_string();
    args.push(&rate);
    args.extend(options);
    args.push(path.to_str().unwrap());
    run("ffmpeg", &args);
    path
}

/// Samples of all channels as 64-bit floats, which hold every PCM width exactly.
fn decode(path: &Path) -> Vec<f64> {
    let input = path.to_str().unwrap();
    let raw = run("ffmpeg", &["-nostdin", "-v", "error", "-i", input, "-f", "f64le", "-"]);
    raw.chunks_exact(8).map(|bytes| f64::from_le_bytes(bytes.try_into().unwrap())).collect()
}

fn probe(path: &Path, entry: &str) -> f64 {
    let input = path.to_str().unwrap();
    let args = ["-v", "error", "-count_packets", "-show_entries", entry, "-of", "csv=p=0", input];
    let text = String::from_utf8(run("ffprobe", &args)).unwrap();
    text.split(['\n', ',']).next().unwrap().trim().parse().unwrap()
}

fn facts_of(path: &Path) -> Measured {
    let head = fs::read(path).unwrap();
    let file = Box::new(File::open(path).unwrap());
    measure(file, head.len() as u64, sniff(&head)).unwrap()
}

/// Masks a file as the pipeline does, then reads both files again.
fn mask(source: &Path, masked: &Path, plan: &MaskPlan) -> Certificate {
    let facts = facts_of(source);
    let bytes = fs::read(source).unwrap();
    let mut silencer = open_silencer(&mut File::open(source).unwrap(), &facts, plan).unwrap();
    let mut out = Vec::new();
    for chunk in bytes.chunks(4099) {
        silencer.push(chunk, &mut out).unwrap();
    }
    let certificate = silencer.finish(&mut out).unwrap();
    fs::write(masked, &out).unwrap();
    let mut files = (File::open(source).unwrap(), File::open(masked).unwrap());
    recheck_files(&mut files.0, &mut files.1, &facts, plan).unwrap();
    assert_eq!(certificate.masked_sha256, Some(Digest::of(&out)));
    certificate.confirmed()
}

#[test]
fn wav_of_every_encoding_is_silent_inside_and_exact_outside() {
    let folder = tempfile::tempdir().unwrap();
    let cases: [(&str, u32, &[&str], Encoding, Container); 11] = [
        ("u8", 8000, &["-ac", "1", "-c:a", "pcm_u8"], Encoding::PcmU8, Container::Wav),
        ("s16", 8000, &["-ac", "1", "-c:a", "pcm_s16le"], Encoding::Pcm16, Container::Wav),
        ("s16x2", 44_100, &["-ac", "2", "-c:a", "pcm_s16le"], Encoding::Pcm16, Container::Wav),
        ("s24", 16_000, &["-ac", "1", "-c:a", "pcm_s24le"], Encoding::Pcm24, Container::Wav),
        ("s32", 48_000, &["-ac", "2", "-c:a", "pcm_s32le"], Encoding::Pcm32, Container::Wav),
        ("f32", 11_025, &["-ac", "1", "-c:a", "pcm_f32le"], Encoding::Float32, Container::Wav),
        ("f64", 16_000, &["-ac", "2", "-c:a", "pcm_f64le"], Encoding::Float64, Container::Wav),
        ("alaw", 8000, &["-ac", "2", "-c:a", "pcm_alaw"], Encoding::ALaw, Container::Wav),
        ("mulaw", 8000, &["-ac", "1", "-c:a", "pcm_mulaw"], Encoding::MuLaw, Container::Wav),
        ("x6", 48_000, &["-ac", "6", "-c:a", "pcm_s24le"], Encoding::Pcm24, Container::Wav),
        (
            "rf64",
            8000,
            &["-ac", "1", "-c:a", "pcm_s16le", "-rf64", "always"],
            Encoding::Pcm16,
            Container::Rf64,
        ),
    ];
    for (name, rate, options, encoding, container) in cases {
        let source = make(folder.path(), &format!("{name}.wav"), rate, options);
        let bytes = fs::read(&source).unwrap();
        let layout =
            WavLayout::read(&mut File::open(&source).unwrap(), bytes.len() as u64).unwrap();
        assert_eq!((layout.encoding, layout.container), (encoding, container), "{name}");
        if name == "x6" {
            assert_eq!(bytes[20..22], [0xFE, 0xFF], "ffmpeg writes six channels as EXTENSIBLE");
        }
        let masked = folder.path().join(format!("{name}.masked.wav"));
        let spans = [parse_span("2s..00:00:03.3337").unwrap(), parse_span("5.5s..end").unwrap()];
        let guard = MediaTime::from_millis(100);
        let plan = MaskPlan::from_spans(&spans, layout.duration(), guard).unwrap();
        let certificate = mask(&source, &masked, &plan);
        assert!(certificate.recheck_held);

        assert_eq!(bytes.len() as u64, fs::metadata(&masked).unwrap().len(), "{name}");
        let (before, after) = (decode(&source), decode(&masked));
        assert_eq!(before.len(), after.len(), "{name}");
        let loudest = if encoding == Encoding::ALaw { 8.0 / 32_768.0 } else { 0.0 };
        for (at, (before, after)) in before.iter().zip(&after).enumerate() {
            let frame = at as u64 / u64::from(layout.channels);
            let inside = certificate
                .silenced
                .iter()
                .any(|span| (span.from_sample.unwrap()..span.to_sample.unwrap()).contains(&frame));
            if inside {
                assert!(after.abs() <= loudest, "{name}: sample {at} is {after}");
            } else {
                assert!(before.to_bits() == after.to_bits(), "{name}: sample {at} changed");
            }
        }
        let rate = u64::from(rate);
        assert_eq!(certificate.silenced[0].from_sample, Some(rate * 19 / 10), "{name}");
        assert_eq!(
            certificate.silenced[0].to_sample,
            Some((rate * 34_337).div_ceil(10_000)),
            "{name}"
        );
        assert_eq!(certificate.silenced[1].to_sample, Some(layout.frames), "{name}");
    }
}

#[test]
fn a_wav_written_to_a_pipe_is_masked_to_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let made = make(folder.path(), "made.wav", 8000, &["-ac", "1", "-c:a", "pcm_mulaw"]);
    let args =
        ["-nostdin", "-v", "error", "-i", made.to_str().unwrap(), "-c", "copy", "-f", "wav", "-"];
    let source = folder.path().join("piped.wav");
    fs::write(&source, run("ffmpeg", &args)).unwrap();
    let facts = facts_of(&source);
    assert_eq!(facts.duration, MediaTime::from_millis(u64::from(SECONDS) * 1000));
    let spans = [parse_span("4s..end").unwrap()];
    let plan = MaskPlan::from_spans(&spans, facts.duration, MediaTime::ZERO).unwrap();
    let masked = folder.path().join("masked.wav");
    mask(&source, &masked, &plan);
    assert!(fs::read(&masked).unwrap().ends_with(&[0xFF; 16_000]));
}

#[test]
fn other_containers_pass_unchanged_and_measure_as_ffprobe_says() {
    let folder = tempfile::tempdir().unwrap();
    let fragmented = "frag_keyframe+empty_moov+default_base_moof";
    let cases: [Passed<'_>; 10] = [
        ("cbr.mp3", 8000, &["-ac", "1", "-b:a", "32k"], Container::Mp3, "mp3", 0.073),
        ("vbr.mp3", 44_100, &["-ac", "2", "-q:a", "4"], Container::Mp3, "mp3", 0.027),
        ("a.m4a", 16_000, &["-ac", "1", "-c:a", "aac"], Container::Mp4, "aac", 0.065),
        (
            "frag.mp4",
            16_000,
            &["-ac", "1", "-c:a", "aac", "-movflags", fragmented],
            Container::Mp4,
            "aac",
            0.065,
        ),
        ("a.aac", 16_000, &["-ac", "1", "-c:a", "aac"], Container::Adts, "aac", 0.001),
        ("a.opus", 48_000, &["-ac", "1", "-c:a", "libopus"], Container::Ogg, "opus", 0.021),
        ("a.ogg", 16_000, &["-ac", "1", "-c:a", "libvorbis"], Container::Ogg, "vorbis", 0.065),
        ("a.webm", 48_000, &["-ac", "1", "-c:a", "libopus"], Container::Matroska, "opus", 0.021),
        ("a.flac", 16_000, &["-ac", "1"], Container::Flac, "flac", 0.001),
        (
            "v.mp4",
            16_000,
            &["-f", "lavfi", "-i", "testsrc2=s=64x48:d=6", "-ac", "1", "-c:a", "aac"],
            Container::Mp4,
            "h264+aac",
            0.065,
        ),
    ];
    for (name, rate, options, container, codec, frame) in cases {
        let mut options = options.to_vec();
        if let Some(at) = options.iter().position(|option| *option == "-f") {
            // Inputs go in front of the output's options.
            let input: Vec<_> = options.drain(at..at + 4).collect();
            let path = folder.path().join(name);
            let sine = format!("sine=f=440:r={rate}:d=6");
            let mut args = vec!["-nostdin", "-v", "error", "-y"];
            args.extend(input);
            args.extend(["-f", "lavfi", "-i", sine.as_str()]);
            args.extend(options.iter());
            args.push(path.to_str().unwrap());
            run("ffmpeg", &args);
        } else {
            make(folder.path(), name, rate, &options);
        }
        let path = folder.path().join(name);
        let facts = facts_of(&path);
        assert_eq!((facts.container, facts.codec.as_str()), (container, codec), "{name}");
        assert_eq!(facts.sample_rate, Some(rate), "{name}");
        let expected = match container {
            // ffprobe guesses from the bit rate here.
            Container::Adts => probe(&path, "stream=nb_read_packets") * 1024.0 / f64::from(rate),
            _ => probe(&path, "format=duration"),
        };
        let found = facts.duration.as_micros() as f64 / 1e6;
        assert!((found - expected).abs() <= frame, "{name}: {found} s, ffprobe says {expected} s");

        let masked = folder.path().join("passed");
        let certificate = mask(&path, &masked, &MaskPlan::default());
        assert_eq!(certificate.source_sha256, certificate.masked_sha256, "{name}");
        assert_eq!(fs::read(&path).unwrap(), fs::read(&masked).unwrap(), "{name}");
    }
}

#[test]
fn mp3_frames_are_counted_even_with_tags_and_without_an_info_frame() {
    let folder = tempfile::tempdir().unwrap();
    let wav = make(folder.path(), "a.wav", 8000, &["-ac", "1", "-c:a", "pcm_s16le"]);
    let mp3 = folder.path().join("a.mp3");
    let cover = "x".repeat(60_000);
    let args = [
        "--quiet",
        "-b",
        "16",
        "-t",
        "--add-id3v2",
        "--tl",
        &cover,
        wav.to_str().unwrap(),
        mp3.to_str().unwrap(),
    ];
    run("lame", &args);
    let facts = facts_of(&mp3);
    // MPEG-2.5 layer III: 576 samples per frame, 72 ms at 8 kHz.
    let packets = probe(&mp3, "stream=nb_read_packets") as u64;
    assert_eq!(facts.duration, MediaTime::from_millis(72 * packets));
}
