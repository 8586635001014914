//! 200, 202, 400, 404, 429.

use serde_json::json;

use super::{API, ask, ask_until_ready, call, one_call, push_call, sign_in, start};
use crate::gateway::{Gateway, send};

#[test]
fn a_recording_on_its_way_is_202_until_it_can_be_played() {
    let gateway = start(&[]);
    let token = sign_in(&gateway, "default", "listener", &["play.any"]);
    let path = format!("{API}/contacts?acd-call-id=acd-one");
    let unknown = ask(&gateway, &token, &path);
    assert_eq!(
        (unknown.status.as_u16(), &unknown.json()["internalCode"]),
        (404, &json!("NOT_FOUND"))
    );
    assert!(unknown.json()["message"].is_string());
    assert_eq!(gateway.declare(&call("one")).status, 201);
    let declared = ask(&gateway, &token, &path);
    assert_eq!((declared.status.as_u16(), declared.header("retry-after")), (202, "2"));
    assert_eq!(gateway.push("one", "one.wav", super::tones()).status, 201);
    assert_eq!(ask_until_ready(&gateway, &token, &path).status, 200);
}

#[test]
fn a_recording_of_which_nothing_can_be_played_is_404_with_its_own_code() {
    let gateway = start(&[]);
    let token = sign_in(&gateway, "default", "listener", &["play.any"]);
    assert_eq!(gateway.declare(&call("one")).status, 201);
    // A coding that nobody knows.
    let mut file = super::tones();
    file[20..22].copy_from_slice(&[0x34, 0x12]);
    assert_eq!(gateway.push("one", "one.wav", file).status, 201);
    assert_eq!(gateway.settled("one")["state"], "quarantined");
    let answer = ask(&gateway, &token, &format!("{API}/segments/segment-one"));
    assert_eq!((answer.status.as_u16(), &answer.json()["internalCode"]), (404, &json!("NO_MEDIA")));
}

#[test]
fn media_types_and_truths_are_checked_by_name() {
    let (gateway, token) = one_call(&[]);
    let path = |query: &str| format!("{API}/contacts?acd-call-id=acd-one&{query}");
    ask_until_ready(&gateway, &token, &path(""));
    for (query, field) in [
        ("media-type=video", "media-type"),
        ("isDownload=yes", "isDownload"),
        ("isDownload=true&isDownload=false", "isDownload"),
        ("exclude-waveforms=", "exclude-waveforms"),
        ("exclude-qm-categories=0", "exclude-qm-categories"),
        ("acd-call-id=other", "acd-call-id"),
    ] {
        let answer = ask(&gateway, &token, &path(query));
        assert_eq!(answer.status, 400, "{query}");
        let message = answer.json()["message"].as_str().unwrap().to_owned();
        assert!(message.starts_with(field), "{query}: {message}");
        assert_eq!(answer.json()["internalCode"], "INVALID_PARAMETER");
    }
    for query in [
        "media-type=voice-only&media-type=voice-and-screen",
        "media-type=all&media-type=voice-only",
        "isDownload=FALSE&unknown=1",
    ] {
        assert_eq!(ask(&gateway, &token, &path(query)).status, 200, "{query}");
    }
    let chat = ask(&gateway, &token, &path("media-type=chat"));
    assert_eq!((chat.status.as_u16(), &chat.json()["internalCode"]), (404, &json!("NO_MEDIA")));
    let none = ask(&gateway, &token, &format!("{API}/contacts"));
    assert_eq!(none.status, 400);
    for bad in ["..%2f", "a%00b", &"x".repeat(300)] {
        let answer = ask(&gateway, &token, &format!("{API}/segments/{bad}"));
        assert!(matches!(answer.status.as_u16(), 400 | 404), "{bad}: {}", answer.status);
        assert!(answer.json()["internalCode"].is_string());
    }
}

#[test]
fn every_path_is_served_with_and_without_its_version_and_other_methods_in_json() {
    let (gateway, token) = one_call(&[]);
    ask_until_ready(&gateway, &token, &format!("{API}/segments/segment-one"));
    for path in [
        "/media-playback/contacts?acd-call-id=acd-one",
        "/media-playback/v1/contacts?acd-call-id=master-one",
        "/media-playback/v1/contacts/acd-one",
        "/media-playback/segments/segment-one",
    ] {
        let answer = ask(&gateway, &token, path);
        assert_eq!(answer.status, 200, "{path}");
        assert_eq!(answer.header("content-type"), "application/json");
    }
    let url = format!("{}{API}/segments/segment-one", gateway.url);
    let posted = send("POST", &url, &[("authorization", &token), ("correlationid", "c7")], "{}");
    assert_eq!((posted.status.as_u16(), posted.header("correlationid")), (405, "c7"));
    assert!(posted.json()["message"].is_string());
    let nowhere = ask(&gateway, &token, "/media-playback/v1/nothing");
    assert_eq!(nowhere.status, 404);
    assert!(nowhere.json()["internalCode"].is_string());
}

#[test]
fn too_many_requests_of_one_key_are_429_and_others_are_served() {
    let gateway = Gateway::start(&[("PLAY__REQUESTS", "3"), ("PLAY__REQUESTS_WINDOW_S", "300")]);
    push_call(&gateway, "one");
    let first = sign_in(&gateway, "default", "first", &["play.any"]);
    let second = sign_in(&gateway, "default", "second", &["play.any"]);
    let path = format!("{API}/segments/nobody");
    for _ in 0..3 {
        assert_eq!(ask(&gateway, &first, &path).status, 404);
    }
    let refused = ask(&gateway, &first, &path);
    assert_eq!((refused.status.as_u16(), refused.json()["route"].as_str()), (429, Some(&*path)));
    assert!(refused.json()["message"].is_string());
    let wait: u64 = refused.header("retry-after").parse().unwrap();
    assert!((1..=300).contains(&wait));
    assert_eq!(ask(&gateway, &second, &path).status, 404);
}
