//! The requests that a recorder sends.

use std::time::Duration;

use anyhow::{Context as _, bail};
use jiff::Timestamp;
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use reqwest::{Body, Client, Method, RequestBuilder, Response, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
use zeroize::Zeroizing;

/// Longest wait for an answer that does not wait for anybody.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Where a part of an upload begins, and how much of it is there; and whether that is all of it
/// (draft-ietf-httpbis-resumable-upload).
const UPLOAD_OFFSET: &str = "Upload-Offset";
const UPLOAD_COMPLETE: &str = "Upload-Complete";
/// The media type of a later part of an upload.
const PARTIAL_UPLOAD: &str = "application/partial-upload";

/// A command of the gateway.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Command {
    /// Its name.
    pub(super) command_id: String,
    /// `mask`, `unmask`, `start`, `stop`, `do-not-record`, `start-screen`, `stop-screen`.
    #[serde(rename = "type")]
    pub(super) kind: String,
    /// What it is about.
    pub(super) interaction_id: String,
}

/// A recorder's answer to a command.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    /// `done` or `refused`.
    pub(super) state: &'static str,
    /// When it took effect, on the recorder's clock.
    pub(super) effective: Timestamp,
    /// Where in the media, in milliseconds.
    pub(super) media_ms: u64,
    /// Whether something was done, whatever is said.
    pub(super) obeyed: bool,
}

/// A gateway, and who speaks to it.
pub(super) struct Channel {
    client: Client,
    base: String,
    token: Zeroizing<String>,
}

/// How a portion of an upload ended.
pub(super) enum Portion {
    /// The media file is acknowledged.
    Taken,
    /// What came may be there or not: ask, and go on.
    Broken(String),
}

