//! The audit trail: what it says, and that it cannot be changed unseen.

use serde_json::{Value, json};

use super::{KEYS, Key, add_key, add_user, call, cli, cli_json, granted, login, sql, value};
use crate::gateway::Gateway;

fn rows(gateway: &Gateway) -> Vec<Value> {
    let list = cli_json(gateway, &["audit", "list"]);
    list["rows"].as_array().expect("rows").clone()
}

/// What verifying says when it must fail.
fn fault(gateway: &Gateway, more: &[&str]) -> String {
    let arguments = [&["audit", "verify"], more].concat();
    let output = cli(gateway, &arguments);
    assert_eq!(output.status.code(), Some(1), "{arguments:?} found nothing");
    let line: Value = serde_json::from_slice(&output.stdout).expect("one JSON line");
    line["error"].as_str().expect("an error").to_owned()
}

fn head(gateway: &Gateway) -> String {
    let told = cli_json(gateway, &["audit", "verify", "--tenant", "default"]);
    assert_eq!(told["ok"], true);
    told["chains"][0]["head"].as_str().expect("a head").to_owned()
}

#[test]
fn who_signed_in_and_who_changed_what_is_in_the_trail_and_no_secret_is() {
    let gateway = Gateway::start(&[]);
    let key = add_key(&gateway, "default", "agent", &["keys.own"]);
    let grant = granted(&gateway, &key);
    let bearer = format!("Bearer {}", grant["access_token"].as_str().unwrap());
    let refresh = grant["refresh_token"].as_str().unwrap();
    let body = json!({"grant_type": "refresh_token", "refresh_token": refresh}).to_string();
    assert_eq!(super::post(&gateway, super::JSON_LOGIN, &[], &body).status, 200);
    login(&gateway, &Key { secret: "wrong".to_owned(), ..key.clone() });
    // A secret where the id should be.
    login(&gateway, &Key { id: key.secret.clone(), secret: key.secret.clone() });
    let path = format!("{KEYS}/{}", key.id);
    call(&gateway, &bearer, "PATCH", &path, r#"{"isActive":true}"#);
    let rotated = call(&gateway, &bearer, "PATCH", &path, r#"{"rotateSecret":true}"#).json();
    let rotated = Key::of(&rotated["resultSet"]);
    cli_json(&gateway, &["access-key", "remove", &key.id]);
    cli_json(&gateway, &["user", "remove", "agent"]);

    let rows = rows(&gateway);
    let told: Vec<(&str, &str, &str)> = rows
        .iter()
        .skip_while(|row| row["subject"] != "agent")
        .map(|row| {
            let text = |name: &str| row[name].as_str().expect("a text");
            (text("actor"), text("action"), text("subject"))
        })
        .collect();
    let id = key.id.as_str();
    assert_eq!(
        told,
        [
            ("cli", "user.add", "agent"),
            ("cli", "key.create", id),
            ("agent", "token.issue", id),
            ("agent", "token.issue", id),
            ("agent", "token.refuse", id),
            ("unknown", "token.refuse", ""),
            ("agent", "key.change", id),
            ("agent", "key.rotate", id),
            ("cli", "key.remove", id),
            ("cli", "user.remove", "agent"),
        ]
    );
    let details: Vec<&Value> = rows.iter().map(|row| &row["detail"]).collect();
    assert!(details.contains(&&json!({"grant": "refresh_token", "address": "127.0.0.1"})));
    assert!(details.contains(&&json!({"reason": "wrong secret", "address": "127.0.0.1"})));
    assert!(details.contains(&&json!({"reason": "unknown key", "address": "127.0.0.1"})));
    let text = json!(rows).to_string();
    for secret in [&key.secret, &rotated.secret, &bearer[7..], refresh] {
        assert!(!text.contains(secret), "a secret is in the audit trail");
    }
    // The first start is the beginning of the trail.
    assert_eq!((&rows[0]["number"], &rows[0]["actor"]), (&json!(1), &json!("system")));
    head(&gateway);
}

#[test]
fn each_change_of_a_row_is_found_and_the_row_named() {
    let gateway = Gateway::start(&[]);
    for number in 0..6 {
        add_user(&gateway, "default", &format!("user-{number}"), &["play"]);
    }
    let count = value(&gateway, "SELECT COUNT(*) FROM audit WHERE tenant = 'default'");
    assert_eq!(count, 8, "two of the first start, and six users");
    head(&gateway);
    for (change, undo, row) in [
        ("SET actor = 'nobody' WHERE number = 3", "SET actor = 'cli' WHERE number = 3", 3),
        ("SET at_us = at_us + 1 WHERE number = 5", "SET at_us = at_us - 1 WHERE number = 5", 5),
        (
            "SET detail = detail || ' ' WHERE number = 4",
            "SET detail = rtrim(detail) WHERE number = 4",
            4,
        ),
        ("SET number = 99 WHERE number = 6", "SET number = 6 WHERE number = 99", 6),
        ("SET tenant = 'other' WHERE number = 7", "SET tenant = 'default' WHERE number = 7", 7),
        ("SET number = 0 WHERE number = 1", "SET number = 1 WHERE number = 0", 1),
    ] {
        sql(&gateway, &format!("UPDATE audit {change}"));
        let told = fault(&gateway, &["--tenant", "default"]);
        assert!(told.contains(&format!("tenant default, row {row}: ")), "{change}: {told}");
        fault(&gateway, &[]);
        sql(&gateway, &format!("UPDATE audit {undo}"));
        head(&gateway);
    }
    for (number, found) in [(9, 9), (0, 1), (-5, 1)] {
        let put_in = format!(
            "INSERT INTO audit SELECT tenant, {number}, at_us, actor, action, subject, detail, \
             previous_sha256, sha256 FROM audit WHERE number = 8"
        );
        sql(&gateway, &put_in);
        assert!(fault(&gateway, &[]).contains(&format!("row {found}: ")), "{number}");
        sql(&gateway, &format!("DELETE FROM audit WHERE number = {number}"));
        head(&gateway);
    }
    sql(&gateway, "DELETE FROM audit WHERE number = 2");
    assert!(fault(&gateway, &[]).contains("row 2: is missing; row 3 follows"));
}

#[test]
fn rows_cut_off_at_the_end_are_missed() {
    let gateway = Gateway::start(&[]);
    for number in 0..4 {
        add_user(&gateway, "default", &format!("user-{number}"), &["play"]);
    }
    let kept = head(&gateway);
    add_user(&gateway, "default", "later", &["play"]);
    let verify = |head: &str| ["--tenant", "default", "--head", head].map(str::to_owned);
    let good = [&["audit".to_owned(), "verify".to_owned()], verify(&kept).as_slice()].concat();
    let good: Vec<&str> = good.iter().map(String::as_str).collect();
    assert_eq!(cli_json(&gateway, &good)["chains"][0]["rows"], 7, "the chain has grown since");

    sql(&gateway, "DELETE FROM audit WHERE number > 5");
    assert!(fault(&gateway, &[]).contains("row 6: is missing: the gateway's note"));
    // Whoever cuts off the note as well is found by what was kept elsewhere.
    sql(
        &gateway,
        "UPDATE audit_heads SET number = 5, sha256 = \
         (SELECT sha256 FROM audit WHERE number = 5 AND audit.tenant = audit_heads.tenant)",
    );
    head(&gateway);
    let told = fault(&gateway, &["--tenant", "default", "--head", &kept]);
    assert!(told.contains("row 6: is missing: the head that was kept"), "{told}");
    // The trail goes on from where it was cut, and never comes to fit again.
    add_user(&gateway, "default", "again", &["play"]);
    fault(&gateway, &["--tenant", "default", "--head", &kept]);
    sql(&gateway, "DELETE FROM audit_heads");
    assert!(fault(&gateway, &[]).contains("note of its last row is gone"));
}

#[test]
fn tenants_have_chains_of_their_own_and_pages_are_read() {
    let gateway = Gateway::start(&[]);
    add_user(&gateway, "one", "a", &["play"]);
    add_user(&gateway, "two", "b", &["play"]);
    let told = cli_json(&gateway, &["audit", "verify"]);
    let chains: Vec<(&str, i64)> = told["chains"]
        .as_array()
        .unwrap()
        .iter()
        .map(|chain| (chain["tenant"].as_str().unwrap(), chain["rows"].as_i64().unwrap()))
        .collect();
    assert_eq!(chains, [("default", 2), ("one", 1), ("two", 1)]);
    let page = cli_json(&gateway, &["audit", "list", "--from", "2", "--limit", "1"]);
    assert_eq!(page["rows"].as_array().unwrap().len(), 1);
    assert_eq!(page["rows"][0]["number"], 2);
    sql(&gateway, "UPDATE audit SET subject = 'c' WHERE tenant = 'two'");
    assert!(fault(&gateway, &[]).contains("tenant two, row 1: was changed"));
    head(&gateway);
    let output = cli(&gateway, &["audit", "verify", "--head", &"0".repeat(64)]);
    assert_eq!(output.status.code(), Some(2), "--head without --tenant");
}
