//! Deletion on request, and holds.

use std::process::Command;

use serde_json::{Value, json};

use super::{delete, emptied, hold, keeper, request, sql, stored};
use crate::gateway::{Gateway, send, wait};
use crate::playback_api::{ask, ask_until_ready, call, one_call, push_call, sign_in};

const PLAY: &str = "/media-playback/v1/segments/segment-";

#[test]
fn what_is_deleted_is_gone_everywhere() {
    let (gateway, token) = one_call(&[("SEAL__MODE", "cms")]);
    let keeper = keeper(&gateway);
    let id = gateway.delivered("one", "delivered")["recordingId"].clone();
    assert_eq!(id, "one");
    let answer = ask_until_ready(&gateway, &token, &format!("{PLAY}one"));
    let rendition = answer.json()["interactions"][0]["data"]["fileToPlayUrl"].clone();
    let rendition = rendition.as_str().unwrap();
    assert_eq!(send("GET", rendition, &[], "").status, 200);
    let status = gateway.status("one");
    let own = status["media"][0]["playUrl"].as_str().unwrap().to_owned();
    assert_eq!(send("GET", &own, &[], "").status, 200);
    // The media file, its manifest, its rendition.
    assert_eq!(stored(&gateway).len(), 3, "{:?}", stored(&gateway));

    assert_eq!(delete(&gateway, &token, "one").status, 403);
    assert_eq!(delete(&gateway, &keeper, "nobody").status, 404);
    let answer = delete(&gateway, &keeper, "one");
    assert_eq!((answer.status.as_u16(), answer.body.len()), (204, 0));
    assert_eq!(delete(&gateway, &keeper, "one").status, 404);
    for link in [&own, rendition] {
        let status = send("GET", link, &[], "").status.as_u16();
        assert!(matches!(status, 403 | 404 | 410), "{link} {status}");
    }
    emptied(&gateway);

    // Whoever looks finds nothing, and no request fails.
    for (who, path) in [
        (&token, format!("{PLAY}one")),
        (&token, "/media-playback/v1/contacts?acd-call-id=acd-one".to_owned()),
        (&gateway.token(), "/admin/v1/recordings/one".to_owned()),
        (&gateway.token(), "/ingest/v1/recordings/one".to_owned()),
        (&keeper, "/admin/v1/recordings/one/hold".to_owned()),
    ] {
        let answer = ask(&gateway, who, &path);
        assert_eq!(answer.status, 404, "{path} {}", String::from_utf8_lossy(&answer.body));
    }
    let found = ask(&gateway, &gateway.token(), "/admin/v1/recordings").json();
    assert_eq!(found["recordings"], json!([]));
    let again = gateway.declare(&call("one"));
    assert_eq!((again.status.as_u16(), again.code().as_str()), (409, "recording_deleted"));
    let pushed = gateway.push("one", "one.wav", "RIFF");
    assert_eq!(pushed.status, 404, "{}", String::from_utf8_lossy(&pushed.body));
    let masks = json!([{ "time": "2026-03-04T09:15:05Z", "type": "paused" }]).to_string();
    let masked = gateway.call("POST", "/ingest/v1/recordings/one/masks", masks);
    assert!(masked.status.is_client_error(), "{}", masked.status);

    // Nor is anything about a person left in any row.
    let all = dump(&gateway);
    for word in ["15550100", "15550199", "Kim: Lee", "Kim- Lee", "vip", "refund"] {
        assert!(!all.contains(word), "{word} is left: {}", around(&all, word));
    }
    let told =
        sql(&gateway, "SELECT actor, subject, detail FROM audit WHERE action='record.delete'");
    assert_eq!((told[0][0].as_str(), told[1].is_null()), (Some("keeper"), true), "{told}");
    assert_eq!(told[0][1], status["media"][0]["assetId"]);
    let metrics = send("GET", &format!("{}/metrics", gateway.url), &[], "");
    let metrics = String::from_utf8(metrics.body).unwrap();
    assert!(metrics.contains("reelgate_removals{state=\"waiting\"} 0"), "{metrics}");
    assert!(metrics.contains("reelgate_media{state=\"erased\"} 1"), "{metrics}");
}

