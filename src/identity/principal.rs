//! Principals: users, appliances, applications, operators.

use serde_json::json;
use zeroize::Zeroizing;

use super::{
    Identity, IdentityError, OauthGrant, Permission, Permissions, TOKEN_PREFIX, password,
    random_text,
};
use crate::asset::{Digest, TenantId};
use crate::catalog::{AuditEntry, KeyHolder, PrincipalRow};

/// How much the tokens of an application allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccessLevel {
    /// Calls and their records: nothing is changed.
    Call,
    /// Whatever its user may.
    All,
}

impl AccessLevel {
    /// The level of this name.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "call" => Some(Self::Call),
            "all" => Some(Self::All),
            _ => None,
        }
    }

    /// The name in rows, settings and answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Call => "call",
            Self::All => "all",
        }
    }

    /// Whether a token of this level allows it to somebody who may do it.
    pub const fn allows(self, permission: Permission) -> bool {
        match self {
            Self::All => true,
            Self::Call => matches!(permission, Permission::RecordsRead),
        }
    }
}

/// The application that somebody acts through.
#[derive(Debug, Clone)]
pub struct Application {
    /// Its `client_id`.
    pub name: String,
    /// How much its tokens allow.
    pub level: AccessLevel,
}

/// What a PBX knows of a user or application.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PbxProfile {
    /// The extension that it sees, if it sees one only.
    pub extension_id: Option<i64>,
    /// The group of extensions that it sees, if it sees one only.
    pub extension_group_id: Option<i64>,
    /// Where its clock is, such as `Europe/Moscow`.
    pub timezone: Option<String>,
}

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
    /// What a PBX knows of them.
    pub profile: PbxProfile,
    /// The application that they act through, if they do.
    pub application: Option<Application>,
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
            profile: PbxProfile {
                extension_id: row.extension_id,
                extension_group_id: row.extension_group_id,
                timezone: row.timezone.clone(),
            },
            application: None,
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
            profile: PbxProfile::default(),
            application: None,
        })
    }

    /// Whether they may do this, through the application that they act through.
    pub fn may(&self, permission: Permission) -> bool {
        let level = self.application.as_ref().map(|application| application.level);
        self.permissions.has(permission) && level.is_none_or(|level| level.allows(permission))
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
    /// What a PBX knows of it.
    pub profile: PbxProfile,
    /// What an application may do with OAuth 2.0, if it is one.
    pub oauth: Option<(&'n [OauthGrant], AccessLevel)>,
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

    /// Creates or replaces a principal that signs in with a password: this one, or a generated one.
    /// It is shown only now.
    ///
    /// # Errors
    /// [`IdentityError::Catalog`].
    pub async fn create_with_password(
        &self,
        new: &NewPrincipal<'_>,
        given: Option<Zeroizing<String>>,
    ) -> Result<Zeroizing<String>, IdentityError> {
        let password = given.map_or_else(random_text, Ok)?;
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
            extension_id: new.profile.extension_id,
            extension_group_id: new.profile.extension_group_id,
            timezone: new.profile.timezone.clone(),
            grants: new.oauth.map(|(grants, _)| {
                let names: Vec<&str> = grants.iter().map(|grant| grant.name()).collect();
                names.join(" ")
            }),
            access_level: new.oauth.map(|(_, level)| level.name().to_owned()),
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
