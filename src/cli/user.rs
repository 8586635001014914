//! `reelgate user`: who may call.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, bail, ensure};
use clap::{Args, Subcommand, ValueEnum};
use jiff::tz::TimeZone;
use serde_json::json;
use zeroize::Zeroizing;

use super::files;
use super::output::Output;
use super::settings::SettingsArguments;
use crate::asset::{SystemClock, TenantId};
use crate::catalog::Catalog;
use crate::identity::{
    AccessLevel, Identity, NewPrincipal, OauthGrant, PbxProfile, Permission, Permissions, is_plain,
};
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
        /// admin, archive.retrieve, audit.read, events.read, ingest.read, ingest.write, keys.manage,
        /// keys.own, links.manage, metadata.extract, play, play.any, play.insights, record.mask,
        /// record.on_demand, record.screen, recorder, records.delete, records.hold, records.insert,
        /// records.read, store.read, or a place in CXone's role tree, such as "Interactions Hub > API >
        /// Multi-ACD Masking API"; may be repeated.
        #[arg(long, required = true)]
        permission: Vec<String>,
        #[command(flatten)]
        pbx: PbxArguments,
    },
    /// List users.
    List,
    /// Remove a user.
    Remove {
        /// Login name.
        name: String,
    },
}

/// What only users and applications of the PBX interface have.
#[derive(Debug, Args)]
struct PbxArguments {
    /// The only extension whose records it sees.
    #[arg(long, value_name = "ID")]
    extension: Option<i64>,
    /// The only group of extensions whose records it sees; or the group of its extension.
    #[arg(long, value_name = "ID")]
    extension_group: Option<i64>,
    /// Where its clock is, such as Europe/Moscow.
    #[arg(long, value_name = "ZONE")]
    timezone: Option<String>,
    /// OAuth 2.0 grant that an application may use: client_credentials or password; may be repeated.
    #[arg(long, value_name = "GRANT")]
    grant: Vec<String>,
    /// How much an application's tokens allow: call (records are read) or all.
    #[arg(long, value_name = "LEVEL", default_value = "call")]
    access: String,
    /// File with the password, for a user or application that has one elsewhere already.
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
}

impl PbxArguments {
    fn profile(&self) -> anyhow::Result<PbxProfile> {
        if let Some(zone) = &self.timezone {
            TimeZone::get(zone).context("--timezone is not a known time zone")?;
        }
        Ok(PbxProfile {
            extension_id: self.extension,
            extension_group_id: self.extension_group,
            timezone: self.timezone.clone(),
        })
    }

    fn grants(&self) -> anyhow::Result<Vec<OauthGrant>> {
        let read = |name: &String| {
            let grant = OauthGrant::parse(name);
            grant.with_context(|| format!("{name} is neither client_credentials nor password"))
        };
        self.grant.iter().map(read).collect()
    }

    /// The password of the file, without the end of its line.
    fn password(&self) -> anyhow::Result<Option<Zeroizing<String>>> {
        let Some(path) = &self.password_file else { return Ok(None) };
        let text = files::text(path)?;
        let password = text.trim_end_matches(['\r', '\n']);
        ensure!(!password.is_empty(), "{} holds no password", path.display());
        Ok(Some(Zeroizing::new(password.to_owned())))
    }
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
        Action::Add { name, credential, kind, permission, pbx } => {
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
            let grants = pbx.grants()?;
            let level = AccessLevel::parse(&pbx.access);
            let level = level.context("--access must be call or all")?;
            ensure!(
                grants.is_empty() || (kind == "application" && is_plain(&name)),
                "--grant is for an application whose name is of ASCII characters without > ? ~"
            );
            let new = NewPrincipal {
                tenant,
                name: &name,
                kind: &kind,
                permissions,
                profile: pbx.profile()?,
                oauth: Some((grants.as_slice(), level)).filter(|(grants, _)| !grants.is_empty()),
                actor: ACTOR,
            };
            let given = pbx.password()?;
            let (word, secret) = match credential {
                Credential::Token if given.is_none() && grants.is_empty() => {
                    ("token", identity.create_with_token(&new).await?)
                }
                _ => ("password", identity.create_with_password(&new, given).await?),
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
