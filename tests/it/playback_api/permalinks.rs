//! Links for CRMs that never end by themselves. The listener is curl, which follows redirects.

use std::process::Command;

use serde_json::{Value, json};

use super::{API, ask_until_ready, one_call, sign_in};
use crate::gateway::{Answer, Gateway, send, wait};

/// What curl gets at the end of all redirects: status, redirects followed, bytes.
fn follow(url: &str, token: Option<&str>) -> (u16, u32, Vec<u8>) {
    let folder = tempfile::tempdir().unwrap();
    let body = folder.path().join("body");
    let mut command = Command::new("curl");
    command.args(["-s", "-L", "-w", "%{http_code} %{num_redirects}", "-o"]).arg(&body);
    if let Some(token) = token {
        command.args(["-H", &format!("Authorization: {token}")]);
    }
    let output = command.arg(url).output().expect("curl: apt-get install curl");
    let text = String::from_utf8(output.stdout).unwrap();
    let (status, redirects) = text.split_once(' ').unwrap();
    let body = std::fs::read(&body).unwrap_or_default();
    (status.parse().unwrap(), redirects.parse().unwrap(), body)
}

struct Keeper {
    token: String,
    url: String,
}

impl Keeper {
    fn of(gateway: &Gateway) -> Self {
        let token = sign_in(gateway, "default", "keeper", &["links.manage"]);
        Self { token, url: format!("{}{API}/tickets", gateway.url) }
    }

    fn call(&self, method: &str, path: &str, body: &Value) -> Answer {
        let headers = [("authorization", self.token.as_str())];
        send(method, &format!("{}{path}", self.url), &headers, body.to_string())
    }
}

#[test]
fn a_permalink_redirects_whoever_may_to_a_fresh_link() {
    let (gateway, token) = one_call(&[]);
    let api = format!("{API}/contacts?acd-call-id=acd-one");
    let answer = ask_until_ready(&gateway, &token, &api).json();
    let link = answer["interactions"][0]["data"]["fileToPlayUrl"].as_str().unwrap().to_owned();
    let file = send("GET", &link, &[], "").body;
    for path in ["acd-contacts/acd-one", "acd-contacts/master-one", "segments/segment-one"] {
        let url = format!("{}{API}/permalinks/{path}", gateway.url);
        let (status, redirects, body) = follow(&url, Some(&token));
        assert_eq!((status, redirects), (200, 1), "{path}");
        assert!(body == file, "{path} gives another file");
        assert_eq!(follow(&url, None).0, 401);
    }
    let lee = sign_in(&gateway, "default", "lee", &["play"]);
    let url = format!("{}{API}/permalinks/segments/segment-one", gateway.url);
    assert_eq!(follow(&url, Some(&lee)).0, 403);
    assert_eq!(follow(&url.replace("segment-one", "nobody"), Some(&token)).0, 404);
}

#[test]
fn a_ticket_opens_one_permalink_until_it_is_taken_back() {
    let (gateway, token) = one_call(&[("PLAY__LINK_LIFE_S", "1")]);
    ask_until_ready(&gateway, &token, &format!("{API}/segments/segment-one"));
    let keeper = Keeper::of(&gateway);
    let made = keeper.call("POST", "", &json!({ "acdContactId": "acd-one" }));
    assert_eq!(made.status, 201);
    let made = made.json();
    let url = made["url"].as_str().unwrap();
    assert_eq!(follow(url, None).0, 200);
    // What it redirects to ends; the permalink does not.
    let listed = keeper.call("GET", "", &Value::Null).json();
    let shown = listed["tickets"].as_array().unwrap();
    assert_eq!((shown.len(), &shown[0]["ticketId"]), (1, &made["ticketId"]));
    let secret = url.split_once("ticket=").unwrap().1;
    assert!(!listed.to_string().contains(secret), "a ticket is shown once only");
    assert!(!gateway.log().contains(secret), "a ticket is in the log");
    for other in [
        url.replace("acd-contacts/acd-one", "segments/segment-one"),
        url.replace("acd-one", "master-one"),
        format!("{url}x"),
        url.replace(secret, &"x".repeat(200)),
    ] {
        assert_eq!(follow(&other, None).0, 401, "{other}");
    }
    let save = send("GET", &format!("{url}&isDownload=true"), &[], "");
    let name = save.header("content-disposition");
    assert!(name.starts_with("attachment;"), "{name}");
    let id = made["ticketId"].as_str().unwrap();
    let foreign = sign_in(&gateway, "elsewhere", "keeper2", &["links.manage"]);
    let path = format!("{}/{id}", keeper.url);
    assert_eq!(send("DELETE", &path, &[("authorization", &foreign)], "").status, 404);
    assert_eq!(keeper.call("DELETE", &format!("/{id}"), &Value::Null).status, 200);
    assert_eq!(keeper.call("DELETE", &format!("/{id}"), &Value::Null).status, 404);
    assert_eq!(follow(url, None).0, 401);
}

#[test]
fn a_ticket_is_for_exactly_one_recording_that_is_there() {
    let (gateway, _) = one_call(&[]);
    let keeper = Keeper::of(&gateway);
    for (body, status) in [
        (json!({}), 400),
        (json!({ "acdContactId": "acd-one", "segmentId": "segment-one" }), 400),
        (json!({ "acdContactId": "a/b" }), 400),
        (json!({ "acdContactId": "nobody" }), 404),
        (json!({ "segmentId": "segment-one" }), 201),
    ] {
        let answer = keeper.call("POST", "", &body);
        assert_eq!(answer.status.as_u16(), status, "{body}");
    }
    let plain = sign_in(&gateway, "default", "plain", &["play.any"]);
    assert_eq!(send("GET", &keeper.url, &[("authorization", &plain)], "").status, 403);
    assert_eq!(send("GET", &keeper.url, &[], "").status, 401);
    // The segment's ticket works as soon as its rendition is made.
    let made = keeper.call("POST", "", &json!({ "segmentId": "segment-one" })).json();
    let url = made["url"].as_str().unwrap().to_owned();
    wait("the rendition", || (follow(&url, None).0 == 200).then_some(()));
}
