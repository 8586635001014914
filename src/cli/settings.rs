//! `--config`, `--data-dir` and `--listen`, shared by the commands that need settings.

use std::path::PathBuf;

use clap::Args;

use crate::config::{Config, ConfigFaults, Sources, load};

/// Where settings come from.
#[derive(Debug, Clone, Default, Args)]
pub(super) struct SettingsArguments {
    /// Settings file (TOML).
    #[arg(long, global = true, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// Directory of keys, spool and catalogue.
    #[arg(long, global = true, value_name = "DIR")]
    pub(super) data_dir: Option<PathBuf>,
    /// Address and port to listen on; port 0 takes a free one.
    #[arg(long, global = true, value_name = "ADDR")]
    pub(super) listen: Option<String>,
}

impl SettingsArguments {
    /// Reads and checks all settings.
    pub(super) fn load(&self) -> Result<Config, ConfigFaults> {
        load(&Sources {
            file: self.config.clone(),
            environment: std::env::vars_os()
                .filter_map(|(name, value)| {
                    Some((name.into_string().ok()?, value.into_string().ok()?))
                })
                .collect(),
            data_dir: self.data_dir.clone(),
            listen: self.listen.clone(),
        })
    }
}
