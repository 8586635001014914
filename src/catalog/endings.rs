//! The two good ends of an asset: stored, or not kept. The last of a recording brings what the
//! recording owes.

use jiff::Timestamp;

use super::audit::write_audit;
use super::call_records::write_call_record;
use super::media::{MediaRow, NO_REASON, move_on};
use super::pool::on_write;
use super::renditions::{ALL_RENDITIONS, want_rendition};
use super::{AuditEntry, Catalog, CatalogError, MediaState, NewCallRecord, micros};

/// Why nothing of an asset is kept.
pub const NOT_RECORDED: &str = "not_recorded";
/// The same, because an operator erased it from quarantine.
pub const ERASED_BY_OPERATOR: &str = "erased_by_operator";

/// What became of the wish to erase an asset from quarantine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Erasing {
    /// Nothing of it is kept.
    Erased,
    /// It is not quarantined any more; nothing was changed.
    NotQuarantined,
    /// Its recording is on hold; nothing was changed.
    Held,
}

/// How an asset ends.
struct End<'e> {
    /// States that it may be in before.
    from: &'static [MediaState],
    /// The state that it ends in.
    state: MediaState,
    /// Why.
    reason: Option<&'static str>,
    /// What tells of it, where somebody asked for it.
    entry: Option<&'e AuditEntry<'e>>,
    /// The call record that it becomes.
    record: Option<&'e NewCallRecord>,
}

impl Catalog {
    /// Ends the job of an asset as *ready*, and lists it as a call record if it is one. When it was
    /// the last of its recording, what the recording owes to `targets` is written in the same
    /// transaction.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn finish(
        &self,
        row: &MediaRow,
        targets: &[&str],
        record: Option<&NewCallRecord>,
        now: Timestamp,
    ) -> Result<(), CatalogError> {
        let (from, state) = (&[MediaState::Committing], MediaState::Ready);
        let end = End { from, state, reason: NO_REASON, entry: None, record };
        self.end(row, end, targets, now).await?;
        Ok(())
    }

    /// Ends the job of an asset as *erased*, because nothing of it may be kept. What its recording
    /// owes is owed without it; a recording of which nothing is kept owes nothing.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn erase(
        &self,
        row: &MediaRow,
        targets: &[&str],
        now: Timestamp,
    ) -> Result<(), CatalogError> {
        let from = &[MediaState::Spooled, MediaState::Committing];
        let (state, reason) = (MediaState::Erased, Some(NOT_RECORDED));
        let end = End { from, state, reason, entry: None, record: None };
        self.end(row, end, targets, now).await?;
        Ok(())
    }

    /// The same for an asset in quarantine that an operator gives up, in one transaction with the
    /// entry that tells of it.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn erase_quarantined(
        &self,
        row: &MediaRow,
        targets: &[&str],
        entry: &AuditEntry<'_>,
    ) -> Result<Erasing, CatalogError> {
        let from = &[MediaState::Quarantined];
        let (state, reason) = (MediaState::Erased, Some(ERASED_BY_OPERATOR));
        let end = End { from, state, reason, entry: Some(entry), record: None };
        self.end(row, end, targets, entry.now).await
    }

    async fn end(
        &self,
        row: &MediaRow,
        end: End<'_>,
        targets: &[&str],
        now: Timestamp,
    ) -> Result<Erasing, CatalogError> {
        // The update serialises the ends of two media files of one recording.
        let lock = "UPDATE recordings SET masks_complete = 1 WHERE tenant = $1 AND id = $2";
        let on_hold = "SELECT COUNT(*) FROM recordings WHERE tenant = $1 AND id = $2 \
                       AND held_us IS NOT NULL";
        let count = "SELECT COUNT(*) FROM media WHERE tenant = $1 AND recording_id = $2 \
                     AND state NOT IN ('ready', 'archived', 'erased')";
        let kept = "SELECT COUNT(*) FROM media WHERE tenant = $1 AND recording_id = $2 \
                    AND state = 'ready'";
        let owe = "INSERT INTO deliveries (id, tenant, recording_id, target, state, run_at_us, \
                   created_us) VALUES ($1,$2,$3,$4,'pending',$5,$5) \
                   ON CONFLICT (tenant, recording_id, target) DO NOTHING";
        let (tenant, recording) = (row.tenant.as_str(), row.recording_id.as_str());
        on_write!(self, |pool, begin, _lock| {
            let mut tx = pool.begin_with(begin).await?;
            sqlx::query(lock).bind(tenant).bind(recording).execute(&mut *tx).await?;
            if end.entry.is_some() {
                let query = sqlx::query_scalar::<_, i64>(on_hold).bind(tenant).bind(recording);
                if query.fetch_one(&mut *tx).await? > 0 {
                    return Ok(Erasing::Held);
                }
            }
            let moved = move_on!(&mut tx, row.asset_id, end.from, end.state, end.reason, now);
            if !moved && end.entry.is_some() {
                return Ok(Erasing::NotQuarantined);
            }
            if let Some(record) = end.record.filter(|_| moved) {
                let _ = write_call_record!(&mut tx, record, now);
            }
            let job = sqlx::query("DELETE FROM jobs WHERE asset_id = $1");
            job.bind(row.asset_id.to_string()).execute(&mut *tx).await?;
            let mut counts = [0_i64; 2];
            for (sql, count) in [count, kept].into_iter().zip(&mut counts) {
                let query = sqlx::query_scalar(sql).bind(tenant).bind(recording);
                *count = query.fetch_one(&mut *tx).await?;
            }
            let [open, kept] = counts;
            if open == 0 && kept > 0 {
                want_rendition!(&mut tx, tenant, recording, ALL_RENDITIONS, now);
                for target in targets {
                    sqlx::query(owe)
                        .bind(uuid::Uuid::now_v7().to_string())
                        .bind(tenant)
                        .bind(recording)
                        .bind(*target)
                        .bind(micros(now))
                        .execute(&mut *tx)
                        .await?;
                }
            }
            if let Some(entry) = end.entry {
                write_audit!(&mut tx, entry);
            }
            tx.commit().await?;
            Ok(Erasing::Erased)
        })
    }
}
