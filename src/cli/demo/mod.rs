//! `reelgate demo`: the main job on embedded sample media, against the gateway's own endpoints.

mod live;
mod run;

use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};

use self::run::Run;
use super::output::Output;
use super::serve::until_stopped;
use super::settings::SettingsArguments;
use crate::serve::Gateway;

/// Arguments of `demo`.
#[derive(Debug, Args)]
pub(super) struct Demo {
    /// Keep everything in this directory; default: a temporary one, removed at the end.
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Address and port to listen on; default: a free loopback port.
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
    /// Check the links that were made, and end: with 0 only if all held.
    #[arg(long)]
    exit: bool,
}

impl Demo {
    pub(super) async fn run(self, output: &Output) -> anyhow::Result<()> {
        let temporary = match &self.data_dir {
            Some(_) => None,
            None => Some(tempfile::Builder::new().prefix("reelgate-demo-").tempdir()?),
        };
        let folder = temporary.as_ref().map(|folder| folder.path().to_owned());
        let listen = self.listen.unwrap_or_else(|| "127.0.0.1:0".to_owned());
        let settings = SettingsArguments {
            config: None,
            data_dir: self.data_dir.or(folder),
            listen: Some(listen),
        };
        let config = settings.load()?;
        crate::observe::start_logs("warn", false);
        let gateway = Gateway::start(config).await?;
        let run = Run::new(&gateway, *output)?;
        let result = show(&run, self.exit).await;
        if let Ok(result) = &result {
            output.result(result, "");
            if !self.exit {
                output.line(format!("serving on {}; stop with Ctrl-C", run.base));
                until_stopped().await?;
            }
        }
        gateway.stop().await;
        result.map(|_| ())
    }
}

/// Everything that there is to see: a call that was recorded before, and one that is recorded now.
async fn show(run: &Run, check: bool) -> anyhow::Result<Value> {
    let mut result = run.show().await?;
    let live = live::show(run).await?;
    if check {
        run.check(&result).await?;
        run.check(&live.result).await?;
        live.check()?;
    }
    if let Some(map) = result.as_object_mut() {
        map.insert("live".to_owned(), json!(live.result));
    }
    Ok(result)
}
