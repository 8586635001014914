//! One behaviour suite for the catalogue, run on SQLite and on PostgreSQL.

use jiff::{SignedDuration, Timestamp};
use reelgate::asset::{
    AssetId, Digest, MaskEntry, MediaId, RecordingDocument, RecordingId, Rules, TenantId,
};
use reelgate::catalog::{
    Accepted, AuditEntry, AuditRow, Catalog, Declared, DeliveryState, DeliveryTry, MaskChange,
    MediaState, NewRecording, NextTry, PrincipalRow, UploadClaim,
};
use serde_json::{Value, json};

use crate::gateway::{Gateway, block_on};
use crate::peers::postgres::Postgres;

const NODE: &str = "node-a";

fn now() -> Timestamp {
    "2026-11-21T12:00:00Z".parse().unwrap()
}

fn later(seconds: i64) -> Timestamp {
    now().checked_add(SignedDuration::from_secs(seconds)).unwrap()
}

fn tenant() -> TenantId {
    TenantId::default_tenant()
}

fn document(id: &str, media: &[&str]) -> RecordingDocument {
    let files: Vec<Value> = media
        .iter()
        .map(|media| {
            json!({
                "callUUID": "u", "mediaId": media, "type": "audio/wav",
                "startTime": "2026-03-04T09:15:00Z", "stopTime": "2026-03-04T09:16:00Z",
                "parameters": {}
            })
        })
        .collect();
    let value = json!({
        "id": id, "callerPhoneNumber": "1", "dialedPhoneNumber": "2", "region": "r",
        "mediaFiles": files
    });
    RecordingDocument::parse(value.to_string().as_bytes(), Rules::Ingest).unwrap()
}

async fn declare(catalog: &Catalog, document: &RecordingDocument) -> Declared {
    let tenant = tenant();
    catalog
        .declare(&NewRecording { tenant: &tenant, document, zone: None, now: now() })
        .await
        .unwrap()
}

async fn claim(catalog: &Catalog, recording: &str, media: &str) -> UploadClaim {
    let (recording, media) =
        (RecordingId::parse(recording).unwrap(), MediaId::parse(media).unwrap());
    catalog.claim_upload(&tenant(), (&recording, &media), NODE, now()).await.unwrap()
}

/// Declares, claims and acknowledges one media file of a recording of its own.
async fn spooled(catalog: &Catalog, recording: &str, media: &str) -> AssetId {
    declare(catalog, &document(recording, &[media])).await;
    accept(catalog, recording, media).await
}

async fn accept(catalog: &Catalog, recording: &str, media: &str) -> AssetId {
    let UploadClaim::Started(row) = claim(catalog, recording, media).await else {
        panic!("{media} cannot be claimed");
    };
    let upload = Accepted {
        asset_id: row.asset_id,
        bytes: 3,
        sha256: Digest::of(b"abc"),
        receipt: "receipt".to_owned(),
    };
    assert!(catalog.accept_uploads(&[upload], NODE, now(), now()).await.unwrap());
    row.asset_id
}

async fn declarations_are_idempotent(catalog: &Catalog) {
    let first = document("declare", &["declare.wav"]);
    assert_eq!(declare(catalog, &first).await, Declared::Created);
    assert_eq!(declare(catalog, &first).await, Declared::Same);
    let other = document("declare", &["declare-2.wav"]);
    assert_eq!(declare(catalog, &other).await, Declared::Different);
    let thief = document("declare-thief", &["thief.wav", "declare.wav"]);
    let taken = MediaId::parse("declare.wav").unwrap();
    assert_eq!(declare(catalog, &thief).await, Declared::MediaTaken(taken));
    let gone = catalog.recording(&tenant(), &thief.id).await.unwrap();
    assert!(gone.is_none(), "half a declaration is left");
}

