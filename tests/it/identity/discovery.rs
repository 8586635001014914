//! Where clients find what, and what all answers of the dialect have.

use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use serde_json::json;

use super::{FORM_LOGIN, JSON_LOGIN, KEYS, add_key, claims, granted, lets_in, problem};
use crate::gateway::{Answer, Gateway, PROGRAM, send};

fn get(gateway: &Gateway, path: &str) -> Answer {
    let answer = send("GET", &format!("{}{path}", gateway.url), &[], "");
    assert_eq!(answer.status, 200, "{path}");
    assert_eq!(answer.header("content-type"), "application/json", "{path}");
    assert_eq!(answer.header("cache-control"), "no-store", "{path}");
    answer
}

#[test]
fn discovery_leads_to_the_endpoints() {
    let gateway = Gateway::start(&[]);
    let key = add_key(&gateway, "default", "agent", &["ingest.read"]);
    let base = &gateway.url;
    let found = get(&gateway, "/.well-known/openid-configuration").json();
    assert_eq!(found, get(&gateway, "/auth/.well-known/openid-configuration").json());
    assert_eq!(found["issuer"], *base);
    let form = format!("grant_type=password&username={}&password={}", key.id, key.secret);
    let answer = send("POST", found["token_endpoint"].as_str().unwrap(), &[super::FORM], form);
    assert_eq!(answer.status, 200);
    assert_eq!(claims(answer.json()["id_token"].as_str().unwrap())["iss"], found["issuer"]);
    let keys = send("GET", found["jwks_uri"].as_str().unwrap(), &[], "").json();
    assert_eq!(keys["keys"].as_array().unwrap().len(), 1);
    for private in ["d", "p", "q", "dp", "dq", "qi"] {
        assert!(keys["keys"][0].get(private).is_none(), "{private} is published");
    }
    let ended =
        send("POST", found["end_session_endpoint"].as_str().unwrap(), &[], "refresh_token=x");
    assert_eq!(ended.status, 200);
    let page = send("GET", found["authorization_endpoint"].as_str().unwrap(), &[], "");
    problem(&page, 400, "UNSUPPORTED_RESPONSE_TYPE", "token endpoint");
    for name in ["display_values_supported", "code_challenge_methods_supported"] {
        assert!(found[name].is_array(), "{name}");
    }
    let host = base.strip_prefix("http://").unwrap();
    for path in ["?tenantId=default", "?tenantId=unknown", ""] {
        let found = get(&gateway, &format!("/.well-known/cxone-configuration{path}")).json();
        assert_eq!(
            found,
            json!({
                "api_endpoint": base, "area": "local", "cluster": "local", "domain": host,
                "acdDomain": host, "uhDomain": host, "globaldomain_v1": host,
            })
        );
    }
}

#[test]
fn names_and_lives_are_settings() {
    let gateway = Gateway::start(&[
        ("SERVER__PUBLIC_URL", "https://recordings.example/gate/"),
        ("IDENTITY__ISSUER", "https://login.example"),
        ("IDENTITY__AREA", "eu1"),
        ("IDENTITY__DOMAIN", "calls.example"),
        ("IDENTITY__TOKEN_S", "77"),
    ]);
    let key = add_key(&gateway, "default", "agent", &["ingest.read"]);
    let grant = granted(&gateway, &key);
    assert_eq!(grant["expires_in"], 77);
    let token = grant["access_token"].as_str().unwrap();
    let told = claims(token);
    assert_eq!(
        (&told["iss"], &told["aud"], &told["area"]),
        (&json!("https://login.example"), &json!("https://recordings.example/gate"), &json!("eu1"))
    );
    assert_eq!(told["exp"].as_i64().unwrap() - told["iat"].as_i64().unwrap(), 77);
    assert!(lets_in(&gateway, &format!("Bearer {token}")));
    let found = get(&gateway, "/.well-known/cxone-configuration?tenantId=default").json();
    assert_eq!(
        (&found["domain"], &found["area"], &found["api_endpoint"]),
        (&json!("calls.example"), &json!("eu1"), &json!("https://recordings.example/gate"))
    );
    let found = get(&gateway, "/.well-known/openid-configuration").json();
    assert_eq!(found["issuer"], "https://login.example");
}

