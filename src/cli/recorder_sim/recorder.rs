//! A recorder: registers, obeys or does not, and records calls.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::SignedDuration;
use serde_json::json;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::Instant;
use zeroize::Zeroizing;

use super::call::{Call, Line};
use super::channel::{Answer, Channel, Command};
use super::clock::RecorderClock;
use super::feed::{Feed, News};
use super::source::Source;
use super::step::{CallReport, Obeyed, Step, StepEvent, Steps};
use super::upload::Upload;
use crate::asset::MediaTime;
use crate::catalog::Capability;

/// How often an answer to a command is sent again when the gateway cannot take it.
const MAX_TRIES: u32 = 10;
/// The wait before that; it doubles.
const FIRST_WAIT: Duration = Duration::from_millis(100);

/// What a recorder makes of commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Behaviour {
    /// It does what it is told.
    Obey,
    /// It says that it did, and goes on as before.
    Disobey,
    /// It never answers, and goes on as before.
    Silent,
    /// It says that it will not.
    Refuse,
}

/// What a recorder is.
#[derive(Clone)]
pub struct RecorderSettings {
    /// Address of the gateway.
    pub gateway: String,
    /// Bearer token with `recorder` and `ingest.write`.
    pub token: Zeroizing<String>,
    /// Its name.
    pub id: String,
    /// What it says that it can do.
    pub capabilities: Vec<Capability>,
    /// What it makes of commands.
    pub behaviour: Behaviour,
    /// How much faster than true time its clock goes and its media plays; 1 to
    /// [`MAX_SPEED`](super::MAX_SPEED).
    pub speed: u32,
    /// How wrong its clock is.
    pub clock_offset: SignedDuration,
}

impl RecorderSettings {
    /// A recorder that does as it is told, in true time.
    pub fn new(gateway: &str, token: Zeroizing<String>, id: &str) -> Self {
        Self {
            gateway: gateway.to_owned(),
            token,
            id: id.to_owned(),
            capabilities: vec![Capability::Voice, Capability::Pause, Capability::Stop],
            behaviour: Behaviour::Obey,
            speed: 1,
            clock_offset: SignedDuration::ZERO,
        }
    }
}

/// A recorder on the channel. Dropped, it falls silent at once.
pub struct Recorder {
    inner: Arc<Inner>,
    #[expect(dead_code, reason = "held so that its tasks end with it")]
    tasks: JoinSet<()>,
}

struct Inner {
    settings: RecorderSettings,
    channel: Channel,
    clock: RecorderClock,
    behaviour: Mutex<Behaviour>,
    lines: Mutex<HashMap<String, Arc<Line>>>,
    answered: Mutex<HashMap<String, Answer>>,
    steps: Steps,
}

impl Recorder {
    /// Registers, keeps the gateway informed of its clock, and listens for commands.
    ///
    /// # Errors
    /// When the gateway cannot be reached, or refuses the recorder.
    pub async fn start(settings: RecorderSettings, steps: Steps) -> anyhow::Result<Self> {
        let inner = Arc::new(Inner {
            channel: Channel::new(&settings.gateway, settings.token.clone())?,
            clock: RecorderClock::start(settings.clock_offset, settings.speed),
            behaviour: Mutex::new(settings.behaviour),
            lines: Mutex::default(),
            answered: Mutex::default(),
            settings,
            steps,
        });
        inner.register(true).await?;
        let mut tasks = JoinSet::new();
        tasks.spawn(Arc::clone(&inner).beat());
        tasks.spawn(Arc::clone(&inner).listen());
        Ok(Self { inner, tasks })
    }

    /// Makes something else of commands from now on.
    pub fn behave(&self, behaviour: Behaviour) {
        *self.inner.behaviour.lock().unwrap_or_else(PoisonError::into_inner) = behaviour;
    }

    /// Announces a call of which nothing is uploaded; answers whether the gateway keeps its bytes.
    ///
    /// # Errors
    /// When the gateway refuses it.
    pub async fn announce(&self, call: Call) -> anyhow::Result<bool> {
        let line = Arc::new(Line::open(call, self.inner.clock, None));
        self.inner.announce(&line).await
    }

