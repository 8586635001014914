//! GET of a file through signed links, beside Debian's nginx with `secure_link`.
//!
//! `cargo bench --bench get_beside_nginx [-- SECONDS]`. The same 4.8 MB of WAVE is served by nginx
//! (MD5 and expiry in the link, sendfile, no access log, two workers), by a gateway that stores it
//! unsealed, and by one that seals it (CMS, AES-256-GCM). 64 clients on loopback keep their
//! connections; they get the whole file, then random stretches of 64 KiB. The three take turns, and
//! medians are printed: compare ratios of one run. The clients share the machine, and their
//! processor time is printed as well. Needs `nginx` (Debian: `nginx-light`).

#![expect(clippy::indexing_slicing, reason = "a member of a JSON value that is missing is null")]

use std::cell::{Cell, RefCell};
use std::io::{BufRead as _, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use md5::{Digest as _, Md5};
use reelgate::asset::Digest;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::task::{JoinSet, LocalSet};

/// Connections at once.
const CLIENTS: u64 = 64;
/// How long each server is asked at a time, unless an argument says otherwise.
const SECONDS: u64 = 3;
/// Turns of each server for each load.
const ROUNDS: usize = 5;
/// 300 seconds at 8 kHz and 16 bits, mono.
const SAMPLES: u32 = 2_400_000;
const FILE_BYTES: u64 = SAMPLES as u64 * 2 + 44;
/// Length of a stretch.
const STRETCH: u64 = 64 * 1024;
/// What the clients read into, all of them.
const BUFFER: usize = 256 * 1024;
/// How long a server may take to be ready.
const PATIENCE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(50);

fn main() -> anyhow::Result<()> {
    let given = std::env::args().find_map(|argument| argument.parse().ok());
    let turn = Duration::from_secs(given.unwrap_or(SECONDS));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("call.wav");
    std::fs::write(&file, wave())?;
    let nginx = Nginx::start(folder.path())?;
    let servers = [
        nginx.server()?,
        Gateway::start("none")?.server("plain", &runtime)?,
        Gateway::start("cms")?.server("sealed", &runtime)?,
    ];
    println!("{CLIENTS} clients, {FILE_BYTES} bytes, {ROUNDS} turns of {turn:?} each; medians");
    for load in [Load::Whole, Load::Stretch] {
        let mut turns: [Vec<Turn>; 3] = Default::default();
        for server in &servers {
            measure(&runtime, server, load, turn / 4)?;
        }
        for _ in 0..ROUNDS {
            for (server, turns) in servers.iter().zip(&mut turns) {
                turns.push(measure(&runtime, server, load, turn)?);
            }
        }
        print(load, &servers, &turns)?;
    }
    for server in &servers {
        let (now, most) = memory(&server.pids())?;
        println!("{:7} memory: {now} MiB now, {most} MiB at most", server.name);
    }
    Ok(())
}

fn print(load: Load, servers: &[Server], turns: &[Vec<Turn>]) -> anyhow::Result<()> {
    println!("{}", load.name());
    let beside = median(turns.first().context("no turns")?, |turn| turn.rate());
    for (server, turns) in servers.iter().zip(turns) {
        let rate = median(turns, Turn::rate);
        println!(
            "  {:7} {rate:8.0} requests/s {:6.2} GB/s, {:.2} CPU s per GB (clients {:.2}), {:.2} of \
             nginx",
            server.name,
            median(turns, |turn| turn.bytes / 1e9 / turn.seconds),
            median(turns, |turn| turn.server_cpu / (turn.bytes / 1e9)),
            median(turns, |turn| turn.client_cpu / (turn.bytes / 1e9)),
            rate / beside,
        );
    }
    Ok(())
}

fn median(turns: &[Turn], of: impl Fn(&Turn) -> f64) -> f64 {
    let mut values: Vec<f64> = turns.iter().map(of).collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// What is asked for.
#[derive(Clone, Copy)]
enum Load {
    Whole,
    Stretch,
}

impl Load {
    const fn name(self) -> &'static str {
        match self {
            Self::Whole => "the whole file",
            Self::Stretch => "64 KiB at random places",
        }
    }

    const fn bytes(self) -> u64 {
        match self {
            Self::Whole => FILE_BYTES,
            Self::Stretch => STRETCH,
        }
    }

    const fn status(self) -> &'static [u8] {
        match self {
            Self::Whole => b"HTTP/1.1 200 ",
            Self::Stretch => b"HTTP/1.1 206 ",
        }
    }
}

