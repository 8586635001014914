//! A record as a WAVE file, made of a file in another form without loss of what is heard.

use super::problem::Problem;
use crate::asset::AssetId;
use crate::catalog::{MediaRow, RenditionState};
use crate::http::State;
use crate::play::Recipe;

/// The WAVE file of a record; nothing when none can be made. While it is on its way: 425.
pub(super) async fn made(state: &State, media: &MediaRow) -> Result<Option<AssetId>, Problem> {
    let (tenant, recording) = (&media.tenant, &media.recording_id);
    let recipe = Recipe { voice: Some(media.asset_id), screen: None, clip: None, wave: true };
    let name = recipe.to_string();
    let rows = state.catalog.renditions_of(tenant, recording).await?;
    let row = rows.iter().find(|row| row.recipe == name);
    match row.map(|row| (row.state, row.asset_id)) {
        Some((RenditionState::Ready, asset)) => return Ok(Some(asset)),
        Some((RenditionState::Failed, _)) => return Ok(None),
        Some((RenditionState::Wanted, _)) => {}
        None => {
            let now = state.clock.now();
            state.catalog.want_renditions(tenant, recording, &[name], now).await?;
        }
    }
    state.rendition_bell.notify_one();
    Err(Problem::too_early("record_not_ready", "the WAVE file is being made"))
}
