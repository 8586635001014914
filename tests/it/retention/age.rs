//! Retention by age and by space.

use serde_json::{Value, json};

use super::{emptied, hold, keeper, sql, stored};
use crate::gateway::{Gateway, wait};
use crate::playback_api::{ask, ask_until_ready, call, push_call, sign_in, start};

const PLAY: &str = "/media-playback/v1/segments/segment-";

fn rules(rule: &str) -> String {
    format!("[{{ tenant = \"default\", {rule} }}]")
}

fn known(gateway: &Gateway) -> Vec<String> {
    let found = ask(gateway, &gateway.token(), "/admin/v1/recordings").json();
    let found = found["recordings"].as_array().unwrap().iter();
    found.map(|row| row["recordingId"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn what_is_old_is_deleted_but_for_what_is_on_hold() {
    let mut gateway = start(&[]);
    let keeper = keeper(&gateway);
    for id in ["old", "held"] {
        push_call(&gateway, id);
        gateway.settled(id);
    }
    assert_eq!(gateway.declare(&call("never-came")).status, 201);
    assert_eq!(hold(&gateway, &keeper, "held").status, 200);
    let token = sign_in(&gateway, "default", "listener", &["play.any"]);
    for id in ["old", "held"] {
        ask_until_ready(&gateway, &token, &format!("{PLAY}{id}"));
    }
    assert_eq!(stored(&gateway).len(), 6);
    gateway.kill();
    // The calls began in March, longer ago than a day.
    gateway.set("RETENTION__TENANTS", &rules("delete_after_days = 1"));
    gateway.set("RETENTION__SWEEP_S", "1");
    gateway.restart();
    // Tokens name the address of the gateway that gave them.
    let token = gateway.token();
    wait("the deletion", || (known(&gateway) == ["held"]).then_some(()));
    wait("the removal", || (stored(&gateway).len() == 3).then_some(()));
    assert_eq!(ask(&gateway, &token, &format!("{PLAY}old")).status, 404);
    assert_eq!(ask_until_ready(&gateway, &token, &format!("{PLAY}held")).status, 200);
    let told = sql(&gateway, "SELECT actor, action FROM audit WHERE action LIKE 'retention%'");
    assert_eq!(told, json!([["system", "retention.age"], ["system", "retention.age"]]));
    let state = sql(&gateway, "SELECT DISTINCT reason FROM media WHERE state = 'erased'");
    assert_eq!(state, json!([["retention"]]));
    // When the hold ends, its time is over too.
    let path = "held/hold";
    assert_eq!(super::request(&gateway, &token, "DELETE", path, &Value::Null).status, 204);
    emptied(&gateway);
    assert!(known(&gateway).is_empty());
}

#[test]
fn a_full_tenant_is_warned_once_and_loses_its_oldest() {
    let mut gateway = start(&[]);
    let keeper = keeper(&gateway);
    for (number, id) in ["first", "second", "third", "fourth"].into_iter().enumerate() {
        push_call(&gateway, id);
        gateway.settled(id);
        // In the order of their beginnings, not of their arrival.
        let started = 4 - number;
        sql(&gateway, &format!("UPDATE recordings SET started_us = {started} WHERE id = '{id}'"));
    }
    assert_eq!(hold(&gateway, &keeper, "third").status, 200);
    let one = sql(&gateway, "SELECT MAX(stored_bytes) FROM media")[0][0].as_u64().unwrap();
    assert!(one > 300_000, "{one}");
    let mail = "warn_email = \"ops@example.org\"";
    gateway.kill();
    gateway.set("RETENTION__TENANTS", &rules(&format!("quota_bytes = {}, {mail}", one * 4)));
    gateway.set("RETENTION__SWEEP_S", "1");
    gateway.restart();
    let owed = "SELECT recording_id, body FROM deliveries WHERE target = 'mail:space'";
    let rows = wait("a warning", || {
        let rows = sql(&gateway, owed);
        (!rows.as_array().unwrap().is_empty()).then_some(rows)
    });
    let body: Value = serde_json::from_str(rows[0][1].as_str().unwrap()).unwrap();
    let expected = json!({ "to": "ops@example.org", "language": "en", "content": {
        "kind": "spaceWarning", "tenant": "default", "usedBytes": one * 4, "quotaBytes": one * 4,
        "percent": 100,
    } });
    assert_eq!(body, expected);
    assert_eq!(rows[0][0].as_str().unwrap().len(), 36);
    assert_eq!(known(&gateway).len(), 4, "only warned");

    let two = format!("quota_bytes = {}, when_full = \"delete_oldest\", {mail}", one * 2);
    gateway.kill();
    gateway.set("RETENTION__TENANTS", &rules(&two));
    gateway.restart();
    // The oldest is "fourth"; "third" is on hold; then "second".
    wait("the deletion", || (known(&gateway) == ["first", "third"]).then_some(()));
    std::thread::sleep(std::time::Duration::from_millis(2500));
    assert_eq!(known(&gateway), ["first", "third"]);
    assert_eq!(sql(&gateway, owed).as_array().unwrap().len(), 1, "warned twice");
}
