//! The composition root: builds each part once, runs it, and drains it at the end. Only this
//! folder knows which concrete parts there are.

mod build;
mod couriers;
mod data;
mod listen;
mod sign_in;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use jiff::tz::TimeZone;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::catalog::Catalog;
use crate::config::Config;
use crate::pbx::Lister;
use crate::play::Listening;

pub use build::catalog_url;
pub use data::{DataDir, OPERATOR_TOKEN, OPS_CREDENTIALS};

/// How long assets under way are waited for when the gateway stops.
const DRAIN: Duration = Duration::from_secs(20);
/// How often recordings are looked for that a node of an earlier version declared.
const INDEX_POLL: Duration = Duration::from_secs(60);

/// Reads the documents of recordings that another version declared, so that a search finds them.
async fn index(catalog: Catalog, zone: Option<TimeZone>, mut stop: watch::Receiver<bool>) {
    let mut known = 0;
    while !*stop.borrow() {
        match catalog.index_recordings(zone.as_ref()).await {
            Ok(0) => {
                if known > 0 {
                    tracing::info!(recordings = known, "a search finds older recordings now");
                    known = 0;
                }
            }
            Ok(count) => {
                known += count;
                tokio::task::yield_now().await;
                continue;
            }
            Err(error) => tracing::error!(error = ?error, "older recordings cannot be read"),
        }
        tokio::select! {
            () = tokio::time::sleep(INDEX_POLL) => {}
            _ = stop.changed() => {}
        }
    }
}

/// Lists call records of files that were ready before.
async fn list(lister: Lister, mut stop: watch::Receiver<bool>) {
    tokio::select! {
        listed = lister.run() => match listed {
            Ok(0) => {}
            Ok(count) => tracing::info!(count, "older call records are listed now"),
            Err(error) => tracing::error!(error = ?error, "older call records cannot be listed"),
        },
        _ = stop.changed() => {}
    }
}

/// A running gateway.
pub struct Gateway {
    address: SocketAddr,
    public_url: String,
    data: DataDir,
    catalog: Catalog,
    stop_work: watch::Sender<bool>,
    stop_listening: watch::Sender<bool>,
    workers: JoinSet<()>,
    listener: tokio::task::JoinHandle<()>,
    listening: Listening,
}

impl std::fmt::Debug for Gateway {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gateway").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Gateway {
    /// Starts everything. When this returns, requests are served.
    ///
    /// # Errors
    /// When a part cannot be built: the message says which and why.
    pub async fn start(config: Config) -> anyhow::Result<Self> {
        let data = DataDir::open(&config.server.data_dir)?;
        let listener = TcpListener::bind(&config.server.listen)
            .await
            .with_context(|| format!("cannot listen on {}", config.server.listen))?;
        let address = listener.local_addr()?;
        let (stop_work, work) = watch::channel(false);
        let (stop_listening, listening) = watch::channel(false);
        let parts = build::parts(&config, &data, address, listening.clone()).await?;
        parts.pipeline.recover().await.context("the spool cannot be recovered")?;
        parts.studio.recover().await.context("the renditions cannot be recovered")?;
        parts.binder.recover().await.context("the bundles cannot be recovered")?;
        let limit = config.server.max_connections;
        let public_url = parts.state.public_url.to_string();
        let catalog = parts.state.catalog.clone();
        let sweeper = parts.state.ingest.clone();
        let lister = Lister {
            catalog: catalog.clone(),
            records: Arc::clone(&parts.pipeline.call_records),
            clock: Arc::clone(&parts.pipeline.clock),
        };
        let heard = parts.state.listening.clone();
        let router = crate::http::router(parts.state);
        let listener = tokio::spawn(listen::run(listener, router, limit, listening));
        let mut workers = JoinSet::new();
        for _ in 0..config.pipeline.workers {
            workers.spawn(parts.pipeline.clone().work(work.clone()));
        }
        workers.spawn(parts.studio.run(work.clone()));
        workers.spawn(parts.binder.run(work.clone()));
        if let Some(mover) = parts.mover {
            mover.recover().await.context("the moves cannot be recovered")?;
            workers.spawn(mover.run(work.clone()));
        }
        parts.remover.recover().await.context("the removals cannot be recovered")?;
        workers.spawn(parts.remover.run(work.clone()));
        if let Some(keeper) = parts.keeper {
            workers.spawn(keeper.run(work.clone()));
        }
        workers.spawn(sweeper.sweep(work.clone()));
        workers.spawn(heard.clone().run(work.clone()));
        workers.spawn(parts.control.run(work.clone()));
        workers.spawn(list(lister, work.clone()));
        workers.spawn(index(catalog.clone(), config.mask.time_zone(), work.clone()));
        for courier in parts.couriers {
            workers.spawn(courier.run(work.clone()));
        }
        tracing::info!(%address, "the gateway listens");
        Ok(Self {
            address,
            public_url,
            data,
            catalog,
            stop_work,
            stop_listening,
            workers,
            listener,
            listening: heard,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What links begin with.
    pub fn public_url(&self) -> &str {
        &self.public_url
    }

    /// Its data directory.
    pub fn data(&self) -> &DataDir {
        &self.data
    }

    /// Drains: assets under way end, then requests under way, then the catalogue closes. What is
    /// not done by then waits in the spool.
    pub async fn stop(mut self) {
        tracing::info!("the gateway drains");
        // The workers end first: their store may be served by our own listener.
        self.stop_work.send_replace(true);
        let ended = async { while self.workers.join_next().await.is_some() {} };
        if tokio::time::timeout(DRAIN, ended).await.is_err() {
            tracing::warn!("an asset under way was not waited for; it waits in the spool");
            self.workers.abort_all();
        }
        self.stop_listening.send_replace(true);
        if self.listener.await.is_err() {
            tracing::warn!("the listener ended early");
        }
        self.listening.write(true).await;
        self.catalog.close().await;
    }
}
