//! A stand-in for Genesys Interaction Recording Web Services (RWS), which cannot be installed here:
//! an HTTP server with the sign-in, the CSRF tokens, the insertion and the reading of
//! `docs/gir.md` section 2, and with faults by script.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// The contact centre that exists; any other is not found.
pub(crate) const CONTACT_CENTER: &str = "57c0b771-b57c-4ea8-8655-7ef6d3c58ccc";
/// The ops user.
pub(crate) const USER: &str = "ops";
/// The ops user's password.
pub(crate) const PASSWORD: &str = "ops-secret";

/// The token header's name, unlike the usual one: a client must read it from the answer.
const CSRF_HEADER: HeaderName = HeaderName::from_static("x-sample-csrf");

/// What happens to one insertion that signed in with a valid token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The HTTP session is lost: 403, and a new token is needed. Nothing is stored.
    Forbid403,
    /// HTTP 500. Nothing is stored.
    Status500,
    /// HTTP 200 with this `statusCode`. Nothing is stored.
    Code(u64),
    /// The record is stored, and no answer comes for as long as the connection lasts.
    StoreThenHang,
}

/// How a server behaves.
pub(crate) struct Script {
    /// Taken by insertions, first to last; without one left they succeed.
    pub faults: Vec<Fault>,
    /// Whether the node's CSRF protection is on.
    pub csrf: bool,
    /// The node's region: records of another one are taken and cannot be read. `None`: any.
    pub region: Option<String>,
}

impl Default for Script {
    /// No faults, CSRF protection on, any region.
    fn default() -> Self {
        Self { faults: Vec::new(), csrf: true, region: None }
    }
}

/// One request as the server saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    /// `GET` or `POST`.
    pub method: String,
    /// Path with query.
    pub path: String,
    /// Whether it carried the session's token in the named header.
    pub csrf: bool,
    /// The answer's status; `None` when it never answered.
    pub status: Option<u16>,
}

/// A record as it was inserted, later insertions merged in.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Stored {
    /// The insertion record.
    pub record: Value,
    /// How many insertions reached it.
    pub inserts: usize,
}

/// A running server; it stops when the value is dropped.
pub(crate) struct Rws {
    url: String,
    node: Arc<Node>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Rws {
    /// Starts a server on a free loopback port, on a thread and a runtime of its own.
    pub(crate) fn start(script: Script) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a loopback port");
        listener.set_nonblocking(true).expect("a socket option");
        let url = format!("http://{}", listener.local_addr().expect("its address"));
        let faults = Mutex::new(script.faults.into());
        let Script { csrf, region, .. } = script;
        let node = Arc::new(Node { url: url.clone(), csrf, region, faults, ..Node::default() });
        let app = Router::new().fallback(answer).with_state(Arc::clone(&node));
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(async {
                let listener = TcpListener::from_std(listener).expect("a listening socket");
                tokio::select! {
                    ended = async { axum::serve(listener, app).await } => ended.expect("serving"),
                    _ = stopped => {}
                }
            });
        });
        Self { url, node, stop: Some(stop), thread: Some(thread) }
    }

    /// Scheme, host and port.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Everything stored, by record id.
    pub(crate) fn records(&self) -> BTreeMap<String, Stored> {
        lock(&self.node.records).clone()
    }

    /// Every request in the order of its end; one that hangs, in the order of its arrival.
    pub(crate) fn requests(&self) -> Vec<Seen> {
        lock(&self.node.seen).clone()
    }

    /// The POST requests among them.
    pub(crate) fn posts(&self) -> Vec<Seen> {
        self.requests().into_iter().filter(|seen| seen.method == "POST").collect()
    }
}

