//! Sweeps and removals with a clock set by hand.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::Timestamp;
use serde_json::json;
use tokio::sync::{Notify, watch};

use super::sweeper::BATCH;
use super::{MAIL_SPACE, Remover, RetentionSettings, Sweeper};
use crate::asset::{
    AssetId, Clock, Digest, MediaId, RecordingDocument, RecordingId, Rules, TenantId,
};
use crate::catalog::{
    Accepted, AuditEntry, Catalog, DeliveryState, MediaState, NewRecording, UploadClaim,
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
