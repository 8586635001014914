//! `mask`, heard by ffmpeg.

use std::fs;
use std::io::Cursor;
use std::path::Path;
use std::process::{Command, Output};

use reelgate::media::{Container, measure, measure_decoded};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{failure, json as run_json, names, run, tool, words};
use crate::gateway::{PROGRAM, sample};

const RATE: usize = 8000;

fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("in.wav"), sample("wav_pcm16_8k_mono.wav")).unwrap();
    folder
}

/// 16-bit samples as ffmpeg decodes them.
fn decode(folder: &Path, name: &str) -> Vec<i16> {
    let line = format!("-nostdin -v error -i {name} -f s16le -");
    let output = tool(folder, "ffmpeg", &line);
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && complaint.is_empty(), "{complaint}");
    output.stdout.chunks_exact(2).map(|raw| i16::from_le_bytes([raw[0], raw[1]])).collect()
}

/// The output is silent from `from` to `to` (ms), and elsewhere what the input was.
fn silent_only(folder: &Path, name: &str, from: usize, to: usize) {
    let (before, after) = (decode(folder, "in.wav"), decode(folder, name));
    let (from, to) = (from * RATE / 1000, to * RATE / 1000);
    assert_eq!(before.len(), after.len());
    assert!(after[from..to].iter().all(|sample| *sample == 0), "{name} is not silent");
    assert!(before[from..to].iter().any(|sample| sample.abs() > 300), "nothing was to be heard");
    assert!(before[..from] == after[..from] && before[to..] == after[to..], "{name} changed");
}

#[test]
fn a_span_in_each_notation_is_the_same_silence() {
    let folder = folder();
    let mut outputs = Vec::new();
    for (index, span) in
        ["3.5s..8s", "3500ms..8000ms", "00:00:03.5..00:00:08"].into_iter().enumerate()
    {
        let name = format!("out{index}.wav");
        let report = run_json(folder.path(), &format!("mask in.wav -o {name} --span {span}"));
        let expected = json!([{
            "fromMs": 3500, "toMs": 8000, "reason": "redacted",
            "fromSample": 28_000, "toSample": 64_000
        }]);
        assert_eq!(report["requested"], expected, "{span}");
        assert_eq!(report["silenced"], expected, "{span}");
        silent_only(folder.path(), &name, 3500, 8000);
        outputs.push(fs::read(folder.path().join(&name)).unwrap());
    }
    assert!(outputs[0] == outputs[1] && outputs[1] == outputs[2]);
}

#[test]
fn the_report_accounts_for_the_file() {
    let folder = folder();
    let report = run_json(folder.path(), "mask in.wav -o out.wav --span 11s..end --guard 250ms");
    let digest = |name: &str| {
        let bytes = fs::read(folder.path().join(name)).unwrap();
        reelgate::asset::Digest::of(&bytes).to_string()
    };
    for (name, value) in [
        ("container", json!("wav")),
        ("codec", json!("pcm_s16le")),
        ("sampleRate", json!(8000)),
        ("channels", json!(1)),
        ("durationMs", json!(12_000)),
        ("guardMs", json!(250)),
        ("unitsSilenced", json!(10_000)),
        ("unitsTotal", json!(96_000)),
        ("bytes", json!(192_104)),
        ("recheckHeld", json!(true)),
        ("sourceSha256", json!(digest("in.wav"))),
        ("maskedSha256", json!(digest("out.wav"))),
        ("warnings", json!([])),
    ] {
        assert_eq!(report[name], value, "{name}");
    }
    assert_eq!(report["silenced"][0]["fromMs"], 10_750);
    assert_eq!(report["silenced"][0]["toMs"], 12_000);
}

#[test]
fn several_spans_are_silenced() {
    let folder = folder();
    let line = "mask in.wav -o out.wav --span 1s..2s --span 5s..8s";
    let report = run_json(folder.path(), line);
    assert_eq!(report["silenced"].as_array().unwrap().len(), 2);
    let after = decode(folder.path(), "out.wav");
    assert!(after[RATE..2 * RATE].iter().all(|sample| *sample == 0));
    assert!(after[5 * RATE..8 * RATE].iter().all(|sample| *sample == 0));
}

#[test]
fn masks_of_a_document_are_applied_with_their_guard() {
    let folder = folder();
    let masks = json!([
        {"time": "2026-03-04T09:16:05.000Z", "type": "paused"},
        {"time": "2026-03-04T09:16:08.000Z", "type": "resume"}
    ]);
    fs::write(folder.path().join("masks.json"), masks.to_string()).unwrap();
    let line = "mask in.wav -o out.wav --masks masks.json --start 2026-03-04T09:16:00.000+0000";
    let report = run_json(folder.path(), line);
    assert_eq!(report["guardMs"], 500);
    assert_eq!(report["requested"][0]["reason"], "paused");
    silent_only(folder.path(), "out.wav", 4500, 8500);
    let line = "mask in.wav -o zone.wav --masks masks.json --start 2026-03-04T10:16:00.000 \
                --zone Europe/Berlin --guard 0s";
    run_json(folder.path(), line);
    silent_only(folder.path(), "zone.wav", 5000, 8000);
}

