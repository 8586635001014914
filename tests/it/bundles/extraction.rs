//! `/data-extraction/v1/jobs`.

use std::fs;

use serde_json::{Value, json};

use super::{post, python, sql};
use crate::gateway::{Gateway, send, wait};
use crate::playback_api::{call, one_call, push_call, sign_in, start};

const JOBS: &str = "/data-extraction/v1/jobs";
const READ: &str = "import csv,json,sys\n\
    print(json.dumps(list(csv.DictReader(open(sys.argv[1], newline='', encoding='utf-8')))))";

fn body(from: &str, until: &str) -> String {
    json!({ "entityName": "recording-interaction-metadata", "version": "7",
        "startDate": from, "endDate": until })
    .to_string()
}

fn job(gateway: &Gateway, token: &str, id: &str) -> Value {
    let headers = [("authorization", token), ("content-type", "application/json")];
    let answer = send("GET", &format!("{}{JOBS}/{id}", gateway.url), &headers, "");
    assert_eq!(answer.status, 200);
    answer.json()["jobStatus"].clone()
}

/// As a known client works: the body of the POST is the id, the status is polled, the link followed.
fn extracted(gateway: &Gateway, token: &str, from: &str, until: &str) -> (String, Value) {
    let answer = post(gateway, token, JOBS, &body(from, until));
    assert_eq!(answer.status, 202, "{}", String::from_utf8_lossy(&answer.body));
    let id = answer.json().as_str().expect("a bare text").to_owned();
    let done = wait("the end of the job", || {
        let shown = job(gateway, token, &id);
        (shown["status"] != "RUNNING").then_some(shown)
    });
    assert_eq!((&done["status"], &done["id"]), (&json!("SUCCEEDED"), &json!(id)), "{done}");
    let url = done["result"]["url"].as_str().expect("a link");
    let got = send("GET", url, &[], "");
    assert_eq!((got.status.as_u16(), got.header("content-type")), (200, "text/csv; charset=utf-8"));
    let file = gateway.folder.path().join("got.csv");
    fs::write(&file, &got.body).unwrap();
    (url.to_owned(), python(READ, &file))
}

#[test]
fn a_job_gives_a_line_for_each_segment_of_its_days() {
    let (gateway, _) = one_call(&[("BUNDLE__EXTRACTION_SPACING_S", "0")]);
    let token = sign_in(&gateway, "default", "analyst", &["metadata.extract"]);
    // Another day, another tenant, and a name that a spreadsheet would calculate.
    let mut other = call("later");
    other["reelgate"]["agent"]["name"] = json!("=1+1");
    let text = other.to_string().replace("2026-03-04T", "2026-03-06T");
    let other: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(gateway.declare(&other).status, 201);
    gateway.settled("one");
    let (url, lines) = extracted(&gateway, &token, "2026-03-04", "2026-03-04");
    let life: i64 = ["expires=", "issued="]
        .map(|name| url.split(name).nth(1).unwrap().split('&').next().unwrap().parse().unwrap())
        .into_iter()
        .reduce(|expires: i64, issued: i64| expires - issued)
        .unwrap();
    assert_eq!(life, 30);
    let lines = lines.as_array().unwrap();
    assert_eq!(lines.len(), 1, "{lines:?}");
    for (name, expected) in [
        ("ACD Call ID", "master-one"),
        ("Segment ID", "segment-one"),
        ("Agent 1 Contact Number", "acd-one"),
        ("Start Date", "2026-03-04T09:15:00.000Z"),
        ("End Date", "2026-03-04T09:15:12.000Z"),
        ("Duration (seconds)", "12.000"),
        ("Voice Recording Status", "Success"),
        ("Screen Recording Status", "None"),
        ("Masked (seconds)", "2.000"),
        ("Agent 1 ACD ID", "kim"),
        ("Agent 1 Name", "Kim: Lee"),
        ("ANI", "+15550100"),
        ("DNIS", "+15550199"),
        ("Direction", "Inbound"),
        ("Region", "north"),
    ] {
        assert_eq!(lines[0][name], expected, "{name}: {lines:?}");
    }
    let (_, lines) = extracted(&gateway, &token, "2026-03-05T00:00:00Z", "2026-03-10");
    assert_eq!(lines.as_array().unwrap().len(), 1, "{lines}");
    assert_eq!(lines[0]["Agent 1 Name"], "'=1+1");
    assert_eq!(lines[0]["Voice Recording Status"], "In Progress");
    let (_, none) = extracted(&gateway, &token, "2025-01-01", "2025-12-31");
    assert_eq!(none, json!([]));

    let far = sign_in(&gateway, "elsewhere", "far", &["metadata.extract"]);
    let (_, none) = extracted(&gateway, &far, "2026-03-01", "2026-03-31");
    assert_eq!(none, json!([]));
    let answer = send("GET", &format!("{}{JOBS}", gateway.url), &[("authorization", &token)], "");
    let jobs = answer.json()["jobs"].clone();
    assert_eq!(jobs.as_array().unwrap().len(), 3, "{jobs}");
    assert_eq!(jobs[0]["status"], "SUCCEEDED");
}

