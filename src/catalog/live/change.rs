//! Writes what one request, event or timer changes: all of it, or nothing.

use jiff::Timestamp;

use super::{CommandState, ContactRow, InteractionRow, LedgerEntry, NewCommand, Participant};
use crate::asset::{InteractionId, RecordingId, TenantId};
use crate::catalog::audit::write_audit;
use crate::catalog::pool::on_write;
use crate::catalog::{Catalog, CatalogError, micros};

/// What became of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled {
    /// Which command.
    pub id: String,
    /// The request that caused it.
    pub request: String,
    /// Its state before.
    pub from: CommandState,
    /// Its state now.
    pub to: CommandState,
    /// Whether the recorder is still to be told.
    pub open: bool,
    /// The new deadline.
    pub deadline: Timestamp,
    /// When it took effect.
    pub effect: Option<Timestamp>,
    /// Where in the media, in milliseconds.
    pub media_ms: Option<i64>,
    /// Why it was refused.
    pub detail: Option<String>,
}

/// A line for the audit trail.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditLine {
    /// Who asked.
    pub actor: String,
    /// For what.
    pub action: &'static str,
    /// The interaction.
    pub subject: String,
    /// What followed.
    pub detail: serde_json::Value,
}

/// Something owed to an outside system because of this change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owed {
    /// To whom.
    pub target: String,
    /// What it is about: unique with its target.
    pub subject: RecordingId,
    /// What is sent.
    pub body: String,
}

/// Everything that changes together. A part that is left empty stays as it is.
#[derive(Debug, Clone, Default)]
pub struct Change {
    /// Contacts as they are to be; `version` is the one that was read.
    pub contacts: Vec<ContactRow>,
    /// Interactions as they are to be, without their participants.
    pub interactions: Vec<InteractionRow>,
    /// Participants as they are to be.
    pub participants: Vec<(InteractionId, Participant)>,
    /// Entries for the ledger.
    pub ledger: Vec<LedgerEntry>,
    /// Commands to recorders.
    pub commands: Vec<NewCommand>,
    /// Commands that were answered or expired.
    pub settled: Vec<Settled>,
    /// Lines for the audit trail.
    pub audit: Vec<AuditLine>,
    /// What outside systems are told.
    pub owed: Vec<Owed>,
    /// Ended interactions whose ledger is added to: refused once their media is being processed.
    pub late: Vec<InteractionId>,
}

impl Change {
    /// The requests whose commands were answered or expired.
    pub fn requests(&self) -> impl Iterator<Item = &str> {
        self.settled.iter().map(|settled| settled.request.as_str())
    }
}

/// Whether a change was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Changed {
    /// It was.
    Done,
    /// Another change came between: read again, decide again.
    Conflict,
    /// Media of an interaction in [`Change::late`] is being processed, or done.
    TooLate,
}

/// One part of a [`Change`], inside the transaction. Answers from the enclosing function with
/// [`Changed::Conflict`] when what was read does not hold any more.
macro_rules! write_contact {
    ($tx:expr, $tenant:expr, $row:expr, $now:expr) => {{
        let row = $row;
        let sql = if row.version == 0 {
            "INSERT INTO contacts (tenant, id, version, declined_us, created_us) \
             VALUES ($1,$2,$3 + 1,$4,$5) ON CONFLICT (tenant, id) DO NOTHING"
        } else {
            "UPDATE contacts SET version = $3 + 1, declined_us = $4 \
             WHERE tenant = $1 AND id = $2 AND version = $3 AND created_us <= $5"
        };
        let written = sqlx::query(sql)
            .bind($tenant.as_str())
            .bind(row.id.as_str())
            .bind(row.version)
            .bind(row.declined.map(micros))
            .bind(micros($now))
            .execute(&mut **$tx)
            .await?
            .rows_affected();
        if written == 0 {
            return Ok(Changed::Conflict);
        }
    }};
}