/// An ALAC file, in which silence cannot be written.
fn alac(folder: &Path) {
    let line = "-nostdin -v error -i in.wav -c:a alac in.m4a";
    assert!(tool(folder, "ffmpeg", line).status.success());
}

/// Gives a file to the program's standard input.
fn piped(folder: &Path, input: &str, line: &str) -> Output {
    Command::new(PROGRAM)
        .args(words(line))
        .current_dir(folder)
        .stdin(fs::File::open(folder.join(input)).unwrap())
        .output()
        .unwrap()
}

#[test]
fn a_pipe_gives_what_a_file_gives() {
    let folder = folder();
    for name in ["mp3_8k_32kbit_call.mp3", "wav_alaw_8k_mono.wav", "wav_rf64_pcm16.wav"] {
        fs::write(folder.path().join(name), sample(name)).unwrap();
        let spans = "--span 200ms..600ms --span 700ms..end";
        run_json(folder.path(), &format!("mask {name} -o out {spans}"));
        let output = piped(folder.path(), name, &format!("mask - -o - --json {spans}"));
        assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
        assert!(output.stdout == fs::read(folder.path().join("out")).unwrap(), "{name} differs");
        let report: Value = serde_json::from_slice(&output.stderr).unwrap();
        assert_eq!(report["recheckHeld"], true);
        assert_eq!(report["bytes"], output.stdout.len());
    }
}

#[test]
fn every_format_without_an_index_goes_through_a_pipe() {
    let folder = folder();
    let encoders = [
        ("flac", "-c:a flac"),
        ("aac", "-c:a aac"),
        ("ogg", "-c:a libopus -ar 48000"),
        ("mka", "-c:a libvorbis -q:a 2"),
        ("webm", "-c:a libopus -ar 48000 -f webm -live 1"),
        ("gsm", "-c:a libgsm"),
    ];
    for (suffix, encoder) in encoders {
        let line = format!("-nostdin -v error -y -i in.wav {encoder} in.{suffix}");
        let made = tool(folder.path(), "ffmpeg", &line);
        assert!(made.status.success(), "{suffix}: {}", String::from_utf8_lossy(&made.stderr));
        let spans = "--span 3s..5s --span 11s..end";
        run_json(folder.path(), &format!("mask in.{suffix} -o out {spans}"));
        let output = piped(folder.path(), &format!("in.{suffix}"), &format!("mask - -o - {spans}"));
        assert!(output.status.success(), "{suffix}: {}", String::from_utf8_lossy(&output.stderr));
        assert!(output.stdout == fs::read(folder.path().join("out")).unwrap(), "{suffix} differs");
        assert!(String::from_utf8_lossy(&output.stderr).contains("of unknown length"));
    }
}

#[test]
fn a_decoded_file_keeps_its_clock() {
    let folder = folder();
    let line = "-nostdin -v error -itsoffset 5 -i in.wav -c:a alac late.m4a";
    assert!(tool(folder.path(), "ffmpeg", line).status.success());
    let line = "mask late.m4a -o out.wav --span 8s..13s --fallback transcode";
    let report = run_json(folder.path(), line);
    assert_eq!(report["durationMs"], 17_000);
    let (before, after) = (decode(folder.path(), "in.wav"), decode(folder.path(), "out.wav"));
    let (source, masked) = (&before[..], &after[5 * RATE..]);
    assert!(after[..5 * RATE].iter().all(|sample| *sample == 0));
    // 200 ms more on each side: decoders differ in what they play first.
    let (from, to) = (2800 * RATE / 1000, 8200 * RATE / 1000);
    assert!(masked[from..to].iter().all(|sample| *sample == 0));
    assert!(source[..from] == masked[..from] && source[to..] == masked[to..]);
    // The edit list now leaves out the first three seconds, which a decoder does not know.
    let mut cut = fs::read(folder.path().join("late.m4a")).unwrap();
    let list = cut.windows(4).position(|id| id == b"elst").unwrap() + 4;
    assert_eq!(cut[list + 4..list + 8], [0, 0, 0, 2]);
    cut[list + 24..list + 28].copy_from_slice(&24_000_u32.to_be_bytes());
    fs::write(folder.path().join("cut.m4a"), cut).unwrap();
    let line = "mask cut.m4a -o no.wav --span 8s..9s --fallback transcode";
    assert!(failure(folder.path(), line).contains("cuts in its edit list"));
}

