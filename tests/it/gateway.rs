//! The real program as a child process, and a client for it.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap};
use reqwest::{Body, Client, Method, StatusCode};
use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// How often a condition is asked for, and how many times in a minute.
const POLL: Duration = Duration::from_millis(20);
const POLLS: u32 = 3000;

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_reelgate");

/// Folder of the sample media.
pub(crate) fn samples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("sample-media")
}

/// Reads a sample file.
pub(crate) fn sample(name: &str) -> Vec<u8> {
    std::fs::read(samples().join(name)).expect("a sample file")
}

/// Reads a sample document.
pub(crate) fn document(name: &str) -> Value {
    serde_json::from_slice(&sample(&format!("{name}.recording.json"))).expect("a document")
}

/// Waits until `condition` gives something.
pub(crate) fn wait<T>(what: &str, condition: impl FnMut() -> Option<T>) -> T {
    wait_minutes(1, what, condition)
}

/// Waits so many minutes, for what moves gigabytes.
pub(crate) fn wait_minutes<T>(
    minutes: u32,
    what: &str,
    mut condition: impl FnMut() -> Option<T>,
) -> T {
    for _ in 0..POLLS * minutes {
        if let Some(found) = condition() {
            return found;
        }
        std::thread::sleep(POLL);
    }
    panic!("{what} did not happen");
}

fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| Runtime::new().expect("a runtime"))
}

fn client() -> &'static Client {
    static CLIENT: OnceLock<Client> = OnceLock::new();
    CLIENT.get_or_init(|| {
        // A killed gateway's port may be taken by the next one: no connection is kept.
        Client::builder().pool_max_idle_per_host(0).build().expect("a client")
    })
}

/// Runs a future to its end.
pub(crate) fn block_on<F: Future>(work: F) -> F::Output {
    runtime().block_on(work)
}

/// Begins a future that runs beside the test.
pub(crate) fn spawn<F>(work: F) -> tokio::task::JoinHandle<F::Output>
where
    F: Future<Output: Send> + Send + 'static,
{
    runtime().spawn(work)
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|_| panic!("no JSON: {}", String::from_utf8_lossy(&self.body)))
    }

    pub(crate) fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("a text header"))
    }
}

/// Sends a request; `None` when the connection failed.
pub(crate) fn try_send(
    method: &str,
    url: &str,
    headers: &[(&str, &str)],
    body: impl Into<Body>,
) -> Option<Answer> {
    let method = Method::from_bytes(method.as_bytes()).expect("a method");
    let mut request = client().request(method, url).body(body);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    block_on(async {
        let answer = request.send().await.ok()?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        let body = answer.bytes().await.ok()?.to_vec();
        Some(Answer { status, headers, body })
    })
}

/// Sends a request that must be answered.
pub(crate) fn send(
    method: &str,
    url: &str,
    headers: &[(&str, &str)],
    body: impl Into<Body>,
) -> Answer {
    try_send(method, url, headers, body).unwrap_or_else(|| panic!("{method} {url}: no answer"))
}

/// A running gateway in a folder of its own.
pub(crate) struct Gateway {
    child: Child,
    pub(crate) url: String,
    pub(crate) folder: TempDir,
    settings: Vec<(String, String)>,
}

impl Gateway {
    /// Starts one with these settings (`SECTION__KEY`), and waits until it listens.
    pub(crate) fn start(settings: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let settings: Vec<_> =
            settings.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let (child, url) = launch(folder.path(), &settings);
        Self { child, url, folder, settings }
    }

