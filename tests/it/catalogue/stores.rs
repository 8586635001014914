//! Rows of the second store, and of files made on request.

use reelgate::asset::{AssetId, MediaId, RecordingId, TenantId};
use reelgate::catalog::{
    AuditEntry, BundleKind, BundleState, Catalog, MadeBundle, MediaState, Move, NewBundle,
    NewRetrieval, RetrievalAdded, RetrievalFilter, Tier,
};
use serde_json::json;

use super::{NODE, accept, declare, document, later, now, tenant};

async fn due(catalog: &Catalog, at: i64) -> Option<Move> {
    catalog.take_move(NODE, later(at)).await.unwrap()
}

async fn state(catalog: &Catalog, recording: &str, media: &str) -> MediaState {
    let (recording, media) =
        (RecordingId::parse(recording).unwrap(), MediaId::parse(media).unwrap());
    catalog.media(&tenant(), &recording, &media).await.unwrap().unwrap().state
}

fn entry<'e>(tenant: &'e TenantId, subject: &'e str) -> AuditEntry<'e> {
    AuditEntry {
        tenant,
        actor: "keeper",
        action: "test",
        subject,
        detail: json!({}),
        now: later(20),
    }
}

pub(super) async fn recordings_move_and_come_back(catalog: &Catalog) {
    let (tenant, id) = (tenant(), RecordingId::parse("cold").unwrap());
    declare(catalog, &document("cold", &["cold.wav"])).await;
    accept(catalog, "cold", "cold.wav").await;
    let row = catalog.media_of(&tenant, &id).await.unwrap().remove(0);
    catalog.intend(row.asset_id, r#"{"not":"read here"}"#, "", now()).await.unwrap();
    let hand = async |at| catalog.hand_to_archive(later(at), later(10)).await.unwrap();
    assert_eq!(hand(5).await, 0, "what is not done was archived");
    catalog.finish(&row, &["rws"], None, now()).await.unwrap();
    assert_eq!(hand(5).await, 0, "what is owed or wanted was archived");
    let (delivery, _) = catalog.deliveries_of(&tenant, &id).await.unwrap().remove(0);
    let tried = reelgate::catalog::DeliveryTry {
        at: now(),
        outcome: "found".to_owned(),
        detail: String::new(),
    };
    let done = reelgate::catalog::NextTry::None(reelgate::catalog::DeliveryState::Delivered);
    catalog.record_try(&delivery, &tried, done).await.unwrap();
    for rendition in catalog.renditions_of(&tenant, &id).await.unwrap() {
        catalog.fail_rendition(rendition.asset_id, "by the test", None).await.unwrap();
    }
    assert_eq!(hand(-1).await, 0, "what is too young was archived");
    assert!(hand(5).await >= 1);
    // Others of the suite may go along; each is handed over once.
    let mut moved = None;
    while let Some(next) = due(catalog, 11).await {
        if next.recording == id {
            moved = Some(next);
        }
    }
    let moved = moved.unwrap();
    assert_eq!((moved.tier, moved.attempts), (Tier::Archiving, 1));
    catalog.leave_store(&moved, later(12)).await.unwrap();
    assert_eq!(state(catalog, "cold", "cold.wav").await, MediaState::Archived);
    let clearing = due(catalog, 13).await.unwrap();
    assert_eq!((clearing.tier, &clearing.recording), (Tier::Clearing, &id));
    catalog.finish_clearing(&clearing).await.unwrap();
    assert!(catalog.renditions_of(&tenant, &id).await.unwrap().is_empty());

    let filter = RetrievalFilter {
        segments: vec!["cold".to_owned()],
        contacts: vec!["cold".to_owned(), "other".to_owned()],
        between: Some(("2026-03-04T00:00:00Z".parse().unwrap(), now())),
        ani: Some("1".to_owned()),
        dnis: Some("2".to_owned()),
    };
    let add = async |name, filter: &RetrievalFilter, until, limit| {
        let new = NewRetrieval { id: name, name, filter, until: later(until), limit };
        catalog.add_retrieval(&new, &entry(&tenant, name)).await.unwrap()
    };
    let nothing = RetrievalFilter { ani: Some("9".to_owned()), ..filter.clone() };
    assert_eq!(add("none", &nothing, 100, 9).await, RetrievalAdded::Nothing);
    assert_eq!(add("many", &filter, 100, 0).await, RetrievalAdded::TooMany);
    assert_eq!(add("back", &filter, 100, 9).await, RetrievalAdded::Added(1));
    assert_eq!(add("longer", &filter, 200, 9).await, RetrievalAdded::Added(1));
    let restoring = due(catalog, 21).await.unwrap();
    assert_eq!(restoring.tier, Tier::Restoring);
    catalog.postpone_move(&restoring, later(30), "away").await.unwrap();
    assert!(due(catalog, 29).await.is_none());
    let items = catalog.retrieval_items(&tenant, "back").await.unwrap();
    assert_eq!((items.len(), items[0].error.as_deref()), (1, Some("away")));
    let restoring = due(catalog, 31).await.unwrap();
    catalog.enter_store(&restoring, later(32)).await.unwrap();
    assert_eq!(state(catalog, "cold", "cold.wav").await, MediaState::Ready);
    assert_eq!(catalog.renditions_of(&tenant, &id).await.unwrap().len(), 1);

    // It goes back when the longest job is over, or was taken back.
    assert!(due(catalog, 150).await.is_none());
    assert!(catalog.cancel_retrieval("longer", &entry(&tenant, "longer")).await.unwrap());
    assert!(!catalog.cancel_retrieval("longer", &entry(&tenant, "longer")).await.unwrap());
    assert!(due(catalog, 99).await.is_none());
    let back = due(catalog, 101).await.unwrap();
    assert_eq!(back.tier, Tier::Returned);
    assert!(catalog.retrieval(&tenant, "longer").await.unwrap().unwrap().cancelled);
    assert_eq!(catalog.retrievals(&tenant).await.unwrap().len(), 2);
    catalog.abandon_move(&back, "not a copy").await.unwrap();
    assert_eq!(catalog.recover_moves(NODE).await.unwrap(), 1 + moved_others(catalog).await);
    let counts = catalog.tier_counts().await.unwrap();
    assert!(counts.contains(&("returned".to_owned(), 1)), "{counts:?}");
}

/// Recordings of other parts of the suite whose moves were begun above and never ended.
async fn moved_others(catalog: &Catalog) -> u64 {
    let counts = catalog.tier_counts().await.unwrap();
    let archiving = counts.iter().find(|(name, _)| name == "archiving");
    archiving.map_or(0, |(_, count)| u64::try_from(*count).unwrap())
}

pub(super) async fn bundles_are_made_once(catalog: &Catalog) {
    let tenant = tenant();
    let add = async |kind, actor, since| {
        let asset_id = AssetId::generate();
        let subject = asset_id.to_string();
        let entry = AuditEntry { actor, ..entry(&tenant, &subject) };
        let new = NewBundle { asset_id, kind, request: "{}", none_since: since };
        catalog.add_bundle(&new, &entry).await.unwrap().then_some(asset_id)
    };
    let media = add(BundleKind::Contacts, "kim", None).await.unwrap();
    assert!(add(BundleKind::Contacts, "lee", None).await.is_some());
    let metadata = BundleKind::Metadata;
    let table = add(metadata, "kim", Some(later(0))).await.unwrap();
    assert!(add(metadata, "kim", Some(later(19))).await.is_none(), "too soon");
    assert!(add(metadata, "lee", Some(later(20))).await.is_none(), "beside somebody else's");
    assert!(add(metadata, "kim", Some(later(20))).await.is_some());

    let take = async |at| catalog.take_bundle(NODE, later(at)).await.unwrap();
    assert!(take(19).await.is_none());
    let taken = take(21).await.unwrap();
    assert_eq!((taken.asset_id, taken.attempts, taken.begun), (media, 1, true));
    catalog.postpone_bundle(media, (later(22), false), "waits").await.unwrap();
    let mut seen = Vec::new();
    while let Some(next) = take(23).await {
        seen.push((next.asset_id, next.attempts));
    }
    assert!(seen.contains(&(media, 1)) && seen.len() == 4, "{seen:?}");
    assert_eq!(catalog.recover_bundles(NODE).await.unwrap(), 4);
    let made = MadeBundle {
        outcome: "{}".to_owned(),
        segments: "s".to_owned(),
        parts: "[]".to_owned(),
        sources: vec![
            (RecordingId::parse("cold").unwrap(), 0),
            (RecordingId::parse("cold").unwrap(), 0),
        ],
        expires: later(100),
        message: None,
    };
    let row = catalog.bundle(&tenant, media).await.unwrap().unwrap();
    assert!(catalog.finish_bundle(&row, &made, later(30)).await.unwrap());
    let failed = catalog.bundle(&tenant, table).await.unwrap().unwrap();
    catalog.fail_bundle(&failed, ("by the test", None), None, later(30)).await.unwrap();
    let held = catalog.held_asset(media).await.unwrap().unwrap();
    assert!(held.ready && held.revoked_before.is_none());
    assert_eq!(catalog.stored_asset(media).await.unwrap().unwrap().segments, "s");
    catalog.revoke_links(&tenant, "cold", &entry(&tenant, "cold")).await.unwrap();
    assert_eq!(catalog.held_asset(media).await.unwrap().unwrap().revoked_before, Some(later(20)));
    assert!(catalog.overdue_bundle(later(99)).await.unwrap().is_none());
    let overdue = catalog.overdue_bundle(later(100)).await.unwrap().unwrap();
    assert_eq!(overdue.asset_id, media);
    catalog.expire_bundle(media, later(101)).await.unwrap();
    assert!(!catalog.held_asset(media).await.unwrap().unwrap().ready);
    let shown = catalog.bundle(&tenant, table).await.unwrap().unwrap();
    assert_eq!((shown.state, shown.reason.as_deref()), (BundleState::Failed, Some("by the test")));
    assert_eq!(catalog.bundles(&tenant, metadata).await.unwrap().len(), 2);
    // Another tenant sees none of it.
    let far = TenantId::parse("elsewhere").unwrap();
    assert!(catalog.bundle(&far, table).await.unwrap().is_none());
}
