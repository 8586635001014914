//! Tokens that were not issued, or are not good any more.

use std::io::Write as _;
use std::process::{Command, Stdio};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;

use super::{Key, add_key, claims, granted, lets_in};
use crate::gateway::{Gateway, send};

fn part(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

/// A gateway with somebody signed in, and what a forger would start from.
struct Case {
    gateway: Gateway,
    key: Key,
    header: Value,
    claims: Value,
}

impl Case {
    fn new() -> Self {
        let gateway = Gateway::start(&[]);
        let key = add_key(&gateway, "default", "agent", &["ingest.read"]);
        let grant = granted(&gateway, &key);
        let token = grant["access_token"].as_str().expect("a token");
        let header = URL_SAFE_NO_PAD.decode(token.split('.').next().expect("a header")).unwrap();
        let header = serde_json::from_slice(&header).unwrap();
        Self { claims: claims(token), header, gateway, key }
    }

    /// Whether these are let in when signed with OpenSSL and the gateway's own key.
    fn accepts(&self, header: &Value, claims: &Value) -> bool {
        let signed = format!("{}.{}", part(header), part(claims));
        let key = self.gateway.data().join("token.key");
        self.lets_in(&format!("{signed}.{}", sign(&signed, &key, "DER")))
    }

    fn lets_in(&self, token: &str) -> bool {
        lets_in(&self.gateway, &format!("Bearer {token}"))
    }

    /// The claims with one changed; with null it is left out.
    fn with(&self, name: &str, value: Value) -> Value {
        let mut claims = self.claims.clone();
        let map = claims.as_object_mut().expect("an object");
        if value.is_null() {
            map.remove(name);
        } else {
            map.insert(name.to_owned(), value);
        }
        claims
    }
}

/// RS256 by OpenSSL.
fn sign(text: &str, key: &std::path::Path, form: &str) -> String {
    let mut openssl = Command::new("openssl")
        .args(["dgst", "-sha256", "-keyform", form, "-sign"])
        .arg(key)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("openssl: apt-get install openssl");
    openssl.stdin.take().expect("a pipe").write_all(text.as_bytes()).expect("a reader");
    let output = openssl.wait_with_output().expect("an end");
    assert!(output.status.success());
    URL_SAFE_NO_PAD.encode(output.stdout)
}

#[test]
fn claims_are_held_to_issuer_audience_and_time_whoever_signed_them() {
    let case = Case::new();
    let iat = case.claims["iat"].as_i64().unwrap();
    assert!(case.accepts(&case.header, &case.claims), "the test's own signature");
    for (name, value) in [
        ("exp", json!(iat - 60)),
        ("exp", json!("9999999999")),
        ("exp", Value::Null),
        ("iat", json!(iat + 3600)),
        ("iat", Value::Null),
        ("iss", json!("https://elsewhere.example")),
        ("iss", Value::Null),
        ("aud", json!("https://elsewhere.example")),
        ("aud", Value::Null),
        ("sub", json!("somebody")),
        ("sub", Value::Null),
        ("tenantId", json!("other")),
        ("akid", json!("rgk_00000000000000000000000000000000")),
        ("akid", Value::Null),
        ("akgen", json!(2)),
        ("akgen", Value::Null),
    ] {
        assert!(!case.accepts(&case.header, &case.with(name, value.clone())), "{name} {value}");
    }
    // Within the leeway of clocks.
    assert!(case.accepts(&case.header, &case.with("exp", json!(iat - 1))));
    // What a token says that it may do is of no account: the user lacks ingest.write.
    let claims = case.with("scope", json!("ingest.write admin"));
    let token = format!("{}.{}", part(&case.header), part(&claims));
    let key = case.gateway.data().join("token.key");
    let bearer = format!("Bearer {token}.{}", sign(&token, &key, "DER"));
    let answer = super::call(&case.gateway, &bearer, "PUT", "/ingest/v1/recordings/x", "{}");
    assert_eq!(answer.status, 403);
}

#[test]
fn headers_are_held_to_algorithm_type_and_key() {
    let case = Case::new();
    let with = |name: &str, value: Value| {
        let mut header = case.header.clone();
        header.as_object_mut().unwrap().insert(name.to_owned(), value);
        header
    };
    for (name, value) in [
        ("alg", json!("RS512")),
        ("alg", json!("HS256")),
        ("alg", json!("none")),
        ("typ", json!("logout+jwt")),
        ("kid", json!("another")),
        ("crit", json!(["exp"])),
    ] {
        assert!(!case.accepts(&with(name, value.clone()), &case.claims), "{name} {value}");
    }
    assert!(
        case.accepts(&with("typ", json!("JWT")), &case.claims),
        "an id token is a bearer token"
    );
}

#[test]
fn forged_signatures_are_refused() {
    let case = Case::new();
    let folder = tempfile::tempdir().unwrap();
    let other = folder.path().join("other.pem");
    let made = Command::new("openssl").args(["genrsa", "-out"]).arg(&other).arg("2048").output();
    assert!(made.expect("openssl").status.success());
    let unsigned = format!("{}.{}", part(&case.header), part(&case.claims));
    let own = sign(&unsigned, &case.gateway.data().join("token.key"), "DER");
    assert!(case.lets_in(&format!("{unsigned}.{own}")));
    assert!(!case.lets_in(&format!("{unsigned}.{}", sign(&unsigned, &other, "PEM"))));

    // The key that verifies is ours, whatever the header brings along.
    let set = send("GET", &format!("{}/auth/jwks", case.gateway.url), &[], "").json();
    let jwk = &set["keys"][0];
    let mut header = case.header.clone();
    header["jwk"] = jwk.clone();
    header["jku"] = json!("https://elsewhere.example/jwks");
    let forged = format!("{}.{}", part(&header), part(&case.claims));
    assert!(!case.lets_in(&format!("{forged}.{}", sign(&forged, &other, "PEM"))));

    for alg in ["none", "None", "NONE", ""] {
        let text = format!("{}.{}", part(&json!({"alg": alg, "typ": "JWT"})), part(&case.claims));
        for signature in ["", own.as_str()] {
            assert!(!case.lets_in(&format!("{text}.{signature}")), "{alg} {signature}");
        }
    }
    // HS256 with what everybody knows as its secret.
    let kid = &case.header["kid"];
    let text = format!(
        "{}.{}",
        part(&json!({"alg": "HS256", "typ": "at+jwt", "kid": kid})),
        part(&case.claims)
    );
    let modulus = URL_SAFE_NO_PAD.decode(jwk["n"].as_str().unwrap()).unwrap();
    let secrets = [jwk["n"].as_str().unwrap().as_bytes(), &modulus, jwk.to_string().as_bytes()]
        .map(<[u8]>::to_vec);
    for secret in secrets {
        let mut mac = Hmac::<Sha256>::new_from_slice(&secret).unwrap();
        mac.update(text.as_bytes());
        let signature = URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes());
        assert!(!case.lets_in(&format!("{text}.{signature}")));
    }
    // One changed character anywhere.
    let good = format!("{unsigned}.{own}");
    for at in (0..good.len()).step_by(37).chain([good.len() - 1]) {
        let mut changed = good.clone();
        let other = if &good[at..=at] == "A" { "B" } else { "A" };
        changed.replace_range(at..=at, other);
        assert!(!case.lets_in(&changed), "character {at}");
    }
    for text in ["", ".", "..", "a.b.c", "....", &unsigned, &format!("{good}.x"), &good.repeat(9)] {
        assert!(!case.lets_in(text), "{text}");
    }
    // The gateway goes on.
    assert!(case.lets_in(&good));
    granted(&case.gateway, &case.key);
}