    /// The data directory.
    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).expect("a log")
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// kill -9.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("a running gateway");
        self.child.wait().expect("an ended gateway");
    }

    /// Changes a setting for the next start.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.settings.retain(|(known, _)| known != name);
        self.settings.push((name.to_owned(), value.to_owned()));
    }

    /// Takes a setting back for the next start.
    pub(crate) fn unset(&mut self, name: &str) {
        self.settings.retain(|(known, _)| known != name);
    }

    /// Starts again after a kill.
    pub(crate) fn restart(&mut self) {
        (self.child, self.url) = launch(self.folder.path(), &self.settings);
    }

    /// SIGTERM; the exit code.
    pub(crate) fn terminate(&mut self) -> Option<i32> {
        let pid = self.pid().to_string();
        Command::new("kill").args(["-TERM", &pid]).status().expect("kill");
        self.child.wait().expect("an ended gateway").code()
    }

    pub(crate) fn token(&self) -> String {
        let path = self.data().join("operator.token");
        let token = std::fs::read_to_string(path).expect("operator.token");
        format!("Bearer {}", token.trim())
    }

    /// `user:password` of the insertion endpoint.
    pub(crate) fn ops(&self) -> String {
        let path = self.data().join("ops.credentials");
        std::fs::read_to_string(path).expect("ops.credentials").trim().to_owned()
    }

    /// A request of the operator; `path` begins with a slash.
    pub(crate) fn call(&self, method: &str, path: &str, body: impl Into<Body>) -> Answer {
        let token = self.token();
        let headers = [(AUTHORIZATION.as_str(), token.as_str())];
        send(method, &format!("{}{path}", self.url), &headers, body)
    }

    /// Declares a recording.
    pub(crate) fn declare(&self, document: &Value) -> Answer {
        let id = document["id"].as_str().expect("an id");
        self.call("PUT", &format!("/ingest/v1/recordings/{id}"), document.to_string())
    }

    /// Pushes one media file.
    pub(crate) fn push(&self, recording: &str, media: &str, body: impl Into<Body>) -> Answer {
        self.call("PUT", &format!("/ingest/v1/recordings/{recording}/media/{media}"), body)
    }

    /// Declares a sample and pushes its file; the recording and media id.
    pub(crate) fn push_sample(&self, file: &str) -> (String, String) {
        let stem = file.rsplit_once('.').expect("an extension").0;
        let document = document(stem);
        assert_eq!(self.declare(&document).status, StatusCode::CREATED);
        let (recording, media) = ids(&document);
        let answer = self.push(&recording, &media, sample(file));
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        assert_eq!(answer.status, StatusCode::CREATED, "{text}");
        (recording, media)
    }

    pub(crate) fn status(&self, recording: &str) -> Value {
        self.call("GET", &format!("/ingest/v1/recordings/{recording}"), "").json()
    }

    /// Waits until the recording is ready or quarantined.
    pub(crate) fn settled(&self, recording: &str) -> Value {
        wait("a final state", || {
            let status = self.status(recording);
            let done = matches!(status["state"].as_str(), Some("ready" | "quarantined" | "erased"));
            done.then_some(status)
        })
    }

    /// Waits until the first delivery is in this state.
    pub(crate) fn delivered(&self, recording: &str, state: &str) -> Value {
        wait("the delivery", || {
            let status = self.status(recording);
            (status["deliveries"][0]["state"] == state).then_some(status)
        })
    }

    /// A file of the embedded store, by its URL.
    pub(crate) fn stored(&self, url: &str) -> Vec<u8> {
        let path = url.split("/dav/store/").nth(1).expect("an embedded URL");
        let answer = basic(&format!("{}/dav/store/{path}", self.url), &self.ops());
        assert_eq!(answer.status, StatusCode::OK, "{url}");
        answer.body
    }
}

/// A GET with Basic credentials.
pub(crate) fn basic(url: &str, credentials: &str) -> Answer {
    let (user, password) = credentials.split_once(':').expect("user:password");
    let request = client().get(url).basic_auth(user, Some(password));
    block_on(async {
        let answer = request.send().await.expect("an answer");
        let (status, headers) = (answer.status(), answer.headers().clone());
        Answer { status, headers, body: answer.bytes().await.expect("a body").to_vec() }
    })
}

/// A POST of JSON with Basic credentials.
pub(crate) fn post_json(
    url: &str,
    credentials: &str,
    headers: &[(&str, &str)],
    body: String,
) -> Answer {
    let (user, password) = credentials.split_once(':').expect("user:password");
    let mut request = client().post(url).basic_auth(user, Some(password)).body(body);
    request = request.header(CONTENT_TYPE, "application/json");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    block_on(async {
        let answer = request.send().await.expect("an answer");
        let (status, headers) = (answer.status(), answer.headers().clone());
        Answer { status, headers, body: answer.bytes().await.expect("a body").to_vec() }
    })
}

/// Adds a user who may push and ask, with the command line; its `Authorization` value.
pub(crate) fn run_user_add(gateway: &Gateway, name: &str) -> String {
    let output = Command::new(PROGRAM)
        .args(["user", "add", name, "--json", "--permission", "ingest.write"])
        .args(["--permission", "ingest.read", "--data-dir"])
        .arg(gateway.data())
        .output()
        .expect("the program");
    let value: Value = serde_json::from_slice(&output.stdout).expect("one JSON object");
    format!("Bearer {}", value["token"].as_str().expect("a token"))
}

/// Recording id and first media id of a document.
pub(crate) fn ids(document: &Value) -> (String, String) {
    let text = |value: &Value| value.as_str().expect("an id").to_owned();
    (text(&document["id"]), text(&document["mediaFiles"][0]["mediaId"]))
}

fn launch(folder: &Path, settings: &[(String, String)]) -> (Child, String) {
    let log = std::fs::OpenOptions::new().create(true).append(true).open(folder.join("log"));
    let mut command = Command::new(PROGRAM);
    command.args(["serve", "--listen", "127.0.0.1:0", "--data-dir"]).arg(folder.join("data"));
    for (name, value) in settings {
        command.env(format!("REELGATE__{name}"), value);
    }
    command.env("TMPDIR", folder).stdin(Stdio::null()).stdout(Stdio::piped());
    let mut child = command.stderr(log.expect("a log file")).spawn().expect("the program");
    let mut line = String::new();
    let mut reader = BufReader::new(child.stdout.take().expect("standard output"));
    reader.read_line(&mut line).expect("a line");
    let value: Value = serde_json::from_str(&line).unwrap_or_else(|_| {
        panic!("no listening line: {}", std::fs::read_to_string(folder.join("log")).unwrap())
    });
    (child, value["listening"].as_str().expect("an address").to_owned())
}

impl Drop for Gateway {
    fn drop(&mut self) {
        // Already ended after a kill.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