impl Channel {
    pub(super) fn new(base: &str, token: Zeroizing<String>) -> anyhow::Result<Self> {
        let client = Client::builder().connect_timeout(TIMEOUT).build()?;
        Ok(Self { client, base: base.trim_end_matches('/').to_owned(), token })
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.base)).bearer_auth(&*self.token)
    }

    /// Sends JSON; the status and the answer.
    async fn send(
        &self,
        method: Method,
        path: &str,
        body: &Value,
    ) -> anyhow::Result<(StatusCode, Value)> {
        let request = self.request(method.clone(), path).timeout(TIMEOUT);
        let request = request.header(CONTENT_TYPE, "application/json").body(body.to_string());
        let answer = request.send().await.with_context(|| format!("{method} {path}"))?;
        let status = answer.status();
        let text = answer.text().await?;
        Ok((status, serde_json::from_str(&text).unwrap_or(Value::String(text))))
    }

    /// As [`Channel::send`], where only success will do.
    async fn demand(&self, method: Method, path: &str, body: &Value) -> anyhow::Result<Value> {
        let (status, answer) = self.send(method.clone(), path, body).await?;
        if !status.is_success() {
            bail!("{method} {path}: {status}: {answer}");
        }
        Ok(answer)
    }

    /// Says what the recorder is; answers how far the gateway finds its clock off, in
    /// milliseconds.
    pub(super) async fn register(&self, recorder: &str, body: &Value) -> anyhow::Result<i64> {
        let path = format!("/control/v1/recorders/{recorder}");
        let answer = self.demand(Method::PUT, &path, body).await?;
        answer.get("clockOffsetMs").and_then(Value::as_i64).context("no clockOffsetMs")
    }

    /// Announces an interaction; answers whether its bytes are kept.
    pub(super) async fn announce(&self, id: &str, body: &Value) -> anyhow::Result<bool> {
        let path = format!("/control/v1/interactions/{id}");
        let answer = self.demand(Method::PUT, &path, body).await?;
        answer.get("record").and_then(Value::as_bool).context("no record")
    }

    /// Reports an event of an interaction.
    pub(super) async fn report(&self, id: &str, event: &Value) -> anyhow::Result<()> {
        let path = format!("/control/v1/interactions/{id}/events");
        self.demand(Method::POST, &path, event).await.map(|_| ())
    }

    /// Declares a recording.
    pub(super) async fn declare(&self, id: &str, document: &Value) -> anyhow::Result<()> {
        let path = format!("/ingest/v1/recordings/{id}");
        self.demand(Method::PUT, &path, document).await.map(|_| ())
    }

    /// Acknowledges a command. The inner error is the gateway's refusal, which stays one.
    pub(super) async fn acknowledge(
        &self,
        command: &str,
        answer: &Answer,
    ) -> anyhow::Result<Result<(), String>> {
        let path = format!("/control/v1/commands/{command}/ack");
        let mut body = json!({
            "state": answer.state,
            "effectiveAt": answer.effective.to_string(),
            "mediaTimeMs": answer.media_ms,
        });
        if let Some(map) = body.as_object_mut().filter(|_| answer.state == "refused") {
            map.insert("reason".to_owned(), "told to refuse".into());
        }
        match self.send(Method::POST, &path, &body).await? {
            (status, _) if status.is_success() => Ok(Ok(())),
            (status, text) if status == StatusCode::TOO_MANY_REQUESTS || !is_final(status) => {
                bail!("POST {path}: {status}: {text}")
            }
            (status, text) => Ok(Err(format!("{status}: {text}"))),
        }
    }

    /// Opens the stream of commands. The inner error is a refusal that stays one.
    pub(super) async fn commands(
        &self,
        recorder: &str,
        last: Option<&str>,
    ) -> anyhow::Result<Result<Response, String>> {
        let path = format!("/control/v1/recorders/{recorder}/commands");
        let mut request = self.request(Method::GET, &path).header(ACCEPT, "text/event-stream");
        if let Some(last) = last {
            request = request.header("Last-Event-ID", last);
        }
        let answer = request.send().await?;
        let status = answer.status();
        if status.is_success() {
            return Ok(Ok(answer));
        }
        if is_final(status) {
            return Ok(Err(format!("GET {path}: {status}")));
        }
        bail!("GET {path}: {status}")
    }

    /// Sends a media file, from a given byte on.
    ///
    /// # Errors
    /// A refusal that stays one.
    pub(super) async fn upload(
        &self,
        (recording, media): (&str, &str),
        offset: u64,
        (kind, body): (&str, Body),
    ) -> anyhow::Result<Portion> {
        let path = format!("/ingest/v1/recordings/{recording}/media/{media}");
        let request = match offset {
            0 => self.request(Method::PUT, &path).header(CONTENT_TYPE, kind),
            from => {
                let request = self.request(Method::PATCH, &path).header(UPLOAD_OFFSET, from);
                request.header(CONTENT_TYPE, PARTIAL_UPLOAD).header(UPLOAD_COMPLETE, "?1")
            }
        };
        let answer = match request.body(body).send().await {
            Ok(answer) => answer,
            Err(error) => return Ok(Portion::Broken(format!("{:#}", anyhow::Error::new(error)))),
        };
        let status = answer.status();
        if status.is_success() {
            return Ok(Portion::Taken);
        }
        let text = answer.text().await.unwrap_or_default();
        // Busy, or at another offset: the old connection may not have been given up yet.
        if status == StatusCode::CONFLICT || !is_final(status) {
            return Ok(Portion::Broken(format!("{status}: {text}")));
        }
        bail!("{path}: {status}: {text}")
    }

    /// How much of a media file is there, and whether the gateway has ended it.
    pub(super) async fn offset(&self, recording: &str, media: &str) -> anyhow::Result<(u64, bool)> {
        let path = format!("/ingest/v1/recordings/{recording}/media/{media}");
        let answer = self.request(Method::HEAD, &path).timeout(TIMEOUT).send().await?;
        let answer = answer.error_for_status()?;
        let text = |name| answer.headers().get(name).and_then(|value| value.to_str().ok());
        let offset = text(UPLOAD_OFFSET).and_then(|text| text.parse().ok());
        let offset = offset.context("HEAD tells no Upload-Offset")?;
        Ok((offset, text(UPLOAD_COMPLETE) == Some("?1")))
    }
}

/// Whether the same request would be refused again.
fn is_final(status: StatusCode) -> bool {
    status.is_client_error()
        && !matches!(
            status,
            StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY
        )
}
