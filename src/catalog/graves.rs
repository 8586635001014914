//! What a deletion leaves of rows: tombstones. Everything here runs inside its transaction.

use serde::Deserialize;

use crate::asset::Digest;

/// What is read of an outcome.
#[derive(Debug, Deserialize)]
pub(super) struct Kept {
    /// The object.
    pub(super) stored: KeptObject,
}

/// Of the object.
#[derive(Debug, Deserialize)]
pub(super) struct KeptObject {
    /// Its name.
    pub(super) key: String,
    /// Its length.
    pub(super) bytes: u64,
    /// Its SHA-256.
    pub(super) sha256: Digest,
}

impl KeptObject {
    /// The object that an outcome tells of, if it does.
    pub(super) fn of(outcome: Option<&str>) -> Option<Self> {
        let kept: Kept = serde_json::from_str(outcome?).ok()?;
        Some(kept.stored)
    }

    /// What the names of things beside it begin with.
    pub(super) fn beside(&self, name: &str) -> String {
        let folder = self.key.rsplit_once('/').map_or("", |(folder, _)| folder);
        format!("{folder}/{name}")
    }
}

/// Ends assets, and all by which they are found. Their rows keep what [`tell`] tells of.
macro_rules! erase {
    ($tx:expr, ($tenant:expr, $why:expr, $now:expr), $names:expr, $wait:expr, $locked:expr,
     $progress:expr) => {{
        use $crate::catalog::graves::KeptObject;
        use $crate::catalog::removals::{NewRemoval, RemovalKind, add_removals};
        let find = format!(
            "SELECT asset_id, recording_id, outcome FROM media WHERE tenant = $1 \
             AND state IN ('ready', 'archived', 'declared') AND asset_id IN ({{names}}) \
             ORDER BY asset_id{}",
            $wait
        );
        let (mut found, mut removals) = (Vec::new(), Vec::new());
        for row in on_names!(&find, [$tenant], $names).fetch_all(&mut **$tx).await? {
            let (asset, recording): (String, String) = (row.try_get(0)?, row.try_get(1)?);
            let outcome: Option<String> = row.try_get(2)?;
            if let Some(object) = KeptObject::of(outcome.as_deref()) {
                removals.push(NewRemoval {
                    recording: recording.clone(),
                    kind: RemovalKind::Asset,
                    object: object.key,
                    away: $locked.away.contains(&recording),
                    run_at: $crate::catalog::micros($now),
                });
            }
            $progress.touched.insert(recording);
            found.push(asset);
        }
        if !found.is_empty() {
            let (at, reason) = ($crate::catalog::micros($now), $why.reason);
            let set = "UPDATE media SET state = 'erased', reason = $1 WHERE asset_id IN ({names})";
            on_names!(set, [reason], &found).execute(&mut **$tx).await?;
            let stage = "INSERT INTO media_stages (asset_id, position, state, reason, at_us) \
                         SELECT m.asset_id, COALESCE(MAX(s.position), -1) + 1, 'erased', $1, $2 \
                         FROM media m LEFT JOIN media_stages s ON s.asset_id = m.asset_id \
                         WHERE m.asset_id IN ({names}) GROUP BY m.asset_id";
            on_names!(stage, [reason, at], &found).execute(&mut **$tx).await?;
            let unlist = "DELETE FROM call_records WHERE asset_id IN ({names})";
            on_names!(unlist, [], &found).execute(&mut **$tx).await?;
            let unlink = "UPDATE storage_links SET revoked_us = $1 WHERE revoked_us IS NULL \
                          AND asset_id IN ({names})";
            on_names!(unlink, [at], &found).execute(&mut **$tx).await?;
            let void = "INSERT INTO link_revocations (tenant, subject, before_us) \
                        SELECT m.tenant, m.asset_id, $1 FROM media m \
                        WHERE m.asset_id IN ({names}) ON CONFLICT (tenant, subject) \
                        DO UPDATE SET before_us = excluded.before_us";
            on_names!(void, [at], &found).execute(&mut **$tx).await?;
            add_removals!($tx, $tenant, &removals, at);
            $progress.erased.append(&mut found);
        }
    }};
}