#[test]
fn jobs_keep_their_distance() {
    for (setting, status) in [("429", 429), ("403", 403)] {
        let gateway = start(&[("BUNDLE__EXTRACTION_TOO_SOON", setting)]);
        let token = sign_in(&gateway, "default", "analyst", &["metadata.extract"]);
        let day = body("2026-03-04", "2026-03-04");
        assert_eq!(post(&gateway, &token, JOBS, &day).status, 202);
        let answer = post(&gateway, &token, JOBS, &day);
        assert_eq!((answer.status.as_u16(), &answer.json()["route"]), (status, &json!(JOBS)));
        let wait: u64 = answer.header("retry-after").parse().unwrap();
        assert!((1..=30).contains(&wait), "{wait}");
        // Another tenant is not concerned.
        let far = sign_in(&gateway, "elsewhere", "far", &["metadata.extract"]);
        assert_eq!(post(&gateway, &far, JOBS, &day).status, 202);
        sql(&gateway, "UPDATE bundles SET created_us = created_us - 31000000");
        assert_eq!(post(&gateway, &token, JOBS, &day).status, 202);
    }
}

#[test]
fn a_file_has_its_day() {
    let gateway = start(&[("BUNDLE__EXTRACTION_SPACING_S", "0")]);
    let token = sign_in(&gateway, "default", "analyst", &["metadata.extract"]);
    push_call(&gateway, "one");
    let (url, _) = extracted(&gateway, &token, "2026-03-04", "2026-03-04");
    let id = url.split("/media/v1/").nth(1).unwrap()[..36].to_owned();
    sql(&gateway, "UPDATE bundles SET expires_us = 1");
    let shown = wait("the end of the file", || {
        let shown = job(&gateway, &token, &id);
        (shown["status"] == "EXPIRED").then_some(shown)
    });
    assert!(shown["result"].get("url").is_none(), "{shown}");
}

#[test]
fn bad_jobs_are_refused_by_name() {
    let gateway = start(&[("BUNDLE__EXTRACTION_SPACING_S", "0")]);
    let token = sign_in(&gateway, "default", "analyst", &["metadata.extract"]);
    let deaf = sign_in(&gateway, "default", "deaf", &["play.any"]);
    let good = body("2026-03-04", "2026-03-04");
    let with = |name: &str, value: Value| {
        let mut body: Value = serde_json::from_str(&good).unwrap();
        body[name] = value;
        body.to_string()
    };
    for (body, word) in [
        (String::new(), "entityName"),
        ("{".to_owned(), "JSON"),
        (with("entityName", json!("calls")), "entityName"),
        (with("version", json!("0")), "version"),
        (with("version", json!("new")), "version"),
        (with("startDate", json!("yesterday")), "startDate"),
        (with("startDate", json!(null)), "startDate"),
        (with("endDate", json!("2026-03-03")), "endDate"),
        (with("endDate", json!("2027-12-31")), "366"),
    ] {
        let answer = post(&gateway, &token, JOBS, &body);
        let shown = answer.json();
        assert_eq!(answer.status, 400, "{body} {shown}");
        assert!(shown["message"].as_str().unwrap().contains(word), "{shown}");
    }
    assert_eq!(post(&gateway, &token, JOBS, &with("version", json!(10))).status, 202);
    assert_eq!(post(&gateway, &deaf, JOBS, &good).status, 403);
    assert_eq!(post(&gateway, "Bearer no", JOBS, &good).status, 401);
    for id in ["nobody", "0197a5c2-7d3e-7c11-9b52-0242ac120002"] {
        let url = format!("{}{JOBS}/{id}", gateway.url);
        assert_eq!(send("GET", &url, &[("authorization", &token)], "").status, 404);
    }
}
