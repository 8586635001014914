//! `/media-download/v1`.

use std::fs;

use serde_json::{Value, json};

use super::{post, python, reached, request, sql};
use crate::gateway::{Gateway, send, wait};
use crate::playback_api::{ask_until_ready, one_call, push_call, sign_in, start};

/// Names, lengths and SHA-256 of what Python's own reader finds in a ZIP file.
const READ: &str = "import zipfile,hashlib,json,sys\n\
    z=zipfile.ZipFile(sys.argv[1]); assert z.testzip() is None\n\
    print(json.dumps({i.filename:[i.file_size,hashlib.sha256(z.read(i)).hexdigest()] \
    for i in z.infolist()}))";

fn entity(shown: &Value, id: &str) -> Value {
    let all = shown["entities"].as_array().expect("entities");
    all.iter().find(|entity| entity["entityId"] == id).expect("the entity").clone()
}

#[test]
fn a_zip_file_holds_what_a_player_would_play() {
    let (gateway, token) = one_call(&[("SEAL__MODE", "cms")]);
    push_call(&gateway, "two");
    let id =
        request(&gateway, &token, "contacts", &["acd-one", "acd-nobody", "acd-two", "acd-one"]);
    let shown = reached(&gateway, &token, &id, "COMPLETED");
    assert_eq!(shown["requestId"], id.as_str());
    assert_eq!(shown["entities"].as_array().unwrap().len(), 3, "{shown}");
    assert_eq!(entity(&shown, "acd-one"), json!({ "entityId": "acd-one", "status": "COMPLETED" }));
    let missing = entity(&shown, "acd-nobody");
    assert_eq!(missing["status"], "FAILED");
    assert!(missing["failureReason"].as_str().unwrap().starts_with("NOT_FOUND"), "{missing}");
    for time in ["createdAt", "updatedAt"] {
        assert!(shown[time].as_str().unwrap().ends_with('Z'), "{shown}");
    }

    let url = shown["downloadLocation"].as_str().unwrap();
    let path = url.split('?').next().unwrap();
    assert!(path.ends_with(".zip"), "{url}");
    let whole = send("GET", url, &[], "");
    assert_eq!((whole.status.as_u16(), whole.header("content-type")), (200, "application/zip"));
    assert_eq!(whole.header("content-length"), whole.body.len().to_string());
    assert!(whole.header("content-disposition").starts_with("attachment; filename=\"contacts_"));
    // A download that broke off goes on.
    let middle = whole.body.len() / 2;
    let rest = send("GET", url, &[("range", &format!("bytes={middle}-"))], "");
    assert_eq!((rest.status.as_u16(), &rest.body[..]), (206, &whole.body[middle..]));

    let file = gateway.folder.path().join("got.zip");
    fs::write(&file, &whole.body).unwrap();
    let tested = std::process::Command::new("unzip").arg("-tq").arg(&file).output().unwrap();
    assert!(tested.status.success(), "{tested:?}");
    let files = python(READ, &file);
    assert_eq!(files.as_object().unwrap().len(), 2, "{files}");
    for id in ["one", "two"] {
        let answer =
            ask_until_ready(&gateway, &token, &format!("/media-playback/v1/segments/segment-{id}"));
        let play = answer.json()["interactions"][0]["data"]["fileToPlayUrl"].clone();
        let played = send("GET", play.as_str().unwrap(), &[], "").body;
        let name = format!("CXone recording_Kim- Lee_2026-03-04T09-15-00[UTC]_{id}.mp4");
        let digest = reelgate::asset::Digest::of(&played).to_string();
        assert_eq!(files[&name], json!([played.len(), digest]), "{files}");
    }
    // What lies in the store is sealed like media.
    let stored = find(&gateway.data().join("store"), "contacts.zip.p7m");
    let bytes = fs::read(&stored).unwrap();
    assert!(!bytes.windows(4).any(|four| four == b"PK\x03\x04"), "{}", stored.display());
}

/// The file of this name below a folder.
fn find(folder: &std::path::Path, name: &str) -> std::path::PathBuf {
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.ends_with(name) {
                return path;
            }
        }
    }
    panic!("no {name}");
}

#[test]
fn two_files_of_one_name_are_both_there() {
    let (gateway, token) = one_call(&[]);
    let id = request(&gateway, &token, "segments", &["segment-one"]);
    let first = reached(&gateway, &token, &id, "COMPLETED");
    // Once more as a contact, beside the contact above it: the same recording twice.
    let id = request(&gateway, &token, "contacts", &["acd-one", "master-one"]);
    let second = reached(&gateway, &token, &id, "COMPLETED");
    for (shown, count) in [(first, 1), (second, 2)] {
        let file = gateway.folder.path().join("got.zip");
        let url = shown["downloadLocation"].as_str().unwrap();
        fs::write(&file, send("GET", url, &[], "").body).unwrap();
        assert_eq!(python(READ, &file).as_object().unwrap().len(), count);
    }
}

