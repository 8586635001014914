//! A hundred thousand assets in one call.

use std::time::Instant;

use jiff::Timestamp;
use reelgate::asset::{AssetId, TenantId};
use reelgate::catalog::{Catalog, DELETED, Deleted, Deletion};
use sqlx::Connection as _;

use crate::gateway::block_on;

const COUNT: usize = 100_000;

/// Recordings of two media files each, with terms, stages and call records.
const FILL: &[&str] = &[
    "CREATE TEMP TABLE n AS WITH RECURSIVE c(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM c \
     WHERE n < 99999) SELECT n, printf('0197a5c2-7d3e-7c11-9b52-%012x', n) AS asset, \
     'call-' || (n / 2) AS call FROM c",
    "INSERT INTO recordings (tenant, id, document, masks_complete, created_us, started_us, \
     contact_id, segment_id, caller_number) SELECT 'default', call, '{\"callerPhoneNumber\":\"1\"}', \
     1, 1, n + 1, call, call, '1' FROM n WHERE n % 2 = 0",
    "INSERT INTO media (asset_id, tenant, recording_id, media_id, position, state, upload_bytes, \
     receipt, outcome, segments, stored_bytes, created_us) SELECT asset, 'default', call, \
     n || '.wav', n % 2, 'ready', 100, 'receipt', '{\"stored\":{\"key\":\"default/2026/03/04/' || \
     asset || '/call.wav\",\"bytes\":100,\"sha256\":\"' || printf('%064d', 0) || '\"},\"spans\":[' || \
     substr(printf('%02000d', 0), 1, 0) || ']}', 's', 100, 1 FROM n",
    "INSERT INTO media_stages SELECT asset, 0, 'ready', NULL, 1 FROM n",
    "INSERT INTO recording_terms SELECT 'default', 'word', CAST(call AS BLOB), call FROM n \
     WHERE n % 2 = 0",
    "INSERT INTO renditions (asset_id, tenant, recording_id, recipe, state, run_at_us, created_us) \
     SELECT 'r' || asset, 'default', call, 'v', 'failed', 1, 1 FROM n WHERE n % 2 = 0",
    "INSERT INTO call_records (asset_id, tenant, recording_id, record_uuid, extension_id, \
     call_uuid, init_us, month, duration_s, bytes, shown, listed_us) SELECT asset, 'default', call, \
     asset, 1, call, 1, 202603, 1, 1, '{}', 1 FROM n",
];

#[test]
fn a_hundred_thousand_assets_in_one_call() {
    let folder = tempfile::tempdir().unwrap();
    let url = Catalog::sqlite_url(&folder.path().join("catalog.sqlite"));
    block_on(async {
        let catalog = Catalog::open(&url).await.unwrap();
        let mut connection = sqlx::SqliteConnection::connect(&url).await.unwrap();
        for statement in FILL {
            sqlx::query(*statement).execute(&mut connection).await.unwrap();
        }
        let assets: Vec<AssetId> = (0..COUNT)
            .map(|number| {
                AssetId::parse(&format!("0197a5c2-7d3e-7c11-9b52-{number:012x}")).unwrap()
            })
            .collect();
        let tenant = TenantId::default_tenant();
        let why = Deletion { reason: DELETED, actor: "kim", action: "record.delete" };
        let (begun, before) = (Instant::now(), resident());
        let done = catalog.delete_assets(&tenant, &assets, why, Timestamp::now()).await.unwrap();
        let (took, grown) = (begun.elapsed(), resident().saturating_sub(before));
        println!("{COUNT} assets in {took:?}; {grown} KiB more resident");
        assert_eq!(done, Deleted::Done { count: COUNT as u64, missing: 0 });
        assert!(grown < 128 * 1024, "{grown} KiB");
        let left: (i64, i64, i64, i64) = sqlx::query_as(
            "SELECT (SELECT COUNT(*) FROM removals), (SELECT COUNT(*) FROM audit), \
             (SELECT COUNT(*) FROM recordings WHERE gone_us IS NULL), \
             (SELECT COUNT(*) FROM recording_terms)",
        )
        .fetch_one(&mut connection)
        .await
        .unwrap();
        assert_eq!(left, (COUNT as i64, COUNT as i64, 0, 0));
        let rows = catalog.audit_page(&tenant, 99_000, 1000).await.unwrap();
        assert!(rows.windows(2).all(|pair| pair[1].previous_sha256 == pair[0].sha256));
        connection.close().await.unwrap();
        catalog.close().await;
    });
}

/// Resident memory of this process in KiB.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}
