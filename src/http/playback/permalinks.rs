//! `/media-playback/v1/permalinks`: links for CRMs, which never end by themselves. Each use is
//! authorised anew, by credentials or a ticket, and redirects to a fresh link.

use std::net::IpAddr;

use axum::extract::{OriginalUri, State as Shared};
use axum::response::{IntoResponse as _, Response};
use http::header::{CACHE_CONTROL, LOCATION};
use http::{HeaderMap, HeaderValue, StatusCode, Uri};

use super::contacts::{Caller, Prepared, prepare, whole};
use super::tickets::{CONTACT, SEGMENT};
use crate::asset::{ContactId, Digest, SegmentId};
use crate::http::State;
use crate::http::cxone::{Problem, Query};
use crate::http::path::Names;
use crate::http::peer::Address;
use crate::identity::{PbxProfile, Permission, Permissions, Principal};
use crate::play::Asked;

/// Longest ticket that is looked at, in bytes.
const MAX_TICKET_BYTES: usize = 128;

/// `GET …/permalinks/acd-contacts/{id}`: the first segment that can be played.
pub(super) async fn contact(
    Shared(state): Shared<State>,
    Names(id, _): Names<String, Problem>,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
    Address(address): Address,
) -> Result<Response, Problem> {
    let caller = caller(&state, &headers, (address, &uri), (CONTACT, &id)).await?;
    let id = ContactId::parse(&id).map_err(|error| Problem::parameter("acdContactId", error))?;
    follow(&state, &caller, Asked::Contact(&id)).await
}

/// `GET …/permalinks/segments/{id}`.
pub(super) async fn segment(
    Shared(state): Shared<State>,
    Names(id, _): Names<String, Problem>,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
    Address(address): Address,
) -> Result<Response, Problem> {
    let caller = caller(&state, &headers, (address, &uri), (SEGMENT, &id)).await?;
    let id = SegmentId::parse(&id).map_err(|error| Problem::parameter("segmentId", error))?;
    follow(&state, &caller, Asked::Segment(&id)).await
}

/// Whoever has credentials, or the ticket of exactly this.
async fn caller(
    state: &State,
    headers: &HeaderMap,
    (address, uri): (IpAddr, &Uri),
    (kind, id): (&str, &str),
) -> Result<Caller, Problem> {
    let query = Query::of(uri)?;
    let Some(ticket) = query.value(["ticket", "ticket"])? else {
        return Caller::of(state, headers, address, uri).await;
    };
    if ticket.len() > MAX_TICKET_BYTES {
        return Err(Problem::unauthenticated());
    }
    let row = state.catalog.ticket(Digest::of(ticket.as_bytes())).await?;
    let row = row.filter(|row| row.kind == kind && row.subject == id);
    let row = row.ok_or_else(Problem::unauthenticated)?;
    let principal = Principal {
        name: format!("ticket {}", row.id),
        tenant: row.tenant,
        permissions: Permissions::of(&[Permission::PlayAny]),
        access_key: None,
        profile: PbxProfile::default(),
        application: None,
    };
    Caller::admit(state, principal, address, uri)
}

async fn follow(state: &State, caller: &Caller, asked: Asked<'_>) -> Result<Response, Problem> {
    let takes = caller.takes(state, asked).await?;
    let Some(shown) = whole(caller, &takes)? else { return Ok(Prepared::in_progress()) };
    let Some(shown) = prepare(state, caller, shown).await? else {
        return Ok(Prepared::in_progress());
    };
    let url = Prepared { takes: &takes, shown }.first_link(state, caller).await?;
    let location = HeaderValue::try_from(url).map_err(|error| Problem::internal(&error))?;
    let headers = [(LOCATION, location), (CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    Ok((StatusCode::FOUND, headers, "{}").into_response())
}
