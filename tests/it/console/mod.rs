//! The API of the operator console (`docs/console.md`), on a real gateway.

mod access;
mod deliveries;
mod health;
mod quarantine;
mod recordings;
mod scale;
mod search;

use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Connection as _, SqliteConnection};

use crate::gateway::{Answer, Gateway, block_on, sample, send};
use crate::identity::cli_json;

/// What the paths begin with.
const API: &str = "/admin/v1";

/// As the operator of the default tenant.
fn get(gateway: &Gateway, path: &str) -> Value {
    let answer = gateway.call("GET", &format!("{API}{path}"), "");
    assert_eq!(answer.status, 200, "{path}: {}", String::from_utf8_lossy(&answer.body));
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(answer.header("cache-control"), "no-store");
    answer.json()
}

fn post(gateway: &Gateway, path: &str) -> Answer {
    gateway.call("POST", &format!("{API}{path}"), "")
}

/// As somebody else.
fn call(gateway: &Gateway, token: &str, method: &str, path: &str) -> Answer {
    send(method, &format!("{}{API}{path}", gateway.url), &[("authorization", token)], "")
}

/// Adds a user; its `Authorization` value.
fn add_user(gateway: &Gateway, tenant: &str, name: &str, permission: &str) -> String {
    let arguments = ["user", "--tenant", tenant, "add", name, "--permission", permission];
    let added = cli_json(gateway, &arguments);
    format!("Bearer {}", added["token"].as_str().expect("a token"))
}

/// Holds a refusal to its form.
fn refused(answer: &Answer, status: u16, code: &str, names: &str) -> Value {
    let text = String::from_utf8_lossy(&answer.body).into_owned();
    assert_eq!(answer.status.as_u16(), status, "{text}");
    assert_eq!(answer.header("content-type"), "application/json", "{text}");
    let body = answer.json();
    assert_eq!(body["internalCode"], code, "{text}");
    assert!(body["message"].as_str().expect("a message").contains(names), "{names}: {text}");
    body
}

/// A document of one WAVE file that begins at a second of an hour of 2026-03-04.
fn document(id: &str, second: u32) -> Value {
    let at = |second: u32| format!("2026-03-04T09:{:02}:{:02}.000Z", second / 60, second % 60);
    json!({
        "id": id, "callerPhoneNumber": "+1 555-0100", "dialedPhoneNumber": "+1 555-0199",
        "region": "north",
        "mediaFiles": [{
            "callUUID": "u", "mediaId": format!("{id}.wav"), "type": "audio/wav",
            "startTime": at(second), "stopTime": at(second + 12), "parameters": {},
        }],
    })
}

fn declare(gateway: &Gateway, document: &Value) {
    let answer = gateway.declare(document);
    assert_eq!(answer.status, 201, "{}", String::from_utf8_lossy(&answer.body));
}

fn push(gateway: &Gateway, id: &str) {
    let answer = gateway.push(id, &format!("{id}.wav"), sample("wav_pcm16_8k_mono.wav"));
    assert_eq!(answer.status, 201, "{}", String::from_utf8_lossy(&answer.body));
}

/// A document whose masks have no zone: it is held back until `mask.zone` is set.
fn zoneless(id: &str) -> Value {
    let mut document = document(id, 0);
    document["mediaFiles"][0]["masks"] = json!([
        {"time": "2026-03-04T09:00:04", "type": "paused"},
        {"time": "2026-03-04T09:00:06", "type": "resume"},
    ]);
    document
}

/// Pushes one that ends in quarantine; its asset.
fn quarantine(gateway: &Gateway, id: &str) -> String {
    declare(gateway, &zoneless(id));
    push(gateway, id);
    let status = gateway.settled(id);
    assert_eq!(status["media"][0]["reason"], "mask_needs_zone", "{status}");
    status["media"][0]["assetId"].as_str().expect("an id").to_owned()
}

/// Changes the catalogue behind the gateway's back.
fn sql(gateway: &Gateway, text: &str) {
    let url = format!("sqlite:{}", gateway.data().join("catalog.sqlite").display());
    block_on(async {
        let mut connection = SqliteConnection::connect(&url).await.expect("the catalogue");
        let done = sqlx::query(AssertSqlSafe(text.to_owned())).execute(&mut connection).await;
        assert!(done.expect(text).rows_affected() > 0, "{text} changed nothing");
        connection.close().await.expect("an end");
    });
}

/// Actors and subjects of the rows of the audit trail with this action.
fn audited(gateway: &Gateway, action: &str) -> Vec<(String, String)> {
    let url = format!("sqlite:{}", gateway.data().join("catalog.sqlite").display());
    block_on(async {
        let mut connection = SqliteConnection::connect(&url).await.expect("the catalogue");
        let text = "SELECT actor, subject FROM audit WHERE action = $1 ORDER BY number";
        sqlx::query_as(text).bind(action).fetch_all(&mut connection).await.expect("rows")
    })
}
