//! dav-server over a folder, inside the test process, without authentication.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::PathBuf;

use dav_server::DavHandler;
use dav_server::fakels::FakeLs;
use dav_server::localfs::LocalFs;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// A running endpoint.
pub(crate) struct Embedded {
    /// Address of the DAV root, with a slash at the end.
    pub(crate) url: String,
    /// The same, for a proxy.
    pub(crate) address: SocketAddr,
    /// The folder behind it.
    pub(crate) root: PathBuf,
    task: JoinHandle<()>,
    _folder: TempDir,
}

impl Embedded {
    /// Starts it on the current runtime.
    pub(crate) async fn start() -> Self {
        Self::serving(true).await
    }

    /// Starts one that answers a range with the whole object.
    pub(crate) async fn without_ranges() -> Self {
        Self::serving(false).await
    }

    async fn serving(ranges: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().to_owned();
        let handler = DavHandler::builder()
            .filesystem(LocalFs::new(&root, false, false, false))
            .locksystem(FakeLs::new())
            .build_handler();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let handler = handler.clone();
                let service = service_fn(move |mut request: Request<Incoming>| {
                    if !ranges {
                        request.headers_mut().remove("range");
                    }
                    let handler = handler.clone();
                    async move { Ok::<_, Infallible>(handler.handle(request).await) }
                });
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
            }
        });
        Self { url: format!("http://{address}/"), address, root, task, _folder: folder }
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        self.task.abort();
    }
}