#[test]
fn nobody_gets_more_than_they_may_play() {
    let (gateway, token) = one_call(&[]);
    let own = sign_in(&gateway, "default", "kim", &["play"]);
    let other = sign_in(&gateway, "default", "lee", &["play"]);
    let id = request(&gateway, &own, "contacts", &["acd-one"]);
    reached(&gateway, &own, &id, "COMPLETED");
    // Of somebody else's there is nothing.
    let refused = request(&gateway, &other, "contacts", &["acd-one"]);
    let shown = reached(&gateway, &other, &refused, "FAILED");
    assert!(shown.get("downloadLocation").is_none());
    let reason = entity(&shown, "acd-one")["failureReason"].clone();
    assert!(reason.as_str().unwrap().starts_with("FORBIDDEN"), "{shown}");
    // Nor of somebody else's request, unless one may play anything; nor from another tenant.
    let far = sign_in(&gateway, "elsewhere", "far", &["play.any"]);
    for (token, status) in [(&token, 200), (&other, 404), (&far, 404)] {
        let path = format!("{}/media-download/v1/status/{id}", gateway.url);
        assert_eq!(send("GET", &path, &[("authorization", token)], "").status, status);
    }
    let id = request(&gateway, &far, "contacts", &["acd-one"]);
    let shown = reached(&gateway, &far, &id, "FAILED");
    assert!(
        entity(&shown, "acd-one")["failureReason"].as_str().unwrap().starts_with("NOT_FOUND"),
        "{shown}"
    );
}

#[test]
fn taking_back_a_recording_takes_back_the_files_that_hold_it() {
    let (gateway, token) = one_call(&[]);
    let keeper = sign_in(&gateway, "default", "keeper", &["links.manage"]);
    let id = request(&gateway, &token, "segments", &["segment-one"]);
    let shown = reached(&gateway, &token, &id, "COMPLETED");
    let url = shown["downloadLocation"].as_str().unwrap();
    assert_eq!(send("GET", url, &[], "").status, 200);
    let answer =
        post(&gateway, &keeper, "/media-playback/v1/revocations", r#"{"recordingId":"one"}"#);
    assert_eq!(answer.status, 200);
    let refused = send("GET", url, &[], "");
    assert_eq!(
        (refused.status.as_u16(), &refused.json()["internalCode"]),
        (403, &json!("LINK_REVOKED"))
    );
}

#[test]
fn a_file_is_removed_when_its_time_is_over() {
    let (gateway, token) = one_call(&[]);
    let id = request(&gateway, &token, "segments", &["segment-one"]);
    let shown = reached(&gateway, &token, &id, "COMPLETED");
    let file = find(
        &gateway.data().join("store"),
        &format!("bundles/{id}/{}", stored_name(&gateway, &id)),
    );
    sql(&gateway, "UPDATE bundles SET expires_us = 1");
    wait("the end of the file", || (!file.exists()).then_some(()));
    let path = format!("{}/media-download/v1/status/{id}", gateway.url);
    wait("the end of the request", || {
        let answer = send("GET", &path, &[("authorization", &token)], "");
        (answer.status == 404).then_some(())
    });
    let _ = shown;
}

fn stored_name(gateway: &Gateway, id: &str) -> String {
    let folder = gateway.data().join("store").join("default/bundles").join(id);
    let entry = fs::read_dir(folder).expect("the folder of a bundle").next().expect("a file");
    entry.unwrap().file_name().into_string().unwrap()
}

#[test]
fn bad_requests_are_refused_by_name() {
    let gateway = start(&[]);
    let token = sign_in(&gateway, "default", "listener", &["play.any"]);
    let deaf = sign_in(&gateway, "default", "deaf", &["ingest.read"]);
    let many: Vec<String> = (0..501).map(|number| format!("c{number}")).collect();
    let many = json!({ "entityIds": many }).to_string();
    let big = format!("{{\"entityIds\":[\"{}\"]}}", "a".repeat(200_000));
    for (body, status, word) in [
        ("", 400, "entityIds"),
        ("[]", 400, "object"),
        ("{\"entityIds\":\"a\"}", 400, "entityIds"),
        ("{\"entityIds\":[]}", 400, "entityIds"),
        ("{\"entityIds\":[\"a\",7]}", 400, "entityIds[1]"),
        ("{\"entityIds\":[\"a\",\"../b\"]}", 400, "entityIds[1]"),
        (&many, 400, "500"),
        (&big, 413, "limit"),
    ] {
        let answer = post(&gateway, &token, "/media-download/v1/contacts", body);
        let shown = answer.json();
        assert_eq!((answer.status.as_u16(), &shown["code"]), (status, &json!("INVALID_REQUEST")));
        assert!(shown["message"].as_str().unwrap().contains(word), "{shown}");
    }
    let good = "{\"entityIds\":[\"a\"]}";
    assert_eq!(post(&gateway, &deaf, "/media-download/v1/segments", good).status, 403);
    let answer = send("POST", &format!("{}/media-download/contacts", gateway.url), &[], good);
    assert_eq!((answer.status.as_u16(), answer.header("content-type")), (401, "application/json"));
    for id in ["nobody", "0197a5c2-7d3e-7c11-9b52-0242ac120002"] {
        let path = format!("{}/media-download/v1/status/{id}", gateway.url);
        let answer = send("GET", &path, &[("authorization", &token)], "");
        assert_eq!((answer.status.as_u16(), &answer.json()["code"]), (404, &json!("NOT_FOUND")));
    }
    // Nothing of these is left waiting.
    let answer = send(
        "GET",
        &format!("{}/media-download/v1/elsewhere", gateway.url),
        &[("authorization", &token)],
        "",
    );
    assert_eq!(
        (answer.status.as_u16(), &answer.json()["internalCode"]),
        (404, &json!("NOT_FOUND"))
    );
}
