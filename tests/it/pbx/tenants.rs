//! Tenants see nothing of each other.

use std::process::Command;

use serde_json::{Value, json};

use super::{ALL, MARCH, Office, add, assert_problem, call, uuid};
use crate::gateway::{PROGRAM, sample, send, wait};

/// Adds a recorder of another tenant; its `Authorization`.
fn recorder(office: &Office) -> String {
    let output = Command::new(PROGRAM)
        .args(["user", "add", "their-recorder", "--json", "--tenant", "other"])
        .args(["--permission", "ingest.write", "--permission", "ingest.read", "--data-dir"])
        .arg(office.gateway.data())
        .output()
        .expect("the program");
    let value: Value = serde_json::from_slice(&output.stdout).expect("one JSON object");
    format!("Bearer {}", value["token"].as_str().expect("a token"))
}

#[test]
fn records_of_another_tenant_are_not_there() {
    let clients = "[{ tenant = \"default\", id = 1 }, { tenant = \"other\", id = 22 }]";
    let office = Office::open(&[("PBX__CLIENTS", clients)]);
    office.record(1, json!({}), "wav_pcm16_8k_mono.wav");
    let token = recorder(&office);
    let headers = [("authorization", token.as_str())];
    let (id, document) = call(2, json!({"extension_id": 999_999}), "wav_pcm16_8k_mono.wav");
    let url = format!("{}/ingest/v1/recordings/{id}", office.gateway.url);
    assert_eq!(send("PUT", &url, &headers, document.to_string()).status, 201);
    let media = document["mediaFiles"][0]["mediaId"].as_str().expect("an id");
    let body = sample("wav_pcm16_8k_mono.wav");
    assert_eq!(send("PUT", &format!("{url}/media/{media}"), &headers, body).status, 201);
    wait("their record", || {
        (send("GET", &url, &headers, "").json()["state"] == "ready").then_some(())
    });
    let more: Vec<&str> = ALL
        .into_iter()
        .chain(["--tenant", "other", "--grant", "client_credentials", "--access", "all"])
        .collect();
    let secret = add(&office.gateway, "their-app", "application", &more);
    let form = format!("grant_type=client_credentials&client_id=their-app&client_secret={secret}");
    let answer = office.token_request("", &form).json();
    let theirs = answer["access_token"].as_str().expect("a token");
    let list = |token: &str, owner: &str| {
        office.call_as(token, "GET", &format!("/{owner}/record/?{MARCH}"), "")
    };
    let (ours, own) = (office.token(), list(theirs, "client/22").json());
    assert_eq!(own.as_array().expect("an array").len(), 1);
    assert_eq!((&own[0]["client_owner_id"], office.march().len()), (&json!(22), 1));
    assert_problem(&list(&ours, "client/22"), 404, "client_not_found");
    assert_problem(&list(theirs, "client/1"), 404, "client_not_found");
    assert_problem(&list(&ours, "extension/999999"), 404, "not_found");
    let name = uuid(&own[0]);
    for path in ["", "/download/", "/storage_url/", "/hold/"] {
        let answer = office.call("GET", &format!("/client/@me/record/{name}{path}"), "");
        assert_problem(&answer, 404, "record_not_found");
    }
    let path = format!("/client/@me/record/{name}");
    assert_problem(&office.call("DELETE", &path, ""), 404, "record_not_found");
    assert_eq!(office.call("DELETE", &format!("/client/@me/record/?{MARCH}"), "").status, 204);
    assert_eq!(list(theirs, "client/@me").json(), own);
    assert_eq!(office.call_as(theirs, "GET", &path, "").status, 200);
}