/// Takes the renditions of recordings away, finished or under way: they hold what is deleted.
macro_rules! drop_renditions {
    ($tx:expr, $tenant:expr, $recordings:expr, $now:expr) => {{
        use $crate::catalog::graves::KeptObject;
        use $crate::catalog::removals::{NewRemoval, RemovalKind, add_removals};
        let take = "DELETE FROM renditions WHERE tenant = $1 AND recording_id IN ({names}) \
                    RETURNING asset_id, recording_id, state, outcome, attempts, lease_until_us";
        let at = $crate::catalog::micros($now);
        let (mut removals, mut begun) = (Vec::new(), Vec::new());
        for row in on_names!(take, [$tenant], $recordings).fetch_all(&mut **$tx).await? {
            let (asset, recording): (String, String) = (row.try_get(0)?, row.try_get(1)?);
            let (state, outcome): (String, Option<String>) = (row.try_get(2)?, row.try_get(3)?);
            let (attempts, lease): (i64, i64) = (row.try_get(4)?, row.try_get(5)?);
            let (kind, away) = (RemovalKind::Object, false);
            if let Some(object) = KeptObject::of(outcome.as_deref()) {
                let object = object.key;
                removals.push(NewRemoval { recording, kind, object, away, run_at: at });
            } else if state == "wanted" && attempts > 0 {
                begun.push((asset, recording, lease.max(at)));
            }
        }
        // One that was being made may be in the store, or come there until its lease is over; the
        // folder is that of one of its sources.
        for (asset, recording, run_at) in begun {
            let all = "SELECT outcome FROM media WHERE tenant = $1 AND outcome IS NOT NULL \
                       AND recording_id IN ({names})";
            let one = [recording.clone()];
            for row in on_names!(all, [$tenant], &one).fetch_all(&mut **$tx).await? {
                let outcome: String = row.try_get(0)?;
                if let Some(source) = KeptObject::of(Some(&outcome)) {
                    removals.push(NewRemoval {
                        recording: recording.clone(),
                        kind: RemovalKind::Begun,
                        object: source.beside(&format!("rendition-{asset}")),
                        away: false,
                        run_at,
                    });
                }
            }
        }
        for chunk in removals.chunks(CHUNK) {
            add_removals!($tx, $tenant, chunk, at);
        }
    }};
}

/// Ends the bundles that hold any of the recordings.
macro_rules! void_bundles {
    ($tx:expr, $tenant:expr, $recordings:expr, $now:expr) => {{
        use $crate::catalog::graves::KeptObject;
        use $crate::catalog::removals::{NewRemoval, RemovalKind, add_removals};
        let end = "UPDATE bundles SET state = 'expired', updated_us = $2 WHERE tenant = $1 \
                   AND state = 'ready' AND asset_id IN (SELECT s.asset_id FROM bundle_sources s \
                   WHERE s.recording_id IN ({names})) RETURNING outcome";
        let at = $crate::catalog::micros($now);
        let mut removals = Vec::new();
        for row in on_names!(end, [$tenant, at], $recordings).fetch_all(&mut **$tx).await? {
            let outcome: Option<String> = row.try_get(0)?;
            if let Some(object) = KeptObject::of(outcome.as_deref()) {
                removals.push(NewRemoval {
                    recording: String::new(),
                    kind: RemovalKind::Object,
                    object: object.key,
                    away: false,
                    run_at: at,
                });
            }
        }
        for chunk in removals.chunks(CHUNK) {
            add_removals!($tx, $tenant, chunk, at);
        }
    }};
}

/// What is left of recordings without media: nothing that is about a person, with the instant as `$2`.
/// A lease of a move stays, for it is still under way. States are made expressions lest SQLite take
/// their index, which would give it everything that waits.
pub(super) const BURIALS: &[&str] = &["UPDATE recordings SET gone_us = $2, document = '{}', \
     started_us = COALESCE(started_us, created_us), caller_number = NULL, dialed_number = NULL, \
     agent_id = NULL, agent_name = NULL, contact_id = id, segment_id = id, \
     master_contact_id = NULL, interaction_id = NULL, masks_complete = 1, tier = 'active', \
     tier_until_us = NULL, tier_error = NULL WHERE tenant = $1 AND id IN ({names})"];

/// The end of what is owed about recordings, or about single files, with the instant as `$2`.
pub(super) const DELIVERY_ENDS: &[&str] = &[
    "INSERT INTO delivery_tries (delivery_id, attempt, at_us, outcome, detail) \
     SELECT d.id, d.attempts + 1, $2, 'refused', 'the recording was deleted' FROM deliveries d \
     WHERE d.tenant = $1 AND (d.state || '') IN ('pending', 'doubtful') \
     AND d.recording_id IN ({names}) \
     ON CONFLICT (delivery_id, attempt) DO NOTHING",
    "UPDATE deliveries SET state = 'dead', attempts = attempts + 1, run_at_us = $2 \
     WHERE tenant = $1 AND (state || '') IN ('pending', 'doubtful') AND recording_id IN ({names})",
    "UPDATE deliveries SET body = NULL WHERE tenant = $1 AND created_us <= $2 \
     AND recording_id IN ({names})",
];

/// What is about such recordings, and goes.
pub(super) const LEGACIES: &[&str] = &[
    "DELETE FROM recording_terms WHERE tenant = $1 AND recording_id IN ({names})",
    "DELETE FROM late_masks WHERE tenant = $1 AND recording_id IN ({names})",
    "DELETE FROM inserted_records WHERE tenant = $1 AND id IN ({names})",
];

