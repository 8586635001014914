//! Deleting stored assets: all that are named, or none, and what must follow from it.
//!
//! The order in the transaction keeps two nodes from waiting for each other: first the recordings,
//! then what belongs to them, and the audit trail last.

use std::collections::BTreeSet;

use jiff::Timestamp;
use sqlx::Row as _;

use super::graves::{bury, drop_renditions, end_deliveries, erase, tell, void_bundles};
use super::names::{CHUNK, on_names};
use super::pool::on_write;
use super::{Catalog, CatalogError};
use crate::asset::{AssetId, RecordingId, TenantId};

/// Why an asset is deleted, as its state says afterwards: somebody asked for it.
pub const DELETED: &str = "deleted";
/// The same: its time was over, or its place was needed.
pub const RETENTION: &str = "retention";

/// How often a deletion is begun anew that the database ended because another one waited for it.
const RETRIES: u32 = 3;

/// On whose behalf, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deletion<'d> {
    /// [`DELETED`] or [`RETENTION`].
    pub reason: &'static str,
    /// Login name of who asked; `system` for the gateway itself.
    pub actor: &'d str,
    /// What was done, for the audit trail, as `noun.verb`: `record.delete`.
    pub action: &'d str,
}

/// What became of a deletion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deleted {
    /// What could be deleted is; nobody gets it any more, and it goes from the stores next.
    Done {
        /// How many assets were deleted.
        count: u64,
        /// How many were not there: unknown, of another tenant, deleted before, or in a state in
        /// which nothing is stored yet.
        missing: u64,
    },
    /// Nothing was changed, for these of their recordings are on hold.
    Held {
        /// By name.
        recordings: Vec<RecordingId>,
    },
}

/// The recordings of the assets that are to be deleted, locked.
#[derive(Debug, Default)]
pub(super) struct Locked {
    /// All of them, sorted.
    pub(super) recordings: Vec<String>,
    /// Those that are not only in the store.
    pub(super) away: BTreeSet<String>,
    /// Those on hold.
    pub(super) held: Vec<String>,
}

/// What a deletion did so far.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// Assets that were erased.
    pub(super) erased: Vec<String>,
    /// Their recordings.
    pub(super) touched: BTreeSet<String>,
}

/// Finds and locks the recordings of some assets, in one order everywhere.
macro_rules! lock_recordings {
    ($tx:expr, $tenant:expr, $names:expr, $wait:expr) => {{
        // Not DISTINCT: for that SQLite would read all recordings of the tenant in their order.
        let find = "SELECT recording_id FROM media WHERE tenant = $1 AND asset_id IN ({names})";
        let lock = format!(
            "SELECT id, held_us, tier FROM recordings WHERE tenant = $1 AND id IN ({{names}}) \
             ORDER BY id{}",
            $wait
        );
        let mut all = BTreeSet::new();
        for chunk in $names.chunks(CHUNK) {
            for row in on_names!(find, [$tenant], chunk).fetch_all(&mut **$tx).await? {
                all.insert(row.try_get::<String, _>(0)?);
            }
        }
        let mut locked = Locked { recordings: all.into_iter().collect(), ..Locked::default() };
        for chunk in locked.recordings.chunks(CHUNK) {
            for row in on_names!(&lock, [$tenant], chunk).fetch_all(&mut **$tx).await? {
                let id: String = row.try_get(0)?;
                if row.try_get::<Option<i64>, _>(1)?.is_some() {
                    locked.held.push(id.clone());
                }
                if row.try_get::<String, _>(2)? != "active" {
                    locked.away.insert(id);
                }
            }
        }
        locked
    }};
}

impl Catalog {
    /// Deletes assets of a tenant in one transaction: all of them, or none when one of their
    /// recordings is on hold. Assets that are *ready*, *archived* or only *declared* can be deleted.
    /// A recording of which nothing is left loses all that is about a person, too. It takes about
    /// 150 bytes of memory for each asset. Afterwards ring the bell of the remover.
    ///
    /// # Errors
    /// [`CatalogError`]; then nothing was changed.
    pub async fn delete_assets(
        &self,
        tenant: &TenantId,
        assets: &[AssetId],
        why: Deletion<'_>,
        now: Timestamp,
    ) -> Result<Deleted, CatalogError> {
        let names: BTreeSet<String> = assets.iter().map(AssetId::to_string).collect();
        let names: Vec<String> = names.into_iter().collect();
        let mut tries = 0;
        loop {
            match self.delete_named(tenant, &names, why, now).await {
                Err(error) if error.is_transient() && tries < RETRIES => tries += 1,
                ended => return ended,
            }
        }
    }

    async fn delete_named(
        &self,
        tenant: &TenantId,
        names: &[String],
        why: Deletion<'_>,
        now: Timestamp,
    ) -> Result<Deleted, CatalogError> {
        let id = tenant.as_str();
        on_write!(self, |pool, begin, lock| {
            let mut transaction = pool.begin_with(begin).await?;
            let tx = &mut transaction;
            // A rival is waited for: its rows are not to be passed over.
            let wait = lock.trim_end_matches(" SKIP LOCKED");
            let locked = lock_recordings!(tx, id, names, wait);
            if !locked.held.is_empty() {
                return held(&locked.held);
            }
            let mut progress = Progress::default();
            for chunk in names.chunks(CHUNK) {
                erase!(tx, (id, why, now), chunk, wait, &locked, &mut progress);
            }
            let touched: Vec<String> = progress.touched.into_iter().collect();
            for chunk in touched.chunks(CHUNK) {
                drop_renditions!(tx, id, chunk, now);
                void_bundles!(tx, id, chunk, now);
            }
            for chunk in locked.recordings.chunks(CHUNK) {
                bury!(tx, id, chunk, now);
            }
            for chunk in progress.erased.chunks(CHUNK) {
                end_deliveries!(tx, id, chunk, now);
                tell!(tx, (tenant, why, now), chunk);
            }
            transaction.commit().await?;
            let count = progress.erased.len();
            let missing = names.len().saturating_sub(count);
            Ok(Deleted::Done { count: count as u64, missing: missing as u64 })
        })
    }
}

fn held(names: &[String]) -> Result<Deleted, CatalogError> {
    let parse =
        |name: &String| RecordingId::parse(name).map_err(|error| CatalogError::row(name, error));
    Ok(Deleted::Held { recordings: names.iter().map(parse).collect::<Result<_, _>>()? })
}
