//! `reelgate serve`: runs the gateway until SIGTERM or Ctrl-C.

use clap::Args;
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};

use super::output::Output;
use super::settings::SettingsArguments;
use crate::serve::Gateway;

/// Arguments of `serve`.
#[derive(Debug, Args)]
pub(super) struct Serve {
    #[command(flatten)]
    settings: SettingsArguments,
}

impl Serve {
    pub(super) async fn run(self) -> anyhow::Result<()> {
        let config = self.settings.load()?;
        crate::observe::start_logs(&config.observe.log, config.observe.log_format == "json");
        let gateway = Gateway::start(config).await?;
        let listening = format!("http://{}", gateway.address());
        Output::new(true).result(&json!({ "listening": listening }), "");
        until_stopped().await?;
        gateway.stop().await;
        Ok(())
    }
}

/// Returns at SIGTERM or SIGINT.
pub(super) async fn until_stopped() -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}
