//! Who calls, and what they may do.
//!
//! Two kinds of credential, one verification path: bearer tokens (SHA-256 at rest; they are 256
//! random bits, so a slow hash would add nothing) and passwords (Argon2id at rest).

mod error;
mod password;
mod permission;

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;
use zeroize::Zeroizing;

use crate::asset::{Clock, Digest, TenantId};
use crate::catalog::{AuditEntry, Catalog, PrincipalRow};

pub use error::IdentityError;
pub use permission::{Permission, Permissions};

/// Somebody who has proved who they are.
#[derive(Debug, Clone)]
pub struct Principal {
    /// The tenant whose rows they see.
    pub tenant: TenantId,
    /// Login name.
    pub name: String,
    /// What they may do.
    pub permissions: Permissions,
}

impl Principal {
    fn of(row: &PrincipalRow) -> Result<Self, IdentityError> {
        if row.disabled != 0 {
            return Err(IdentityError::Refused);
        }
        Ok(Self {
            tenant: TenantId::parse(&row.tenant).map_err(|_| IdentityError::Refused)?,
            name: row.name.clone(),
            permissions: Permissions::parse(&row.permissions),
        })
    }

    /// Whether they may do this.
    pub fn may(&self, permission: Permission) -> bool {
        self.permissions.has(permission)
    }
}

/// A principal about to be created.
#[derive(Debug, Clone)]
pub struct NewPrincipal<'n> {
    /// Tenant.
    pub tenant: &'n TenantId,
    /// Login name.
    pub name: &'n str,
    /// `operator`, `appliance`, `user` or `application`.
    pub kind: &'n str,
    /// What it may do.
    pub permissions: Permissions,
    /// Who creates it, for the audit trail: `cli`, `system`, or a login name.
    pub actor: &'n str,
}

/// Verifies credentials against the catalogue.
#[derive(Clone)]
pub struct Identity {
    catalog: Catalog,
    clock: Arc<dyn Clock>,
    /// A hash that no password has, so that an unknown user costs as much as a wrong password.
    decoy: Arc<str>,
    verified: password::Recent,
}

impl Identity {
    /// Over the principals of `catalog`.
    ///
    /// # Errors
    /// When the machine has no randomness.
    pub fn new(catalog: Catalog, clock: Arc<dyn Clock>) -> Result<Self, IdentityError> {
        let decoy = password::hash(&random_text()?)?.into();
        Ok(Self { catalog, clock, decoy, verified: password::Recent::default() })
    }

    /// Verifies a bearer token.
    ///
    /// # Errors
    /// [`IdentityError::Refused`] for a token that nobody has.
    pub async fn by_token(&self, token: &str) -> Result<Principal, IdentityError> {
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
        let hash = known.unwrap_or_else(|| self.decoy.to_string());
        if !self.verified.check(hash, password).await? {
            return Err(IdentityError::Refused);
        }
        Principal::of(&row.ok_or(IdentityError::Refused)?)
    }

    /// Creates or replaces a principal that signs in with a token; the token is shown only now.
    ///
    /// # Errors
    /// [`IdentityError::Catalog`].
    pub async fn create_with_token(
        &self,
        new: &NewPrincipal<'_>,
    ) -> Result<Zeroizing<String>, IdentityError> {
        let token = Zeroizing::new(format!("rgt_{}", *random_text()?));
        let digest = Digest::of(token.as_bytes());
        self.put(&row(new, None), Some(digest), new.actor).await?;
        Ok(token)
    }

    /// Creates or replaces a principal that signs in with a generated password; it is shown only
    /// now.
    ///
    /// # Errors
    /// [`IdentityError::Catalog`].
    pub async fn create_with_password(
        &self,
        new: &NewPrincipal<'_>,
    ) -> Result<Zeroizing<String>, IdentityError> {
        let password = random_text()?;
        let hash = password::hash(&password)?;
        self.put(&row(new, Some(hash)), None, new.actor).await?;
        Ok(password)
    }

    async fn put(
        &self,
        row: &PrincipalRow,
        token: Option<Digest>,
        actor: &str,
    ) -> Result<(), IdentityError> {
        let entry = AuditEntry {
            tenant: &TenantId::parse(&row.tenant).map_err(|_| IdentityError::Refused)?,
            actor,
            action: "user.add",
            subject: &row.name,
            detail: json!({ "kind": row.kind, "permissions": row.permissions }),
            now: self.clock.now(),
        };
        Ok(self.catalog.put_principal(row, token, &entry).await?)
    }

    /// Removes a principal; false when there was none. `actor` is who does it.
    ///
    /// # Errors
    /// [`IdentityError::Catalog`].
    pub async fn remove(
        &self,
        tenant: &TenantId,
        name: &str,
        actor: &str,
    ) -> Result<bool, IdentityError> {
        let (action, detail, now) = ("user.remove", json!({}), self.clock.now());
        let entry = AuditEntry { tenant, actor, action, subject: name, detail, now };
        Ok(self.catalog.remove_principal(name, &entry).await?)
    }
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Identity")
    }
}

fn row(new: &NewPrincipal<'_>, password_hash: Option<String>) -> PrincipalRow {
    PrincipalRow {
        tenant: new.tenant.to_string(),
        name: new.name.to_owned(),
        kind: new.kind.to_owned(),
        permissions: new.permissions.to_string(),
        password_hash,
        disabled: 0,
    }
}

fn random_text() -> Result<Zeroizing<String>, IdentityError> {
    let mut bytes = Zeroizing::new([0_u8; 32]);
    aws_lc_rs::rand::fill(bytes.as_mut_slice()).map_err(|_| IdentityError::Random)?;
    Ok(Zeroizing::new(URL_SAFE_NO_PAD.encode(bytes.as_slice())))
}
