//! OAuth 2.0 tokens for applications of a PBX (RFC 6749 sections 4.3 and 4.4; the PBX contract,
//! section 5).
//!
//! A token is signed and not kept: making one writes nothing, so it is cheap, and a new one voids none.
//! It names its application and its user; both are read from the catalogue whenever it is used.

use std::net::IpAddr;

use jiff::Timestamp;
use serde_json::json;
use zeroize::Zeroizing;

use super::claims::{Claims, TokenKind};
use super::principal::{AccessLevel, Application};
use super::tokens::require_plain;
use super::{Identity, IdentityError, Principal};
use crate::asset::{Digest, TenantId};
use crate::catalog::{AuditEntry, PrincipalRow};

/// The kind of principal that may ask for tokens.
const APPLICATION: &str = "application";

/// A grant type that is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OauthGrant {
    /// The application acts for itself.
    ClientCredentials,
    /// The application has a user's name and password.
    Password,
}

impl OauthGrant {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::ClientCredentials, Self::Password];

    /// The `grant_type`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ClientCredentials => "client_credentials",
            Self::Password => "password",
        }
    }

    /// The grant of this name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|grant| grant.name() == text)
    }
}

/// A name, and what proves it.
pub struct Login {
    /// Login name, or `client_id`.
    pub name: String,
    /// Password, or `client_secret`.
    pub secret: Zeroizing<String>,
}

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
pub enum OauthError {
    /// The application is unknown, or its secret is wrong.
    #[error("client_id or client_secret is wrong")]
    Client,
    /// The application may not use this grant.
    #[error("the application may not use this grant_type")]
    Unauthorized,
    /// User name or password is wrong.
    #[error("username or password is wrong")]
    Grant,
    /// Something else, too many wrong ones among it.
    #[error(transparent)]
    Identity(#[from] IdentityError),
}

impl From<crate::catalog::CatalogError> for OauthError {
    fn from(error: crate::catalog::CatalogError) -> Self {
        Self::Identity(error.into())
    }
}

impl Identity {
    /// A token for an application, or for a user of it, good for `life_s` seconds.
    ///
    /// # Errors
    /// [`OauthError`]; wrong secrets are counted by name and address, and written down.
    pub async fn oauth_token(
        &self,
        application: Login,
        user: Option<Login>,
        address: IpAddr,
        life_s: u64,
    ) -> Result<Zeroizing<String>, OauthError> {
        let grant =
            if user.is_some() { OauthGrant::Password } else { OauthGrant::ClientCredentials };
        let row = self.verified(application, address).await.map_err(|error| match error {
            IdentityError::Refused => OauthError::Client,
            other => other.into(),
        })?;
        if row.kind != APPLICATION {
            return Err(OauthError::Client);
        }
        let granted = row.grants.as_deref().unwrap_or_default();
        if !granted.split_whitespace().any(|name| name == grant.name()) {
            return Err(OauthError::Unauthorized);
        }
        let user = match user {
            None => row.clone(),
            Some(user) => {
                let user = self.verified(user, address).await.map_err(|error| match error {
                    IdentityError::Refused => OauthError::Grant,
                    other => other.into(),
                })?;
                if user.tenant != row.tenant || user.kind == APPLICATION {
                    return Err(OauthError::Grant);
                }
                user
            }
        };
        Ok(self.signed(&row, &user, life_s)?)
    }

    /// Verifies a login name and password that come from an address. Wrong ones are counted for both,
    /// and written down.
    ///
    /// # Errors
    /// [`IdentityError::Refused`], which does not say which of the two was wrong, and
    /// [`IdentityError::Throttled`] after too many of those.
    pub async fn by_password_from(
        &self,
        login: Login,
        address: IpAddr,
    ) -> Result<Principal, IdentityError> {
        let row = self.verified(login, address).await?;
        let mut principal = Principal::of(&row)?;
        principal.application = (row.kind == APPLICATION).then(|| acting(&row));
        Ok(principal)
    }

