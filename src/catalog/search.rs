//! Searching recordings, as operators do: by time, agent, number, contact, state and words.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use sqlx::Row as _;

use super::pool::{on_read, on_write};
use super::terms::{SearchFacts, TermKind, number, term};
use super::{Catalog, CatalogError, MediaState, instant, micros};
use crate::asset::{ContactId, RecordingDocument, RecordingId, Rules, TenantId};

/// Most words of a text that are looked for; further ones are refused at the edge.
pub const MAX_SEARCH_WORDS: usize = 8;
/// Rows whose documents are read at once.
const INDEX_BATCH: i64 = 100;
/// Follows the last byte of every text: no byte of UTF-8 is as large.
const AFTER_TEXT: u8 = 0xff;

/// What recordings must have to be found; what is `None` does not matter.
#[derive(Debug, Clone, Copy, Default)]
pub struct RecordingSearch<'s> {
    /// First instant of its start.
    pub from: Option<Timestamp>,
    /// First instant after it.
    pub to: Option<Timestamp>,
    /// Beginning of the agent's id, name, or of a word of the name.
    pub agent: Option<&'s str>,
    /// Beginning of either number.
    pub number: Option<&'s str>,
    /// Its contact, or the one above that.
    pub contact: Option<&'s ContactId>,
    /// A state that one of its media files is in.
    pub state: Option<MediaState>,
    /// Words that it must all have.
    pub text: Option<&'s str>,
    /// The last one of the page before: its start in microseconds, and its id.
    pub after: Option<(i64, &'s RecordingId)>,
}

/// A recording that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundRecording {
    /// `id`.
    pub id: RecordingId,
    /// When its first media file begins.
    pub started: Timestamp,
    /// When it was declared.
    pub declared: Timestamp,
    /// Its contact.
    pub contact: Option<String>,
    /// The contact above that one.
    pub master_contact: Option<String>,
    /// The segment that it is.
    pub segment: Option<String>,
    /// Number of the caller.
    pub caller: Option<String>,
    /// Number that was dialed.
    pub dialed: Option<String>,
    /// Id of the agent; of a live call, a user who took part.
    pub agent_id: Option<String>,
    /// Name of the agent.
    pub agent_name: Option<String>,
    /// State and reason code of each media file, in document order.
    pub media: Vec<(MediaState, Option<String>)>,
}

/// A value for a placeholder.
enum Bind {
    Text(String),
    Number(i64),
    Bytes(Vec<u8>),
}

/// A statement that grows: each `?` becomes the next placeholder.
struct Statement {
    text: String,
    binds: Vec<Bind>,
}

impl Statement {
    fn put(&mut self, text: &str, binds: impl IntoIterator<Item = Bind>) {
        let mut next = self.binds.len();
        for c in text.chars() {
            if c == '?' {
                next = next.saturating_add(1);
                self.text.push('$');
                self.text.push_str(&next.to_string());
            } else {
                self.text.push(c);
            }
        }
        self.binds.extend(binds);
    }

    /// The recordings that have a term which begins like this.
    fn put_term(&mut self, tenant: &TenantId, (kind, beginning): (TermKind, &str)) {
        let text = "r.id IN (SELECT t.recording_id FROM recording_terms t WHERE t.tenant = ? \
                    AND t.kind = ? AND t.term >= ? AND t.term < ?)";
        let first = term(beginning);
        let mut after = first.clone();
        after.push(AFTER_TEXT);
        let names = [tenant.as_str(), kind.name()].map(|name| Bind::Text(name.to_owned()));
        self.put(text, names.into_iter().chain([Bind::Bytes(first), Bind::Bytes(after)]));
    }
}

macro_rules! bound {
    ($sql:expr, $binds:expr) => {{
        let mut query = sqlx::query(sqlx::AssertSqlSafe($sql));
        for bind in $binds {
            query = match bind {
                Bind::Text(text) => query.bind(text.as_str()),
                Bind::Number(number) => query.bind(*number),
                Bind::Bytes(bytes) => query.bind(bytes.as_slice()),
            };
        }
        query
    }};
}

const COLUMNS: &str = "SELECT r.id, COALESCE(r.started_us, r.created_us) AS started_us, \
    r.created_us, r.contact_id, r.master_contact_id, r.segment_id, r.caller_number, \
    r.dialed_number, r.agent_name, COALESCE(r.agent_id, (SELECT MIN(p.user_id) \
    FROM participants p WHERE p.tenant = r.tenant AND p.interaction_id = r.interaction_id)) \
    AS agent_id FROM recordings r WHERE r.tenant = ? AND r.gone_us IS NULL";