    /// Announces a call, declares its recording, and records it.
    ///
    /// # Errors
    /// When the gateway refuses it.
    pub async fn record(&self, call: Call, source: Source) -> anyhow::Result<LiveCall> {
        let line = Arc::new(Line::open(call, self.inner.clock, Some(&source)));
        self.inner.announce(&line).await?;
        let (kind, recorder) = (source.media_type, &self.inner.settings.id);
        let media = line.call.media(recorder, kind, line.started);
        let document = line.call.document(&media, kind, line.started);
        let recording = line.call.interaction.clone();
        self.inner.channel.declare(&recording, &document).await?;
        self.inner.tell(Some(&line), StepEvent::Declared { recording, media: media.clone() });
        let work = Arc::clone(&self.inner).carry(Arc::clone(&line), media, source);
        Ok(LiveCall { line, task: tokio::spawn(work) })
    }
}

/// A call that is recorded.
pub struct LiveCall {
    line: Arc<Line>,
    task: JoinHandle<anyhow::Result<CallReport>>,
}

impl LiveCall {
    /// Where in the media the call is.
    pub fn position(&self) -> MediaTime {
        self.line.position()
    }

    /// Waits until so much is recorded, or nothing more is.
    pub async fn reached(&self, media: MediaTime) {
        let Some(tape) = &self.line.tape else { return };
        // The tape is there for as long as the call is.
        let _ = tape.watch().wait_for(|extent| extent.over || extent.media >= media).await;
    }

    /// The commands so far.
    pub fn commands(&self) -> Vec<Obeyed> {
        self.line.commands()
    }

    /// Ends the call now.
    pub fn hang_up(&self) {
        self.line.hang_up();
    }

    /// Waits for the end of the call and of its upload.
    ///
    /// # Errors
    /// When the gateway did not take the media, or the end.
    pub async fn finished(&mut self) -> anyhow::Result<CallReport> {
        (&mut self.task).await?
    }
}

impl Inner {
    fn tell(&self, line: Option<&Line>, event: StepEvent) {
        let media_time_ms = line.map(|line| line.position().as_millis());
        (self.steps)(&Step { time: format!("{:.3}", self.clock.now()), media_time_ms, event });
    }

    fn trouble(&self, error: &anyhow::Error) {
        self.tell(None, StepEvent::Trouble { detail: format!("{error:#}") });
    }

    /// Says what the recorder is and what its clock shows.
    async fn register(&self, first: bool) -> anyhow::Result<()> {
        let names: Vec<_> = self.settings.capabilities.iter().map(|one| one.name()).collect();
        let sent = Instant::now();
        let body = json!({ "capabilities": names, "time": self.clock.now().to_string() });
        let clock_offset_ms = self.channel.register(&self.settings.id, &body).await?;
        let round_trip_ms = millis(sent.elapsed());
        if first {
            self.tell(None, StepEvent::Registered { clock_offset_ms, round_trip_ms });
        }
        Ok(())
    }

    async fn beat(self: Arc<Self>) {
        loop {
            tokio::time::sleep(self.clock.heartbeat()).await;
            if let Err(error) = self.register(false).await {
                self.trouble(&error);
            }
        }
    }

    async fn listen(self: Arc<Self>) {
        let mut feed = Feed::new(&self.channel, &self.settings.id);
        loop {
            match feed.next().await {
                Ok(News::Command(command)) => self.obey(&command).await,
                Ok(News::Nothing) => {}
                Ok(News::Lost(detail)) => self.tell(None, StepEvent::Trouble { detail }),
                Err(error) => return self.trouble(&error),
            }
        }
    }

    fn line(&self, interaction: &str) -> Option<Arc<Line>> {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.get(interaction).map(Arc::clone)
    }

    fn keep(&self, line: &Arc<Line>) {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.insert(line.call.interaction.clone(), Arc::clone(line));
    }

    async fn announce(&self, line: &Arc<Line>) -> anyhow::Result<bool> {
        // Known before the gateway knows it: a command may come at once.
        self.keep(line);
        let interaction = line.call.interaction.clone();
        let body = line.call.announcement(&self.settings.id, line.started);
        let record = self.channel.announce(&interaction, &body).await?;
        self.tell(Some(line), StepEvent::Announced { interaction, record });
        Ok(record)
    }

