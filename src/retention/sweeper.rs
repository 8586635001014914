//! Deletes by age and by space what the settings say, and warns before space runs out.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use tokio::sync::{Notify, watch};

use super::settings::{RetentionSettings, TenantRetention, WhenFull};
use crate::asset::{AssetId, Clock, TenantId};
use crate::catalog::{Catalog, CatalogError, Deleted, Deletion, RETENTION, SpaceWarning};

/// The target of deliveries that warn.
pub const MAIL_SPACE: &str = "mail:space";
/// Recordings that one transaction deletes, at most: others wait no longer than for so many.
pub(super) const BATCH: u32 = 200;

/// Sweeps. Built once, when there is anything to sweep.
#[derive(Clone)]
pub struct Sweeper {
    /// Rows.
    pub catalog: Catalog,
    /// `[retention]`.
    pub settings: RetentionSettings,
    /// Now.
    pub clock: Arc<dyn Clock>,
    /// Rung when something was deleted.
    pub removal_bell: Arc<Notify>,
    /// Rung when a delivery is owed.
    pub delivery_bell: Arc<Notify>,
}

impl std::fmt::Debug for Sweeper {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sweeper").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Sweeper {
    /// Sweeps again and again until `stop` says true.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        let pause = Duration::from_secs(self.settings.sweep_s);
        while !*stop.borrow() {
            self.sweep(&stop).await;
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                _ = stop.changed() => {}
            }
        }
    }

    /// One look at every tenant that has a rule. A tenant that fails does not stop the others.
    pub async fn sweep(&self, stop: &watch::Receiver<bool>) {
        for rule in &self.settings.tenants {
            let Ok(tenant) = TenantId::parse(&rule.tenant) else { continue };
            if let Err(error) = self.age(&tenant, rule, stop).await {
                tracing::error!(%tenant, error = ?error, "nothing could be deleted by age");
            }
            if let Err(error) = self.space(&tenant, rule, stop).await {
                tracing::error!(%tenant, error = ?error, "space could not be looked after");
            }
        }
    }

    async fn age(
        &self,
        tenant: &TenantId,
        rule: &TenantRetention,
        stop: &watch::Receiver<bool>,
    ) -> Result<(), CatalogError> {
        let Some(days) = rule.delete_after_days else { return Ok(()) };
        let now = self.clock.now();
        let age = SignedDuration::from_hours(i64::from(days).saturating_mul(24));
        let before = now.checked_sub(age).unwrap_or(Timestamp::MIN);
        let mut last = Vec::new();
        while !*stop.borrow() {
            let due = self.catalog.overdue_assets(tenant, before, BATCH).await?;
            // The same again is what cannot be deleted.
            if due.is_empty() || due == last {
                return Ok(());
            }
            self.delete(tenant, &due, "retention.age").await?;
            last = due;
        }
        Ok(())
    }

    async fn space(
        &self,
        tenant: &TenantId,
        rule: &TenantRetention,
        stop: &watch::Receiver<bool>,
    ) -> Result<(), CatalogError> {
        let Some(quota) = rule.quota_bytes else { return Ok(()) };
        let mut used = self.catalog.space_used(tenant).await?.bytes;
        self.warn(tenant, rule, (used, quota)).await?;
        while rule.when_full == WhenFull::DeleteOldest && used > quota && !*stop.borrow() {
            let due = self.oldest(tenant, used.saturating_sub(quota)).await?;
            if due.is_empty() {
                tracing::warn!(%tenant, used, quota, "nothing that is stored may be deleted");
                break;
            }
            if !self.delete(tenant, &due, "retention.space").await? {
                break;
            }
            used = self.catalog.space_used(tenant).await?.bytes;
        }
        #[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
        metrics::gauge!("reelgate_stored_bytes", "tenant" => tenant.to_string()).set(used as f64);
        Ok(())
    }

    /// The assets of so many of the oldest recordings, whole, as give `excess` bytes back.
    async fn oldest(&self, tenant: &TenantId, excess: u64) -> Result<Vec<AssetId>, CatalogError> {
        let (mut due, mut freed, mut last) = (Vec::new(), 0_u64, None);
        for (recording, asset, bytes) in self.catalog.oldest_assets(tenant, BATCH).await? {
            if freed >= excess && last.as_ref() != Some(&recording) {
                break;
            }
            due.push(asset);
            freed = freed.saturating_add(bytes);
            last = Some(recording);
        }
        Ok(due)
    }

    /// False when nothing was deleted, so that another look would find the same.
    async fn delete(
        &self,
        tenant: &TenantId,
        assets: &[AssetId],
        action: &'static str,
    ) -> Result<bool, CatalogError> {
        let why = Deletion { reason: RETENTION, actor: "system", action };
        match self.catalog.delete_assets(tenant, assets, why, self.clock.now()).await? {
            Deleted::Done { count, .. } => {
                if count > 0 {
                    tracing::info!(%tenant, count, action, "assets deleted");
                    metrics::counter!("reelgate_deleted_total", "by" => action).increment(count);
                    self.removal_bell.notify_one();
                }
                Ok(count > 0)
            }
            // Put on hold since they were found: the next look does not find them.
            Deleted::Held { .. } => Ok(true),
        }
    }

    async fn warn(
        &self,
        tenant: &TenantId,
        rule: &TenantRetention,
        (used, quota): (u64, u64),
    ) -> Result<(), CatalogError> {
        let percent = u128::from(used).saturating_mul(100) / u128::from(quota).max(1);
        if percent < u128::from(rule.warn_percent) {
            if self.catalog.forget_space_warning(tenant).await? {
                tracing::info!(%tenant, used, quota, "there is room again");
            }
            return Ok(());
        }
        let body = rule.warn_email.as_ref().map(|to| {
            let content = json!({
                "kind": "spaceWarning", "tenant": tenant, "usedBytes": used,
                "quotaBytes": quota, "percent": u64::try_from(percent).unwrap_or(u64::MAX),
            });
            json!({ "to": to, "language": rule.warn_language, "content": content }).to_string()
        });
        let mail = body.as_deref().map(|body| SpaceWarning { target: MAIL_SPACE, body });
        if self.catalog.warn_of_space(tenant, mail, self.clock.now()).await? {
            tracing::warn!(%tenant, used, quota, "space runs out");
            self.delivery_bell.notify_one();
        }
        Ok(())
    }
}
