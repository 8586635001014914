//! Access keys: made, listed, changed, removed. A secret is shown once and rests as its digest.

use jiff::Timestamp;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::tokens::require_plain;
use super::{Identity, IdentityError, random_text};
use crate::asset::{Digest, TenantId};
use crate::catalog::{AccessKeyRow, AuditEntry, KeyChange, KeyCreated, NewAccessKey};

/// Most access keys of one principal.
pub const MAX_ACCESS_KEYS: u32 = 100;
/// What ids of access keys begin with; 32 hexadecimal digits follow.
const ID_PREFIX: &str = "rgk_";
/// What their secrets begin with.
const SECRET_PREFIX: &str = "rgs_";

/// An access key, without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessKey {
    /// Its id.
    pub id: String,
    /// Login name of whom it signs in.
    pub principal: String,
    /// Whether it signs anybody in.
    pub active: bool,
    /// When it was made.
    pub created: Timestamp,
    /// When it was last used, to a minute.
    pub last_used: Option<Timestamp>,
}

impl AccessKey {
    fn of(row: &AccessKeyRow) -> Self {
        let instant = |micros| Timestamp::from_microsecond(micros).unwrap_or_default();
        Self {
            id: row.id.clone(),
            principal: row.principal.clone(),
            active: row.active != 0,
            created: instant(row.created_us),
            last_used: row.last_used_us.map(instant),
        }
    }
}

/// A key with its secret, which is shown only now.
pub struct KeySecret {
    /// The key's id.
    pub id: String,
    /// Its secret.
    pub secret: Zeroizing<String>,
}

/// Whether a text has the form of an access key id: what has not may be a secret in a wrong place.
pub(super) fn is_key_id(text: &str) -> bool {
    let digits = text.strip_prefix(ID_PREFIX).unwrap_or_default();
    digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
}

impl Identity {
    /// Makes a key for a principal. `actor` is who does it.
    ///
    /// # Errors
    /// [`IdentityError::Unknown`] when the tenant has no such principal, [`IdentityError::Limit`]
    /// when it has [`MAX_ACCESS_KEYS`], [`IdentityError::Claim`] when no token can carry its name
    /// or its tenant's.
    pub async fn create_access_key(
        &self,
        tenant: &TenantId,
        principal: &str,
        actor: &str,
    ) -> Result<KeySecret, IdentityError> {
        require_plain("userId", principal)?;
        require_plain("tenantId", tenant.as_str())?;
        let id = format!("{ID_PREFIX}{}", uuid::Uuid::new_v4().simple());
        let secret = new_secret()?;
        let new = NewAccessKey {
            id: &id,
            principal,
            secret: Digest::of(secret.as_bytes()),
            most: MAX_ACCESS_KEYS,
        };
        let detail = json!({ "user": principal });
        let entry = self.key_entry(tenant, actor, "key.create", &id, detail);
        match self.catalog.create_access_key(&new, &entry).await? {
            KeyCreated::Yes => Ok(KeySecret { id, secret }),
            KeyCreated::NoPrincipal => Err(IdentityError::Unknown { what: "user" }),
            KeyCreated::Limit => Err(IdentityError::Limit { max: MAX_ACCESS_KEYS }),
        }
    }

    /// A key of a tenant.
    ///
    /// # Errors
    /// [`IdentityError::Unknown`].
    pub async fn access_key(
        &self,
        tenant: &TenantId,
        id: &str,
    ) -> Result<AccessKey, IdentityError> {
        let row = self.catalog.access_key(tenant, id).await?;
        Ok(AccessKey::of(&row.ok_or(NO_KEY)?))
    }

    /// The keys of a tenant, or those of one principal of it, oldest first.
    ///
    /// # Errors
    /// [`IdentityError::Catalog`].
    pub async fn access_keys(
        &self,
        tenant: &TenantId,
        principal: Option<&str>,
    ) -> Result<Vec<AccessKey>, IdentityError> {
        let rows = self.catalog.access_keys(tenant, principal).await?;
        Ok(rows.iter().map(AccessKey::of).collect())
    }

    /// Switches a key on or off. What it brought is void at once when it is off.
    ///
    /// # Errors
    /// [`IdentityError::Unknown`].
    pub async fn switch_access_key(
        &self,
        tenant: &TenantId,
        id: &str,
        active: bool,
        actor: &str,
    ) -> Result<(), IdentityError> {
        let entry = self.key_entry(tenant, actor, "key.change", id, json!({ "active": active }));
        let change = KeyChange { active: Some(active), secret: None };
        let changed = self.catalog.change_access_key(id, change, &entry).await?;
        if changed { Ok(()) } else { Err(NO_KEY) }
    }

    /// Gives a key a new secret. The old one, and what it brought, is void at once.
    ///
    /// # Errors
    /// [`IdentityError::Unknown`].
    pub async fn rotate_access_key(
        &self,
        tenant: &TenantId,
        id: &str,
        actor: &str,
    ) -> Result<KeySecret, IdentityError> {
        let secret = new_secret()?;
        let change = KeyChange { active: None, secret: Some(Digest::of(secret.as_bytes())) };
        let entry = self.key_entry(tenant, actor, "key.rotate", id, json!({}));
        let changed = self.catalog.change_access_key(id, change, &entry).await?;
        if changed { Ok(KeySecret { id: id.to_owned(), secret }) } else { Err(NO_KEY) }
    }

    /// Removes a key. What it brought is void at once.
    ///
    /// # Errors
    /// [`IdentityError::Unknown`].
    pub async fn remove_access_key(
        &self,
        tenant: &TenantId,
        id: &str,
        actor: &str,
    ) -> Result<(), IdentityError> {
        let entry = self.key_entry(tenant, actor, "key.remove", id, json!({}));
        let removed = self.catalog.remove_access_key(id, &entry).await?;
        if removed { Ok(()) } else { Err(NO_KEY) }
    }

    fn key_entry<'e>(
        &self,
        tenant: &'e TenantId,
        actor: &'e str,
        action: &'e str,
        subject: &'e str,
        detail: Value,
    ) -> AuditEntry<'e> {
        AuditEntry { tenant, actor, action, subject, detail, now: self.clock.now() }
    }
}

const NO_KEY: IdentityError = IdentityError::Unknown { what: "access key" };

fn new_secret() -> Result<Zeroizing<String>, IdentityError> {
    Ok(Zeroizing::new(format!("{SECRET_PREFIX}{}", *random_text()?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_form_of_an_id_is_taken_for_one() {
        let id = format!("{ID_PREFIX}{}", uuid::Uuid::new_v4().simple());
        assert!(is_key_id(&id));
        for text in ["", "rgk_", "rgk_12", &id[4..], &format!("{id}0"), &new_secret().unwrap()] {
            assert!(!is_key_id(text), "{text}");
        }
    }
}
