//! An archive of 5 GiB over 1,000 sealed recordings: got in two parts, opened by three programs, gone
//! after twelve hours.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use serde_json::{Value, json};

use super::{MIB, forget_peak, peak, python};
use crate::gateway::{Answer, Gateway, basic, send, wait, wait_minutes};
use crate::pbx::{Office, assert_problem, call, sql};
use crate::peers::smtp::{Orders, SmtpRelay};

const GIB: u64 = 1 << 30;
/// Recordings that are really different, and how often each is in the archive.
const DISTINCT: u32 = 10;
const TIMES: u32 = 100;
const RECORDINGS: usize = (DISTINCT * TIMES) as usize;
/// Length of a recording without its header, in bytes: a thousand are over 5 GiB.
const SOUND_BYTES: u32 = 5_372_000;
/// Memory that making the archive may take, and then getting it: a few segments of 1 MiB in flight, its
/// lists (1,000 records are 1 MiB, held a few times), digests of 5,000 segments (as bytes and as text):
/// some 16 MiB. The rest is what the allocator keeps of segments that one thread reads and another
/// gives up; measured were 105 MiB, and 16 with `MALLOC_ARENA_MAX=2`.
const ARCHIVE_MEMORY: u64 = 192 * MIB;
/// How long the archive, or half of its bytes, may take, in minutes.
const PATIENCE_MIN: u32 = 30;
/// Stretches that are got by themselves, and their length in bytes.
const STRETCHES: u64 = 16;
const STRETCH: u64 = 100_000;
/// Twelve hours but five minutes, and these, in microseconds.
const NEARLY_US: u64 = (12 * 60 - 5) * 60 * 1_000_000;
const REST_US: u64 = 5 * 60 * 1_000_000;
const TO: &str = "kim@example.com";

/// Copies the rows of each recording: other recordings, in the same objects of the store.
const COPY: &str = r#"
import json, sqlite3, sys, uuid
database = sqlite3.connect(sys.argv[1], timeout=60)
database.row_factory = sqlite3.Row
def row(table, column, value):
    return dict(database.execute(f"SELECT * FROM {table} WHERE {column} = ?", [value]).fetchone())
def put(table, row, **new):
    row = {**row, **new}
    marks = ",".join("?" * len(row))
    database.execute(f"INSERT INTO {table} ({','.join(row)}) VALUES ({marks})", list(row.values()))
modes = set()
for record in map(dict, database.execute("SELECT * FROM call_records").fetchall()):
    recording = row("recordings", "id", record["recording_id"])
    media = row("media", "asset_id", record["asset_id"])
    modes.add(json.loads(media["outcome"])["seal"]["mode"])
    for number in range(1, int(sys.argv[2])):
        asset, id = uuid.uuid4(), f"{recording['id']}-{number}"
        name = f"{record['extension_id']}-{asset.hex.upper()}"
        shown = json.loads(record["shown"])
        shown.update(record_uuid=name, file_name=f"{number}_{shown['file_name']}")
        put("recordings", recording, id=id)
        put("media", media, asset_id=str(asset), recording_id=id, media_id=f"{id}-media")
        put("call_records", record, asset_id=str(asset), recording_id=id, record_uuid=name,
            shown=json.dumps(shown))
database.commit()
print(json.dumps(sorted(modes)))
"#;

/// A row of the only archive: where it is stored, and how long it lives in microseconds.
const STORED: &str = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], timeout=20); \
                      print(c.execute('SELECT json_array(json_extract(outcome, \"$.stored.url\"), \
                      json_extract(outcome, \"$.stored.key\"), expires_us - updated_us) \
                      FROM bundles').fetchone()[0])";