/// One turn of one server.
struct Turn {
    requests: f64,
    bytes: f64,
    seconds: f64,
    server_cpu: f64,
    client_cpu: f64,
}

impl Turn {
    fn rate(&self) -> f64 {
        self.requests / self.seconds
    }
}

/// A server that is ready, and the link to the file.
struct Server {
    name: &'static str,
    address: SocketAddr,
    /// Path and query.
    link: String,
    child: Process,
    /// Where its files are.
    _folder: Option<TempDir>,
}

impl Server {
    /// The process and its children.
    fn pids(&self) -> Vec<u32> {
        let pid = self.child.0.id();
        let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
        let children = children.unwrap_or_default();
        let children = children.split_whitespace().filter_map(|pid| pid.parse().ok());
        std::iter::once(pid).chain(children).collect()
    }
}

/// A child that ends with us, however we end.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        // nginx tells its workers to stop at SIGTERM, which `kill` of the library does not send.
        let pid = self.0.id().to_string();
        let _ = Command::new("kill").args(["-TERM", &pid]).status();
        let _ = self.0.wait();
    }
}

/// Lets all clients ask one server for a while.
fn measure(
    runtime: &tokio::runtime::Runtime,
    server: &Server,
    load: Load,
    turn: Duration,
) -> anyhow::Result<Turn> {
    let pids = server.pids();
    let (server_before, client_before) = (cpu(&pids)?, cpu(&[std::process::id()])?);
    let begun = Instant::now();
    let requests = Rc::new(Cell::new(0_u64));
    let buffer = Rc::new(RefCell::new(vec![0; BUFFER]));
    runtime.block_on(LocalSet::new().run_until(async {
        let mut clients = JoinSet::new();
        for number in 0..CLIENTS {
            let (requests, buffer) = (Rc::clone(&requests), Rc::clone(&buffer));
            let mut client = Client { load, buffer, dice: number.wrapping_mul(0x9E37_79B9) | 1 };
            let (address, link) = (server.address, server.link.clone());
            clients.spawn_local(async move {
                let mut stream = TcpStream::connect(address).await?;
                stream.set_nodelay(true)?;
                while begun.elapsed() < turn {
                    client.ask(&mut stream, &link).await?;
                    requests.set(requests.get() + 1);
                }
                anyhow::Ok(())
            });
        }
        while let Some(ended) = clients.join_next().await {
            ended??;
        }
        anyhow::Ok(())
    }))?;
    let seconds = begun.elapsed().as_secs_f64();
    Ok(Turn {
        requests: requests.get() as f64,
        bytes: (requests.get() * load.bytes()) as f64,
        seconds,
        server_cpu: cpu(&pids)? - server_before,
        client_cpu: cpu(&[std::process::id()])? - client_before,
    })
}

struct Client {
    load: Load,
    buffer: Rc<RefCell<Vec<u8>>>,
    dice: u64,
}

