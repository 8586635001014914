//! Bundles: files made on request and kept for a while, and the work of making them.

use jiff::Timestamp;
use sqlx::Row as _;

use super::audit::write_audit;
use super::pool::{on_read, on_write};
use super::{AuditEntry, Catalog, CatalogError, instant, micros};
use crate::asset::{AssetId, TenantId};

/// How long a lease holds, in microseconds: longer than any bundle takes.
const LEASE_US: i64 = 6 * 60 * 60 * 1_000_000;
/// Most bundles that are listed.
const MAX_LISTED: i64 = 100;

/// What a bundle holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BundleKind {
    /// A ZIP file of the media of contacts.
    Contacts,
    /// A ZIP file of the media of segments.
    Segments,
    /// A CSV file about recordings.
    Metadata,
    /// A ZIP file of the call records of a period.
    Records,
}

impl BundleKind {
    /// The name in rows.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Contacts => "contacts",
            Self::Segments => "segments",
            Self::Metadata => "metadata",
            Self::Records => "records",
        }
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        [Self::Contacts, Self::Segments, Self::Metadata, Self::Records]
            .into_iter()
            .find(|kind| kind.name() == text)
    }
}

/// Where a bundle stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BundleState {
    /// To be made.
    Wanted,
    /// In the store.
    Ready,
    /// It cannot be made.
    Failed,
    /// It was there, and its time is over.
    Expired,
}

impl BundleState {
    const fn name(self) -> &'static str {
        match self {
            Self::Wanted => "wanted",
            Self::Ready => "ready",
            Self::Failed => "failed",
            Self::Expired => "expired",
        }
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        [Self::Wanted, Self::Ready, Self::Failed, Self::Expired]
            .into_iter()
            .find(|state| state.name() == text)
    }
}

/// A bundle as a row.
#[derive(Debug, Clone)]
pub struct BundleRow {
    /// Its name in links, and of the request.
    pub asset_id: AssetId,
    /// Tenant.
    pub tenant: TenantId,
    /// What it holds.
    pub kind: BundleKind,
    /// What was asked for, as JSON.
    pub request: String,
    /// Login name of who asked.
    pub requested_by: String,
    /// Where it stands.
    pub state: BundleState,
    /// Whether it was begun.
    pub begun: bool,
    /// What became of each thing that was asked for, as JSON.
    pub parts: Option<String>,
    /// Why it cannot be made, or waits.
    pub reason: Option<String>,
    /// What was stored, as JSON.
    pub outcome: Option<String>,
    /// How often it was begun.
    pub attempts: u32,
    /// When it was asked for.
    pub created: Timestamp,
    /// When it last changed.
    pub updated: Timestamp,
    /// First instant at which nobody gets it any more, once it is there.
    pub expires: Option<Timestamp>,
}

/// A bundle that is asked for.
#[derive(Debug, Clone, Copy)]
pub struct NewBundle<'n> {
    /// Its name.
    pub asset_id: AssetId,
    /// What it holds.
    pub kind: BundleKind,
    /// What is asked for, as JSON.
    pub request: &'n str,
    /// It is refused when another of its kind was asked for after this instant, or when somebody
    /// else's is being made.
    pub none_since: Option<Timestamp>,
}

pub(super) const COLUMNS: &str = "SELECT asset_id, tenant, kind, request, requested_by, state, parts, reason, \
                       outcome, attempts, created_us, updated_us, expires_us FROM bundles";

/// Reads a row of either database.
macro_rules! bundle_row {
    ($row:expr) => {{
        let row = $row;
        let text = |name: &str| -> Result<String, sqlx::Error> { row.try_get(name) };
        let asset = text("asset_id")?;
        let bad = |detail: &str| CatalogError::row(&asset, detail);
        let attempts: i64 = row.try_get("attempts")?;
        Ok::<BundleRow, CatalogError>(BundleRow {
            asset_id: AssetId::parse(&asset).ok_or_else(|| bad("asset id"))?,
            tenant: TenantId::parse(&text("tenant")?).map_err(|_| bad("tenant"))?,
            kind: BundleKind::parse(&text("kind")?).ok_or_else(|| bad("kind"))?,
            request: text("request")?,
            requested_by: text("requested_by")?,
            state: BundleState::parse(&text("state")?).ok_or_else(|| bad("state"))?,
            begun: attempts > 0,
            parts: row.try_get("parts")?,
            reason: row.try_get("reason")?,
            outcome: row.try_get("outcome")?,
            attempts: u32::try_from(attempts).unwrap_or(u32::MAX),
            created: instant(row.try_get("created_us")?),
            updated: instant(row.try_get("updated_us")?),
            expires: row.try_get::<Option<i64>, _>("expires_us")?.map(instant),
        })
    }};
}