impl Drop for Rws {
    /// Ends the runtime, and with it the requests that hang.
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[derive(Default)]
struct Node {
    url: String,
    csrf: bool,
    region: Option<String>,
    faults: Mutex<VecDeque<Fault>>,
    /// Token by session id.
    sessions: Mutex<HashMap<String, String>>,
    /// Sessions ever made, for names that do not repeat.
    made: Mutex<usize>,
    records: Mutex<BTreeMap<String, Stored>>,
    seen: Mutex<Vec<Seen>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("no thread panicked with the lock")
}

/// Every request ends here: who, then which path, then what the script says.
async fn answer(
    State(node): State<Arc<Node>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let csrf = node.carries_token(&headers);
    let response = node.respond(&method, uri.path(), &headers, &body);
    let status = response.as_ref().map(|response| response.status().as_u16());
    let path = uri.to_string();
    lock(&node.seen).push(Seen { method: method.to_string(), path, csrf, status });
    match response {
        Some(response) => response,
        None => std::future::pending().await,
    }
}

impl Node {
    /// The answer, if there is ever one.
    fn respond(
        &self,
        method: &Method,
        path: &str,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Option<Response> {
        if !signed_in(headers) {
            return Some(coded(StatusCode::UNAUTHORIZED, 20, "Not authenticated"));
        }
        let steps: Vec<&str> = path.split('/').skip(1).collect();
        let response = match (method.as_str(), steps.as_slice()) {
            ("GET", ["api", "v2", "ops", "contact-centers"]) => self.contact_centers(),
            ("GET", ["api", "v2", "ops", "contact-centers", center, "recordings", id]) => {
                self.read(center, id)
            }
            ("POST", ["internal-api", "contact-centers", center, "recordings"]) => {
                return self.insert(center, headers, body);
            }
            _ => not_found(),
        };
        Some(self.with_token(headers, response))
    }

    fn contact_centers(&self) -> Response {
        let uri = format!("{}/api/v2/ops/contact-centers/{CONTACT_CENTER}", self.url);
        axum::Json(json!({"statusCode": 0, "uris": [uri]})).into_response()
    }

    /// RWS gives the inserted descriptor back under another name, and adds its own addresses.
    fn read(&self, center: &str, id: &str) -> Response {
        let records = lock(&self.records);
        let Some(stored) = records.get(id).filter(|_| center == CONTACT_CENTER) else {
            return not_found();
        };
        let mut record = stored.record.clone();
        if self.region.as_ref().is_some_and(|region| record["region"] != region.as_str()) {
            return not_found();
        }
        for media in record["mediaFiles"].as_array_mut().into_iter().flatten() {
            media["originalMediaDescriptor"] = media["mediaDescriptor"].take();
            let name = media["mediaId"].as_str().unwrap_or_default();
            media["mediaUri"] = json!(format!("{}/api/v2/recordings/{id}/play/{name}", self.url));
            media.as_object_mut().map(|media| media.remove("mediaDescriptor"));
        }
        axum::Json(json!({"statusCode": 0, "recording": record})).into_response()
    }

    fn insert(&self, center: &str, headers: &HeaderMap, body: &[u8]) -> Option<Response> {
        if self.csrf && !self.carries_token(headers) {
            return Some(missing_token());
        }
        if center != CONTACT_CENTER {
            return Some(not_found());
        }
        let fault = lock(&self.faults).pop_front();
        match fault {
            Some(Fault::Forbid403) => {
                lock(&self.sessions).clear();
                Some(missing_token())
            }
            Some(Fault::Status500) => Some(StatusCode::INTERNAL_SERVER_ERROR.into_response()),
            Some(Fault::Code(code)) => Some(coded(StatusCode::OK, code, "by script")),
            Some(Fault::StoreThenHang) => {
                self.store(body);
                None
            }
            None => Some(self.store(body)),
        }
    }

    /// Checks the mandatory members, then merges: members replace, media files of new ids join.
    fn store(&self, body: &[u8]) -> Response {
        let Ok(record) = serde_json::from_slice::<Value>(body) else {
            return coded(StatusCode::BAD_REQUEST, 2, "not JSON");
        };
        let text = |name: &str| record[name].as_str().filter(|text| !text.is_empty());
        let mandatory = ["id", "callerPhoneNumber", "dialedPhoneNumber", "region"];
        if let Some(name) = mandatory.into_iter().find(|name| text(name).is_none()) {
            return coded(StatusCode::BAD_REQUEST, 1, name);
        }
        let Some(media) = record["mediaFiles"].as_array().filter(|media| !media.is_empty()) else {
            return coded(StatusCode::BAD_REQUEST, 1, "mediaFiles");
        };
        let id = record["id"].as_str().unwrap_or_default().to_owned();
        let mut records = lock(&self.records);
        let empty = Stored { record: json!({"mediaFiles": []}), inserts: 0 };
        let stored = records.entry(id).or_insert(empty);
        let mut joined = stored.record["mediaFiles"].as_array().cloned().unwrap_or_default();
        for file in media {
            if !joined.iter().any(|known| known["mediaId"] == file["mediaId"]) {
                joined.push(file.clone());
            }
        }
        for (name, value) in record.as_object().into_iter().flatten() {
            stored.record[name] = value.clone();
        }
        stored.record["mediaFiles"] = Value::Array(joined);
        stored.inserts += 1;
        axum::Json(json!({"statusCode": 0})).into_response()
    }

    /// Whether the request carries its session's token in the header that was named.
    fn carries_token(&self, headers: &HeaderMap) -> bool {
        let sessions = lock(&self.sessions);
        let expected = session(headers).and_then(|id| sessions.get(id));
        let given = headers.get(&CSRF_HEADER).and_then(|value| value.to_str().ok());
        expected.is_some_and(|token| given == Some(token))
    }

    /// Adds the session's token to the answer of a GET, and a new session if there is none.
    fn with_token(&self, headers: &HeaderMap, response: Response) -> Response {
        if !self.csrf {
            return response;
        }
        let mut sessions = lock(&self.sessions);
        let named = |token: &str| {
            [("x-csrf-header", CSRF_HEADER.as_str()), ("x-csrf-token", token)]
                .map(|(name, value)| (HeaderName::from_static(name), value.to_owned()))
        };
        if let Some(token) = session(headers).and_then(|id| sessions.get(id)) {
            return (named(token), response).into_response();
        }
        let mut made = lock(&self.made);
        *made += 1;
        let (id, token) = (format!("session-{made}"), format!("token-{made}"));
        let cookie = format!("JSESSIONID={id}; Path=/; HttpOnly");
        let response = (named(&token), [(header::SET_COOKIE, cookie)], response).into_response();
        sessions.insert(id, token);
        response
    }
}

/// The session id that the request's cookie names.
fn session(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get(header::COOKIE)?.to_str().ok()?;
    cookies.split(';').find_map(|cookie| cookie.trim().strip_prefix("JSESSIONID="))
}

fn signed_in(headers: &HeaderMap) -> bool {
    let expected = format!("Basic {}", STANDARD.encode(format!("{USER}:{PASSWORD}")));
    headers.get(header::AUTHORIZATION).is_some_and(|given| given.as_bytes() == expected.as_bytes())
}

fn coded(status: StatusCode, code: u64, message: &str) -> Response {
    (status, axum::Json(json!({"statusCode": code, "statusMessage": message}))).into_response()
}

fn not_found() -> Response {
    coded(StatusCode::NOT_FOUND, 6, "Not found")
}

fn missing_token() -> Response {
    (StatusCode::FORBIDDEN, "Missing or invalid Csrf token").into_response()
}