impl Client {
    /// One request, and its answer to the end.
    async fn ask(&mut self, stream: &mut TcpStream, link: &str) -> anyhow::Result<()> {
        let range = match self.load {
            Load::Whole => String::new(),
            Load::Stretch => {
                self.dice ^= self.dice << 13;
                self.dice ^= self.dice >> 7;
                self.dice ^= self.dice << 17;
                let from = self.dice % (FILE_BYTES - STRETCH);
                format!("Range: bytes={from}-{}\r\n", from + STRETCH - 1)
            }
        };
        let request = format!("GET {link} HTTP/1.1\r\nHost: bench\r\n{range}\r\n");
        stream.write_all(request.as_bytes()).await?;
        let (mut head, mut got) = (Vec::new(), None);
        while got != Some(self.load.bytes()) {
            stream.readable().await?;
            let mut buffer = self.buffer.borrow_mut();
            let count = match stream.try_read(&mut buffer) {
                Ok(0) => bail!("the server closed a connection"),
                Ok(count) => count,
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => continue,
                Err(error) => return Err(error.into()),
            };
            match &mut got {
                Some(got) => *got += count as u64,
                None => {
                    head.extend_from_slice(buffer.get(..count).unwrap_or_default());
                    let end = head.windows(4).position(|window| window == b"\r\n\r\n");
                    if let Some(end) = end {
                        let right = head.starts_with(self.load.status());
                        ensure!(right, "{}", String::from_utf8_lossy(&head));
                        got = Some((head.len() - end - 4) as u64);
                    }
                }
            }
            ensure!(got.is_none_or(|got| got <= self.load.bytes()), "more bytes than asked for");
        }
        Ok(())
    }
}

/// Processor time of some processes, in seconds: fields 14 and 15 of `stat`, in hundredths.
fn cpu(pids: &[u32]) -> anyhow::Result<f64> {
    let mut ticks = 0_u64;
    for pid in pids {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
        let (_, fields) = stat.rsplit_once(')').context("no stat")?;
        let fields = fields.split_whitespace().skip(11).take(2);
        ticks += fields.filter_map(|field| field.parse::<u64>().ok()).sum::<u64>();
    }
    Ok(ticks as f64 / 100.0)
}

/// Resident memory of some processes, now and at most, in MiB.
fn memory(pids: &[u32]) -> anyhow::Result<(u64, u64)> {
    let (mut now, mut most) = (0, 0);
    for pid in pids {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok())
        };
        now += field("VmRSS:").context("no VmRSS")?;
        most += field("VmHWM:").context("no VmHWM")?;
    }
    Ok((now / 1024, most / 1024))
}

/// Noise in a WAVE file.
fn wave() -> Vec<u8> {
    let mut file =
        b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1F\0\0\x80\x3E\0\0\x02\0\x10\0data"
            .to_vec();
    file.extend((SAMPLES * 2).to_le_bytes());
    let mut state = 1_u32;
    for _ in 0..SAMPLES {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        file.extend(((state >> 16) as i16 / 4).to_le_bytes());
    }
    let riff = (SAMPLES * 2 + 36).to_le_bytes();
    file.splice(4..8, riff);
    file
}

/// nginx, before it is asked.
struct Nginx {
    address: SocketAddr,
    child: Process,
}

impl Nginx {
    const SECRET: &'static str = "a secret of the benchmark";

