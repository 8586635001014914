//! Deliveries: what is owed to outside systems, and every try.

use jiff::Timestamp;
use sqlx::Row as _;

use super::pool::{on_read, on_write};
use super::{Catalog, CatalogError, instant, micros};
use crate::asset::{AssetId, RecordingId, TenantId};

/// The target that insertion records go to.
pub const RWS: &str = "rws";

/// Where a delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum DeliveryState {
    /// To be tried.
    Pending,
    /// Sent, but the answer never came: an insertion record is read back before it is sent again
    /// (R24), a letter is given up.
    Doubtful,
    /// The other side has it.
    Delivered,
    /// Refused for good; an operator must look.
    Dead,
}

impl DeliveryState {
    /// The name in rows and answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Doubtful => "doubtful",
            Self::Delivered => "delivered",
            Self::Dead => "dead",
        }
    }

    /// The state of this name.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Pending, Self::Doubtful, Self::Delivered, Self::Dead]
            .into_iter()
            .find(|state| state.name() == text)
    }
}

/// Something owed.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// Its id.
    pub id: String,
    /// Tenant.
    pub tenant: TenantId,
    /// The recording that it is about.
    pub recording_id: RecordingId,
    /// To whom: `rws`, `webhook:` or `mail:` and a name.
    pub target: String,
    /// Where it stands.
    pub state: DeliveryState,
    /// The body, fixed at the first try.
    pub body: Option<String>,
    /// Tries made.
    pub attempts: u32,
    /// Tries among them that were made before an operator asked for more: they count no longer.
    pub forgiven: u32,
    /// When it is tried next.
    pub run_at: Timestamp,
    /// Since when it is owed.
    pub created: Timestamp,
}

/// One try.
#[derive(Debug, Clone, serde::Serialize)]
pub struct DeliveryTry {
    /// When.
    pub at: Timestamp,
    /// Stable word: `delivered`, `found`, `exists`, `session`, `retry`, `doubtful`, `refused`.
    pub outcome: String,
    /// What the other side said; no secrets.
    pub detail: String,
}

/// What follows a try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NextTry {
    /// Nothing: done, or dead.
    None(DeliveryState),
    /// Again at this instant, in this state.
    At(DeliveryState, Timestamp),
}

const COLUMNS: &str = "SELECT id, tenant, recording_id, target, state, body, attempts, forgiven, \
                       run_at_us, created_us FROM deliveries";

/// Reads a row of either database.
macro_rules! delivery_row {
    ($row:expr) => {{
        use $crate::asset::{RecordingId, TenantId};
        let row = $row;
        let id: String = row.try_get("id")?;
        let bad = |detail: &str| $crate::catalog::CatalogError::row(&id, detail);
        let (tenant, recording): (String, String) =
            (row.try_get("tenant")?, row.try_get("recording_id")?);
        let (state, attempts): (String, i64) = (row.try_get("state")?, row.try_get("attempts")?);
        let forgiven: i64 = row.try_get("forgiven")?;
        Ok::<$crate::catalog::Delivery, $crate::catalog::CatalogError>($crate::catalog::Delivery {
            tenant: TenantId::parse(&tenant).map_err(|_| bad("tenant"))?,
            recording_id: RecordingId::parse(&recording).map_err(|_| bad("recording id"))?,
            target: row.try_get("target")?,
            state: $crate::catalog::DeliveryState::parse(&state).ok_or_else(|| bad("state"))?,
            body: row.try_get("body")?,
            attempts: u32::try_from(attempts).unwrap_or(u32::MAX),
            forgiven: u32::try_from(forgiven).unwrap_or(u32::MAX),
            run_at: $crate::catalog::instant(row.try_get("run_at_us")?),
            created: $crate::catalog::instant(row.try_get("created_us")?),
            id,
        })
    }};
}

pub(super) use delivery_row;

