//! `user/`: who the caller is.

use axum::body::Body;
use axum::response::Response;
use serde_json::json;

use super::caller::Caller;
use super::list::json_of;
use crate::asset::Digest;

/// The zone of whoever has none of its own.
const UTC: &str = "UTC";

/// Without this resource known clients stop.
pub(super) fn shown(caller: &Caller) -> Response {
    let principal = &caller.principal;
    let profile = &principal.profile;
    let level = principal.application.as_ref().map_or("all", |known| known.level.name());
    let shown = json!({
        "id": number(principal.tenant.as_str(), &principal.name),
        "login": principal.name,
        "client_id": caller.client,
        "extension_id": profile.extension_id,
        "extension_group_id": profile.extension_group_id,
        "dealer_id": null,
        "admin": profile.extension_id.is_none() && profile.extension_group_id.is_none(),
        "access": level,
        "timezone": profile.timezone.as_deref().unwrap_or(UTC),
    });
    json_of(Body::from(shown.to_string()))
}

/// A number of its own for each login, always the same.
fn number(tenant: &str, name: &str) -> u32 {
    let digest = Digest::of(format!("user\n{tenant}\n{name}").as_bytes());
    let bytes: [u8; 4] = digest.as_bytes().first_chunk().copied().unwrap_or_default();
    u32::from_be_bytes(bytes) >> 1
}
