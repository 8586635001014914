//! The embedded WebDAV endpoint over a folder of the data directory.
//!
//! The gateway's own store driver writes through it with a credential that exists in this process
//! only. Principals with the permission `store.read` may read. A write is answered only when the
//! file and its folder are durable: the protocol library does not sync by itself.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State as Shared};
use axum::response::{IntoResponse as _, Response};
use axum::routing::any;
use dav_server::DavHandler;
use dav_server::localfs::LocalFs;
use http::header::WWW_AUTHENTICATE;
use http::{HeaderMap, Method, StatusCode, Uri};
use percent_encoding::percent_decode_str;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use super::{State, auth};
use crate::identity::Permission;

/// Path of the endpoint.
pub const STORE_PATH: &str = "/dav/store";
/// How much of a file is read at a time; each reading is a trip to another thread.
const READ_BYTES: usize = 256 * 1024;

/// The endpoint and the credential of the gateway's own driver.
#[derive(Clone)]
pub struct EmbeddedStore {
    handler: DavHandler,
    folder: Arc<Path>,
    user: Arc<str>,
    password: Arc<Zeroizing<String>>,
}

impl std::fmt::Debug for EmbeddedStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EmbeddedStore").field("folder", &self.folder).finish_non_exhaustive()
    }
}

impl EmbeddedStore {
    /// Serves `folder`, making it with mode 0700 if it is missing, to whoever knows the password.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn open(folder: &Path, user: &str, password: Zeroizing<String>) -> io::Result<Self> {
        use std::os::unix::fs::DirBuilderExt as _;

        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let handler = DavHandler::builder()
            .filesystem(LocalFs::new(folder, false, false, false))
            .strip_prefix(STORE_PATH)
            .read_buf_size(READ_BYTES)
            .build_handler();
        let (folder, user) = (folder.into(), user.into());
        Ok(Self { handler, folder, user, password: Arc::new(password) })
    }

    /// Whether the request comes from the gateway's own driver.
    fn is_own_driver(&self, headers: &HeaderMap) -> bool {
        auth::basic(headers).is_some_and(|(user, password)| {
            let good = password.as_bytes().ct_eq(self.password.as_bytes());
            user == *self.user && bool::from(good)
        })
    }

    /// The file that a path of the endpoint names; none for a path that leaves the folder.
    fn file(&self, path: &str) -> Option<PathBuf> {
        let rest = path.strip_prefix(STORE_PATH)?;
        let decoded = percent_decode_str(rest).decode_utf8().ok()?;
        let mut file = self.folder.to_path_buf();
        for name in decoded.split('/').filter(|name| !name.is_empty()) {
            if name == "." || name == ".." || name.contains('\0') {
                return None;
            }
            file.push(name);
        }
        Some(file)
    }

    /// Makes durable what a successful request changed.
    async fn sync(&self, method: &Method, uri: &Uri, destination: Option<&str>) -> io::Result<()> {
        let target = match method.as_str() {
            "PUT" | "MKCOL" | "DELETE" => self.file(uri.path()),
            "MOVE" | "COPY" => {
                let parsed = destination.and_then(|text| text.parse::<Uri>().ok());
                parsed.and_then(|uri| self.file(uri.path()))
            }
            _ => return Ok(()),
        };
        let target = target.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        let removed = method == Method::DELETE;
        let work = tokio::task::spawn_blocking(move || {
            if !removed {
                File::open(&target)?.sync_all()?;
            }
            target.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
        });
        work.await.map_err(io::Error::other)?
    }
}

pub(super) fn routes() -> Router<State> {
    Router::new().route(STORE_PATH, any(serve)).route("/dav/store/{*path}", any(serve))
}

async fn serve(Shared(state): Shared<State>, request: Request) -> Response {
    let Some(embedded) = state.embedded.clone() else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let (method, uri) = (request.method().clone(), request.uri().clone());
    let headers = request.headers().clone();
    if let Err(response) = admit(&state, &embedded, (&method, &uri), &headers).await {
        return response;
    }
    let destination = headers.get("destination");
    let destination = destination.and_then(|value| value.to_str().ok()).map(str::to_owned);
    let response = embedded.handler.handle(request).await;
    if response.status().is_success()
        && let Err(error) = embedded.sync(&method, &uri, destination.as_deref()).await
    {
        tracing::error!(error = ?error, "a stored file could not be made durable");
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    }
    response.map(Body::new)
}

async fn admit(
    state: &State,
    embedded: &EmbeddedStore,
    (method, uri): (&Method, &Uri),
    headers: &HeaderMap,
) -> Result<(), Response> {
    if embedded.is_own_driver(headers) {
        return Ok(());
    }
    let challenge = [(WWW_AUTHENTICATE, "Basic realm=\"reelgate store\", charset=\"UTF-8\"")];
    let principal = auth::require(&state.identity, headers, Permission::StoreRead).await;
    let principal = principal.map_err(|refusal| match refusal {
        auth::Refusal::Unauthenticated => (StatusCode::UNAUTHORIZED, challenge).into_response(),
        auth::Refusal::Forbidden(_) => StatusCode::FORBIDDEN.into_response(),
        auth::Refusal::Backend(_) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    })?;
    let reads = matches!(method.as_str(), "GET" | "HEAD" | "OPTIONS" | "PROPFIND");
    let own = own_folder(uri.path(), principal.tenant.as_str());
    if reads && own { Ok(()) } else { Err(StatusCode::FORBIDDEN.into_response()) }
}

/// A tenant reads its own folder only.
fn own_folder(path: &str, tenant: &str) -> bool {
    let rest = path.strip_prefix(STORE_PATH).unwrap_or_default();
    let first = rest.trim_start_matches('/').split('/').next().unwrap_or_default();
    let decoded = percent_decode_str(path).decode_utf8_lossy();
    first == tenant && !decoded.split('/').any(|name| name == "..")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenant_reads_its_own_folder_only() {
        for (path, expected) in [
            ("/dav/store/default/2026/a.wav", true),
            ("/dav/store//default/", true),
            ("/dav/store/other/2026/a.wav", false),
            ("/dav/store/default/../other/a.wav", false),
            ("/dav/store/default/%2e%2e/other/a.wav", false),
            ("/dav/store/", false),
        ] {
            assert_eq!(own_folder(path, "default"), expected, "{path}");
        }
    }
}
