//! A call that is recorded while it lasts: masked and unmasked as an agent's desktop would.

use std::sync::Arc;

use anyhow::{Context as _, bail, ensure};
use serde_json::Value;

use super::run::{Run, VOICE, text};
use crate::asset::MediaTime;
use crate::cli::recorder_sim::{
    Call, CallReport, LiveCall, Recorder, RecorderSettings, Source, Steps,
};

/// The agent in the call.
const USER: &str = "agent.lee";
/// So many times as fast as true time.
const SPEED: u32 = 4;
/// The card number is read out from 5 s to 8 s.
const MASK_AT: MediaTime = MediaTime::from_millis(4700);
const UNMASK_AT: MediaTime = MediaTime::from_millis(8100);

/// What came of the live call.
pub(super) struct Live {
    /// As of the other call.
    pub(super) result: Value,
    status: Value,
    report: CallReport,
}

/// Records a call, masks it, and follows it to the delivered record.
pub(super) async fn show(run: &Run) -> anyhow::Result<Live> {
    let output = run.output;
    output.line(format!(
        "live call of {USER}, {SPEED} times as fast: what its recorder says, and what the \
         desktop is answered\n"
    ));
    let steps: Steps = Arc::new(move |step| output.line(step.line()));
    let settings = RecorderSettings {
        speed: SPEED,
        ..RecorderSettings::new(&run.base, run.token.clone(), "demo-recorder")
    };
    let recorder = Recorder::start(settings, steps).await?;
    let mut live = recorder.record(Call::of(USER), Source::read(VOICE)?).await?;
    ask_when(run, &live, MASK_AT, "mask").await?;
    ask_when(run, &live, UNMASK_AT, "unmask").await?;
    let report = live.finished().await?;
    let recording = format!("{}/ingest/v1/recordings/{}", run.base, report.recording);
    let status = run.follow(&recording).await?;
    run.print_media(&status);
    let result = run.result(&report.recording, &status)?;
    let masks = result.pointer("/insertion/mediaFiles/0/masks").and_then(Value::as_array);
    for mask in masks.into_iter().flatten() {
        output.line(format!("  recorded  {} at {}", text(mask, "type"), text(mask, "time")));
    }
    Ok(Live { result, status, report })
}

/// Asks for something when the call is so far.
async fn ask_when(run: &Run, live: &LiveCall, at: MediaTime, what: &str) -> anyhow::Result<()> {
    live.reached(at).await;
    let service = "/interaction-recording-management-service/v1/interactions";
    let url = format!("{}{service}/{what}?userId={USER}", run.base);
    let answer = run.client.post(&url).bearer_auth(run.token.as_str()).send().await?;
    let status = answer.status();
    let body: Value = serde_json::from_str(&answer.text().await?)?;
    ensure!(status.is_success(), "POST {url}: {status}: {body}");
    let place = body.get("mediaTimeMs").and_then(Value::as_u64).context("no mediaTimeMs")?;
    let said = text(&body, "description");
    run.output.line(format!("{:>8}  POST …/{what}: {status}, {said}, from {place} ms on", ""));
    Ok(())
}

impl Live {
    /// Whether the gateway silenced everything from the mask to the unmask.
    pub(super) fn check(&self) -> anyhow::Result<()> {
        let place = |kind: &str| {
            let found = self.report.commands.iter().find(|command| command.kind == kind);
            found.map(|command| command.media_time_ms).with_context(|| format!("no {kind} came"))
        };
        let (from, to) = (place("mask")?, place("unmask")?);
        let spans = self.status.pointer("/media/0/certificate/silenced").and_then(Value::as_array);
        let covers = |span: &Value| {
            let edge = |name: &str| span.get(name).and_then(Value::as_f64);
            edge("fromMs").is_some_and(|edge| edge <= from as f64)
                && edge("toMs").is_some_and(|edge| edge >= to as f64)
        };
        if !spans.into_iter().flatten().any(covers) {
            bail!("nothing silenced from {from} to {to} ms: {}", self.status);
        }
        Ok(())
    }
}
