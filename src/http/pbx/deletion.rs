//! Deleting records: one, or those of an interval. A hold refuses all of it.

use axum::response::{IntoResponse as _, Response};
use http::StatusCode;

use super::caller::Caller;
use super::file;
use super::list::filter;
use super::problem::Problem;
use super::query::{ACCESS_TOKEN, Query};
use crate::asset::AssetId;
use crate::catalog::{CallScope, DELETED, Deleted, Deletion};
use crate::http::State;
use crate::identity::Permission;

/// What a deletion of an interval may say; a mistyped filter must not widen it.
const KNOWN: [&str; 3] = ["start_datetime", "end_datetime", ACCESS_TOKEN];

/// `DELETE record/{record_uuid}/`.
pub(super) async fn one(
    state: &State,
    caller: &Caller,
    scope: CallScope,
    uuid: &str,
) -> Result<Response, Problem> {
    caller.may(Permission::RecordsDelete)?;
    let found = match file::find(state, caller, scope, uuid).await {
        Err(problem) if problem.code == StatusCode::GONE => return Err(Problem::no_record()),
        found => found?,
    };
    match delete(state, caller, &[found.media.asset_id]).await? {
        0 => Err(Problem::no_record()),
        _ => Ok(StatusCode::NO_CONTENT.into_response()),
    }
}

/// `DELETE record/?start_datetime&end_datetime`.
pub(super) async fn interval(
    state: &State,
    caller: &Caller,
    scope: CallScope,
    query: &Query,
) -> Result<Response, Problem> {
    caller.may(Permission::RecordsDelete)?;
    if let Some(name) = query.unknown(&KNOWN) {
        let name: String = name.chars().filter(char::is_ascii_graphic).take(40).collect();
        let message = format!("{name} is not a parameter of a deletion; nothing was deleted");
        return Err(Problem::new(StatusCode::BAD_REQUEST, "unknown_parameter", message));
    }
    let filter = filter(state, caller, scope, query)?;
    let most = state.pipeline.call_records.settings.max_records;
    let assets = state.catalog.call_assets(&filter, most.saturating_add(1)).await?;
    if assets.len() > most as usize {
        let message = format!("the interval holds more than {most} records; nothing was deleted");
        return Err(Problem::new(StatusCode::BAD_REQUEST, "too_many_records", message));
    }
    delete(state, caller, &assets).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn delete(state: &State, caller: &Caller, assets: &[AssetId]) -> Result<u64, Problem> {
    let why = Deletion { reason: DELETED, actor: &caller.principal.name, action: "record.delete" };
    let now = state.clock.now();
    match state.catalog.delete_assets(&caller.principal.tenant, assets, why, now).await? {
        Deleted::Done { count, .. } => {
            state.removal_bell.notify_one();
            Ok(count)
        }
        Deleted::Held { recordings } => {
            let message =
                format!("{} recordings are on hold; nothing was deleted", recordings.len());
            Err(Problem::new(StatusCode::CONFLICT, "legal_hold", message))
        }
    }
}
