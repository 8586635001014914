//! The RSA key of tokens: RS256, because OpenID Connect clients expect it.

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RsaPublicKeyComponents};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use der::asn1::{AnyRef, OctetStringRef};
use der::{Decode as _, Reader as _, SliceReader};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::IdentityError;
use super::claims::{Claims, TokenKind};
use crate::asset::Digest;

/// Characters of a key id, as those of `seal::SigningKey`.
const KEY_ID_CHARS: usize = 16;
/// The one algorithm: what a token's header says never chooses another.
const ALGORITHM: Algorithm = Algorithm::RS256;
/// Largest private key of 8192 bits, in bytes of PKCS#8; a longer file is no key.
const MAX_KEY_BYTES: usize = 8 * 1024;

/// The key that signs tokens.
pub struct TokenKey {
    private: EncodingKey,
    public: DecodingKey,
    components: RsaPublicKeyComponents<Vec<u8>>,
    key_id: String,
}

impl std::fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokenKey").field("key_id", &self.key_id).finish_non_exhaustive()
    }
}

impl TokenKey {
    /// A new RSA key of 2048 bits, and its PKCS#8 form to keep.
    ///
    /// # Errors
    /// [`IdentityError::Key`].
    pub fn generate() -> Result<(Self, Zeroizing<Vec<u8>>), IdentityError> {
        let pair = KeyPair::generate(KeySize::Rsa2048).map_err(|_| fault("generation failed"))?;
        let document = AsDer::<Pkcs8V1Der<'_>>::as_der(&pair);
        let document = document.map_err(|_| fault("encoding failed"))?;
        let pkcs8 = Zeroizing::new(document.as_ref().to_vec());
        Ok((Self::from_pkcs8(&pkcs8)?, pkcs8))
    }

    /// The key out of its PKCS#8 form.
    ///
    /// # Errors
    /// [`IdentityError::Key`] for anything but an RSA key of 2048 to 8192 bits.
    pub fn from_pkcs8(pkcs8: &[u8]) -> Result<Self, IdentityError> {
        if pkcs8.len() > MAX_KEY_BYTES {
            return Err(fault("the file is too long"));
        }
        // The library that signs wants the inner form only, and checks nothing before it signs.
        let pair = KeyPair::from_pkcs8(pkcs8).map_err(|_| fault("not an RSA key in PKCS#8"))?;
        let inner = inner_key(pkcs8).map_err(|_| fault("not PKCS#8"))?;
        let components = RsaPublicKeyComponents::<Vec<u8>>::from(pair.public_key());
        let digest = Digest::of(pair.public_key().as_ref());
        let key_id = URL_SAFE_NO_PAD.encode(digest.as_bytes());
        Ok(Self {
            private: EncodingKey::from_rsa_der(&inner),
            public: DecodingKey::from_rsa_raw_components(&components.n, &components.e),
            components,
            key_id: key_id.chars().take(KEY_ID_CHARS).collect(),
        })
    }

    /// The name of the public key: the first 16 characters of the SHA-256 of its DER form in
    /// base64url.
    pub fn key_id(&self) -> &str {
        &self.key_id
    }

    /// The public key as a JWK.
    pub fn jwk(&self) -> Value {
        json!({
            "kty": "RSA",
            "n": URL_SAFE_NO_PAD.encode(&self.components.n),
            "e": URL_SAFE_NO_PAD.encode(&self.components.e),
            "kid": self.key_id,
            "use": "sig",
            "alg": "RS256",
        })
    }

    /// The claims as a signed token.
    pub(super) fn sign(&self, kind: TokenKind, claims: &Claims) -> Result<String, IdentityError> {
        let mut header = Header::new(ALGORITHM);
        header.typ = Some(kind.typ().to_owned());
        header.kid = Some(self.key_id.clone());
        jsonwebtoken::encode(&header, claims, &self.private).map_err(|_| fault("signing failed"))
    }

