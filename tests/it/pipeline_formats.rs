//! Masks through the whole gateway, in formats other than WAVE: voice and screen on one timeline,
//! single channels, and files in which silence cannot be written.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::gateway::{Gateway, document, ids, sample, samples};

/// Runs ffmpeg, which must not complain, and returns what it writes to standard output.
fn ffmpeg(input: &Path, arguments: &[&str]) -> Vec<u8> {
    let output = Command::new("ffmpeg")
        .args(["-nostdin", "-v", "error", "-i"])
        .arg(input)
        .args(arguments)
        .output()
        .expect("ffmpeg: apt-get install ffmpeg");
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && complaint.is_empty(), "{}: {complaint}", input.display());
    output.stdout
}

/// All channels as 32-bit float, interleaved.
fn sound(input: &Path) -> Vec<f32> {
    let raw = ffmpeg(input, &["-f", "f32le", "-"]);
    raw.chunks_exact(4).map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap())).collect()
}

fn peak(samples: &[f32]) -> f32 {
    samples.iter().fold(0.0, |peak, sample| peak.max(sample.abs()))
}

/// Ten pictures a second, 320x240, RGB.
fn pictures(input: &Path) -> Vec<Vec<u8>> {
    let raw = ffmpeg(input, &["-vf", "fps=10", "-pix_fmt", "rgb24", "-f", "rawvideo", "-"]);
    raw.chunks_exact(320 * 240 * 3).map(<[u8]>::to_vec).collect()
}

/// Whether the yellow card with the digits is on the picture.
fn shows_card(picture: &[u8]) -> bool {
    let yellow = |pixel: &&[u8]| pixel[0] > 200 && pixel[1] > 170 && pixel[2] < 90;
    picture.chunks_exact(3).filter(yellow).count() > 2000
}