#[test]
fn bad_settings_are_named_all_at_once() {
    let output = Command::new("timeout")
        .args(["60", PROGRAM, "serve", "--data-dir", "/nonexistent"])
        .envs([
            ("REELGATE__IDENTITY__ISSUER", "login"),
            ("REELGATE__IDENTITY__AREA", "a~b"),
            ("REELGATE__IDENTITY__DOMAIN", ""),
            ("REELGATE__IDENTITY__TOKEN_S", "0"),
            ("REELGATE__IDENTITY__REFRESH_S", "99999999999"),
            ("REELGATE__IDENTITY__FAILED_LOGINS", "0"),
            ("REELGATE__IDENTITY__FAILED_LOGINS_WINDOW_S", "0"),
        ])
        .output()
        .expect("the program");
    assert_eq!(output.status.code(), Some(64));
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    for name in [
        "issuer",
        "area",
        "domain",
        "token_s",
        "refresh_s",
        "failed_logins ",
        "failed_logins_window_s",
    ] {
        assert!(text.contains(&format!("identity.{name}")), "{name} is not in {text}");
    }
}

#[test]
fn every_answer_is_json_is_not_cached_and_carries_the_callers_id() {
    let gateway = Gateway::start(&[]);
    for (method, path) in [
        ("GET", "/.well-known/openid-configuration"),
        ("GET", "/auth/jwks"),
        ("POST", JSON_LOGIN),
        ("POST", FORM_LOGIN),
        ("DELETE", FORM_LOGIN),
        ("GET", KEYS),
        ("PUT", KEYS),
        ("GET", "/access-key-management/v1/access-keys/%ff"),
        ("GET", "/auth/nothing"),
        ("GET", "/authentication/v2/token"),
        ("GET", "/.well-known/nothing"),
        ("POST", "/access-key-management"),
    ] {
        let headers = [("CorrelationId", "call 7/a"), ("content-type", "application/json")];
        let answer = send(method, &format!("{}{path}", gateway.url), &headers, "");
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        assert_eq!(answer.header("correlationid"), "call 7/a", "{method} {path}");
        assert_eq!(answer.header("content-type"), "application/json", "{method} {path}");
        assert_eq!(answer.header("cache-control"), "no-store", "{method} {path}");
        if answer.status != 200 {
            assert!(answer.json()["message"].is_string(), "{method} {path}: {text}");
            assert!(answer.json()["internalCode"].is_string(), "{method} {path}: {text}");
        }
    }
    let long = "x".repeat(201);
    let headers = [("CorrelationId", long.as_str())];
    let answer = send("GET", &format!("{}/auth/jwks", gateway.url), &headers, "");
    assert_eq!(answer.header("correlationid"), "");
}

#[test]
fn the_token_key_is_made_once_and_kept_from_others() {
    let mut gateway = Gateway::start(&[]);
    let path = gateway.data().join("token.key");
    let mode = std::fs::metadata(&path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);
    let told = Command::new("openssl")
        .args(["pkey", "-inform", "DER", "-noout", "-text", "-in"])
        .arg(&path)
        .output()
        .expect("openssl");
    assert!(String::from_utf8_lossy(&told.stdout).contains("2048 bit"));
    let key = |gateway: &Gateway| get(gateway, "/auth/jwks").json();
    let before = key(&gateway);
    gateway.kill();
    gateway.restart();
    assert_eq!(key(&gateway), before);
    gateway.kill();
    let refused = |what: &str| {
        // A program that starts after all must not hold up the test: `timeout` ends it with 124.
        let output = Command::new("timeout")
            .args(["60", PROGRAM, "serve", "--listen", "127.0.0.1:0", "--data-dir"])
            .arg(gateway.data())
            .output()
            .expect("the program");
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && text.contains(what), "{text}");
        assert!(text.contains("token.key"), "{text}");
    };
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o644)).unwrap();
    refused("chmod 600");
    std::fs::write(&path, b"no key").unwrap();
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
    refused("token key");
}
