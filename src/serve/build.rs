//! Builds each part from the settings and the data directory.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use anyhow::Context as _;
use tokio::sync::{Notify, Semaphore, watch};
use url::Url;
use zeroize::Zeroizing;

use super::couriers::couriers;
use super::data::DataDir;
use super::sign_in::{first_start, open_identity};
use crate::archive::Mover;
use crate::asset::{Clock, SystemClock};
use crate::bundle::Binder;
use crate::catalog::Catalog;
use crate::config::{Config, read_secret};
use crate::control::Control;
use crate::deliver::{Courier, RWS};
use crate::http::{EmbeddedStore, STORE_PATH, Sessions, State};
use crate::identity::RequestLimit;
use crate::ingest::{Ingest, LiveUploads};
use crate::observe::Metrics;
use crate::pbx::CallRecords;
use crate::pipeline::{Pipeline, Progress};
use crate::play::{Links, Listening, PlayKey, Player, Shelf, Studio, Vault};
use crate::retention::{Remover, Sweeper};
use crate::seal::{Random, Recipient, SealMode, SealPolicy, SystemRandom};
use crate::spool::Spool;
use crate::store::backends::webdav::{Auth, Credentials};
use crate::store::{AuthScheme, Store, StoreSettings};

/// User name of the gateway's own driver at the embedded endpoint.
const OWN_DRIVER: &str = "reelgate";

/// What runs.
pub(super) struct Parts {
    pub(super) state: State,
    pub(super) pipeline: Pipeline,
    pub(super) control: Control,
    pub(super) couriers: Vec<Courier>,
    pub(super) studio: Studio,
    pub(super) binder: Binder,
    pub(super) mover: Option<Mover>,
    pub(super) remover: Remover,
    pub(super) keeper: Option<Sweeper>,
}

/// Where the catalogue lives.
///
/// # Errors
/// When the file with its URL cannot be used.
pub fn catalog_url(config: &Config, data: &DataDir) -> anyhow::Result<Zeroizing<String>> {
    if let Some(path) = &config.catalog.url_file {
        return Ok(read_secret(path)?);
    }
    Ok(Zeroizing::new(match &config.catalog.url {
        Some(url) => url.clone(),
        None => Catalog::sqlite_url(&data.file("catalog.sqlite")),
    }))
}

pub(super) async fn parts(
    config: &Config,
    data: &DataDir,
    address: SocketAddr,
    stopping: watch::Receiver<bool>,
) -> anyhow::Result<Parts> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let random: Arc<dyn Random> = Arc::new(SystemRandom);
    let catalog = Catalog::open(&catalog_url(config, data)?).await;
    let catalog = catalog.context("the catalogue cannot be opened")?;
    let spool =
        Spool::open(&data.file("spool"), data.node_key(random.as_ref())?, Arc::clone(&random))?;
    let own_url = format!("http://{}", reachable(address));
    let public_url = config.server.public_url.as_ref().unwrap_or(&own_url);
    let public_url: Arc<str> = public_url.trim_end_matches('/').into();
    let opened = (catalog.clone(), Arc::clone(&clock));
    let (identity, discovery) = open_identity(config, data, opened, &public_url)?;
    first_start(&identity, &catalog, data, spool.node()).await?;
    let (store, embedded) = store(config, data, &own_url, random.as_ref())?;
    let signing = Arc::new(data.signing_key()?);
    let (seal, play_key) = sealing(config, data, clock.as_ref(), &random)?;
    let (bell, delivery_bell) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let progress = Progress::default();
    let pipeline = Pipeline {
        spool: spool.clone(),
        store,
        catalog: catalog.clone(),
        seal: Arc::new(seal),
        mask: config.mask.clone(),
        signing: Arc::clone(&signing),
        targets: if config.gir.deliver { vec![RWS] } else { Vec::new() },
        call_records: call_records(config),
        settings: config.pipeline.clone(),
        clock: Arc::clone(&clock),
        bell,
        delivery_bell: Arc::clone(&delivery_bell),
        progress: progress.clone(),
    };
    let ingest = ingest(config, &pipeline);
    let links = links(config, data, &pipeline, &public_url)?;
    let couriers = couriers(config, data, &own_url, &pipeline, &links)?;
    let control = control(config, &pipeline, &ingest);
    let player = player(config, &pipeline, play_key);
    let studio = studio(config, player.clone(), &pipeline);
    let binder = binder(config, &studio);
    let (mover, remover, keeper) = keepers(config, &studio, &delivery_bell)?;
    let state = State {
        catalog,
        identity,
        ingest,
        control: control.clone(),
        progress,
        pipeline: pipeline.clone(),
        player,
        links,
        listening: Listening::new(pipeline.catalog.clone(), Arc::clone(&clock)),
        rendition_bell: Arc::clone(&studio.bell),
        bundle_bell: Arc::clone(&binder.bell),
        bundles: config.bundle.clone(),
        removal_bell: Arc::clone(&remover.bell),
        archive_bell: mover.as_ref().map(|mover| Arc::clone(&mover.bell)).unwrap_or_default(),
        play_limit: Arc::new(RequestLimit::new(
            config.play.requests,
            config.play.requests_window_s,
        )),
        pbx_limit: Arc::new(RequestLimit::new(config.pbx.requests_per_hour, 3600)),
        token_limit: Arc::new(RequestLimit::new(config.pbx.token_requests_per_second, 1)),
        signing,
        metrics: Metrics::install().context("the metrics cannot be started")?,
        sessions: Sessions::default(),
        embedded,
        gir: config.gir.clone(),
        mask: config.mask.clone(),
        discovery: discovery.into(),
        behind_proxy: config.server.behind_tls_proxy,
        public_url,
        stopping,
        clock,
    };
    Ok(Parts { state, pipeline, control, couriers, studio, binder, mover, remover, keeper })
}

