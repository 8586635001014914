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
const BATCH: u32 = 200;

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

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, Ordering};

    use super::super::Remover;
    use super::*;
    use crate::asset::{Digest, MediaId, RecordingDocument, RecordingId, Rules};
    use crate::catalog::{
        Accepted, AuditEntry, DeliveryState, MediaState, NewRecording, UploadClaim,
    };
    use crate::store::backends::memory::Memory;
    use crate::store::{IfExists, ObjectKey, Part, SealedBody};

    const DAY_S: i64 = 24 * 60 * 60;
    /// 2026-03-04T09:15:00Z.
    const START_S: i64 = 1_772_615_700;

    struct HandClock(AtomicI64);

    impl HandClock {
        fn day(&self, day: i64) {
            self.0.store(START_S + day * DAY_S + 1, Ordering::SeqCst);
        }
    }

    impl Clock for HandClock {
        fn now(&self) -> Timestamp {
            Timestamp::from_second(self.0.load(Ordering::SeqCst)).unwrap()
        }
    }

    struct House {
        sweeper: Sweeper,
        remover: Remover,
        clock: Arc<HandClock>,
        tenant: TenantId,
        _folder: tempfile::TempDir,
    }

    impl House {
        async fn open(rule: &str) -> Self {
            let folder = tempfile::tempdir().unwrap();
            let url = Catalog::sqlite_url(&folder.path().join("catalog.sqlite"));
            let catalog = Catalog::open(&url).await.unwrap();
            let clock = Arc::new(HandClock(AtomicI64::new(START_S)));
            let bell = Arc::new(Notify::new());
            let settings: RetentionSettings =
                toml::from_str(&format!("tenants = [{{ tenant = 'default', {rule} }}]")).unwrap();
            assert_eq!(settings.check(), Vec::<String>::new());
            let sweeper = Sweeper {
                catalog: catalog.clone(),
                settings,
                clock: Arc::<HandClock>::clone(&clock),
                removal_bell: Arc::clone(&bell),
                delivery_bell: Arc::default(),
            };
            let remover = Remover {
                catalog,
                store: Arc::new(Memory::default()),
                archive: Some(Arc::new(Memory::default())),
                node: "n".to_owned(),
                clock: Arc::<HandClock>::clone(&clock),
                bell,
            };
            Self { sweeper, remover, clock, tenant: TenantId::default_tenant(), _folder: folder }
        }

        /// A recording that began `day` days after the first, with one stored file of 3 bytes and
        /// something that a crash left beside it.
        async fn store(&self, id: &str, day: i64) -> AssetId {
            let catalog = &self.sweeper.catalog;
            let start = Timestamp::from_second(START_S + day * DAY_S).unwrap();
            let value = json!({
                "id": id, "callerPhoneNumber": "1", "dialedPhoneNumber": "2", "region": "r",
                "mediaFiles": [{
                    "callUUID": "u", "mediaId": id, "type": "audio/wav", "parameters": {},
                    "startTime": start.to_string(), "stopTime": start.to_string(),
                }],
            });
            let document =
                RecordingDocument::parse(value.to_string().as_bytes(), Rules::Ingest).unwrap();
            let (tenant, now) = (&self.tenant, self.clock.now());
            let new = NewRecording { tenant, document: &document, zone: None, now };
            catalog.declare(&new).await.unwrap();
            let names = (&RecordingId::parse(id).unwrap(), &MediaId::parse(id).unwrap());
            let claim = catalog.claim_upload(tenant, names, "n", now).await.unwrap();
            let UploadClaim::Started(row) = claim else { panic!("{claim:?}") };
            let asset_id = row.asset_id;
            let (sha256, receipt) = (Digest::of(b"abc"), "r".to_owned());
            let upload = Accepted { asset_id, bytes: 3, sha256, receipt };
            assert!(catalog.accept_uploads(&[upload], "n", now, now).await.unwrap());
            let key = format!("default/{asset_id}/a.wav");
            for (name, committed) in
                [("a.wav", true), ("manifest.json", true), ("rendition-1.mp4", true), ("b", false)]
            {
                let key = ObjectKey::parse(&format!("default/{asset_id}/{name}")).unwrap();
                let part = Part::new(key, "t1").unwrap();
                let bytes = bytes::Bytes::from_static(b"abc");
                let body = futures_util::stream::once(async { Ok(bytes) });
                let body = SealedBody::of_stored(futures_util::StreamExt::boxed(body));
                let staged = self.remover.store.stage(&part, 3, body).await.unwrap();
                if committed {
                    self.remover.store.commit(&staged, IfExists::Replace).await.unwrap();
                }
            }
            let stored = json!({ "key": key, "bytes": 3, "sha256": Digest::of(b"abc") });
            let outcome = json!({ "stored": stored }).to_string();
            catalog.intend(asset_id, &outcome, "s", now).await.unwrap();
            let row = catalog.asset(asset_id).await.unwrap().unwrap();
            catalog.finish(&row, &[], None, now).await.unwrap();
            asset_id
        }

        async fn hold(&self, id: &str) {
            let entry = AuditEntry {
                tenant: &self.tenant,
                actor: "kim",
                action: "hold.set",
                subject: id,
                detail: json!({}),
                now: self.clock.now(),
            };
            let id = RecordingId::parse(id).unwrap();
            let held = self.sweeper.catalog.hold(&self.tenant, &id, "case", &entry).await;
            assert_eq!(held.unwrap(), Some(true));
        }

        async fn sweep(&self) {
            let (_sender, stop) = watch::channel(false);
            self.sweeper.sweep(&stop).await;
            while self.remover.step().await.unwrap() {}
        }

        /// Whether an asset is there: in its row, and with all that lies in its folder.
        async fn has(&self, asset: AssetId) -> bool {
            let row = self.sweeper.catalog.asset(asset).await.unwrap().unwrap();
            let folder = crate::store::Folder::parse(&format!("default/{asset}")).unwrap();
            let listing = self.remover.store.list(&folder).await.unwrap();
            let there = (listing.objects.len(), listing.parts.len());
            let ready = row.state == MediaState::Ready;
            assert_eq!(there, if ready { (3, 1) } else { (0, 0) }, "{asset}");
            ready
        }

        async fn warnings(&self) -> Vec<serde_json::Value> {
            let pending = Some(DeliveryState::Pending);
            let rows = self.sweeper.catalog.deliveries_page(&self.tenant, pending, None, 9).await;
            let mails = rows.unwrap().into_iter().filter(|(row, _)| row.target == MAIL_SPACE);
            mails.map(|(row, _)| serde_json::from_str(&row.body.unwrap()).unwrap()).collect()
        }
    }

    #[tokio::test]
    async fn age_is_counted_from_the_beginning_of_a_call() {
        let house = House::open("delete_after_days = 10").await;
        let (old, young) = (house.store("old", 0).await, house.store("young", 1).await);
        let held = house.store("held", 0).await;
        house.hold("held").await;
        house.clock.day(9);
        house.sweep().await;
        assert!(house.has(old).await && house.has(young).await);
        house.clock.day(10);
        house.sweep().await;
        assert!(!house.has(old).await && house.has(young).await && house.has(held).await);
        house.clock.day(11);
        house.sweep().await;
        assert!(!house.has(young).await && house.has(held).await);
    }

    #[tokio::test]
    async fn more_than_one_batch_goes_in_one_sweep() {
        let house = House::open("delete_after_days = 10").await;
        for number in 0..i64::from(BATCH) + 5 {
            house.store(&format!("call{number}"), 0).await;
        }
        house.clock.day(10);
        house.sweep().await;
        assert_eq!(house.sweeper.catalog.space_used(&house.tenant).await.unwrap().files, 0);
        assert_eq!(house.sweeper.catalog.removal_counts().await.unwrap(), (0, 0));
    }

    #[tokio::test]
    async fn the_oldest_make_room_but_for_holds() {
        let rule = "quota_bytes = 6, when_full = 'delete_oldest'";
        let house = House::open(rule).await;
        let held = house.store("held", 0).await;
        let (second, third) = (house.store("second", 1).await, house.store("third", 2).await);
        house.hold("held").await;
        house.sweep().await;
        assert!(house.has(held).await && !house.has(second).await && house.has(third).await);
        let fourth = house.store("fourth", 3).await;
        house.hold("third").await;
        house.hold("fourth").await;
        house.sweep().await;
        assert!(house.has(third).await && house.has(fourth).await);
    }

    #[tokio::test]
    async fn a_warning_is_sent_once_for_each_crossing() {
        let rule = "quota_bytes = 6, warn_percent = 50, warn_email = 'a@b.example', \
                    delete_after_days = 10";
        let house = House::open(rule).await;
        house.sweep().await;
        assert!(house.warnings().await.is_empty());
        house.store("one", 0).await;
        house.sweep().await;
        house.store("two", 1).await;
        house.sweep().await;
        let [mail] = &house.warnings().await[..] else { panic!("not one") };
        assert_eq!((&mail["to"], &mail["language"]), (&json!("a@b.example"), &json!("en")));
        let content = json!({
            "kind": "spaceWarning", "tenant": "default", "usedBytes": 3, "quotaBytes": 6,
            "percent": 50,
        });
        assert_eq!(mail["content"], content);
        house.clock.day(11);
        // One sweep deletes, and finds that there is room again.
        house.sweep().await;
        house.store("three", 11).await;
        house.sweep().await;
        assert_eq!(house.warnings().await.len(), 2);
    }
}
