//! `reelgate doctor`: checks what the gateway needs, one line a thing. Opening the catalogue brings
//! its schema up to date; nothing else is changed.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use anyhow::bail;
use clap::Args;
use serde_json::json;

use super::output::Output;
use super::settings::SettingsArguments;
use crate::catalog::Catalog;
use crate::config::Config;
use crate::serve::{DataDir, catalog_url};

const PROBE_TIMEOUT: Duration = Duration::from_secs(5);

/// Arguments of `doctor`.
#[derive(Debug, Args)]
pub(super) struct Doctor {
    #[command(flatten)]
    settings: SettingsArguments,
}

struct Finding {
    what: &'static str,
    good: bool,
    detail: String,
}

fn finding(what: &'static str, result: Result<String, String>) -> Finding {
    match result {
        Ok(detail) => Finding { what, good: true, detail },
        Err(detail) => Finding { what, good: false, detail },
    }
}

impl Doctor {
    pub(super) async fn run(self, output: &Output) -> anyhow::Result<()> {
        let config = self.settings.load()?;
        let data = DataDir::beside(&config.server.data_dir);
        let findings = [
            finding("settings", Ok("every setting can be used".to_owned())),
            finding("data directory", data_dir(&config.server.data_dir)),
            finding("disk", disk(&config)),
            finding("catalogue", catalogue(&config, &data).await),
            finding("recipients", recipients(&config)),
            finding("store", store(&config).await),
            finding("rws", rws(&config).await),
        ];
        let list: Vec<_> = findings
            .iter()
            .map(|f| json!({ "check": f.what, "ok": f.good, "detail": f.detail }))
            .collect();
        let lines: Vec<String> = findings
            .iter()
            .map(|f| format!("{:4} {:16} {}", if f.good { "ok" } else { "FAIL" }, f.what, f.detail))
            .collect();
        let bad = findings.iter().filter(|finding| !finding.good).count();
        output.result(&json!({ "ok": bad == 0, "checks": list }), &lines.join("\n"));
        if bad > 0 {
            bail!("{bad} check(s) failed");
        }
        Ok(())
    }
}

fn data_dir(folder: &Path) -> Result<String, String> {
    let shown = folder.display();
    let Ok(facts) = std::fs::metadata(folder) else {
        return Ok(format!("{shown} will be made at the first start"));
    };
    let mode = facts.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(format!("{shown} is open to others (mode {mode:03o}); run: chmod 700 {shown}"));
    }
    Ok(format!("{shown} is private"))
}

fn disk(config: &Config) -> Result<String, String> {
    let folder = &config.server.data_dir;
    let folder = folder.ancestors().find(|folder| folder.exists()).unwrap_or(Path::new("."));
    let facts = rustix::fs::statvfs(folder).map_err(|error| error.to_string())?;
    let free = facts.f_bavail.saturating_mul(facts.f_frsize);
    if free < config.ingest.reserve_bytes {
        return Err(format!("{free} bytes free, ingest.reserve_bytes wants more"));
    }
    Ok(format!("{} MiB free", free / (1 << 20)))
}

async fn catalogue(config: &Config, data: &DataDir) -> Result<String, String> {
    let url = catalog_url(config, data).map_err(|error| format!("{error:#}"))?;
    if config.catalog.url.is_none()
        && config.catalog.url_file.is_none()
        && !data.file("catalog.sqlite").exists()
    {
        return Ok("will be made at the first start".to_owned());
    }
    let catalog = Catalog::open(&url).await.map_err(|error| error.to_string())?;
    let counts = catalog.media_counts().await.map_err(|error| error.to_string());
    catalog.close().await;
    let counts: Vec<String> =
        counts?.into_iter().map(|(state, count)| format!("{count} {state}")).collect();
    Ok(format!(
        "answers; media: {}",
        if counts.is_empty() { "none".into() } else { counts.join(", ") }
    ))
}

fn recipients(config: &Config) -> Result<String, String> {
    let mut notes = Vec::new();
    for path in &config.seal.recipients {
        let shown = path.display();
        let text = std::fs::read_to_string(path).map_err(|error| format!("{shown}: {error}"))?;
        let (_, warnings) = crate::seal::Recipient::from_pem(&text, jiff::Timestamp::now())
            .map_err(|error| format!("{shown}: {error}"))?;
        notes.extend(warnings.iter().map(|warning| format!("{shown}: {warning}")));
    }
    let count = config.seal.recipients.len();
    Ok(format!("mode {}, {count} configured {}", config.seal.mode, notes.join("; ")))
}

async fn store(config: &Config) -> Result<String, String> {
    match &config.store.url {
        None => Ok("embedded WebDAV endpoint".to_owned()),
        Some(url) => reach(url).await,
    }
}

async fn rws(config: &Config) -> Result<String, String> {
    match &config.gir.rws_url {
        None => Ok("our own insertion endpoint".to_owned()),
        Some(url) => reach(url).await,
    }
}

/// Whether anything answers HTTP there; credentials are not sent.
async fn reach(url: &str) -> Result<String, String> {
    let client = reqwest::Client::builder().timeout(PROBE_TIMEOUT).build();
    let client = client.map_err(|error| error.without_url().to_string())?;
    match client.head(url).send().await {
        Ok(answer) => Ok(format!("answers HTTP {}", answer.status().as_u16())),
        Err(error) => Err(format!("does not answer: {}", error.without_url())),
    }
}
