//! Signed tokens: what they say, and whether one is still good.

use jiff::Timestamp;

use super::claims::{Claims, TokenKind, is_plain};
use super::{IdentityError, Principal, TokenKey};
use crate::catalog::KeyHolder;

/// Longest token that is looked at, in bytes.
const MAX_TOKEN_BYTES: usize = 4096;

/// What all tokens of this gateway say alike.
#[derive(Debug, Clone)]
pub struct TokenTerms {
    /// Who issues them.
    pub issuer: String,
    /// Whom they are for: the address of this gateway.
    pub audience: String,
    /// `identity.area`.
    pub area: String,
    /// Life of access and id tokens, in seconds.
    pub token_s: u64,
    /// Life of refresh tokens, in seconds.
    pub refresh_s: u64,
}

/// Issues and verifies signed tokens.
#[derive(Debug)]
pub struct Tokens {
    key: TokenKey,
    terms: TokenTerms,
}

/// An access token and the id token that goes with it.
pub(super) struct Pair {
    pub(super) access: String,
    pub(super) id: String,
}

impl Tokens {
    /// With this key, on these terms.
    ///
    /// # Errors
    /// [`IdentityError::Claim`] when a term holds a character that a token cannot carry.
    pub fn new(key: TokenKey, terms: TokenTerms) -> Result<Self, IdentityError> {
        let values = [("iss", &terms.issuer), ("aud", &terms.audience), ("area", &terms.area)];
        for (field, value) in values {
            require_plain(field, value)?;
        }
        Ok(Self { key, terms })
    }

    pub(super) fn terms(&self) -> &TokenTerms {
        &self.terms
    }

    pub(super) fn jwk(&self) -> serde_json::Value {
        self.key.jwk()
    }

    /// Both tokens for a principal that signed in with a key.
    pub(super) fn issue(
        &self,
        principal: &Principal,
        holder: &KeyHolder,
        now: Timestamp,
    ) -> Result<Pair, IdentityError> {
        let iat = now.as_second();
        let life = i64::try_from(self.terms.token_s).unwrap_or(i64::MAX);
        let id = Claims {
            iss: self.terms.issuer.clone(),
            sub: principal.name.clone(),
            aud: self.terms.audience.clone(),
            exp: iat.saturating_add(life),
            iat,
            jti: uuid::Uuid::new_v4().to_string(),
            tenant_id: principal.tenant.to_string(),
            user_id: principal.name.clone(),
            area: self.terms.area.clone(),
            name: principal.name.clone(),
            akid: holder.id.clone(),
            akgen: holder.generation,
            app: None,
            scope: None,
        };
        let access = Claims {
            jti: uuid::Uuid::new_v4().to_string(),
            scope: Some(principal.permissions.to_string()),
            ..id.clone()
        };
        Ok(Pair {
            access: self.key.sign(TokenKind::Access, &access)?,
            id: self.key.sign(TokenKind::Id, &id)?,
        })
    }

    /// Other claims of ours as a token.
    pub(super) fn sign(&self, kind: TokenKind, claims: &Claims) -> Result<String, IdentityError> {
        self.key.sign(kind, claims)
    }

    /// The claims of a token that is ours and within its time.
    pub(super) fn verify(&self, token: &str, now: Timestamp) -> Result<Claims, IdentityError> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(IdentityError::Refused);
        }
        let claims = self.key.verify(token, &self.terms.issuer, &self.terms.audience)?;
        if claims.is_current(now) { Ok(claims) } else { Err(IdentityError::Refused) }
    }
}

/// Refuses a value that a token cannot carry.
pub(super) fn require_plain(field: &'static str, value: &str) -> Result<(), IdentityError> {
    if is_plain(value) {
        return Ok(());
    }
    Err(IdentityError::Claim { field, value: value.to_owned() })
}
