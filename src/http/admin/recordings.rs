//! `GET /admin/v1/recordings`: the search.

use axum::Json;
use axum::extract::State as Shared;
use http::{HeaderMap, Uri};
use serde_json::{Value, json};

use super::operator;
use super::parameters::{after, cut, instant, limit, text};
use crate::asset::{ContactId, RecordingId, utc_format};
use crate::catalog::{FoundRecording, MAX_SEARCH_WORDS, MediaState, RecordingSearch};
use crate::http::State;
use crate::http::cxone::{Problem, Query};

/// Recordings by start, agent, number, contact, state and words, the latest first.
pub(super) async fn search(
    Shared(state): Shared<State>,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Json<Value>, Problem> {
    let principal = operator(&state, &headers).await?;
    let query = Query::of(&uri)?;
    let contact = text(&query, "contact")?.map(ContactId::parse).transpose();
    let contact = contact.map_err(|error| Problem::parameter("contact", error))?;
    let last = after(&query, |id| RecordingId::parse(id).ok())?;
    let asked = RecordingSearch {
        from: instant(&query, "from")?,
        to: instant(&query, "to")?,
        agent: text(&query, "agent")?,
        number: text(&query, "number")?,
        contact: contact.as_ref(),
        state: media_state(&query)?,
        text: words(&query)?,
        after: last.as_ref().map(|(started, id)| (*started, id)),
    };
    if let (Some(from), Some(to)) = (asked.from, asked.to)
        && from >= to
    {
        return Err(Problem::parameter("to", "must be after from"));
    }
    let limit = limit(&query)?;
    let more = limit.saturating_add(1);
    let mut found = state.catalog.search_recordings(&principal.tenant, &asked, more).await?;
    let next = cut(&mut found, limit).then(|| found.last().map(place)).flatten();
    let shown: Vec<Value> = found.iter().map(shown).collect();
    Ok(Json(json!({ "recordings": shown, "next": next })))
}

fn media_state(query: &Query) -> Result<Option<MediaState>, Problem> {
    let rule = "must be declared, receiving, spooled, committing, ready, quarantined or erased";
    let given = query.value(["state", "state"])?;
    let read = |name| MediaState::parse(name).ok_or_else(|| Problem::parameter("state", rule));
    given.map(read).transpose()
}

fn words(query: &Query) -> Result<Option<&str>, Problem> {
    let text = text(query, "text")?;
    let count = text.unwrap_or_default().split_whitespace().count();
    if count > MAX_SEARCH_WORDS {
        let fault = format!("has {count} words; the limit is {MAX_SEARCH_WORDS}");
        return Err(Problem::parameter("text", fault));
    }
    Ok(text)
}

/// Where the next page begins.
fn place(last: &FoundRecording) -> String {
    format!("{}.{}", last.started.as_microsecond(), last.id)
}

/// One row of the answer.
pub(super) fn shown(found: &FoundRecording) -> Value {
    let media: Vec<Value> = found
        .media
        .iter()
        .map(|(state, reason)| json!({ "state": state, "reason": reason }))
        .collect();
    json!({
        "recordingId": found.id,
        "startTime": utc_format(found.started),
        "declaredTime": utc_format(found.declared),
        "contactId": found.contact,
        "masterContactId": found.master_contact,
        "segmentId": found.segment,
        "callerPhoneNumber": found.caller,
        "dialedPhoneNumber": found.dialed,
        "agent": { "userId": found.agent_id, "name": found.agent_name },
        "media": media,
    })
}