pub(super) use bundle_row;

impl Catalog {
    /// Asks for a bundle; false when its like is too near. The entry tells of it.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn add_bundle(
        &self,
        new: &NewBundle<'_>,
        entry: &AuditEntry<'_>,
    ) -> Result<bool, CatalogError> {
        let sql = "INSERT INTO bundles (asset_id, tenant, kind, request, requested_by, state, \
                   run_at_us, created_us, updated_us) SELECT $1,$2,$3,$4,$5,'wanted',$6,$6,$6 \
                   WHERE NOT EXISTS (SELECT 1 FROM bundles b WHERE b.tenant = $2 AND b.kind = $3 \
                   AND (b.created_us > $7 OR (b.state = 'wanted' AND b.requested_by <> $5 \
                   AND $8 = 1)))";
        let spaced = i64::from(new.none_since.is_some());
        let since = new.none_since.map_or(i64::MAX, micros);
        on_write!(self, |pool, begin, _lock| {
            let mut tx = pool.begin_with(begin).await?;
            let added = sqlx::query(sql)
                .bind(new.asset_id.to_string())
                .bind(entry.tenant.as_str())
                .bind(new.kind.name())
                .bind(new.request)
                .bind(entry.actor)
                .bind(micros(entry.now))
                .bind(since)
                .bind(spaced)
                .execute(&mut *tx)
                .await?
                .rows_affected();
            if added == 0 {
                return Ok(false);
            }
            write_audit!(&mut tx, entry);
            tx.commit().await?;
            Ok(true)
        })
    }

    /// One bundle of a tenant.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn bundle(
        &self,
        tenant: &TenantId,
        asset: AssetId,
    ) -> Result<Option<BundleRow>, CatalogError> {
        let sql = format!("{COLUMNS} WHERE tenant = $1 AND asset_id = $2");
        on_read!(self, |pool| {
            let query = sqlx::query(sqlx::AssertSqlSafe(sql));
            let row = query.bind(tenant.as_str()).bind(asset.to_string());
            row.fetch_optional(pool).await?.as_ref().map(|row| bundle_row!(row)).transpose()
        })
    }

    /// The latest bundles of a kind, the newest first.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn bundles(
        &self,
        tenant: &TenantId,
        kind: BundleKind,
    ) -> Result<Vec<BundleRow>, CatalogError> {
        let sql = format!(
            "{COLUMNS} WHERE tenant = $1 AND kind = $2 ORDER BY created_us DESC, asset_id DESC \
             LIMIT {MAX_LISTED}"
        );
        on_read!(self, |pool| {
            let query = sqlx::query(sqlx::AssertSqlSafe(sql));
            let query = query.bind(tenant.as_str()).bind(kind.name());
            query.fetch_all(pool).await?.iter().map(|row| bundle_row!(row)).collect()
        })
    }

    /// Leases the bundle that has been due longest, if one is.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn take_bundle(
        &self,
        node: &str,
        now: Timestamp,
    ) -> Result<Option<BundleRow>, CatalogError> {
        let pick = "SELECT asset_id FROM bundles WHERE state = 'wanted' AND run_at_us <= $1 \
                    AND lease_until_us <= $1 ORDER BY run_at_us, asset_id LIMIT 1";
        let lease = "UPDATE bundles SET lease_owner = $2, lease_until_us = $3, updated_us = $4, \
                     attempts = attempts + 1 WHERE asset_id = $1";
        let sql = format!("{COLUMNS} WHERE asset_id = $1");
        on_write!(self, |pool, begin, lock_rows| {
            let mut tx = pool.begin_with(begin).await?;
            let pick = sqlx::AssertSqlSafe(format!("{pick}{lock_rows}"));
            let picked = sqlx::query_scalar(pick).bind(micros(now)).fetch_optional(&mut *tx);
            let Some(asset): Option<String> = picked.await? else { return Ok(None) };
            sqlx::query(lease)
                .bind(&asset)
                .bind(node)
                .bind(micros(now).saturating_add(LEASE_US))
                .bind(micros(now))
                .execute(&mut *tx)
                .await?;
            let query = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(&asset);
            let row = query.fetch_one(&mut *tx).await?;
            let row = bundle_row!(&row)?;
            tx.commit().await?;
            Ok(Some(row))
        })
    }
}
