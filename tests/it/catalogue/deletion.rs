//! What a deletion changes, what a hold refuses, and what two at once do.

use reelgate::asset::{AssetId, MediaId, RecordingId, TenantId};
use reelgate::catalog::{
    AuditEntry, BundleKind, Catalog, DELETED, Declared, Deleted, Deletion, DeliveryState, Erasing,
    MadeBundle, MadeRendition, MediaState, NewBundle, RecordingSearch, RemovalKind, SpaceUse,
};
use serde_json::{Value, json};

use super::{
    NODE, accept, declare, document, drain_jobs, execute, later, now, quarantined, tenant,
};

const WHY: Deletion<'_> = Deletion { reason: DELETED, actor: "kim", action: "record.delete" };

fn id(name: &str) -> RecordingId {
    RecordingId::parse(name).unwrap()
}

fn entry<'e>(tenant: &'e TenantId, action: &'e str, subject: &'e str) -> AuditEntry<'e> {
    AuditEntry { tenant, actor: "keeper", action, subject, detail: json!({}), now: later(1) }
}

/// An outcome as far as a deletion reads it.
fn outcome(asset: AssetId, bytes: u64) -> String {
    let sha256 = "00".repeat(32);
    let key = format!("default/2026/03/04/{asset}/call.wav");
    json!({ "stored": { "key": key, "bytes": bytes, "sha256": sha256 } }).to_string()
}

/// A recording whose media files are all ready.
async fn ready(catalog: &Catalog, name: &str, media: &[&str]) -> Vec<AssetId> {
    declare(catalog, &document(name, media)).await;
    let mut assets = Vec::new();
    for file in media {
        let asset = accept(catalog, name, file).await;
        catalog.intend(asset, &outcome(asset, 100), "s", now()).await.unwrap();
        let row = catalog.asset(asset).await.unwrap().unwrap();
        catalog.finish(&row, &["rws"], None, now()).await.unwrap();
        assets.push(asset);
    }
    assets
}

async fn delete(catalog: &Catalog, assets: &[AssetId]) -> Deleted {
    catalog.delete_assets(&tenant(), assets, WHY, later(2)).await.unwrap()
}

/// All due removals, taken and done.
async fn removed(catalog: &Catalog, at: i64) -> Vec<(RemovalKind, String, bool)> {
    let mut found: Vec<(RemovalKind, String, bool)> = Vec::new();
    loop {
        let due = catalog.take_removals(NODE, later(at)).await.unwrap();
        if due.is_empty() {
            found.sort_by(|a, b| a.1.cmp(&b.1));
            return found;
        }
        let ids: Vec<String> = due.iter().map(|removal| removal.id.clone()).collect();
        found.extend(due.into_iter().map(|removal| (removal.kind, removal.object, removal.away)));
        catalog.finish_removals(&ids).await.unwrap();
    }
}

fn folder(asset: AssetId) -> String {
    format!("default/2026/03/04/{asset}/call.wav")
}

