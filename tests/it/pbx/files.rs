//! The files of records.

use std::process::Command;

use serde_json::json;

use super::{Office, add, assert_problem, uuid};
use crate::gateway::{Answer, basic, sample, send, wait};

const FILE: &str = "wav_alaw_8k_mono.wav";

/// An office with one record of a sample, and its name.
fn with_one(file: &str) -> (Office, String) {
    let office = Office::open(&[]);
    office.record(1, json!({}), file);
    let name = uuid(&office.march()[0]);
    (office, name)
}

fn get(office: &Office, path: &str, headers: &[(&str, &str)]) -> Answer {
    let bearer = format!("Bearer {}", office.token());
    let all: Vec<(&str, &str)> =
        headers.iter().copied().chain([("authorization", bearer.as_str())]).collect();
    send("GET", &format!("{}/api/ver1.0{path}", office.gateway.url), &all, "")
}

#[test]
fn a_file_is_an_attachment_whole_and_in_ranges() {
    let (office, name) = with_one(FILE);
    let expected = sample(FILE);
    for path in ["", "/", "/download", "/download/"] {
        let answer = get(&office, &format!("/client/@me/record/{name}{path}"), &[]);
        assert_eq!((answer.status.as_u16(), answer.body == expected), (200, true), "{path}");
        assert_eq!(answer.header("content-type"), "audio/wav");
        let disposition = answer.header("content-disposition");
        let file = office.march()[0]["file_name"].as_str().expect("a name").to_owned();
        let both = format!("attachment; filename=\"{file}\"; filename*=UTF-8''{file}");
        assert_eq!(disposition, both);
        assert_eq!(answer.header("accept-ranges"), "bytes");
    }
    let path = format!("/client/@me/record/{name}");
    let part = get(&office, &path, &[("range", "bytes=100-199")]);
    assert_eq!((part.status.as_u16(), part.body.as_slice()), (206, &expected[100..200]));
    assert_eq!(part.header("content-range"), format!("bytes 100-199/{}", expected.len()));
    let tag = part.header("etag").to_owned();
    assert!(tag.starts_with('"'), "{tag}");
    let stale = get(&office, &path, &[("range", "bytes=1-2"), ("if-range", "\"other\"")]);
    assert_eq!((stale.status.as_u16(), stale.body.len()), (200, expected.len()));
    let fresh = get(&office, &path, &[("range", "bytes=1-2"), ("if-range", tag.as_str())]);
    assert_eq!((fresh.status.as_u16(), fresh.body.len()), (206, 2));
    let beyond = get(&office, &path, &[("range", "bytes=99999999-")]);
    assert_problem(&beyond, 416, "range");
    assert_eq!(beyond.header("content-range"), format!("bytes */{}", expected.len()));
    let head = office.call("HEAD", &path, "");
    assert_eq!((head.status.as_u16(), head.body.len()), (200, 0));
    assert_eq!(head.header("content-length"), expected.len().to_string());
}

#[test]
fn a_browser_signs_in_with_name_and_password_for_downloads_alone() {
    let (office, name) = with_one(FILE);
    let password =
        add(&office.gateway, "01874*0541@pbx.example", "user", &["--permission", "records.read"]);
    let url = format!("{}/api/ver1.0/client/@me/record/{name}", office.gateway.url);
    let ask = send("GET", &format!("{url}/download/"), &[], "");
    assert_problem(&ask, 401, "401");
    assert_eq!(ask.header("www-authenticate"), "Basic realm=\"reelgate\", charset=\"UTF-8\"");
    // Nothing else opens a window.
    for other in ["", "/storage_url/"] {
        let answer = send("GET", &format!("{url}{other}"), &[], "");
        assert_problem(&answer, 401, "401");
        assert_eq!(answer.header("www-authenticate"), "Bearer realm=\"reelgate\"", "{other}");
    }
    let credentials = format!("01874*0541@pbx.example:{password}");
    for path in ["/download/", "/download", ""] {
        let answer = basic(&format!("{url}{path}"), &credentials);
        assert_eq!((answer.status.as_u16(), answer.body == sample(FILE)), (200, true), "{path}");
    }
    assert_problem(&basic(&format!("{url}/storage_url/"), &credentials), 401, "401");
    // In the URL, as a CRM has it configured.
    let (scheme, rest) = url.split_once("://").expect("a scheme");
    let address = format!("{scheme}://01874*0541%40pbx.example:{password}@{rest}/download/");
    let output = Command::new("curl").args(["-s", "-f", &address]).output().expect("curl");
    assert!(output.status.success() && output.stdout == sample(FILE));
    // Names and passwords read; they delete nothing, whatever their owner may.
    let boss = add(&office.gateway, "boss", "user", &super::ALL);
    let output = Command::new("curl")
        .args(["-s", "-o", "/dev/null", "-w", "%{http_code}", "-X", "DELETE", "-u"])
        .args([&format!("boss:{boss}"), &url])
        .output()
        .expect("curl");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "401");
    assert_eq!(office.march().len(), 1);
    let wrong = basic(&format!("{url}/download/"), "01874*0541@pbx.example:wrong");
    assert_problem(&wrong, 401, "401");
    assert!(wrong.header("www-authenticate").starts_with("Basic"));
}