/// Every row of every table.
fn dump(gateway: &Gateway) -> String {
    let script = "import sqlite3,sys\n\
        c=sqlite3.connect(sys.argv[1],timeout=20)\n\
        for (t,) in c.execute(\"SELECT name FROM sqlite_master WHERE type='table'\").fetchall():\n\
        \x20for row in c.execute(f'SELECT * FROM {t}'): print(t, row)";
    let mut python = Command::new("python3");
    python.args(["-c", script]).arg(gateway.data().join("catalog.sqlite"));
    let output = python.output().expect("python3");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn around(text: &str, word: &str) -> String {
    text.lines().filter(|line| line.contains(word)).collect::<Vec<_>>().join("\n")
}

#[test]
fn what_is_on_hold_is_not_deleted() {
    let (gateway, token) = one_call(&[]);
    let keeper = keeper(&gateway);
    gateway.settled("one");
    assert_eq!(hold(&gateway, &keeper, "nobody").status, 404);
    assert_eq!(hold(&gateway, &token, "one").status, 403);
    let answer = hold(&gateway, &keeper, "one");
    assert_eq!(answer.status, 200, "{}", answer.json());
    assert_eq!(answer.json()["hold"]["reason"], "case 7");
    let answer = delete(&gateway, &keeper, "one");
    assert_eq!((answer.status.as_u16(), &answer.json()["internalCode"]), (409, &json!("ON_HOLD")));
    assert_eq!(ask_until_ready(&gateway, &token, &format!("{PLAY}one")).status, 200);
    let shown = ask(&gateway, &gateway.token(), "/admin/v1/recordings/one").json();
    assert_eq!(
        (&shown["hold"]["by"], &shown["hold"]["reason"]),
        (&json!("keeper"), &json!("case 7"))
    );
    let shown = request(&gateway, &keeper, "GET", "one/hold", &Value::Null).json();
    assert!(shown["hold"]["since"].as_str().unwrap().ends_with('Z'), "{shown}");
    for (body, word) in [
        (json!({}), "reason"),
        (json!({ "reason": " " }), "reason"),
        (json!({ "reason": "a\u{1}" }), "reason"),
        (json!({ "reason": "x".repeat(501) }), "500"),
        (json!({ "reason": "a", "until": "later" }), "until"),
    ] {
        let answer = request(&gateway, &keeper, "PUT", "one/hold", &body);
        assert_eq!(answer.status, 400, "{body}");
        assert!(answer.json()["message"].as_str().unwrap().contains(word), "{}", answer.json());
    }
    for _ in 0..2 {
        assert_eq!(request(&gateway, &keeper, "DELETE", "one/hold", &Value::Null).status, 204);
    }
    let shown = request(&gateway, &keeper, "GET", "one/hold", &Value::Null).json();
    assert_eq!(shown, json!({ "recordingId": "one", "hold": null }));
    assert_eq!(delete(&gateway, &keeper, "one").status, 204);
    emptied(&gateway);
}

#[test]
fn a_removal_survives_a_kill_and_a_store_that_is_away() {
    let mut apache = crate::peers::Apache::start();
    let password = apache.root.parent().unwrap().join("password");
    std::fs::write(&password, apache.password).unwrap();
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(&password, std::fs::Permissions::from_mode(0o600)).unwrap();
    let mut gateway = crate::playback_api::start(&[
        ("STORE__URL", &apache.url),
        ("STORE__USERNAME", apache.user),
        ("STORE__PASSWORD_FILE", password.to_str().unwrap()),
        ("STORE__RETRIES", "0"),
    ]);
    let keeper = keeper(&gateway);
    push_call(&gateway, "one");
    gateway.settled("one");
    let token = sign_in(&gateway, "default", "listener", &["play.any"]);
    ask_until_ready(&gateway, &token, &format!("{PLAY}one"));
    apache.stop();
    assert_eq!(delete(&gateway, &keeper, "one").status, 204);
    wait("a removal that waits", || gateway.log().contains("a removal waits").then_some(()));
    gateway.kill();
    assert!(!super::files(&apache.root).is_empty());
    apache.restart();
    gateway.restart();
    wait("an empty store", || super::files(&apache.root).is_empty().then_some(()));
    wait("no removal", || {
        (sql(&gateway, "SELECT COUNT(*) FROM removals") == json!([[0]])).then_some(())
    });
}

#[test]
fn a_zip_file_that_holds_it_is_void() {
    let (gateway, token) = one_call(&[]);
    push_call(&gateway, "two");
    let keeper = keeper(&gateway);
    let headers = [("authorization", token.as_str()), ("content-type", "application/json")];
    let url = format!("{}/media-download/v1/contacts", gateway.url);
    let body = json!({ "entityIds": ["acd-one", "acd-two"] }).to_string();
    let asked = send("POST", &url, &headers, body).json();
    let status = format!("/media-download/v1/status/{}", asked["requestId"].as_str().unwrap());
    let done = wait("a ZIP file", || {
        let shown = ask(&gateway, &token, &status).json();
        (shown["status"] == "COMPLETED").then_some(shown)
    });
    let link = done["downloadLocation"].as_str().unwrap();
    assert_eq!(send("GET", link, &[], "").status, 200);
    assert_eq!(delete(&gateway, &keeper, "one").status, 204);
    let answer = send("GET", link, &[], "");
    assert!(matches!(answer.status.as_u16(), 403 | 404 | 410), "{}", answer.status);
    let shown = ask(&gateway, &token, &status).json();
    assert_ne!(shown["status"], "COMPLETED", "{shown}");
    wait("the removal of the ZIP file", || {
        let left = stored(&gateway);
        let zip = left.iter().any(|path| path.to_string_lossy().contains("bundles"));
        (!zip && left.len() == 3).then_some(())
    });
    assert_eq!(ask_until_ready(&gateway, &token, &format!("{PLAY}two")).status, 200);
}

#[test]
fn what_is_on_its_way_is_not_deleted_half() {
    let gateway = Gateway::start(&[("MASK__WAIT_S", "600")]);
    let keeper = keeper(&gateway);
    let mut document = call("one");
    document["reelgate"]["masksComplete"] = json!(false);
    assert_eq!(gateway.declare(&document).status, 201);
    assert_eq!(hold(&gateway, &keeper, "one").status, 200);
    assert_eq!(request(&gateway, &keeper, "DELETE", "one/hold", &Value::Null).status, 204);
    // Of a declaration nothing is stored, but it is known.
    assert_eq!(delete(&gateway, &keeper, "one").status, 204);
    assert_eq!(ask(&gateway, &gateway.token(), "/admin/v1/recordings/one").status, 404);
    let mut document = call("two");
    document["reelgate"]["masksComplete"] = json!(false);
    assert_eq!(gateway.declare(&document).status, 201);
    let pushed = gateway.push("two", "two.wav", crate::gateway::sample("wav_pcm16_8k_stereo.wav"));
    assert_eq!(pushed.status, 201, "{}", String::from_utf8_lossy(&pushed.body));
    let answer = delete(&gateway, &keeper, "two");
    assert_eq!(answer.json()["internalCode"], "IN_PROGRESS", "{}", answer.json());
}