const PUT_INTERACTION: &str = "INSERT INTO interactions (tenant, id, contact_id, segment_id, kind, internal, recorder_id, \
     policy, demand, masked, held, hold_us, lock_request, lock_until_us, until_us, \
     business_data, started_us, seen_us, ended_us, end_reason) \
     VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16,$17,$18,$19,$20) \
     ON CONFLICT (tenant, id) DO UPDATE SET segment_id = excluded.segment_id, \
     internal = excluded.internal, recorder_id = excluded.recorder_id, policy = excluded.policy, \
     demand = excluded.demand, masked = excluded.masked, held = excluded.held, \
     hold_us = excluded.hold_us, \
     lock_request = excluded.lock_request, lock_until_us = excluded.lock_until_us, \
     until_us = excluded.until_us, business_data = excluded.business_data, \
     seen_us = excluded.seen_us, ended_us = excluded.ended_us, end_reason = excluded.end_reason";

macro_rules! write_interaction {
    ($tx:expr, $tenant:expr, $row:expr) => {{
        let row = $row;
        sqlx::query(PUT_INTERACTION)
            .bind($tenant.as_str())
            .bind(row.id.as_str())
            .bind(row.contact.as_str())
            .bind(&row.segment)
            .bind(row.kind.name())
            .bind(i64::from(row.internal))
            .bind(row.recorder.as_str())
            .bind(i64::from(row.policy))
            .bind(row.demand.name())
            .bind(i64::from(row.masked))
            .bind(i64::from(row.held))
            .bind(row.hold_changed.map(micros))
            .bind(row.lock.as_ref().map(|lock| lock.request.clone()))
            .bind(row.lock.as_ref().map(|lock| micros(lock.until)))
            .bind(row.until.map(micros))
            .bind(&row.business_data)
            .bind(micros(row.started))
            .bind(micros(row.seen))
            .bind(row.ended.map(micros))
            .bind(&row.end_reason)
            .execute(&mut **$tx)
            .await?;
    }};
}

macro_rules! write_participant {
    ($tx:expr, $tenant:expr, $interaction:expr, $part:expr) => {{
        let sql = "INSERT INTO participants (tenant, interaction_id, user_id, joined_us, left_us) \
                   VALUES ($1,$2,$3,$4,$5) ON CONFLICT (tenant, interaction_id, user_id) \
                   DO UPDATE SET joined_us = excluded.joined_us, left_us = excluded.left_us";
        sqlx::query(sql)
            .bind($tenant.as_str())
            .bind($interaction.as_str())
            .bind($part.user.as_str())
            .bind(micros($part.joined))
            .bind($part.left.map(micros))
            .execute(&mut **$tx)
            .await?;
    }};
}

macro_rules! write_entry {
    ($tx:expr, $tenant:expr, $entry:expr, $now:expr) => {{
        let entry = $entry;
        let sql = "INSERT INTO ledger (tenant, interaction_id, position, kind, at_us, \
                   recorder_at_us, source, cause, received_us) SELECT $1, $2, \
                   (SELECT COALESCE(MAX(position), -1) + 1 FROM ledger \
                   WHERE tenant = $1 AND interaction_id = $2), $3, $4, $5, $6, $7, $8 \
                   WHERE NOT EXISTS (SELECT 1 FROM ledger WHERE tenant = $1 \
                   AND interaction_id = $2 AND cause = $7)";
        sqlx::query(sql)
            .bind($tenant.as_str())
            .bind(entry.interaction.as_str())
            .bind(entry.kind.name())
            .bind(micros(entry.at))
            .bind(micros(entry.recorder_at))
            .bind(entry.source.name())
            .bind(&entry.cause)
            .bind(micros($now))
            .execute(&mut **$tx)
            .await?;
    }};
}

macro_rules! write_command {
    ($tx:expr, $tenant:expr, $command:expr, $now:expr) => {{
        let command = $command;
        // The recorder's row is the lock that gives its commands their order.
        let next = "UPDATE recorders SET last_position = last_position + 1 \
                    WHERE tenant = $1 AND id = $2 RETURNING last_position";
        let position: Option<i64> = sqlx::query_scalar(next)
            .bind($tenant.as_str())
            .bind(command.recorder.as_str())
            .fetch_optional(&mut **$tx)
            .await?;
        let position =
            position.ok_or_else(|| CatalogError::row(&command.recorder, "no such recorder"))?;
        let sql = "INSERT INTO commands (id, tenant, recorder_id, position, interaction_id, \
                   request_id, kind, argument, state, open, issued_us, deadline_us) \
                   VALUES ($1,$2,$3,$4,$5,$6,$7,$8,'sent',1,$9,$10)";
        sqlx::query(sql)
            .bind(&command.id)
            .bind($tenant.as_str())
            .bind(command.recorder.as_str())
            .bind(position)
            .bind(command.interaction.as_str())
            .bind(&command.request)
            .bind(command.kind.name())
            .bind(&command.argument)
            .bind(micros($now))
            .bind(micros(command.deadline))
            .execute(&mut **$tx)
            .await?;
    }};
}