pub(super) async fn a_deletion_leaves_a_tombstone(catalog: &Catalog, url: &str) {
    let own = tenant();
    let assets = ready(catalog, "gone", &["gone-1.wav", "gone-2.wav"]).await;
    let [first, second] = [assets[0], assets[1]];
    for asset in &assets {
        let row = format!(
            "INSERT INTO call_records (asset_id, tenant, recording_id, record_uuid, extension_id, \
             call_uuid, init_us, month, duration_s, bytes, shown, listed_us) VALUES ('{asset}', \
             'default', 'gone', '1-{asset}', 1, 'c', 1, 202603, 1, 1, '{{}}', 1)"
        );
        execute(url, &row).await;
        let link = format!(
            "INSERT INTO storage_links (token_sha256, tenant, asset_id, key_id, nonce, created_us) \
             VALUES ('{asset}', 'default', '{asset}', 'k', 'n', 1)"
        );
        execute(url, &link).await;
    }
    let far = TenantId::parse("elsewhere").unwrap();
    let others = catalog.delete_assets(&far, &assets, WHY, later(2)).await.unwrap();
    assert_eq!(others, Deleted::Done { count: 0, missing: 2 });
    assert_eq!(catalog.asset(first).await.unwrap().unwrap().state, MediaState::Ready);

    // One of two: the recording is still there.
    let unknown = AssetId::generate();
    let done = delete(catalog, &[first, first, unknown]).await;
    assert_eq!(done, Deleted::Done { count: 1, missing: 1 });
    let row = catalog.asset(first).await.unwrap().unwrap();
    assert_eq!((row.state, row.reason.as_deref()), (MediaState::Erased, Some(DELETED)));
    assert_eq!((row.receipt, row.outcome, row.upload_sha256, row.node), (None, None, None, None));
    let stages = catalog.stages(first).await.unwrap();
    assert_eq!(stages.last().unwrap().state, "erased");
    assert!(catalog.recording(&own, &id("gone")).await.unwrap().is_some());
    let held = catalog.held_asset(first).await.unwrap().unwrap();
    assert_eq!((held.ready, held.revoked_before), (false, Some(later(2))));
    assert!(catalog.stored_asset(first).await.unwrap().is_none());
    assert_eq!(removed(catalog, 3).await, [(RemovalKind::Asset, folder(first), false)]);

    // The other one: nothing about a person is left.
    assert_eq!(delete(catalog, &[second]).await, Deleted::Done { count: 1, missing: 0 });
    assert_eq!(delete(catalog, &assets).await, Deleted::Done { count: 0, missing: 2 });
    assert!(catalog.recording(&own, &id("gone")).await.unwrap().is_none());
    assert!(catalog.found_recording(&own, &id("gone")).await.unwrap().is_none());
    let found = catalog.search_recordings(&own, &RecordingSearch::default(), 500).await.unwrap();
    assert!(found.iter().all(|found| found.id != id("gone")));
    assert!(catalog.recording_names(&own, &id("gone")).await.unwrap().is_none());
    assert!(
        catalog.hold(&own, &id("gone"), "late", &entry(&own, "h", "x")).await.unwrap().is_none()
    );
    let owed = catalog.deliveries_of(&own, &id("gone")).await.unwrap();
    let (delivery, tries) = &owed[0];
    assert_eq!((delivery.state, &delivery.body), (DeliveryState::Dead, &None));
    assert_eq!(tries[0].detail, "the recording was deleted");
    for (table, column) in [
        ("recordings", "caller_number"),
        ("recordings", "document"),
        ("recording_terms", "recording_id"),
        ("late_masks", "recording_id"),
        ("call_records", "recording_id"),
        ("storage_links", "asset_id"),
    ] {
        let text = left(url, table, column).await;
        assert!(!text.contains("mediaFiles") && !text.contains("\"1\""), "{table}: {text}");
    }
    assert_eq!(left(url, "storage_links", "revoked_us").await.matches("null").count(), 0);
    assert_eq!(catalog.media_of(&own, &id("gone")).await.unwrap().len(), 2);
    assert_eq!(declare(catalog, &document("gone", &["gone-1.wav"])).await, Declared::Gone);
    let rows = catalog.audit_page(&own, 1, 500).await.unwrap();
    let told: Vec<_> = rows.iter().filter(|row| row.action == "record.delete").collect();
    assert_eq!(told.len(), 2);
    let detail: Value = serde_json::from_str(&told[0].detail).unwrap();
    assert_eq!((&told[0].subject, &detail["bytes"]), (&first.to_string(), &json!(100)));
    assert_eq!((&detail["mediaId"], &detail["why"]), (&json!("gone-1.wav"), &json!("deleted")));
    let chained = rows.windows(2).all(|pair| pair[1].previous_sha256 == pair[0].sha256);
    assert!(chained && rows.iter().all(|row| row.digest().to_string() == row.sha256));
    removed(catalog, 3).await;
}

/// What a column holds of the recording `gone` and its assets, as JSON.
async fn left(url: &str, table: &str, column: &str) -> String {
    let of = match (table, column) {
        ("recordings", _) => "id = 'gone'",
        ("storage_links", _) => "key_id = 'k'",
        _ => "recording_id = 'gone'",
    };
    let text = format!("SELECT CAST({column} AS TEXT) FROM {table} WHERE {of}");
    let rows: Vec<Option<String>> = if url.starts_with("sqlite:") {
        let mut connection =
            <sqlx::SqliteConnection as sqlx::Connection>::connect(url).await.unwrap();
        sqlx::query_scalar(sqlx::AssertSqlSafe(text)).fetch_all(&mut connection).await.unwrap()
    } else {
        let mut connection = <sqlx::PgConnection as sqlx::Connection>::connect(url).await.unwrap();
        sqlx::query_scalar(sqlx::AssertSqlSafe(text)).fetch_all(&mut connection).await.unwrap()
    };
    if matches!(table, "recording_terms" | "late_masks" | "call_records") {
        assert!(rows.is_empty(), "{table}: {rows:?}");
    }
    serde_json::to_string(&rows).unwrap()
}

