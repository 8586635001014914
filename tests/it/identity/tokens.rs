//! Tokens: how they are asked for, what they say, who can verify them.

use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    FORM, FORM_LOGIN, JSON_LOGIN, Key, add_key, claims, granted, lets_in, login, post, problem,
};
use crate::gateway::{Answer, Gateway, send};

fn header(token: &str) -> Value {
    let bytes = URL_SAFE_NO_PAD.decode(token.split('.').next().expect("a header"));
    serde_json::from_slice(&bytes.expect("base64url")).expect("JSON")
}

fn openssl(folder: &std::path::Path, line: &str) -> String {
    let output = Command::new("openssl")
        .current_dir(folder)
        .args(line.split_whitespace())
        .output()
        .expect("openssl: apt-get install openssl");
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "openssl {line}: {text}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Verifies a token with OpenSSL and the published key set, and nothing else.
fn foreign_verifies(gateway: &Gateway, token: &str) {
    let set = send("GET", &format!("{}/auth/jwks", gateway.url), &[], "").json();
    let kid = &header(token)["kid"];
    let jwk = set["keys"].as_array().expect("keys").iter().find(|key| key["kid"] == *kid);
    let jwk = jwk.expect("the key of the token");
    assert_eq!(
        (&jwk["kty"], &jwk["use"], &jwk["alg"]),
        (&json!("RSA"), &json!("sig"), &json!("RS256"))
    );
    let hex = |name: &str| {
        let bytes = URL_SAFE_NO_PAD.decode(jwk[name].as_str().expect(name)).expect(name);
        assert_ne!(bytes.first(), Some(&0), "{name} has a leading zero (RFC 7518 section 6.3.1)");
        bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>()
    };
    let folder = tempfile::tempdir().unwrap();
    let public = format!(
        "asn1=SEQUENCE:info\n[info]\nalgorithm=SEQUENCE:rsa\nkey=BITWRAP,SEQUENCE:key\n\
         [rsa]\noid=OID:rsaEncryption\nnull=NULL\n[key]\nn=INTEGER:0x{}\ne=INTEGER:0x{}\n",
        hex("n"),
        hex("e")
    );
    let (signed, signature) = token.rsplit_once('.').expect("a signature");
    let write = |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes).unwrap();
    write("public.cnf", public.as_bytes());
    write("signed", signed.as_bytes());
    write("signature", &URL_SAFE_NO_PAD.decode(signature).expect("base64url"));
    openssl(folder.path(), "asn1parse -noout -genconf public.cnf -out public.der");
    openssl(folder.path(), "pkey -pubin -inform DER -in public.der -out public.pem");
    let told =
        openssl(folder.path(), "dgst -sha256 -verify public.pem -signature signature signed");
    assert!(told.contains("Verified OK"), "{told}");
}

/// Holds a grant to everything that clients read.
fn check_grant(gateway: &Gateway, key: &Key, answer: &Answer) {
    let text = String::from_utf8_lossy(&answer.body).into_owned();
    assert_eq!(answer.status, 200, "{text}");
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(answer.header("cache-control"), "no-store");
    let grant = answer.json();
    assert_eq!((&grant["token_type"], &grant["expires_in"]), (&json!("Bearer"), &json!(3600)));
    assert_eq!(grant["issued_token_type"], "urn:ietf:params:oauth:token-type:access_token");
    assert_eq!(grant["resource_server_base_uri"], gateway.url);
    assert!(grant["refresh_token"].as_str().is_some_and(|token| token.len() > 40));
    let now = Timestamp::now().as_second();
    for (name, typ) in [("access_token", "at+jwt"), ("id_token", "JWT")] {
        let token = grant[name].as_str().expect(name);
        let header = header(token);
        assert_eq!((&header["alg"], &header["typ"]), (&json!("RS256"), &json!(typ)), "{name}");
        let claims = claims(token);
        let expected = json!({
            "iss": gateway.url, "aud": gateway.url, "sub": "agent", "userId": "agent",
            "name": "agent", "tenantId": "default", "area": "local", "akid": key.id,
        });
        for (claim, value) in expected.as_object().expect("an object") {
            assert_eq!(claims[claim], *value, "{name} {claim}");
        }
        let (iat, exp) = (claims["iat"].as_i64().unwrap(), claims["exp"].as_i64().unwrap());
        assert!((now - 60..=now + 1).contains(&iat) && exp == iat + 3600, "{name}: {iat} {exp}");
        assert!(claims["jti"].as_str().is_some_and(|jti| jti.len() >= 16), "{name}");
        let scope = (name == "access_token").then_some("ingest.read play");
        assert_eq!(claims["scope"].as_str(), scope, "{name}");
        let text = claims.to_string();
        assert!(text.is_ascii() && !text.contains(['>', '?', '~']), "{text}");
        foreign_verifies(gateway, token);
        assert!(lets_in(gateway, &format!("Bearer {token}")), "{name} as a bearer token");
    }
    assert_ne!(
        claims(grant["access_token"].as_str().unwrap())["jti"],
        claims(grant["id_token"].as_str().unwrap())["jti"]
    );
}