fn statement(tenant: &TenantId, search: &RecordingSearch<'_>, limit: u32) -> Statement {
    let own = || Bind::Text(tenant.to_string());
    let mut sql = Statement { text: String::new(), binds: Vec::new() };
    sql.put(COLUMNS, [own()]);
    // Rows whose documents were not read yet have no start.
    let from = search.from.map_or(i64::MIN, micros);
    sql.put(" AND r.started_us >= ?", [Bind::Number(from)]);
    if let Some(to) = search.to {
        sql.put(" AND r.started_us < ?", [Bind::Number(micros(to))]);
    }
    if let Some((started, id)) = search.after {
        let last = [Bind::Number(started), Bind::Text(id.to_string())];
        sql.put(" AND (r.started_us, r.id) < (?, ?)", last);
    }
    if let Some(agent) = search.agent {
        sql.put(" AND (", []);
        sql.put_term(tenant, (TermKind::Agent, agent));
        let took_part = " OR r.interaction_id IN (SELECT p.interaction_id FROM participants p \
                         WHERE p.tenant = ? AND p.user_id = ?))";
        sql.put(took_part, [own(), Bind::Text(agent.to_owned())]);
    }
    if let Some(asked) = search.number {
        sql.put(" AND ", []);
        sql.put_term(tenant, (TermKind::Number, &number(asked)));
    }
    for word in search.text.unwrap_or_default().split_whitespace().take(MAX_SEARCH_WORDS) {
        sql.put(" AND ", []);
        sql.put_term(tenant, (TermKind::Word, word));
    }
    if let Some(contact) = search.contact {
        let id = || Bind::Text(contact.to_string());
        let text = " AND r.id IN (SELECT c.id FROM recordings c WHERE c.tenant = ? \
                    AND c.contact_id = ? UNION SELECT c.id FROM recordings c \
                    WHERE c.tenant = ? AND c.master_contact_id = ?)";
        sql.put(text, [own(), id(), own(), id()]);
    }
    if let Some(state) = search.state {
        let named = Bind::Text(state.name().to_owned());
        if state == MediaState::Ready {
            // Most are: looking at each row in turn finds a page at once. The state is made an
            // expression lest SQLite take its index, which would give it every ready file.
            let text = " AND EXISTS (SELECT 1 FROM media m WHERE m.tenant = r.tenant \
                        AND m.recording_id = r.id AND (m.state || '') = ?)";
            sql.put(text, [named]);
        } else {
            let text = " AND r.id IN (SELECT m.recording_id FROM media m WHERE m.tenant = ? \
                        AND m.state = ?)";
            sql.put(text, [own(), named]);
        }
    }
    let limit = Bind::Number(i64::from(limit));
    sql.put(" ORDER BY r.started_us DESC, r.id DESC LIMIT ?", [limit]);
    sql
}

/// Writes what finds a recording, inside the caller's transaction.
macro_rules! write_facts {
    ($tx:expr, $tenant:expr, $id:expr, $facts:expr) => {{
        let (tenant, id): (&str, &str) = ($tenant, $id);
        let facts: &$crate::catalog::terms::SearchFacts = $facts;
        let set = "UPDATE recordings SET started_us = $3, caller_number = $4, dialed_number = $5, \
                   agent_id = $6, agent_name = $7 WHERE tenant = $1 AND id = $2";
        sqlx::query(set)
            .bind(tenant)
            .bind(id)
            .bind(micros(facts.started))
            .bind(facts.caller.as_deref())
            .bind(facts.dialed.as_deref())
            .bind(facts.agent_id.as_deref())
            .bind(facts.agent_name.as_deref())
            .execute(&mut **$tx)
            .await?;
        let add = "INSERT INTO recording_terms (tenant, kind, term, recording_id) \
                   VALUES ($1,$2,$3,$4) ON CONFLICT (tenant, kind, term, recording_id) DO NOTHING";
        for (kind, term) in &facts.terms {
            let query = sqlx::query(add).bind(tenant).bind(kind.name()).bind(term.as_slice());
            query.bind(id).execute(&mut **$tx).await?;
        }
    }};
}

pub(super) use write_facts;

