//! Calls that are streamed while they go on. The recorder of these tests disobeys: it sends what
//! was said, whatever the ledger says, and the gateway keeps what may be kept.

pub(crate) mod interactions;
mod wire;

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::gateway::{Gateway, send, wait};
use interactions::{START, begin, end, rule};
use wire::Stream;

/// How long the streamed calls last.
const CALL_MS: i64 = 12_000;
/// Silence on each side of a mask.
const GUARD_MS: usize = 500;
/// How far beyond that a coded unit may reach.
const REACH_MS: usize = 400;
/// Samples in a millisecond.
const PER_MS: usize = 8;

/// The end of an ffmpeg command that writes as a recorder does which does not know the end.
type Format = (&'static str, &'static [&'static str]);

const WAVE: Format = ("audio/wav", &["-c:a", "pcm_s16le", "-f", "wav"]);
const ALAW: Format = ("audio/wav", &["-c:a", "pcm_alaw", "-f", "wav"]);
const MP3: Format =
    ("audio/mp3", &["-c:a", "libmp3lame", "-b:a", "32k", "-write_xing", "0", "-f", "mp3"]);
const OPUS: Format = ("audio/ogg", &["-c:a", "libopus", "-b:a", "24k", "-f", "ogg"]);
const FLAC: Format = ("audio/flac", &["-c:a", "flac", "-f", "flac"]);
const AAC: Format = ("audio/aac", &["-c:a", "aac", "-b:a", "32k", "-f", "adts"]);

/// Noise of [`CALL_MS`], coded and written to a pipe.
fn recorded(format: Format) -> Vec<u8> {
    let output = Command::new("ffmpeg")
        .args(["-nostdin", "-v", "error", "-f", "lavfi", "-i"])
        .arg(format!("anoisesrc=r=8000:a=0.3:seed=7:d={}", CALL_MS / 1000))
        .args(["-ac", "1"])
        .args(format.1)
        .arg("-")
        .output()
        .expect("ffmpeg: apt-get install ffmpeg");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// Decodes to 8 kHz mono; ffmpeg must not complain.
fn decode(folder: &Path, file: &[u8]) -> Vec<i16> {
    let path = folder.join("decoded-here");
    std::fs::write(&path, file).unwrap();
    let output = Command::new("ffmpeg")
        .args(["-nostdin", "-v", "error", "-i"])
        .arg(&path)
        .args(["-ac", "1", "-ar", "8000", "-f", "s16le", "-"])
        .output()
        .expect("ffmpeg: apt-get install ffmpeg");
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && complaint.is_empty(), "{complaint}");
    let samples = output.stdout.chunks_exact(2);
    samples.map(|raw| i16::from_le_bytes([raw[0], raw[1]])).collect()
}

fn document(id: &str, media_type: &str) -> Value {
    json!({
        "id": id, "callerPhoneNumber": "+1", "dialedPhoneNumber": "+2", "region": "north",
        "reelgate": {"interactionId": format!("{id}-i")},
        "mediaFiles": [{
            "callUUID": "u", "mediaId": format!("{id}-m"), "type": media_type,
            "startTime": START, "parameters": {}
        }]
    })
}

/// A gateway, and a declared call that goes on.
fn call(id: &str, media_type: &str, settings: &[(&str, &str)]) -> Gateway {
    let sync = [("INGEST__LIVE_SYNC_MS", "50")];
    let gateway = Gateway::start(&[&sync, settings].concat());
    begin(&gateway, &format!("{id}-i"));
    let answer = gateway.declare(&document(id, media_type));
    assert_eq!(answer.status, 201, "{}", String::from_utf8_lossy(&answer.body));
    gateway
}

fn path(id: &str) -> String {
    format!("/ingest/v1/recordings/{id}/media/{id}-m")
}

/// What HEAD tells: the offset, and whether the upload is complete.
fn told(gateway: &Gateway, id: &str) -> (usize, bool) {
    let answer = gateway.call("HEAD", &path(id), "");
    assert_eq!(answer.status, 204);
    assert_eq!(answer.header("cache-control"), "no-store");
    let offset = answer.header("upload-offset").parse().expect("a number");
    (offset, answer.header("upload-complete") == "?1")
}

/// Waits until so many bytes are durable.
fn durable(gateway: &Gateway, id: &str, bytes: usize) {
    wait("a durable offset", || (told(gateway, id).0 >= bytes).then_some(()));
}

fn stream(gateway: &Gateway, id: &str) -> Stream {
    Stream::open(gateway, "PUT", &path(id), &[])
}

fn go_on(gateway: &Gateway, id: &str, offset: usize, complete: &str) -> Stream {
    let headers = [
        "content-type: application/partial-upload".to_owned(),
        format!("upload-offset: {offset}"),
        format!("upload-complete: {complete}"),
    ];
    let headers: Vec<&str> = headers.iter().map(String::as_str).collect();
    Stream::open(gateway, "PATCH", &path(id), &headers)
}

/// What a listener gets.
fn heard(gateway: &Gateway, id: &str) -> (Value, Vec<u8>) {
    let status = gateway.settled(id);
    assert_eq!(status["state"], "ready", "{status}\n{}", gateway.log());
    let url = status["media"][0]["playUrl"].as_str().expect("a link");
    let body = send("GET", url, &[], "").body;
    (status, body)
}

fn silent(samples: &[i16], from_ms: usize, to_ms: usize) -> bool {
    let to = (to_ms * PER_MS).min(samples.len());
    samples[(from_ms * PER_MS).min(to)..to].iter().all(|sample| sample.unsigned_abs() <= 8)
}

/// A call of which 3 to 5 s are masked, and which is declined at 9 s.
fn a_declined_call(id: &str, format: Format) {
    let gateway = call(id, format.0, &[]);
    let file = recorded(format);
    let mut recorder = stream(&gateway, id);
    let interaction = format!("{id}-i");
    for (index, piece) in file.chunks(file.len() / 12 + 1).enumerate() {
        assert!(recorder.send(piece));
        match index {
            3 => rule(&gateway, &interaction, "mask", 3000),
            5 => rule(&gateway, &interaction, "unmask", 5000),
            9 => rule(&gateway, &interaction, "drop", 9000),
            _ => {}
        }
    }
    let reply = recorder.end();
    assert_eq!(reply.status, 201, "{}", reply.body);
    assert!(reply.head.contains("upload-complete: ?1"), "{}", reply.head);
    // Nothing is processed while masks may come.
    assert_eq!(gateway.status(id)["state"], "spooled");
    end(&gateway, &interaction, CALL_MS);
    let (status, kept) = heard(&gateway, id);
    let cut = &status["media"][0]["certificate"]["cut"];
    assert_eq!((&cut["ending"], &cut["atMs"]), (&json!("ended"), &json!(9000)), "{status}");
    assert!(cut["droppedBytes"].as_u64().unwrap() as usize >= file.len() / 5, "{cut}");

    let (whole, short) =
        (decode(gateway.folder.path(), &file), decode(gateway.folder.path(), &kept));
    let ends = short.len() / PER_MS;
    assert!((8400..=9100).contains(&ends), "{id} plays {ends} ms");
    assert!(silent(&short, 3000, 5000), "{id}: a masked span is heard");
    assert!(silent(&short, 9000 - GUARD_MS, ends), "{id}: what follows is heard");
    // At 8 kHz a frame of MP3 and its delays reach 300 ms beyond the guard.
    for (from, to) in
        [(0, 3000 - GUARD_MS - REACH_MS), (5000 + GUARD_MS + REACH_MS, 9000 - GUARD_MS - REACH_MS)]
    {
        let range = from * PER_MS..to * PER_MS;
        let off = |pair: (&i16, &i16)| (i32::from(*pair.0) - i32::from(*pair.1)).abs();
        let most = whole[range.clone()].iter().zip(&short[range]).map(off).max();
        assert!(most.unwrap() <= 1, "{id}: {from} to {to} ms changed by {most:?}");
    }
    let file = &gateway.delivered(id, "delivered")["insertion"]["mediaFiles"][0];
    let masks = json!([
        {"time": "2026-03-04T09:15:03.000+0000", "type": "paused"},
        {"time": "2026-03-04T09:15:05.000+0000", "type": "resume"},
    ]);
    assert_eq!(file["masks"], masks);
    assert_eq!(file["stopTime"], "2026-03-04T09:15:12.000+0000");
    // The same declaration is the same still.
    assert_eq!(gateway.declare(&document(id, format.0)).status, 200);
}

#[test]
fn a_declined_call_ends_there_whatever_the_recorder_sends() {
    for (id, format) in
        [("wave", WAVE), ("alaw", ALAW), ("mp3", MP3), ("opus", OPUS), ("flac", FLAC), ("aac", AAC)]
    {
        a_declined_call(id, format);
    }
}

#[test]
fn what_lies_between_a_stop_and_a_start_is_silent() {
    let gateway = call("stopped", WAVE.0, &[]);
    let file = recorded(WAVE);
    let mut recorder = stream(&gateway, "stopped");
    assert!(recorder.send(&file));
    rule(&gateway, "stopped-i", "drop", 2000);
    rule(&gateway, "stopped-i", "keep", 4000);
    rule(&gateway, "stopped-i", "mask", 10_000);
    assert_eq!(recorder.end().status, 201);
    end(&gateway, "stopped-i", CALL_MS);
    let (status, kept) = heard(&gateway, "stopped");
    assert_eq!(kept.len(), file.len());
    let spans = status["media"][0]["spans"].as_array().unwrap();
    assert_eq!(spans[0], json!({"fromMs": 2000, "toMs": 4000, "reason": "not-recorded"}));
    assert_eq!(spans[1], json!({"fromMs": 10_000, "toMs": 12_000, "reason": "paused-to-end"}));
    let samples = decode(gateway.folder.path(), &kept);
    assert!(silent(&samples, 1500, 4500) && silent(&samples, 9500, 12_000));
    assert!(!silent(&samples, 0, 1400) && !silent(&samples, 4600, 9400));
    let masks = &gateway.delivered("stopped", "delivered")["insertion"]["mediaFiles"][0]["masks"];
    assert_eq!(masks.as_array().unwrap().len(), 3, "{masks}");
}

/// Nothing that was said, in clear or sealed, is in any file of the gateway.
fn nothing_is_left(gateway: &Gateway, id: &str) {
    let status = gateway.status(id);
    assert_eq!(status["state"], "erased", "{status}");
    assert_eq!(status["media"][0]["reason"], "not_recorded");
    assert_eq!(status["deliveries"], json!([]));
    assert!(status["media"][0]["playUrl"].is_null() && status["media"][0]["stored"].is_null());
    let mut folders = vec![gateway.data().join("spool"), gateway.data().join("store")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten() {
            let entry = entry.unwrap().path();
            assert!(entry.is_dir(), "{} is left", entry.display());
            folders.push(entry);
        }
    }
}

#[test]
fn a_call_that_is_not_recorded_is_erased() {
    for (id, at) in [("policy", 0), ("at-once", 400), ("before", -5000)] {
        let gateway = call(id, WAVE.0, &[]);
        rule(&gateway, &format!("{id}-i"), "drop", at);
        let file = recorded(WAVE);
        let mut recorder = stream(&gateway, id);
        assert!(recorder.send(&file));
        assert_eq!(recorder.end().status, 201);
        end(&gateway, &format!("{id}-i"), CALL_MS);
        wait("an end", || (gateway.status(id)["state"] == "erased").then_some(()));
        wait("an empty spool", || {
            let left = std::fs::read_dir(gateway.data().join("spool")).unwrap().count();
            (left == 0).then_some(())
        });
        nothing_is_left(&gateway, id);
        // A repetition changes nothing, and brings nothing back.
        assert_eq!(gateway.push(id, &format!("{id}-m"), file).status, 200);
        nothing_is_left(&gateway, id);
    }
}

#[test]
fn a_broken_upload_goes_on_where_head_says() {
    let gateway = call("broken", OPUS.0, &[]);
    let file = recorded(OPUS);
    let half = file.len() / 2;
    assert_eq!(told(&gateway, "broken"), (0, false));
    let mut recorder = stream(&gateway, "broken");
    assert!(recorder.send(&file[..half]));
    durable(&gateway, "broken", half);
    recorder.break_off();
    assert_eq!(told(&gateway, "broken"), (half, false));
    // From the beginning it cannot be sent again: what is durable was told.
    let mut again = stream(&gateway, "broken");
    assert!(again.send(b"OggS"));
    let refused = again.end();
    assert_eq!(refused.status, 409, "{}", refused.body);
    assert!(refused.head.contains(&format!("upload-offset: {half}")), "{}", refused.head);
    let refused = go_on(&gateway, "broken", half - 1, "?1").end();
    assert_eq!(refused.status, 409);
    assert!(refused.head.contains(&format!("upload-offset: {half}")), "{}", refused.head);
    assert!(refused.body.contains("mismatching-upload-offset"), "{}", refused.body);
    let third = half + file.len() / 4;
    let mut recorder = go_on(&gateway, "broken", half, "?0");
    assert!(recorder.send(&file[half..third]));
    let reply = recorder.end();
    assert_eq!(reply.status, 204, "{}", reply.body);
    assert!(reply.head.contains(&format!("upload-offset: {third}")), "{}", reply.head);
    let mut recorder = go_on(&gateway, "broken", third, "?1");
    assert!(recorder.send(&file[third..]));
    let reply = recorder.end();
    assert_eq!(reply.status, 201, "{}", reply.body);
    assert_eq!(told(&gateway, "broken"), (file.len(), true));
    let refused = go_on(&gateway, "broken", file.len(), "?1").end();
    assert_eq!(refused.status, 409);
    end(&gateway, "broken-i", CALL_MS);
    let (_, kept) = heard(&gateway, "broken");
    assert!(kept == file);
}

#[test]
fn what_was_durable_survives_a_kill_and_goes_on() {
    let mut gateway = call("killed", MP3.0, &[]);
    let file = recorded(MP3);
    let half = file.len() / 2;
    let mut recorder = stream(&gateway, "killed");
    assert!(recorder.send(&file[..half]));
    durable(&gateway, "killed", half);
    gateway.kill();
    gateway.restart();
    assert_eq!(told(&gateway, "killed"), (half, false));
    let mut recorder = go_on(&gateway, "killed", half, "?1");
    assert!(recorder.send(&file[half..]));
    assert_eq!(recorder.end().status, 201);
    end(&gateway, "killed-i", CALL_MS);
    let (_, kept) = heard(&gateway, "killed");
    assert!(kept == file);
}

#[test]
fn a_torn_tail_of_the_spool_is_cut_off() {
    let mut gateway = call("torn", WAVE.0, &[]);
    let file = recorded(WAVE);
    let (first, second) = (file.len() / 3, file.len() / 2);
    let mut recorder = stream(&gateway, "torn");
    assert!(recorder.send(&file[..first]));
    durable(&gateway, "torn", first);
    assert!(recorder.send(&file[first..second]));
    durable(&gateway, "torn", second);
    gateway.kill();
    let folder = std::fs::read_dir(gateway.data().join("spool")).unwrap();
    for entry in folder {
        let path = entry.unwrap().path();
        let raw = std::fs::read(&path).unwrap();
        std::fs::write(&path, &raw[..raw.len() - 20]).unwrap();
    }
    gateway.restart();
    let (offset, _) = told(&gateway, "torn");
    assert!((first..second).contains(&offset), "{offset}");
    let mut recorder = go_on(&gateway, "torn", offset, "?1");
    assert!(recorder.send(&file[offset..]));
    assert_eq!(recorder.end().status, 201);
    end(&gateway, "torn-i", CALL_MS);
    assert!(heard(&gateway, "torn").1 == file);
}

#[test]
fn a_call_that_ends_without_its_recorder_is_kept_as_far_as_it_came() {
    for (id, format) in [("left-wave", WAVE), ("left-opus", OPUS), ("left-flac", FLAC)] {
        let mut gateway = call(id, format.0, &[]);
        rule(&gateway, &format!("{id}-i"), "mask", 1000);
        rule(&gateway, &format!("{id}-i"), "unmask", 2000);
        let file = recorded(format);
        // In the midst of a page or frame.
        let came = file.len() / 2 + 1;
        let mut recorder = stream(&gateway, id);
        assert!(recorder.send(&file[..came]));
        durable(&gateway, id, came);
        gateway.kill();
        gateway.restart();
        end(&gateway, &format!("{id}-i"), CALL_MS / 2);
        let (status, kept) = heard(&gateway, id);
        assert_eq!(status["media"][0]["upload"]["bytes"], came);
        let samples = decode(gateway.folder.path(), &kept);
        let ends = samples.len() / PER_MS;
        assert!((4900..6200).contains(&ends), "{id} plays {ends} ms");
        assert!(silent(&samples, 1000, 2000) && !silent(&samples, 0, 400), "{id}");
    }
}

#[test]
fn nothing_durable_is_given_back_when_the_call_ends() {
    let gateway = call("nothing", WAVE.0, &[]);
    let recorder = stream(&gateway, "nothing");
    wait("an upload", || (gateway.status("nothing")["state"] == "receiving").then_some(()));
    recorder.break_off();
    end(&gateway, "nothing-i", CALL_MS);
    wait("a declared file", || (gateway.status("nothing")["state"] == "declared").then_some(()));
}

#[test]
fn a_sender_that_never_stops_is_ended_with_the_call() {
    let gateway = call("endless", WAVE.0, &[("INGEST__LIVE_GRACE_MS", "300")]);
    let file = recorded(WAVE);
    let mut recorder = stream(&gateway, "endless");
    assert!(recorder.send(&file));
    durable(&gateway, "endless", file.len());
    rule(&gateway, "endless-i", "drop", 6000);
    end(&gateway, "endless-i", CALL_MS);
    // It goes on as if nothing had happened.
    let silence = vec![0; 1600];
    wait("an acknowledgement", || {
        recorder.send(&silence);
        (gateway.status("endless")["state"] != "receiving").then_some(())
    });
    let reply = recorder.reply();
    assert_eq!(reply.status, 201, "{}", reply.body);
    assert!(reply.body.contains("receipt"));
    let (_, kept) = heard(&gateway, "endless");
    let samples = decode(gateway.folder.path(), &kept);
    assert_eq!(samples.len() / PER_MS, 6000);
}

#[test]
fn only_one_writes_and_a_silent_one_gives_way() {
    let gateway = call("two", WAVE.0, &[]);
    let file = recorded(WAVE);
    let half = file.len() / 2;
    let mut first = stream(&gateway, "two");
    assert!(first.send(&file[..half]));
    durable(&gateway, "two", half);
    // Its connection is dead, but nobody told the gateway.
    let mut second = wait("the place of a silent writer", || {
        let mut second = go_on(&gateway, "two", half, "?1");
        let _ = second.send(&file[half..]);
        second.end_unless_refused().filter(|reply| reply.status != 409)
    });
    assert_eq!(second.status, 201, "{}", second.body);
    second.head.clear();
    end(&gateway, "two-i", CALL_MS);
    assert!(heard(&gateway, "two").1 == file);
}

#[test]
fn a_file_that_cannot_be_read_is_quarantined_and_not_lost() {
    let gateway = call("noise", WAVE.0, &[]);
    let mut recorder = stream(&gateway, "noise");
    assert!(recorder.send(&[0x55; 5000]));
    assert_eq!(recorder.end().status, 201);
    end(&gateway, "noise-i", CALL_MS);
    let status = gateway.settled("noise");
    assert_eq!(status["state"], "quarantined");
    assert_eq!(status["media"][0]["reason"], "media_type_mismatch", "{status}");
}

#[test]
fn an_unknown_interaction_is_named() {
    let gateway = Gateway::start(&[]);
    let answer = gateway.declare(&document("nobody", WAVE.0));
    assert_eq!((answer.status.as_u16(), answer.code().as_str()), (422, "interaction_unknown"));
    assert_eq!(answer.json()["field"], "reelgate.interactionId");
    // Without an interaction, every file has an end.
    let mut document = document("nobody", WAVE.0);
    document["reelgate"] = json!({});
    assert_eq!(gateway.declare(&document).json()["field"], "mediaFiles[0].stopTime");
}