pub(super) async fn a_hold_refuses_all(catalog: &Catalog) {
    let own = tenant();
    let free = ready(catalog, "free", &["free.wav"]).await;
    let kept = ready(catalog, "kept", &["kept.wav"]).await;
    let set = entry(&own, "hold.set", "kept");
    let hold = async |reason| catalog.hold(&own, &id("kept"), reason, &set).await.unwrap();
    assert_eq!((hold("a case").await, hold("another").await), (Some(true), Some(false)));
    let shown = catalog.hold_of(&own, &id("kept")).await.unwrap().unwrap();
    assert_eq!((shown.by.as_str(), shown.reason.as_str()), ("keeper", "another"));
    assert!(catalog.hold(&own, &id("nobody"), "x", &set).await.unwrap().is_none());
    let both = [free[0], kept[0]];
    assert_eq!(delete(catalog, &both).await, Deleted::Held { recordings: vec![id("kept")] });
    for asset in both {
        assert_eq!(catalog.asset(asset).await.unwrap().unwrap().state, MediaState::Ready);
    }
    assert!(removed(catalog, 3).await.is_empty());
    assert!(catalog.overdue_assets(&own, later(3), 500).await.unwrap().contains(&free[0]));
    assert!(!catalog.overdue_assets(&own, later(3), 500).await.unwrap().contains(&kept[0]));
    let oldest = catalog.oldest_assets(&own, 500).await.unwrap();
    assert!(oldest.iter().any(|row| row.1 == free[0] && row.2 == 100), "{oldest:?}");
    assert!(oldest.iter().all(|row| row.1 != kept[0]));

    // Nor does an operator erase from quarantine what is on hold.
    let lost = quarantined(catalog, "lost", "lost.wav").await;
    let row = catalog.asset(lost).await.unwrap().unwrap();
    catalog.hold(&own, &id("lost"), "a case", &set).await.unwrap();
    let erase = entry(&own, "quarantine.erase", "lost");
    let erased = async || catalog.erase_quarantined(&row, &[], &erase).await.unwrap();
    assert_eq!(erased().await, Erasing::Held);
    let free_it = entry(&own, "hold.release", "x");
    assert_eq!(catalog.release_hold(&own, &id("lost"), &free_it).await.unwrap(), Some(true));
    assert_eq!(erased().await, Erasing::Erased);
    // Nor is a declaration taken back.
    declare(catalog, &document("named", &["named.wav"])).await;
    catalog.hold(&own, &id("named"), "a case", &set).await.unwrap();
    catalog.forget(&own, &id("named")).await.unwrap();
    assert!(catalog.recording(&own, &id("named")).await.unwrap().is_some());

    assert_eq!(catalog.release_hold(&own, &id("kept"), &free_it).await.unwrap(), Some(true));
    assert_eq!(catalog.release_hold(&own, &id("kept"), &free_it).await.unwrap(), Some(false));
    let used = catalog.space_used(&own).await.unwrap();
    assert_eq!(delete(catalog, &both).await, Deleted::Done { count: 2, missing: 0 });
    let less = SpaceUse { bytes: used.bytes - 200, files: used.files - 2 };
    assert_eq!(catalog.space_used(&own).await.unwrap(), less);
    removed(catalog, 3).await;
    drain_jobs(catalog).await;
}

