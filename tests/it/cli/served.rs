//! Commands beside a running gateway, on its data directory.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{failure, json as run_json, names, run};
use crate::gateway::{Gateway, basic, send};

const MONO: &str = "wav_pcm16_8k_mono.wav";

fn found(folder: &Path, suffix: &str) -> Option<PathBuf> {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            if let Some(path) = found(&path, suffix) {
                return Some(path);
            }
        } else if path.to_string_lossy().ends_with(suffix) {
            return Some(path);
        }
    }
    None
}

struct Stored {
    gateway: Gateway,
    folder: TempDir,
    status: Value,
}

impl Stored {
    /// A stored object fetched with its manifest, and the public keys.
    fn new() -> Self {
        let gateway = Gateway::start(&[]);
        let (recording, _) = gateway.push_sample(MONO);
        let status = gateway.settled(&recording);
        let folder = tempfile::tempdir().unwrap();
        let store = gateway.data().join("store");
        let copy = |suffix: &str, name: &str| {
            fs::copy(found(&store, suffix).expect(suffix), folder.path().join(name)).unwrap();
        };
        copy(".p7m", "object.p7m");
        copy("manifest.json", "manifest.json");
        let line = format!("key public --data-dir {}", gateway.data().display());
        let keys = run_json(folder.path(), &line);
        fs::write(folder.path().join("keys.json"), keys.to_string()).unwrap();
        Self { gateway, folder, status }
    }

    fn verify(&self, more: &str) -> Value {
        let line = format!("verify object.p7m --keys keys.json {more}");
        run_json(self.folder.path(), &line)
    }

    fn flip(&self, name: &str, at: impl Fn(usize) -> usize) {
        let path = self.folder.path().join(name);
        let mut bytes = fs::read(&path).unwrap();
        let at = at(bytes.len());
        bytes[at] ^= 1;
        fs::write(path, bytes).unwrap();
    }
}

#[test]
fn a_stored_object_is_verified_by_its_manifest() {
    let stored = Stored::new();
    let served = send("GET", &format!("{}/ingest/v1/receipts/keys", stored.gateway.url), &[], "");
    let keys = fs::read_to_string(stored.folder.path().join("keys.json")).unwrap();
    assert_eq!(served.json(), serde_json::from_str::<Value>(&keys).unwrap());
    let report = stored.verify("");
    assert_eq!(report["recordingId"], stored.status["recordingId"]);
    assert_eq!(report["mediaId"], stored.status["media"][0]["mediaId"]);
    assert_eq!(report["object"], "held");
    assert_eq!(report["spans"], stored.status["media"][0]["spans"]);
    assert!(report["content"].as_str().unwrap().starts_with("not opened"), "{report}");
    let key = stored.gateway.data().join("playback.key.pem");
    let report = stored.verify(&format!("--key {}", key.display()));
    assert_eq!(report["content"], "held");
    fs::rename(stored.folder.path().join("manifest.json"), stored.folder.path().join("m")).unwrap();
    assert_eq!(stored.verify("--manifest m")["object"], "held");
}

#[test]
fn one_flipped_byte_of_an_object_is_found() {
    for at in [|_: usize| 0, |length: usize| length / 2, |length: usize| length - 1] {
        let stored = Stored::new();
        stored.flip("object.p7m", at);
        let line = "verify object.p7m --keys keys.json";
        let error = failure(stored.folder.path(), line);
        assert!(error.contains("differs in the segment at byte"), "{error}");
    }
}

#[test]
fn a_manifest_of_another_hand_is_refused() {
    let stored = Stored::new();
    let line = "verify object.p7m --keys keys.json";
    let other = Gateway::start(&[]);
    let keys = run_json(
        stored.folder.path(),
        &format!("key public --data-dir {}", other.data().display()),
    );
    let right = fs::read(stored.folder.path().join("keys.json")).unwrap();
    fs::write(stored.folder.path().join("keys.json"), keys.to_string()).unwrap();
    assert!(failure(stored.folder.path(), line).contains("signature"));
    fs::write(stored.folder.path().join("keys.json"), right).unwrap();
    stored.flip("manifest.json", |length| length / 2);
    assert!(failure(stored.folder.path(), line).contains("signature"));
}

#[test]
fn url_prints_a_link_that_plays() {
    let gateway = Gateway::start(&[]);
    let (recording, media) = gateway.push_sample(MONO);
    let status = gateway.settled(&recording);
    let folder = tempfile::tempdir().unwrap();
    let address = gateway.url.strip_prefix("http://").unwrap();
    let data = gateway.data();
    let line = format!("url {recording} {media} --data-dir {} --listen {address}", data.display());
    for (line, disposition) in
        [(line.clone(), "inline"), (format!("{line} --download"), "attachment")]
    {
        let link = run_json(folder.path(), &line);
        assert!(link["expires"].is_string(), "{link}");
        let answer = send("GET", link["url"].as_str().unwrap(), &[], "");
        assert_eq!(answer.status, 200);
        assert!(answer.header("content-disposition").starts_with(disposition));
        let digest = reelgate::asset::Digest::of(&answer.body).to_string();
        assert_eq!(status["media"][0]["sha256"], digest);
    }
    let output = run(folder.path(), &super::words(&line));
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(send("GET", text.trim(), &[], "").status, 200);
    let line = format!("url {recording} other.wav --data-dir {}", data.display());
    assert!(failure(folder.path(), &line).contains("no such media"));
}