async fn one_upload_at_a_time(catalog: &Catalog) {
    declare(catalog, &document("claim", &["claim.wav"])).await;
    let UploadClaim::Started(row) = claim(catalog, "claim", "claim.wav").await else { panic!() };
    assert!(matches!(claim(catalog, "claim", "claim.wav").await, UploadClaim::Busy));
    assert_eq!(catalog.interrupted_uploads(NODE).await.unwrap(), [row.asset_id]);
    assert!(catalog.still_receiving(row.asset_id).await.unwrap());
    catalog.release_upload(row.asset_id, now()).await.unwrap();
    assert!(!catalog.still_receiving(row.asset_id).await.unwrap());
    accept(catalog, "claim", "claim.wav").await;
    let UploadClaim::Done(row) = claim(catalog, "claim", "claim.wav").await else { panic!() };
    assert_eq!((row.state, row.upload_bytes), (MediaState::Spooled, Some(3)));
    assert!(matches!(claim(catalog, "claim", "other.wav").await, UploadClaim::Unknown));
    drain_jobs(catalog).await;
}

async fn acknowledgements_are_all_or_none(catalog: &Catalog) {
    declare(catalog, &document("all", &["all-1.wav", "all-2.wav"])).await;
    let UploadClaim::Started(row) = claim(catalog, "all", "all-1.wav").await else { panic!() };
    let second = catalog.media_of(&tenant(), &row.recording_id).await.unwrap()[1].asset_id;
    let upload = |asset_id| Accepted {
        asset_id,
        bytes: 1,
        sha256: Digest::of(b"a"),
        receipt: String::new(),
    };
    let both = [upload(row.asset_id), upload(second)];
    assert!(!catalog.accept_uploads(&both, NODE, now(), now()).await.unwrap());
    let found = catalog.asset(row.asset_id).await.unwrap().unwrap();
    assert_eq!(found.state, MediaState::Receiving);
    assert!(catalog.take_job(NODE, later(1)).await.unwrap().is_none());
}

/// Takes all due jobs and quarantines their assets.
async fn drain_jobs(catalog: &Catalog) {
    while let Some(job) = catalog.take_job(NODE, later(3600)).await.unwrap() {
        catalog.quarantine(job.asset_id, "drained", "by the test", now()).await.unwrap();
    }
}

async fn a_job_is_taken_once_and_comes_back(catalog: &Catalog) {
    let asset = spooled(catalog, "job", "job.wav").await;
    assert!(catalog.take_job("another-node", later(1)).await.unwrap().is_none());
    let job = catalog.take_job(NODE, later(1)).await.unwrap().unwrap();
    assert_eq!((job.asset_id, job.attempts), (asset, 0));
    assert!(catalog.take_job(NODE, later(1)).await.unwrap().is_none());
    catalog.postpone_job(asset, later(60), "store is away").await.unwrap();
    assert!(catalog.take_job(NODE, later(59)).await.unwrap().is_none());
    assert_eq!(catalog.take_job(NODE, later(61)).await.unwrap().unwrap().attempts, 1);
    assert_eq!(catalog.recover_jobs(NODE).await.unwrap(), 1);
    drain_jobs(catalog).await;
    let row = catalog.asset(asset).await.unwrap().unwrap();
    assert_eq!((row.state, row.reason.as_deref()), (MediaState::Quarantined, Some("drained")));
}

async fn masks_come_until_the_work_begins(catalog: &Catalog) {
    let id = RecordingId::parse("masks").unwrap();
    let mask = |time: &str| MaskEntry { time: time.to_owned(), kind: "paused".to_owned() };
    let add = async |text: &str| catalog.add_masks(&tenant(), &id, &[mask(text)]).await.unwrap();
    assert_eq!(add("a").await, MaskChange::Unknown);
    spooled(catalog, "masks", "masks.wav").await;
    assert_eq!(add("b").await, MaskChange::Accepted);
    assert_eq!(add("c").await, MaskChange::Accepted);
    catalog.take_job(NODE, later(1)).await.unwrap().unwrap();
    assert_eq!(add("d").await, MaskChange::TooLate);
    let row = catalog.recording(&tenant(), &id).await.unwrap().unwrap();
    assert_eq!(row.late_masks, [mask("b"), mask("c")]);
    catalog.recover_jobs(NODE).await.unwrap();
    drain_jobs(catalog).await;
}