/// Whoever is first wins, and the other one sees it.
pub(super) async fn a_hold_and_a_deletion_at_once(catalog: &Catalog) {
    let own = tenant();
    let set = entry(&own, "hold.set", "race");
    let mut wins = [0, 0];
    for round in 0..30 {
        let name = format!("race-{round}");
        let assets = ready(catalog, &name, &[&format!("{name}.wav")]).await;
        let name = id(&name);
        let holding = catalog.hold(&own, &name, "a case", &set);
        let deleting = delete(catalog, &assets);
        let (held, deleted) = if round % 2 == 0 {
            tokio::join!(holding, deleting)
        } else {
            let (deleted, held) = tokio::join!(deleting, holding);
            (held, deleted)
        };
        let state = catalog.asset(assets[0]).await.unwrap().unwrap().state;
        match (held.unwrap(), deleted) {
            (Some(true), Deleted::Held { .. }) => {
                assert_eq!(state, MediaState::Ready);
                wins[0] += 1;
            }
            (None, Deleted::Done { count: 1, .. }) => {
                assert_eq!(state, MediaState::Erased);
                wins[1] += 1;
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(wins[0] + wins[1], 30);
    removed(catalog, 3).await;
}

/// Deletions that want the same recordings wait for each other, and none fails.
pub(super) async fn deletions_at_once(catalog: &Catalog) {
    let mut assets = Vec::new();
    for number in 0..40 {
        let name = format!("crowd-{number}");
        assets.extend(ready(catalog, &name, &[&format!("{name}.wav")]).await);
    }
    let backwards: Vec<AssetId> = assets.iter().rev().copied().collect();
    let done = futures_util::future::join_all([
        delete(catalog, &assets),
        delete(catalog, &backwards),
        delete(catalog, &assets[20..]),
        delete(catalog, &assets[..20]),
    ]);
    let mut total = 0;
    for deleted in done.await {
        let Deleted::Done { count, .. } = deleted else { panic!("{deleted:?}") };
        total += count;
    }
    assert_eq!(total, 40);
    assert_eq!(removed(catalog, 3).await.len(), 40);
}

pub(super) async fn what_is_being_made_is_not_finished(catalog: &Catalog) {
    let own = tenant();
    let assets = ready(catalog, "made", &["made-1.wav", "made-2.wav"]).await;
    let recipes = ["a".to_owned(), "b".to_owned()];
    catalog.want_renditions(&own, &id("made"), &recipes, now()).await.unwrap();
    let mut rows = Vec::new();
    while let Some(row) = catalog.take_rendition(NODE, later(1)).await.unwrap() {
        if row.recording_id == id("made") {
            rows.push(row);
        }
    }
    let row = |recipe: &str| rows.iter().find(|row| row.recipe == recipe).unwrap();
    let text = outcome(assets[0], 1).replace("call.wav", "rendition-done.mp4");
    let made = MadeRendition { outcome: text, segments: String::new(), waveform: None };
    let sources = [Some(assets[0]), None];
    assert!(catalog.finish_rendition(row("a"), sources, &made).await.unwrap());

    let asset_id = AssetId::generate();
    let new = NewBundle { asset_id, kind: BundleKind::Contacts, request: "{}", none_since: None };
    catalog.add_bundle(&new, &entry(&own, "bundle", "x")).await.unwrap();
    let bundle = catalog.bundle(&own, asset_id).await.unwrap().unwrap();
    let old = AssetId::generate();
    let new = NewBundle { asset_id: old, ..new };
    catalog.add_bundle(&new, &entry(&own, "bundle", "x")).await.unwrap();
    let done = catalog.bundle(&own, old).await.unwrap().unwrap();
    let key = "default/bundles/x/contacts.zip";
    let zip = MadeBundle {
        outcome: outcome(old, 1).replace(&folder(old), key),
        segments: "s".to_owned(),
        parts: "[]".to_owned(),
        sources: vec![(id("made"), 0)],
        expires: later(100),
        message: None,
    };
    assert!(catalog.finish_bundle(&done, &zip, later(1)).await.unwrap());

    assert_eq!(delete(catalog, &assets[..1]).await, Deleted::Done { count: 1, missing: 0 });
    // A bundle that holds it is over, and one that was being made from it is made anew.
    assert!(!catalog.held_asset(old).await.unwrap().unwrap().ready);
    assert!(!catalog.finish_bundle(&bundle, &zip, later(3)).await.unwrap());
    assert!(!catalog.held_asset(asset_id).await.unwrap().unwrap().ready);
    let anew = MadeBundle { sources: vec![(id("made"), 1)], ..zip };
    assert!(catalog.finish_bundle(&bundle, &anew, later(3)).await.unwrap());
    // A rendition too; even one that was asked for again.
    assert!(catalog.renditions_of(&own, &id("made")).await.unwrap().is_empty());
    assert!(!catalog.finish_rendition(row("b"), [Some(assets[1]), None], &made).await.unwrap());
    catalog.want_renditions(&own, &id("made"), &recipes, now()).await.unwrap();
    let again = catalog.renditions_of(&own, &id("made")).await.unwrap();
    assert!(!catalog.finish_rendition(&again[0], sources, &made).await.unwrap());
    assert!(catalog.finish_rendition(&again[0], [Some(assets[1]), None], &made).await.unwrap());
    let gone = removed(catalog, 3).await;
    let names: Vec<&str> = gone.iter().map(|(_, object, _)| object.as_str()).collect();
    assert!(names.contains(&key) && names.contains(&folder(assets[0]).as_str()), "{names:?}");
    assert!(names.iter().any(|name| name.ends_with("rendition-done.mp4")), "{names:?}");
    // What was under way may come into the folder of either source until its lease is over.
    let late = removed(catalog, 40 * 60).await;
    let begun = late.iter().filter(|(kind, ..)| *kind == RemovalKind::Begun);
    assert_eq!(
        begun.filter(|(_, name, _)| name.contains(&row("b").asset_id.to_string())).count(),
        2
    );
}

pub(super) async fn a_move_under_way_is_waited_for(catalog: &Catalog) {
    let own = tenant();
    let assets = ready(catalog, "moving", &["moving.wav"]).await;
    // The delivery of its record keeps a recording from being moved.
    let owed = catalog.deliveries_of(&own, &id("moving")).await.unwrap();
    let tried = reelgate::catalog::DeliveryTry {
        at: later(1),
        outcome: "delivered".to_owned(),
        detail: String::new(),
    };
    let done = reelgate::catalog::NextTry::None(DeliveryState::Delivered);
    catalog.record_try(&owed[0].0, &tried, done).await.unwrap();
    while let Some(row) = catalog.take_rendition(NODE, later(1)).await.unwrap() {
        catalog.fail_rendition(row.asset_id, "by the test", None).await.unwrap();
    }
    catalog.hand_to_archive(later(5), later(5)).await.unwrap();
    let mut moving = None;
    while let Some(due) = catalog.take_move(NODE, later(6)).await.unwrap() {
        if due.recording == id("moving") {
            moving = Some(due);
        }
    }
    let moving = moving.unwrap();
    assert_eq!(delete(catalog, &assets).await, Deleted::Done { count: 1, missing: 0 });
    // Its mover may be copying still.
    assert!(removed(catalog, 7).await.is_empty());
    catalog.leave_store(&moving, later(8)).await.unwrap();
    assert_eq!(catalog.asset(assets[0]).await.unwrap().unwrap().state, MediaState::Erased);
    assert!(removed(catalog, 8).await.is_empty());
    catalog.end_move(&moving).await.unwrap();
    assert_eq!(removed(catalog, 8).await, [(RemovalKind::Asset, folder(assets[0]), true)]);
    // Nobody moves what is gone.
    catalog.recover_moves(NODE).await.unwrap();
    while let Some(due) = catalog.take_move(NODE, later(9_000)).await.unwrap() {
        assert_ne!(due.recording, id("moving"));
    }
    let media = MediaId::parse("moving.wav").unwrap();
    assert!(catalog.media(&own, &id("moving"), &media).await.unwrap().is_some());
}

pub(super) async fn removals_are_leased_and_retried(catalog: &Catalog) {
    let assets = ready(catalog, "slow", &["slow.wav"]).await;
    delete(catalog, &assets).await;
    let take = async |at| catalog.take_removals(NODE, later(at)).await.unwrap();
    let due = take(3).await;
    assert_eq!((due.len(), due[0].attempts), (1, 1));
    assert!(take(4).await.is_empty(), "two have one lease");
    assert_eq!(catalog.recover_removals("other").await.unwrap(), 0);
    assert_eq!(catalog.recover_removals(NODE).await.unwrap(), 1);
    assert_eq!(take(4).await[0].attempts, 2);
    catalog.postpone_removal(&due[0].id, later(60), "away").await.unwrap();
    assert!(take(59).await.is_empty());
    assert_eq!(catalog.removal_counts().await.unwrap(), (1, 1));
    assert_eq!(take(60).await[0].attempts, 3);
    catalog.finish_removals(&[due[0].id.clone()]).await.unwrap();
    assert_eq!(catalog.removal_counts().await.unwrap(), (0, 0));
}

pub(super) async fn space_is_warned_of_once(catalog: &Catalog) {
    let own = TenantId::parse("roomy").unwrap();
    let mail = reelgate::catalog::SpaceWarning { target: "mail:space", body: "{}" };
    let warn = async || catalog.warn_of_space(&own, Some(mail), now()).await.unwrap();
    assert!(!catalog.forget_space_warning(&own).await.unwrap());
    assert_eq!((warn().await, warn().await), (true, false));
    assert!(catalog.forget_space_warning(&own).await.unwrap());
    assert!(warn().await);
    let rows = catalog.deliveries_page(&own, None, None, 9).await.unwrap();
    assert_eq!(rows.len(), 2);
    let empty = SpaceUse { bytes: 0, files: 0 };
    assert_eq!(catalog.space_used(&own).await.unwrap(), empty);
}
