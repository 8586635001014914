//! One behaviour suite for the catalogue, run on SQLite and on PostgreSQL.

mod calls;
mod deletion;
mod letters;
mod stores;

use jiff::{SignedDuration, Timestamp};
use reelgate::asset::{
    AssetId, Digest, MaskEntry, MediaId, RecordingDocument, RecordingId, Rules, TenantId,
};
use reelgate::catalog::{
    Accepted, AuditEntry, AuditRow, Catalog, Declared, DeliveryRetry, DeliveryState, DeliveryTry,
    ERASED_BY_OPERATOR, Erasing, MaskChange, MediaState, NewRecording, NextTry, PrincipalRow,
    RecordingSearch, UploadClaim,
};
use serde_json::{Value, json};
use sqlx::Connection as _;

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
        catalog.finish(&rows[0], &["rws"], None, now()),
        catalog.finish(&rows[1], &["rws"], None, now())
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
        extension_id: Some(541),
        extension_group_id: None,
        timezone: Some("Europe/Moscow".to_owned()),
        grants: None,
        access_level: None,
    };
    let token = Digest::of(b"token");
    let tenant_id = tenant();
    let add = entry(&tenant_id, "user.add", "kim");
    catalog.put_principal(&row, Some(token), &add).await.unwrap();
    let found = catalog.principal_by_token(token).await.unwrap().unwrap();
    assert_eq!((found.name.as_str(), found.extension_id), ("kim", Some(541)));
    assert_eq!(found.timezone.as_deref(), Some("Europe/Moscow"));
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

/// A recording of its own that ends in quarantine.
async fn quarantined(catalog: &Catalog, recording: &str, media: &str) -> AssetId {
    let asset = spooled(catalog, recording, media).await;
    catalog.take_job(NODE, later(1)).await.unwrap().unwrap();
    catalog.quarantine(asset, "broken", "by the test", now()).await.unwrap();
    asset
}

async fn recordings_are_searched(catalog: &Catalog, url: &str) {
    let named = |id: &str, name: &str| {
        let mut value = document(id, &[&format!("{id}.wav")]).value;
        value["reelgate"] = json!({ "agent": { "userId": id, "name": name } });
        RecordingDocument::parse(value.to_string().as_bytes(), Rules::Ingest).unwrap()
    };
    // An order of letters that locales have, and bytes do not.
    for (id, name) in [("find-a", "Éva Öz"), ("find-b", "eva-maria oz"), ("find-c", "Evb")] {
        assert_eq!(declare(catalog, &named(id, name)).await, Declared::Created);
    }
    let ids = async |search: RecordingSearch<'_>| -> Vec<String> {
        let found = catalog.search_recordings(&tenant(), &search, 9).await.unwrap();
        found.iter().map(|found| found.id.to_string()).collect()
    };
    let agent = |agent| RecordingSearch { agent: Some(agent), ..RecordingSearch::default() };
    assert_eq!(ids(agent("find-")).await, ["find-c", "find-b", "find-a"]);
    assert_eq!(ids(agent("eva")).await, ["find-b"]);
    assert_eq!(ids(agent("ev")).await, ["find-c", "find-b"]);
    assert_eq!(ids(agent("ÉV")).await, ["find-a"]);
    assert_eq!(ids(agent("oz")).await, ["find-b"]);
    let last = RecordingId::parse("find-b").unwrap();
    let start = "2026-03-04T09:15:00Z".parse::<Timestamp>().unwrap();
    let after = RecordingSearch { after: Some((start.as_microsecond(), &last)), ..agent("find") };
    assert_eq!(ids(after).await, ["find-a"]);
    let words = RecordingSearch { text: Some("find-c R"), ..RecordingSearch::default() };
    assert_eq!(ids(words).await, ["find-c"]);
    let to = RecordingSearch { from: Some(start), to: Some(start), ..agent("find") };
    assert_eq!(ids(to).await, [""; 0]);
    let state = RecordingSearch { state: Some(MediaState::Declared), ..agent("find-a") };
    assert_eq!(ids(state).await, ["find-a"]);
    let state = RecordingSearch { state: Some(MediaState::Ready), ..agent("find-a") };
    assert_eq!(ids(state).await, [""; 0]);
    let found = catalog.found_recording(&tenant(), &last).await.unwrap().unwrap();
    assert_eq!((found.agent_name.as_deref(), found.media.len()), (Some("eva-maria oz"), 1));
    catalog.forget(&tenant(), &last).await.unwrap();
    assert_eq!(ids(agent("find-")).await, ["find-c", "find-a"]);
    // As an earlier version left them.
    for text in [
        "DELETE FROM recording_terms",
        "UPDATE recordings SET started_us = NULL, agent_name = NULL",
    ] {
        execute(url, text).await;
    }
    assert_eq!(ids(agent("find-")).await, [""; 0]);
    while catalog.index_recordings(None).await.unwrap() > 0 {}
    assert_eq!(ids(agent("find-")).await, ["find-c", "find-a"]);
    assert_eq!(ids(agent("öz")).await, ["find-a"]);
}