async fn the_last_media_file_owes_one_delivery(catalog: &Catalog) {
    declare(catalog, &document("owe", &["owe-1.wav", "owe-2.wav"])).await;
    let id = RecordingId::parse("owe").unwrap();
    for media in ["owe-1.wav", "owe-2.wav"] {
        accept(catalog, "owe", media).await;
    }
    let rows = catalog.media_of(&tenant(), &id).await.unwrap();
    for row in &rows {
        catalog.intend(row.asset_id, "{}", "", now()).await.unwrap();
    }
    // Both at once: each may think that it is not the last.
    let (first, second) = tokio::join!(
        catalog.finish(&rows[0], &["rws"], now()),
        catalog.finish(&rows[1], &["rws"], now())
    );
    first.and(second).unwrap();
    let owed = catalog.deliveries_of(&tenant(), &id).await.unwrap();
    assert_eq!(owed.len(), 1);
    assert!(catalog.take_job(NODE, later(1)).await.unwrap().is_none());
    let states: Vec<String> =
        catalog.stages(rows[0].asset_id).await.unwrap().into_iter().map(|s| s.state).collect();
    assert_eq!(states, ["receiving", "spooled", "committing", "ready"]);
    delivery_is_leased_and_every_try_is_kept(catalog, &id).await;
}

async fn delivery_is_leased_and_every_try_is_kept(catalog: &Catalog, id: &RecordingId) {
    let lease = async |at| catalog.lease_delivery((NODE, "rws"), at, later(100)).await.unwrap();
    let delivery = lease(later(1)).await.unwrap();
    assert!(lease(later(2)).await.is_none(), "a leased delivery was leased again");
    assert!(lease(later(101)).await.is_some(), "a lease did not end");
    catalog.set_delivery_body(&delivery.id, "{}").await.unwrap();
    let tried = |outcome: &str| DeliveryTry {
        at: now(),
        outcome: outcome.to_owned(),
        detail: String::new(),
    };
    let again = NextTry::At(DeliveryState::Doubtful, later(200));
    catalog.record_try(&delivery, &tried("doubtful"), again).await.unwrap();
    assert!(lease(later(199)).await.is_none());
    let delivery = lease(later(201)).await.unwrap();
    assert_eq!((delivery.state, delivery.attempts), (DeliveryState::Doubtful, 1));
    assert_eq!(catalog.last_outcome(&delivery.id).await.unwrap().as_deref(), Some("doubtful"));
    let done = NextTry::None(DeliveryState::Delivered);
    catalog.record_try(&delivery, &tried("found"), done).await.unwrap();
    assert!(lease(later(9999)).await.is_none());
    let (delivery, tries) = &catalog.deliveries_of(&tenant(), id).await.unwrap()[0];
    assert_eq!((delivery.state, tries.len()), (DeliveryState::Delivered, 2));
}

async fn principals_and_inserted_records(catalog: &Catalog) {
    let row = PrincipalRow {
        tenant: "default".to_owned(),
        name: "kim".to_owned(),
        kind: "user".to_owned(),
        permissions: "play".to_owned(),
        password_hash: None,
        disabled: 0,
    };
    let token = Digest::of(b"token");
    let tenant_id = tenant();
    let add = entry(&tenant_id, "user.add", "kim");
    catalog.put_principal(&row, Some(token), &add).await.unwrap();
    let found = catalog.principal_by_token(token).await.unwrap().unwrap();
    assert_eq!(found.name, "kim");
    catalog.put_principal(&row, Some(Digest::of(b"new")), &add).await.unwrap();
    assert!(catalog.principal_by_token(token).await.unwrap().is_none());
    let remove = entry(&tenant_id, "user.remove", "kim");
    assert!(catalog.remove_principal("kim", &remove).await.unwrap());
    assert!(!catalog.remove_principal("kim", &remove).await.unwrap());
    assert!(catalog.principal_by_name("kim").await.unwrap().is_none());

    let id = RecordingId::parse("inserted").unwrap();
    let insert = async |record: Value| {
        catalog.insert_record(&tenant(), "cc", &id, &record, now()).await.unwrap()
    };
    assert_eq!(insert(json!({"a": 1, "b": 1})).await, 1);
    assert_eq!(insert(json!({"b": 2})).await, 2);
    let (record, inserts) = catalog.inserted_record(&tenant(), "cc", &id).await.unwrap().unwrap();
    assert_eq!((record, inserts), (json!({"a": 1, "b": 2}), 2));
    assert!(catalog.inserted_record(&tenant(), "other", &id).await.unwrap().is_none());
}