fn call_records(config: &Config) -> Arc<CallRecords> {
    Arc::new(CallRecords { settings: config.pbx.clone(), zone: config.mask.time_zone() })
}

fn player(config: &Config, pipeline: &Pipeline, key: Option<PlayKey>) -> Player {
    Player {
        catalog: pipeline.catalog.clone(),
        store: Arc::clone(&pipeline.store),
        key,
        random: Arc::clone(&pipeline.seal.random),
        kept: Default::default(),
        shelf: Shelf::new(config.play.cache_bytes),
        questions: Default::default(),
    }
}

fn control(config: &Config, pipeline: &Pipeline, ingest: &Ingest) -> Control {
    Control::new(
        pipeline.catalog.clone(),
        config.control.clone(),
        Arc::clone(&pipeline.clock),
        Arc::clone(&ingest.live_bell),
        Arc::clone(&pipeline.delivery_bell),
    )
}

fn studio(config: &Config, player: Player, pipeline: &Pipeline) -> Studio {
    Studio {
        player,
        vault: Vault { store: Arc::clone(&pipeline.store), seal: Arc::clone(&pipeline.seal) },
        zone: config.mask.time_zone(),
        node: pipeline.spool.node().to_owned(),
        clock: Arc::clone(&pipeline.clock),
        bell: Arc::new(Notify::new()),
    }
}

fn binder(config: &Config, studio: &Studio) -> Binder {
    Binder {
        player: studio.player.clone(),
        vault: studio.vault.clone(),
        settings: config.bundle.clone(),
        zone: studio.zone.clone(),
        node: studio.node.clone(),
        clock: Arc::clone(&studio.clock),
        bell: Arc::new(Notify::new()),
        rendition_bell: Arc::clone(&studio.bell),
    }
}

fn links(
    config: &Config,
    data: &DataDir,
    pipeline: &Pipeline,
    public_url: &Arc<str>,
) -> anyhow::Result<Links> {
    Ok(Links {
        keys: Arc::new(data.link_keys(pipeline.seal.random.as_ref())?),
        catalog: pipeline.catalog.clone(),
        settings: config.play.clone(),
        public_url: Arc::clone(public_url),
        clock: Arc::clone(&pipeline.clock),
    })
}

fn ingest(config: &Config, pipeline: &Pipeline) -> Ingest {
    Ingest {
        spool: pipeline.spool.clone(),
        catalog: pipeline.catalog.clone(),
        settings: config.ingest.clone(),
        signing: Arc::clone(&pipeline.signing),
        clock: Arc::clone(&pipeline.clock),
        bell: Arc::clone(&pipeline.bell),
        permits: Arc::new(Semaphore::new(config.ingest.max_uploads)),
        live: LiveUploads::default(),
        live_bell: Arc::new(Notify::new()),
    }
}

/// The address at which this process reaches itself.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

fn store(
    config: &Config,
    data: &DataDir,
    own_url: &str,
    random: &dyn Random,
) -> anyhow::Result<(Arc<dyn Store>, Option<EmbeddedStore>)> {
    let settings = &config.store;
    if let Some(store) = outside(settings)? {
        return Ok((store, None));
    }
    let mut secret = Zeroizing::new([0_u8; 32]);
    random.fill(secret.as_mut_slice())?;
    let password: Zeroizing<String> =
        Zeroizing::new(secret.iter().map(|byte| format!("{byte:02x}")).collect());
    let embedded = EmbeddedStore::open(&data.file("store"), OWN_DRIVER, password.clone())
        .context("the embedded store cannot be opened")?;
    let auth = Auth::Basic(Credentials::new(OWN_DRIVER.to_owned(), password));
    let base = Url::parse(&format!("{own_url}{STORE_PATH}/"))?;
    Ok((crate::store::open(settings, base, auth)?, Some(embedded)))
}

