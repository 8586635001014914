//! `reelgate user`: who may call.

use std::sync::Arc;

use anyhow::{Context as _, bail, ensure};
use clap::{Args, Subcommand, ValueEnum};
use serde_json::json;

use super::output::Output;
use super::settings::SettingsArguments;
use crate::asset::{SystemClock, TenantId};
use crate::catalog::Catalog;
use crate::identity::{Identity, NewPrincipal, Permission, Permissions};
use crate::serve::{DataDir, catalog_url};

/// Who the audit trail says it was: whoever may read the data directory has no other name here.
pub(super) const ACTOR: &str = "cli";

/// Arguments of `user`.
#[derive(Debug, Args)]
pub(super) struct User {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    settings: SettingsArguments,
    /// Tenant.
    #[arg(long, global = true, default_value = "default")]
    tenant: String,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Credential {
    /// A bearer token.
    Token,
    /// A password, for Basic.
    Password,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Add a user, or give it a new credential. The credential is shown once.
    Add {
        /// Login name.
        name: String,
        /// What it signs in with.
        #[arg(long, value_enum, default_value = "token")]
        credential: Credential,
        /// operator, appliance, user or application.
        #[arg(long, default_value = "appliance")]
        kind: String,
        /// ingest.write, ingest.read, records.insert, records.hold, records.delete, store.read, admin,
        /// play, record.on_demand, record.mask, record.screen, recorder, events.read, keys.manage,
        /// keys.own, audit.read, or a place in CXone's role tree, such as "Interactions Hub > API > Multi-ACD Masking API"; may
        /// be repeated.
        #[arg(long, required = true)]
        permission: Vec<String>,
    },
    /// List users.
    List,
    /// Remove a user.
    Remove {
        /// Login name.
        name: String,
    },
}

impl User {
    pub(super) async fn run(self, output: &Output) -> anyhow::Result<()> {
        let config = self.settings.load()?;
        let data = DataDir::beside(&config.server.data_dir);
        let catalog = Catalog::open(&catalog_url(&config, &data)?).await?;
        let tenant = TenantId::parse(&self.tenant).context("--tenant")?;
        let result = act(self.action, &catalog, &tenant, output).await;
        catalog.close().await;
        result
    }
}

async fn act(
    action: Action,
    catalog: &Catalog,
    tenant: &TenantId,
    output: &Output,
) -> anyhow::Result<()> {
    let identity = Identity::new(catalog.clone(), Arc::new(SystemClock));
    match action {
        Action::Add { name, credential, kind, permission } => {
            ensure!(
                ["operator", "appliance", "user", "application"].contains(&kind.as_str()),
                "--kind must be operator, appliance, user or application"
            );
            ensure!(!name.is_empty() && !name.contains(':'), "a name must not hold a colon");
            if let Some(row) = catalog.principal_by_name(&name).await?
                && row.tenant != tenant.as_str()
            {
                bail!("the name belongs to another tenant");
            }
            let mut granted = Vec::new();
            for text in &permission {
                let found = Permission::parse(text);
                let found = found.with_context(|| format!("{text} is not a permission"))?;
                if !granted.contains(&found) {
                    granted.push(found);
                }
            }
            let permissions = Permissions::of(&granted);
            let actor = ACTOR;
            let new = NewPrincipal { tenant, name: &name, kind: &kind, permissions, actor };
            let (word, secret) = match credential {
                Credential::Token => ("token", identity.create_with_token(&new).await?),
                Credential::Password => ("password", identity.create_with_password(&new).await?),
            };
            let value = json!({ "name": name, (word): *secret });
            output.result(&value, &format!("{word} of {name}, shown once: {}", *secret));
        }
        Action::List => {
            let rows = catalog.principals(tenant).await?;
            let list: Vec<_> = rows
                .iter()
                .map(|row| {
                    json!({
                        "name": row.name,
                        "kind": row.kind,
                        "permissions": row.permissions.split_whitespace().collect::<Vec<_>>(),
                        "disabled": row.disabled != 0,
                    })
                })
                .collect();
            let lines: Vec<String> = rows
                .iter()
                .map(|row| format!("{:24} {:12} {}", row.name, row.kind, row.permissions))
                .collect();
            output.result(&json!({ "users": list }), &lines.join("\n"));
        }
        Action::Remove { name } => {
            ensure!(
                identity.remove_principal(tenant, &name, ACTOR).await?,
                "there is no user {name}"
            );
            output.result(&json!({ "removed": name }), &format!("removed {name}"));
        }
    }
    Ok(())
}