impl Catalog {
    /// Recordings that a search finds, the latest first, at most `limit`.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn search_recordings(
        &self,
        tenant: &TenantId,
        search: &RecordingSearch<'_>,
        limit: u32,
    ) -> Result<Vec<FoundRecording>, CatalogError> {
        self.found(tenant, statement(tenant, search, limit)).await
    }

    /// What a search would show of one recording.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn found_recording(
        &self,
        tenant: &TenantId,
        id: &RecordingId,
    ) -> Result<Option<FoundRecording>, CatalogError> {
        let mut sql = Statement { text: String::new(), binds: Vec::new() };
        sql.put(COLUMNS, [Bind::Text(tenant.to_string())]);
        sql.put(" AND r.id = ?", [Bind::Text(id.to_string())]);
        Ok(self.found(tenant, sql).await?.into_iter().next())
    }

    async fn found(
        &self,
        tenant: &TenantId,
        sql: Statement,
    ) -> Result<Vec<FoundRecording>, CatalogError> {
        let mut found = on_read!(self, |pool| {
            let mut found = Vec::new();
            for row in bound!(sql.text, &sql.binds).fetch_all(pool).await? {
                let id: String = row.try_get("id")?;
                found.push(FoundRecording {
                    id: RecordingId::parse(&id).map_err(|error| CatalogError::row(&id, error))?,
                    started: instant(row.try_get("started_us")?),
                    declared: instant(row.try_get("created_us")?),
                    contact: row.try_get("contact_id")?,
                    master_contact: row.try_get("master_contact_id")?,
                    segment: row.try_get("segment_id")?,
                    caller: row.try_get("caller_number")?,
                    dialed: row.try_get("dialed_number")?,
                    agent_id: row.try_get("agent_id")?,
                    agent_name: row.try_get("agent_name")?,
                    media: Vec::new(),
                });
            }
            found
        });
        self.add_media(tenant, &mut found).await?;
        Ok(found)
    }

    async fn add_media(
        &self,
        tenant: &TenantId,
        found: &mut [FoundRecording],
    ) -> Result<(), CatalogError> {
        if found.is_empty() {
            return Ok(());
        }
        let mut sql = Statement { text: String::new(), binds: Vec::new() };
        let select = "SELECT recording_id, state, reason FROM media WHERE tenant = ? \
                      AND recording_id IN (";
        sql.put(select, [Bind::Text(tenant.to_string())]);
        for (index, recording) in found.iter().enumerate() {
            let id = Bind::Text(recording.id.to_string());
            sql.put(if index == 0 { "?" } else { ",?" }, [id]);
        }
        sql.put(") ORDER BY recording_id, position", []);
        on_read!(self, |pool| {
            for row in bound!(sql.text, &sql.binds).fetch_all(pool).await? {
                let (id, state): (String, String) =
                    (row.try_get("recording_id")?, row.try_get("state")?);
                let state = MediaState::parse(&state)
                    .ok_or_else(|| CatalogError::row(&id, "state of a media file"))?;
                let owner = found.iter_mut().find(|recording| recording.id.as_str() == id);
                if let Some(owner) = owner {
                    owner.media.push((state, row.try_get("reason")?));
                }
            }
        });
        Ok(())
    }

    /// Reads the documents of some recordings that were declared before a search knew them, and
    /// answers how many; 0 when all are known. Local times are read in `zone`.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn index_recordings(&self, zone: Option<&TimeZone>) -> Result<usize, CatalogError> {
        let unread = "SELECT tenant, id, document, created_us FROM recordings \
                      WHERE started_us IS NULL ORDER BY created_us LIMIT $1";
        let rows: Vec<(String, String, String, i64)> = on_read!(self, |pool| {
            sqlx::query_as(unread).bind(INDEX_BATCH).fetch_all(pool).await?
        });
        let facts: Vec<SearchFacts> = rows
            .iter()
            .map(|(_, id, document, created)| {
                match RecordingDocument::parse(document.as_bytes(), Rules::Ingest) {
                    Ok(document) => SearchFacts::of(&document, zone),
                    Err(_) => SearchFacts::unreadable(id, instant(*created)),
                }
            })
            .collect();
        if rows.is_empty() {
            return Ok(0);
        }
        on_write!(self, |pool, begin, _lock| {
            let mut tx = pool.begin_with(begin).await?;
            for ((tenant, id, _, _), facts) in rows.iter().zip(&facts) {
                write_facts!(&mut tx, tenant, id, facts);
            }
            tx.commit().await?;
        });
        Ok(rows.len())
    }
}