/// Five megabytes of noise, other for each number.
fn noise(number: u32) -> Vec<u8> {
    let mut wav = Vec::with_capacity(SOUND_BYTES as usize + 44);
    wav.extend_from_slice(b"RIFF");
    wav.extend_from_slice(&(SOUND_BYTES + 36).to_le_bytes());
    wav.extend_from_slice(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    wav.extend_from_slice(&8000_u32.to_le_bytes());
    wav.extend_from_slice(&16_000_u32.to_le_bytes());
    wav.extend_from_slice(b"\x02\0\x10\0data");
    wav.extend_from_slice(&SOUND_BYTES.to_le_bytes());
    // xorshift64
    let mut state = 0x9E37_79B9_7F4A_7C15_u64 ^ u64::from(number + 1);
    while wav.len() < SOUND_BYTES as usize + 44 {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        wav.extend_from_slice(&state.to_le_bytes());
    }
    wav
}

/// A thousand sealed recordings, whose letters go to a relay.
fn thousand(relay: &SmtpRelay) -> Office {
    let port = relay.port.to_string();
    let office = Office::open(&[
        ("MAIL__RELAY", "127.0.0.1"),
        ("MAIL__PORT", &port),
        ("MAIL__TLS", "none"),
        ("MAIL__FROM", "reelgate@example.com"),
    ]);
    for number in 0..DISTINCT {
        let (id, document) = call(number, json!({}), "noise.wav");
        assert_eq!(office.gateway.declare(&document).status, 201);
        let answer = office.gateway.push(&id, &format!("{id}-media"), noise(number));
        assert_eq!(answer.status, 201, "{}", String::from_utf8_lossy(&answer.body));
        assert_eq!(office.gateway.settled(&id)["state"], "ready");
    }
    let modes = python(COPY, &office.gateway, &TIMES.to_string());
    assert_eq!(modes, json!(["cms"]), "how the recordings are sealed");
    office
}

/// Asks for the archive, and waits for the letter with its link.
fn ask(office: &Office, relay: &SmtpRelay) -> String {
    let body = json!({ "start_datetime": "2026-03-01 00:00:00",
        "end_datetime": "2026-03-31 23:59:59", "email": TO });
    let answer = office.call("POST", "/client/@me/record/archive/", body.to_string());
    assert_eq!(answer.status, 201, "{}", String::from_utf8_lossy(&answer.body));
    let path = format!("/client/@me/record/archive/{}", answer.json()["id"].as_str().unwrap());
    let token = office.token();
    let letter = wait_minutes(PATIENCE_MIN, "the letter", || {
        let shown = office.call_as(&token, "GET", &path, "").json();
        assert!(
            ["queued", "running", "ready"].map(Value::from).contains(&shown["status"]),
            "{shown}"
        );
        relay.came().pop()
    });
    assert_eq!(letter["to"], json!([TO]));
    let text = letter["came"]["parts"][0]["text"].as_str().expect("a text");
    assert!(text.contains(&format!("Recordings: {RECORDINGS}")), "{text}");
    let link = text.split_whitespace().find(|word| word.contains("/archive/"));
    link.expect("a link").to_owned()
}

/// Gets the archive: cut in the middle, and resumed.
fn download(url: &str, path: &Path, bytes: u64) {
    let length = || path.metadata().map_or(0, |found| found.len());
    let curl = || {
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--show-error", "--fail", url, "--output"]).arg(path);
        curl
    };
    let mut first = curl().spawn().expect("curl");
    wait_minutes(PATIENCE_MIN, "half of it", || (length() > bytes / 2).then_some(()));
    first.kill().expect("curl is running");
    first.wait().expect("an end");
    let cut = length();
    assert!(cut < bytes, "curl was too quick to be cut");
    let begun = Instant::now();
    let resumed = curl().args(["--continue-at", "-"]).status().expect("curl");
    assert!(resumed.success() && length() == bytes, "{resumed}, {} bytes", length());
    let rate = (bytes - cut) as f64 / MIB as f64 / begun.elapsed().as_secs_f64();
    println!("cut at {cut} of {bytes} bytes and resumed; {rate:.0} MiB/s");
}

/// Stretches of it, from its first byte to its last, are those of the file.
fn stretches_are_the_file(url: &str, file: &mut File, bytes: u64) {
    for number in 0..=STRETCHES {
        let from = (bytes - STRETCH) / STRETCHES * number;
        let from = if number == STRETCHES { bytes - STRETCH } else { from };
        let range = format!("bytes={from}-{}", from + STRETCH - 1);
        let answer = send("GET", url, &[("range", &range)], "");
        assert_eq!(answer.status, 206);
        file.seek(SeekFrom::Start(from)).expect("a place");
        let mut there = vec![0; STRETCH as usize];
        file.read_exact(&mut there).expect("bytes");
        assert!(answer.body == there, "{range} is not what is in the file");
    }
}

/// Runs a program to its end in a folder; what it printed.
fn run(folder: &Path, program: &str, arguments: &[&str]) -> String {
    let begun = Instant::now();
    let mut command = Command::new(program);
    command.args(arguments).current_dir(folder).stdin(Stdio::null());
    let output = command.output().unwrap_or_else(|error| panic!("{program}: {error}"));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {text}{errors}");
    println!("{program} {}: {:.1} s", arguments[0], begun.elapsed().as_secs_f64());
    text
}

/// Three programs read the whole archive, and its first and last files are what was pushed.
fn programs_accept(folder: &Path, head: &Answer) {
    let digest = run(folder, "sha256sum", &["records.zip"]);
    let tag = head.header("etag").trim_matches('"');
    assert!(digest.starts_with(tag), "{digest} is not {tag}");
    run(folder, "unzip", &["-tqq", "records.zip"]);
    let script = "import zipfile; z = zipfile.ZipFile('records.zip'); \
                  print(z.testzip(), len(z.namelist()))";
    let found = run(folder, "python3", &["-c", script]);
    assert_eq!(found.trim(), format!("None {}", RECORDINGS + 2));
    let text = run(folder, "7zz", &["t", "records.zip"]);
    assert!(text.contains("Everything is Ok"), "{text}");

    run(folder, "unzip", &["-qq", "records.zip", "records.json", "SHA256SUMS"]);
    let records = std::fs::read(folder.join("records.json")).expect("records.json");
    let records: Vec<Value> = serde_json::from_slice(&records).expect("JSON");
    assert_eq!(records.len(), RECORDINGS);
    let name = |record: &Value| record["file_name"].as_str().expect("a name").to_owned();
    // The oldest call is the first that was pushed, the newest the last.
    let few = [(0, 0), (1, 0), (RECORDINGS - 2, DISTINCT - 1), (RECORDINGS - 1, DISTINCT - 1)];
    for (place, number) in few {
        let name = name(&records[place]);
        run(folder, "unzip", &["-qq", "records.zip", &name]);
        assert!(std::fs::read(folder.join(&name)).expect("a file") == noise(number), "{name}");
    }
    let check = ["--check", "--strict", "--ignore-missing", "SHA256SUMS"];
    assert_eq!(run(folder, "sha256sum", &check).lines().count(), few.len() + 1);
}

/// Time goes on by so much for the archive.
fn pass(gateway: &Gateway, time_us: u64) {
    let set = format!("expires_us = expires_us - {time_us}, updated_us = updated_us - {time_us}");
    sql(gateway, &format!("UPDATE bundles SET {set}"));
}

/// The memory of the gateway has not grown much since it was `base`; what it is now.
fn took_little(gateway: &Gateway, what: &str, base: u64) -> u64 {
    let grown = peak(gateway).saturating_sub(base);
    println!("{what} took {} MiB beside the {} MiB before", grown / MIB, base / MIB);
    assert!(grown <= ARCHIVE_MEMORY, "{what}: {grown} bytes more, the limit is {ARCHIVE_MEMORY}");
    forget_peak(gateway)
}

#[test]
fn an_archive_of_5_gib() {
    let relay = SmtpRelay::start(&Orders::default());
    let office = thousand(&relay);
    let gateway = &office.gateway;
    let base = forget_peak(gateway);
    let begun = Instant::now();
    let url = ask(&office, &relay);
    println!("made in {:.1} s", begun.elapsed().as_secs_f64());
    let base = took_little(gateway, "making it", base);
    let head = send("HEAD", &url, &[], "");
    assert_eq!((head.status.as_u16(), head.header("content-type")), (200, "application/zip"));
    assert_eq!((head.header("accept-ranges"), head.body.len()), ("bytes", 0));
    let bytes: u64 = head.header("content-length").parse().expect("a length");
    assert!(bytes > 5 * GIB, "{bytes} bytes");

    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("records.zip");
    download(&url, &path, bytes);
    stretches_are_the_file(&url, &mut File::open(&path).expect("a file"), bytes);
    took_little(gateway, "getting it", base);
    programs_accept(folder.path(), &head);
    drop(folder);

    let stored = python(STORED, gateway, "");
    let [object, key] = [&stored[0], &stored[1]].map(|text| text.as_str().expect("a text"));
    assert_eq!(stored[2], NEARLY_US + REST_US, "twelve hours");
    let file = gateway.data().join("store").join(key);
    assert!(file.metadata().expect("the object").len() > bytes, "{}", file.display());
    pass(gateway, NEARLY_US);
    assert_eq!(send("HEAD", &url, &[], "").status, 200);
    pass(gateway, REST_US);
    assert_problem(&send("GET", &url, &[], ""), 410, "archive_expired");
    wait("the end of the object", || (!file.exists()).then_some(()));
    assert_eq!(basic(object, &gateway.ops()).status, 404);
}
