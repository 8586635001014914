//! Live control under load, and what is left of it after a kill.
//!
//! `cargo bench --bench control_load [-- SECONDS]`. 2,000 live interactions on 40 recorders of
//! `reelgate recorder-sim`, 200 commands a second (mask and unmask, stop and start), each answered
//! by its recorder. The gateway is a process of its own, so that its memory is its own and the kill
//! is a real one. Then it is killed under load, its catalogue is read, and it is started again in
//! the same directory: every command that was answered with 200 must stand in the ledger, every
//! command that a recorder acknowledged must be closed, and every open one must be delivered again.
//!
//! No duration is asserted: compare figures of one machine.

use std::collections::{BTreeMap, HashSet};
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use reelgate::asset::{InteractionId, RecorderId, RulingKind, TenantId};
use reelgate::catalog::{Catalog, CommandState};
use reelgate::cli::recorder_sim::{Behaviour, Call, Recorder, RecorderSettings, StepEvent, Steps};
use reqwest::Client;
use tempfile::TempDir;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use zeroize::Zeroizing;

const INTERACTIONS: usize = 2000;
const RECORDERS: usize = 40;
const COMMANDS_PER_S: u32 = 200;
/// How long the load lasts, unless an argument says otherwise.
const SECONDS: u64 = 30;
/// So many recorders fall silent so long before the kill, so that commands are open then.
const SILENT_RECORDERS: usize = 4;
const SILENCE: Duration = Duration::from_secs(2);
/// How often the catalogue is looked at.
const LOOK: Duration = Duration::from_millis(100);
/// How long the second delivery may take.
const PATIENCE: Duration = Duration::from_secs(60);

fn main() -> anyhow::Result<()> {
    let given = std::env::args().find_map(|argument| argument.parse().ok());
    let load = Duration::from_secs(given.unwrap_or(SECONDS));
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(run(load))
}

async fn run(load: Duration) -> anyhow::Result<()> {
    let mut gateway = Gateway::start()?;
    let seen = Arc::new(Seen::default());
    let mut recorders = Vec::with_capacity(RECORDERS);
    println!("memory of the idle gateway: {} MiB", gateway.memory_mib()?);
    let began = Instant::now();
    for number in 0..RECORDERS {
        recorders.push(recorder(&gateway, number, Arc::clone(&seen)).await?);
    }
    announce(&recorders).await?;
    let took = began.elapsed();
    println!("{INTERACTIONS} interactions announced in {:.1} s", took.as_secs_f64());
    println!("memory with them: {} MiB", gateway.memory_mib()?);
    let desk = Arc::new(Desk::new(&gateway)?);
    let (ticking, all) = (Arc::clone(&desk), load.saturating_add(SILENCE));
    let clock = tokio::spawn(async move { ticking.ask_for(all).await });
    tokio::time::sleep(load).await;
    desk.print(load);
    println!("memory under load: {} MiB", gateway.memory_mib()?);
    for recorder in recorders.iter().take(SILENT_RECORDERS) {
        recorder.behave(Behaviour::Silent);
    }
    tokio::time::sleep(SILENCE).await;
    gateway.kill()?;
    clock.abort();
    desk.give_up();
    let catalog = gateway.catalog().await?;
    let open = examine(&catalog, &desk, &seen).await?;
    catalog.close().await;
    seen.forget();
    for recorder in &recorders {
        recorder.behave(Behaviour::Obey);
    }
    let began = Instant::now();
    gateway.restart()?;
    let catalog = gateway.catalog().await?;
    let again = tokio::time::timeout(PATIENCE, delivered_again(&catalog, &seen, &open)).await;
    let GoneOn { withdrawn, answered } = match again {
        Ok(gone_on) => gone_on?,
        Err(_) => bail!("never delivered again: {:#?}", missing(&catalog, &seen, &open).await?),
    };
    catalog.close().await;
    println!(
        "started again: {} open commands delivered again within {:.1} s of the start; {answered} \
         were answered before that; {withdrawn} withdrawn, since they permit something and their \
         time was over",
        open.len().saturating_sub(withdrawn).saturating_sub(answered),
        began.elapsed().as_secs_f64()
    );
    Ok(())
}

