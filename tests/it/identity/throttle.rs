//! Wrong sign-ins are counted, and then not looked at.

use serde_json::json;

use super::{FORM, FORM_LOGIN, JSON_LOGIN, Key, add_key, granted, login, post, problem, value};
use crate::gateway::{Answer, Gateway};

fn wrong(key: &Key) -> Key {
    Key { id: key.id.clone(), secret: "rgs_wrong".to_owned() }
}

fn is_throttled(answer: &Answer, route: &str) {
    let told = problem(answer, 429, "THROTTLED", "try again in");
    assert_eq!(told["route"], route);
    let seconds: u64 = answer.header("retry-after").parse().expect("seconds");
    assert!((1..=300).contains(&seconds), "{seconds}");
}

#[test]
fn beyond_its_limit_a_key_is_not_looked_at_from_there() {
    let gateway = Gateway::start(&[("IDENTITY__FAILED_LOGINS", "3")]);
    let key = add_key(&gateway, "default", "agent", &["play"]);
    let other = add_key(&gateway, "default", "agent-2", &["play"]);
    // A good one in between begins the count anew.
    for _ in 0..3 {
        for _ in 0..2 {
            problem(&login(&gateway, &wrong(&key)), 401, "INVALID_CREDENTIALS", "");
        }
        granted(&gateway, &key);
    }
    for _ in 0..3 {
        problem(&login(&gateway, &wrong(&key)), 401, "INVALID_CREDENTIALS", "");
    }
    is_throttled(&login(&gateway, &wrong(&key)), JSON_LOGIN);
    // The right secret is told apart from a wrong one no more, on either path.
    is_throttled(&login(&gateway, &key), JSON_LOGIN);
    let form = format!("grant_type=password&username={}&password={}", key.id, key.secret);
    is_throttled(&post(&gateway, FORM_LOGIN, &[FORM], &form), FORM_LOGIN);
    // Who claims to be elsewhere is not believed without a proxy.
    let claimed = [("x-forwarded-for", "198.51.100.7")];
    is_throttled(&post(&gateway, JSON_LOGIN, &claimed, &key.body()), JSON_LOGIN);
    granted(&gateway, &other);
    // What was not looked at writes no row.
    let refusals = "SELECT COUNT(*) FROM audit WHERE action = 'token.refuse'";
    assert_eq!(value(&gateway, refusals), 9);
}

#[test]
fn keys_that_do_not_exist_are_throttled_alike_and_one_address_has_an_end() {
    let gateway = Gateway::start(&[("IDENTITY__FAILED_LOGINS", "2")]);
    let key = add_key(&gateway, "default", "agent", &["play"]);
    let unknown = |number: u32| Key { id: format!("rgk_{number:032x}"), secret: "x".to_owned() };
    for _ in 0..2 {
        problem(&login(&gateway, &unknown(0)), 401, "INVALID_CREDENTIALS", "");
    }
    is_throttled(&login(&gateway, &unknown(0)), JSON_LOGIN);
    for number in 1..19 {
        problem(&login(&gateway, &unknown(number)), 401, "INVALID_CREDENTIALS", "");
    }
    is_throttled(&login(&gateway, &unknown(99)), JSON_LOGIN);
    is_throttled(&login(&gateway, &key), JSON_LOGIN);
    let refresh = json!({"grant_type": "refresh_token", "refresh_token": "x"}).to_string();
    is_throttled(&post(&gateway, JSON_LOGIN, &[], &refresh), JSON_LOGIN);
}

#[test]
fn behind_a_proxy_its_clients_are_told_apart() {
    let settings = [("IDENTITY__FAILED_LOGINS", "1"), ("SERVER__BEHIND_TLS_PROXY", "true")];
    let gateway = Gateway::start(&settings);
    let key = add_key(&gateway, "default", "agent", &["play"]);
    let from = |address: &str, key: &Key| {
        let headers = [("x-forwarded-for", address)];
        post(&gateway, JSON_LOGIN, &headers, &key.body())
    };
    assert_eq!(from("192.0.2.1", &wrong(&key)).status, 401);
    is_throttled(&from("192.0.2.1", &key), JSON_LOGIN);
    // Only the last is the proxy's word.
    is_throttled(&from("192.0.2.9, 192.0.2.1", &key), JSON_LOGIN);
    assert_eq!(from("192.0.2.1, 192.0.2.2", &key).status, 200);
}
