//! The insertion endpoint, as the seed's own sample request uses it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::gateway::{Answer, Gateway, basic, post_json, send};

const REQUEST: &str = include_str!("../seed_insert_request.json");
const PATH: &str = "/internal-api/contact-centers/57c0b771-b57c-4ea8-8655-7ef6d3c58ccc/recordings";

fn insert(gateway: &Gateway, headers: &[(&str, &str)], body: &str) -> Answer {
    post_json(&format!("{}{PATH}", gateway.url), &gateway.ops(), headers, body.to_owned())
}

fn done(answer: &Answer) {
    let text = String::from_utf8_lossy(&answer.body);
    assert_eq!((answer.status.as_u16(), &*text), (200, r#"{"statusCode":0}"#));
}

/// A session: its cookie and its token, by the header that the gateway names.
fn session(gateway: &Gateway) -> (String, String, String) {
    let url = format!("{}/api/v2/ops/contact-centers", gateway.url);
    let answer = basic(&url, &gateway.ops());
    assert_eq!(answer.status, 200);
    assert_eq!(answer.json()["statusCode"], 0);
    let name = answer.header("x-csrf-header").to_owned();
    let token = answer.header(&name).to_owned();
    let cookie = answer.header("set-cookie").split(';').next().unwrap_or_default().to_owned();
    assert!(!name.is_empty() && !token.is_empty() && !cookie.is_empty(), "{:?}", answer.headers);
    (cookie, name, token)
}

#[test]
fn the_sample_request_is_answered_as_the_sample_says() {
    let gateway = Gateway::start(&[]);
    let answer = insert(&gateway, &[], REQUEST);
    assert_eq!(answer.header("content-type"), "application/json");
    done(&answer);
    done(&insert(&gateway, &[], REQUEST));
    let path = "/api/v2/ops/contact-centers/57c0b771-b57c-4ea8-8655-7ef6d3c58ccc/recordings";
    let answer = basic(&format!("{}{path}/alex-test-id", gateway.url), &gateway.ops());
    assert_eq!(answer.status, 200);
    let sent: Value = serde_json::from_str(REQUEST).unwrap();
    assert_eq!(answer.json()["recording"]["callerPhoneNumber"], sent["callerPhoneNumber"]);
}

#[test]
fn a_wrong_password_is_not_let_in() {
    let gateway = Gateway::start(&[]);
    let user = gateway.ops().split_once(':').unwrap().0.to_owned();
    let url = format!("{}{PATH}", gateway.url);
    for credentials in [format!("{user}:wrong"), format!("{user}:"), "nobody:x".to_owned()] {
        let answer = post_json(&url, &credentials, &[], REQUEST.to_owned());
        assert_eq!(answer.status, 401);
        assert_eq!(answer.json()["statusCode"], 20);
        assert!(answer.header("www-authenticate").starts_with("Basic"));
    }
    let kind = [("content-type", "application/json")];
    assert_eq!(send("POST", &url, &kind, REQUEST).status, 401);
}

#[test]
fn a_body_that_is_not_declared_as_json_is_refused() {
    let gateway = Gateway::start(&[]);
    let authorization = format!("Basic {}", STANDARD.encode(gateway.ops()));
    let url = format!("{}{PATH}", gateway.url);
    for kind in ["text/plain", "application/xml", "application/jsonx"] {
        let headers = [("authorization", authorization.as_str()), ("content-type", kind)];
        let answer = send("POST", &url, &headers, REQUEST);
        assert_eq!(answer.status, 415, "{kind}");
        assert!(answer.json()["statusMessage"].as_str().unwrap().contains("application/json"));
    }
    let kind = "Application/JSON; charset=utf-8";
    let headers = [("authorization", authorization.as_str()), ("content-type", kind)];
    done(&send("POST", &url, &headers, REQUEST));
}

#[test]
fn missing_members_are_named() {
    let gateway = Gateway::start(&[]);
    for name in ["id", "callerPhoneNumber", "dialedPhoneNumber", "region"] {
        let mut record: Value = serde_json::from_str(REQUEST).unwrap();
        record.as_object_mut().unwrap().remove(name);
        let answer = insert(&gateway, &[], &record.to_string());
        assert_eq!(answer.status, 400, "{name}");
        assert_eq!(answer.json()["statusCode"], 1, "{name}");
        assert!(answer.json()["statusMessage"].as_str().unwrap().contains(name), "{name}");
    }
    for name in ["callUUID", "startTime", "stopTime", "mediaDescriptor"] {
        let mut record: Value = serde_json::from_str(REQUEST).unwrap();
        record["mediaFiles"][0].as_object_mut().unwrap().remove(name);
        let answer = insert(&gateway, &[], &record.to_string());
        assert_eq!((answer.status.as_u16(), answer.json()["statusCode"].as_u64()), (400, Some(1)));
        assert!(answer.json()["statusMessage"].as_str().unwrap().contains(name), "{name}");
    }
}

#[test]
fn a_wrong_member_is_invalid() {
    let gateway = Gateway::start(&[]);
    for body in ["{", "[]", ""] {
        let answer = insert(&gateway, &[], body);
        assert_eq!((answer.status.as_u16(), answer.json()["statusCode"].as_u64()), (400, Some(2)));
    }
    let mut record: Value = serde_json::from_str(REQUEST).unwrap();
    record["callType"] = "Sideways".into();
    let answer = insert(&gateway, &[], &record.to_string());
    assert_eq!((answer.status.as_u16(), answer.json()["statusCode"].as_u64()), (400, Some(2)));
}

#[test]
fn a_browser_needs_a_csrf_token() {
    let gateway = Gateway::start(&[]);
    let origin = ("origin", "https://example.com");
    let refused = |headers: &[(&str, &str)]| {
        let answer = insert(&gateway, headers, REQUEST);
        assert_eq!(answer.status, 403);
        assert_eq!(answer.body, b"Missing or invalid Csrf token");
    };
    refused(&[origin]);
    let (cookie, name, token) = session(&gateway);
    let cookie = ("cookie", cookie.as_str());
    refused(&[origin, cookie]);
    refused(&[cookie]);
    refused(&[origin, (&name, &token)]);
    refused(&[origin, cookie, (&name, "guessed")]);
    refused(&[origin, ("cookie", "JSESSIONID=other"), (&name, &token)]);
    done(&insert(&gateway, &[origin, cookie, (&name, &token)], REQUEST));
    done(&insert(&gateway, &[cookie, (&name, &token)], REQUEST));
    done(&insert(&gateway, &[], REQUEST));
}

#[test]
fn required_csrf_is_asked_of_everybody() {
    let gateway = Gateway::start(&[("GIR__CSRF", "required")]);
    let answer = insert(&gateway, &[], REQUEST);
    assert_eq!(answer.status, 403);
    assert_eq!(answer.body, b"Missing or invalid Csrf token");
    let (cookie, name, token) = session(&gateway);
    done(&insert(&gateway, &[("cookie", &cookie), (&name, &token)], REQUEST));
    // Our own delivery fetches a token as well.
    let (recording, _) = gateway.push_sample("wav_pcm16_8k_mono.wav");
    gateway.delivered(&recording, "delivered");
}