#[test]
fn a_live_ogg_counts_from_its_first_page() {
    let folder = folder();
    let line = "-nostdin -v error -i in.wav -c:a libopus -ar 48000 -output_ts_offset 3600 live.ogg";
    assert!(tool(folder.path(), "ffmpeg", line).status.success());
    let report = run_json(folder.path(), "mask live.ogg -o out.ogg --span 3s..8s");
    let length = report["durationMs"].as_u64().unwrap();
    assert!((12_000..12_100).contains(&length), "{length} ms");
    assert!(failure(folder.path(), "mask live.ogg -o no.ogg --span 20s..30s").contains("outside"));
    // Were it decoded, it would count the same.
    let line = "-nostdin -v error -i in.wav -c:a libvorbis -output_ts_offset 3600 late.ogg";
    assert!(tool(folder.path(), "ffmpeg", line).status.success());
    let bytes = fs::read(folder.path().join("late.ogg")).unwrap();
    let source = || Box::new(Cursor::new(bytes.clone()));
    let original = measure(source(), bytes.len() as u64, Container::Ogg).unwrap();
    let decoded = measure_decoded(source(), &original).unwrap();
    let lengths = [original, decoded].map(|facts| facts.duration.as_millis());
    assert!(lengths.iter().all(|length| (11_900..12_100).contains(length)), "{lengths:?} ms");
}

#[test]
fn a_pipe_that_needs_an_index_is_refused_by_name() {
    let folder = folder();
    let name = "mp4_h264_screen.mp4";
    fs::write(folder.path().join(name), sample(name)).unwrap();
    let output = piped(folder.path(), name, "mask - -o - --span 1s..2s");
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty());
    assert!(String::from_utf8_lossy(&output.stderr).contains("its index"), "{output:?}");
}

#[test]
fn probe_tells_codec_units_and_whether_it_can_be_masked() {
    let folder = folder();
    alac(folder.path());
    for name in ["mp3_8k_32kbit_call.mp3", "mp4_h264_call_screen.mp4"] {
        fs::write(folder.path().join(name), sample(name)).unwrap();
    }
    let probe = |name: &str| run_json(folder.path(), &format!("probe {name}"));
    let mp3 = probe("mp3_8k_32kbit_call.mp3");
    assert_eq!((&mp3["container"], &mp3["codec"]), (&json!("mp3"), &json!("mp3")));
    assert_eq!((&mp3["units"], &mp3["maskedInPlace"]), (&json!(169), &json!(true)));
    assert_eq!((&mp3["sampleRate"], &mp3["channels"]), (&json!(8000), &json!(1)));
    let screen = probe("mp4_h264_call_screen.mp4");
    assert_eq!((&screen["codec"], &screen["durationMs"]), (&json!("h264"), &json!(12_000)));
    assert_eq!((&screen["units"], &screen["maskedInPlace"]), (&json!(120), &json!(true)));
    let alac = probe("in.m4a");
    assert_eq!((&alac["codec"], &alac["maskedInPlace"]), (&json!("alac"), &json!(false)));
    assert!(alac["refusal"].as_str().unwrap().contains("alac"), "{alac}");
}

#[test]
fn by_wish_such_a_file_is_decoded() {
    let folder = folder();
    alac(folder.path());
    let line = "mask in.m4a -o out.wav --span 3s..8s --fallback transcode";
    let report = run_json(folder.path(), line);
    assert_eq!(report["decodedFrom"], "alac in mp4");
    assert_eq!(report["container"], "wav");
    // Decoders differ in what they play first: 200 ms more on each side.
    silent_only(folder.path(), "out.wav", 2800, 8200);
}

#[test]
fn a_container_that_cannot_be_masked_fails_without_output() {
    let folder = folder();
    alac(folder.path());
    let before = names(folder.path());
    let error = failure(folder.path(), "mask in.m4a -o out.m4a --span 1s..2s");
    assert!(error.contains("alac"), "{error}");
    assert_eq!(names(folder.path()), before);
}

#[test]
fn what_cannot_be_masked_leaves_no_output() {
    let folder = folder();
    fs::write(folder.path().join("cut.wav"), sample("wav_pcm16_truncated_data.wav")).unwrap();
    fs::write(folder.path().join("empty.wav"), b"").unwrap();
    fs::write(folder.path().join("masks.json"), b"[{\"time\":\"soon\",\"type\":\"paused\"}]")
        .unwrap();
    let before = names(folder.path());
    for line in [
        "mask cut.wav -o out.wav --span 1s..2s",
        "mask empty.wav -o out.wav --span 1s..2s",
        "mask missing.wav -o out.wav --span 1s..2s",
        "mask in.wav -o out.wav --span 20s..30s",
        "mask in.wav -o out.wav --masks masks.json --start 2026-03-04T09:16:00.000+0000",
        "mask in.wav -o missing/out.wav --span 1s..2s",
    ] {
        assert!(!failure(folder.path(), line).is_empty());
        assert_eq!(names(folder.path()), before, "{line}");
    }
}

#[test]
fn people_get_words_instead_of_json() {
    let folder = folder();
    let output = run(folder.path(), &words("mask in.wav -o out.wav --span 1s..2s"));
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("silent") && serde_json::from_str::<Value>(&text).is_err(), "{text}");
}