    async fn verified(&self, login: Login, address: IpAddr) -> Result<PrincipalRow, IdentityError> {
        let Login { name, secret } = login;
        let now = self.clock.now();
        let admitted = self.throttle.admit(&name, address, now);
        admitted.map_err(|retry_after_s| IdentityError::Throttled { retry_after_s })?;
        let row = self.catalog.principal_by_name(&name).await?;
        let known = row.as_ref().and_then(|row| row.password_hash.clone());
        let has_password = known.is_some();
        let hash = known.map_or_else(|| self.decoy(), Ok)?;
        let good = self.verified.check(hash, secret).await? && has_password;
        match row {
            Some(row) if good && row.disabled == 0 => {
                self.throttle.succeeded(&name, address);
                Ok(row)
            }
            row => {
                self.throttle.failed(&name, address, now);
                self.write_wrong_password(row.as_ref(), address, now).await?;
                Err(IdentityError::Refused)
            }
        }
    }

    /// In the chain of the tenant whose user it was, else of the default one. What was sent is not
    /// named: people type passwords into the wrong field.
    async fn write_wrong_password(
        &self,
        row: Option<&PrincipalRow>,
        address: IpAddr,
        now: Timestamp,
    ) -> Result<(), IdentityError> {
        let tenant = row.and_then(|row| TenantId::parse(&row.tenant).ok());
        let entry = AuditEntry {
            tenant: &tenant.unwrap_or_else(TenantId::default_tenant),
            actor: row.map_or("unknown", |row| row.name.as_str()),
            action: "password.refuse",
            subject: row.map_or("", |row| row.name.as_str()),
            detail: json!({ "address": address.to_string() }),
            now,
        };
        Ok(self.catalog.audit(&entry).await?)
    }

    fn signed(
        &self,
        application: &PrincipalRow,
        user: &PrincipalRow,
        life_s: u64,
    ) -> Result<Zeroizing<String>, IdentityError> {
        let tokens = self.tokens.as_ref().ok_or(IdentityError::Refused)?;
        require_plain("client_id", &application.name)?;
        require_plain("username", &user.name)?;
        let iat = self.clock.now().as_second();
        let life = i64::try_from(life_s).unwrap_or(i64::MAX);
        let claims = Claims {
            iss: tokens.terms().issuer.clone(),
            sub: user.name.clone(),
            aud: tokens.terms().audience.clone(),
            exp: iat.saturating_add(life),
            iat,
            jti: uuid::Uuid::new_v4().to_string(),
            tenant_id: user.tenant.clone(),
            user_id: user.name.clone(),
            area: tokens.terms().area.clone(),
            name: user.name.clone(),
            akid: String::new(),
            akgen: generation(application, user),
            app: Some(application.name.clone()),
            scope: None,
        };
        Ok(Zeroizing::new(tokens.sign(TokenKind::Access, &claims)?))
    }

    /// Whom a token of an application names, as the catalogue knows them now.
    pub(super) async fn by_application(
        &self,
        application: &str,
        claims: &Claims,
    ) -> Result<Principal, IdentityError> {
        let refused = IdentityError::Refused;
        let application = self.catalog.principal_by_name(application).await?.ok_or(refused)?;
        let user = if application.name == claims.sub {
            application.clone()
        } else {
            let found = self.catalog.principal_by_name(&claims.sub).await?;
            found.ok_or(IdentityError::Refused)?
        };
        let good = [&application, &user].iter().all(|row| {
            row.disabled == 0 && row.tenant == claims.tenant_id && row.password_hash.is_some()
        });
        if !good
            || application.kind != APPLICATION
            || generation(&application, &user) != claims.akgen
        {
            return Err(IdentityError::Refused);
        }
        let mut principal = Principal::of(&user)?;
        principal.application = Some(acting(&application));
        Ok(principal)
    }
}

/// What an application's row says that it allows: reading, if it says nothing.
fn acting(row: &PrincipalRow) -> Application {
    let level = row.access_level.as_deref().and_then(AccessLevel::parse);
    Application { name: row.name.clone(), level: level.unwrap_or(AccessLevel::Call) }
}

/// Changes with either password, which voids the tokens that the old ones brought.
fn generation(application: &PrincipalRow, user: &PrincipalRow) -> i64 {
    let hash = |row: &PrincipalRow| row.password_hash.clone().unwrap_or_default();
    let digest = Digest::of(format!("{}\n{}", hash(application), hash(user)).as_bytes());
    let bytes: [u8; 8] = digest.as_bytes().first_chunk().copied().unwrap_or_default();
    // Numbers in JSON are exact up to 53 bits.
    i64::from_be_bytes(bytes) & ((1 << 52) - 1)
}