/// How open commands went on after the restart.
#[derive(Default)]
struct GoneOn {
    /// Closed since they permit something and their time was over.
    withdrawn: usize,
    /// The recorder had it before the kill, and its answer came first.
    answered: usize,
}

/// Waits until every open command was seen again, withdrawn, or answered.
async fn delivered_again(
    catalog: &Catalog,
    seen: &Seen,
    open: &HashSet<String>,
) -> anyhow::Result<GoneOn> {
    let tenant = TenantId::parse("default")?;
    loop {
        let news = seen.news.notified();
        let (mut missing, mut gone_on) = (0_usize, GoneOn::default());
        for id in open.iter().filter(|id| !seen.has(id)) {
            let command = catalog.command(&tenant, id).await?.context("a command is gone")?;
            let permits = command.new.kind.permits();
            match command.state {
                CommandState::Done if !command.open => gone_on.answered += 1,
                CommandState::Expired if !command.open && permits => gone_on.withdrawn += 1,
                _ => missing += 1,
            }
        }
        if missing == 0 {
            return Ok(gone_on);
        }
        // A withdrawal rings no bell here.
        let _ = tokio::time::timeout(LOOK, news).await;
    }
}

/// What is known of the open commands that were not seen again.
async fn missing(
    catalog: &Catalog,
    seen: &Seen,
    open: &HashSet<String>,
) -> anyhow::Result<Vec<String>> {
    let tenant = TenantId::parse("default")?;
    let mut missing = Vec::new();
    for id in open.iter().filter(|id| !seen.has(id)) {
        let row = catalog.command(&tenant, id).await?.context("a command is gone")?;
        let (recorder, kind) = (row.new.recorder, row.new.kind.name());
        missing.push(format!("{recorder} {kind} {:?}, open: {}", row.state, row.open));
    }
    Ok(missing)
}

/// The gateway as a process.
struct Gateway {
    folder: TempDir,
    listen: String,
    child: Child,
}

impl Gateway {
    fn start() -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        // The recorders must find it again after the restart: a port that was free just now.
        let listen = TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
        let child = launch(&folder.path().join("data"), &listen)?;
        Ok(Self { folder, listen, child })
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn token(&self) -> anyhow::Result<Zeroizing<String>> {
        let text = std::fs::read_to_string(self.data().join("operator.token"))?;
        Ok(Zeroizing::new(text.trim().to_owned()))
    }

    /// The rows of the gateway, whether it runs or not.
    async fn catalog(&self) -> anyhow::Result<Catalog> {
        let url = Catalog::sqlite_url(&self.data().join("catalog.sqlite"));
        Ok(Catalog::open(&url).await?)
    }

    fn memory_mib(&self) -> anyhow::Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|rest| rest.split_whitespace().next()).context("no VmRSS")?;
        Ok(kib.parse::<u64>()? / 1024)
    }

    fn kill(&mut self) -> anyhow::Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    fn restart(&mut self) -> anyhow::Result<()> {
        self.child = launch(&self.data(), &self.listen)?;
        Ok(())
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.kill();
    }
}

fn launch(data: &Path, listen: &str) -> anyhow::Result<Child> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_reelgate"));
    command.args(["serve", "--listen", listen, "--data-dir"]).arg(data);
    command.env("REELGATE__OBSERVE__LOG", "error").stdout(Stdio::piped());
    let mut child = command.spawn()?;
    let mut line = String::new();
    BufReader::new(child.stdout.take().context("no output")?).read_line(&mut line)?;
    ensure!(line.contains("listening"), "the gateway did not start: {line}");
    Ok(child)
}

