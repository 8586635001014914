//! `DELETE /admin/v1/recordings/{id}`: deletes what is stored of a recording, and what is known of it.

use axum::extract::State as Shared;
use http::{HeaderMap, StatusCode};

use crate::asset::{AssetId, RecordingId};
use crate::catalog::{DELETED, Deleted, Deletion, MediaRow, MediaState};
use crate::http::cxone::Problem;
use crate::http::path::Names;
use crate::http::{State, auth};
use crate::identity::Permission;

/// There is no way back. What is on its way must have ended before, so that nothing comes after.
pub(super) async fn delete(
    Shared(state): Shared<State>,
    Names(id, _): Names<String, Problem>,
    headers: HeaderMap,
) -> Result<StatusCode, Problem> {
    let principal = auth::require(&state.identity, &headers, Permission::RecordsDelete).await?;
    let id = RecordingId::parse(&id).map_err(|error| Problem::parameter("recordingId", error))?;
    let tenant = &principal.tenant;
    let found = state.catalog.recording(tenant, &id).await?;
    found.ok_or_else(|| Problem::not_found("recording"))?;
    let rows = state.catalog.media_of(tenant, &id).await?;
    if state.catalog.hold_of(tenant, &id).await?.is_none() {
        settled(&rows)?;
    }
    let assets: Vec<AssetId> = rows.iter().map(|row| row.asset_id).collect();
    let (actor, action) = (principal.name.as_str(), "record.delete");
    let why = Deletion { reason: DELETED, actor, action };
    match state.catalog.delete_assets(tenant, &assets, why, state.clock.now()).await? {
        Deleted::Done { .. } => {
            state.removal_bell.notify_one();
            Ok(StatusCode::NO_CONTENT)
        }
        Deleted::Held { .. } => {
            let message = "the recording is on hold: nothing of it is deleted";
            Err(Problem::new(StatusCode::CONFLICT, "ON_HOLD", message))
        }
    }
}

fn settled(rows: &[MediaRow]) -> Result<(), Problem> {
    for row in rows {
        let (code, message) = match row.state {
            MediaState::Receiving | MediaState::Spooled | MediaState::Committing => {
                ("IN_PROGRESS", "is on its way into the store")
            }
            MediaState::Quarantined => ("QUARANTINED", "is in quarantine: erase it there first"),
            MediaState::Declared
            | MediaState::Ready
            | MediaState::Archived
            | MediaState::Erased => continue,
        };
        let message = format!("the media file {} {message}", row.media_id);
        return Err(Problem::new(StatusCode::CONFLICT, code, message));
    }
    Ok(())
}
