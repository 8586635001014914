//! Where assets live: the [`Store`] contract, its backends, and the layers around them.
//!
//! A store takes sealed bytes only. It writes an object under a temporary name, verifies what was
//! written, and only then gives it its name: an object that can be seen is whole. Backends differ
//! by [`Properties`]; one behaviour suite (`tests/it/store_behaviour.rs`) holds for all of them.

pub mod backends;
mod body;
mod contract;
mod error;
mod key;
pub mod layers;
mod outlet;
mod settings;

use std::sync::Arc;
use std::time::Duration;

use url::Url;

pub use body::SealedBody;
pub use contract::{ByteStream, Content, IfExists, Listing, ObjectMeta, Properties, Staged, Store};
pub use error::{Operation, StoreError};
pub use key::{
    Folder, KeyError, MANIFEST_NAME, MAX_ATTEMPT_BYTES, MAX_KEY_BYTES, MAX_NAME_BYTES, ObjectKey,
    Part,
};
pub use outlet::{Closed, Outlet, SEGMENT_BYTES};
pub use settings::{AuthScheme, StoreSettings, Verify};

use backends::webdav::{Auth, WebDav, WebDavOptions};
use layers::{Metrics, Retry, RetryPolicy};

/// Opens the store at `base`: `settings.url`, or the embedded endpoint when there is none.
///
/// Nothing is sent yet; a server that is away shows at the first request.
///
/// # Errors
/// [`StoreError::Open`] for an address or a prefix that [`StoreSettings::check`] refuses.
pub fn open(settings: &StoreSettings, base: Url, auth: Auth) -> Result<Arc<dyn Store>, StoreError> {
    let prefix = Folder::parse(&settings.prefix)
        .map_err(|fault| StoreError::Open { reason: format!("store.prefix: {fault}") })?;
    let backend = WebDav::new(WebDavOptions {
        base,
        prefix,
        auth,
        timeout: Duration::from_secs(settings.timeout_s),
        verify: settings.verify,
    })?;
    let counted = Metrics::new(Arc::new(backend));
    Ok(Arc::new(Retry::new(Arc::new(counted), RetryPolicy::times(settings.retries))))
}
