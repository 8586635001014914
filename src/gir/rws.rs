//! The client of Interaction Recording Web Services: Basic ops user, CSRF session, result codes.

use std::collections::BTreeSet;
use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, StatusCode};
use serde_json::Value;
use tokio::sync::Mutex;
use zeroize::Zeroizing;

use super::GirError;
use crate::asset::RecordingId;

/// Largest answer that is read, in bytes.
const MAX_ANSWER_BYTES: usize = 4 << 20;
/// How much of an unexpected answer goes into a message, in characters.
const SHOWN_CHARACTERS: usize = 200;

/// Who signs in at RWS.
pub struct RwsCredentials {
    /// Ops user.
    pub username: String,
    /// Its password.
    pub password: Zeroizing<String>,
}

/// What became of an insert (R23).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Submitted {
    /// HTTP 2xx with `statusCode` 0.
    Inserted,
    /// `statusCode` 18: compare before believing it.
    Exists,
    /// The CSRF token or the session was refused; a new session will be opened.
    Session(String),
    /// Not inserted; may succeed later.
    Retry(String),
    /// The request was sent and no usable answer came: read back first (R24).
    Doubtful(String),
    /// Refused for good.
    Refused(String),
}

/// What a read-back found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// The record is there with the same media ids.
    Same,
    /// The record is there with other media ids.
    Other(String),
    /// The record is not there.
    Missing,
    /// No answer.
    Unknown(String),
}

/// A client of one RWS and contact centre.
pub struct RwsClient {
    http: Client,
    base: String,
    contact_center: String,
    credentials: RwsCredentials,
    /// The header that the session asks for; none when CSRF protection is off (R22).
    session: Mutex<Option<HeaderMap>>,
}

impl std::fmt::Debug for RwsClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RwsClient").field("base", &self.base).finish_non_exhaustive()
    }
}

impl RwsClient {
    /// A client that has not connected yet.
    ///
    /// # Errors
    /// [`GirError::Client`].
    pub fn new(
        base: &str,
        contact_center: &str,
        credentials: RwsCredentials,
        timeout: Duration,
    ) -> Result<Self, GirError> {
        let http = Client::builder()
            .cookie_store(true)
            .timeout(timeout)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(GirError::Client)?;
        Ok(Self {
            http,
            base: base.trim_end_matches('/').to_owned(),
            contact_center: contact_center.to_owned(),
            credentials,
            session: Mutex::new(None),
        })
    }

    /// Posts a record once.
    pub async fn insert(&self, record: &str) -> Submitted {
        let headers = match self.session().await {
            Ok(headers) => headers,
            Err(reason) => return Submitted::Retry(reason),
        };
        let url = format!(
            "{}/internal-api/contact-centers/{}/recordings",
            self.base, self.contact_center
        );
        let request = self
            .http
            .post(url)
            .basic_auth(&self.credentials.username, Some(self.credentials.password.as_str()))
            .headers(headers)
            .header(CONTENT_TYPE, "application/json")
            .body(record.to_owned());
        let answer = match request.send().await {
            Ok(answer) => answer,
            Err(error) if error.is_connect() => {
                return Submitted::Retry(format!("no connection: {}", plain(error)));
            }
            Err(error) => return Submitted::Doubtful(plain(error)),
        };
        let status = answer.status();
        let body = match read(answer).await {
            Ok(body) => body,
            Err(reason) => return Submitted::Doubtful(reason),
        };
        let outcome = judge(status, &body);
        if matches!(outcome, Submitted::Session(_)) {
            *self.session.lock().await = None;
        }
        outcome
    }

    /// Asks whether `record` is there, by its id and its set of media ids.
    pub async fn read_back(&self, id: &RecordingId, record: &Value) -> Found {
        let url = format!(
            "{}/api/v2/ops/contact-centers/{}/recordings/{id}",
            self.base, self.contact_center
        );
        let request = self
            .http
            .get(url)
            .basic_auth(&self.credentials.username, Some(self.credentials.password.as_str()));
        let answer = match request.send().await {
            Ok(answer) => answer,
            Err(error) => return Found::Unknown(plain(error)),
        };
        let status = answer.status();
        let body = match read(answer).await {
            Ok(body) => body,
            Err(reason) => return Found::Unknown(reason),
        };
        let parsed: Value = serde_json::from_slice(&body).unwrap_or_default();
        let code = parsed.get("statusCode").and_then(Value::as_i64);
        if status == StatusCode::NOT_FOUND || (status.is_success() && code == Some(6)) {
            return Found::Missing;
        }
        let Some(found) = parsed.get("recording").filter(|_| code == Some(0)) else {
            return Found::Unknown(format!("HTTP {}: {}", status.as_u16(), shown(&body)));
        };
        let (ours, theirs) = (media_ids(record), media_ids(found));
        if ours == theirs {
            Found::Same
        } else {
            Found::Other(format!("media ids {theirs:?} instead of {ours:?}"))
        }
    }

