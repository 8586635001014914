//! Recordings as players ask for them: by contact, or by segment.

use jiff::Timestamp;

use super::pool::on_read;
use super::{Catalog, CatalogError, Tier, micros};
use crate::asset::{ContactId, RecordingId, SegmentId, TenantId};

/// Most segments of one contact that are shown.
const MAX_SEGMENTS: i64 = 500;

/// The names of one recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentRow {
    /// The recording.
    pub recording: RecordingId,
    /// The contact that it is part of.
    pub contact: ContactId,
    /// The segment that it is.
    pub segment: SegmentId,
    /// Which store holds it.
    pub tier: Tier,
    /// What `business-data-update` said last during its interaction, as JSON.
    pub business_data: Option<String>,
}

/// Where a recording stands in the order of time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place(i64, String);

/// What a row of a list holds.
type Listed = (String, String, String, String, Option<String>, i64, Option<String>);

/// What a row holds, as text.
type Texts = (String, String, String, String, Option<String>);

const COLUMNS: &str = "SELECT r.id, r.contact_id, r.segment_id, r.tier, i.business_data FROM recordings r \
                       LEFT JOIN interactions i ON i.tenant = r.tenant AND i.id = r.interaction_id \
                       WHERE r.tenant = $1 AND r.gone_us IS NULL AND ";

impl Catalog {
    /// The recordings of a contact, the oldest declaration first. The id of the contact above it
    /// finds them too.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn contact_recordings(
        &self,
        tenant: &TenantId,
        contact: &ContactId,
    ) -> Result<Vec<SegmentRow>, CatalogError> {
        let condition = "(r.contact_id = $2 OR r.master_contact_id = $2)";
        self.segments_where(condition, tenant, contact.as_str()).await
    }

    /// The recordings of a segment: voice and screen may have been declared apart.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn segment_recordings(
        &self,
        tenant: &TenantId,
        segment: &SegmentId,
    ) -> Result<Vec<SegmentRow>, CatalogError> {
        self.segments_where("r.segment_id = $2", tenant, segment.as_str()).await
    }

    /// The names of one recording.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn recording_names(
        &self,
        tenant: &TenantId,
        recording: &RecordingId,
    ) -> Result<Option<SegmentRow>, CatalogError> {
        let found = self.segments_where("r.id = $2", tenant, recording.as_str()).await?;
        Ok(found.into_iter().next())
    }

    /// The recordings that began in a stretch of time, in its order, at most `limit` of them, behind
    /// the place that `after` names. Each with its own place, and the contact above its own.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn segments_between(
        &self,
        tenant: &TenantId,
        (from, until): (Timestamp, Timestamp),
        after: Option<&Place>,
        limit: u32,
    ) -> Result<Vec<(SegmentRow, Place, Option<ContactId>)>, CatalogError> {
        let sql = "SELECT r.id, r.contact_id, r.segment_id, r.tier, i.business_data, r.started_us, \
                   r.master_contact_id FROM recordings r LEFT JOIN interactions i \
                   ON i.tenant = r.tenant AND i.id = r.interaction_id \
                   WHERE r.tenant = $1 AND r.started_us >= $2 AND r.started_us < $3 \
                   AND r.gone_us IS NULL \
                   AND (r.started_us, r.id) > ($4, $5) ORDER BY r.started_us, r.id LIMIT $6";
        let (at, id) = after.map_or((i64::MIN, ""), |place| (place.0, place.1.as_str()));
        let rows: Vec<Listed> = on_read!(self, |pool| {
            let query = sqlx::query_as(sql).bind(tenant.as_str());
            let query = query.bind(micros(from)).bind(micros(until)).bind(at).bind(id);
            query.bind(i64::from(limit)).fetch_all(pool).await?
        });
        let row = |(recording, contact, segment, tier, data, started, master): Listed| {
            let names = SegmentRow::of((recording, contact, segment, tier, data))?;
            let master = master.map(|master| ContactId::parse(&master)).transpose();
            let master = master.map_err(|error| CatalogError::row(&names.recording, error))?;
            let place = Place(started, names.recording.to_string());
            Ok((names, place, master))
        };
        rows.into_iter().map(row).collect()
    }

    async fn segments_where(
        &self,
        condition: &str,
        tenant: &TenantId,
        value: &str,
    ) -> Result<Vec<SegmentRow>, CatalogError> {
        let sql = format!("{COLUMNS}{condition} ORDER BY r.created_us, r.id LIMIT {MAX_SEGMENTS}");
        let rows: Vec<Texts> = on_read!(self, |pool| {
            let query = sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(tenant.as_str()).bind(value);
            query.fetch_all(pool).await?
        });
        rows.into_iter().map(SegmentRow::of).collect()
    }
}

impl SegmentRow {
    fn of((recording, contact, segment, tier, business_data): Texts) -> Result<Self, CatalogError> {
        let bad = |error| CatalogError::row(&recording, error);
        Ok(Self {
            contact: ContactId::parse(&contact).map_err(bad)?,
            segment: SegmentId::parse(&segment).map_err(bad)?,
            recording: RecordingId::parse(&recording).map_err(bad)?,
            tier: Tier::parse(&tier).ok_or_else(|| CatalogError::row(&recording, "tier"))?,
            business_data,
        })
    }
}