/// Commands that the recorders saw.
#[derive(Default)]
struct Seen {
    commanded: Mutex<HashSet<String>>,
    acknowledged: Mutex<HashSet<String>>,
    news: Notify,
}

impl Seen {
    fn note(&self, event: &StepEvent) {
        let (set, command) = match event {
            StepEvent::Commanded { command, .. } => (&self.commanded, command),
            StepEvent::Acknowledged { command, .. } => (&self.acknowledged, command),
            _ => return,
        };
        set.lock().unwrap_or_else(PoisonError::into_inner).insert(command.clone());
        self.news.notify_waiters();
    }

    fn forget(&self) {
        self.commanded.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn has(&self, command: &str) -> bool {
        self.commanded.lock().unwrap_or_else(PoisonError::into_inner).contains(command)
    }
}

fn recorder_name(number: usize) -> String {
    format!("bench-{number}")
}

async fn recorder(gateway: &Gateway, number: usize, seen: Arc<Seen>) -> anyhow::Result<Recorder> {
    let base = format!("http://{}", gateway.listen);
    let settings = RecorderSettings::new(&base, gateway.token()?, &recorder_name(number));
    let steps: Steps = Arc::new(move |step| seen.note(&step.event));
    Recorder::start(settings, steps).await
}

fn user(number: usize) -> String {
    format!("user-{number}")
}

fn interaction(number: usize) -> String {
    format!("call-{number}")
}

/// Each recorder announces its share, all of them at once.
async fn announce(recorders: &[Recorder]) -> anyhow::Result<()> {
    let shares = recorders.iter().enumerate().map(|(first, recorder)| async move {
        for number in (first..INTERACTIONS).step_by(RECORDERS) {
            let mut call = Call::of(&user(number));
            call.interaction = interaction(number);
            ensure!(recorder.announce(call).await?, "interaction {number} is not recorded");
        }
        Ok(())
    });
    futures_util::future::try_join_all(shares).await.map(|_| ())
}

/// What was asked for one interaction: even ones are masked and unmasked, odd ones stopped and
/// started.
#[derive(Default)]
struct Asked {
    answered: AtomicUsize,
    in_flight: AtomicBool,
}

/// Everybody who asks.
struct Desk {
    client: Client,
    base: String,
    token: Zeroizing<String>,
    asked: Vec<Asked>,
    latencies: Mutex<Vec<Duration>>,
    /// Answers other than 200, by status, and requests that were not sent because the one before
    /// was still in flight.
    others: Mutex<BTreeMap<String, usize>>,
    over: AtomicBool,
}

impl Desk {
    fn new(gateway: &Gateway) -> anyhow::Result<Self> {
        let service = "interaction-recording-management-service/v1/interactions";
        Ok(Self {
            client: Client::new(),
            base: format!("http://{}/{service}", gateway.listen),
            token: gateway.token()?,
            asked: (0..INTERACTIONS).map(|_| Asked::default()).collect(),
            latencies: Mutex::default(),
            others: Mutex::default(),
            over: AtomicBool::new(false),
        })
    }

    /// Asks at an even pace, however long the answers take.
    async fn ask_for(self: Arc<Self>, load: Duration) {
        let mut pace = tokio::time::interval(Duration::from_secs(1) / COMMANDS_PER_S);
        let (begun, mut requests) = (Instant::now(), JoinSet::new());
        for number in (0..INTERACTIONS).cycle() {
            pace.tick().await;
            if begun.elapsed() >= load {
                return;
            }
            while requests.try_join_next().is_some() {}
            let desk = Arc::clone(&self);
            requests.spawn(async move { desk.ask(number).await });
        }
    }

