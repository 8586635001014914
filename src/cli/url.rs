//! `reelgate url`: makes a signed link from the data directory.

use anyhow::{Context as _, ensure};
use clap::Args;
use jiff::Timestamp;
use serde_json::json;

use super::output::Output;
use super::settings::SettingsArguments;
use crate::asset::{MediaId, Outcome, RecordingId, TenantId};
use crate::catalog::Catalog;
use crate::play::{Disposition, Link, LinkTarget};
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
        let now = Timestamp::now();
        let expires = Link::expiry(now, outcome.duration_ms, config.play.link_life_s);
        let disposition = if self.download { Disposition::Attachment } else { Disposition::Inline };
        let target = LinkTarget { asset: row.asset_id, disposition };
        let keys = data.link_keys(&SystemRandom)?;
        let path = keys.sign(&Link { target, file_name: &outcome.file_name, expires })?;
        let base = match config.server.public_url {
            Some(url) => url.trim_end_matches('/').to_owned(),
            None => format!("http://{}", config.server.listen),
        };
        let url = format!("{base}{path}");
        output.result(&json!({ "url": url, "expires": expires }), &url);
        catalog.close().await;
        Ok(())
    }
}
