//! Access keys from making to removal.

use serde_json::{Value, json};

use super::{
    KEYS, Key, add_key, add_user, bearer, call, cli_json, granted, lets_in, login, problem, sql,
    value,
};
use crate::gateway::Gateway;

fn created(gateway: &Gateway, bearer: &str, body: &str) -> (Key, Value) {
    let answer = call(gateway, bearer, "POST", KEYS, body);
    assert_eq!(answer.status, 201, "{}", String::from_utf8_lossy(&answer.body));
    let shown = answer.json()["resultSet"].clone();
    (Key::of(&shown), shown)
}

#[test]
fn a_key_lives_from_its_making_to_its_removal() {
    let gateway = Gateway::start(&[("IDENTITY__FAILED_LOGINS", "100")]);
    let own = add_user(&gateway, "default", "kim", &["keys.own", "ingest.read"]);
    let (key, shown) = created(&gateway, &own, "");
    let expected = json!({
        "userId": "kim", "tenantId": "default", "agentId": "kim", "billingId": "default",
        "isActive": true,
    });
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(shown[name], *value, "{name}");
    }
    let path = format!("{KEYS}/{}", key.id);
    let one = || call(&gateway, &own, "GET", &path, "").json()["resultSet"].clone();
    assert!(one()["lastUsedDate"].is_null(), "{}", one());
    let token = bearer(&gateway, &key);
    assert!(lets_in(&gateway, &token));
    let last = one()["lastUsedDate"].as_str().expect("a date").to_owned();
    assert!(last.len() == 24 && last.ends_with('Z'), "{last}: milliseconds in UTC");
    // Its own token manages it as well as the user's other credential does.
    let listed = call(&gateway, &token, "GET", KEYS, "").json();
    assert_eq!(listed["resultSet"].as_array().unwrap().len(), 1);
    for told in [one(), listed] {
        assert!(!told.to_string().contains(&key.secret[4..]), "a secret is shown again");
    }

    let patch = |body: &str| call(&gateway, &own, "PATCH", &path, body);
    assert_eq!(patch(r#"{"isActive":"False"}"#).json()["resultSet"]["isActive"], false);
    assert!(!lets_in(&gateway, &token), "a token outlives its key");
    problem(&login(&gateway, &key), 401, "INVALID_CREDENTIALS", "");
    assert_eq!(patch(r#"{"isActive":true}"#).json()["resultSet"]["isActive"], true);
    let token = bearer(&gateway, &key);

    let rotated = Key::of(&patch(r#"{"rotateSecret":true}"#).json()["resultSet"]);
    assert_eq!(rotated.id, key.id);
    assert!(!lets_in(&gateway, &token), "a token outlives the secret that brought it");
    problem(&login(&gateway, &key), 401, "INVALID_CREDENTIALS", "");
    let token = bearer(&gateway, &rotated);
    assert!(lets_in(&gateway, &token));

    for (body, names) in [("", "isActive"), (r#"{"isActive":"yes"}"#, "isActive"), ("{", "JSON")] {
        let answer = patch(body);
        let code = if body == "{" { "INVALID_BODY" } else { "INVALID_PARAMETER" };
        problem(&answer, 400, code, names);
    }
    let removed = call(&gateway, &own, "DELETE", &path, "");
    assert_eq!(
        (removed.status.as_u16(), &removed.json()["resultSet"]["accessKeyId"]),
        (200, &json!(key.id))
    );
    assert!(!lets_in(&gateway, &token));
    problem(&login(&gateway, &rotated), 401, "INVALID_CREDENTIALS", "");
    for method in ["GET", "PATCH", "DELETE"] {
        problem(&call(&gateway, &own, method, &path, ""), 404, "NOT_FOUND", "access key");
    }
    assert!(!gateway.log().contains(&key.secret[4..]));
}

#[test]
fn keys_of_others_need_keys_manage_and_those_of_other_tenants_are_not_there() {
    let gateway = Gateway::start(&[]);
    let kim = add_user(&gateway, "default", "kim", &["keys.own"]);
    let keeper = add_user(&gateway, "default", "keeper", &["keys.manage"]);
    let nobody = add_user(&gateway, "default", "nobody", &["play"]);
    let stranger = add_user(&gateway, "other", "stranger", &["keys.manage", "keys.own"]);
    let (kims, _) = created(&gateway, &kim, "{}");
    let (lees, shown) = {
        add_user(&gateway, "default", "lee", &["ingest.read"]);
        created(&gateway, &keeper, r#"{"userId":"lee"}"#)
    };
    assert_eq!(shown["userId"], "lee");
    assert!(lets_in(&gateway, &bearer(&gateway, &lees)));

    let body = r#"{"userId":"lee"}"#;
    problem(&call(&gateway, &kim, "POST", KEYS, body), 403, "FORBIDDEN", "keys.manage");
    let mine = call(&gateway, &kim, "GET", KEYS, "").json();
    assert_eq!(mine["resultSet"].as_array().unwrap().len(), 1);
    let all = call(&gateway, &keeper, "GET", KEYS, "").json();
    assert_eq!(all["resultSet"].as_array().unwrap().len(), 2);
    let of_lee = call(&gateway, &keeper, "GET", &format!("{KEYS}?userId=lee"), "").json();
    assert_eq!(of_lee["resultSet"][0]["accessKeyId"], lees.id);
    let answer = call(&gateway, &kim, "GET", &format!("{KEYS}?userId=lee"), "");
    problem(&answer, 403, "FORBIDDEN", "keys.manage");
    problem(
        &call(&gateway, &keeper, "POST", KEYS, r#"{"userId":"nil"}"#),
        404,
        "NOT_FOUND",
        "user",
    );
    problem(&call(&gateway, &stranger, "POST", KEYS, body), 404, "NOT_FOUND", "user");
    assert_eq!(call(&gateway, &stranger, "GET", KEYS, "").json(), json!({"resultSet": []}));

    for method in ["GET", "PATCH", "DELETE"] {
        let path = format!("{KEYS}/{}", lees.id);
        let body = r#"{"isActive":false}"#;
        let ask = |bearer: &str| call(&gateway, bearer, method, &path, body);
        problem(&ask(&kim), 403, "FORBIDDEN", "keys.manage");
        problem(&ask(&nobody), 403, "FORBIDDEN", "keys.own");
        problem(&ask(&stranger), 404, "NOT_FOUND", "access key");
        problem(&ask("Bearer x"), 401, "UNAUTHORIZED", "token");
        problem(&ask(""), 401, "UNAUTHORIZED", "token");
    }
    granted(&gateway, &lees);
    let path = format!("/access-key-management/access-keys/{}", kims.id);
    assert_eq!(call(&gateway, &keeper, "DELETE", &path, "").status, 200);
}

#[test]
fn a_removed_user_takes_its_keys_along() {
    let gateway = Gateway::start(&[]);
    let key = add_key(&gateway, "default", "agent", &["ingest.read"]);
    let token = bearer(&gateway, &key);
    assert!(lets_in(&gateway, &token));
    cli_json(&gateway, &["user", "remove", "agent"]);
    assert!(!lets_in(&gateway, &token));
    // Somebody else of the same name gets none of them.
    add_user(&gateway, "default", "agent", &["ingest.read", "admin"]);
    assert!(!lets_in(&gateway, &token));
    problem(&login(&gateway, &key), 401, "INVALID_CREDENTIALS", "");
    assert_eq!(value(&gateway, "SELECT COUNT(*) FROM access_keys"), 0);
    assert_eq!(value(&gateway, "SELECT COUNT(*) FROM refresh_tokens"), 0);
}

#[test]
fn a_disabled_user_and_a_changed_permission_count_at_once() {
    let gateway = Gateway::start(&[]);
    let key = add_key(&gateway, "default", "agent", &["ingest.read"]);
    let token = bearer(&gateway, &key);
    sql(&gateway, "UPDATE principals SET disabled = 1 WHERE name = 'agent'");
    assert!(!lets_in(&gateway, &token));
    problem(&login(&gateway, &key), 401, "INVALID_CREDENTIALS", "");
    sql(&gateway, "UPDATE principals SET disabled = 0 WHERE name = 'agent'");
    assert!(lets_in(&gateway, &token));
    sql(&gateway, "UPDATE principals SET permissions = 'play' WHERE name = 'agent'");
    let answer = call(&gateway, &token, "GET", "/ingest/v1/recordings/unknown", "");
    assert_eq!(answer.status, 403);
}

#[test]
fn the_last_use_is_written_once_a_minute() {
    let gateway = Gateway::start(&[]);
    let key = add_key(&gateway, "default", "agent", &["ingest.read"]);
    let token = bearer(&gateway, &key);
    let last = || value(&gateway, "SELECT last_used_us FROM access_keys");
    let first = last();
    for _ in 0..5 {
        assert!(lets_in(&gateway, &token));
    }
    assert_eq!(last(), first);
    sql(&gateway, "UPDATE access_keys SET last_used_us = last_used_us - 61000000");
    assert!(lets_in(&gateway, &token));
    assert!(last() >= first, "a use after a minute was not written");
}

#[test]
fn nobody_has_more_than_a_hundred_keys() {
    let gateway = Gateway::start(&[]);
    let own = add_user(&gateway, "default", "kim", &["keys.own"]);
    for _ in 0..100 {
        created(&gateway, &own, "");
    }
    problem(&call(&gateway, &own, "POST", KEYS, ""), 409, "LIMIT", "100");
    let listed = call(&gateway, &own, "GET", KEYS, "").json();
    assert_eq!(listed["resultSet"].as_array().unwrap().len(), 100);
}

#[test]
fn a_name_that_no_token_can_carry_gets_no_key() {
    let gateway = Gateway::start(&[]);
    for name in ["zo\u{eb}", "a~b", "what?"] {
        let own = add_user(&gateway, "default", name, &["keys.own"]);
        problem(&call(&gateway, &own, "POST", KEYS, ""), 400, "INVALID_PARAMETER", "userId");
    }
    let own = add_user(&gateway, "a~b", "kim", &["keys.own"]);
    problem(&call(&gateway, &own, "POST", KEYS, ""), 400, "INVALID_PARAMETER", "tenantId");
}
