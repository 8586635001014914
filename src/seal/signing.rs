//! Signed statements of the gateway: compact JWS (RFC 7515) with Ed25519 (RFC 8037).
//!
//! One algorithm, so the header's `alg` decides nothing: anything but `EdDSA` is refused, and so is
//! every header field that is not listed here (`crit` among them).

use std::collections::HashMap;

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::error::SealError;

/// Longest JWS that is verified: a decoded copy is held in memory.
const MAX_JWS_BYTES: usize = 16 * 1024 * 1024;
const PUBLIC_KEY_BYTES: usize = 32;
const KEY_ID_CHARS: usize = 16;
const ALGORITHM: &str = "EdDSA";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    alg: String,
    kid: String,
    typ: String,
}

/// The gateway's signing key.
pub struct SigningKey {
    pair: Ed25519KeyPair,
    key_id: String,
}

impl SigningKey {
    /// A new key, and its PKCS#8 form to keep. Drawn from the library's own generator.
    ///
    /// # Errors
    /// [`SealError::Key`].
    pub fn generate() -> Result<(Self, Zeroizing<Vec<u8>>), SealError> {
        let pair = Ed25519KeyPair::generate().map_err(|_| refused("generation failed"))?;
        let document = pair.to_pkcs8().map_err(|_| refused("encoding failed"))?;
        let pkcs8 = Zeroizing::new(document.as_ref().to_vec());
        Ok((Self::of(pair), pkcs8))
    }

    /// The key out of its PKCS#8 form.
    ///
    /// # Errors
    /// [`SealError::Key`].
    pub fn from_pkcs8(pkcs8: &[u8]) -> Result<Self, SealError> {
        Ed25519KeyPair::from_pkcs8(pkcs8).map(Self::of).map_err(refused)
    }

    fn of(pair: Ed25519KeyPair) -> Self {
        let digest = BASE64URL.encode(Sha256::digest(pair.public_key().as_ref()));
        let key_id = digest.chars().take(KEY_ID_CHARS).collect();
        Self { pair, key_id }
    }

    /// The name of the public key: the first 16 characters of its SHA-256 in base64url.
    pub fn key_id(&self) -> &str {
        &self.key_id
    }

    /// `payload` as a compact JWS of type `typ`.
    ///
    /// # Errors
    /// [`SealError::Key`] if the library refuses.
    pub fn sign(&self, typ: &str, payload: &[u8]) -> Result<String, SealError> {
        let header =
            Header { alg: ALGORITHM.to_owned(), kid: self.key_id.clone(), typ: typ.to_owned() };
        let header = serde_json::to_vec(&header).map_err(refused)?;
        let mut jws = BASE64URL.encode(header);
        jws.push('.');
        BASE64URL.encode_string(payload, &mut jws);
        let signature =
            self.pair.try_sign(jws.as_bytes()).map_err(|_| refused("signing failed"))?;
        jws.push('.');
        BASE64URL.encode_string(signature, &mut jws);
        Ok(jws)
    }

    /// The public key as a JWK.
    pub fn jwk(&self) -> Value {
        json!({
            "kty": "OKP",
            "crv": "Ed25519",
            "x": BASE64URL.encode(self.pair.public_key()),
            "kid": self.key_id,
            "use": "sig",
            "alg": ALGORITHM,
        })
    }
}

/// Public keys by key id.
pub struct VerifyingKeys(HashMap<String, [u8; PUBLIC_KEY_BYTES]>);

impl VerifyingKeys {
    /// The Ed25519 keys of a JWK set; keys of other kinds are passed over.
    ///
    /// # Errors
    /// [`SealError::Key`] for a set without such a key, a damaged key, or two keys of one id.
    pub fn from_jwks(jwks: &Value) -> Result<Self, SealError> {
        let listed = jwks.get("keys").and_then(Value::as_array);
        let mut keys = HashMap::new();
        for jwk in listed.ok_or_else(|| refused("a key set has no list of keys"))? {
            let field = |name| jwk.get(name).and_then(Value::as_str).unwrap_or_default();
            if field("kty") != "OKP" || field("crv") != "Ed25519" {
                continue;
            }
            let kid = field("kid");
            let public = BASE64URL.decode(field("x")).ok().and_then(|x| x.try_into().ok());
            let public =
                public.ok_or_else(|| refused(format!("public key {kid:?} is not 32 bytes")))?;
            if keys.insert(kid.to_owned(), public).is_some() {
                return Err(refused(format!("key id {kid:?} occurs twice")));
            }
        }
        if keys.is_empty() {
            return Err(refused("a key set has no Ed25519 key"));
        }
        Ok(Self(keys))
    }

