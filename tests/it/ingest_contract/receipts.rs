//! A receipt is a JWS that anyone can check: here `openssl` does.

use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use super::{MONO, mono};
use crate::gateway::{Gateway, ids, sample, send};

/// SubjectPublicKeyInfo of an Ed25519 key up to the key itself (RFC 8410 section 4).
const ED25519_PREFIX: &[u8] = &[0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 0x21, 0];

/// Whether the signature holds, according to `openssl`.
fn openssl_verifies(key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes).unwrap();
    write("key.der", &[ED25519_PREFIX, key].concat());
    write("message", message);
    write("signature", signature);
    let line = "pkeyutl -verify -pubin -inkey key.der -keyform DER -rawin -in message \
                -sigfile signature";
    let mut command = Command::new("openssl");
    command.current_dir(folder.path()).args(line.split_whitespace());
    command.output().expect("openssl: apt-get install openssl").status.success()
}

fn decoded(text: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text).expect("base64url")
}

/// Checks a receipt with the gateway's public keys; its payload.
pub(super) fn verified(gateway: &Gateway, receipt: &str) -> Value {
    let answer = send("GET", &format!("{}/ingest/v1/receipts/keys", gateway.url), &[], "");
    assert_eq!(answer.status, 200);
    let keys = answer.json();
    let (signed, signature) = receipt.rsplit_once('.').expect("three parts");
    let (header, payload) = signed.split_once('.').expect("three parts");
    let header: Value = serde_json::from_slice(&decoded(header)).expect("a header");
    assert_eq!(header["alg"], "EdDSA");
    let key = keys["keys"]
        .as_array()
        .expect("a JWK set")
        .iter()
        .find(|key| key["kid"] == header["kid"])
        .expect("the key of the receipt");
    assert_eq!((key["kty"].as_str(), key["crv"].as_str()), (Some("OKP"), Some("Ed25519")));
    assert!(key["d"].is_null(), "the private key is shown");
    let public = decoded(key["x"].as_str().expect("a public key"));
    let signature = decoded(signature);
    assert!(openssl_verifies(&public, signed.as_bytes(), &signature), "{receipt}");
    let mut altered = signed.as_bytes().to_vec();
    let last = altered.len() - 1;
    altered[last] ^= 1;
    assert!(!openssl_verifies(&public, &altered, &signature), "an altered receipt holds");
    serde_json::from_slice(&decoded(payload)).expect("a payload")
}

#[test]
fn a_receipt_is_checked_by_a_foreign_tool() {
    let gateway = Gateway::start(&[]);
    let document = mono();
    let (recording, media) = ids(&document);
    gateway.declare(&document);
    let before = jiff::Timestamp::now();
    let answer = gateway.push(&recording, &media, sample(MONO)).json();
    let payload = verified(&gateway, answer["receipt"].as_str().unwrap());
    assert_eq!(payload["tenant"], "default");
    assert_eq!(payload["recordingId"], recording);
    assert_eq!(payload["mediaId"], media);
    assert_eq!(payload["bytes"], 192_104);
    assert_eq!(payload["sha256"], reelgate::asset::Digest::of(&sample(MONO)).to_string());
    assert_eq!(payload["state"], "spooled");
    let time: jiff::Timestamp = payload["time"].as_str().unwrap().parse().unwrap();
    assert!(before <= time && time <= jiff::Timestamp::now(), "{time}");
}

#[test]
fn receipts_hold_after_a_restart() {
    let mut gateway = Gateway::start(&[]);
    let (recording, _) = gateway.push_sample(MONO);
    let status = gateway.settled(&recording);
    let receipt = status["media"][0]["receipt"].as_str().unwrap().to_owned();
    gateway.kill();
    gateway.restart();
    verified(&gateway, &receipt);
    assert_eq!(gateway.status(&recording)["media"][0]["receipt"], receipt);
}
