//! Links: taken back, altered, and what the audit trail says of them.

use serde_json::{Value, json};

use super::{API, ask, ask_until_ready, cli, one_call, sign_in};
use crate::gateway::{Gateway, send, wait};

fn play_url(gateway: &Gateway, token: &str) -> String {
    let answer = ask_until_ready(gateway, token, &format!("{API}/segments/segment-one")).json();
    answer["interactions"][0]["data"]["fileToPlayUrl"].as_str().expect("a link").to_owned()
}

fn code(url: &str) -> (u16, Value) {
    let answer = send("GET", url, &[], "");
    let status = answer.status.as_u16();
    (status, if status == 200 { Value::Null } else { answer.json()["internalCode"].clone() })
}

#[test]
fn links_are_taken_back_by_recording_by_asset_and_all_at_once() {
    let (gateway, token) = one_call(&[]);
    let keeper = sign_in(&gateway, "default", "keeper", &["links.manage"]);
    let url = format!("{}{API}/revocations", gateway.url);
    let revoke = |body: Value| {
        send("POST", &url, &[("authorization", &keeper)], body.to_string()).status.as_u16()
    };
    let asset = |link: &str| link.split("/media/v1/").nth(1).unwrap()[..36].to_owned();
    for subject in ["recordingId", "assetId", "all"] {
        let old = play_url(&gateway, &token);
        assert_eq!(code(&old), (200, Value::Null), "{subject}");
        let body = match subject {
            "recordingId" => json!({ "recordingId": "one" }),
            "assetId" => json!({ "assetId": asset(&old) }),
            _ => json!({ "all": true }),
        };
        assert_eq!(revoke(body), 200);
        assert_eq!(code(&old), (403, json!("LINK_REVOKED")), "{subject}");
        // A new one is good as soon as its second is another one.
        wait("a good link", || (code(&play_url(&gateway, &token)).0 == 200).then_some(()));
        assert_eq!(code(&old).0, 403);
    }
    for body in [json!({}), json!({ "all": false }), json!({ "all": true, "recordingId": "one" })] {
        assert_eq!(revoke(body), 400);
    }
    assert_eq!(revoke(json!({ "recordingId": "nobody" })), 404);
    assert_eq!(revoke(json!({ "assetId": "nobody" })), 400);
    let refused = send("POST", &url, &[("authorization", &token)], r#"{"all":true}"#);
    assert_eq!(refused.status, 403);
}

#[test]
fn every_changed_character_of_a_renditions_link_is_refused() {
    let (gateway, token) = one_call(&[]);
    let url = play_url(&gateway, &token);
    let start = url.find("/media/").unwrap();
    for at in start + 1..url.len() {
        let new = if url.as_bytes()[at] == b'x' { "y" } else { "x" };
        let mut altered = url.clone();
        altered.replace_range(at..=at, new);
        assert_eq!(code(&altered).0, 403, "{altered}");
    }
    let (path, query) = url.split_once('?').unwrap();
    let mut parts: Vec<&str> = query.split('&').collect();
    parts.swap(0, 1);
    for altered in [
        format!("{path}?{}", parts.join("&")),
        format!("{url}&mode=attachment"),
        format!("{path}?mode=inline&{query}"),
        url.replace("mode=inline", "mode=%69nline"),
        url.replace("/media/v1/", "/media/v1//"),
    ] {
        assert_eq!(code(&altered).0, 403, "{altered}");
    }
    assert_eq!(code(&url).0, 200);
}

#[test]
fn the_audit_trail_knows_who_got_a_link_and_what_was_heard() {
    let (mut gateway, token) = one_call(&[]);
    let url = play_url(&gateway, &token);
    let whole = send("GET", &url, &[], "").body.len();
    for range in ["bytes=0-99", "bytes=50-199", "bytes=1000-1099"] {
        assert_eq!(send("GET", &url, &[("range", range)], "").status, 206);
    }
    assert_eq!(send("HEAD", &url, &[], "").status, 200);
    // What waits is written when the gateway ends.
    gateway.terminate();
    let tag = &url.rsplit_once("&signature=").unwrap().1[..12];
    let rows = audit(&gateway);
    let link = rows.iter().find(|row| row["action"] == "play.link").expect("a link");
    assert_eq!((&link["actor"], &link["subject"]), (&json!("listener"), &json!("acd-one")));
    assert!(link["detail"].as_str().unwrap().contains(tag));
    let heard: Vec<Value> = rows
        .iter()
        .filter(|row| row["action"] == "play.deliver")
        .map(|row| serde_json::from_str(row["detail"].as_str().unwrap()).unwrap())
        .collect();
    let [heard] = heard.as_slice() else { panic!("{rows:?}") };
    assert_eq!((&heard["link"], &heard["address"]), (&json!(tag), &json!("127.0.0.1")));
    assert_eq!(heard["requests"], 4);
    assert_eq!(heard["bytes"], whole + 100 + 150 + 100);
    assert_eq!(heard["stretches"], json!([[0, whole]]));
    assert_eq!(heard["seconds"], json!([[0.0, 12.0]]));
    // The chain holds.
    cli(&gateway, &["audit", "verify"]);
}

/// All rows of the audit trail, read beside the gateway.
fn audit(gateway: &Gateway) -> Vec<Value> {
    use reelgate::asset::TenantId;
    use reelgate::catalog::Catalog;

    let url = Catalog::sqlite_url(&gateway.data().join("catalog.sqlite"));
    crate::gateway::block_on(async {
        let catalog = Catalog::open(&url).await.unwrap();
        let tenant = TenantId::parse("default").unwrap();
        let rows = catalog.audit_page(&tenant, 1, 1000).await.unwrap();
        catalog.close().await;
        rows.iter().map(|row| serde_json::to_value(row).unwrap()).collect()
    })
}

#[test]
fn nothing_secret_is_in_the_log() {
    let (gateway, token) = one_call(&[]);
    let url = play_url(&gateway, &token);
    send("GET", &url, &[], "");
    let signature = url.rsplit_once("&signature=").unwrap().1;
    assert_eq!(ask(&gateway, &token, &format!("{API}/segments/nobody")).status, 404);
    let log = gateway.log();
    assert!(!log.contains(signature), "a link's signature is in the log");
    assert!(!log.contains(token.trim_start_matches("Bearer ")), "a token is in the log");
}
