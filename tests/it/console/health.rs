//! Health tells of what is away.

use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::json;

use super::get;
use crate::gateway::Gateway;

#[test]
fn a_sound_gateway_says_so() {
    let gateway = Gateway::start(&[]);
    let health = get(&gateway, "/health");
    assert_eq!(health["state"], "ok", "{health}");
    for part in ["catalog", "spool", "store", "certificates", "playbackKey", "linkKeys", "jobs"] {
        assert_eq!(health[part]["state"], "ok", "{part}: {health}");
    }
    assert_eq!((&health["spool"]["files"], &health["linkKeys"]["count"]), (&json!(0), &json!(1)));
    assert!(health["spool"]["freeBytes"].as_u64().unwrap() > 0);
    assert_eq!(health["playbackKey"]["present"], true);
    let own = &health["certificates"]["list"][0];
    assert_eq!(own["role"], "playback");
    assert!(own["daysLeft"].as_i64().unwrap() > 365, "{own}");
    assert_eq!(health["version"], env!("CARGO_PKG_VERSION"));
    for probe in ["/healthz", "/readyz", "/metrics"] {
        assert_eq!(gateway.call("GET", probe, "").status, 200, "{probe}");
    }
}

#[test]
fn a_store_that_is_away_or_silent_is_told_of_soon() {
    // Nobody listens there.
    let gateway = Gateway::start(&[("STORE__URL", "http://127.0.0.1:9/none/")]);
    let health = get(&gateway, "/health");
    assert_eq!(
        (&health["state"], &health["store"]["state"]),
        (&json!("failing"), &json!("failing"))
    );
    assert!(health["store"]["error"].is_string(), "{health}");
    assert_eq!(health["catalog"]["state"], "ok");
    // Somebody listens, and never answers.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", silent.local_addr().unwrap());
    let gateway = Gateway::start(&[("STORE__URL", &url)]);
    let begun = Instant::now();
    let health = get(&gateway, "/health");
    assert_eq!(health["store"]["state"], "failing");
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
}

#[test]
fn a_certificate_that_ends_soon_is_warned_about() {
    let folder = tempfile::tempdir().unwrap();
    let line = "req -x509 -newkey rsa:2048 -nodes -keyout site.key -out site.pem -days 10 -subj";
    let made = Command::new("openssl")
        .current_dir(folder.path())
        .args(line.split(' '))
        .arg("/CN=site")
        .output()
        .expect("openssl");
    assert!(made.status.success());
    let recipients = format!("[{:?}]", folder.path().join("site.pem"));
    let gateway = Gateway::start(&[("SEAL__RECIPIENTS", &recipients)]);
    let health = get(&gateway, "/health");
    let list = health["certificates"]["list"].as_array().unwrap();
    assert_eq!((&list[0]["role"], &list[0]["issuer"]), (&json!("recipient"), &json!("CN=site")));
    assert!([9, 10].contains(&list[0]["daysLeft"].as_i64().unwrap()), "{list:?}");
    assert_eq!((&list[0]["state"], &list[1]["state"]), (&json!("warning"), &json!("ok")));
    assert_eq!(
        (&health["certificates"]["state"], &health["state"]),
        (&json!("warning"), &json!("warning"))
    );
}