/// The store that has a URL.
fn outside(settings: &StoreSettings) -> anyhow::Result<Option<Arc<dyn Store>>> {
    let Some(url) = &settings.url else { return Ok(None) };
    let auth = match (&settings.username, &settings.password_file) {
        (Some(user), Some(file)) => {
            let credentials = Credentials::new(user.clone(), read_secret(file)?);
            match settings.auth {
                AuthScheme::Basic => Auth::Basic(credentials),
                AuthScheme::Digest => Auth::Digest(credentials),
            }
        }
        _ => Auth::None,
    };
    Ok(Some(crate::store::open(settings, Url::parse(url)?, auth)?))
}

/// What moves recordings, if there is an archive, and what deletes them.
fn keepers(
    config: &Config,
    studio: &Studio,
    delivery_bell: &Arc<Notify>,
) -> anyhow::Result<(Option<Mover>, Remover, Option<Sweeper>)> {
    let archive = outside(&config.archive).context("the archive cannot be opened")?;
    let mover = archive.clone().map(|archive| mover(config, studio, archive));
    let remover = remover(studio, archive);
    let keeper = keeper(config, &remover, delivery_bell);
    Ok((mover, remover, keeper))
}

/// What moves recordings.
fn mover(config: &Config, studio: &Studio, archive: Arc<dyn Store>) -> Mover {
    Mover {
        catalog: studio.player.catalog.clone(),
        store: Arc::clone(&studio.player.store),
        archive,
        archive_after_days: config.retention.archive_after_days,
        node: studio.node.clone(),
        clock: Arc::clone(&studio.clock),
        bell: Arc::new(Notify::new()),
        rendition_bell: Arc::clone(&studio.bell),
        apart: Default::default(),
    }
}

/// What removes deleted objects.
fn remover(studio: &Studio, archive: Option<Arc<dyn Store>>) -> Remover {
    Remover {
        catalog: studio.player.catalog.clone(),
        store: Arc::clone(&studio.player.store),
        archive,
        node: studio.node.clone(),
        clock: Arc::clone(&studio.clock),
        bell: Arc::new(Notify::new()),
    }
}

/// What deletes by age and space, if a tenant has a rule.
fn keeper(config: &Config, remover: &Remover, delivery_bell: &Arc<Notify>) -> Option<Sweeper> {
    let sweeper = || Sweeper {
        catalog: remover.catalog.clone(),
        settings: config.retention.clone(),
        clock: Arc::clone(&remover.clock),
        removal_bell: Arc::clone(&remover.bell),
        delivery_bell: Arc::clone(delivery_bell),
    };
    (!config.retention.tenants.is_empty()).then(sweeper)
}

fn sealing(
    config: &Config,
    data: &DataDir,
    clock: &dyn Clock,
    random: &Arc<dyn Random>,
) -> anyhow::Result<(SealPolicy, Option<PlayKey>)> {
    let settings = &config.seal;
    let mut recipients = Vec::new();
    let mut aliases = Vec::new();
    for (index, path) in settings.recipients.iter().enumerate() {
        let shown = path.display();
        let text = std::fs::read_to_string(path).with_context(|| format!("{shown}"))?;
        let (recipient, warnings) =
            Recipient::from_pem(&text, clock.now()).with_context(|| format!("{shown}"))?;
        for warning in warnings {
            tracing::warn!(certificate = %shown, warning, "a recipient certificate is odd");
        }
        let literal = settings.aliases.get(index).cloned();
        let (tenant, dbid) = (&settings.tenant_name, &settings.tenant_dbid);
        aliases.push(match literal {
            Some(alias) => alias,
            None => recipient.alias(&settings.alias_template, tenant, dbid),
        });
        recipients.push(recipient);
    }
    let wanted = settings.playback && settings.mode != SealMode::None;
    let (playback, key) = if wanted {
        let (recipient, key) = data.playback(clock.now())?;
        (Some(recipient), Some(Arc::new(key)))
    } else {
        (None, None)
    };
    let policy = SealPolicy {
        mode: settings.mode,
        cipher: settings.cipher,
        gir_cipher: settings.gir_cipher,
        key_transport: settings.key_transport,
        recipients,
        playback,
        aliases,
        random: Arc::clone(random),
    };
    Ok((policy, key))
}
