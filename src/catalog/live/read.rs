//! Reads contacts with all that belongs to them.
//!
//! Joins of live rows are written as `CROSS JOIN`: SQLite then keeps their order. Left to itself it
//! begins with whatever table has the tenant in an index, and walks all that is live.

use jiff::Timestamp;
use sqlx::Row as _;

use super::{
    ContactRow, Demand, DueInteraction, InteractionKind, InteractionRow, LiveContact, Lock,
    Participant, Whereabouts,
};
use crate::asset::{ContactId, InteractionId, RecorderId, TenantId, UserId};
use crate::catalog::pool::on_read;
use crate::catalog::{Catalog, CatalogError, instant, micros};

/// Most interactions that one look for due ones gives.
const MAX_DUE: i64 = 500;

/// Reads a row of either database; its participants come later.
macro_rules! interaction_row {
    ($row:expr) => {{
        let row = $row;
        let id: String = row.try_get("id")?;
        let text = |name: &str| -> Result<String, sqlx::Error> { row.try_get(name) };
        let flag = |name: &str| -> Result<bool, sqlx::Error> {
            row.try_get::<i64, _>(name).map(|value| value != 0)
        };
        let at = |name: &str| -> Result<Option<Timestamp>, sqlx::Error> {
            row.try_get::<Option<i64>, _>(name).map(|value| value.map(instant))
        };
        let bad = |detail: &str| CatalogError::row(&id, detail);
        let request: Option<String> = row.try_get("lock_request")?;
        let lock = request.zip(at("lock_until_us")?);
        Ok::<InteractionRow, CatalogError>(InteractionRow {
            id: InteractionId::parse(&id).map_err(|_| bad("interaction id"))?,
            contact: ContactId::parse(&text("contact_id")?).map_err(|_| bad("contact id"))?,
            segment: text("segment_id")?,
            kind: InteractionKind::parse(&text("kind")?).ok_or_else(|| bad("kind"))?,
            internal: flag("internal")?,
            recorder: RecorderId::parse(&text("recorder_id")?).map_err(|_| bad("recorder id"))?,
            policy: flag("policy")?,
            demand: Demand::parse(&text("demand")?).ok_or_else(|| bad("demand"))?,
            masked: flag("masked")?,
            held: flag("held")?,
            hold_changed: at("hold_us")?,
            lock: lock.map(|(request, until)| Lock { request, until }),
            until: at("until_us")?,
            business_data: row.try_get("business_data")?,
            started: instant(row.try_get("started_us")?),
            seen: instant(row.try_get("seen_us")?),
            ended: at("ended_us")?,
            end_reason: row.try_get("end_reason")?,
            participants: Vec::new(),
        })
    }};
}