macro_rules! require_in_time {
    ($tx:expr, $tenant:expr, $interaction:expr) => {{
        // The update is the lock that a job's lease takes too: either sees the other's work.
        let lock = "UPDATE recordings SET masks_complete = masks_complete \
                    WHERE tenant = $1 AND interaction_id = $2";
        let query = sqlx::query(lock).bind($tenant.as_str()).bind($interaction.as_str());
        query.execute(&mut **$tx).await?;
        let sql = "SELECT COUNT(*) FROM media m JOIN recordings r ON r.tenant = m.tenant \
                   AND r.id = m.recording_id LEFT JOIN jobs j ON j.asset_id = m.asset_id \
                   WHERE r.tenant = $1 AND r.interaction_id = $2 AND (j.running = 1 \
                   OR m.state NOT IN ('declared', 'receiving', 'spooled'))";
        let query = sqlx::query_scalar::<_, i64>(sql).bind($tenant.as_str());
        if query.bind($interaction.as_str()).fetch_one(&mut **$tx).await? > 0 {
            return Ok(Changed::TooLate);
        }
    }};
}

macro_rules! write_settled {
    ($tx:expr, $settled:expr, $now:expr) => {{
        let settled = $settled;
        let sql = "UPDATE commands SET state = $3, open = $4, deadline_us = $5, settled_us = $6, \
                   effect_us = $7, media_ms = $8, detail = $9 WHERE id = $1 AND state = $2";
        let written = sqlx::query(sql)
            .bind(&settled.id)
            .bind(settled.from.name())
            .bind(settled.to.name())
            .bind(i64::from(settled.open))
            .bind(micros(settled.deadline))
            .bind(micros($now))
            .bind(settled.effect.map(micros))
            .bind(settled.media_ms)
            .bind(&settled.detail)
            .execute(&mut **$tx)
            .await?
            .rows_affected();
        if written == 0 {
            return Ok(Changed::Conflict);
        }
    }};
}

macro_rules! write_owed {
    ($tx:expr, $tenant:expr, $owed:expr, $now:expr) => {{
        let owed = $owed;
        let sql = "INSERT INTO deliveries (id, tenant, recording_id, target, state, body, \
                   run_at_us, created_us) VALUES ($1,$2,$3,$4,'pending',$5,$6,$6)";
        sqlx::query(sql)
            .bind(uuid::Uuid::now_v7().to_string())
            .bind($tenant.as_str())
            .bind(owed.subject.as_str())
            .bind(&owed.target)
            .bind(&owed.body)
            .bind(micros($now))
            .execute(&mut **$tx)
            .await?;
    }};
}

impl Catalog {
    /// Writes a change in one transaction, if nothing of it was changed since it was read.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn change(
        &self,
        tenant: &TenantId,
        change: &Change,
        now: Timestamp,
    ) -> Result<Changed, CatalogError> {
        on_write!(self, |pool, begin, _lock| {
            let mut transaction = pool.begin_with(begin).await?;
            let tx = &mut transaction;
            for interaction in &change.late {
                require_in_time!(tx, tenant, interaction);
            }
            for row in &change.contacts {
                write_contact!(tx, tenant, row, now);
            }
            for row in &change.interactions {
                write_interaction!(tx, tenant, row);
            }
            for (interaction, part) in &change.participants {
                write_participant!(tx, tenant, interaction, part);
            }
            for entry in &change.ledger {
                write_entry!(tx, tenant, entry, now);
            }
            for command in &change.commands {
                write_command!(tx, tenant, command, now);
            }
            for settled in &change.settled {
                write_settled!(tx, settled, now);
            }
            for owed in &change.owed {
                write_owed!(tx, tenant, owed, now);
            }
            for line in &change.audit {
                let entry = crate::catalog::AuditEntry {
                    tenant,
                    actor: &line.actor,
                    action: line.action,
                    subject: &line.subject,
                    detail: line.detail.clone(),
                    now,
                };
                write_audit!(tx, &entry);
            }
            transaction.commit().await?;
            Ok(Changed::Done)
        })
    }
}
