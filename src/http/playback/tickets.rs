//! `/media-playback/v1/tickets`: who holds a ticket may follow one permanent link without signing in.

use axum::Json;
use axum::body::Body;
use axum::extract::State as Shared;
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::asset::{ContactId, Digest, SegmentId};
use crate::catalog::{AuditEntry, TicketRow};
use crate::http::cxone::{MAX_BODY_BYTES, Parameters, Problem};
use crate::http::path::Names;
use crate::http::{State, auth, body};
use crate::identity::Permission;

/// What a ticket is for.
pub(super) const CONTACT: &str = "contact";
/// What a ticket is for.
pub(super) const SEGMENT: &str = "segment";

/// Makes a ticket for `acdContactId` or `segmentId`. It is shown only now, in the link.
pub(super) async fn create(
    Shared(state): Shared<State>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let principal = auth::require(&state.identity, &headers, Permission::LinksManage).await?;
    let parameters = Parameters::json(&body::read_small(body, MAX_BODY_BYTES).await?)?;
    let (contact, segment) = (parameters.text("acdContactId")?, parameters.text("segmentId")?);
    let (kind, subject) = match (contact, segment) {
        (Some(id), None) => {
            let id =
                ContactId::parse(id).map_err(|error| Problem::parameter("acdContactId", error))?;
            let known = state.catalog.contact_recordings(&principal.tenant, &id).await?;
            (CONTACT, (!known.is_empty()).then(|| id.to_string()))
        }
        (None, Some(id)) => {
            let id =
                SegmentId::parse(id).map_err(|error| Problem::parameter("segmentId", error))?;
            let known = state.catalog.segment_recordings(&principal.tenant, &id).await?;
            (SEGMENT, (!known.is_empty()).then(|| id.to_string()))
        }
        _ => return Err(Problem::body("exactly one of acdContactId and segmentId is needed")),
    };
    let subject = subject.ok_or_else(|| Problem::not_found("recording"))?;
    let mut secret = Zeroizing::new([0_u8; 32]);
    let filled = state.player.random.fill(secret.as_mut_slice());
    filled.map_err(|error| Problem::internal(&error))?;
    let ticket = Zeroizing::new(URL_SAFE_NO_PAD.encode(secret.as_slice()));
    let now = state.clock.now();
    let row = TicketRow {
        tenant: principal.tenant.clone(),
        id: uuid::Uuid::new_v4().to_string(),
        kind: kind.to_owned(),
        subject,
        issued_by: principal.name.clone(),
        created: now,
    };
    let entry = AuditEntry {
        tenant: &principal.tenant,
        actor: &principal.name,
        action: "ticket.create",
        subject: &row.id,
        detail: json!({ "kind": kind, "id": row.subject }),
        now,
    };
    state.catalog.add_ticket(&row, Digest::of(ticket.as_bytes()), &entry).await?;
    let mut shown = view(&state, &row);
    if let Some(shown) = shown.as_object_mut() {
        let plain = permalink(&state, &row);
        shown.insert("url".to_owned(), format!("{plain}?ticket={}", *ticket).into());
    }
    Ok((StatusCode::CREATED, Json(shown)).into_response())
}

/// Lists the tenant's tickets, without what is secret of them.
pub(super) async fn list(
    Shared(state): Shared<State>,
    headers: HeaderMap,
) -> Result<Json<Value>, Problem> {
    let principal = auth::require(&state.identity, &headers, Permission::LinksManage).await?;
    let rows = state.catalog.tickets(&principal.tenant).await?;
    let shown: Vec<Value> = rows.iter().map(|row| view(&state, row)).collect();
    Ok(Json(json!({ "tickets": shown })))
}

/// Takes a ticket back.
pub(super) async fn remove(
    Shared(state): Shared<State>,
    Names(id, _): Names<String, Problem>,
    headers: HeaderMap,
) -> Result<Json<Value>, Problem> {
    let principal = auth::require(&state.identity, &headers, Permission::LinksManage).await?;
    let entry = AuditEntry {
        tenant: &principal.tenant,
        actor: &principal.name,
        action: "ticket.remove",
        subject: &id,
        detail: json!({}),
        now: state.clock.now(),
    };
    if !state.catalog.remove_ticket(&principal.tenant, &id, &entry).await? {
        return Err(Problem::not_found("ticket"));
    }
    Ok(Json(json!({ "ticketId": id })))
}

/// The permanent link of what a ticket is for.
fn permalink(state: &State, row: &TicketRow) -> String {
    let kind = if row.kind == CONTACT { "acd-contacts" } else { "segments" };
    // Ids hold no character that means something in a path but for `+`, which stands for itself.
    format!("{}/media-playback/v1/permalinks/{kind}/{}", state.public_url, row.subject)
}

fn view(state: &State, row: &TicketRow) -> Value {
    json!({
        "ticketId": row.id,
        "permalink": permalink(state, row),
        "issuedBy": row.issued_by,
        "createdDate": crate::asset::utc_format(row.created),
    })
}