#[test]
fn a_wave_file_is_made_where_nothing_is_lost() {
    let (office, name) = with_one("mp3_8k_16kbit_mono.mp3");
    let path = format!("/client/@me/record/{name}");
    let own = get(&office, &path, &[("accept", "application/json")]);
    assert_eq!(
        (own.header("content-type"), own.body == sample("mp3_8k_16kbit_mono.mp3")),
        ("audio/mpeg", true)
    );
    let made = |path: &str, headers: &[(&str, &str)]| {
        wait("the WAVE file", || {
            let answer = get(&office, path, headers);
            if answer.status == 425 {
                assert!(!answer.header("retry-after").is_empty());
                return None;
            }
            Some(answer)
        })
    };
    let wave = made(&format!("{path}.wav"), &[]);
    assert_eq!((wave.status.as_u16(), wave.header("content-type")), (200, "audio/wav"));
    assert!(
        wave.body.starts_with(b"RIFF") && wave.header("content-disposition").contains(".wav\"")
    );
    assert!(made(&path, &[("accept", "audio/wav, */*")]).body == wave.body);
    let mp3 = get(&office, &format!("{path}.mp3"), &[]);
    assert_eq!(mp3.body, own.body);
    assert_problem(&get(&office, &format!("{path}.ogg"), &[]), 404, "record_not_found");
    // No MP3 is made of a WAVE file: that would lose.
    office.record(2, json!({}), FILE);
    let other = uuid(&office.march()[1]);
    let answer = get(&office, &format!("/client/@me/record/{other}.mp3"), &[]);
    assert_problem(&answer, 406, "not_acceptable");
    let answer = get(&office, &format!("/client/@me/record/{other}"), &[("accept", "audio/mpeg")]);
    assert_eq!(answer.body, sample(FILE));
}

#[test]
fn names_of_other_things_are_not_found() {
    let (office, name) = with_one(FILE);
    let digits = &name[7..];
    for bad in [
        "1",
        "120541-",
        digits,
        &format!("120542-{digits}"),
        &format!("120541-{}", "0".repeat(32)),
        "%00",
        "120541-%2e%2e",
    ] {
        for path in ["", "/download/", "/storage_url/", "/hold/"] {
            let answer = get(&office, &format!("/client/@me/record/{bad}{path}"), &[]);
            assert_problem(&answer, 404, "record_not_found");
            assert_eq!(answer.json()["message"], "Record not found", "{bad}{path}");
        }
    }
    // Not before it is there.
    let (id, document) = super::call(7, json!({}), FILE);
    assert_eq!(office.gateway.declare(&document).status, 201);
    let asset =
        office.gateway.status(&id)["media"][0]["assetId"].as_str().expect("an asset").to_owned();
    let coming = format!("120541-{}", asset.replace('-', "").to_uppercase());
    let answer = get(&office, &format!("/client/@me/record/{coming}"), &[]);
    assert_problem(&answer, 425, "record_not_ready");
    assert!(!answer.header("retry-after").is_empty());
    assert_eq!(office.march().len(), 1);
}