async fn execute(url: &str, text: &str) {
    let text = sqlx::AssertSqlSafe(text.to_owned());
    if url.starts_with("sqlite:") {
        let mut connection = sqlx::SqliteConnection::connect(url).await.unwrap();
        sqlx::query(text).execute(&mut connection).await.unwrap();
    } else {
        let mut connection = sqlx::PgConnection::connect(url).await.unwrap();
        sqlx::query(text).execute(&mut connection).await.unwrap();
    }
}

async fn quarantine_has_two_ways_out(catalog: &Catalog) {
    drain_jobs(catalog).await;
    let own = tenant();
    let first = quarantined(catalog, "out-1", "out-1.wav").await;
    let second = quarantined(catalog, "out-2", "out-2.wav").await;
    let page = async |after, limit| -> Vec<AssetId> {
        let rows = catalog.quarantined(&own, after, limit).await.unwrap();
        assert!(rows.iter().all(|(_, since)| since.is_some()));
        rows.iter().map(|(row, _)| row.asset_id).collect()
    };
    assert_eq!(page(None, 2).await, [second, first]);
    assert_eq!(page(Some(second), 1).await, [first]);
    let retry = entry(&own, "quarantine.retry", "x");
    assert!(catalog.requeue(first, NODE, &retry).await.unwrap());
    assert!(!catalog.requeue(first, NODE, &retry).await.unwrap());
    let row = catalog.asset(first).await.unwrap().unwrap();
    assert_eq!((row.state, row.reason, row.detail), (MediaState::Spooled, None, None));
    assert_eq!(row.node.as_deref(), Some(NODE));
    let counts = catalog.job_counts(&own, later(1)).await.unwrap();
    assert_eq!((counts.total, counts.due, counts.running), (1, 1, 0));
    assert_eq!(catalog.take_job(NODE, later(1)).await.unwrap().unwrap().asset_id, first);
    catalog.postpone_job(first, later(60), "store is away").await.unwrap();
    let facts = catalog.job_facts(first).await.unwrap().unwrap();
    assert_eq!((facts.attempts, facts.run_at), (1, Some(later(60))));
    assert_eq!(catalog.job_counts(&own, later(1)).await.unwrap().failed, 1);
    let row = catalog.asset(second).await.unwrap().unwrap();
    let erase = entry(&own, "quarantine.erase", "x");
    let erased = catalog.erase_quarantined(&row, &["rws"], &erase).await.unwrap();
    assert_eq!(erased, Erasing::Erased);
    let again = catalog.erase_quarantined(&row, &["rws"], &erase).await.unwrap();
    assert_eq!(again, Erasing::NotQuarantined);
    assert!(!catalog.requeue(second, NODE, &retry).await.unwrap());
    let row = catalog.asset(second).await.unwrap().unwrap();
    assert_eq!((row.state, row.reason.as_deref()), (MediaState::Erased, Some(ERASED_BY_OPERATOR)));
    let owed = catalog.deliveries_of(&own, &row.recording_id).await.unwrap();
    assert!(owed.is_empty(), "a recording of which nothing is kept owes something");
    drain_jobs(catalog).await;
    let rows = catalog.audit_page(&own, 1, 100).await.unwrap();
    let count = |action: &str| rows.iter().filter(|row| row.action == action).count();
    assert_eq!((count("quarantine.retry"), count("quarantine.erase")), (1, 1));
}

