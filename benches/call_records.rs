//! A month of 100,000 call records: the list as a stream, and its sums.
//!
//! `cargo bench --bench call_records [-- TURNS]`. The gateway is a process of its own with SQLite, so that
//! its memory is its own; the rows are those of the test of the same promise. Each turn reads the whole
//! list, without and with compression, and asks for both statistics; medians are printed. The client
//! shares the processors.
//!
//! No duration is asserted: compare figures of one machine.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use reqwest::Client;
use serde_json::Value;
use tempfile::TempDir;
use zeroize::Zeroizing;

const RECORDS: usize = 100_000;
/// How often everything is asked for, unless an argument says otherwise.
const TURNS: usize = 5;
const MARCH: &str = "start_datetime=2026-03-01+00:00:00&end_datetime=2026-03-31+23:59:59";
const FILL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/pbx/large/fill_month.py");

fn main() -> anyhow::Result<()> {
    let given = std::env::args().find_map(|argument| argument.parse().ok());
    let turns = given.unwrap_or(TURNS).max(1);
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(run(turns))
}

async fn run(turns: usize) -> anyhow::Result<()> {
    let gateway = Gateway::start()?;
    gateway.fill()?;
    let mut desk = Desk::new(&gateway)?;
    // What a page and the sums need is no part of what the list needs.
    desk.get(&format!("record/?{MARCH}&page=1&per_page=1000"), false).await?;
    desk.get(&format!("record/stats/?{MARCH}"), false).await?;
    let before = gateway.forget_peak()?;
    for (what, compressed) in [("the list", false), ("compressed", true)] {
        let mut lists = Vec::with_capacity(turns);
        for _ in 0..turns {
            lists.push(desk.get(&format!("record/?{MARCH}"), compressed).await?);
        }
        let first = median(lists.iter().map(|got| got.first));
        let total = median(lists.iter().map(|got| got.total));
        let bytes = lists.first().map_or(0, |got| got.bytes);
        let megabytes = bytes as f64 / 1e6;
        println!(
            "{what:<14} {RECORDS} records, {megabytes:.1} MB: first byte {:.0} ms, total {:.2} s, \
             {:.0} MB/s, {:.0} records/s",
            first.as_secs_f64() * 1000.0,
            total.as_secs_f64(),
            megabytes / total.as_secs_f64(),
            RECORDS as f64 / total.as_secs_f64()
        );
    }
    let [now, peak] = ["VmRSS:", "VmHWM:"].map(|name| gateway.memory(name));
    println!("memory         {before:.1} MiB before, {:.1} at the peak, {:.1} after", peak?, now?);
    for path in [format!("record/stats/?{MARCH}"), "records_stats/".to_owned()] {
        let mut times = Vec::with_capacity(turns);
        for _ in 0..turns {
            times.push(desk.get(&path, false).await?.total);
        }
        let name = path.split('?').next().unwrap_or_default();
        let time = median(times.into_iter()).as_secs_f64() * 1000.0;
        println!("{name:<14} {time:.0} ms");
    }
    Ok(())
}

fn median(times: impl Iterator<Item = Duration>) -> Duration {
    let mut times: Vec<_> = times.collect();
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

/// The gateway as a process.
struct Gateway {
    folder: TempDir,
    url: String,
    child: Child,
}

impl Gateway {
    fn start() -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let (child, url) = launch(&folder.path().join("data"))?;
        Ok(Self { folder, url, child })
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn token(&self) -> anyhow::Result<Zeroizing<String>> {
        let text = std::fs::read_to_string(self.data().join("operator.token"))?;
        Ok(Zeroizing::new(text.trim().to_owned()))
    }

    fn fill(&self) -> anyhow::Result<()> {
        let mut python = Command::new("python3");
        python.arg(FILL).arg(self.data().join("catalog.sqlite")).arg(RECORDS.to_string());
        let filled = python.stdout(Stdio::null()).status().context("python3")?;
        ensure!(filled.success(), "{FILL} failed");
        Ok(())
    }

    /// A line of the process's status in MiB.
    fn memory(&self, name: &str) -> anyhow::Result<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let kib = line.and_then(|rest| rest.split_whitespace().next()).context("no such line")?;
        Ok(kib.parse::<f64>()? / 1024.0)
    }

    /// Makes the peak what is held now; how much that is, in MiB.
    fn forget_peak(&self) -> anyhow::Result<f64> {
        std::fs::write(format!("/proc/{}/clear_refs", self.child.id()), "5")?;
        self.memory("VmHWM:")
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn launch(data: &Path) -> anyhow::Result<(Child, String)> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_reelgate"));
    command.args(["serve", "--listen", "127.0.0.1:0", "--data-dir"]).arg(data);
    command.env("REELGATE__OBSERVE__LOG", "error").stdout(Stdio::piped());
    let mut child = command.spawn()?;
    let mut line = String::new();
    BufReader::new(child.stdout.take().context("no output")?).read_line(&mut line)?;
    let listening: Value = serde_json::from_str(&line).context("the gateway did not start")?;
    let url = listening.get("listening").and_then(Value::as_str).context("no address")?;
    Ok((child, url.to_owned()))
}

/// An answer that was read to its end.
struct Got {
    first: Duration,
    total: Duration,
    bytes: usize,
}

/// Who asks.
struct Desk {
    client: Client,
    base: String,
    token: Zeroizing<String>,
}

impl Desk {
    fn new(gateway: &Gateway) -> anyhow::Result<Self> {
        let base = format!("{}/api/ver1.0/client/@me/", gateway.url);
        Ok(Self { client: Client::new(), base, token: gateway.token()? })
    }

    /// Reads an answer as it comes, and keeps none of it.
    async fn get(&mut self, path: &str, compressed: bool) -> anyhow::Result<Got> {
        let mut request = self.client.get(format!("{}{path}", self.base)).bearer_auth(&*self.token);
        if compressed {
            request = request.header("accept-encoding", "gzip");
        }
        let begun = Instant::now();
        let mut answer = request.send().await?.error_for_status()?;
        let (mut first, mut bytes) = (None, 0_usize);
        while let Some(chunk) = answer.chunk().await? {
            first.get_or_insert_with(|| begun.elapsed());
            bytes = bytes.saturating_add(chunk.len());
        }
        Ok(Got { first: first.context("an empty answer")?, total: begun.elapsed(), bytes })
    }
}
