//! The edge: one folder for each dialect. Status codes are written here and nowhere else.

mod admin;
mod archive;
mod auth;
mod body;
mod bundles;
mod control;
mod cxone;
mod dav;
mod gir;
mod ingest;
mod media_file;
mod pages;
mod path;
mod pbx;
mod peer;
mod playback;
mod request;

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::middleware;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, Uri};
use tokio::sync::{Notify, watch};
use tower_http::catch_panic::CatchPanicLayer;

pub use cxone::Discovery;
pub use dav::{EmbeddedStore, STORE_PATH};
pub use gir::Sessions;
pub use peer::Peer;

use crate::asset::Clock;
use crate::bundle::BundleSettings;
use crate::catalog::Catalog;
use crate::control::Control;
use crate::gir::GirSettings;
use crate::identity::{Identity, RequestLimit};
use crate::ingest::Ingest;
use crate::mask::MaskSettings;
use crate::observe::Metrics;
use crate::pipeline::{Pipeline, Progress};
use crate::play::{Links, Listening, Player};
use crate::seal::SigningKey;

/// What the handlers share.
#[derive(Clone)]
pub struct State {
    /// Rows.
    pub catalog: Catalog,
    /// Who calls.
    pub identity: Identity,
    /// Takes uploads.
    pub ingest: Ingest,
    /// Live interactions.
    pub control: Control,
    /// Tells when assets are done.
    pub progress: Progress,
    /// What operators do to assets goes through it.
    pub pipeline: Pipeline,
    /// Opens assets.
    pub player: Player,
    /// Makes links.
    pub links: Links,
    /// Who heard what.
    pub listening: Listening,
    /// Rung when a rendition is wanted.
    pub rendition_bell: Arc<Notify>,
    /// Rung when a bundle is wanted.
    pub bundle_bell: Arc<Notify>,
    /// Rung when a recording is to be moved between the stores.
    pub archive_bell: Arc<Notify>,
    /// Rung when something was deleted.
    pub removal_bell: Arc<Notify>,
    /// `[bundle]`.
    pub bundles: BundleSettings,
    /// How often the media playback API may be asked.
    pub play_limit: Arc<RequestLimit>,
    /// How often the call-record interface may be asked.
    pub pbx_limit: Arc<RequestLimit>,
    /// How often it may be asked for tokens.
    pub token_limit: Arc<RequestLimit>,
    /// Signs receipts; its public key is shown.
    pub signing: Arc<SigningKey>,
    /// Metrics of this process.
    pub metrics: Metrics,
    /// CSRF sessions of the insertion endpoint.
    pub sessions: Sessions,
    /// The embedded WebDAV endpoint, unless another store is configured.
    pub embedded: Option<EmbeddedStore>,
    /// `[gir]`.
    pub gir: GirSettings,
    /// `[mask]`.
    pub mask: MaskSettings,
    /// Names that discovery gives.
    pub discovery: Arc<Discovery>,
    /// Whether a proxy of ours stands before every caller and names it.
    pub behind_proxy: bool,
    /// What links begin with, without a slash at the end.
    pub public_url: Arc<str>,
    /// Says true when the gateway stops: streams without an end must end then.
    pub stopping: watch::Receiver<bool>,
    /// Now.
    pub clock: Arc<dyn Clock>,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State").field("public_url", &self.public_url).finish_non_exhaustive()
    }
}

/// Whether a path is of the interfaces that recorders use.
fn is_recorders(uri: &Uri) -> bool {
    uri.path().starts_with("/ingest/") || uri.path().starts_with("/control/")
}

/// A path that no dialect knows, answered in the words of the dialect it resembles.
async fn unknown_path(
    state: axum::extract::State<State>,
    uri: Uri,
    headers: HeaderMap,
    request: Request,
) -> Response {
    if pbx::owns(uri.path()) {
        return pbx::serve(state, request).await;
    }
    if is_recorders(&uri) {
        return ingest::unknown_path().await;
    }
    if cxone::owns(uri.path()) {
        return cxone::unknown_path(&headers);
    }
    playback::unknown_path(&uri).into_response()
}

/// A method that a path does not serve.
async fn unknown_method(uri: Uri) -> Response {
    if is_recorders(&uri) {
        return ingest::unknown_method().await;
    }
    playback::unknown_method().into_response()
}

/// All routes.
pub fn router(state: State) -> Router {
    Router::new()
        .merge(ingest::routes())
        .merge(control::routes())
        .merge(gir::routes())
        .merge(playback::routes())
        .merge(bundles::routes())
        .merge(archive::routes())
        .merge(pages::routes())
        .merge(cxone::routes())
        .merge(dav::routes())
        .merge(admin::routes())
        .merge(pbx::routes())
        .fallback(unknown_path)
        .method_not_allowed_fallback(unknown_method)
        .with_state(state)
        .layer(CatchPanicLayer::custom(request::panicked))
        .layer(middleware::from_fn(request::observe))
}
