//! `reelgate key`: recipient keys, link keys, public keys.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use jiff::Timestamp;
use serde_json::json;

use super::files::{self, NewFile};
use super::output::Output;
use super::settings::SettingsArguments;
use crate::seal::{Recipient, SystemRandom, generate_recipient, write_private_file};
use crate::serve::DataDir;

/// Arguments of `key`.
#[derive(Debug, Args)]
pub(super) struct Key {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make an RSA key and a self-signed certificate for a recipient.
    New {
        /// Common name in the certificate.
        #[arg(long)]
        common_name: String,
        /// Where the private key goes (mode 0600).
        #[arg(long, value_name = "FILE")]
        key: PathBuf,
        /// Where the certificate goes.
        #[arg(long, value_name = "FILE")]
        certificate: PathBuf,
    },
    /// Show the alias that GIR knows a certificate by.
    Alias {
        /// Certificate (PEM).
        certificate: PathBuf,
        #[command(flatten)]
        settings: SettingsArguments,
    },
    /// Make a new key for new links; old links live until they expire. Takes effect at the next
    /// start of the gateway.
    RotateLinks {
        #[command(flatten)]
        settings: SettingsArguments,
    },
    /// Show the public keys of receipts and manifests as a JWK set.
    Public {
        #[command(flatten)]
        settings: SettingsArguments,
    },
}

impl Key {
    pub(super) fn run(self, output: &Output) -> anyhow::Result<()> {
        match self.action {
            Action::New { common_name, key, certificate } => {
                let made = generate_recipient(&common_name, Timestamp::now())?;
                write_private_file(&key, made.private_key_pem.as_bytes())?;
                let mut file = NewFile::create(&certificate)?;
                std::io::Write::write_all(&mut file, made.certificate_pem.as_bytes())?;
                file.keep()?;
                let value = json!({ "key": key, "certificate": certificate });
                let text = format!("made {} and {}", key.display(), certificate.display());
                output.result(&value, &text);
            }
            Action::Alias { certificate, settings } => {
                let seal = settings.load()?.seal;
                let text = files::text(&certificate)?;
                let (recipient, _) = Recipient::from_pem(&text, Timestamp::now())?;
                let alias =
                    recipient.alias(&seal.alias_template, &seal.tenant_name, &seal.tenant_dbid);
                output.result(&json!({ "alias": alias }), &alias);
            }
            Action::RotateLinks { settings } => {
                let data = DataDir::beside(&settings.load()?.server.data_dir);
                data.link_keys(&SystemRandom)?.rotate(&SystemRandom)?;
                output.result(&json!({ "rotated": true }), "new links use a new key");
            }
            Action::Public { settings } => {
                let data = DataDir::beside(&settings.load()?.server.data_dir);
                let keys = json!({ "keys": [data.signing_key()?.jwk()] });
                output.result(&keys, &serde_json::to_string_pretty(&keys)?);
            }
        }
        Ok(())
    }
}
