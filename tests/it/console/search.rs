//! The search finds what it says, in order, and by pages.

use serde_json::{Value, json};

use super::{API, declare, document, get, push, refused, sql};
use crate::gateway::{Gateway, wait};

/// Ids that a search finds, in order.
fn found(gateway: &Gateway, query: &str) -> Vec<String> {
    let answer = get(gateway, &format!("/recordings?{query}"));
    let rows = answer["recordings"].as_array().unwrap().clone();
    rows.iter().map(|row| row["recordingId"].as_str().unwrap().to_owned()).collect()
}

/// Three recordings: of Kim in the contact 7, of Zoë, and of nobody, one after the other.
fn three(gateway: &Gateway) {
    let mut kim = document("kim-1", 60);
    kim["reelgate"] = json!({
        "agent": {"userId": "user-7", "name": "Kim Lee"}, "tags": ["VIP"],
        "contact": {"acdContactId": "acd-7", "masterContactId": "master-7", "segmentId": "seg-7"},
    });
    let mut zoe = document("zoe-1", 120);
    zoe["callerPhoneNumber"] = "+44 (20) 7946-0000".into();
    zoe["reelgate"] = json!({ "agent": {"userId": "user-8", "name": "Zoë 100% O_Neil"} });
    let mut nobody = document("nobody-1", 180);
    nobody["dialedPhoneNumber"] = "sip:desk@example.com".into();
    for one in [&kim, &zoe, &nobody] {
        declare(gateway, one);
    }
    push(gateway, "kim-1");
    assert_eq!(gateway.settled("kim-1")["state"], "ready");
}

#[test]
fn a_search_finds_by_each_field() {
    let gateway = Gateway::start(&[]);
    three(&gateway);
    for (query, expected) in [
        ("", &["nobody-1", "zoe-1", "kim-1"][..]),
        ("from=2026-03-04T09:02:00Z", &["nobody-1", "zoe-1"]),
        ("to=2026-03-04T09:02:00Z", &["kim-1"]),
        ("from=2026-03-04T10:01:00%2B01:00&to=2026-03-04T09:02:30Z", &["zoe-1", "kim-1"]),
        ("agent=user-7", &["kim-1"]),
        ("agent=KIM", &["kim-1"]),
        ("agent=kim+lee", &["kim-1"]),
        ("agent=lee", &["kim-1"]),
        ("agent=user-", &["zoe-1", "kim-1"]),
        ("agent=zo%C3%AB", &["zoe-1"]),
        ("agent=im", &[]),
        // What a pattern of SQL would read as any character.
        ("agent=%25", &[]),
        ("agent=100%25", &["zoe-1"]),
        ("agent=oxneil", &[]),
        ("number=%2B1+555+0100", &["nobody-1", "kim-1"]),
        ("number=442079", &["zoe-1"]),
        ("number=SIP:desk", &["nobody-1"]),
        ("contact=acd-7", &["kim-1"]),
        ("contact=master-7", &["kim-1"]),
        ("contact=acd", &[]),
        ("state=ready", &["kim-1"]),
        ("state=declared", &["nobody-1", "zoe-1"]),
        ("state=quarantined", &[]),
        ("text=vip", &["kim-1"]),
        ("text=north+user", &["zoe-1", "kim-1"]),
        ("text=seg-7+vip+kim", &["kim-1"]),
        ("text=vip+zo%C3%AB", &[]),
        ("agent=lee&number=1555&state=ready&contact=acd-7&text=north", &["kim-1"]),
        ("agent=lee&state=declared", &[]),
    ] {
        assert_eq!(found(&gateway, query), expected, "{query}");
    }
    let row: Value = get(&gateway, "/recordings?agent=kim")["recordings"][0].clone();
    assert_eq!(row["startTime"], "2026-03-04T09:01:00.000Z");
    assert_eq!(row["agent"], json!({ "userId": "user-7", "name": "Kim Lee" }));
    assert_eq!(row["media"], json!([{ "state": "ready", "reason": null }]));
    assert_eq!((&row["contactId"], &row["segmentId"]), (&json!("acd-7"), &json!("seg-7")));
}

#[test]
fn pages_follow_each_other_without_a_gap_or_a_repetition() {
    let gateway = Gateway::start(&[]);
    for number in 0..7 {
        // Some of them begin in the same instant.
        declare(&gateway, &document(&format!("page-{number}"), number / 3));
    }
    let (mut all, mut after, mut pages) = (Vec::new(), String::new(), 0);
    loop {
        let path = format!("/recordings?limit=3&text=page{after}");
        let answer = get(&gateway, &path);
        let rows = answer["recordings"].as_array().unwrap().clone();
        assert!(rows.len() <= 3);
        all.extend(rows.iter().map(|row| row["recordingId"].as_str().unwrap().to_owned()));
        pages += 1;
        let Some(next) = answer["next"].as_str() else { break };
        after = format!("&after={next}");
    }
    let expected = ["page-6", "page-5", "page-4", "page-3", "page-2", "page-1", "page-0"];
    assert_eq!((all, pages), (expected.map(str::to_owned).to_vec(), 3));
    assert_eq!(get(&gateway, "/recordings?limit=7&text=page")["next"], Value::Null);
}

#[test]
fn bad_parameters_are_refused_by_name() {
    let gateway = Gateway::start(&[]);
    let long = format!("text={}", "x".repeat(201));
    let words = "text=1+2+3+4+5+6+7+8+9";
    for (query, names) in [
        ("limit=0", "limit"),
        ("limit=201", "200"),
        ("limit=many", "limit"),
        ("from=yesterday", "from"),
        ("from=2026-03-04", "from"),
        ("to=2026-03-04T09:00:00", "to"),
        ("from=2026-03-04T09:00:00Z&to=2026-03-04T09:00:00Z", "to must be after from"),
        ("state=lost", "state"),
        ("contact=a/b", "contact"),
        ("agent=", "agent"),
        ("agent=a&agent=b", "agent"),
        ("after=1", "after"),
        ("after=x.page", "after"),
        ("after=1.a/b", "after"),
        ("text=a%00b", "text"),
        (long.as_str(), "200 bytes"),
        (words, "8"),
    ] {
        let answer = gateway.call("GET", &format!("{API}/recordings?{query}"), "");
        refused(&answer, 400, "INVALID_PARAMETER", names);
    }
}

#[test]
fn recordings_of_an_earlier_version_are_found_after_a_start() {
    let mut gateway = Gateway::start(&[]);
    three(&gateway);
    gateway.kill();
    sql(&gateway, "DELETE FROM recording_terms");
    sql(&gateway, "UPDATE recordings SET started_us = NULL, agent_id = NULL, agent_name = NULL");
    sql(
        &gateway,
        "INSERT INTO recordings (tenant, id, document, masks_complete, created_us) \
         VALUES ('default', 'odd-1', 'no document', 1, 5)",
    );
    gateway.restart();
    wait("the search to know them", || (found(&gateway, "").len() == 4).then_some(()));
    assert_eq!(found(&gateway, "agent=lee&from=2026-03-04T09:01:00Z"), ["kim-1"]);
    assert_eq!(found(&gateway, "text=odd"), ["odd-1"]);
}
