//! What recorders answer, and what follows when they do not.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{At, Turn};
use crate::catalog::{CommandKind, CommandRow, CommandState, Demand, Lock, Settled};
use crate::control::ControlError;

/// How far a recorder says it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AckState {
    /// It began.
    Accepted,
    /// It did it.
    Done,
    /// It will not.
    Refused,
}

impl AckState {
    const fn state(self) -> CommandState {
        match self {
            Self::Accepted => CommandState::Accepted,
            Self::Done => CommandState::Done,
            Self::Refused => CommandState::Refused,
        }
    }
}

/// A recorder's answer to a command.
#[derive(Debug, Clone)]
pub struct Ack {
    /// How far it is.
    pub state: AckState,
    /// When it took effect, on the recorder's clock.
    pub effective: Option<Timestamp>,
    /// Where in the media that was, in milliseconds.
    pub media_ms: Option<i64>,
    /// Why it was refused.
    pub reason: Option<String>,
}

impl Turn<'_> {
    /// Takes a recorder's answer in; false when it says what was known.
    ///
    /// # Errors
    /// [`ControlError::TooLate`] when the command was answered otherwise, or expired without
    /// having taken effect.
    pub(in crate::control) fn acknowledge(
        &mut self,
        command: &CommandRow,
        at: At,
        ack: &Ack,
    ) -> Result<bool, ControlError> {
        let (from, to) = (command.state, ack.state.state());
        if from == to {
            return Ok(false);
        }
        let over = matches!(from, CommandState::Done | CommandState::Refused);
        let withdrawn = from == CommandState::Expired && command.new.kind.permits();
        if over || withdrawn {
            let (id, state) = (&command.new.id, from.name());
            let what = format!("command {id} is {state}; undo what was done for it");
            return Err(ControlError::TooLate { what });
        }
        let effect = self.effect(command, at, ack);
        let deadline = match to {
            CommandState::Accepted => self.after(self.settings.completion_ms),
            _ => command.new.deadline,
        };
        self.change.settled.push(Settled {
            id: command.new.id.clone(),
            request: command.new.request.clone(),
            from,
            to,
            open: to == CommandState::Accepted && command.open,
            deadline,
            effect: (to == CommandState::Done).then_some(effect),
            media_ms: ack.media_ms,
            detail: ack.reason.clone(),
        });
        self.follow(command, at, to, (effect, deadline));
        let detail = json!({
            "command": command.new.id, "kind": command.new.kind.name(), "state": to.name(),
            "mediaTimeMs": ack.media_ms,
        });
        self.audit("command.ack", at, detail);
        Ok(true)
    }

    /// When it took effect on the gateway's clock: not before it was asked for, not in the future.
    fn effect(&self, command: &CommandRow, at: At, ack: &Ack) -> Timestamp {
        let recorder = self.recorder(&self.row(at).recorder);
        let offset = recorder.map_or(SignedDuration::ZERO, |row| row.clock_offset);
        let told = ack.effective.and_then(|told| told.checked_sub(offset).ok());
        told.unwrap_or(self.now).clamp(command.issued.min(self.now), self.now)
    }

    /// What holds now, and whether the request still holds the interaction.
    fn follow(
        &mut self,
        command: &CommandRow,
        at: At,
        to: CommandState,
        (effect, deadline): (Timestamp, Timestamp),
    ) {
        let request = &command.new.request;
        let mine = self.row(at).lock.as_ref().is_some_and(|lock| lock.request == *request);
        if !mine || !self.row(at).is_live() {
            return;
        }
        if to == CommandState::Accepted {
            self.row_mut(at).lock = Some(Lock { request: request.clone(), until: deadline });
            return;
        }
        self.row_mut(at).lock = None;
        match (command.new.kind, to) {
            (CommandKind::Start, CommandState::Done) => {
                self.keep_from(at, demand_of(command), effect);
            }
            (CommandKind::Unmask, CommandState::Done) => self.lift(at, effect),
            (CommandKind::StartScreen, CommandState::Done) => self.begin_session(at, effect),
            (CommandKind::StartScreen, _) => self.end(at, self.now, "not started"),
            _ => {}
        }
    }

    /// The recorder was silent past the deadline of a command: what it would have permitted does
    /// not hold; what restricts holds, and the recorder is still to be told.
    pub(in crate::control) fn expire(&mut self, command: &CommandRow, at: At) {
        let deadline = command.new.deadline;
        if !command.state.is_in_flight() || deadline > self.now {
            return;
        }
        self.change.settled.push(Settled {
            id: command.new.id.clone(),
            request: command.new.request.clone(),
            from: command.state,
            to: CommandState::Expired,
            open: command.open && !command.new.kind.permits(),
            deadline,
            effect: None,
            media_ms: None,
            detail: None,
        });
        self.follow(command, at, CommandState::Expired, (self.now, deadline));
        let kind = command.new.kind.name();
        metrics::counter!("reelgate_control_alarms_total", "kind" => "recorder_silent")
            .increment(1);
        self.audit("command.expire", at, json!({ "command": command.new.id, "kind": kind }));
    }
}

/// The media that a start command asked for.
fn demand_of(command: &CommandRow) -> Demand {
    let argument = command.new.argument.as_deref().unwrap_or_default();
    let argument: Value = serde_json::from_str(argument).unwrap_or_default();
    let wanted = argument.get("mediaType").and_then(Value::as_str).and_then(Demand::parse);
    wanted.unwrap_or(Demand::Voice)
}
