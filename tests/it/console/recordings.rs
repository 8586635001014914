//! The page of one recording.

use serde_json::json;

use super::{declare, document, get, push, quarantine};
use crate::delivery::site_recipient;
use crate::gateway::{Gateway, wait};

#[test]
fn a_recording_shows_all_that_became_of_it_and_no_secret() {
    let site = tempfile::tempdir().unwrap();
    let recipients = format!("[{:?}]", site_recipient(site.path()));
    let gateway = Gateway::start(&[("SEAL__MODE", "gir"), ("SEAL__RECIPIENTS", &recipients)]);
    let mut given = document("one", 0);
    given["mediaFiles"][0]["masks"] = json!([
        {"time": "2026-03-04T09:00:04Z", "type": "paused"},
        {"time": "2026-03-04T09:00:06Z", "type": "resume"},
    ]);
    given["reelgate"] = json!({
        "agent": {"userId": "user-7", "name": "<img src=x onerror=alert(1)>"},
        "messages": [{"participantType": "AGENT", "text": "my card is 4111",
            "timeStamp": "2026-03-04T09:00:01Z"}],
    });
    declare(&gateway, &given);
    push(&gateway, "one");
    gateway.delivered("one", "delivered");
    let found = wait("a rendition", || {
        let found = get(&gateway, "/recordings/one");
        (found["renditions"][0]["state"] == "ready").then_some(found)
    });
    let status = gateway.status("one");
    let (file, told) = (&found["media"][0], &status["media"][0]);
    assert_eq!(file["state"], "ready");
    let stages: Vec<&str> = file["stages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|stage| stage["state"].as_str().unwrap())
        .collect();
    assert_eq!(stages, ["receiving", "spooled", "committing", "ready"]);
    assert_eq!(file["receipt"], told["upload"]);
    assert_eq!(
        (&file["content"]["sha256"], &file["content"]["bytes"], &file["stored"]["url"]),
        (&told["sha256"], &told["bytes"], &told["stored"])
    );
    assert_eq!((&file["seal"]["mode"], &file["seal"]["playback"]), (&json!("gir"), &json!(true)));
    assert_eq!(file["certificate"]["silencedCount"], 1);
    assert_eq!((&file["certificate"]["recheckHeld"], &file["job"]), (&json!(true), &json!(null)));
    assert_eq!(found["deliveries"][0]["tries"][0]["outcome"], "delivered");
    assert_eq!(
        (&found["summary"]["messages"], &found["summary"]["region"]),
        (&json!(1), &json!("north"))
    );
    assert_eq!(found["agent"]["name"], "<img src=x onerror=alert(1)>");
    // Envelopes, receipts as they were signed, links and what was said stay where they are.
    let text = found.to_string();
    for secret in ["BEGIN PKCS7", "BEGIN CMS", "signature=", "4111", "eyJ"] {
        assert!(!text.contains(secret), "{secret} is told");
    }
}

#[test]
fn work_that_failed_says_why() {
    let gateway = Gateway::start(&[("STORE__URL", "http://127.0.0.1:9/none/")]);
    declare(&gateway, &document("one", 0));
    push(&gateway, "one");
    let job = wait("a failure", || {
        let job = get(&gateway, "/recordings/one")["media"][0]["job"].clone();
        job["lastError"].is_string().then_some(job)
    });
    assert!(job["attempts"].as_u64().unwrap() >= 1 && job["nextTime"].is_string(), "{job}");
    assert!(job["lastError"].as_str().unwrap().contains("store"), "{job}");
    let health = get(&gateway, "/health");
    assert_eq!(health["jobs"]["failed"], 1, "{health}");
    quarantine(&gateway, "held");
    let held = get(&gateway, "/recordings/held");
    assert_eq!(held["media"][0]["reason"], "mask_needs_zone");
    assert!(held["media"][0]["detail"].is_string());
}
