//! Principals: users, appliances, applications, operators.

use serde_json::json;
use zeroize::Zeroizing;

use super::{
    Identity, IdentityError, Permission, Permissions, TOKEN_PREFIX, password, random_text,
};
use crate::asset::{Digest, TenantId};
use crate::catalog::{AuditEntry, KeyHolder, PrincipalRow};

/// Somebody who has proved who they are.
#[derive(Debug, Clone)]
pub struct Principal {
    /// The tenant whose rows they see.
    pub tenant: TenantId,
    /// Login name.
    pub name: String,
    /// What they may do.
    pub permissions: Permissions,
    /// The access key that they signed in with, if they did.
    pub access_key: Option<String>,
}

impl Principal {
    pub(super) fn of(row: &PrincipalRow) -> Result<Self, IdentityError> {
        if row.disabled != 0 {
            return Err(IdentityError::Refused);
        }
        Ok(Self {
            tenant: TenantId::parse(&row.tenant).map_err(|_| IdentityError::Refused)?,
            name: row.name.clone(),
            permissions: Permissions::parse(&row.permissions),
            access_key: None,
        })
    }

    /// Whom an access key signs in, if key and principal are switched on.
    pub(super) fn holding(holder: &KeyHolder) -> Result<Self, IdentityError> {
        if holder.active == 0 || holder.disabled != 0 {
            return Err(IdentityError::Refused);
        }
        Ok(Self {
            tenant: TenantId::parse(&holder.tenant).map_err(|_| IdentityError::Refused)?,
            name: holder.name.clone(),
            permissions: Permissions::parse(&holder.permissions),
            access_key: Some(holder.id.clone()),
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

impl Identity {
    /// Creates or replaces a principal that signs in with a token; the token is shown only now.
    ///
    /// # Errors
    /// [`IdentityError::Catalog`].
    pub async fn create_with_token(
        &self,
        new: &NewPrincipal<'_>,
    ) -> Result<Zeroizing<String>, IdentityError> {
        let token = Zeroizing::new(format!("{TOKEN_PREFIX}{}", *random_text()?));
        self.put_principal(new, None, Some(Digest::of(token.as_bytes()))).await?;
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
        self.put_principal(new, Some(hash), None).await?;
        Ok(password)
    }

    async fn put_principal(
        &self,
        new: &NewPrincipal<'_>,
        password_hash: Option<String>,
        token: Option<Digest>,
    ) -> Result<(), IdentityError> {
        let row = PrincipalRow {
            tenant: new.tenant.to_string(),
            name: new.name.to_owned(),
            kind: new.kind.to_owned(),
            permissions: new.permissions.to_string(),
            password_hash,
            disabled: 0,
        };
        let entry = AuditEntry {
            tenant: new.tenant,
            actor: new.actor,
            action: "user.add",
            subject: new.name,
            detail: json!({ "kind": row.kind, "permissions": row.permissions }),
            now: self.clock.now(),
        };
        Ok(self.catalog.put_principal(&row, token, &entry).await?)
    }

    /// Removes a principal with its access keys; false when there was none. `actor` is who does it.
    ///
    /// # Errors
    /// [`IdentityError::Catalog`].
    pub async fn remove_principal(
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