    /// The headers of the session, opening it if there is none: one GET gives the cookie, the
    /// name of the token's header, and the token.
    async fn session(&self) -> Result<HeaderMap, String> {
        let mut session = self.session.lock().await;
        if let Some(headers) = session.as_ref() {
            return Ok(headers.clone());
        }
        let url = format!("{}/api/v2/ops/contact-centers", self.base);
        let request = self
            .http
            .get(url)
            .basic_auth(&self.credentials.username, Some(self.credentials.password.as_str()));
        let answer =
            request.send().await.map_err(|error| format!("no CSRF session: {}", plain(error)))?;
        if answer.status().is_server_error() {
            return Err(format!("no CSRF session: HTTP {}", answer.status().as_u16()));
        }
        let mut headers = HeaderMap::new();
        let text = |name: &str| answer.headers().get(name).and_then(|v| v.to_str().ok());
        if let (Some(name), Some(token)) = (text("x-csrf-header"), text("x-csrf-token"))
            && let (Ok(name), Ok(mut token)) =
                (HeaderName::try_from(name), HeaderValue::try_from(token))
        {
            token.set_sensitive(true);
            headers.insert(name, token);
        }
        *session = Some(headers.clone());
        Ok(headers)
    }
}

fn judge(status: StatusCode, body: &[u8]) -> Submitted {
    let parsed: Option<Value> = serde_json::from_slice(body).ok();
    let code = parsed.as_ref().and_then(|body| body.get("statusCode")).and_then(Value::as_i64);
    let said = format!("HTTP {}: {}", status.as_u16(), shown(body));
    match (status.as_u16(), code) {
        (200..=299, Some(0)) => Submitted::Inserted,
        (_, Some(18)) => Submitted::Exists,
        (401 | 403, _) | (_, Some(20)) => Submitted::Session(said),
        (429 | 500..=599, _) | (_, Some(4 | 9)) => Submitted::Retry(said),
        (200..=299, None) => Submitted::Doubtful(said),
        _ => Submitted::Refused(said),
    }
}

async fn read(mut answer: reqwest::Response) -> Result<Vec<u8>, String> {
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(plain)? {
        if body.len().saturating_add(chunk.len()) > MAX_ANSWER_BYTES {
            return Err(format!("the answer is longer than {MAX_ANSWER_BYTES} bytes"));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// An error without the URL, whose query a server may have filled with secrets.
fn plain(error: reqwest::Error) -> String {
    let kind = if error.is_timeout() { "no answer in time: " } else { "" };
    format!("{kind}{}", error.without_url())
}

fn shown(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    text.chars().filter(|c| !c.is_control()).take(SHOWN_CHARACTERS).collect()
}

fn media_ids(record: &Value) -> BTreeSet<&str> {
    let files = record.get("mediaFiles").and_then(Value::as_array);
    files.into_iter().flatten().filter_map(|file| file.get("mediaId")?.as_str()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn result_codes_decide_as_the_contract_says() {
        let judged =
            |status: u16, body: &str| judge(StatusCode::from_u16(status).unwrap(), body.as_bytes());
        assert_eq!(judged(200, r#"{"statusCode":0}"#), Submitted::Inserted);
        assert!(matches!(judged(200, r#"{"statusCode":18}"#), Submitted::Exists));
        assert!(matches!(judged(403, "Missing or invalid Csrf token"), Submitted::Session(_)));
        assert!(matches!(judged(200, r#"{"statusCode":20}"#), Submitted::Session(_)));
        for code in [4, 9] {
            let body = format!(r#"{{"statusCode":{code}}}"#);
            assert!(matches!(judged(200, &body), Submitted::Retry(_)));
        }
        for code in [1, 2, 3, 5, 6, 10, 11] {
            let body = format!(r#"{{"statusCode":{code}}}"#);
            assert!(matches!(judged(200, &body), Submitted::Refused(_)), "{code}");
        }
        assert!(matches!(judged(200, "<html>"), Submitted::Doubtful(_)));
        assert!(matches!(judged(503, ""), Submitted::Retry(_)));
        assert!(matches!(judged(400, ""), Submitted::Refused(_)));
    }
}
