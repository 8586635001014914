//! A recorder for tests: registers, announces, takes commands by stream or long poll, and answers
//! them as it is told.

use std::sync::{Arc, Mutex, OnceLock};

use jiff::Timestamp;
use reqwest::{Client, Response};
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use crate::gateway::{Answer, Gateway, block_on, send, spawn, wait};

/// All that a recorder can be able to do.
pub(super) const ALL: [&str; 4] = ["voice", "screen", "pause", "stop"];

/// What it does with a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Conduct {
    /// Does it, and says so at once.
    Obeys,
    /// Says that it began; [`Recorder::finish`] says that it did it.
    Begins,
    /// Says that it will not.
    Refuses,
    /// Says nothing.
    Silent,
    /// Says that it did it, and then reports that it records on.
    Disobeys,
}

impl Conduct {
    const fn word(self) -> Option<&'static str> {
        match self {
            Self::Obeys | Self::Disobeys => Some("done"),
            Self::Begins => Some("accepted"),
            Self::Refuses => Some("refused"),
            Self::Silent => None,
        }
    }
}

/// Where it stands in the media, in milliseconds, when it carried out the command of this
/// position.
pub(super) fn media_ms(command: &Value) -> i64 {
    1000 * command["position"].as_i64().expect("a position")
}

struct Inner {
    id: String,
    token: String,
    url: Mutex<String>,
    conduct: Mutex<Conduct>,
    taken: Mutex<Vec<Value>>,
}

/// A recorder, and its stream while it listens.
pub(super) struct Recorder {
    inner: Arc<Inner>,
    listening: Option<JoinHandle<()>>,
}

fn client() -> &'static Client {
    static CLIENT: OnceLock<Client> = OnceLock::new();
    CLIENT.get_or_init(|| {
        // A killed gateway's port may be taken by the next one: no connection is kept.
        Client::builder().pool_max_idle_per_host(0).build().expect("a client")
    })
}

impl Recorder {
    /// One of the operator that can do all; it obeys, and does not listen yet.
    pub(super) fn new(gateway: &Gateway, id: &str) -> Self {
        let recorder = Self::of(gateway, &gateway.token(), id);
        recorder.can(&ALL);
        recorder
    }

    /// One of another principal, not registered yet.
    pub(super) fn of(gateway: &Gateway, token: &str, id: &str) -> Self {
        let inner = Inner {
            id: id.to_owned(),
            token: token.to_owned(),
            url: Mutex::new(gateway.url.clone()),
            conduct: Mutex::new(Conduct::Obeys),
            taken: Mutex::default(),
        };
        Self { inner: inner.into(), listening: None }
    }

    /// Its name.
    pub(super) fn id(&self) -> &str {
        &self.inner.id
    }

    /// A request on the channel.
    pub(super) fn call(&self, method: &str, path: &str, body: impl Into<reqwest::Body>) -> Answer {
        let url = format!("{}/control/v1{path}", self.inner.url());
        let headers = [("authorization", self.inner.token.as_str())];
        send(method, &url, &headers, body)
    }

    /// Registers with a body.
    pub(super) fn register(&self, body: &Value) -> Answer {
        self.call("PUT", &format!("/recorders/{}", self.inner.id), body.to_string())
    }

    /// Registers with these capabilities.
    pub(super) fn can(&self, capabilities: &[&str]) {
        let answer = self.register(&json!({ "capabilities": capabilities }));
        assert_eq!(answer.status, 200, "{}", answer.json());
    }

    /// A customer's call that the policy records.
    pub(super) fn call_body(&self, contact: &str, users: &[&str]) -> Value {
        let users: Vec<Value> = users.iter().map(|user| json!({ "userId": user })).collect();
        json!({
            "contactId": contact, "recorderId": self.inner.id, "direction": "inbound",
            "policy": "record", "users": users, "startTime": now(),
        })
    }