#[test]
fn every_way_to_sign_in_gives_tokens_that_openssl_verifies() {
    let gateway = Gateway::start(&[]);
    let key = add_key(&gateway, "default", "agent", &["ingest.read", "play"]);
    let (id, secret) = (&key.id, &key.secret);
    check_grant(&gateway, &key, &login(&gateway, &key));
    // A client's own id and secret are ignored, and so is what nobody knows.
    let body = json!({
        "accessKeyId": id, "accessKeySecret": secret, "client_id": "app", "client_secret": "x",
        "grant_type": "password", "unknown": {"a": [1]},
    });
    check_grant(&gateway, &key, &post(&gateway, JSON_LOGIN, &[], &body.to_string()));
    let unversioned = "/authentication/token/access-key";
    check_grant(&gateway, &key, &post(&gateway, unversioned, &[], &key.body()));

    let basic = |user: &str, password: &str| {
        format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
    };
    let (own, foreign) = (basic(id, secret), basic("app", "x"));
    let with_user = format!("grant_type=password&username={id}&password={secret}");
    for (authorization, body) in [
        ("", with_user.clone()),
        ("", format!("{with_user}&client_id=app&client_secret=x&scope=openid")),
        (foreign.as_str(), with_user),
        (own.as_str(), "grant_type=password".to_owned()),
        ("", format!("grant_type=password&client_id={id}&client_secret={secret}")),
        (own.as_str(), "grant_type=client_credentials".to_owned()),
        ("", format!("grant_type=client_credentials&client_id={id}&client_secret={secret}")),
    ] {
        let mut headers = vec![FORM];
        if !authorization.is_empty() {
            headers.push(("authorization", authorization));
        }
        check_grant(&gateway, &key, &post(&gateway, FORM_LOGIN, &headers, &body));
    }
}

#[test]
fn what_is_wrong_with_a_sign_in_is_named_unless_it_is_the_credentials() {
    let gateway = Gateway::start(&[("IDENTITY__FAILED_LOGINS", "100")]);
    let key = add_key(&gateway, "default", "agent", &["play"]);
    let (id, secret) = (&key.id, &key.secret);
    let unknown = "rgk_00000000000000000000000000000000";
    let refused = [
        (JSON_LOGIN, json!({"accessKeyId": id, "accessKeySecret": "x"}).to_string()),
        (JSON_LOGIN, json!({"accessKeyId": unknown, "accessKeySecret": secret}).to_string()),
        (JSON_LOGIN, json!({"grant_type": "refresh_token", "refresh_token": "x"}).to_string()),
        (FORM_LOGIN, format!("grant_type=password&username={id}&password=x")),
        (FORM_LOGIN, format!("grant_type=password&username={unknown}&password={secret}")),
        (FORM_LOGIN, "grant_type=refresh_token&refresh_token=x".to_owned()),
    ];
    let mut bodies = Vec::new();
    for (path, body) in &refused {
        let answer = post(&gateway, path, &[], body);
        let told = problem(&answer, 401, "INVALID_CREDENTIALS", "credentials");
        assert_eq!(told["error"], "invalid_grant");
        assert_eq!(told["error_description"], told["message"]);
        bodies.push(answer.body);
    }
    bodies.dedup();
    assert_eq!(bodies.len(), 1, "an answer tells what was wrong");
    assert!(!gateway.log().contains(&key.secret[4..]));
}

