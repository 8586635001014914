//! Appliances on the recorder channel.

use jiff::{SignedDuration, Timestamp};
use sqlx::Row as _;

use crate::asset::{InteractionId, RecorderId, TenantId, UserId};
use crate::catalog::pool::{on_read, on_write};
use crate::catalog::{Catalog, CatalogError, instant, micros};

/// What a recorder can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Capability {
    /// Record voice.
    Voice,
    /// Record screens.
    Screen,
    /// Leave masked spans out.
    Pause,
    /// Stop and start.
    Stop,
}

impl Capability {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Voice, Self::Screen, Self::Pause, Self::Stop];

    /// The name in rows and on the channel.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Voice => "voice",
            Self::Screen => "screen",
            Self::Pause => "pause",
            Self::Stop => "stop",
        }
    }

    /// The capability of this name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|capability| capability.name() == text)
    }
}

/// A recorder as a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecorderRow {
    /// Its name.
    pub id: RecorderId,
    /// The principal that speaks for it.
    pub principal: String,
    /// What it can do.
    pub capabilities: Vec<Capability>,
    /// The users whose screens it records; `None` for all.
    pub users: Option<Vec<UserId>>,
    /// Its clock minus ours.
    pub clock_offset: SignedDuration,
    /// When it was last heard of.
    pub seen: Timestamp,
}

impl RecorderRow {
    /// Whether it can do this.
    pub fn can(&self, capability: Capability) -> bool {
        self.capabilities.contains(&capability)
    }
}

const COLUMNS: &str = "SELECT id, principal, capabilities, users, clock_offset_us, seen_us \
                       FROM recorders";

macro_rules! recorder_row {
    ($row:expr) => {{
        let row = $row;
        let (id, able): (String, String) = (row.try_get("id")?, row.try_get("capabilities")?);
        let users: Option<String> = row.try_get("users")?;
        let bad = |detail: &str| CatalogError::row(&id, detail);
        let users = users.map(|text| serde_json::from_str(&text)).transpose();
        Ok::<RecorderRow, CatalogError>(RecorderRow {
            principal: row.try_get("principal")?,
            capabilities: able.split(' ').filter_map(Capability::parse).collect(),
            users: users.map_err(|_| bad("users"))?,
            clock_offset: SignedDuration::from_micros(row.try_get("clock_offset_us")?),
            seen: instant(row.try_get("seen_us")?),
            id: RecorderId::parse(&id).map_err(|_| bad("recorder id"))?,
        })
    }};
}

impl Catalog {
    /// Writes what a recorder says of itself; false when the name belongs to another principal.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn put_recorder(
        &self,
        tenant: &TenantId,
        row: &RecorderRow,
    ) -> Result<bool, CatalogError> {
        let sql = "INSERT INTO recorders (tenant, id, principal, capabilities, users, \
                   clock_offset_us, last_position, seen_us, created_us) \
                   VALUES ($1,$2,$3,$4,$5,$6,0,$7,$7) ON CONFLICT (tenant, id) DO UPDATE SET \
                   capabilities = excluded.capabilities, users = excluded.users, \
                   clock_offset_us = excluded.clock_offset_us, seen_us = excluded.seen_us \
                   WHERE recorders.principal = excluded.principal";
        let able: Vec<&str> = row.capabilities.iter().map(|able| able.name()).collect();
        let users = row.users.as_ref().map(|users| serde_json::json!(users).to_string());
        let written = on_write!(self, |pool, _begin, _lock| {
            sqlx::query(sql)
                .bind(tenant.as_str())
                .bind(row.id.as_str())
                .bind(&row.principal)
                .bind(able.join(" "))
                .bind(users)
                .bind(i64::try_from(row.clock_offset.as_micros()).unwrap_or(0))
                .bind(micros(row.seen))
                .execute(pool)
                .await?
                .rows_affected()
        });
        Ok(written > 0)
    }

    /// Notes that a recorder spoke.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn saw_recorder(
        &self,
        tenant: &TenantId,
        id: &RecorderId,
        now: Timestamp,
    ) -> Result<(), CatalogError> {
        let sql = "UPDATE recorders SET seen_us = $3 WHERE tenant = $1 AND id = $2";
        on_write!(self, |pool, _begin, _lock| {
            let query = sqlx::query(sql).bind(tenant.as_str()).bind(id.as_str());
            query.bind(micros(now)).execute(pool).await?;
        });
        Ok(())
    }

    /// Notes that a recorder spoke of all its live interactions.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn saw_interactions(
        &self,
        tenant: &TenantId,
        id: &RecorderId,
        now: Timestamp,
    ) -> Result<(), CatalogError> {
        let sql = "UPDATE interactions SET seen_us = $3 WHERE tenant = $1 AND recorder_id = $2 \
                   AND ended_us IS NULL";
        on_write!(self, |pool, _begin, _lock| {
            let query = sqlx::query(sql).bind(tenant.as_str()).bind(id.as_str());
            query.bind(micros(now)).execute(pool).await?;
        });
        Ok(())
    }

    /// Notes that a recorder spoke of one of its live interactions.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn saw_interaction(
        &self,
        tenant: &TenantId,
        (recorder, id): (&RecorderId, &InteractionId),
        now: Timestamp,
    ) -> Result<(), CatalogError> {
        let sql = "UPDATE interactions SET seen_us = $4 WHERE tenant = $1 AND recorder_id = $2 \
                   AND id = $3 AND ended_us IS NULL";
        on_write!(self, |pool, _begin, _lock| {
            let query = sqlx::query(sql).bind(tenant.as_str()).bind(recorder.as_str());
            query.bind(id.as_str()).bind(micros(now)).execute(pool).await?;
        });
        Ok(())
    }

    /// A recorder.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn recorder(
        &self,
        tenant: &TenantId,
        id: &RecorderId,
    ) -> Result<Option<RecorderRow>, CatalogError> {
        let sql = sqlx::AssertSqlSafe(format!("{COLUMNS} WHERE tenant = $1 AND id = $2"));
        on_read!(self, |pool| {
            let query = sqlx::query(sql).bind(tenant.as_str()).bind(id.as_str());
            let row = query.fetch_optional(pool).await?;
            row.as_ref().map(|row| recorder_row!(row)).transpose()
        })
    }

    /// All recorders of a tenant, the one heard of last first.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn recorders(&self, tenant: &TenantId) -> Result<Vec<RecorderRow>, CatalogError> {
        let sql = format!("{COLUMNS} WHERE tenant = $1 ORDER BY seen_us DESC, id");
        let sql = sqlx::AssertSqlSafe(sql);
        on_read!(self, |pool| {
            let rows = sqlx::query(sql).bind(tenant.as_str()).fetch_all(pool).await?;
            rows.iter().map(|row| recorder_row!(row)).collect()
        })
    }
}
