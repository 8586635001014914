//! Makes links, and writes down who got them.

use std::net::IpAddr;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::json;

use super::{Disposition, Link, LinkKeys, LinkTarget, PlayError, PlaySettings};
use crate::asset::{AssetId, Clock, Outcome, TenantId};
use crate::catalog::{AuditEntry, Catalog};

/// Makes links for those who may play.
#[derive(Clone)]
pub struct Links {
    /// Signs them.
    pub keys: Arc<LinkKeys>,
    /// The audit trail.
    pub catalog: Catalog,
    /// `[play]`.
    pub settings: PlaySettings,
    /// What links begin with, without a slash at the end.
    pub public_url: Arc<str>,
    /// Now.
    pub clock: Arc<dyn Clock>,
}

impl std::fmt::Debug for Links {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Links")
    }
}

/// Somebody who may play what is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Listener<'l> {
    /// Whose assets.
    pub tenant: &'l TenantId,
    /// Login name.
    pub name: &'l str,
    /// From where the request came.
    pub address: IpAddr,
}

/// What is to be played.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'w> {
    /// The asset or rendition.
    pub asset: AssetId,
    /// What is known of it.
    pub outcome: &'w Outcome,
    /// Playing or saving.
    pub disposition: Disposition,
    /// Shortest life of the link in seconds; a longer recording lengthens it.
    pub life_s: u64,
}

/// A link that was made.
#[derive(Debug, Clone)]
pub struct Issued {
    /// The whole URL.
    pub url: String,
    /// First instant at which it is void.
    pub expires: Timestamp,
}

impl Links {
    /// Links to what is wanted, in order, and one row in the audit trail about all of them, whose
    /// subject is `subject`.
    ///
    /// # Errors
    /// [`PlayError`].
    pub async fn issue(
        &self,
        listener: Listener<'_>,
        subject: &str,
        wanted: &[Wanted<'_>],
    ) -> Result<Vec<Issued>, PlayError> {
        let now = self.clock.now();
        let mut made = Vec::with_capacity(wanted.len());
        let mut told = Vec::with_capacity(wanted.len());
        for one in wanted {
            let target = LinkTarget { asset: one.asset, disposition: one.disposition };
            let link = Link {
                target,
                file_name: &one.outcome.file_name,
                issued: now,
                expires: Link::expiry(now, one.outcome.duration_ms, one.life_s),
                client: self.settings.bind_address.then_some(listener.address),
            };
            let signed = self.keys.sign(&link)?;
            told.push(json!({
                "link": LinkKeys::tag(&signed), "asset": one.asset,
                "mode": one.disposition.name(), "expires": link.expires,
            }));
            let url = format!("{}{signed}", self.public_url);
            made.push(Issued { url, expires: link.expires });
        }
        if !made.is_empty() {
            let detail = json!({ "address": listener.address, "links": told });
            let (tenant, actor) = (listener.tenant, listener.name);
            let entry = AuditEntry { tenant, actor, action: "play.link", subject, detail, now };
            self.catalog.audit(&entry).await?;
        }
        Ok(made)
    }
}
