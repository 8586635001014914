//! Who may hear what.

use serde_json::json;

use super::{API, ask, ask_until_ready, one_call, push_call, sign_in, start};
use crate::gateway::send;

#[test]
fn without_a_token_401_and_without_the_permission_403() {
    let (gateway, token) = one_call(&[]);
    let path = format!("{API}/contacts?acd-call-id=acd-one");
    ask_until_ready(&gateway, &token, &path);
    let url = format!("{}{path}", gateway.url);
    for headers in [&[][..], &[("authorization", "Bearer nonsense")]] {
        let answer = send("GET", &url, headers, "");
        assert_eq!(
            (answer.status.as_u16(), &answer.json()["internalCode"]),
            (401, &json!("UNAUTHORIZED"))
        );
    }
    let other = sign_in(&gateway, "default", "other", &["ingest.read"]);
    let answer = ask(&gateway, &other, &path);
    assert_eq!(
        (answer.status.as_u16(), &answer.json()["internalCode"]),
        (403, &json!("FORBIDDEN"))
    );
}

#[test]
fn an_agent_hears_their_own_recordings_only() {
    let (gateway, any) = one_call(&[]);
    let path = format!("{API}/segments/segment-one");
    ask_until_ready(&gateway, &any, &path);
    let lee = sign_in(&gateway, "default", "lee", &["play"]);
    let kim = sign_in(
        &gateway,
        "default",
        "kim",
        &["Search & Playback > Player > Play/Download Recordings"],
    );
    assert_eq!(ask(&gateway, &kim, &path).status, 200);
    assert_eq!(ask(&gateway, &lee, &path).status, 403);
}

#[test]
fn another_tenants_recordings_are_not_there() {
    let gateway = start(&[]);
    push_call(&gateway, "one");
    let own = sign_in(&gateway, "default", "listener", &["play.any"]);
    let path = format!("{API}/segments/segment-one");
    ask_until_ready(&gateway, &own, &path);
    let foreign = sign_in(&gateway, "elsewhere", "foreigner", &["play.any", "links.manage"]);
    for path in [
        path,
        format!("{API}/contacts?acd-call-id=acd-one"),
        format!("{API}/acd-contacts/acd-one/statements/s1"),
    ] {
        assert_eq!(ask(&gateway, &foreign, &path).status, 404, "{path}");
    }
    let url = format!("{}{API}/revocations", gateway.url);
    let body = json!({ "recordingId": "one" }).to_string();
    assert_eq!(send("POST", &url, &[("authorization", &foreign)], body).status, 404);
}

#[test]
fn findings_are_for_those_with_the_permission() {
    let (gateway, with) = one_call(&[]);
    let without = sign_in(&gateway, "default", "plain", &["play.any"]);
    let path = format!("{API}/segments/segment-one");
    ask_until_ready(&gateway, &with, &path);
    let data = |token: &str, query: &str| {
        ask(&gateway, token, &format!("{path}{query}")).json()["interactions"][0]["data"].clone()
    };
    let seen = data(&with, "");
    assert_eq!(seen["categoryMatchesList"][0]["categoryHierarchy"], json!(["billing", "refund"]));
    assert_eq!(seen["sentiments"][0]["overallSentiment"], "MIXED");
    for hidden in [data(&without, ""), data(&with, "?exclude-qm-categories=true")] {
        assert!(hidden.get("categoryMatchesList").is_none() && hidden.get("sentiments").is_none());
    }
}
