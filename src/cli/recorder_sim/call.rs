//! One call on a recorder: what it hears, what it leaves out, and what becomes of it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::Instant;

use super::clock::RecorderClock;
use super::source::{Source, Unit};
use super::step::Obeyed;
use super::tape::Tape;
use crate::asset::{MediaTime, MediaType, gir_format};

/// A call that a recorder is to announce.
#[derive(Debug, Clone)]
pub struct Call {
    /// Its name; of the recording too.
    pub interaction: String,
    /// The contact that it is part of.
    pub contact: String,
    /// The users in it.
    pub users: Vec<String>,
    /// Whether no customer takes part.
    pub internal: bool,
    /// Whether the policy records it.
    pub policy: bool,
    /// When it ends, if that is before the end of its sound.
    pub end_after: Option<MediaTime>,
    /// Break the upload once, when so much was recorded.
    pub break_at: Option<MediaTime>,
}

impl Call {
    /// A call of one user that the policy records, with names of its own.
    pub fn of(user: &str) -> Self {
        // Below 2^53: a number that every JSON reader keeps.
        let contact = uuid::Uuid::new_v4().as_u128() >> 76;
        Self {
            interaction: uuid::Uuid::now_v7().simple().to_string(),
            contact: contact.to_string(),
            users: vec![user.to_owned()],
            internal: false,
            policy: true,
            end_after: None,
            break_at: None,
        }
    }

    pub(super) fn announcement(&self, recorder: &str, started: Timestamp) -> Value {
        let users: Vec<Value> = self.users.iter().map(|user| json!({ "userId": user })).collect();
        json!({
            "contactId": self.contact,
            "recorderId": recorder,
            "direction": if self.internal { "internal" } else { "inbound" },
            "policy": if self.policy { "record" } else { "none" },
            "users": users,
            "startTime": started.to_string(),
        })
    }

    /// Name of its media file.
    pub(super) fn media(&self, recorder: &str, kind: MediaType, started: Timestamp) -> String {
        let stamp = started.strftime("%Y-%m-%d_%H-%M-%S");
        format!("{}_{stamp}-{recorder}.{}", self.interaction, kind.extension())
    }

    /// The recording document. The gateway knows the end of the call, and what is masked.
    pub(super) fn document(&self, media: &str, kind: MediaType, started: Timestamp) -> Value {
        let user = self.users.first().map_or("unknown", String::as_str);
        let call_type = if self.internal { "Internal" } else { "Inbound" };
        json!({
            "id": self.interaction,
            "callerPhoneNumber": "+15550100001",
            "dialedPhoneNumber": "+15550100002",
            "region": "north",
            "callType": call_type,
            "mediaFiles": [{
                "callUUID": self.interaction,
                "mediaId": media,
                "startTime": gir_format(started),
                "type": kind.mime(),
                "parameters": { "id": self.interaction, "username": user },
            }],
            "reelgate": {
                "interactionId": self.interaction,
                "contact": { "acdContactId": self.contact },
                "agent": { "userId": user },
                "mediaKind": "voice",
                "sourceTimeline": "silence",
            },
        })
    }
}

/// What a recorder does with what it hears.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Switch {
    /// Leave it out.
    pub(super) masked: bool,
    /// Leave it out until a start.
    pub(super) stopped: bool,
    /// Record nothing more.
    pub(super) declined: bool,
}

impl Switch {
    /// Does what a command says.
    fn turn(&mut self, kind: &str) {
        match kind {
            "mask" => self.masked = true,
            "unmask" => self.masked = false,
            "stop" => self.stopped = true,
            "start" => self.stopped = false,
            "do-not-record" => self.declined = true,
            _ => {}
        }
    }

    /// The gateway did not wait for it: what it would have permitted does not hold.
    fn turn_back(&mut self, kind: &str) {
        match kind {
            "unmask" => self.masked = true,
            "start" => self.stopped = true,
            _ => {}
        }
    }
}

/// A call under way.
pub(super) struct Line {
    pub(super) call: Call,
    /// When its media begins.
    pub(super) started: Timestamp,
    began: Instant,
    clock: RecorderClock,
    /// What is recorded; `None` where the call is only announced.
    pub(super) tape: Option<Arc<Tape>>,
    switch: Mutex<Switch>,
    commands: Mutex<Vec<Obeyed>>,
    hung_up: watch::Sender<bool>,
}

impl Line {
    pub(super) fn open(call: Call, clock: RecorderClock, source: Option<&Source>) -> Self {
        // Documents know milliseconds.
        let now = clock.now();
        Self {
            started: Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now),
            began: Instant::now(),
            clock,
            tape: source.map(|source| Arc::new(Tape::new(&source.head))),
            switch: Mutex::new(Switch { stopped: !call.policy, ..Switch::default() }),
            commands: Mutex::default(),
            hung_up: watch::Sender::new(false),
            call,
        }
    }

    fn switch(&self) -> MutexGuard<'_, Switch> {
        self.switch.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where in the media the call is. While it is recorded, that is the end of the last unit.
    pub(super) fn position(&self) -> MediaTime {
        let extent = self.tape.as_ref().map(|tape| tape.extent());
        match extent {
            Some(extent) if !extent.over => extent.media,
            _ => self.clock.since(self.began),
        }
    }

    /// Does what a command says, if it is to be obeyed; answers from where on.
    pub(super) fn command(&self, kind: &str, obeyed: bool) -> MediaTime {
        let mut switch = self.switch();
        let position = self.position();
        if obeyed {
            switch.turn(kind);
        }
        let media_time_ms = position.as_millis();
        let done = Obeyed { kind: kind.to_owned(), media_time_ms, obeyed };
        self.commands.lock().unwrap_or_else(PoisonError::into_inner).push(done);
        position
    }

    /// Undoes what was done for a command that the gateway did not wait for.
    pub(super) fn withdraw(&self, kind: &str) {
        self.switch().turn_back(kind);
    }

    /// The commands so far.
    pub(super) fn commands(&self) -> Vec<Obeyed> {
        self.commands.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Ends the call now.
    pub(super) fn hang_up(&self) {
        self.hung_up.send_replace(true);
    }

    /// Waits until the call has lasted so long; false when it ended before.
    async fn lasts(&self, until: MediaTime) -> bool {
        let due = self.began + self.clock.takes(until);
        let mut hung_up = self.hung_up.subscribe();
        tokio::select! {
            biased;
            _ = hung_up.wait_for(|ended| *ended) => false,
            () = tokio::time::sleep_until(due) => true,
        }
    }

    /// Records units as they end, until the end of the call.
    pub(super) async fn hear(&self, units: &[Unit]) {
        let Some(tape) = &self.tape else { return };
        let last = units.last().map_or(MediaTime::ZERO, |unit| unit.end);
        let end = self.call.end_after.unwrap_or(last).min(last);
        let mut tail: &[u8] = &[];
        for unit in units.iter().take_while(|unit| unit.end <= end) {
            if !self.lasts(unit.end).await {
                break;
            }
            let switch = self.switch();
            if switch.declined {
                break;
            }
            let silent = switch.masked || switch.stopped;
            tape.append(if silent { &unit.silence } else { &unit.sound }, unit.end);
            tail = &unit.tail;
        }
        tape.append(tail, tape.extent().media);
        tape.end();
        // The call goes on though nothing of it is recorded.
        self.lasts(end).await;
    }
}