    /// The claims of a token that this key signed, for this audience. Whether it is still good is
    /// not asked here: the library would read the machine's clock.
    pub(super) fn verify(
        &self,
        token: &str,
        issuer: &str,
        audience: &str,
    ) -> Result<Claims, IdentityError> {
        let mut rules = Validation::new(ALGORITHM);
        rules.validate_exp = false;
        rules.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        rules.set_issuer(&[issuer]);
        rules.set_audience(&[audience]);
        let read = jsonwebtoken::decode::<Claims>(token, &self.public, &rules);
        let read = read.map_err(|_| IdentityError::Refused)?;
        let ours = TokenKind::ALL.iter().any(|kind| read.header.typ.as_deref() == Some(kind.typ()));
        if !ours || read.header.kid.as_deref() != Some(self.key_id.as_str()) {
            return Err(IdentityError::Refused);
        }
        Ok(read.claims)
    }
}

/// The RSAPrivateKey (RFC 8017 appendix A.1.2) inside a PrivateKeyInfo (RFC 5208 section 5).
fn inner_key(pkcs8: &[u8]) -> Result<Zeroizing<Vec<u8>>, der::Error> {
    let mut reader = SliceReader::new(pkcs8)?;
    reader.sequence(|fields| {
        u8::decode(fields)?;
        AnyRef::decode(fields)?;
        let key = <&OctetStringRef>::decode(fields)?;
        let inner = Zeroizing::new(key.as_bytes().to_vec());
        // Optional attributes.
        while !fields.is_finished() {
            AnyRef::decode(fields)?;
        }
        Ok(inner)
    })
}

fn fault(detail: &'static str) -> IdentityError {
    IdentityError::Key { detail }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ISSUER: &str = "https://recordings.example";

    fn claims() -> Claims {
        Claims {
            iss: ISSUER.to_owned(),
            sub: "kim".to_owned(),
            aud: ISSUER.to_owned(),
            exp: 2_000_000_000,
            iat: 1_000_000_000,
            jti: "j".to_owned(),
            tenant_id: "default".to_owned(),
            user_id: "kim".to_owned(),
            area: "local".to_owned(),
            name: "kim".to_owned(),
            akid: "rgk_1".to_owned(),
            akgen: 1,
            app: None,
            scope: None,
        }
    }

    #[test]
    fn a_kept_key_verifies_what_it_signed_and_no_other_does() {
        let (made, pkcs8) = TokenKey::generate().unwrap();
        let kept = TokenKey::from_pkcs8(&pkcs8).unwrap();
        assert_eq!((made.key_id(), made.key_id().len()), (kept.key_id(), KEY_ID_CHARS));
        let token = made.sign(TokenKind::Access, &claims()).unwrap();
        assert_eq!(kept.verify(&token, ISSUER, ISSUER).unwrap(), claims());
        let (other, _) = TokenKey::generate().unwrap();
        assert!(matches!(other.verify(&token, ISSUER, ISSUER), Err(IdentityError::Refused)));
        for (issuer, audience) in [("https://other.example", ISSUER), (ISSUER, "other")] {
            let refused = kept.verify(&token, issuer, audience);
            assert!(matches!(refused, Err(IdentityError::Refused)), "{issuer} {audience}");
        }
    }

    #[test]
    fn a_token_of_another_type_or_key_id_is_refused() {
        let (key, _) = TokenKey::generate().unwrap();
        for (typ, kid, good) in [
            (Some("at+jwt"), Some(key.key_id()), true),
            (Some("JWT"), Some(key.key_id()), true),
            (Some("logout+jwt"), Some(key.key_id()), false),
            (None, Some(key.key_id()), false),
            (Some("JWT"), Some("other"), false),
            (Some("JWT"), None, false),
        ] {
            let mut header = Header::new(ALGORITHM);
            header.typ = typ.map(str::to_owned);
            header.kid = kid.map(str::to_owned);
            let token = jsonwebtoken::encode(&header, &claims(), &key.private).unwrap();
            assert_eq!(key.verify(&token, ISSUER, ISSUER).is_ok(), good, "{typ:?} {kid:?}");
        }
    }

    #[test]
    fn what_is_no_rsa_key_is_refused() {
        let (_, pkcs8) = TokenKey::generate().unwrap();
        let cut = &pkcs8[..pkcs8.len() - 1];
        let long = vec![0x30; MAX_KEY_BYTES + 1];
        for bytes in [b"".as_slice(), b"not a key", cut, &long] {
            assert!(matches!(TokenKey::from_pkcs8(bytes), Err(IdentityError::Key { .. })));
        }
    }
}