    /// The payload of `jws`, when it is of type `typ` and signed by one of these keys.
    ///
    /// # Errors
    /// [`SealError::Signature`] for an unknown key, a false signature, another type or algorithm;
    /// [`SealError::Malformed`] or [`SealError::LimitReached`] for what is no JWS of ours.
    pub fn verify(&self, jws: &str, typ: &str) -> Result<Vec<u8>, SealError> {
        if jws.len() > MAX_JWS_BYTES {
            return Err(SealError::LimitReached { limit: "jws bytes", max: MAX_JWS_BYTES as u64 });
        }
        let (signed, signature) = jws.rsplit_once('.').ok_or(malformed("jws", 0))?;
        let (header, payload) = signed.split_once('.').ok_or(malformed("jws", 0))?;
        let signature = decode(signature, "jws signature", signed.len() + 1)?;
        let parsed: Header = serde_json::from_slice(&decode(header, "jws header", 0)?)
            .map_err(|_| malformed("jws header", 0))?;
        if parsed.alg != ALGORITHM || parsed.typ != typ {
            return Err(SealError::Signature { what: "a jws of another type or algorithm" });
        }
        let public = self
            .0
            .get(&parsed.kid)
            .ok_or(SealError::Signature { what: "signed by an unknown key" })?;
        UnparsedPublicKey::new(&ED25519, public)
            .verify(signed.as_bytes(), &signature)
            .map_err(|_| SealError::Signature { what: "it does not hold" })?;
        decode(payload, "jws payload", header.len() + 1)
    }
}

fn decode(text: &str, what: &'static str, offset: usize) -> Result<Vec<u8>, SealError> {
    BASE64URL.decode(text).map_err(|_| malformed(what, offset))
}

fn malformed(what: &'static str, offset: usize) -> SealError {
    SealError::Malformed { what, offset: offset as u64 }
}

fn refused(detail: impl ToString) -> SealError {
    SealError::Key { detail: detail.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(keys: &[&SigningKey]) -> VerifyingKeys {
        let keys: Vec<Value> = keys.iter().map(|key| key.jwk()).collect();
        VerifyingKeys::from_jwks(&json!({ "keys": keys })).unwrap()
    }

    #[test]
    fn a_kept_key_signs_what_its_public_half_verifies() {
        let (made, pkcs8) = SigningKey::generate().unwrap();
        let kept = SigningKey::from_pkcs8(&pkcs8).unwrap();
        assert_eq!(made.key_id(), kept.key_id());
        assert_eq!(made.key_id().len(), KEY_ID_CHARS);
        let jws = kept.sign("proof+jwt", b"{\"a\":1}").unwrap();
        assert_eq!(set(&[&made]).verify(&jws, "proof+jwt").unwrap(), b"{\"a\":1}");
    }

    #[test]
    fn the_header_is_fixed() {
        let (key, _) = SigningKey::generate().unwrap();
        let jws = key.sign("t", b"").unwrap();
        let header = BASE64URL.decode(jws.split('.').next().unwrap()).unwrap();
        let expected = format!("{{\"alg\":\"EdDSA\",\"kid\":\"{}\",\"typ\":\"t\"}}", key.key_id());
        assert_eq!(String::from_utf8(header).unwrap(), expected);
    }

    #[test]
    fn another_type_is_refused() {
        let (key, _) = SigningKey::generate().unwrap();
        let jws = key.sign("one", b"x").unwrap();
        let result = set(&[&key]).verify(&jws, "two");
        assert!(matches!(result, Err(SealError::Signature { .. })));
    }

    #[test]
    fn unknown_keys_and_altered_payloads_are_refused() {
        let (key, _) = SigningKey::generate().unwrap();
        let (other, _) = SigningKey::generate().unwrap();
        let jws = key.sign("t", b"abc").unwrap();
        assert!(matches!(set(&[&other]).verify(&jws, "t"), Err(SealError::Signature { .. })));
        let altered = jws.replace(&BASE64URL.encode("abc"), &BASE64URL.encode("abd"));
        let result = set(&[&key, &other]).verify(&altered, "t");
        assert!(matches!(result, Err(SealError::Signature { .. })));
    }

    #[test]
    fn foreign_algorithms_and_header_fields_are_refused() {
        let (key, _) = SigningKey::generate().unwrap();
        let keys = set(&[&key]);
        let forged = |header: Value| {
            format!("{}.{}.", BASE64URL.encode(header.to_string()), BASE64URL.encode("x"))
        };
        let none = forged(json!({"alg": "none", "kid": key.key_id(), "typ": "t"}));
        assert!(matches!(keys.verify(&none, "t"), Err(SealError::Signature { .. })));
        let critical =
            forged(json!({"alg": "EdDSA", "kid": key.key_id(), "typ": "t", "crit": ["b64"]}));
        assert!(matches!(keys.verify(&critical, "t"), Err(SealError::Malformed { .. })));
        for text in ["", "a", "a.b", "....", "!.!.!"] {
            assert!(matches!(keys.verify(text, "t"), Err(SealError::Malformed { .. })), "{text}");
        }
    }

    #[test]
    fn an_overlong_jws_is_refused_unread() {
        let (key, _) = SigningKey::generate().unwrap();
        let text = ".".repeat(MAX_JWS_BYTES + 1);
        assert!(matches!(set(&[&key]).verify(&text, "t"), Err(SealError::LimitReached { .. })));
    }

    #[test]
    fn key_sets_without_a_usable_key_are_refused() {
        let (key, _) = SigningKey::generate().unwrap();
        let twice = json!({"keys": [key.jwk(), key.jwk()]});
        let short = json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "a", "x": "AAAA"}]});
        for jwks in [json!({}), json!({"keys": [{"kty": "RSA"}]}), twice, short] {
            let result = VerifyingKeys::from_jwks(&jwks);
            assert!(matches!(result, Err(SealError::Key { .. })), "{jwks}");
        }
    }
}