/// Writes a file that ffmpeg reads by name.
fn file(folder: &TempDir, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

fn stored(gateway: &Gateway, media: &Value) -> Vec<u8> {
    gateway.stored(media["stored"].as_str().unwrap())
}

#[test]
fn voice_and_screen_of_a_call_are_masked_on_one_timeline() {
    let gateway = Gateway::start(&[("SEAL__MODE", "none")]);
    let call: Value = serde_json::from_slice(&sample("call.json")).unwrap();
    let document: Value = serde_json::from_slice(&sample("call.recording.json")).unwrap();
    let recording = ids(&document).0;
    assert!(gateway.declare(&document).status.is_success());
    for media in call["media"].as_array().unwrap() {
        let name = media["mediaId"].as_str().unwrap();
        let answer = gateway.push(&recording, name, sample(media["file"].as_str().unwrap()));
        assert!(answer.status.is_success(), "{name}");
    }
    let status = gateway.settled(&recording);
    assert_eq!(status["state"], "ready", "{status}");
    let folder = tempfile::tempdir().unwrap();
    let voice = stored(&gateway, &status["media"][0]);
    let before = sound(&samples().join("mp3_8k_32kbit_call.mp3"));
    let after = sound(&file(&folder, "voice.mp3", &voice));
    assert_eq!(after.len(), before.len());
    // 5 s to 8 s, and half a second of guard on each side.
    assert_eq!(peak(&after[36_000..68_000]).to_bits(), 0.0_f32.to_bits());
    assert!(peak(&before[40_000..64_000]) > 0.05);
    assert!(before[..33_000] == after[..33_000], "the voice before the mask changed");
    assert!(before[71_500..] == after[71_500..], "the voice after the mask changed");

    let screen = stored(&gateway, &status["media"][1]);
    let before = pictures(&samples().join("mp4_h264_call_screen.mp4"));
    let after = pictures(&file(&folder, "screen.mp4", &screen));
    assert_eq!(after.len(), before.len());
    assert!(before[51..79].iter().all(|picture| shows_card(picture)));
    assert!(!after.iter().any(|picture| shows_card(picture)));
    // The picture freezes at the last one before the guard, until the first key frame after it.
    assert!(before[..45] == after[..45], "the screen before the mask changed");
    assert!(before[90..] == after[90..], "the screen after the mask changed");
    assert_eq!(after[60], before[44]);
    let certificate = &status["media"][1]["certificate"];
    assert!(certificate["unitsSilenced"].as_u64().unwrap() >= 40, "{certificate}");
}

/// The call with masks in the voice file alone; the certificates of voice and screen.
fn masked_voice(settings: &[(&str, &str)]) -> [Value; 2] {
    let gateway = Gateway::start(settings);
    let call: Value = serde_json::from_slice(&sample("call.json")).unwrap();
    let mut document: Value = serde_json::from_slice(&sample("call.recording.json")).unwrap();
    document["mediaFiles"][1].as_object_mut().unwrap().remove("masks");
    let recording = ids(&document).0;
    assert!(gateway.declare(&document).status.is_success());
    for media in call["media"].as_array().unwrap() {
        let name = media["mediaId"].as_str().unwrap();
        gateway.push(&recording, name, sample(media["file"].as_str().unwrap()));
    }
    let status = gateway.settled(&recording);
    assert_eq!(status["state"], "ready", "{status}");
    [0, 1].map(|index: usize| status["media"][index]["certificate"]["silenced"].clone())
}

#[test]
fn a_pause_of_the_voice_silences_the_screen_unless_told_otherwise() {
    let [voice, screen] = masked_voice(&[]);
    assert_eq!((&voice[0]["fromMs"], &screen[0]["fromMs"]), (&json!(4500), &json!(4500)));
    assert_eq!(screen[0]["toMs"], 8500);
    let [voice, screen] = masked_voice(&[("MASK__ACROSS_MEDIA", "false")]);
    assert_eq!(voice[0]["fromMs"], 4500);
    assert_eq!(screen, json!([]));
}

#[test]
fn only_the_named_party_is_silenced() {
    let gateway = Gateway::start(&[("SEAL__MODE", "none")]);
    let mut document = document("wav_pcm16_8k_stereo");
    document["reelgate"]["maskChannels"] = json!(["customer"]);
    let (recording, media) = ids(&document);
    assert!(gateway.declare(&document).status.is_success());
    gateway.push(&recording, &media, sample("wav_pcm16_8k_stereo.wav"));
    let status = gateway.settled(&recording);
    assert_eq!(status["state"], "ready", "{status}");
    let folder = tempfile::tempdir().unwrap();
    let masked = stored(&gateway, &status["media"][0]);
    let before = sound(&samples().join("wav_pcm16_8k_stereo.wav"));
    let after = sound(&file(&folder, "masked.wav", &masked));
    let channel = |samples: &[f32], number| -> Vec<f32> {
        samples.iter().skip(number).step_by(2).copied().collect()
    };
    assert_eq!(channel(&before, 0), channel(&after, 0));
    assert_eq!(peak(&channel(&after, 1)[36_000..68_000]).to_bits(), 0.0_f32.to_bits());
    assert_ne!(channel(&before, 1), channel(&after, 1));
}

#[test]
fn single_channels_are_refused_where_the_coding_mixes_them() {
    let gateway = Gateway::start(&[]);
    let mut document = document("mp3_8k_32kbit_call");
    document["reelgate"]["channels"] = json!(["agent", "customer"]);
    document["reelgate"]["maskChannels"] = json!(["customer"]);
    let (recording, media) = ids(&document);
    assert!(gateway.declare(&document).status.is_success());
    gateway.push(&recording, &media, sample("mp3_8k_32kbit_call.mp3"));
    let status = gateway.settled(&recording);
    assert_eq!(status["media"][0]["state"], "quarantined");
    assert_eq!(status["media"][0]["reason"], "mask_channel_unsupported");
}

/// ALAC is taken in, but silence cannot be written in it.
fn alac(folder: &TempDir) -> (Value, Vec<u8>) {
    let path = folder.path().join("call.m4a");
    let made = Command::new("ffmpeg")
        .args(["-nostdin", "-v", "error", "-i"])
        .arg(samples().join("wav_pcm16_8k_mono.wav"))
        .args(["-c:a", "alac"])
        .arg(&path)
        .status()
        .expect("ffmpeg");
    assert!(made.success());
    let mut document = document("wav_pcm16_8k_mono");
    document["mediaFiles"][0]["type"] = "audio/mp4".into();
    (document, std::fs::read(path).unwrap())
}

#[test]
fn a_file_that_cannot_be_masked_is_quarantined_with_its_codec() {
    let gateway = Gateway::start(&[]);
    let folder = tempfile::tempdir().unwrap();
    let (document, bytes) = alac(&folder);
    let (recording, media) = ids(&document);
    assert!(gateway.declare(&document).status.is_success());
    gateway.push(&recording, &media, bytes);
    let status = gateway.settled(&recording);
    assert_eq!(status["media"][0]["state"], "quarantined");
    assert_eq!(status["media"][0]["reason"], "mask_unsupported_container");
    assert_eq!(status["deliveries"].as_array().unwrap().len(), 0);
}

#[test]
fn by_policy_such_a_file_is_decoded_and_its_record_says_wav() {
    let settings = [("SEAL__MODE", "none"), ("MASK__FALLBACK", "transcode")];
    let gateway = Gateway::start(&settings);
    let folder = tempfile::tempdir().unwrap();
    let (document, bytes) = alac(&folder);
    let (recording, media) = ids(&document);
    assert!(gateway.declare(&document).status.is_success());
    gateway.push(&recording, &media, bytes);
    let status = gateway.settled(&recording);
    assert_eq!(status["state"], "ready", "{status}");
    let certificate = &status["media"][0]["certificate"];
    assert_eq!(certificate["decodedFrom"], "alac in mp4");
    let masked = stored(&gateway, &status["media"][0]);
    let before = sound(&samples().join("wav_pcm16_8k_mono.wav"));
    let after = sound(&file(&folder, "masked.wav", &masked));
    assert_eq!(after.len(), before.len());
    assert_eq!(peak(&after[34_400..69_600]).to_bits(), 0.0_f32.to_bits());
    assert_eq!(before[..34_000], after[..34_000]);
    assert_eq!(before[70_000..], after[70_000..]);
    let status = gateway.delivered(&recording, "delivered");
    assert_eq!(status["insertion"]["mediaFiles"][0]["type"], "audio/wav");
}