fn entry<'e>(tenant: &'e TenantId, action: &'e str, subject: &'e str) -> AuditEntry<'e> {
    AuditEntry { tenant, actor: "test", action, subject, detail: json!({"n": 1}), now: now() }
}

async fn audit_rows_form_one_chain_for_each_tenant(catalog: &Catalog, url: &str) {
    let actions = async |tenant: &TenantId| -> Vec<String> {
        let rows = catalog.audit_page(tenant, 1, 100).await.unwrap();
        rows.into_iter().map(|row| row.action).collect()
    };
    // What changed a principal wrote its row with it, and what changed nothing wrote none.
    assert_eq!(actions(&tenant()).await, ["user.add", "user.add", "user.remove"]);
    let (one, two) = (TenantId::parse("chain-1").unwrap(), TenantId::parse("chain-2").unwrap());
    // Many writers at once, of two nodes: no number is given twice, and none is left out.
    let second = Catalog::open(url).await.unwrap();
    let nodes = [catalog, &second];
    let entries: Vec<_> = (0..20).map(|_| entry(&one, "a.b", "nul\0 and \u{e9}")).collect();
    let other = entry(&two, "a.b", "s");
    let written = futures_util::future::join_all(
        entries.iter().chain([&other]).zip(nodes.iter().cycle()).map(|(e, node)| node.audit(e)),
    );
    assert!(written.await.iter().all(Result::is_ok));
    second.close().await;
    let rows = catalog.audit_page(&one, 1, 100).await.unwrap();
    assert_eq!(rows.len(), 20);
    let mut previous = AuditRow::NO_PREVIOUS.to_string();
    for (row, number) in rows.iter().zip(1..) {
        assert_eq!((row.number, &row.previous_sha256), (number, &previous));
        assert_eq!(row.digest().to_string(), row.sha256, "what is kept is what was covered");
        previous.clone_from(&row.sha256);
    }
    let head = catalog.audit_head(&one).await.unwrap().unwrap();
    assert_eq!((head.number, &head.sha256), (20, &previous));
    let page = catalog.audit_page(&one, 19, 5).await.unwrap();
    assert_eq!(page.iter().map(|row| row.number).collect::<Vec<_>>(), [19, 20]);
    assert_eq!(catalog.audit_page(&two, 1, 5).await.unwrap().len(), 1);
    assert_eq!(catalog.audited_tenants().await.unwrap(), [one, two, tenant()]);
}

async fn suite(url: &str) {
    let catalog = Catalog::open(url).await.unwrap();
    catalog.ping().await.unwrap();
    declarations_are_idempotent(&catalog).await;
    one_upload_at_a_time(&catalog).await;
    acknowledgements_are_all_or_none(&catalog).await;
    a_job_is_taken_once_and_comes_back(&catalog).await;
    masks_come_until_the_work_begins(&catalog).await;
    the_last_media_file_owes_one_delivery(&catalog).await;
    principals_and_inserted_records(&catalog).await;
    audit_rows_form_one_chain_for_each_tenant(&catalog, url).await;
    catalog.close().await;
    // A second start finds the schema as it is.
    Catalog::open(url).await.unwrap().close().await;
}

#[test]
fn the_suite_holds_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    block_on(suite(&Catalog::sqlite_url(&folder.path().join("catalog.sqlite"))));
}

#[test]
fn the_suite_holds_on_postgresql() {
    let postgres = Postgres::start();
    block_on(suite(&postgres.url));
}

#[test]
fn a_gateway_runs_on_postgresql() {
    let postgres = Postgres::start();
    let mut gateway = Gateway::start(&[("CATALOG__URL", &postgres.url)]);
    let (recording, _) = gateway.push_sample("wav_pcm16_8k_stereo.wav");
    let status = gateway.delivered(&recording, "delivered");
    assert_eq!(status["state"], "ready");
    gateway.kill();
    gateway.restart();
    assert_eq!(gateway.status(&recording)["state"], "ready");
    assert_eq!(gateway.terminate(), Some(0));
}
