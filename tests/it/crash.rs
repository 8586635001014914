//! Promise 1: no acknowledged recording is ever lost, and none is inserted twice.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value;

use crate::delivery::gateway_to;
use crate::gateway::{Gateway, document, ids, sample, try_send, wait};
use crate::peers::rws::{Rws, Script};

/// How often the gateway is killed.
const KILLS: u32 = 100;
/// Longest time between a start and its kill, in milliseconds.
const LONGEST_LIFE_MS: u64 = 120;

/// A small generator with a printed seed (xorshift64).
struct Random(u64);

impl Random {
    fn seeded() -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock");
        let seed = u64::from(now.subsec_nanos()) | 1;
        println!("seed {seed}");
        Self(seed)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

/// One document of its own for each upload.
fn numbered(number: u32) -> Value {
    let mut document = document("wav_rf64_pcm16");
    document["id"] = format!("crash-{number:04}").into();
    document["mediaFiles"][0]["mediaId"] = format!("crash-{number:04}.wav").into();
    document
}

/// Pushes recordings until the gateway is gone; the numbers that were acknowledged.
fn push_until_gone(
    url: &str,
    token: &str,
    numbers: &mut impl Iterator<Item = u32>,
    gone: &AtomicBool,
) -> Vec<u32> {
    let body = sample("wav_rf64_pcm16.wav");
    let mut acknowledged = Vec::new();
    while !gone.load(Ordering::Relaxed) {
        let Some(number) = numbers.next() else { break };
        let document = numbered(number);
        let (recording, media) = ids(&document);
        let headers = [("authorization", token)];
        let base = format!("{url}/ingest/v1/recordings/{recording}");
        let declared = try_send("PUT", &base, &headers, document.to_string());
        if declared.is_none_or(|answer| !answer.status.is_success()) {
            break;
        }
        match try_send("PUT", &format!("{base}/media/{media}"), &headers, body.clone()) {
            Some(answer) if answer.status.is_success() => acknowledged.push(number),
            _ => break,
        }
    }
    acknowledged
}

/// One life: uploads run, and after `life` the gateway is killed.
fn one_life(gateway: &mut Gateway, first: u32, life: Duration) -> Vec<u32> {
    let (url, token) = (gateway.url.clone(), gateway.token());
    let gone = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let uploads: Vec<_> = [0, 50]
            .into_iter()
            .map(|offset| {
                let (url, token, gone) = (&url, &token, &gone);
                let mut numbers = first + offset..first + offset + 50;
                scope.spawn(move || push_until_gone(url, token, &mut numbers, gone))
            })
            .collect();
        // The moment of the kill is what is random here: there is no condition to wait for.
        std::thread::sleep(life);
        gateway.kill();
        gone.store(true, Ordering::Relaxed);
        uploads.into_iter().flat_map(|upload| upload.join().expect("an uploader")).collect()
    })
}

#[test]
fn a_hundred_kills_lose_no_acknowledged_recording_and_insert_none_twice() {
    let rws = Rws::start(Script::default());
    let (mut gateway, _folder) =
        gateway_to(&rws, &[("PIPELINE__RETRY_FIRST_MS", "20"), ("OBSERVE__LOG", "warn")]);
    let mut random = Random::seeded();
    let mut acknowledged = Vec::new();
    for life in 0..KILLS {
        let length = Duration::from_millis(random.below(LONGEST_LIFE_MS));
        acknowledged.extend(one_life(&mut gateway, life * 100, length));
        gateway.restart();
    }
    let expected = acknowledged.len();
    assert!(expected > 20, "only {expected} uploads were acknowledged: nothing was tested");
    for number in &acknowledged {
        let status = gateway.delivered(&format!("crash-{number:04}"), "delivered");
        assert_eq!(status["state"], "ready", "{status}");
    }
    let records: BTreeMap<_, _> = rws.records();
    let twice = records.values().filter(|stored| stored.inserts != 1).count();
    println!(
        "{KILLS} kills, {expected} recordings acknowledged, {} records inserted, {twice} twice",
        records.len()
    );
    assert_eq!(twice, 0, "a record was inserted twice");
    for number in &acknowledged {
        assert!(records.contains_key(&format!("crash-{number:04}")), "{number} is lost");
    }
    // Every acknowledged recording can be heard, whole.
    for number in &acknowledged {
        let status = gateway.status(&format!("crash-{number:04}"));
        let media = &status["media"][0];
        let url = media["playUrl"].as_str().expect("a link");
        let heard = crate::gateway::send("GET", url, &[], "").body;
        let digest = reelgate::asset::Digest::of(&heard).to_string();
        assert_eq!(media["sha256"], digest);
    }
    wait("an empty spool", || {
        let left = std::fs::read_dir(gateway.data().join("spool")).unwrap().count();
        (left == 0).then_some(())
    });
}

/// A recording that waits in the spool for masks.
fn waiting(gateway: &Gateway) -> String {
    let mut document = numbered(1);
    document["reelgate"]["masksComplete"] = false.into();
    let (recording, media) = ids(&document);
    assert!(gateway.declare(&document).status.is_success());
    let answer = gateway.push(&recording, &media, sample("wav_rf64_pcm16.wav"));
    assert_eq!(answer.status, 201);
    recording
}

#[test]
fn a_wrong_catalogue_does_not_cost_the_spool() {
    let mut gateway = Gateway::start(&[]);
    let recording = waiting(&gateway);
    gateway.kill();
    let elsewhere = gateway.folder.path().join("elsewhere.sqlite");
    gateway.set("CATALOG__URL", &format!("sqlite:{}", elsewhere.display()));
    gateway.restart();
    gateway.kill();
    let right = gateway.data().join("catalog.sqlite");
    gateway.set("CATALOG__URL", &format!("sqlite:{}", right.display()));
    gateway.restart();
    // The wrong catalogue made an operator of its own: that token is not known here.
    let token = crate::gateway::run_user_add(&gateway, "second");
    let headers = [("authorization", token.as_str())];
    let url = format!("{}/ingest/v1/recordings/{recording}", gateway.url);
    let answer = crate::gateway::send("POST", &format!("{url}/complete"), &headers, "");
    assert_eq!(answer.status, 200);
    wait("a ready recording", || {
        let status = crate::gateway::send("GET", &url, &headers, "").json();
        (status["state"] == "ready").then_some(())
    });
}

#[test]
fn a_lost_node_key_stops_the_start_while_the_spool_is_in_use() {
    let mut gateway = Gateway::start(&[]);
    waiting(&gateway);
    gateway.kill();
    let (key, aside) = (gateway.data().join("node.key"), gateway.folder.path().join("aside"));
    std::fs::rename(&key, &aside).unwrap();
    let output = std::process::Command::new(crate::gateway::PROGRAM)
        .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
        .arg(gateway.data())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("node.key"));
    assert!(!key.exists(), "another key was made");
    std::fs::rename(&aside, &key).unwrap();
    gateway.restart();
}
