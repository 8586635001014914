//! Call records and storage links, on both databases.

use reelgate::asset::{AssetId, Digest, RecordingId};
use reelgate::catalog::{
    CallFilter, CallOrder, CallScope, CallsFrom, Catalog, NewCallRecord, OtherLinks, Queued,
    StorageLinkRow,
};

use super::{accept, declare, document, entry, later, now, tenant};

fn record(asset: AssetId, id: &str, (at, extension): (i64, i64), bytes: u64) -> NewCallRecord {
    NewCallRecord {
        asset_id: asset,
        tenant: tenant(),
        recording_id: RecordingId::parse(id).unwrap(),
        record_uuid: format!("{extension}-{}", asset.to_digits()),
        extension_id: extension,
        extension_group_id: (extension == 1).then_some(7),
        call_uuid: "C".repeat(32),
        init: later(at),
        duration_s: bytes / 10,
        bytes,
        shown: format!("{{\"bytes\":{bytes}}}"),
        messages: Vec::new(),
    }
}

fn filter(scope: CallScope) -> CallFilter {
    CallFilter { tenant: tenant(), scope, from: later(0), to: later(1000), min_duration_s: 0 }
}

/// Seven calls of which three begin at one instant; their files.
async fn seven(catalog: &Catalog) -> Vec<AssetId> {
    let mut assets = Vec::new();
    for index in 0..7_i64 {
        let id = format!("called-{index}");
        let media = format!("called-{index}.wav");
        declare(catalog, &document(&id, &[&media])).await;
        accept(catalog, &id, &media).await;
        let recording = RecordingId::parse(&id).unwrap();
        let row = catalog.media_of(&tenant(), &recording).await.unwrap().remove(0);
        catalog.intend(row.asset_id, r#"{"not":"read here"}"#, "", now()).await.unwrap();
        let at = if index < 3 { 10 } else { 10 + index };
        let new = record(row.asset_id, &id, (at, 1 + index % 2), 100 + index as u64);
        assert!(
            !catalog.list_call_record(&new, now()).await.unwrap(),
            "listed before it was ready"
        );
        catalog.finish(&row, &[], Some(&new), later(index)).await.unwrap();
        assert!(!catalog.list_call_record(&new, now()).await.unwrap(), "listed twice");
        assets.push(row.asset_id);
    }
    assets
}

/// Lists are in order, in batches as in pages, and their sums agree.
pub(super) async fn call_records_are_listed(catalog: &Catalog) {
    let assets = seven(catalog).await;
    let all = filter(CallScope::Client);
    let page = async |order, from: CallsFrom, limit| {
        catalog.call_records(&all, order, &from, limit).await.unwrap()
    };
    let whole = page(CallOrder::Ascending, CallsFrom::Offset(0), 100).await;
    assert_eq!(whole.len(), 7);
    let keys: Vec<_> = whole.iter().map(|row| (row.init_us, row.record_uuid.clone())).collect();
    let mut sorted = keys.clone();
    sorted.sort();
    assert_eq!(keys, sorted);
    for (order, expected) in [
        (CallOrder::Ascending, keys.clone()),
        (CallOrder::Descending, keys.iter().rev().cloned().collect()),
    ] {
        let (mut walked, mut from) = (Vec::new(), CallsFrom::Offset(0));
        loop {
            let batch = page(order, from, 2).await;
            let Some(last) = batch.last() else { break };
            from = CallsFrom::After(last.init_us, last.record_uuid.clone());
            walked.extend(batch.iter().map(|row| (row.init_us, row.record_uuid.clone())));
        }
        assert_eq!(walked, expected);
        let second = page(order, CallsFrom::Offset(3), 3).await;
        assert_eq!(second[0].record_uuid, expected[3].1);
    }
    let totals = catalog.call_totals(&all).await.unwrap();
    assert_eq!((totals.count, totals.bytes), (7, 700 + 21));
    assert_eq!(totals.newest_us, later(6).as_microsecond());
    let none = CallFilter { from: later(900), ..all.clone() };
    assert_eq!(catalog.call_totals(&none).await.unwrap().count, 0);
    let long = CallFilter { min_duration_s: 11, ..all.clone() };
    assert_eq!(catalog.call_totals(&long).await.unwrap().count, 0);
    let count = async |scope| catalog.call_totals(&filter(scope)).await.unwrap().count;
    assert_eq!((count(CallScope::Extension(1)).await, count(CallScope::Group(7)).await), (4, 4));
    let (member, stranger) = (CallScope::Member(7, 1), CallScope::Member(7, 2));
    assert_eq!((count(member).await, count(stranger).await), (4, 0));
    for (scope, known) in [(member, true), (stranger, false), (CallScope::Extension(3), false)] {
        assert_eq!(catalog.has_scope(&tenant(), scope).await.unwrap(), known, "{scope:?}");
    }
    let months = catalog.call_months(&tenant(), later(1000)).await.unwrap();
    assert_eq!(months.iter().map(|month| month.bytes).sum::<u64>(), totals.bytes);
    assert!(catalog.call_months(&tenant(), later(-1)).await.unwrap().is_empty());
    let of_call = catalog.records_of_call(&tenant(), CallScope::Client, &"C".repeat(32)).await;
    assert_eq!(of_call.unwrap().len(), 7);
    let files = catalog.call_files(&all, None, 3).await.unwrap();
    let last = files.last().unwrap();
    let rest = catalog.call_files(&all, Some((last.init_us, &last.record_uuid)), 9).await.unwrap();
    assert_eq!((files.len(), rest.len()), (3, 4));
    assert!(rest.iter().all(|file| file.state == "ready" && file.erased == 0));
    let listed = catalog.call_assets(&all, 100).await.unwrap();
    assert!(listed.len() == 7 && assets.iter().all(|asset| listed.contains(asset)));
    assert!(
        catalog
            .unlisted_media(&tenant(), None, 100)
            .await
            .unwrap()
            .iter()
            .all(|row| { !assets.contains(&row.asset_id) })
    );
    links_are_one_at_a_time(catalog, assets[0]).await;
    archives_are_queued_once(catalog).await;
}

async fn links_are_one_at_a_time(catalog: &Catalog, asset: AssetId) {
    let own = tenant();
    let row = |nonce: &str| StorageLinkRow {
        tenant: tenant(),
        asset_id: asset,
        key_id: "k".to_owned(),
        nonce: nonce.to_owned(),
        revoked: false,
    };
    let make = entry(&own, "link.create", "x");
    let add = async |nonce: &str, others| {
        let digest = Digest::of(nonce.as_bytes());
        catalog.add_storage_link(&row(nonce), digest, others, &make).await.unwrap()
    };
    let (first, second) = tokio::join!(add("a", OtherLinks::Absent), add("b", OtherLinks::Absent));
    assert!(first != second, "two links were made at once, or none");
    assert!(add("e", OtherLinks::Stay).await);
    let beside = catalog.storage_link_by_token(Digest::of(if first { b"a" } else { b"b" })).await;
    assert!(!beside.unwrap().unwrap().revoked, "a link beside another one ended it");
    assert!(add("c", OtherLinks::End).await);
    let now_good = catalog.storage_link(asset).await.unwrap().unwrap();
    assert_eq!((now_good.nonce.as_str(), now_good.revoked), ("c", false));
    let old = catalog.storage_link_by_token(Digest::of(if first { b"a" } else { b"b" })).await;
    assert!(old.unwrap().unwrap().revoked);
    assert!(catalog.revoke_storage_link(asset, &make).await.unwrap());
    assert!(!catalog.revoke_storage_link(asset, &make).await.unwrap());
    assert!(!add("d", OtherLinks::Absent).await, "a link that was taken back came again");
    assert!(catalog.storage_link(asset).await.unwrap().unwrap().revoked);
}

async fn archives_are_queued_once(catalog: &Catalog) {
    let own = tenant();
    let ask = entry(&own, "record.archive", "x");
    let (one, other) = (AssetId::generate(), AssetId::generate());
    let queue =
        async |asset, request: &str| catalog.queue_records(asset, request, 1, &ask).await.unwrap();
    let (first, second) = tokio::join!(queue(one, "{}"), queue(other, "{}"));
    let made = if first == Queued::New { one } else { other };
    assert!(
        [first, second].contains(&Queued::New) && [first, second].contains(&Queued::Same(made))
    );
    assert_eq!(queue(AssetId::generate(), "{\"other\":1}").await, Queued::Full);
    assert_eq!(catalog.bundle_tenant(made).await.unwrap(), Some(tenant()));
}
