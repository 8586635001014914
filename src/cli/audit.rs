//! `reelgate audit`: the trail of who did what.

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::output::Output;
use super::settings::SettingsArguments;
use crate::asset::{Digest, TenantId};
use crate::catalog::{AuditRow, Catalog};
use crate::identity::verify_audit;
use crate::serve::{DataDir, catalog_url};

/// Arguments of `audit`.
#[derive(Debug, Args)]
pub(super) struct Audit {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    settings: SettingsArguments,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Check that no row was changed, removed or put in, and print each chain's head. Ends with 1,
    /// naming the first row that does not fit.
    Verify {
        /// Only this tenant's chain.
        #[arg(long)]
        tenant: Option<String>,
        /// A head that was kept before: the chain must go through it, so rows that were cut off at
        /// its end are missed. Needs --tenant.
        #[arg(long, value_name = "SHA256", requires = "tenant")]
        head: Option<String>,
    },
    /// Show rows, oldest first.
    List {
        /// Whose chain.
        #[arg(long, default_value = "default")]
        tenant: String,
        /// Number of the first row.
        #[arg(long, default_value_t = 1)]
        from: i64,
        /// Most rows.
        #[arg(long, default_value_t = 1000)]
        limit: u32,
    },
}

impl Audit {
    pub(super) async fn run(self, output: &Output) -> anyhow::Result<()> {
        let config = self.settings.load()?;
        let data = DataDir::beside(&config.server.data_dir);
        let catalog = Catalog::open(&catalog_url(&config, &data)?).await?;
        let result = match self.action {
            Action::Verify { tenant, head } => verify(&catalog, tenant, head, output).await,
            Action::List { tenant, from, limit } => {
                list(&catalog, &tenant, from, limit, output).await
            }
        };
        catalog.close().await;
        result
    }
}

async fn verify(
    catalog: &Catalog,
    tenant: Option<String>,
    head: Option<String>,
    output: &Output,
) -> anyhow::Result<()> {
    let tenants = match tenant {
        Some(tenant) => vec![TenantId::parse(&tenant).context("--tenant")?],
        None => catalog.audited_tenants().await?,
    };
    let head = head.map(|head| Digest::parse(&head)).transpose().context("--head")?;
    let (mut chains, mut lines) = (Vec::new(), Vec::new());
    for tenant in &tenants {
        match verify_audit(catalog, tenant, head).await? {
            Ok(summary) => {
                let (rows, head) = (summary.rows, &summary.head);
                lines.push(format!("tenant {tenant}: {rows} rows fit; head {head}"));
                chains.push(summary);
            }
            Err(fault) => bail!("the audit trail does not fit: {fault}"),
        }
    }
    output.result(&json!({ "ok": true, "chains": chains }), &lines.join("\n"));
    Ok(())
}

async fn list(
    catalog: &Catalog,
    tenant: &str,
    from: i64,
    limit: u32,
    output: &Output,
) -> anyhow::Result<()> {
    let tenant = TenantId::parse(tenant).context("--tenant")?;
    let rows = catalog.audit_page(&tenant, from, limit).await?;
    let lines: Vec<String> = rows.iter().map(line).collect();
    let rows: Vec<Value> = rows.iter().map(shown).collect();
    output.result(&json!({ "tenant": tenant, "rows": rows }), &lines.join("\n"));
    Ok(())
}

fn at(row: &AuditRow) -> String {
    let at = Timestamp::from_microsecond(row.at_us);
    at.map_or_else(|_| row.at_us.to_string(), |at| format!("{at:.6}"))
}

/// What came from outside is shown escaped: a name must not write to the terminal.
fn line(row: &AuditRow) -> String {
    let (actor, action) = (row.actor.escape_debug(), row.action.escape_debug());
    let (subject, detail) = (row.subject.escape_debug(), row.detail.escape_debug());
    format!("{:6} {} {actor} {action} {subject} {detail}", row.number, at(row))
}

fn shown(row: &AuditRow) -> Value {
    // A detail that is not JSON was changed; it is shown as the text that it is.
    let detail = serde_json::from_str(&row.detail).unwrap_or_else(|_| json!(row.detail));
    json!({
        "number": row.number,
        "at": at(row),
        "actor": row.actor,
        "action": row.action,
        "subject": row.subject,
        "detail": detail,
        "sha256": row.sha256,
    })
}
