//! A call that was recorded before: pushed, followed, shown, and checked.

use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use reqwest::header::{CONTENT_RANGE, CONTENT_TYPE, RANGE};
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};

use crate::asset::Digest;
use crate::cli::output::Output;
use crate::serve::{Gateway, OPERATOR_TOKEN};

/// The sound of the demo call.
pub(super) const VOICE: &[u8] = include_bytes!("../../../sample-media/mp3_8k_32kbit_call.mp3");
/// The demo call: its document, and the sample file of each media id.
const DOCUMENT: &str = include_str!("../../../sample-media/call.recording.json");
const MEDIA: &[(&str, &[u8])] = &[
    ("0A1B2C3D4E5F6G7H8J9K0LAES0000042_2026-03-04_09-15-00-gw01.mp3", VOICE),
    (
        "0A1B2C3D4E5F6G7H8J9K0LAES0000042_2026-03-04_09-15-00-gw01.mp4",
        include_bytes!("../../../sample-media/mp4_h264_call_screen.mp4"),
    ),
];
/// How long the pipeline may take with a few hundred kilobytes.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often its state is asked for.
const POLL: Duration = Duration::from_millis(50);

/// A gateway, and a client of it.
pub(super) struct Run {
    pub(super) client: Client,
    pub(super) base: String,
    pub(super) token: zeroize::Zeroizing<String>,
    pub(super) output: Output,
}

impl Run {
    pub(super) fn new(gateway: &Gateway, output: Output) -> anyhow::Result<Self> {
        let base = format!("http://{}", gateway.address());
        let token = gateway.data().secret(OPERATOR_TOKEN)?;
        Ok(Self { client: Client::builder().build()?, base, token, output })
    }

    /// Pushes the call and follows it to the delivered record.
    pub(super) async fn show(&self) -> anyhow::Result<Value> {
        let document: Value = serde_json::from_str(DOCUMENT)?;
        let id = document.get("id").and_then(Value::as_str).context("the document has no id")?;
        let recording = format!("{}/ingest/v1/recordings/{id}", self.base);
        self.output.line(format!("declare   {id}"));
        self.put(&recording, "application/json", DOCUMENT.into()).await?;
        for (media, bytes) in MEDIA {
            let url = format!("{recording}/media/{media}");
            let answer = self.put(&url, "application/octet-stream", (*bytes).into()).await?;
            self.output.line(format!(
                "push      {media}: {} bytes acknowledged as {}",
                bytes.len(),
                text(&answer, "state")
            ));
        }
        let status = self.follow(&recording).await?;
        let result = self.result(id, &status)?;
        self.print(&result, &status)?;
        Ok(result)
    }

    async fn put(&self, url: &str, kind: &str, body: reqwest::Body) -> anyhow::Result<Value> {
        let request = self.client.put(url).bearer_auth(self.token.as_str());
        let answer = request.header(CONTENT_TYPE, kind).body(body).send().await?;
        let status = answer.status();
        let body = answer.text().await?;
        ensure!(status.is_success(), "PUT {url}: {status}: {body}");
        Ok(serde_json::from_str(&body)?)
    }

    async fn get(&self, url: &str) -> anyhow::Result<Value> {
        let request = self.client.get(url).bearer_auth(self.token.as_str());
        let answer = request.send().await?.error_for_status()?;
        Ok(serde_json::from_str(&answer.text().await?)?)
    }

    /// Waits until the media are ready and the record is delivered.
    pub(super) async fn follow(&self, recording: &str) -> anyhow::Result<Value> {
        let work = async {
            loop {
                let status = self.get(recording).await?;
                let delivered = status.pointer("/deliveries/0/state").and_then(Value::as_str);
                match (text(&status, "state"), delivered) {
                    ("ready", Some("delivered")) => return Ok(status),
                    ("quarantined", _) | (_, Some("dead")) => {
                        bail!("the call was not carried through: {status}")
                    }
                    _ => tokio::time::sleep(POLL).await,
                }
            }
        };
        tokio::time::timeout(PATIENCE, work).await.context("the call took too long")?
    }