#[test]
fn rotated_link_keys_sign_after_the_next_start() {
    let mut gateway = Gateway::start(&[]);
    let (recording, _) = gateway.push_sample(MONO);
    let old = gateway.settled(&recording)["media"][0]["playUrl"].as_str().unwrap().to_owned();
    let line = format!("key rotate-links --data-dir {}", gateway.data().display());
    assert_eq!(run_json(gateway.folder.path(), &line)["rotated"], true);
    assert_eq!(gateway.terminate(), Some(0));
    gateway.restart();
    let new = gateway.status(&recording)["media"][0]["playUrl"].as_str().unwrap().to_owned();
    let key = |url: &str| url.split("key=").nth(1).unwrap().split('&').next().unwrap().to_owned();
    assert_ne!(key(&old), key(&new));
    assert_eq!(send("GET", &new, &[], "").status, 200);
    // The old link lives on; only the port is another one now.
    let old = format!("{}{}", gateway.url, &old[old.find("/media/").unwrap()..]);
    assert_eq!(send("GET", &old, &[], "").status, 200);
}

#[test]
fn users_are_added_listed_and_removed_while_the_gateway_runs() {
    let gateway = Gateway::start(&[]);
    let folder = tempfile::tempdir().unwrap();
    let user = format!("user --data-dir {}", gateway.data().display());
    let url = format!("{}/ingest/v1/recordings/unknown", gateway.url);
    let line = format!("{user} add gw01 --permission ingest.write --permission ingest.read");
    let added = run_json(folder.path(), &line);
    assert_eq!(added["name"], "gw01");
    let token = format!("Bearer {}", added["token"].as_str().unwrap());
    assert_eq!(send("GET", &url, &[("authorization", &token)], "").status, 404);

    let line = format!(
        "{user} add ops --credential password --kind application --permission records.insert"
    );
    let password = run_json(folder.path(), &line)["password"].as_str().unwrap().to_owned();
    let me = format!("{}/api/v2/me", gateway.url);
    assert_eq!(basic(&me, &format!("ops:{password}")).status, 200);
    assert_eq!(basic(&me, "ops:other").status, 401);

    let list = run_json(folder.path(), &format!("{user} list"));
    let users = list["users"].as_array().unwrap();
    let gw01 = users.iter().find(|user| user["name"] == "gw01").expect("gw01");
    let mut permissions: Vec<&str> =
        gw01["permissions"].as_array().unwrap().iter().map(|p| p.as_str().unwrap()).collect();
    permissions.sort_unstable();
    assert_eq!(permissions, ["ingest.read", "ingest.write"]);
    assert_eq!((&gw01["kind"], &gw01["disabled"]), (&json!("appliance"), &json!(false)));
    assert!(users.iter().any(|user| user["name"] == "ops"));
    assert!(!list.to_string().contains(&password));

    assert_eq!(run_json(folder.path(), &format!("{user} remove gw01"))["removed"], "gw01");
    assert_eq!(send("GET", &url, &[("authorization", &token)], "").status, 401);
    assert!(failure(folder.path(), &format!("{user} remove gw01")).contains("gw01"));
    for wrong in ["add a:b --permission admin", "add x --permission fly"] {
        assert!(!failure(folder.path(), &format!("{user} {wrong}")).is_empty());
    }
}

#[test]
fn options_of_user_may_stand_behind_its_action() {
    let gateway = Gateway::start(&[]);
    let data = gateway.data();
    let line = format!("user add gw02 --permission ingest.read --data-dir {}", data.display());
    assert_eq!(run_json(gateway.folder.path(), &line)["name"], "gw02");
}

#[test]
fn doctor_finds_a_running_gateway_well_and_changes_nothing() {
    let gateway = Gateway::start(&[]);
    gateway.push_sample(MONO);
    let line = format!("doctor --data-dir {}", gateway.data().display());
    let report = run_json(gateway.folder.path(), &line);
    assert_eq!(report["ok"], true, "{report}");
    let checks = report["checks"].as_array().unwrap();
    assert!(checks.len() >= 5 && checks.iter().all(|check| check["ok"] == true), "{report}");
    let empty = tempfile::tempdir().unwrap();
    assert_eq!(run_json(empty.path(), "doctor --data-dir new")["ok"], true);
    assert_eq!(names(empty.path()), Vec::<String>::new());
    assert!(!gateway.log().contains("panicked"));
}
