//! Refresh tokens: each is good once.

use serde_json::{Value, json};

use super::{
    FORM, FORM_LOGIN, JSON_LOGIN, Key, add_key, call, cli_json, granted, lets_in, post, problem,
    sql, value,
};
use crate::gateway::{Answer, Gateway};

fn refresh(gateway: &Gateway, token: &str) -> Answer {
    let body = json!({"grant_type": "refresh_token", "refresh_token": token}).to_string();
    post(gateway, JSON_LOGIN, &[], &body)
}

fn token(grant: &Value) -> String {
    grant["refresh_token"].as_str().expect("a refresh token").to_owned()
}

fn start() -> (Gateway, Key) {
    let gateway = Gateway::start(&[("IDENTITY__FAILED_LOGINS", "100")]);
    let key = add_key(&gateway, "default", "agent", &["ingest.read"]);
    (gateway, key)
}

fn is_refused(answer: &Answer) {
    problem(answer, 401, "INVALID_CREDENTIALS", "credentials");
}

#[test]
fn a_refresh_token_is_good_once_and_its_second_use_voids_the_family() {
    let (gateway, key) = start();
    let first = token(&granted(&gateway, &key));
    let other_sign_in = token(&granted(&gateway, &key));
    let second = refresh(&gateway, &first);
    assert_eq!(second.status, 200, "{}", String::from_utf8_lossy(&second.body));
    let second = second.json();
    assert!(lets_in(&gateway, &format!("Bearer {}", second["access_token"].as_str().unwrap())));
    assert_ne!(token(&second), first);
    let form = format!("grant_type=refresh_token&refresh_token={}", token(&second));
    let third = post(&gateway, FORM_LOGIN, &[FORM], &form);
    assert_eq!(third.status, 200);
    let third = token(&third.json());
    // Somebody uses a spent one: neither they nor its owner get any further.
    is_refused(&refresh(&gateway, &first));
    is_refused(&refresh(&gateway, &third));
    is_refused(&refresh(&gateway, &token(&second)));
    // Another sign-in of the same key is another family.
    assert_eq!(refresh(&gateway, &other_sign_in).status, 200);
    let reuses = "SELECT COUNT(*) FROM audit WHERE action = 'token.reuse'";
    assert_eq!(value(&gateway, reuses), 1);
}

#[test]
fn of_many_uses_at_once_at_most_one_is_good() {
    let (gateway, key) = start();
    let token = token(&granted(&gateway, &key));
    let good = std::thread::scope(|scope| {
        let uses: Vec<_> =
            (0..8).map(|_| scope.spawn(|| refresh(&gateway, &token).status == 200)).collect();
        uses.into_iter().map(|used| used.join().unwrap()).filter(|good| *good).count()
    });
    assert_eq!(good, 1);
}

#[test]
fn a_refresh_token_rests_as_a_digest_and_expires() {
    let (gateway, key) = start();
    let grant = granted(&gateway, &key);
    let live = token(&grant);
    let life = "SELECT (expires_us / 1000000 - CAST(strftime('%s', 'now') AS INTEGER)) \
                FROM refresh_tokens";
    assert!((86_300..=86_401).contains(&value(&gateway, life)));
    let bytes = std::fs::read(super::catalogue(&gateway)).unwrap();
    let log = std::fs::read(gateway.data().join("catalog.sqlite-wal")).unwrap_or_default();
    let held = [bytes, log].concat();
    for secret in [&live, &key.secret, grant["access_token"].as_str().unwrap()] {
        let secret = secret.as_bytes();
        assert!(!held.windows(secret.len()).any(|part| part == secret), "a secret rests in clear");
    }
    sql(&gateway, "UPDATE refresh_tokens SET expires_us = 1");
    is_refused(&refresh(&gateway, &live));
    // The next sign-in clears away what has expired.
    granted(&gateway, &key);
    assert_eq!(value(&gateway, "SELECT COUNT(*) FROM refresh_tokens"), 1);
}

#[test]
fn what_ends_a_key_ends_its_refresh_tokens() {
    let (gateway, key) = start();
    let fresh = || token(&granted(&gateway, &key));
    let before = fresh();
    cli_json(&gateway, &["access-key", "disable", &key.id]);
    is_refused(&refresh(&gateway, &before));
    cli_json(&gateway, &["access-key", "enable", &key.id]);
    is_refused(&refresh(&gateway, &before));
    let before = fresh();
    let key = Key::of(&cli_json(&gateway, &["access-key", "rotate", &key.id]));
    is_refused(&refresh(&gateway, &before));
    // A sign-in that a new secret overtook leaves a token of the old one.
    let before = token(&granted(&gateway, &key));
    sql(&gateway, "UPDATE access_keys SET generation = generation + 1");
    is_refused(&refresh(&gateway, &before));
    let before = token(&granted(&gateway, &key));
    sql(&gateway, "UPDATE principals SET disabled = 1 WHERE name = 'agent'");
    is_refused(&refresh(&gateway, &before));
    sql(&gateway, "UPDATE principals SET disabled = 0 WHERE name = 'agent'");
    let before = token(&granted(&gateway, &key));
    cli_json(&gateway, &["access-key", "remove", &key.id]);
    is_refused(&refresh(&gateway, &before));
}

#[test]
fn signing_out_voids_a_refresh_token() {
    let (gateway, key) = start();
    let (one, two) = (token(&granted(&gateway, &key)), token(&granted(&gateway, &key)));
    let answer = post(&gateway, "/auth/logout", &[FORM], &format!("refresh_token={one}"));
    assert_eq!(answer.json(), json!({}));
    is_refused(&refresh(&gateway, &one));
    let path = format!("/auth/logout?refresh_token={two}");
    assert_eq!(call(&gateway, "", "GET", &path, "").status, 200);
    is_refused(&refresh(&gateway, &two));
    let answer = post(&gateway, "/auth/logout", &[FORM], "");
    problem(&answer, 400, "INVALID_PARAMETER", "refresh_token is missing");
    assert!(!gateway.log().contains(&two));
}