    pub(super) fn result(&self, id: &str, status: &Value) -> anyhow::Result<Value> {
        let list = status.get("media").and_then(Value::as_array).context("no media")?;
        let names = [
            "mediaId",
            "mediaKind",
            "stored",
            "sealed",
            "sha256",
            "bytes",
            "spans",
            "playUrl",
            "downloadUrl",
            "receipt",
        ];
        let media: Vec<Value> = list
            .iter()
            .map(|entry| {
                let member = |name: &&str| {
                    ((*name).to_owned(), entry.get(*name).cloned().unwrap_or_default())
                };
                Value::Object(names.iter().map(member).collect())
            })
            .collect();
        Ok(json!({
            "recordingId": id,
            "media": media,
            "insertion": status.get("insertion"),
            "listening": self.base,
        }))
    }

    fn print(&self, result: &Value, status: &Value) -> anyhow::Result<()> {
        self.print_media(status);
        let record = result.get("insertion").unwrap_or(&Value::Null);
        let shown = serde_json::to_string_pretty(record)?;
        self.output.line(format!("\ninsertion record, as delivered:\n{shown}\n"));
        Ok(())
    }

    /// What became of each media file.
    pub(super) fn print_media(&self, status: &Value) {
        let list = status.get("media").and_then(Value::as_array);
        for entry in list.into_iter().flatten() {
            let stages = entry.get("stages").and_then(Value::as_array);
            let stages: Vec<&str> =
                stages.into_iter().flatten().map(|stage| text(stage, "state")).collect();
            self.output.line(format!("\n{}", text(entry, "mediaId")));
            self.output.line(format!("  stages    {}", stages.join(" > ")));
            let silenced = entry.pointer("/certificate/silenced").and_then(Value::as_array);
            for span in silenced.into_iter().flatten() {
                self.output.line(format!(
                    "  silenced  {} to {} ms ({})",
                    span.get("fromMs").unwrap_or(&Value::Null),
                    span.get("toMs").unwrap_or(&Value::Null),
                    text(span, "reason")
                ));
            }
            self.output.line(format!("  sealed    {}", text(entry, "sealed")));
            self.output.line(format!("  stored    {}", text(entry, "stored")));
            self.output.line(format!("  play      {}", text(entry, "playUrl")));
            self.output.line(format!("  download  {}", text(entry, "downloadUrl")));
        }
    }

    /// Fetches each link whole, in part and altered.
    pub(super) async fn check(&self, result: &Value) -> anyhow::Result<()> {
        let list = result.get("media").and_then(Value::as_array).context("no media")?;
        ensure!(!list.is_empty(), "no media");
        for entry in list {
            for name in ["playUrl", "downloadUrl"] {
                let url = text(entry, name);
                let whole = self.client.get(url).send().await?.error_for_status()?.bytes().await?;
                let digest = Digest::of(&whole).to_string();
                ensure!(digest == text(entry, "sha256"), "{name} gives other bytes");
                let part = self.client.get(url).header(RANGE, "bytes=100-199").send().await?;
                ensure!(part.status() == StatusCode::PARTIAL_CONTENT, "{name} knows no ranges");
                ensure!(part.headers().contains_key(CONTENT_RANGE), "{name} hides its range");
                let part = part.bytes().await?;
                ensure!(whole.get(100..200) == Some(&part[..]), "{name} gives another range");
                let altered = format!("{url}x");
                let refused = self.client.get(altered).send().await?.status();
                ensure!(refused == StatusCode::FORBIDDEN, "an altered {name} gives {refused}");
            }
            self.output.line(format!("checked   {}", text(entry, "mediaId")));
        }
        Ok(())
    }
}

pub(super) fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}
