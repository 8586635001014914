//! Limits of requests and of wrong passwords; and that no secret is in any log line.

use serde_json::json;

use super::{MARCH, Office, add, assert_problem, uuid};
use crate::gateway::{basic, send};

#[test]
fn an_hour_has_its_number_of_requests() {
    let office = Office::open(&[("PBX__REQUESTS_PER_HOUR", "5")]);
    let token = office.token();
    for left in (0..5).rev() {
        let answer = office.call_as(&token, "GET", "/user/", "");
        assert_eq!(answer.status, 200);
        assert_eq!(answer.header("x-ratelimit-limit"), "5");
        assert_eq!(answer.header("x-ratelimit-remaining"), left.to_string());
        let reset: u64 = answer.header("x-ratelimit-reset").parse().expect("seconds");
        assert!((3500..=3600).contains(&reset), "{reset}");
    }
    let over = office.call_as(&token, "GET", &format!("/client/@me/record/?{MARCH}"), "");
    assert_problem(&over, 429, "rate_limit_exceeded");
    assert_eq!(over.header("x-ratelimit-remaining"), "0");
    assert!(over.header("retry-after").parse::<u64>().is_ok_and(|seconds| seconds > 0));
    // A new token is the same caller; another application is another one.
    assert_problem(&office.call("GET", "/user/", ""), 429, "rate_limit_exceeded");
}

#[test]
fn wrong_passwords_are_throttled_by_login_and_address() {
    let office = Office::open(&[("IDENTITY__FAILED_LOGINS", "3")]);
    office.record(1, json!({}), "wav_pcm16_8k_mono.wav");
    let name = uuid(&office.march()[0]);
    let password = add(&office.gateway, "kim", "user", &["--permission", "records.read"]);
    let url = format!("{}/api/ver1.0/client/@me/record/{name}/download/", office.gateway.url);
    for _ in 0..3 {
        assert_problem(&basic(&url, "kim:wrong"), 401, "401");
    }
    // Even with the right one, until the window ends.
    let waits = basic(&url, &format!("kim:{password}"));
    assert_problem(&waits, 429, "rate_limit_exceeded");
    assert!(waits.header("retry-after").parse::<u64>().is_ok_and(|seconds| seconds > 0));
    // Others from there are let in.
    let other = add(&office.gateway, "lee", "user", &["--permission", "records.read"]);
    assert_eq!(basic(&url, &format!("lee:{other}")).status, 200);
    let form = "grant_type=client_credentials&client_id=ghost&client_secret=no";
    for _ in 0..3 {
        assert_eq!(office.token_request("", form).status, 401);
    }
    let waits = office.token_request("", form);
    assert_eq!(
        (waits.status.as_u16(), &waits.json()["error"]),
        (429, &json!("rate_limit_exceeded"))
    );
}

#[test]
fn no_secret_is_in_any_log_line() {
    let office = Office::open(&[("OBSERVE__LOG", "debug")]);
    office.record(1, json!({}), "wav_pcm16_8k_mono.wav");
    let name = uuid(&office.march()[0]);
    let password = add(&office.gateway, "kim", "user", &["--permission", "records.read"]);
    let (id, secret) = &office.application;
    let url = &office.gateway.url;
    let token = office.token();
    let query = format!("grant_type=client_credentials&client_id={id}&client_secret={secret}");
    assert_eq!(send("POST", &format!("{url}/oauth/token?{query}"), &[], "").status, 200);
    let wrong = format!("{url}/oauth/token?{query}wrongsecret");
    assert_eq!(send("POST", &wrong, &[], "").status, 401);
    let by_query = format!("{url}/api/ver1.0/user/?access_token={token}");
    assert_eq!(send("GET", &by_query, &[], "").status, 200);
    assert_eq!(send("GET", &format!("{by_query}x"), &[], "").status, 401);
    let file = format!("{url}/api/ver1.0/client/@me/record/{name}/download/");
    assert_eq!(basic(&file, &format!("kim:{password}")).status, 200);
    assert_eq!(basic(&file, "kim:wrongpassword").status, 401);
    let link = office.call("GET", &format!("/client/@me/record/{name}/storage_url/"), "").json();
    let link = link["record_url"].as_str().expect("a link").to_owned();
    assert_eq!(send("GET", &link, &[], "").status, 200);
    let storage = link.rsplit('/').nth(1).expect("a token").to_owned();
    let log = office.gateway.log();
    assert!(log.contains("\"route\""), "requests are logged");
    let signature = token.rsplit('.').next().expect("a signature").to_owned();
    for (what, text) in [
        ("client_secret", secret.as_str()),
        ("wrong secret", "wrongsecret"),
        ("password", &password),
        ("wrong password", "wrongpassword"),
        ("token", &signature),
        ("storage link", &storage),
        ("number", "+74950000001"),
    ] {
        assert!(!log.contains(text), "a {what} is in the log");
    }
}