const PARAMETER: &str = "INVALID_PARAMETER";
const GRANT: &str = "UNSUPPORTED_GRANT_TYPE";

#[test]
fn a_sign_in_that_cannot_be_read_is_refused_by_the_name_of_its_fault() {
    let gateway = Gateway::start(&[]);
    let long = format!("grant_type=password&username={}", "x".repeat(20_000));
    let twice = "grant_type=password&username=a&username=b&password=c";
    for (path, body, code, names) in [
        (JSON_LOGIN, "", PARAMETER, "accessKeyId is missing"),
        (JSON_LOGIN, "{", "INVALID_BODY", "JSON (line 1, column 1)"),
        (JSON_LOGIN, "[]", "INVALID_BODY", "object"),
        (JSON_LOGIN, r#"{"accessKeyId":1}"#, PARAMETER, "accessKeyId"),
        (JSON_LOGIN, r#"{"accessKeyId":"a"}"#, PARAMETER, "accessKeySecret is missing"),
        (JSON_LOGIN, r#"{"accessKeyId":"","accessKeySecret":"a"}"#, PARAMETER, "accessKeyId"),
        (JSON_LOGIN, r#"{"grant_type":"refresh_token"}"#, PARAMETER, "refresh_token is missing"),
        (JSON_LOGIN, r#"{"grant_type":"magic"}"#, GRANT, "grant_type"),
        (FORM_LOGIN, "", PARAMETER, "grant_type is missing"),
        (FORM_LOGIN, "grant_type=", PARAMETER, "grant_type"),
        (FORM_LOGIN, "grant_type=magic", GRANT, "password"),
        (FORM_LOGIN, "grant_type=password", PARAMETER, "username is missing"),
        (FORM_LOGIN, "grant_type=password&username=a", PARAMETER, "password is missing"),
        (FORM_LOGIN, twice, PARAMETER, "username is given twice"),
        (FORM_LOGIN, "grant_type=password&username=%ff&password=c", PARAMETER, "username"),
        (FORM_LOGIN, "grant_type=client_credentials&client_id=a", PARAMETER, "client_secret is"),
        (FORM_LOGIN, "grant_type=refresh_token", PARAMETER, "refresh_token is missing"),
        (FORM_LOGIN, &long, "TOO_LARGE", "16384"),
    ] {
        let answer = post(&gateway, path, &[FORM], body);
        let status = if code == "TOO_LARGE" { 413 } else { 400 };
        let told = problem(&answer, status, code, names);
        let error = if code == GRANT { "unsupported_grant_type" } else { "invalid_request" };
        assert_eq!(told["error"], error, "{body}");
        assert_eq!(told["error_description"], told["message"], "{body}");
    }
    let answer = send("GET", &format!("{}{FORM_LOGIN}", gateway.url), &[], "");
    problem(&answer, 405, "METHOD", FORM_LOGIN);
}

#[test]
fn tokens_outlive_a_restart_and_not_the_key_they_were_signed_with() {
    let settings = [("SERVER__PUBLIC_URL", "https://recordings.example/")];
    let mut gateway = Gateway::start(&settings);
    let key = add_key(&gateway, "default", "agent", &["ingest.read"]);
    let grant = granted(&gateway, &key);
    assert_eq!(grant["resource_server_base_uri"], "https://recordings.example");
    let bearer = format!("Bearer {}", grant["access_token"].as_str().unwrap());
    gateway.kill();
    gateway.restart();
    assert!(lets_in(&gateway, &bearer));
    gateway.kill();
    std::fs::remove_file(gateway.data().join("token.key")).unwrap();
    gateway.restart();
    assert!(!lets_in(&gateway, &bearer));
    granted(&gateway, &key);
}
