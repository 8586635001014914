//! What operators see: health, metrics, secrets, the end of the process.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::MONO;
use crate::gateway::{Gateway, basic, sample, send};

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).expect("a file").permissions().mode() & 0o777
}

#[test]
fn health_and_readiness_need_no_credentials() {
    let gateway = Gateway::start(&[]);
    let answer = send("GET", &format!("{}/healthz", gateway.url), &[], "");
    assert_eq!((answer.status.as_u16(), answer.json()["status"].as_str()), (200, Some("ok")));
    let answer = send("GET", &format!("{}/readyz", gateway.url), &[], "");
    assert_eq!(answer.status, 200);
    for name in ["status", "catalog", "spool"] {
        assert_eq!(answer.json()[name], "ok");
    }
}

#[test]
fn a_gateway_without_room_is_healthy_and_not_ready() {
    let gateway = Gateway::start(&[("INGEST__RESERVE_BYTES", "9000000000000000000")]);
    let answer = send("GET", &format!("{}/readyz", gateway.url), &[], "");
    assert_eq!(answer.status, 503);
    assert_eq!(answer.json()["spool"], "failing");
    assert_eq!(send("GET", &format!("{}/healthz", gateway.url), &[], "").status, 200);
}

#[test]
fn metrics_and_log_hold_no_secret() {
    let gateway = Gateway::start(&[("OBSERVE__LOG", "debug")]);
    let (recording, _) = gateway.push_sample(MONO);
    let status = gateway.settled(&recording);
    gateway.delivered(&recording, "delivered");
    let link = status["media"][0]["playUrl"].as_str().unwrap();
    assert_eq!(send("GET", link, &[], "").status, 200);
    assert_eq!(send("GET", &format!("{link}x"), &[], "").status, 403);
    let ops = gateway.ops();
    basic(&format!("{}/api/v2/me", gateway.url), &ops);
    basic(&format!("{}/api/v2/me", gateway.url), &format!("{ops}-wrong"));
    let wrong = "Bearer a-wrong-token-of-somebody";
    let url = format!("{}/ingest/v1/recordings/{recording}", gateway.url);
    assert_eq!(send("GET", &url, &[("authorization", wrong)], "").status, 401);

    let metrics = send("GET", &format!("{}/metrics", gateway.url), &[], "");
    assert_eq!(metrics.status, 200);
    assert!(metrics.header("content-type").starts_with("text/plain"));
    let metrics = String::from_utf8(metrics.body).unwrap();
    for name in [
        "reelgate_http_requests_total",
        "reelgate_uploads_total",
        "reelgate_upload_bytes_total",
        "reelgate_assets_total",
        "reelgate_deliveries_total",
        "reelgate_media",
    ] {
        assert!(metrics.contains(name), "{name} is not in {metrics}");
    }
    let token = gateway.token();
    let signature = link.split("signature=").nth(1).unwrap();
    let secrets = [
        ("token", token.trim_start_matches("Bearer ")),
        ("password", ops.split_once(':').unwrap().1),
        ("signature", signature),
        ("wrong token", "a-wrong-token-of-somebody"),
        ("private key", "PRIVATE KEY"),
    ];
    let log = gateway.log();
    for (what, secret) in secrets {
        assert!(!metrics.contains(secret), "/metrics shows a {what}");
        let line = log.lines().find(|line| line.contains(secret));
        assert!(line.is_none(), "the log shows a {what}: {line:?}");
    }
}

#[test]
fn secrets_are_for_their_owner() {
    let gateway = Gateway::start(&[]);
    let data = gateway.data();
    assert_eq!(mode(&data), 0o700);
    assert_eq!(mode(&data.join("spool")), 0o700);
    for name in ["operator.token", "ops.credentials", "node.key", "link.keys", "signing.key"] {
        assert_eq!(mode(&data.join(name)), 0o600, "{name}");
    }
    assert_eq!(mode(&data.join("playback.key.pem")), 0o600);
}

#[test]
fn sigterm_drains_and_ends_with_zero() {
    let mut gateway = Gateway::start(&[]);
    let (recording, media) = gateway.push_sample(MONO);
    assert_eq!(gateway.terminate(), Some(0));
    assert!(gateway.log().contains("drains"));
    // What was acknowledged is carried on after the next start.
    gateway.restart();
    assert_eq!(gateway.settled(&recording)["state"], "ready");
    assert_eq!(gateway.push(&recording, &media, sample(MONO)).status, 200);
}