impl Catalog {
    /// Leases the delivery that has been due longest, until `until`, of those to `targets`: a
    /// pattern of SQL's LIKE.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn lease_delivery(
        &self,
        (owner, targets): (&str, &str),
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<Delivery>, CatalogError> {
        let due = "WHERE state IN ('pending', 'doubtful') AND run_at_us <= $1 \
                   AND lease_until_us <= $1 AND target LIKE $2 ORDER BY run_at_us, id LIMIT 1";
        let lease = "UPDATE deliveries SET lease_owner = $2, lease_until_us = $3 WHERE id = $1";
        on_write!(self, |pool, begin, lock| {
            let mut tx = pool.begin_with(begin).await?;
            let sql = sqlx::AssertSqlSafe(format!("{COLUMNS} {due}{lock}"));
            let query = sqlx::query(sql).bind(micros(now)).bind(targets);
            let row = query.fetch_optional(&mut *tx).await?;
            let Some(row) = row else { return Ok(None) };
            let delivery = delivery_row!(&row)?;
            let query = sqlx::query(lease).bind(&delivery.id).bind(owner).bind(micros(until));
            query.execute(&mut *tx).await?;
            tx.commit().await?;
            Ok(Some(delivery))
        })
    }

    /// At start: leases of an earlier process of this node are void. What may have been sent becomes
    /// doubtful; of letters the table says so already ([`Self::begin_sending`]).
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn recover_deliveries(
        &self,
        (owner, targets): (&str, &str),
        now: Timestamp,
    ) -> Result<(), CatalogError> {
        // A lease that was never ended may have sent its request: only a read-back can tell.
        let sql = "UPDATE deliveries SET lease_until_us = 0, run_at_us = $2, state = CASE \
                   WHEN body IS NULL OR target LIKE 'mail:%' THEN state ELSE 'doubtful' END WHERE lease_owner = $1 \
                   AND state IN ('pending', 'doubtful') AND target LIKE $3";
        on_write!(self, |pool, _begin, _lock| {
            let query = sqlx::query(sql).bind(owner).bind(micros(now)).bind(targets);
            query.execute(pool).await?;
        });
        Ok(())
    }

