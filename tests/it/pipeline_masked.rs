//! Promises 3 and 4: masked audio rests nowhere in clear, and outside a mask nothing changes.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::gateway::{Gateway, document, ids, sample};

/// The default guard on each side of a mask, in milliseconds.
const GUARD_MS: u64 = 500;

/// The WAV entries of the manifest that have a mask and are to become ready.
fn masked_samples() -> Vec<Value> {
    let manifest: Value = serde_json::from_slice(&sample("manifest.json")).unwrap();
    let files = manifest["files"].as_array().unwrap();
    let chosen: Vec<Value> = files
        .iter()
        .filter(|file| file["outcome"] == "ready" && file["masked"].is_object())
        .filter(|file| file["file"].as_str().is_some_and(|name| name.ends_with(".wav")))
        .cloned()
        .collect();
    assert!(chosen.len() >= 6, "the manifest has {} masked samples", chosen.len());
    chosen
}

/// Decodes with ffmpeg, which must not complain, to 64-bit float frames of all channels.
fn decode(path: &Path) -> Vec<f64> {
    let output = Command::new("ffmpeg")
        .args(["-nostdin", "-v", "error", "-i"])
        .arg(path)
        .args(["-f", "f64le", "-"])
        .output()
        .expect("ffmpeg: apt-get install ffmpeg");
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && complaint.is_empty(), "{}: {complaint}", path.display());
    let samples = output.stdout.chunks_exact(8);
    samples.map(|raw| f64::from_le_bytes(raw.try_into().unwrap())).collect()
}

/// Pieces of 20 ms of the spoken span, as they stand in the source file. Silent pieces say nothing.
fn spoken_windows(entry: &Value, source: &[u8]) -> Vec<Vec<u8>> {
    let number = |value: &Value| usize::try_from(value.as_u64().unwrap()).unwrap();
    let layout =
        reelgate::media::WavLayout::read(&mut std::io::Cursor::new(source), source.len() as u64);
    let layout = layout.unwrap();
    let bytes_per_ms = |ms: usize| {
        ms * usize::try_from(layout.sample_rate).unwrap() / 1000 * usize::from(layout.block_align)
    };
    let start = usize::try_from(layout.data_offset).unwrap();
    let from = start + bytes_per_ms(number(&entry["masked"]["fromMs"]));
    let to = start + bytes_per_ms(number(&entry["masked"]["toMs"]));
    let windows = source[from..to].chunks_exact(bytes_per_ms(20));
    let spoken: Vec<Vec<u8>> = windows
        .filter(|window| {
            let mut kinds: Vec<u8> = window.to_vec();
            kinds.sort_unstable();
            kinds.dedup();
            kinds.len() > 16
        })
        .map(<[u8]>::to_vec)
        .collect();
    assert!(spoken.len() > 10, "{} has no speech in its span", entry["file"]);
    spoken
}

fn files_below(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files_below(&path, found);
        } else {
            found.push(path);
        }
    }
}

/// The files below `folder` that hold one of the windows.
fn files_with(folder: &Path, windows: &[Vec<u8>]) -> Vec<PathBuf> {
    let mut files = Vec::new();
    files_below(folder, &mut files);
    let holds = |path: &PathBuf| {
        // A write-ahead log may be removed while we look.
        let bytes = std::fs::read(path).unwrap_or_default();
        windows.iter().any(|window| {
            bytes
                .windows(window.len())
                .any(|piece| piece[0] == window[0] && piece == window.as_slice())
        })
    };
    files.into_iter().filter(holds).collect()
}

fn check_sample(gateway: &Gateway, entry: &Value) {
    let file = entry["file"].as_str().unwrap();
    let source = sample(file);
    let windows = spoken_windows(entry, &source);
    let stem = file.rsplit_once('.').unwrap().0;
    let mut document = document(stem);
    document["reelgate"]["masksComplete"] = false.into();
    let (recording, media) = ids(&document);
    assert!(gateway.declare(&document).status.is_success());
    assert!(gateway.push(&recording, &media, source.clone()).status.is_success());
    // The file waits for masks in the spool now.
    assert_eq!(files_with(gateway.folder.path(), &windows), Vec::<PathBuf>::new(), "{file}: spool");
    gateway.call("POST", &format!("/ingest/v1/recordings/{recording}/complete"), "");
    let status = gateway.settled(&recording);
    assert_eq!(status["state"], "ready", "{file}: {status}");
    let leaks = files_with(gateway.folder.path(), &windows);
    assert_eq!(leaks, Vec::<PathBuf>::new(), "{file}: spoken windows on disk");

    let stored = gateway.stored(status["media"][0]["stored"].as_str().unwrap());
    assert_eq!(stored.len(), source.len(), "{file}");
    let (before, after) =
        (gateway.folder.path().join("a.wav"), gateway.folder.path().join("b.wav"));
    std::fs::write(&before, &source).unwrap();
    std::fs::write(&after, &stored).unwrap();
    let (heard, masked) = (decode(&before), decode(&after));
    for path in [&before, &after] {
        std::fs::remove_file(path).unwrap();
    }
    assert_eq!(heard.len(), masked.len(), "{file}");
    let rate = entry["sampleRate"].as_u64().unwrap() * entry["channels"].as_u64().unwrap();
    let place = |ms: u64| usize::try_from(ms * rate / 1000).unwrap();
    let (from, to) =
        (entry["masked"]["fromMs"].as_u64().unwrap(), entry["masked"]["toMs"].as_u64().unwrap());
    // A-law has no code for zero: its smallest is 8 of 32768.
    let quiet = if entry["codec"] == "pcm_alaw" { 8.0 / 32768.0 } else { 0.0 };
    let loudest = |piece: &[f64]| piece.iter().fold(0.0_f64, |peak, s| peak.max(s.abs()));
    assert!(loudest(&masked[place(from)..place(to)]) <= quiet, "{file}: the span is not silent");
    assert!(loudest(&heard[place(from)..place(to)]) > 0.01, "{file}: there was nothing to hear");
    let before_guard = place(from.saturating_sub(GUARD_MS));
    let after_guard = place(to + GUARD_MS).min(heard.len());
    assert!(heard[..before_guard] == masked[..before_guard], "{file}: changed before the span");
    assert!(heard[after_guard..] == masked[after_guard..], "{file}: changed after the span");
}