    /// Makes of a command what the recorder makes of commands.
    async fn obey(&self, command: &Command) {
        let line = self.line(&command.interaction_id);
        let (id, kind) = (command.command_id.clone(), command.kind.clone());
        let interaction = command.interaction_id.clone();
        let event = StepEvent::Commanded { command: id.clone(), kind: kind.clone(), interaction };
        self.tell(line.as_deref(), event);
        let came = Instant::now();
        let Some(answer) = self.answer(command, line.as_deref()) else {
            return self.tell(line.as_deref(), StepEvent::Ignored { command: id, kind });
        };
        match self.acknowledge(&id, &answer).await {
            Ok(Ok(())) => {
                let (state, round_trip_ms) = (answer.state, millis(came.elapsed()));
                let event = StepEvent::Acknowledged { command: id, kind, state, round_trip_ms };
                self.tell(line.as_deref(), event);
            }
            Ok(Err(detail)) => {
                if let Some(line) = line.as_ref().filter(|_| answer.obeyed) {
                    line.withdraw(&kind);
                }
                self.tell(line.as_deref(), StepEvent::Withdrawn { command: id, detail });
            }
            Err(error) => self.trouble(&error),
        }
    }

    /// Does what a command says, or not; what the gateway is told, if anything. A command that
    /// comes twice gets the same answer twice.
    fn answer(&self, command: &Command, line: Option<&Line>) -> Option<Answer> {
        let (id, kind) = (&command.command_id, &command.kind);
        let behaviour = *self.behaviour.lock().unwrap_or_else(PoisonError::into_inner);
        let mut answered = self.answered.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(answer) = answered.get(id).filter(|_| behaviour != Behaviour::Silent) {
            return Some(answer.clone());
        }
        let obeyed = behaviour == Behaviour::Obey;
        let answer = Answer {
            state: if behaviour == Behaviour::Refuse { "refused" } else { "done" },
            media_ms: line.map_or(0, |line| line.command(kind, obeyed).as_millis()),
            effective: self.clock.now(),
            obeyed,
        };
        if behaviour == Behaviour::Silent {
            return None;
        }
        answered.insert(id.clone(), answer.clone());
        Some(answer)
    }

    async fn acknowledge(&self, id: &str, answer: &Answer) -> anyhow::Result<Result<(), String>> {
        let mut wait = FIRST_WAIT;
        for _ in 1..MAX_TRIES {
            match self.channel.acknowledge(id, answer).await {
                Ok(taken) => return Ok(taken),
                Err(error) => self.trouble(&error),
            }
            tokio::time::sleep(wait).await;
            wait = wait.saturating_mul(2);
        }
        self.channel.acknowledge(id, answer).await
    }

    /// Records a call, uploads what is recorded, and reports its end.
    async fn carry(
        self: Arc<Self>,
        line: Arc<Line>,
        media: String,
        source: Source,
    ) -> anyhow::Result<CallReport> {
        let interaction = line.call.interaction.clone();
        let tape = line.tape.clone().ok_or_else(|| anyhow::anyhow!("the call has no tape"))?;
        let upload = Upload {
            channel: &self.channel,
            recording: &interaction,
            media: &media,
            kind: source.media_type,
            tape: Arc::clone(&tape),
            break_at: line.call.break_at,
        };
        let upload = async {
            let continued = upload.run(|event| self.tell(Some(&line), event)).await?;
            let bytes = tape.extent().bytes as u64;
            self.tell(Some(&line), StepEvent::Uploaded { bytes });
            Ok::<_, anyhow::Error>(continued)
        };
        let hearing = async {
            line.hear(&source.units).await;
            Ok(())
        };
        let uploaded = tokio::try_join!(upload, hearing);
        let end = json!({ "type": "ended", "time": self.clock.now().to_string() });
        let ended = self.channel.report(&interaction, &end).await;
        let (continued, ()) = uploaded?;
        ended?;
        self.tell(Some(&line), StepEvent::Ended { interaction: interaction.clone() });
        let extent = tape.extent();
        Ok(CallReport {
            recording: interaction.clone(),
            interaction,
            media,
            start_time: format!("{:.3}", line.started),
            duration_ms: extent.media.as_millis(),
            bytes: extent.bytes as u64,
            continued,
            commands: line.commands(),
        })
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
