//! Signing in as CXone's clients do: access keys, signed tokens, permissions, the audit trail.

mod audit;
mod discovery;
mod forged;
mod keys;
mod permissions;
mod refresh;
mod throttle;
mod tokens;

use std::path::PathBuf;
use std::process::{Command, Output};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection as _, SqliteConnection};

use crate::gateway::{Answer, Gateway, PROGRAM, block_on, send};

const JSON_LOGIN: &str = "/authentication/v1/token/access-key";
const FORM_LOGIN: &str = "/auth/token";
const KEYS: &str = "/access-key-management/v1/access-keys";
const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

/// An access key, as its owner has it.
#[derive(Debug, Clone)]
pub(crate) struct Key {
    pub(crate) id: String,
    pub(crate) secret: String,
}

impl Key {
    pub(crate) fn of(value: &Value) -> Self {
        let text = |name: &str| value[name].as_str().expect("a text").to_owned();
        Self { id: text("accessKeyId"), secret: text("accessKeySecret") }
    }

    fn body(&self) -> String {
        json!({ "accessKeyId": self.id, "accessKeySecret": self.secret }).to_string()
    }
}

/// Runs a command on the gateway's data directory.
fn cli(gateway: &Gateway, arguments: &[&str]) -> Output {
    let mut command = Command::new(PROGRAM);
    command.args(arguments).args(["--json", "--data-dir"]).arg(gateway.data());
    command.output().expect("the program")
}

/// The same for one that must succeed: its line of JSON.
pub(crate) fn cli_json(gateway: &Gateway, arguments: &[&str]) -> Value {
    let output = cli(gateway, arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("one JSON line")
}

/// Adds a user with these permissions; the `Authorization` value of its own token.
fn add_user(gateway: &Gateway, tenant: &str, name: &str, permissions: &[&str]) -> String {
    let mut arguments = vec!["user", "--tenant", tenant, "add", name];
    permissions.iter().for_each(|permission| arguments.extend(["--permission", permission]));
    let added = cli_json(gateway, &arguments);
    format!("Bearer {}", added["token"].as_str().expect("a token"))
}

/// Adds a user with these permissions and an access key.
pub(crate) fn add_key(gateway: &Gateway, tenant: &str, name: &str, permissions: &[&str]) -> Key {
    add_user(gateway, tenant, name, permissions);
    Key::of(&cli_json(gateway, &["access-key", "--tenant", tenant, "add", name]))
}

fn post(gateway: &Gateway, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    send("POST", &format!("{}{path}", gateway.url), headers, body.to_owned())
}

fn login(gateway: &Gateway, key: &Key) -> Answer {
    post(gateway, JSON_LOGIN, &[("content-type", "application/json")], &key.body())
}

/// What a login that must succeed gives.
fn granted(gateway: &Gateway, key: &Key) -> Value {
    let answer = login(gateway, key);
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    answer.json()
}

/// The `Authorization` value of a fresh access token.
fn bearer(gateway: &Gateway, key: &Key) -> String {
    format!("Bearer {}", granted(gateway, key)["access_token"].as_str().expect("a token"))
}

/// A request with an `Authorization` value.
fn call(gateway: &Gateway, bearer: &str, method: &str, path: &str, body: &str) -> Answer {
    let url = format!("{}{path}", gateway.url);
    send(method, &url, &[("authorization", bearer)], body.to_owned())
}

/// Whether a bearer of `ingest.read` is let in.
fn lets_in(gateway: &Gateway, bearer: &str) -> bool {
    let answer = call(gateway, bearer, "GET", "/ingest/v1/recordings/unknown", "");
    match answer.status.as_u16() {
        404 => true,
        401 => false,
        status => panic!("{status}: {}", String::from_utf8_lossy(&answer.body)),
    }
}

/// Holds an answer to the dialect's form: JSON with code and message, not cached.
fn problem(answer: &Answer, status: u16, code: &str, names: &str) -> Value {
    let text = String::from_utf8_lossy(&answer.body).into_owned();
    assert_eq!(answer.status.as_u16(), status, "{text}");
    assert_eq!(answer.header("content-type"), "application/json", "{text}");
    assert_eq!(answer.header("cache-control"), "no-store", "{text}");
    let body = answer.json();
    assert_eq!(body["internalCode"], code, "{text}");
    let message = body["message"].as_str().expect("a message");
    assert!(message.contains(names), "{names:?} is not in {message:?}");
    assert_eq!(status == 401, !answer.header("www-authenticate").is_empty(), "{text}");
    body
}

/// The payload of a token, read as careless clients do: with the alphabet of plain base64.
fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).expect("three parts");
    let bytes = STANDARD_NO_PAD.decode(payload).expect("plain base64");
    serde_json::from_slice(&bytes).expect("JSON")
}

/// The gateway's catalogue file.
fn catalogue(gateway: &Gateway) -> PathBuf {
    gateway.data().join("catalog.sqlite")
}

/// Changes the catalogue behind the gateway's back.
fn sql(gateway: &Gateway, text: &str) {
    let url = format!("sqlite:{}", catalogue(gateway).display());
    block_on(async {
        let mut connection = SqliteConnection::connect(&url).await.expect("the catalogue");
        let done = sqlx::query(AssertSqlSafe(text.to_owned())).execute(&mut connection).await;
        assert!(done.expect(text).rows_affected() > 0, "{text} changed nothing");
        connection.close().await.expect("an end");
    });
}

/// One value of the catalogue.
fn value(gateway: &Gateway, text: &str) -> i64 {
    let url = format!("sqlite:{}", catalogue(gateway).display());
    block_on(async {
        let mut connection = SqliteConnection::connect(&url).await.expect("the catalogue");
        let query = sqlx::query_scalar(AssertSqlSafe(text.to_owned()));
        query.fetch_one(&mut connection).await.expect(text)
    })
}