#[test]
fn masked_samples_are_silent_in_the_span_and_unchanged_outside() {
    let gateway = Gateway::start(&[("SEAL__MODE", "none")]);
    for entry in masked_samples() {
        check_sample(&gateway, &entry);
    }
    assert!(!gateway.log().contains("panicked"));
}

#[test]
fn masks_that_cannot_be_applied_quarantine() {
    let gateway = Gateway::start(&[]);
    let cases = [
        ("mask_outside_media", "2030-01-01T00:00:00.000Z", "paused"),
        ("mask_needs_zone", "2026-03-04T09:15:05.000", "paused"),
        ("mask_time_unreadable", "2026-03-04T09:15:005.000Z", "paused"),
    ];
    for (index, (reason, time, kind)) in cases.into_iter().enumerate() {
        let mut document = document("wav_pcm16_8k_mono");
        document["id"] = format!("masks-{index}").into();
        document["mediaFiles"][0]["mediaId"] = format!("masks-{index}.wav").into();
        document["mediaFiles"][0]["masks"] = serde_json::json!([{"time": time, "type": kind}]);
        let (recording, media) = ids(&document);
        assert!(gateway.declare(&document).status.is_success(), "{reason}");
        assert!(
            gateway.push(&recording, &media, sample("wav_pcm16_8k_mono.wav")).status.is_success()
        );
        let status = gateway.settled(&recording);
        assert_eq!(status["media"][0]["reason"], reason);
    }
}

#[test]
fn a_resume_before_its_pause_is_silent_to_the_end() {
    let gateway = Gateway::start(&[("SEAL__MODE", "none")]);
    let mut document = document("wav_pcm16_8k_mono");
    document["mediaFiles"][0]["masks"] = serde_json::json!([
        {"time": "2026-03-04T09:16:05.034Z", "type": "paused"},
        {"time": "2013-06-15T23:59:20.034Z", "type": "resume"}
    ]);
    let start = document["mediaFiles"][0]["startTime"].as_str().unwrap().to_owned();
    let pause = start.replace(":00.000+0000", ":05.034Z");
    document["mediaFiles"][0]["masks"][0]["time"] = pause.into();
    let (recording, media) = ids(&document);
    gateway.declare(&document);
    gateway.push(&recording, &media, sample("wav_pcm16_8k_mono.wav"));
    let status = gateway.settled(&recording);
    assert_eq!(status["state"], "ready", "{status}");
    let spans = &status["media"][0]["spans"];
    assert_eq!(spans.as_array().unwrap().len(), 1);
    assert_eq!(spans[0]["reason"], "paused-to-end");
    assert_eq!(spans[0]["toMs"], 12_000);
    let warnings = status["media"][0]["certificate"]["warnings"].to_string();
    assert!(warnings.contains("resume_before_pause"), "{warnings}");
}

#[test]
fn late_masks_are_applied_until_the_work_begins() {
    let gateway = Gateway::start(&[("SEAL__MODE", "none")]);
    let mut document = document("wav_pcm16_8k_mono");
    let masks = document["mediaFiles"][0]["masks"].take();
    document["mediaFiles"][0].as_object_mut().unwrap().remove("masks");
    document["reelgate"]["masksComplete"] = false.into();
    let (recording, media) = ids(&document);
    gateway.declare(&document);
    gateway.push(&recording, &media, sample("wav_pcm16_8k_mono.wav"));
    let path = format!("/ingest/v1/recordings/{recording}/masks");
    let answer = gateway.call("POST", &path, masks.to_string());
    assert_eq!(answer.status, 200, "{:?}", answer.json());
    assert_eq!(answer.json()["media"][0]["spans"][0]["fromMs"], 5000);
    gateway.call("POST", &format!("/ingest/v1/recordings/{recording}/complete"), "");
    let status = gateway.settled(&recording);
    assert_eq!(status["media"][0]["spans"][0]["toMs"], 8000);
    let answer = gateway.call("POST", &path, masks.to_string());
    assert_eq!((answer.status.as_u16(), answer.code().as_str()), (409, "masks_too_late"));
    let status = gateway.delivered(&recording, "delivered");
    assert_eq!(status["insertion"]["mediaFiles"][0]["masks"], masks);
}