impl Catalog {
    /// A contact with its interactions and their users.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn live_contact(
        &self,
        tenant: &TenantId,
        id: &ContactId,
    ) -> Result<Option<LiveContact>, CatalogError> {
        // The version is read first: whatever changes afterwards makes the next change conflict.
        let contact = "SELECT version, declined_us FROM contacts WHERE tenant = $1 AND id = $2";
        let all = "SELECT * FROM interactions WHERE tenant = $1 AND contact_id = $2 \
                   ORDER BY started_us, id";
        let users = "SELECT p.interaction_id, p.user_id, p.joined_us, p.left_us \
                     FROM interactions i CROSS JOIN participants p \
                     WHERE p.tenant = i.tenant AND p.interaction_id = i.id \
                     AND i.tenant = $1 AND i.contact_id = $2 ORDER BY p.joined_us, p.user_id";
        on_read!(self, |pool| {
            let query = sqlx::query(contact).bind(tenant.as_str()).bind(id.as_str());
            let Some(row) = query.fetch_optional(pool).await? else { return Ok(None) };
            let declined: Option<i64> = row.try_get("declined_us")?;
            let contact = ContactRow {
                id: id.clone(),
                version: row.try_get("version")?,
                declined: declined.map(instant),
            };
            let query = sqlx::query(all).bind(tenant.as_str()).bind(id.as_str());
            let mut interactions: Vec<InteractionRow> = Vec::new();
            for row in query.fetch_all(pool).await? {
                interactions.push(interaction_row!(&row)?);
            }
            let query = sqlx::query(users).bind(tenant.as_str()).bind(id.as_str());
            for row in query.fetch_all(pool).await? {
                let (of, user): (String, String) =
                    (row.try_get("interaction_id")?, row.try_get("user_id")?);
                let left: Option<i64> = row.try_get("left_us")?;
                let part = Participant {
                    user: UserId::parse(&user).map_err(|_| CatalogError::row(&of, "user id"))?,
                    joined: instant(row.try_get("joined_us")?),
                    left: left.map(instant),
                };
                let found = interactions.iter_mut().find(|row| row.id.as_str() == of);
                if let Some(found) = found {
                    found.participants.push(part);
                }
            }
            Ok(Some(LiveContact { contact, interactions }))
        })
    }

    /// The contact of an interaction.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn contact_of(
        &self,
        tenant: &TenantId,
        id: &InteractionId,
    ) -> Result<Option<ContactId>, CatalogError> {
        let sql = "SELECT contact_id FROM interactions WHERE tenant = $1 AND id = $2";
        on_read!(self, |pool| {
            let query = sqlx::query_scalar(sql).bind(tenant.as_str()).bind(id.as_str());
            let found: Option<String> = query.fetch_optional(pool).await?;
            contact_id(found)
        })
    }

    /// Where a user is now: the live interaction of this kind that they joined last.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn whereabouts(
        &self,
        tenant: &TenantId,
        user: &UserId,
        kind: InteractionKind,
    ) -> Result<Option<Whereabouts>, CatalogError> {
        let sql = "SELECT i.contact_id, i.id FROM participants p CROSS JOIN interactions i \
                   WHERE i.tenant = p.tenant AND i.id = p.interaction_id \
                   AND p.tenant = $1 AND p.user_id = $2 AND p.left_us IS NULL \
                   AND i.ended_us IS NULL AND i.kind = $3 \
                   ORDER BY p.joined_us DESC, i.id DESC LIMIT 1";
        on_read!(self, |pool| {
            let query = sqlx::query(sql).bind(tenant.as_str()).bind(user.as_str());
            let Some(row) = query.bind(kind.name()).fetch_optional(pool).await? else {
                return Ok(None);
            };
            let (contact, id): (String, String) = (row.try_get("contact_id")?, row.try_get("id")?);
            let bad = |_| CatalogError::row(&id, "id of an interaction");
            Ok(Some(Whereabouts {
                contact: ContactId::parse(&contact).map_err(bad)?,
                interaction: InteractionId::parse(&id).map_err(bad)?,
            }))
        })
    }

    /// The contacts in whose live interactions the users of a contact's live interactions are too.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn companion_contacts(
        &self,
        tenant: &TenantId,
        contact: &ContactId,
    ) -> Result<Vec<ContactId>, CatalogError> {
        let sql = "SELECT DISTINCT o.contact_id FROM interactions i \
                   CROSS JOIN participants p CROSS JOIN participants q \
                   CROSS JOIN interactions o \
                   WHERE p.tenant = i.tenant AND p.interaction_id = i.id \
                   AND q.tenant = p.tenant AND q.user_id = p.user_id \
                   AND o.tenant = q.tenant AND o.id = q.interaction_id \
                   AND i.tenant = $1 AND i.contact_id = $2 AND i.ended_us IS NULL \
                   AND p.left_us IS NULL AND q.left_us IS NULL AND o.ended_us IS NULL \
                   AND o.contact_id <> $2";
        on_read!(self, |pool| {
            let query = sqlx::query_scalar(sql).bind(tenant.as_str()).bind(contact.as_str());
            let ids: Vec<String> = query.fetch_all(pool).await?;
            Ok(ids.iter().filter_map(|id| ContactId::parse(id).ok()).collect())
        })
    }

    /// The contacts in whose live interactions a user is.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn contacts_with(
        &self,
        tenant: &TenantId,
        user: &UserId,
    ) -> Result<Vec<ContactId>, CatalogError> {
        let sql = "SELECT DISTINCT i.contact_id FROM participants p CROSS JOIN interactions i \
                   WHERE i.tenant = p.tenant AND i.id = p.interaction_id AND p.tenant = $1 \
                   AND p.user_id = $2 AND p.left_us IS NULL AND i.ended_us IS NULL";
        on_read!(self, |pool| {
            let query = sqlx::query_scalar(sql).bind(tenant.as_str()).bind(user.as_str());
            let ids: Vec<String> = query.fetch_all(pool).await?;
            Ok(ids.iter().filter_map(|id| ContactId::parse(id).ok()).collect())
        })
    }

    /// The live interactions that a recorder records.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn interactions_of(
        &self,
        tenant: &TenantId,
        recorder: &RecorderId,
    ) -> Result<Vec<InteractionId>, CatalogError> {
        let sql = "SELECT id FROM interactions WHERE tenant = $1 AND recorder_id = $2 \
                   AND ended_us IS NULL ORDER BY started_us, id";
        on_read!(self, |pool| {
            let query = sqlx::query_scalar(sql).bind(tenant.as_str()).bind(recorder.as_str());
            let ids: Vec<String> = query.fetch_all(pool).await?;
            Ok(ids.iter().filter_map(|id| InteractionId::parse(id).ok()).collect())
        })
    }

    /// Live interactions that nobody spoke of since `before`, and screen sessions whose time is
    /// over at `now`.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn overdue_interactions(
        &self,
        before: Timestamp,
        now: Timestamp,
    ) -> Result<Vec<DueInteraction>, CatalogError> {
        let sql = "SELECT tenant, contact_id, id FROM interactions WHERE ended_us IS NULL \
                   AND (until_us <= $2 OR (until_us IS NULL AND seen_us <= $1)) \
                   ORDER BY seen_us LIMIT $3";
        on_read!(self, |pool| {
            let query = sqlx::query(sql).bind(micros(before)).bind(micros(now)).bind(MAX_DUE);
            let mut due = Vec::new();
            for row in query.fetch_all(pool).await? {
                let text = |name: &str| -> Result<String, sqlx::Error> { row.try_get(name) };
                let id = text("id")?;
                let bad = |_| CatalogError::row(&id, "names of an interaction");
                due.push(DueInteraction {
                    tenant: TenantId::parse(&text("tenant")?).map_err(bad)?,
                    contact: ContactId::parse(&text("contact_id")?).map_err(bad)?,
                    interaction: InteractionId::parse(&id).map_err(bad)?,
                });
            }
            Ok(due)
        })
    }

    /// How many interactions of a tenant are live.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn live_count_of(&self, tenant: &TenantId) -> Result<i64, CatalogError> {
        let sql = "SELECT COUNT(*) FROM interactions WHERE tenant = $1 AND ended_us IS NULL";
        Ok(on_read!(self, |pool| {
            let query = sqlx::query_scalar(sql).bind(tenant.as_str());
            query.fetch_one(pool).await?
        }))
    }

    /// How many interactions of all tenants are live.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn live_count(&self) -> Result<i64, CatalogError> {
        let sql = "SELECT COUNT(*) FROM interactions WHERE ended_us IS NULL";
        Ok(on_read!(self, |pool| sqlx::query_scalar(sql).fetch_one(pool).await?))
    }
}

fn contact_id(found: Option<String>) -> Result<Option<ContactId>, CatalogError> {
    let parse =
        |text: String| ContactId::parse(&text).map_err(|_| CatalogError::row(&text, "contact id"));
    found.map(parse).transpose()
}
