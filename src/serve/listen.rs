//! The accept loop: HTTP/1.1 with bounds on connections, header size and header time.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};

use crate::http::Peer;
use crate::ingest::MAX_CHUNK_BYTES;

/// Longest time a connection may take to send the head of a request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(15);
/// How long requests under way are waited for when the gateway stops.
const DRAIN: Duration = Duration::from_secs(5);
/// Pause after a failed accept, which usually means that there are no file descriptors left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves until `stop` says true, then lets requests under way end.
pub(super) async fn run(
    listener: TcpListener,
    router: Router,
    limit: usize,
    mut stop: watch::Receiver<bool>,
) {
    let permits = Arc::new(Semaphore::new(limit));
    let mut server = http1::Builder::new();
    server.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT);
    // The largest chunk of a body that reaches an upload; `ingest` counts on it.
    server.max_buf_size(MAX_CHUNK_BYTES);
    while !*stop.borrow() {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stop.changed() => continue,
        };
        let (stream, peer) = match accepted {
            Ok((stream, address)) => (stream, Peer(address.ip())),
            Err(error) => {
                tracing::warn!(error = %error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let Ok(permit) = Arc::clone(&permits).try_acquire_owned() else {
            tracing::warn!(limit, "too many connections; one was closed");
            continue;
        };
        // A peer that left already shows at the first read.
        let _ = stream.set_nodelay(true);
        let routed = TowerToHyperService::new(router.clone());
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(peer);
            routed.call(request)
        });
        let connection = server.serve_connection(TokioIo::new(stream), service).with_upgrades();
        let stopped = stopped(stop.clone());
        tokio::spawn(async move {
            let mut connection = pin!(connection);
            let ended = tokio::select! {
                ended = connection.as_mut() => ended,
                () = stopped => {
                    connection.as_mut().graceful_shutdown();
                    connection.await
                }
            };
            if let Err(error) = ended {
                tracing::debug!(error = %error, "a connection ended early");
            }
            drop(permit);
        });
    }
    drop(listener);
    let all = u32::try_from(limit).unwrap_or(u32::MAX);
    if tokio::time::timeout(DRAIN, permits.acquire_many(all)).await.is_err() {
        tracing::warn!("requests under way were not waited for");
    }
}

/// Ends when the gateway stops.
async fn stopped(mut stop: watch::Receiver<bool>) {
    // Without a sender nobody can say so any more: it stops, too.
    let _ = stop.wait_for(|stop| *stop).await;
}