/// The same for ended interactions of which no recording is left.
pub(super) const INTERACTION_LEGACIES: &[&str] = &[
    "DELETE FROM participants WHERE tenant = $1 AND interaction_id IN ({names}) \
     AND EXISTS (SELECT 1 FROM interactions i WHERE i.tenant = participants.tenant \
     AND i.id = participants.interaction_id AND i.ended_us IS NOT NULL) \
     AND NOT EXISTS (SELECT 1 FROM recordings r WHERE r.tenant = participants.tenant \
     AND r.interaction_id = participants.interaction_id)",
    "UPDATE interactions SET business_data = NULL WHERE tenant = $1 AND id IN ({names}) \
     AND ended_us IS NOT NULL AND NOT EXISTS (SELECT 1 FROM recordings r \
     WHERE r.tenant = interactions.tenant AND r.interaction_id = interactions.id)",
];

/// Makes tombstones of those recordings that have no media any more.
macro_rules! bury {
    ($tx:expr, $tenant:expr, $recordings:expr, $now:expr) => {{
        use $crate::catalog::graves::{BURIALS, DELIVERY_ENDS, INTERACTION_LEGACIES, LEGACIES};
        let empty = "SELECT r.id, r.interaction_id FROM recordings r WHERE r.tenant = $1 \
                     AND r.gone_us IS NULL AND r.id IN ({names}) AND NOT EXISTS (SELECT 1 \
                     FROM media m WHERE m.tenant = r.tenant AND m.recording_id = r.id \
                     AND m.state <> 'erased')";
        let (mut gone, mut interactions) = (Vec::new(), Vec::new());
        for row in on_names!(empty, [$tenant], $recordings).fetch_all(&mut **$tx).await? {
            gone.push(row.try_get::<String, _>(0)?);
            interactions.extend(row.try_get::<Option<String>, _>(1)?);
        }
        let at = $crate::catalog::micros($now);
        if !gone.is_empty() {
            for sql in BURIALS.iter().chain(DELIVERY_ENDS) {
                on_names!(sql, [$tenant, at], &gone).execute(&mut **$tx).await?;
            }
            for sql in LEGACIES {
                on_names!(sql, [$tenant], &gone).execute(&mut **$tx).await?;
            }
        }
        if !interactions.is_empty() {
            for sql in INTERACTION_LEGACIES {
                on_names!(sql, [$tenant], &interactions).execute(&mut **$tx).await?;
            }
        }
    }};
}

/// Ends what is owed about single files: the messages that webhooks are told.
macro_rules! end_deliveries {
    ($tx:expr, $tenant:expr, $names:expr, $now:expr) => {{
        let at = $crate::catalog::micros($now);
        for sql in $crate::catalog::graves::DELIVERY_ENDS {
            on_names!(sql, [$tenant, at], $names).execute(&mut **$tx).await?;
        }
    }};
}

/// Tells the audit trail of erased assets, and forgets what was told.
macro_rules! tell {
    ($tx:expr, ($tenant:expr, $why:expr, $now:expr), $names:expr) => {{
        use $crate::catalog::AuditEntry;
        use $crate::catalog::audit::write_audits;
        use $crate::catalog::graves::KeptObject;
        let read = "SELECT asset_id, recording_id, media_id, outcome FROM media \
                    WHERE asset_id IN ({names}) ORDER BY asset_id";
        let mut facts: Vec<(String, serde_json::Value)> = Vec::new();
        for row in on_names!(read, [], $names).fetch_all(&mut **$tx).await? {
            let (asset, recording): (String, String) = (row.try_get(0)?, row.try_get(1)?);
            let (media, outcome): (String, Option<String>) = (row.try_get(2)?, row.try_get(3)?);
            let object = KeptObject::of(outcome.as_deref());
            let detail = serde_json::json!({
                "recordingId": recording,
                "mediaId": media,
                "bytes": object.as_ref().map(|object| object.bytes),
                "sha256": object.as_ref().map(|object| object.sha256),
                "why": $why.reason,
            });
            facts.push((asset, detail));
        }
        let entries: Vec<AuditEntry<'_>> = facts
            .iter()
            .map(|(asset, detail)| AuditEntry {
                tenant: $tenant,
                actor: $why.actor,
                action: $why.action,
                subject: asset,
                detail: detail.clone(),
                now: $now,
            })
            .collect();
        write_audits!($tx, $tenant, &entries);
        let forget = "UPDATE media SET detail = NULL, node = NULL, upload_bytes = NULL, \
                      upload_sha256 = NULL, receipt = NULL, outcome = NULL, segments = NULL, \
                      stored_bytes = NULL WHERE asset_id IN ({names})";
        on_names!(forget, [], $names).execute(&mut **$tx).await?;
    }};
}

pub(super) use {bury, drop_renditions, end_deliveries, erase, tell, void_bundles};
