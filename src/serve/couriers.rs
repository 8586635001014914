//! Builds what delivers to outside systems.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use zeroize::Zeroizing;

use super::data::{DataDir, OPS_CREDENTIALS};
use crate::config::{Config, read_secret};
use crate::control::WEBHOOK;
use crate::deliver::{
    ArchiveUrl, Courier, MailReceiver, Patience, Receiver, RwsReceiver, WebhookReceiver,
    WebhookTarget,
};
use crate::gir::{GirSettings, RwsClient, RwsCredentials};
use crate::mail::{Login, Relay};
use crate::pbx::webhook_target;
use crate::pipeline::Pipeline;
use crate::play::{ARCHIVE_PATH, LinkOwner, Links, PlayError};

/// One courier for each kind of receiver that is configured.
pub(super) fn couriers(
    config: &Config,
    data: &DataDir,
    own_url: &str,
    pipeline: &Pipeline,
    links: &Links,
) -> anyhow::Result<Vec<Courier>> {
    let mut receivers = Vec::new();
    if config.gir.deliver {
        let receiver = RwsReceiver {
            catalog: pipeline.catalog.clone(),
            rws: rws(config, data, own_url)?,
            settings: config.gir.clone(),
            zone: config.mask.time_zone(),
        };
        receivers.push(Receiver::Rws(Box::new(receiver)));
    }
    receivers.extend(webhooks(config)?);
    receivers.extend(mail(config, pipeline, links)?);
    let couriers = receivers.into_iter().map(|receiver| Courier {
        catalog: pipeline.catalog.clone(),
        patience: patience(config, &receiver),
        receiver,
        clock: Arc::clone(&pipeline.clock),
        node: pipeline.spool.node().to_owned(),
        bell: Arc::clone(&pipeline.delivery_bell),
    });
    Ok(couriers.collect())
}

fn patience(config: &Config, receiver: &Receiver) -> Patience {
    let settings: &GirSettings = &config.gir;
    let timeout_s = match receiver {
        Receiver::Mail(_) => config.mail.timeout_s,
        Receiver::Rws(_) | Receiver::Webhooks(_) => settings.timeout_s,
    };
    Patience {
        timeout_s,
        retry_first_ms: settings.retry_first_ms,
        retry_longest_s: settings.retry_longest_s,
        max_attempts: settings.max_attempts,
    }
}

fn webhooks(config: &Config) -> anyhow::Result<Option<Receiver>> {
    let mut targets = Vec::new();
    for hook in &config.control.webhooks {
        targets.push(WebhookTarget {
            target: format!("{WEBHOOK}{}", hook.name),
            url: hook.url.clone(),
            secret: read_secret(&hook.secret_file)?,
        });
    }
    for hook in &config.pbx.webhooks {
        targets.push(WebhookTarget {
            target: webhook_target(&hook.name),
            url: hook.url.clone(),
            secret: read_secret(&hook.secret_file)?,
        });
    }
    if targets.is_empty() {
        return Ok(None);
    }
    let timeout = Duration::from_secs(config.gir.timeout_s);
    Ok(Some(Receiver::Webhooks(WebhookReceiver::new(targets, timeout)?)))
}

/// Without a relay nobody takes letters, and what is owed waits.
fn mail(config: &Config, pipeline: &Pipeline, links: &Links) -> anyhow::Result<Option<Receiver>> {
    let settings = &config.mail;
    if settings.relay.is_none() {
        return Ok(None);
    }
    let login = match (&settings.username, &settings.password_file) {
        (Some(username), Some(file)) => {
            Some(Login { username: username.clone(), password: read_secret(file)? })
        }
        _ => None,
    };
    let ca = settings.ca_file.as_ref().map(|path| {
        std::fs::read(path).with_context(|| format!("mail.ca_file {}", path.display()))
    });
    let relay = Relay::new(settings, login, ca.transpose()?.as_deref());
    let receiver = MailReceiver {
        catalog: pipeline.catalog.clone(),
        relay: relay.context("the mail relay cannot be used")?,
        archive_url: archive_url(links),
        node: pipeline.spool.node().to_owned(),
        clock: Arc::clone(&pipeline.clock),
    };
    Ok(Some(Receiver::Mail(Box::new(receiver))))
}

/// The link of an archive, for its letter.
fn archive_url(links: &Links) -> ArchiveUrl {
    let links = links.clone();
    Arc::new(move |asset| {
        let links = links.clone();
        Box::pin(async move {
            let failed = |error: PlayError| error.to_string();
            let tenant = links.catalog.bundle_tenant(asset).await;
            let tenant = tenant.map_err(|error| error.to_string())?;
            let tenant = tenant.ok_or_else(|| "the archive is gone".to_owned())?;
            let owner = LinkOwner { tenant: &tenant, name: "system", asset };
            let token = links.storage_token(owner).await.map_err(failed)?;
            Ok(format!("{}{ARCHIVE_PATH}{token}", links.public_url))
        })
    })
}

fn rws(config: &Config, data: &DataDir, own_url: &str) -> anyhow::Result<RwsClient> {
    let settings = &config.gir;
    let (base, credentials) = match &settings.rws_url {
        Some(url) => {
            let file = settings.password_file.as_ref();
            let file = file.ok_or_else(|| anyhow!("gir.password_file is missing"))?;
            let username = settings.username.clone().unwrap_or_default();
            (url.clone(), RwsCredentials { username, password: read_secret(file)? })
        }
        None => {
            let line = data.secret(OPS_CREDENTIALS)?;
            let (user, password) = line
                .split_once(':')
                .ok_or_else(|| anyhow!("{OPS_CREDENTIALS} is not user:password"))?;
            let password = Zeroizing::new(password.to_owned());
            (own_url.to_owned(), RwsCredentials { username: user.to_owned(), password })
        }
    };
    let timeout = Duration::from_secs(settings.timeout_s);
    Ok(RwsClient::new(&base, &settings.contact_center, credentials, timeout)?)
}