    async fn ask(&self, number: usize) {
        let Some(asked) = self.asked.get(number) else { return };
        if asked.in_flight.swap(true, Ordering::SeqCst) {
            return self.other("not sent: the one before is in flight".to_owned());
        }
        let count = asked.answered.load(Ordering::SeqCst);
        let what = match (number % 2, count % 2) {
            (0, 0) => "mask",
            (0, _) => "unmask",
            (_, 0) => "stop-recording-on-demand",
            _ => "start-recording-on-demand",
        };
        let url = format!("{}/{what}?userId={}", self.base, user(number));
        let sent = Instant::now();
        let answer = self.client.post(url).bearer_auth(&*self.token).send().await;
        let status = match answer {
            Ok(answer) => answer.status().to_string(),
            Err(_) => "no answer".to_owned(),
        };
        if status == "200 OK" {
            let mut all = self.latencies.lock().unwrap_or_else(PoisonError::into_inner);
            all.push(sent.elapsed());
            asked.answered.fetch_add(1, Ordering::SeqCst);
        } else {
            self.other(status);
        }
        asked.in_flight.store(false, Ordering::SeqCst);
    }

    fn other(&self, what: String) {
        if !self.over.load(Ordering::SeqCst) {
            let mut others = self.others.lock().unwrap_or_else(PoisonError::into_inner);
            *others.entry(what).or_default() += 1;
        }
    }

    /// The gateway was killed: what comes now is its end.
    fn give_up(&self) {
        self.over.store(true, Ordering::SeqCst);
    }

    fn print(&self, load: Duration) {
        let mut all = self.latencies.lock().unwrap_or_else(PoisonError::into_inner).clone();
        all.sort_unstable();
        let at = |share: usize| {
            let index = all.len().saturating_mul(share).div_ceil(100).saturating_sub(1);
            all.get(index).map_or(0.0, |time| time.as_secs_f64() * 1000.0)
        };
        let rate = all.len() as f64 / load.as_secs_f64();
        println!("{} commands answered with 200 in {load:?}: {rate:.0} a second", all.len());
        println!(
            "request to 200, the recorder's answer included, in ms: p50 {:.1}, p90 {:.1}, p99 \
             {:.1}, max {:.1}",
            at(50),
            at(90),
            at(99),
            at(100)
        );
        let others = self.others.lock().unwrap_or_else(PoisonError::into_inner);
        for (what, count) in others.iter() {
            println!("  {count} others: {what}");
        }
    }
}

/// Reads the catalogue of the killed gateway; the ids of its open commands.
async fn examine(catalog: &Catalog, desk: &Desk, seen: &Seen) -> anyhow::Result<HashSet<String>> {
    let tenant = TenantId::parse("default")?;
    let (mut answered, mut lost) = (0, 0);
    for (number, asked) in desk.asked.iter().enumerate() {
        let id = InteractionId::parse(&interaction(number))?;
        let ledger = catalog.rulings(&tenant, &id).await?;
        let kinds = match number % 2 {
            0 => [RulingKind::Mask, RulingKind::Unmask],
            _ => [RulingKind::Drop, RulingKind::Keep],
        };
        let promised = asked.answered.load(Ordering::SeqCst);
        let expected = kinds.into_iter().cycle().take(promised);
        let kept = expected.zip(&ledger).filter(|(kind, ruling)| *kind == ruling.kind).count();
        answered += promised;
        lost += promised.saturating_sub(kept);
    }
    let mut open = HashSet::new();
    for number in 0..RECORDERS {
        let id = RecorderId::parse(&recorder_name(number))?;
        let commands = catalog.open_commands(&tenant, &id).await?;
        open.extend(commands.into_iter().map(|command| command.new.id));
    }
    let acknowledged = seen.acknowledged.lock().unwrap_or_else(PoisonError::into_inner);
    let reopened = acknowledged.intersection(&open).count();
    println!("killed under load: {answered} commands answered with 200, {lost} not in the ledger");
    println!("{} acknowledged by recorders, {reopened} of them open", acknowledged.len());
    if lost > 0 || reopened > 0 {
        bail!("commands were lost");
    }
    Ok(open)
}
