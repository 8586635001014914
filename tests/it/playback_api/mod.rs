//! The media playback API, asked as foreign clients ask.

mod access;
mod answers;
mod files;
mod links;
mod permalinks;
mod states;
mod waves;

use std::process::Command;

use serde_json::{Value, json};

use crate::gateway::{Answer, Gateway, PROGRAM, document, sample, send, wait};

/// What the paths begin with.
const API: &str = "/media-playback/v1";
/// When the recorded call begins.
const START: &str = "2026-03-04T09:15:00.000Z";

/// Runs a command on the gateway's data directory: its line of JSON.
fn cli(gateway: &Gateway, arguments: &[&str]) -> Value {
    let mut command = Command::new(PROGRAM);
    command.args(arguments).args(["--json", "--data-dir"]).arg(gateway.data());
    let output = command.output().expect("the program");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("one JSON line")
}

/// Adds a user with these permissions, and signs in with an access key: the `Authorization` value.
pub(crate) fn sign_in(gateway: &Gateway, tenant: &str, name: &str, permissions: &[&str]) -> String {
    let mut arguments = vec!["user", "--tenant", tenant, "add", name];
    permissions.iter().for_each(|permission| arguments.extend(["--permission", permission]));
    cli(gateway, &arguments);
    let key = cli(gateway, &["access-key", "--tenant", tenant, "add", name]);
    let body =
        json!({ "accessKeyId": key["accessKeyId"], "accessKeySecret": key["accessKeySecret"] });
    let url = format!("{}/authentication/v1/token/access-key", gateway.url);
    let answer = send("POST", &url, &[("content-type", "application/json")], body.to_string());
    format!("Bearer {}", answer.json()["access_token"].as_str().expect("a token"))
}

/// As clients ask: a JSON content type on a GET, and no look at the status.
pub(crate) fn ask(gateway: &Gateway, token: &str, path: &str) -> Answer {
    let headers = [("authorization", token), ("content-type", "application/json")];
    send("GET", &format!("{}{path}", gateway.url), &headers, "")
}

/// Asks until nothing is on its way any more. Every 202 must say when to come again.
pub(crate) fn ask_until_ready(gateway: &Gateway, token: &str, path: &str) -> Answer {
    wait("an answer that is not 202", || {
        let answer = ask(gateway, token, path);
        if answer.status != 202 {
            return Some(answer);
        }
        assert_eq!(answer.json()["internalCode"], "IN_PROGRESS");
        assert!(answer.header("retry-after").parse::<u64>().is_ok());
        None
    })
}

/// The document of a stereo call of twelve seconds in WAVE, with a mask from 4 to 6 s, two
/// statements and a transcript.
pub(crate) fn call(id: &str) -> Value {
    let at = |second: u32| format!("2026-03-04T09:15:{second:02}.000Z");
    json!({
        "id": id, "callerPhoneNumber": "+15550100", "dialedPhoneNumber": "+15550199",
        "region": "north", "callType": "Inbound",
        "mediaFiles": [{
            "callUUID": "u", "mediaId": format!("{id}.wav"), "type": "audio/wav",
            "startTime": START, "stopTime": at(12), "parameters": {},
            "masks": [{"time": at(4), "type": "paused"}, {"time": at(6), "type": "resume"}],
        }],
        "reelgate": {
            "contact": {
                "acdContactId": format!("acd-{id}"), "masterContactId": format!("master-{id}"),
                "segmentId": format!("segment-{id}"),
                "statements": [
                    {"statementId": "s1", "startTime": at(1), "stopTime": at(3)},
                    {"statementId": "late", "startTime": at(30), "stopTime": at(31)},
                ],
            },
            "agent": {"userId": "kim", "name": "Kim: Lee"},
            "channels": ["agent", "customer"],
            "messages": [{
                "participantType": "AGENT", "participantName": "Kim Lee",
                "text": "<script>alert(1)</script>", "timeStamp": at(1),
            }],
            "tags": ["vip"],
            "categories": [{"categoryHierarchy": ["billing", "refund"], "secondsOffsets": [1.5],
                "confidence": 0.9}],
            "sentiments": [{"overallSentiment": "MIXED", "channel": 2}],
        },
    })
}

/// Twelve seconds of stereo: a tone of 400 Hz left, of 900 Hz right.
fn tones() -> Vec<u8> {
    let output = Command::new("ffmpeg")
        .args(["-nostdin", "-v", "error", "-f", "lavfi", "-i"])
        .arg("aevalsrc=0.5*sin(2*PI*400*t)|0.25*sin(2*PI*900*t):s=8000:d=12")
        .args(["-c:a", "pcm_s16le", "-f", "wav", "-"])
        .output()
        .expect("ffmpeg: apt-get install ffmpeg");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    // ffmpeg writes no sizes into a pipe; a recorder that knows them does.
    let mut bytes = output.stdout;
    let data = bytes.windows(4).position(|four| four == b"data").expect("a data chunk");
    let (riff, sound) = (bytes.len() as u32 - 8, (bytes.len() - data - 8) as u32);
    bytes[4..8].copy_from_slice(&riff.to_le_bytes());
    bytes[data + 4..data + 8].copy_from_slice(&sound.to_le_bytes());
    bytes
}

/// Declares and pushes [`call`].
pub(crate) fn push_call(gateway: &Gateway, id: &str) {
    let document = call(id);
    let declared = gateway.declare(&document);
    let text = String::from_utf8_lossy(&declared.body).into_owned();
    assert_eq!(declared.status, 201, "{text}");
    let pushed = gateway.push(id, &format!("{id}.wav"), tones());
    assert_eq!(pushed.status, 201, "{}", String::from_utf8_lossy(&pushed.body));
}

/// A gateway that lets a test ask as often as it likes.
pub(crate) fn start(settings: &[(&str, &str)]) -> Gateway {
    Gateway::start(&[&[("PLAY__REQUESTS", "1000000")], settings].concat())
}

/// A gateway with one call, and somebody who may hear everything.
pub(crate) fn one_call(settings: &[(&str, &str)]) -> (Gateway, String) {
    let gateway = start(settings);
    push_call(&gateway, "one");
    let token = sign_in(&gateway, "default", "listener", &["play.any", "play.insights"]);
    (gateway, token)
}

/// A sample of voice and screen of one call, pushed as one recording.
fn push_voice_and_screen(gateway: &Gateway) {
    let document = document("call");
    assert_eq!(gateway.declare(&document).status, 201);
    let id = document["id"].as_str().unwrap();
    for (file, name) in document["mediaFiles"]
        .as_array()
        .unwrap()
        .iter()
        .zip(["mp3_8k_32kbit_call.mp3", "mp4_h264_call_screen.mp4"])
    {
        let media = file["mediaId"].as_str().unwrap();
        assert_eq!(gateway.push(id, media, sample(name)).status, 201, "{media}");
    }
}
