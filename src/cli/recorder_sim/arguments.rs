//! The command line of the reference recorder.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use jiff::SignedDuration;
use serde_json::json;

use super::{Behaviour, Call, MAX_SPEED, Recorder, RecorderSettings, Source, Steps};
use crate::asset::MediaTime;
use crate::catalog::Capability;
use crate::cli::output::Output;
use crate::cli::serve::until_stopped;
use crate::config::read_secret;
use crate::mask::parse_media_time;

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Able {
    Voice,
    Screen,
    Pause,
    Stop,
}

impl Able {
    const fn capability(self) -> Capability {
        match self {
            Self::Voice => Capability::Voice,
            Self::Screen => Capability::Screen,
            Self::Pause => Capability::Pause,
            Self::Stop => Capability::Stop,
        }
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Policy {
    Record,
    None,
}

/// Arguments of `recorder-sim`.
#[derive(Debug, Args)]
pub(in crate::cli) struct RecorderSim {
    /// The sound of the call: WAVE (PCM, G.711), MP3, or Opus in Ogg.
    file: PathBuf,
    /// Address of the gateway.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8480")]
    gateway: String,
    /// File with a bearer token that has the permissions recorder and ingest.write.
    #[arg(long, value_name = "FILE")]
    token_file: PathBuf,
    /// Name of the recorder.
    #[arg(long, value_name = "ID", default_value = "recorder-sim")]
    recorder: String,
    /// What it says that it can do.
    #[arg(long, value_enum, value_delimiter = ',', default_value = "voice,pause,stop")]
    can: Vec<Able>,
    /// Name of the call; default: a new one.
    #[arg(long, value_name = "ID")]
    interaction: Option<String>,
    /// The contact that it is part of; default: a new one.
    #[arg(long, value_name = "ID")]
    contact: Option<String>,
    /// A user in the call; may be repeated.
    #[arg(long, value_name = "ID", default_value = "user-1")]
    user: Vec<String>,
    /// Whether the policy records the call.
    #[arg(long, value_enum, default_value = "record")]
    policy: Policy,
    /// No customer takes part.
    #[arg(long)]
    internal: bool,
    /// Go so many times as fast as true time; so does the recorder's clock.
    #[arg(long, value_name = "N", default_value = "1",
          value_parser = clap::value_parser!(u32).range(1..=i64::from(MAX_SPEED)))]
    speed: u32,
    /// How far the recorder's clock is ahead, in milliseconds.
    #[arg(long, value_name = "MS", default_value = "0", allow_negative_numbers = true)]
    clock_offset: i64,
    /// Say that commands were obeyed, and go on as before.
    #[arg(long, group = "behaviour")]
    disobey: bool,
    /// Never answer commands, and go on as before.
    #[arg(long, group = "behaviour")]
    silent: bool,
    /// Refuse commands, and go on as before.
    #[arg(long, group = "behaviour")]
    refuse: bool,
    /// End the call at this place of the sound, such as 90.5s or 00:01:30.
    #[arg(long, value_name = "TIME", value_parser = parse_media_time)]
    end_after: Option<MediaTime>,
    /// Break the upload off once at this place of the sound, and go on where the gateway says.
    #[arg(long, value_name = "TIME", value_parser = parse_media_time)]
    break_at: Option<MediaTime>,
}

impl RecorderSim {
    pub(in crate::cli) async fn run(self, output: &Output) -> anyhow::Result<()> {
        let token = read_secret(&self.token_file)?;
        let source = Source::open(&self.file)?;
        let settings = RecorderSettings {
            capabilities: self.can.iter().map(|able| able.capability()).collect(),
            behaviour: self.behaviour(),
            speed: self.speed,
            clock_offset: SignedDuration::from_millis(self.clock_offset),
            ..RecorderSettings::new(&self.gateway, token, &self.recorder)
        };
        let output = *output;
        let steps: Steps = Arc::new(move |step| output.result(&json!(step), &step.line()));
        let recorder = Recorder::start(settings, steps).await.context("not registered")?;
        let mut live = recorder.record(self.call(), source).await?;
        let report = tokio::select! {
            report = live.finished() => Some(report?),
            stopped = until_stopped() => stopped.map(|()| None)?,
        };
        let report = match report {
            Some(report) => report,
            None => {
                live.hang_up();
                live.finished().await?
            }
        };
        output.result(&json!(report), &format!("{} ms recorded", report.duration_ms));
        Ok(())
    }

    const fn behaviour(&self) -> Behaviour {
        match (self.disobey, self.silent, self.refuse) {
            (true, ..) => Behaviour::Disobey,
            (_, true, _) => Behaviour::Silent,
            (.., true) => Behaviour::Refuse,
            _ => Behaviour::Obey,
        }
    }

    fn call(&self) -> Call {
        let mut call = Call::of("");
        call.users.clone_from(&self.user);
        call.interaction = self.interaction.clone().unwrap_or(call.interaction);
        call.contact = self.contact.clone().unwrap_or(call.contact);
        call.policy = matches!(self.policy, Policy::Record);
        call.internal = self.internal;
        (call.end_after, call.break_at) = (self.end_after, self.break_at);
        call
    }
}
