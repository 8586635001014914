//! `reelgate access-key`: what CXone's clients sign in with.

use std::sync::Arc;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::output::Output;
use super::settings::SettingsArguments;
use super::user::ACTOR;
use crate::asset::{SystemClock, TenantId};
use crate::catalog::Catalog;
use crate::identity::{AccessKey, Identity, KeySecret};
use crate::serve::{DataDir, catalog_url};

/// Arguments of `access-key`.
#[derive(Debug, Args)]
pub(super) struct AccessKeys {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    settings: SettingsArguments,
    /// Tenant.
    #[arg(long, global = true, default_value = "default")]
    tenant: String,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make a key for a user. Its secret is shown once.
    Add {
        /// Login name of the user.
        user: String,
    },
    /// List keys.
    List {
        /// Only those of this user.
        #[arg(long)]
        user: Option<String>,
    },
    /// Give a key a new secret, shown once; the old one is void at once.
    Rotate {
        /// Access key id.
        id: String,
    },
    /// Switch a key on.
    Enable {
        /// Access key id.
        id: String,
    },
    /// Switch a key off; its tokens are void at once.
    Disable {
        /// Access key id.
        id: String,
    },
    /// Remove a key; its tokens are void at once.
    Remove {
        /// Access key id.
        id: String,
    },
}

impl AccessKeys {
    pub(super) async fn run(self, output: &Output) -> anyhow::Result<()> {
        let config = self.settings.load()?;
        let data = DataDir::beside(&config.server.data_dir);
        let catalog = Catalog::open(&catalog_url(&config, &data)?).await?;
        let tenant = TenantId::parse(&self.tenant).context("--tenant")?;
        let identity = Identity::new(catalog.clone(), Arc::new(SystemClock));
        let result = act(self.action, &identity, &tenant, output).await;
        catalog.close().await;
        result
    }
}

async fn act(
    action: Action,
    identity: &Identity,
    tenant: &TenantId,
    output: &Output,
) -> anyhow::Result<()> {
    match action {
        Action::Add { user } => {
            reveal(&identity.create_access_key(tenant, &user, ACTOR).await?, output);
        }
        Action::Rotate { id } => {
            reveal(&identity.rotate_access_key(tenant, &id, ACTOR).await?, output);
        }
        Action::List { user } => {
            let keys = identity.access_keys(tenant, user.as_deref()).await?;
            let list: Vec<Value> = keys.iter().map(shown).collect();
            let lines: Vec<String> = keys.iter().map(line).collect();
            output.result(&json!({ "accessKeys": list }), &lines.join("\n"));
        }
        Action::Enable { id } => {
            identity.switch_access_key(tenant, &id, true, ACTOR).await?;
            output.result(&json!({ "enabled": id }), &format!("enabled {id}"));
        }
        Action::Disable { id } => {
            identity.switch_access_key(tenant, &id, false, ACTOR).await?;
            output.result(&json!({ "disabled": id }), &format!("disabled {id}"));
        }
        Action::Remove { id } => {
            identity.remove_access_key(tenant, &id, ACTOR).await?;
            output.result(&json!({ "removed": id }), &format!("removed {id}"));
        }
    }
    Ok(())
}

fn reveal(new: &KeySecret, output: &Output) {
    let value = json!({ "accessKeyId": new.id, "accessKeySecret": *new.secret });
    output.result(&value, &format!("secret of {}, shown once: {}", new.id, *new.secret));
}

fn shown(key: &AccessKey) -> Value {
    json!({
        "accessKeyId": key.id,
        "user": key.principal,
        "active": key.active,
        "created": key.created,
        "lastUsed": key.last_used,
    })
}

fn line(key: &AccessKey) -> String {
    let state = if key.active { "on" } else { "off" };
    let used = key.last_used.map_or("never used".to_owned(), |at| format!("used {at}"));
    format!("{} {:24} {state:3} {used}", key.id, key.principal)
}
