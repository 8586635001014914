//! Links without an end and without a sign-in (the PBX contract, section 5: storage link, archive).
//!
//! A token is HMAC-SHA256 of a random nonce under a link key, cut to 192 bits. Its digest finds the row;
//! nonce and key make the same token again when it is asked for again. Whoever reads the catalogue
//! alone can follow no link.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

use super::{LinkKeys, Links, PlayError};
use crate::asset::{AssetId, Digest, TenantId};
use crate::catalog::{AuditEntry, OtherLinks, StorageLinkRow};
use crate::seal::{Random as _, SystemRandom};

/// Where storage links lie.
pub const STORAGE_PATH: &str = "/s/";
/// Where links to archives lie.
pub const ARCHIVE_PATH: &str = "/archive/";
/// Characters of a token.
const TOKEN_CHARS: usize = 32;

/// Whose link.
#[derive(Debug, Clone, Copy)]
pub struct LinkOwner<'o> {
    /// Tenant.
    pub tenant: &'o TenantId,
    /// Login name of who asks.
    pub name: &'o str,
    /// The file, or the archive.
    pub asset: AssetId,
}

impl LinkKeys {
    /// The token of a nonce under a key, with the key's id: the newest when none is named. Nothing when
    /// that key is not there any more.
    ///
    /// # Errors
    /// [`PlayError::Keys`] when there is no key at all.
    fn token(&self, key: Option<&str>, nonce: &str) -> Result<Option<(String, String)>, PlayError> {
        let made = self.mac_with(key, &format!("storage\n{nonce}"))?;
        Ok(made.map(|(key, mut token)| {
            token.truncate(TOKEN_CHARS);
            (key, token)
        }))
    }
}

impl Links {
    /// The token of an asset's permanent link: the same each time.
    ///
    /// # Errors
    /// [`PlayError::Revoked`] when it was taken back, and as the catalogue and keys have them.
    pub async fn storage_token(&self, owner: LinkOwner<'_>) -> Result<String, PlayError> {
        loop {
            let Some(row) = self.catalog.storage_link(owner.asset).await? else {
                if let Some(token) = self.new_token(owner, OtherLinks::Absent).await? {
                    return Ok(token);
                }
                // Somebody else was faster.
                continue;
            };
            if row.revoked {
                return Err(PlayError::Revoked);
            }
            if let Some((_, token)) = self.keys.token(Some(&row.key_id), &row.nonce)? {
                return Ok(token);
            }
            // The old token is good still, but nobody can tell it.
            return self.another_token(owner, OtherLinks::Stay).await;
        }
    }

    /// A new token; older ones are void.
    ///
    /// # Errors
    /// [`PlayError`].
    pub async fn rotate_storage_token(&self, owner: LinkOwner<'_>) -> Result<String, PlayError> {
        self.another_token(owner, OtherLinks::End).await
    }

    async fn another_token(
        &self,
        owner: LinkOwner<'_>,
        others: OtherLinks,
    ) -> Result<String, PlayError> {
        let made = self.new_token(owner, others).await?;
        made.ok_or_else(|| PlayError::Keys { detail: "no link was made".to_owned() })
    }

    async fn new_token(
        &self,
        owner: LinkOwner<'_>,
        others: OtherLinks,
    ) -> Result<Option<String>, PlayError> {
        let no_randomness = |_| PlayError::Keys { detail: "no randomness".to_owned() };
        let mut bytes = [0_u8; 24];
        SystemRandom.fill(&mut bytes).map_err(no_randomness)?;
        let nonce = URL_SAFE_NO_PAD.encode(bytes);
        let no_key = || PlayError::Keys { detail: "there is no key".to_owned() };
        let (key_id, token) = self.keys.token(None, &nonce)?.ok_or_else(no_key)?;
        let LinkOwner { tenant, asset, .. } = owner;
        let row = StorageLinkRow {
            tenant: tenant.clone(),
            asset_id: asset,
            key_id,
            nonce,
            revoked: false,
        };
        let action = if others == OtherLinks::End { "link.rotate" } else { "link.create" };
        let subject = asset.to_string();
        let entry = self.entry(owner, action, &subject);
        let digest = Digest::of(token.as_bytes());
        let added = self.catalog.add_storage_link(&row, digest, others, &entry).await?;
        Ok(added.then_some(token))
    }

    /// Takes an asset's permanent link back; false when there is none.
    ///
    /// # Errors
    /// [`PlayError`].
    pub async fn revoke_storage_token(&self, owner: LinkOwner<'_>) -> Result<bool, PlayError> {
        let subject = owner.asset.to_string();
        let entry = self.entry(owner, "link.revoke", &subject);
        Ok(self.catalog.revoke_storage_link(owner.asset, &entry).await?)
    }

    /// What a token is a link to, taken back or not.
    ///
    /// # Errors
    /// [`PlayError`].
    pub async fn storage_link(&self, token: &str) -> Result<Option<StorageLinkRow>, PlayError> {
        if token.len() != TOKEN_CHARS {
            return Ok(None);
        }
        let digest = Digest::of(token.as_bytes());
        Ok(self.catalog.storage_link_by_token(digest).await?)
    }

    fn entry<'e>(&self, owner: LinkOwner<'e>, action: &'e str, subject: &'e str) -> AuditEntry<'e> {
        let (tenant, actor, now) = (owner.tenant, owner.name, self.clock.now());
        AuditEntry { tenant, actor, action, subject, detail: json!({}), now }
    }
}