    /// Announces an interaction.
    pub(super) fn announce(&self, interaction: &str, body: &Value) -> Answer {
        self.call("PUT", &format!("/interactions/{interaction}"), body.to_string())
    }

    /// Announces a new call of these users; what the gateway answers.
    pub(super) fn begin(&self, interaction: &str, contact: &str, users: &[&str]) -> Value {
        let answer = self.announce(interaction, &self.call_body(contact, users));
        assert_eq!(answer.status, 201, "{}", answer.json());
        answer.json()
    }

    /// Reports events.
    pub(super) fn report(&self, interaction: &str, events: &Value) -> Answer {
        self.call("POST", &format!("/interactions/{interaction}/events"), events.to_string())
    }

    /// Reports one event of this instant that must be taken; what the gateway answers.
    pub(super) fn tell(&self, interaction: &str, kind: &str, users: &[&str]) -> Value {
        let mut event = json!({ "type": kind, "time": now() });
        for (name, user) in ["userId", "toUserId"].iter().zip(users) {
            event[*name] = json!(user);
        }
        let answer = self.report(interaction, &event);
        assert_eq!(answer.status, 200, "{}", answer.json());
        answer.json()
    }

    /// From now on it does this with commands.
    pub(super) fn conduct(&self, conduct: Conduct) {
        *self.inner.conduct.lock().unwrap() = conduct;
    }

    /// Opens the stream of commands.
    pub(super) fn listen(&mut self) {
        self.hang_up();
        let stream = block_on(self.inner.open());
        let inner = Arc::clone(&self.inner);
        self.listening = Some(spawn(inner.follow(stream)));
    }

    /// Takes commands by long poll.
    pub(super) fn poll(&mut self) {
        self.hang_up();
        let inner = Arc::clone(&self.inner);
        self.listening = Some(spawn(inner.poll()));
    }

    /// One long poll: the commands that wait.
    pub(super) fn waiting(&self) -> Vec<Value> {
        let answer = self.call("GET", &format!("/recorders/{}/commands?wait=0", self.inner.id), "");
        assert_eq!(answer.status, 200, "{}", answer.json());
        answer.json()["commands"].as_array().expect("a list").clone()
    }

    /// Listens no more.
    pub(super) fn hang_up(&mut self) {
        if let Some(task) = self.listening.take() {
            task.abort();
        }
    }

    /// Whether its stream was ended from the other side.
    pub(super) fn is_cut_off(&self) -> bool {
        self.listening.as_ref().is_some_and(JoinHandle::is_finished)
    }

    /// Goes on with a gateway that was started again.
    pub(super) fn follow(&mut self, gateway: &Gateway) {
        self.hang_up();
        *self.inner.url.lock().unwrap() = gateway.url.clone();
    }

    /// All commands that it saw, in order; one that came twice stands there twice.
    pub(super) fn taken(&self) -> Vec<Value> {
        self.inner.taken.lock().unwrap().clone()
    }

    /// Type and interaction of all commands that it saw.
    pub(super) fn told(&self) -> Vec<(String, String)> {
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        let taken = self.taken();
        taken.iter().map(|one| (text(&one["type"]), text(&one["interactionId"]))).collect()
    }

    /// Forgets what it saw.
    pub(super) fn forget(&self) {
        self.inner.taken.lock().unwrap().clear();
    }

    /// Waits until it saw so many commands.
    pub(super) fn wait_for(&self, count: usize) -> Vec<Value> {
        wait("the command", || Some(self.taken()).filter(|taken| taken.len() >= count))
    }

    /// Waits for the next command that it did not see before, and forgets what came before it.
    pub(super) fn next(&self) -> Value {
        let first = self.wait_for(1).remove(0);
        self.inner.taken.lock().unwrap().remove(0);
        first
    }

    /// Answers a command.
    pub(super) fn acknowledge(&self, command: &Value, body: &Value) -> Answer {
        let id = command["commandId"].as_str().expect("an id");
        self.call("POST", &format!("/commands/{id}/ack"), body.to_string())
    }

