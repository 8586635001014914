//! Storage links: permanent, without a sign-in, and ended when they must.

use serde_json::json;

use super::{Office, assert_problem, sql, uuid};
use crate::gateway::{sample, send};

const FILE: &str = "wav_mulaw_8k_stereo.wav";

fn with_one() -> (Office, String) {
    let office = Office::open(&[("SERVER__PUBLIC_URL", "https://records.example/")]);
    office.record(1, json!({}), FILE);
    let name = uuid(&office.march()[0]);
    (office, format!("/client/@me/record/{name}"))
}

/// The link, at the address where the gateway really is.
fn link(office: &Office, path: &str) -> String {
    let answer = office.call("GET", &format!("{path}/storage_url/"), "");
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    let url = answer.json()["record_url"].as_str().expect("a link").to_owned();
    let rest = url.strip_prefix("https://records.example").expect("the configured base");
    format!("{}{rest}", office.gateway.url)
}

#[test]
fn a_link_is_the_same_each_time_and_asks_for_nobody() {
    let (office, path) = with_one();
    let url = link(&office, &path);
    assert_eq!(link(&office, &path), url);
    let (before, file) = url.rsplit_once('/').expect("a file name");
    let token = before.rsplit('/').next().expect("a token");
    assert_eq!(file, office.march()[0]["file_name"].as_str().expect("a name"));
    // 192 bits, and nothing of the record's name in them.
    assert_eq!(token.len(), 32);
    let expected = sample(FILE);
    for headers in
        [vec![], vec![("authorization", "Bearer stray")], vec![("authorization", "Basic eDp5")]]
    {
        let answer = send("GET", &url, &headers, "");
        assert_eq!((answer.status.as_u16(), answer.body == expected), (200, true), "{headers:?}");
    }
    let head = send("HEAD", &url, &[("authorization", "Bearer stray")], "");
    assert_eq!((head.status.as_u16(), head.body.len()), (200, 0));
    for (name, value) in [
        ("content-length", expected.len().to_string().as_str()),
        ("content-type", "audio/wav"),
        ("accept-ranges", "bytes"),
        ("access-control-allow-origin", "*"),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("x-robots-tag", "noindex"),
    ] {
        assert_eq!(head.header(name), value, "{name}");
    }
    assert!(head.header("content-disposition").starts_with("inline; filename=\""));
    assert!(head.header("access-control-expose-headers").contains("Content-Range"));
    let part = send("GET", &url, &[("range", "bytes=-10")], "");
    assert_eq!((part.status.as_u16(), &part.body[..]), (206, &expected[expected.len() - 10..]));
    // After a restart too.
    let mut office = office;
    office.gateway.kill();
    office.gateway.restart();
    assert_eq!(link(&office, &path).rsplit('/').nth(1), Some(token));
    for bad in [&token[..31], &"A".repeat(32), "x"] {
        let answer = send("GET", &format!("{}/s/{bad}/{file}", office.gateway.url), &[], "");
        assert_problem(&answer, 404, "not_found");
    }
    assert_problem(
        &send("POST", &format!("{}/s/{token}/{file}", office.gateway.url), &[], ""),
        405,
        "method_not_allowed",
    );
}

#[test]
fn links_are_rotated_revoked_and_end_with_the_record() {
    let (office, path) = with_one();
    let first = link(&office, &path);
    let rotated = office.call("POST", &format!("{path}/storage_url/"), "");
    assert_eq!(rotated.status, 201);
    assert_problem(&send("GET", &first, &[], ""), 410, "record_expired");
    let second = link(&office, &path);
    assert_ne!(first, second);
    assert_eq!(send("GET", &second, &[], "").status, 200);
    assert_eq!(office.call("DELETE", &format!("{path}/storage_url/"), "").status, 204);
    assert_eq!(send("HEAD", &second, &[], "").status, 410);
    assert_problem(&office.call("GET", &format!("{path}/storage_url/"), ""), 410, "link_revoked");
    assert_problem(&office.call("DELETE", &format!("{path}/storage_url/"), ""), 404, "not_found");
    assert_eq!(office.call("POST", &format!("{path}/storage_url/"), "").status, 201);
    let third = link(&office, &path);
    assert_eq!(send("GET", &third, &[], "").status, 200);
    assert_eq!(office.call("DELETE", &path, "").status, 204);
    assert_problem(&send("GET", &third, &[], ""), 410, "record_expired");
    assert_problem(
        &office.call("GET", &format!("{path}/storage_url/"), ""),
        404,
        "record_not_found",
    );
}

#[test]
fn a_lost_key_ends_no_link() {
    let (mut office, path) = with_one();
    let old = link(&office, &path);
    office.gateway.kill();
    std::fs::remove_file(office.gateway.data().join("link.keys")).expect("the link keys");
    office.gateway.restart();
    let tail = |url: &str| url.split("/s/").nth(1).expect("a token").to_owned();
    let new = link(&office, &path);
    assert_ne!(tail(&old), tail(&new));
    assert_eq!(tail(&link(&office, &path)), tail(&new));
    for url in [&old, &new] {
        let url = format!("{}/s/{}", office.gateway.url, tail(url));
        assert_eq!(send("GET", &url, &[], "").status, 200, "{url}");
    }
}

#[test]
fn a_link_may_be_asked_for_that_ends() {
    let (office, path) = with_one();
    let answer = office.call("GET", &format!("{path}/storage_url/?lifetime=180"), "");
    let body = answer.json();
    assert_eq!((answer.status.as_u16(), &body["lifetime"]), (200, &json!(180)));
    assert!(body["lifetime_till"].as_str().is_some_and(|till| till.len() == 19));
    let url = body["record_url"].as_str().expect("a link");
    let rest = url.strip_prefix("https://records.example").expect("the configured base");
    let got = send("GET", &format!("{}{rest}", office.gateway.url), &[], "");
    assert_eq!((got.status.as_u16(), got.body == sample(FILE)), (200, true));
    for bad in ["179", "5184001", "x"] {
        let answer = office.call("GET", &format!("{path}/storage_url/?lifetime={bad}"), "");
        assert_problem(&answer, 400, "invalid_parameter");
    }
}

#[test]
fn nothing_in_the_catalogue_is_a_link() {
    let (office, path) = with_one();
    let url = link(&office, &path);
    let token = url.rsplit('/').nth(1).expect("a token").to_owned();
    // Written out, so that the write-ahead log is looked at too.
    sql(&office.gateway, "PRAGMA user_version = 0");
    for file in ["catalog.sqlite", "catalog.sqlite-wal"] {
        let bytes = std::fs::read(office.gateway.data().join(file)).unwrap_or_default();
        let found = bytes.windows(token.len()).any(|window| window == token.as_bytes());
        assert!(!found, "{file} holds a link");
    }
    assert!(!office.gateway.log().contains(&token));
}
