//! Ed25519 signatures over receipts and manifests, as compact JWS (RFC 7515, RFC 8037).

use aws_lc_rs::{
    digest,
    signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

use super::{error::SealError, pem, random::Random};

/// Characters of a key id: 96 bits of the public key's SHA-256.
const KEY_ID_CHARACTERS: usize = 16;
/// Receipts and manifests are far smaller.
const MAX_JWS_BYTES: usize = 64 << 20;

/// A key that signs. Wiped on drop by the library that holds it.
pub struct SigningKey {
    pair: Ed25519KeyPair,
    public: VerifyingKey,
}

impl SigningKey {
    /// Draws a new key.
    ///
    /// # Errors
    /// [`SealError::Random`].
    pub fn generate(random: &dyn Random) -> Result<Self, SealError> {
        let mut seed = Zeroizing::new([0; 32]);
        random.fill(&mut *seed)?;
        Ed25519KeyPair::from_seed_unchecked(&*seed).map_err(rejected).and_then(Self::new)
    }

    /// Reads a PKCS#8 key, DER.
    ///
    /// # Errors
    /// [`SealError::KeyRejected`].
    pub fn from_pkcs8(der: &[u8]) -> Result<Self, SealError> {
        Ed25519KeyPair::from_pkcs8_maybe_unchecked(der).map_err(rejected).and_then(Self::new)
    }

    /// Reads a PKCS#8 key, PEM.
    ///
    /// # Errors
    /// [`SealError::Pem`] or [`SealError::KeyRejected`].
    pub fn from_pem(text: &str) -> Result<Self, SealError> {
        let blocks = pem::blocks(text)?;
        let block = blocks
            .iter()
            .find(|block| block.label == "PRIVATE KEY")
            .ok_or(SealError::Pem { what: "no unencrypted private key in the text" })?;
        Self::from_pkcs8(&block.bytes)
    }

    /// The key as PKCS#8 in PEM, for a file that only the gateway reads.
    ///
    /// # Errors
    /// [`SealError::Internal`] if the library refuses.
    pub fn to_pem(&self) -> Result<Zeroizing<String>, SealError> {
        let der =
            self.pair.to_pkcs8v1().map_err(|_| SealError::Internal { what: "writing a key" })?;
        Ok(pem::armour("PRIVATE KEY", der.as_ref()))
    }

    fn new(pair: Ed25519KeyPair) -> Result<Self, SealError> {
        const LENGTH: SealError = SealError::Internal { what: "public key length" };
        let bytes = pair.public_key().as_ref().try_into().map_err(|_| LENGTH)?;
        Ok(Self { pair, public: VerifyingKey(bytes) })
    }

    /// The public half.
    pub const fn public(&self) -> &VerifyingKey {
        &self.public
    }

    /// The id that signatures carry; see [`VerifyingKey::key_id`].
    pub fn key_id(&self) -> String {
        self.public.key_id()
    }

    /// The public half as a JSON Web Key; see [`VerifyingKey::jwk`].
    pub fn jwk(&self) -> serde_json::Value {
        self.public.jwk()
    }

    /// Signs `payload_json` as it stands: `header.payload.signature`.
    pub fn sign(&self, payload_json: &[u8]) -> String {
        let header = format!(r#"{{"alg":"EdDSA","kid":"{}"}}"#, self.key_id());
        let mut jws = URL_SAFE_NO_PAD.encode(header);
        jws.push('.');
        URL_SAFE_NO_PAD.encode_string(payload_json, &mut jws);
        let signature = self.pair.sign(jws.as_bytes());
        jws.push('.');
        URL_SAFE_NO_PAD.encode_string(signature.as_ref(), &mut jws);
        jws
    }
}

fn rejected(reason: aws_lc_rs::error::KeyRejected) -> SealError {
    SealError::KeyRejected { what: "the signing key", reason: reason.to_string() }
}

/// A key that verifies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VerifyingKey([u8; 32]);

impl VerifyingKey {
    /// Takes the 32 bytes of a public key.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Reads a JSON Web Key of type OKP, curve Ed25519; other members are ignored.
    ///
    /// # Errors
    /// [`SealError::Signature`].
    pub fn from_jwk(jwk: &serde_json::Value) -> Result<Self, SealError> {
        let text = |name| jwk.get(name).and_then(serde_json::Value::as_str);
        text("x")
            .filter(|_| text("kty") == Some("OKP") && text("crv") == Some("Ed25519"))
            .and_then(|x| URL_SAFE_NO_PAD.decode(x).ok())
            .and_then(|bytes| bytes.try_into().ok())
            .map(Self)
            .ok_or(SealError::Signature { what: "not an ed25519 json web key" })
    }

    /// The first 16 base64url characters of the public key's SHA-256.
    pub fn key_id(&self) -> String {
        let hash = digest::digest(&digest::SHA256, &self.0);
        let mut id = URL_SAFE_NO_PAD.encode(hash.as_ref());
        id.truncate(KEY_ID_CHARACTERS);
        id
    }

    /// The key as a JSON Web Key, for `/.well-known/jwks.json` and manifests.
    pub fn jwk(&self) -> serde_json::Value {
        serde_json::json!({
            "kty": "OKP",
            "crv": "Ed25519",
            "use": "sig",
            "alg": "EdDSA",
            "kid": self.key_id(),
            "x": URL_SAFE_NO_PAD.encode(self.0),
        })
    }
}

#[derive(serde::Deserialize)]
struct Header {
    alg: String,
    kid: String,
    crit: Option<serde_json::Value>,
}

/// Verifies a compact JWS with the one of `keys` that it names, and returns its payload.
///
/// # Errors
/// [`SealError::Signature`] for another algorithm, an unknown key, demands that are not understood,
/// or a signature that does not hold.
pub fn verify(jws: &str, keys: &[VerifyingKey]) -> Result<Vec<u8>, SealError> {
    let refused = |what| SealError::Signature { what };
    if jws.len() > MAX_JWS_BYTES {
        return Err(SealError::LimitReached { limit: "jws bytes", max: MAX_JWS_BYTES as u64 });
    }
    let broken = || refused("not a compact jws");
    let (signed, signature) = jws.rsplit_once('.').ok_or_else(broken)?;
    let (header, payload) = signed.split_once('.').ok_or_else(broken)?;
    let decode = |text| URL_SAFE_NO_PAD.decode(text).map_err(|_| broken());
    let header: Header = serde_json::from_slice(&decode(header)?).map_err(|_| broken())?;
    if header.alg != "EdDSA" || header.crit.is_some() {
        return Err(refused("an algorithm or extension that is not ours"));
    }
    let key = keys
        .iter()
        .find(|key| key.key_id() == header.kid)
        .ok_or_else(|| refused("signed by an unknown key"))?;
    UnparsedPublicKey::new(&ED25519, key.0)
        .verify(signed.as_bytes(), &decode(signature)?)
        .map_err(|_| refused("the signature does not hold"))?;
    decode(payload)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seal::SystemRandom;

    #[test]
    fn a_signature_holds_for_its_bytes_and_key_only() {
        let key = SigningKey::generate(&SystemRandom).unwrap();
        let other = SigningKey::generate(&SystemRandom).unwrap();
        let jws = key.sign(br#"{"bytes":3}"#);
        let keys = [*other.public(), *key.public()];
        assert_eq!(verify(&jws, &keys).unwrap(), br#"{"bytes":3}"#);
        assert!(verify(&jws, &keys[..1]).is_err());
        let forged = jws.replacen('.', ".A", 1);
        assert!(verify(&forged, &keys).is_err());
        let none = format!("{}.e30.", URL_SAFE_NO_PAD.encode(r#"{"alg":"none","kid":"x"}"#));
        assert!(verify(&none, &keys).is_err() && verify("", &keys).is_err());
    }

    #[test]
    fn keys_come_back_from_their_files() {
        let key = SigningKey::generate(&SystemRandom).unwrap();
        let again = SigningKey::from_pem(&key.to_pem().unwrap()).unwrap();
        assert_eq!(again.key_id(), key.key_id());
        assert_eq!(key.key_id().len(), 16);
        assert_eq!(VerifyingKey::from_jwk(&key.jwk()).unwrap(), *key.public());
        assert!(VerifyingKey::from_jwk(&serde_json::json!({"kty": "RSA"})).is_err());
    }
}