    /// Says that it did what a command says.
    pub(super) fn finish(&self, command: &Value) {
        let answer = self.acknowledge(command, &answer(command, "done"));
        assert_eq!(answer.status, 200, "{}", answer.json());
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.hang_up();
    }
}

/// What it says of a command.
fn answer(command: &Value, state: &str) -> Value {
    let mut body = json!({ "state": state });
    if state == "refused" {
        body["reason"] = json!("the disk is full");
    } else {
        body["effectiveAt"] = json!(now());
        body["mediaTimeMs"] = json!(media_ms(command));
    }
    body
}

/// Now, as the channel writes it.
pub(super) fn now() -> String {
    Timestamp::now().to_string()
}

/// So many seconds from now.
pub(super) fn in_seconds(seconds: i64) -> String {
    let at = Timestamp::now().checked_add(jiff::SignedDuration::from_secs(seconds));
    at.expect("an instant").to_string()
}

impl Inner {
    fn url(&self) -> String {
        self.url.lock().unwrap().clone()
    }

    async fn get(&self, query: &str, accept: &str) -> Option<Response> {
        let url = format!("{}/control/v1/recorders/{}/commands{query}", self.url(), self.id);
        let request = client().get(url).header("authorization", &self.token);
        request.header("accept", accept).send().await.ok()
    }

    async fn open(&self) -> Response {
        let stream = self.get("", "text/event-stream").await.expect("an answer");
        assert_eq!(stream.status(), 200);
        assert_eq!(stream.headers()["content-type"], "text/event-stream");
        stream
    }

    /// Reads server-sent events until the stream ends.
    async fn follow(self: Arc<Self>, mut stream: Response) {
        let mut text = String::new();
        while let Ok(Some(chunk)) = stream.chunk().await {
            text.push_str(std::str::from_utf8(&chunk).expect("UTF-8"));
            while let Some((event, rest)) = text.split_once("\n\n") {
                let command = command(event);
                text = rest.to_owned();
                if let Some(command) = command {
                    self.take(command).await;
                }
            }
        }
    }

    async fn poll(self: Arc<Self>) {
        while let Some(answer) = self.get("?wait=60", "application/json").await {
            let body = answer.bytes().await.expect("a body");
            let body: Value = serde_json::from_slice(&body).expect("JSON");
            for command in body["commands"].as_array().expect("a list") {
                self.take(command.clone()).await;
            }
        }
    }

    async fn take(&self, command: Value) {
        self.taken.lock().unwrap().push(command.clone());
        let conduct = *self.conduct.lock().unwrap();
        let Some(state) = conduct.word() else { return };
        let id = command["commandId"].as_str().expect("an id");
        self.post(&format!("/commands/{id}/ack"), &answer(&command, state)).await;
        if conduct == Conduct::Disobeys {
            let interaction = command["interactionId"].as_str().expect("an id");
            let event = json!({ "type": "resumed", "time": now() });
            self.post(&format!("/interactions/{interaction}/events"), &event).await;
        }
    }

    async fn post(&self, path: &str, body: &Value) {
        let url = format!("{}/control/v1{path}", self.url());
        let request = client().post(url).header("authorization", &self.token);
        // A gateway that was killed meanwhile does not answer; the test sees what follows.
        let _ = request.body(body.to_string()).send().await;
    }
}

/// The command of a server-sent event; a comment has none.
fn command(event: &str) -> Option<Value> {
    let field = |name: &str| {
        let mut lines = event.lines();
        lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(": ").map(str::to_owned))
    };
    let data = field("data")?;
    assert_eq!(field("event").as_deref(), Some("command"), "{event}");
    let command: Value = serde_json::from_str(&data).expect("JSON");
    assert_eq!(field("id"), Some(command["position"].to_string()), "{event}");
    Some(command)
}
