//! The voice as a WAVE file, on request.

use std::process::Command;

use serde_json::Value;

use super::{API, ask, ask_until_ready, one_call, push_voice_and_screen, sign_in, start};
use crate::gateway::{Gateway, document, send};

/// The file that an answer names to be played.
fn file(gateway: &Gateway, token: &str, path: &str) -> (String, Vec<u8>) {
    let answer = ask_until_ready(gateway, token, path);
    let shown = answer.json();
    assert_eq!(answer.status, 200, "{shown}");
    let url =
        shown["interactions"][0]["data"]["fileToPlayUrl"].as_str().expect("a link").to_owned();
    let got = send("GET", &url, &[], "");
    assert_eq!(got.status, 200);
    assert_eq!(got.header("content-length"), got.body.len().to_string());
    let wave = url.split('?').next().unwrap().ends_with(".wav");
    let kind = if wave { "audio/wav" } else { "video/mp4" };
    assert_eq!(got.header("content-type"), kind);
    (url, got.body)
}

/// Samples of 16 bits, as ffmpeg decodes them.
fn decoded(bytes: &[u8]) -> Vec<i16> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    let output = Command::new("ffmpeg")
        .args(["-nostdin", "-v", "error", "-i"])
        .arg(file.path())
        .args(["-map", "0:a", "-f", "s16le", "-"])
        .output()
        .expect("ffmpeg: apt-get install ffmpeg");
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    output.stdout.chunks_exact(2).map(|two| i16::from_le_bytes([two[0], two[1]])).collect()
}

#[test]
fn a_wave_file_has_every_sample_of_the_mp4() {
    let (gateway, token) = one_call(&[]);
    let path = format!("{API}/segments/segment-one");
    let (_, mp4) = file(&gateway, &token, &path);
    let (url, wave) = file(&gateway, &token, &format!("{path}?format=wav"));
    assert!(url.split('?').next().unwrap().ends_with(".wav"), "{url}");
    assert_eq!(wave.len(), 44 + 12 * 8000 * 2 * 2);
    let (of_mp4, of_wave) = (decoded(&mp4), decoded(&wave));
    assert!(of_mp4 == of_wave && of_wave.iter().any(|sample| *sample > 8000));
    // The waveform is that of what is played.
    let answer = ask(&gateway, &token, &format!("{path}?format=wav")).json();
    let data = &answer["interactions"][0]["data"];
    assert_eq!(data["waveformDataList"].as_array().map(Vec::len), Some(2), "{data}");
    // Saved under the documented name, with its own ending.
    let answer = ask_until_ready(&gateway, &token, &format!("{path}?format=wav&isDownload=true"));
    let redirect = answer.json()["redirectUrl"].as_str().unwrap().to_owned();
    let saved = send("HEAD", &redirect, &[], "");
    let name = "attachment; filename=\"CXone recording_Kim- Lee_2026-03-04T09-15-00[UTC]_one.wav\"";
    assert_eq!(saved.header("content-disposition"), name);
    // A statement is cut to the sample.
    let path = format!("{API}/acd-contacts/acd-one/statements/s1?format=wav");
    let (_, clip) = file(&gateway, &token, &path);
    let clip = decoded(&clip);
    assert!(clip[..] == of_wave[8000 * 2..3 * 8000 * 2]);
}

#[test]
fn what_was_copied_into_the_mp4_is_decoded_on_its_clock() {
    let gateway = start(&[]);
    push_voice_and_screen(&gateway);
    let token = sign_in(&gateway, "default", "listener", &["play.any"]);
    let document = document("call");
    let id = document["reelgate"]["contact"]["acdContactId"].as_str().unwrap();
    let path = format!("{API}/contacts/{id}?media-type=voice-only");
    let (_, mp4) = file(&gateway, &token, &path);
    let (_, wave) = file(&gateway, &token, &format!("{path}&format=wav"));
    let (of_mp4, of_wave) = (decoded(&mp4), decoded(&wave));
    let difference = of_mp4.len().abs_diff(of_wave.len());
    assert!(difference <= 1152, "{} and {} samples", of_mp4.len(), of_wave.len());
    let pairs = of_mp4.iter().zip(&of_wave);
    let worst = pairs.map(|(left, right)| left.abs_diff(*right)).max().unwrap_or(0);
    // Two decoders of MP3 round differently.
    assert!(worst <= 4, "{worst} between the decoders");
    assert!(of_wave.iter().any(|sample| *sample > 1000));
}

#[test]
fn other_formats_and_screens_are_refused() {
    let (gateway, token) = one_call(&[]);
    for (format, status) in [("mp3", 400), ("", 400), ("wav&format=mp4", 400)] {
        let answer = ask(&gateway, &token, &format!("{API}/segments/segment-one?format={format}"));
        let shown: Value = answer.json();
        assert_eq!(answer.status, status, "{format}");
        assert!(shown["message"].as_str().unwrap().starts_with("format "), "{shown}");
    }
}