    /// Fixes the body before it is sent for the first time; not that of a delivery which was given up
    /// meanwhile, because what it is about was deleted.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn set_delivery_body(&self, id: &str, body: &str) -> Result<(), CatalogError> {
        let sql = "UPDATE deliveries SET body = $2 WHERE id = $1 \
                   AND state IN ('pending', 'doubtful')";
        on_write!(self, |pool, _begin, _lock| {
            sqlx::query(sql).bind(id).bind(body).execute(pool).await?;
        });
        Ok(())
    }

    /// Writes down that something which can be neither taken back nor read back is about to leave: if
    /// no try is recorded after this, the delivery is doubtful. False when `owner` does not hold the
    /// lease any more; then nothing may be sent.
    ///
    /// # Errors
    /// [`CatalogError`]; then nothing may be sent either.
    pub async fn begin_sending(
        &self,
        id: &str,
        owner: &str,
        now: Timestamp,
    ) -> Result<bool, CatalogError> {
        let sql = "UPDATE deliveries SET state = 'doubtful' WHERE id = $1 AND state = 'pending' \
                   AND lease_owner = $2 AND lease_until_us > $3";
        let marked = on_write!(self, |pool, _begin, _lock| {
            sqlx::query(sql)
                .bind(id)
                .bind(owner)
                .bind(micros(now))
                .execute(pool)
                .await?
                .rows_affected()
        });
        Ok(marked == 1)
    }

    /// Writes a try and what follows from it, and ends the lease. A delivery that was given up
    /// meanwhile stays so.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn record_try(
        &self,
        delivery: &Delivery,
        tried: &DeliveryTry,
        next: NextTry,
    ) -> Result<(), CatalogError> {
        let attempt = i64::from(delivery.attempts).saturating_add(1);
        let (state, run_at) = match next {
            NextTry::None(state) => (state, tried.at),
            NextTry::At(state, at) => (state, at),
        };
        let add = "INSERT INTO delivery_tries (delivery_id, attempt, at_us, outcome, detail) \
                   VALUES ($1,$2,$3,$4,$5) ON CONFLICT (delivery_id, attempt) DO NOTHING";
        // An insertion record is shown afterwards; what a letter or a webhook said is not kept.
        let set = "UPDATE deliveries SET state = $2, attempts = $3, run_at_us = $4, \
                   body = CASE WHEN $2 = 'delivered' AND (target LIKE 'mail:%' \
                   OR target LIKE 'webhook:%') THEN NULL ELSE body END, \
                   lease_owner = NULL, lease_until_us = 0 WHERE id = $1 \
                   AND state IN ('pending', 'doubtful')";
        on_write!(self, |pool, begin, _lock| {
            let mut tx = pool.begin_with(begin).await?;
            sqlx::query(add)
                .bind(&delivery.id)
                .bind(attempt)
                .bind(micros(tried.at))
                .bind(&tried.outcome)
                .bind(&tried.detail)
                .execute(&mut *tx)
                .await?;
            sqlx::query(set)
                .bind(&delivery.id)
                .bind(state.name())
                .bind(attempt)
                .bind(micros(run_at))
                .execute(&mut *tx)
                .await?;
            tx.commit().await?;
        });
        Ok(())
    }

    /// Where the delivery about a bundle or a file to one target stands, if it is owed.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn delivery_state(
        &self,
        tenant: &TenantId,
        subject: AssetId,
        target: &str,
    ) -> Result<Option<DeliveryState>, CatalogError> {
        let sql = "SELECT state FROM deliveries WHERE tenant = $1 AND recording_id = $2 \
                   AND target = $3";
        let state: Option<String> = on_read!(self, |pool| {
            let query = sqlx::query_scalar(sql).bind(tenant.as_str()).bind(subject.to_string());
            query.bind(target).fetch_optional(pool).await?
        });
        let bad = |text: &String| CatalogError::row(subject, text);
        state.map(|text| DeliveryState::parse(&text).ok_or_else(|| bad(&text))).transpose()
    }

    /// The outcome of the last try, if there was one.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn last_outcome(&self, id: &str) -> Result<Option<String>, CatalogError> {
        let sql = "SELECT outcome FROM delivery_tries WHERE delivery_id = $1 \
                   ORDER BY attempt DESC LIMIT 1";
        Ok(on_read!(self, |pool| sqlx::query_scalar(sql).bind(id).fetch_optional(pool).await?))
    }

    /// The deliveries of a recording, each with its tries, oldest first.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn deliveries_of(
        &self,
        tenant: &TenantId,
        recording: &RecordingId,
    ) -> Result<Vec<(Delivery, Vec<DeliveryTry>)>, CatalogError> {
        let sql = format!("{COLUMNS} WHERE tenant = $1 AND recording_id = $2 ORDER BY created_us");
        let tries = "SELECT at_us, outcome, detail FROM delivery_tries \
                     WHERE delivery_id = $1 ORDER BY attempt";
        on_read!(self, |pool| {
            let rows = sqlx::query(sqlx::AssertSqlSafe(sql))
                .bind(tenant.as_str())
                .bind(recording.as_str())
                .fetch_all(pool)
                .await?;
            let mut all = Vec::with_capacity(rows.len());
            for row in &rows {
                let delivery = delivery_row!(row)?;
                let mut list = Vec::new();
                for row in sqlx::query(tries).bind(&delivery.id).fetch_all(pool).await? {
                    list.push(DeliveryTry {
                        at: instant(row.try_get("at_us")?),
                        outcome: row.try_get("outcome")?,
                        detail: row.try_get("detail")?,
                    });
                }
                all.push((delivery, list));
            }
            Ok(all)
        })
    }
}