async fn deliveries_are_listed_and_retried(catalog: &Catalog) {
    let own = tenant();
    let asset = spooled(catalog, "retry", "retry.wav").await;
    catalog.take_job(NODE, later(1)).await.unwrap().unwrap();
    catalog.intend(asset, "{}", "", now()).await.unwrap();
    let row = catalog.asset(asset).await.unwrap().unwrap();
    catalog.finish(&row, &["rws"], None, later(5)).await.unwrap();
    let retry = entry(&own, "delivery.retry", "x");
    let page = async |state| catalog.deliveries_page(&own, state, None, 9).await.unwrap();
    let (delivery, last) = page(Some(DeliveryState::Pending)).await.remove(0);
    assert!(last.is_none() && delivery.recording_id.as_str() == "retry");
    let id = delivery.id.clone();
    catalog.set_delivery_body(&id, "{}").await.unwrap();
    let tried =
        DeliveryTry { at: later(6), outcome: "refused".to_owned(), detail: "no".to_owned() };
    let dead = NextTry::None(DeliveryState::Dead);
    catalog.record_try(&delivery, &tried, dead).await.unwrap();
    let (found, last) = page(Some(DeliveryState::Dead)).await.remove(0);
    assert_eq!((found.attempts, last.unwrap().outcome.as_str()), (1, "refused"));
    assert_eq!(catalog.retry_delivery(&id, &retry).await.unwrap(), DeliveryRetry::Due);
    let (found, _) = page(Some(DeliveryState::Doubtful)).await.remove(0);
    assert_eq!((found.forgiven, found.run_at), (1, now()));
    let done = NextTry::None(DeliveryState::Delivered);
    catalog.record_try(&found, &tried, done).await.unwrap();
    assert_eq!(catalog.retry_delivery(&id, &retry).await.unwrap(), DeliveryRetry::Delivered);
    assert_eq!(catalog.retry_delivery("none", &retry).await.unwrap(), DeliveryRetry::Unknown);
    let all = page(None).await;
    let (latest, earlier) = (&all[0].0, &all[1].0);
    let after = Some((latest.created, latest.id.as_str()));
    let rest = catalog.deliveries_page(&own, None, after, 9).await.unwrap();
    assert_eq!((rest.len(), &rest[0].0.id), (all.len() - 1, &earlier.id));
    let counts = catalog.delivery_counts(&own, later(1)).await.unwrap();
    assert!(counts.iter().any(|row| row.state == "delivered" && row.count == 2), "{counts:?}");
    let wanted = catalog.rendition_counts(&own, later(9)).await.unwrap();
    assert!(wanted.iter().any(|row| row.state == "wanted" && row.due == row.count), "{wanted:?}");
    assert!(!catalog.tenant_media_counts(&own).await.unwrap().is_empty());
    let about = catalog.delivery_about(&own, &id).await.unwrap().unwrap();
    assert_eq!((about.0.as_str(), about.1.as_str()), ("retry", "rws"));
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
    recordings_are_searched(&catalog, url).await;
    quarantine_has_two_ways_out(&catalog).await;
    deliveries_are_listed_and_retried(&catalog).await;
    stores::recordings_move_and_come_back(&catalog).await;
    stores::bundles_are_made_once(&catalog).await;
    letters::letters_are_marked_before_they_leave(&catalog).await;
    calls::call_records_are_listed(&catalog).await;
    deletion::a_deletion_leaves_a_tombstone(&catalog, url).await;
    deletion::a_hold_refuses_all(&catalog).await;
    deletion::a_hold_and_a_deletion_at_once(&catalog).await;
    deletion::deletions_at_once(&catalog).await;
    deletion::what_is_being_made_is_not_finished(&catalog).await;
    deletion::a_move_under_way_is_waited_for(&catalog).await;
    deletion::removals_are_leased_and_retried(&catalog).await;
    deletion::space_is_warned_of_once(&catalog).await;
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
