//! `reelgate url`: makes a signed link from the data directory.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use anyhow::{Context as _, ensure};
use clap::Args;
use serde_json::json;

use super::output::Output;
use super::settings::SettingsArguments;
use crate::asset::{MediaId, Outcome, RecordingId, SystemClock, TenantId};
use crate::catalog::Catalog;
use crate::play::{Disposition, Issued, Links, Listener, PlaySettings, Wanted};
use crate::seal::SystemRandom;
use crate::serve::{DataDir, catalog_url};

/// Arguments of `url`.
#[derive(Debug, Args)]
pub(super) struct Url {
    /// Recording id.
    recording: String,
    /// Media id.
    media: String,
    /// Offer the file to be saved instead of played.
    #[arg(long)]
    download: bool,
    /// Tenant.
    #[arg(long, default_value = "default")]
    tenant: String,
    #[command(flatten)]
    settings: SettingsArguments,
}

impl Url {
    pub(super) async fn run(self, output: &Output) -> anyhow::Result<()> {
        let config = self.settings.load()?;
        let data = DataDir::beside(&config.server.data_dir);
        let catalog = Catalog::open(&catalog_url(&config, &data)?).await?;
        let tenant = TenantId::parse(&self.tenant).context("--tenant")?;
        let recording = RecordingId::parse(&self.recording).context("recording id")?;
        let media = MediaId::parse(&self.media).context("media id")?;
        let row = catalog.media(&tenant, &recording, &media).await?;
        let row = row.context("there is no such media file")?;
        let outcome = row.outcome.as_deref().context("the media file is not ready")?;
        let outcome: Outcome = serde_json::from_str(outcome)?;
        ensure!(outcome.seal.playback, "the media file is sealed for its owner only");
        let base = match &config.server.public_url {
            Some(url) => url.trim_end_matches('/').to_owned(),
            None => format!("http://{}", config.server.listen),
        };
        // Nobody asked from an address: a link of the command line is good from everywhere.
        let settings = PlaySettings { bind_address: false, ..config.play.clone() };
        let links = Links {
            keys: Arc::new(data.link_keys(&SystemRandom)?),
            catalog: catalog.clone(),
            settings,
            public_url: base.into(),
            clock: Arc::new(SystemClock),
        };
        let disposition = if self.download { Disposition::Attachment } else { Disposition::Inline };
        let (asset, life_s) = (row.asset_id, config.play.link_life_s);
        let wanted = Wanted { asset, outcome: &outcome, disposition, life_s };
        let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let listener = Listener { tenant: &tenant, name: "cli", address };
        let made = links.issue(listener, recording.as_str(), &[wanted]).await?;
        let Issued { url, expires } = made.first().context("there is no link")?;
        output.result(&json!({ "url": url, "expires": expires }), url);
        catalog.close().await;
        Ok(())
    }
}