    fn start(folder: &Path) -> anyhow::Result<Self> {
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let config = folder.join("nginx.conf");
        let dir = folder.display();
        let own = std::fs::metadata("/proc/self")?;
        let user = if std::os::unix::fs::MetadataExt::uid(&own) == 0 { "user root;" } else { "" };
        let text = format!(
            "{user} daemon off; worker_processes 2; pid {dir}/nginx.pid; error_log {dir}/error.log;
             events {{ worker_connections 1024; }}
             http {{ access_log off; sendfile on; tcp_nodelay on; keepalive_requests 1000000000;
               client_body_temp_path {dir}/b; proxy_temp_path {dir}/p; fastcgi_temp_path {dir}/f;
               uwsgi_temp_path {dir}/u; scgi_temp_path {dir}/s;
               types {{ audio/wav wav; }}
               server {{ listen {address}; root {dir};
                 location / {{
                   secure_link $arg_md5,$arg_expires;
                   secure_link_md5 \"$secure_link_expires$uri {}\";
                   if ($secure_link = \"\") {{ return 403; }}
                   if ($secure_link = \"0\") {{ return 410; }} }} }} }}",
            Self::SECRET
        );
        std::fs::write(&config, text)?;
        let mut command = Command::new("nginx");
        command.env("PATH", "/usr/sbin:/usr/local/sbin:/usr/bin:/bin");
        command.arg("-c").arg(config).arg("-e").arg(folder.join("error.log"));
        let child = command.spawn().context("nginx: apt-get install nginx-light")?;
        let child = Process(child);
        Ok(Self { address, child })
    }

    fn server(self) -> anyhow::Result<Server> {
        let begun = Instant::now();
        while std::net::TcpStream::connect(self.address).is_err() {
            ensure!(begun.elapsed() < PATIENCE, "nginx does not answer");
            std::thread::sleep(PAUSE);
        }
        let expires = jiff::Timestamp::now().as_second() + 3600;
        let signed = Md5::digest(format!("{expires}/call.wav {}", Self::SECRET));
        let link = format!("/call.wav?md5={}&expires={expires}", URL_SAFE_NO_PAD.encode(signed));
        let (address, child) = (self.address, self.child);
        Ok(Server { name: "nginx", address, link, child, _folder: None })
    }
}

/// A gateway with a seal policy, before it has the file.
struct Gateway {
    folder: TempDir,
    url: String,
    child: Process,
}

impl Gateway {
    fn start(seal: &str) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let mut command = Command::new(env!("CARGO_BIN_EXE_reelgate"));
        command.args(["serve", "--listen", "127.0.0.1:0", "--data-dir"]);
        command.arg(folder.path().join("data")).env("REELGATE__OBSERVE__LOG", "error");
        command.env("REELGATE__SEAL__MODE", seal).stdout(Stdio::piped());
        let mut child = Process(command.spawn()?);
        let mut line = String::new();
        BufReader::new(child.0.stdout.take().context("no output")?).read_line(&mut line)?;
        let said: Value = serde_json::from_str(&line).context("the gateway did not start")?;
        let url = said["listening"].as_str().context("no address")?.to_owned();
        Ok(Self { folder, url, child })
    }

    /// Uploads the file, and asks for its link when it and its rendition are done.
    fn server(
        self,
        name: &'static str,
        runtime: &tokio::runtime::Runtime,
    ) -> anyhow::Result<Server> {
        let token: PathBuf = self.folder.path().join("data/operator.token");
        let token = std::fs::read_to_string(token)?.trim().to_owned();
        let url = format!("{}/ingest/v1/recordings/bench", self.url);
        let mut document: Value =
            serde_json::from_str(include_str!("../sample-media/wav_pcm16_8k_mono.recording.json"))?;
        document["id"] = "bench".into();
        let media = &mut document["mediaFiles"][0];
        media["mediaId"] = "call.wav".into();
        media["stopTime"] = "2026-03-04T09:21:00.000+0000".into();
        media["masks"] = json!([]);
        let client = reqwest::Client::new();
        let link = runtime.block_on(async {
            let put = |url: String| client.put(url).bearer_auth(&token);
            put(url.clone()).body(document.to_string()).send().await?.error_for_status()?;
            let media = put(format!("{url}/media/call.wav")).body(wave());
            media.send().await?.error_for_status()?;
            let begun = Instant::now();
            loop {
                let status = client.get(&url).bearer_auth(&token).send().await?;
                let status: Value = serde_json::from_str(&status.text().await?)?;
                if let Some(link) = status["media"][0]["playUrl"].as_str() {
                    let body = client.get(link).send().await?.bytes().await?;
                    ensure!(Digest::of(&body) == Digest::of(&wave()), "{name}: other bytes");
                    return Ok(link.to_owned());
                }
                ensure!(begun.elapsed() < PATIENCE, "{name}: not ready: {status}");
                tokio::time::sleep(PAUSE).await;
            }
        })?;
        let pid = [self.child.0.id()];
        // The rendition is made beside; whoever works on it is busy until then.
        let mut busy = cpu(&pid)?;
        loop {
            std::thread::sleep(PAUSE * 10);
            let now = cpu(&pid)?;
            if now - busy < 0.02 {
                break;
            }
            busy = now;
        }
        let url = url::Url::parse(&link)?;
        let query = url.query().context("a link without a query")?;
        let address = self.url.trim_start_matches("http://").parse()?;
        let link = format!("{}?{query}", url.path());
        Ok(Server { name, address, link, child: self.child, _folder: Some(self.folder) })
    }
}
