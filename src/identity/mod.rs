//! Who calls, and what they may do.
//!
//! Every credential ends in one of two verification paths: [`Identity::by_token`] for what stands
//! behind `Bearer` (our own random tokens, and the signed ones that an access key brings), and
//! [`Identity::by_password`]. What a principal may do is read from the catalogue each time, so a
//! user or key that was removed, switched off or changed is so at once, whatever a token says.
//!
//! Random secrets (256 bits) rest as SHA-256, since a slow hash would add nothing; passwords as
//! Argon2id. What is signed in, refused or changed is a row of the audit trail.

mod access_keys;
mod audit;
mod claims;
mod error;
mod oauth;
mod password;
mod permission;
mod principal;
mod request_limit;
mod settings;
mod sign_in;
mod throttle;
mod token_key;
mod tokens;

use std::sync::{Arc, OnceLock};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use crate::asset::{Clock, Digest};
use crate::catalog::Catalog;

pub use access_keys::{AccessKey, KeySecret, MAX_ACCESS_KEYS};
pub use audit::{AuditFault, AuditSummary, verify as verify_audit};
pub use claims::is_plain;
pub use error::IdentityError;
pub use oauth::{Login, OauthError, OauthGrant};
pub use permission::{Permission, Permissions};
pub use principal::{AccessLevel, Application, NewPrincipal, PbxProfile, Principal};
pub use request_limit::{Allowance, RequestLimit};
pub use settings::IdentitySettings;
pub use sign_in::Grant;
pub use token_key::TokenKey;
pub use tokens::{TokenTerms, Tokens};

use throttle::Throttle;

/// What our own bearer tokens begin with.
const TOKEN_PREFIX: &str = "rgt_";

/// Verifies credentials against the catalogue.
#[derive(Clone)]
pub struct Identity {
    catalog: Catalog,
    clock: Arc<dyn Clock>,
    /// A hash that no password has, so that an unknown user costs as much as a wrong password.
    decoy: Arc<OnceLock<String>>,
    verified: password::Recent,
    /// Absent on the command line, which issues no tokens and is given none.
    tokens: Option<Arc<Tokens>>,
    throttle: Arc<Throttle>,
}

impl Identity {
    /// Over the principals of `catalog`; without signed tokens.
    pub fn new(catalog: Catalog, clock: Arc<dyn Clock>) -> Self {
        let settings = IdentitySettings::default();
        let (limit, window) = (settings.failed_logins, settings.failed_logins_window_s);
        let throttle = Arc::new(Throttle::new(limit, window));
        let verified = password::Recent::default();
        Self { catalog, clock, decoy: Arc::default(), verified, tokens: None, throttle }
    }

    /// The same, issuing and verifying signed tokens.
    ///
    /// # Errors
    /// When the machine has no randomness.
    pub fn with_tokens(
        mut self,
        tokens: Tokens,
        settings: &IdentitySettings,
    ) -> Result<Self, IdentityError> {
        // Now, so that the first unknown user does not cost twice as much as a known one.
        self.decoy()?;
        let (limit, window) = (settings.failed_logins, settings.failed_logins_window_s);
        self.throttle = Arc::new(Throttle::new(limit, window));
        self.tokens = Some(Arc::new(tokens));
        Ok(self)
    }

    fn decoy(&self) -> Result<String, IdentityError> {
        if let Some(known) = self.decoy.get() {
            return Ok(known.clone());
        }
        let made = password::hash(&random_text()?)?;
        Ok(self.decoy.get_or_init(|| made).clone())
    }

    /// Verifies a bearer token: one of ours, or a signed one. An id token is as good as an access
    /// token, for there are clients that send it; what either allows is in the catalogue.
    ///
    /// # Errors
    /// [`IdentityError::Refused`] for a token that nobody has, or not any more.
    pub async fn by_token(&self, token: &str) -> Result<Principal, IdentityError> {
        if !token.starts_with(TOKEN_PREFIX)
            && let Some(tokens) = &self.tokens
        {
            return self.by_claims(&tokens.verify(token, self.clock.now())?).await;
        }
        let found = self.catalog.principal_by_token(Digest::of(token.as_bytes())).await?;
        Principal::of(&found.ok_or(IdentityError::Refused)?)
    }

    /// Verifies a login name and password.
    ///
    /// # Errors
    /// [`IdentityError::Refused`], which does not say which of the two was wrong.
    pub async fn by_password(
        &self,
        name: &str,
        password: Zeroizing<String>,
    ) -> Result<Principal, IdentityError> {
        let row = self.catalog.principal_by_name(name).await?;
        let known = row.as_ref().and_then(|row| row.password_hash.clone());
        let hash = known.map_or_else(|| self.decoy(), Ok)?;
        if !self.verified.check(hash, password).await? {
            return Err(IdentityError::Refused);
        }
        Principal::of(&row.ok_or(IdentityError::Refused)?)
    }

    /// The public keys of signed tokens as a JWK set; without tokens an empty one.
    pub fn jwks(&self) -> serde_json::Value {
        let keys: Vec<_> = self.tokens.iter().map(|tokens| tokens.jwk()).collect();
        serde_json::json!({ "keys": keys })
    }
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Identity")
    }
}

/// 256 random bits as text.
fn random_text() -> Result<Zeroizing<String>, IdentityError> {
    let mut bytes = Zeroizing::new([0_u8; 32]);
    aws_lc_rs::rand::fill(bytes.as_mut_slice()).map_err(|_| IdentityError::Random)?;
    Ok(Zeroizing::new(URL_SAFE_NO_PAD.encode(bytes.as_slice())))
}
