//! Builds what delivers to outside systems.

use std::sync::Arc;
use std::time::Duration;

use anyhow::anyhow;
use zeroize::Zeroizing;

use super::data::{DataDir, OPS_CREDENTIALS};
use crate::config::{Config, read_secret};
use crate::control::WEBHOOK;
use crate::deliver::{Courier, Patience, Receiver, RwsReceiver, WebhookReceiver, WebhookTarget};
use crate::gir::{GirSettings, RwsClient, RwsCredentials};
use crate::pipeline::Pipeline;

/// One courier for each kind of receiver that is configured.
pub(super) fn couriers(
    config: &Config,
    data: &DataDir,
    own_url: &str,
    pipeline: &Pipeline,
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
    let couriers = receivers.into_iter().map(|receiver| Courier {
        catalog: pipeline.catalog.clone(),
        receiver,
        patience: patience(&config.gir),
        clock: Arc::clone(&pipeline.clock),
        node: pipeline.spool.node().to_owned(),
        bell: Arc::clone(&pipeline.delivery_bell),
    });
    Ok(couriers.collect())
}

fn patience(settings: &GirSettings) -> Patience {
    Patience {
        timeout_s: settings.timeout_s,
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
    if targets.is_empty() {
        return Ok(None);
    }
    let timeout = Duration::from_secs(config.gir.timeout_s);
    Ok(Some(Receiver::Webhooks(WebhookReceiver::new(targets, timeout)?)))
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
