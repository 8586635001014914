//! What recorders report: interactions that begin, who is in them, and their end.

use jiff::Timestamp;
use serde_json::json;

use super::{At, Turn};
use crate::asset::{ContactId, InteractionId, RecorderId, RulingKind, UserId};
use crate::catalog::{
    Capability, CommandKind, ContactRow, Demand, InteractionKind, InteractionRow, LiveContact,
    Participant, Source,
};
use crate::control::ControlError;

/// Most users of one interaction, those who left counted too.
pub const MAX_PARTICIPANTS: usize = 200;
/// Most interactions of one contact.
pub const MAX_LEGS: usize = 200;

/// An interaction as its recorder announces it. Instants are on the gateway's clock.
#[derive(Debug, Clone)]
pub struct Announcement {
    /// Its name.
    pub interaction: InteractionId,
    /// The contact that it is part of.
    pub contact: ContactId,
    /// The segment; absent: the interaction itself.
    pub segment: Option<String>,
    /// Who records it.
    pub recorder: RecorderId,
    /// Whether no customer takes part.
    pub internal: bool,
    /// Whether the policy records it.
    pub policy: bool,
    /// Who is in it, since when.
    pub users: Vec<(UserId, Option<Timestamp>)>,
    /// When it began.
    pub started: Timestamp,
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EventKind {
    /// A user joined.
    Joined,
    /// A user left.
    Left,
    /// A user handed the call on.
    Transferred,
    /// A user was consulted.
    Consulted,
    /// A user was added.
    Conferenced,
    /// The customer was put on hold.
    Held,
    /// And taken back.
    Retrieved,
    /// The recorder, or the agent at it, left the media out.
    Paused,
    /// And records it again.
    Resumed,
    /// It goes on.
    Alive,
    /// It ended.
    Ended,
}

/// One event. Its instant is on the gateway's clock.
#[derive(Debug, Clone)]
pub struct Event {
    /// What happened.
    pub kind: EventKind,
    /// When.
    pub at: Timestamp,
    /// Names it, so that one that comes twice counts once.
    pub cause: String,
    /// Whom it is about.
    pub user: Option<UserId>,
    /// To whom a call was handed on.
    pub to: Option<UserId>,
}

impl Turn<'_> {
    /// Takes an interaction in; false when it was announced before. Of one that was, only users
    /// that are new are taken over.
    ///
    /// # Errors
    /// [`ControlError`] when it ended, or another recorder records it.
    pub(in crate::control) fn announce(
        &mut self,
        new: &Announcement,
    ) -> Result<bool, ControlError> {
        let created = self.find(&new.interaction).is_none();
        let at = match self.find(&new.interaction) {
            Some(at) => at,
            None => self.create(new)?,
        };
        let row = self.row(at);
        if !row.is_live() {
            let what = format!("interaction {} has ended", row.id);
            return Err(ControlError::TooLate { what });
        }
        if row.contact != new.contact {
            return Err(ControlError::Differs { field: "contactId" });
        }
        if row.recorder != new.recorder {
            return Err(ControlError::Differs { field: "recorderId" });
        }
        for (user, joined) in &new.users {
            if !self.row(at).participants.iter().any(|part| part.user == *user) {
                self.join(at, user, joined.unwrap_or(new.started))?;
            }
        }
        self.row_mut(at).seen = self.now;
        Ok(created)
    }

    fn create(&mut self, new: &Announcement) -> Result<At, ControlError> {
        if self.contacts.is_empty() {
            let contact = ContactRow { id: new.contact.clone(), version: 0, declined: None };
            self.contacts.push(LiveContact { contact, interactions: Vec::new() });
        }
        let live = self.contacts.first_mut().ok_or(ControlError::Contended)?;
        if live.interactions.len() >= MAX_LEGS {
            let what = "interactions of one contact";
            return Err(ControlError::TooMany { what, limit: MAX_LEGS as u64 });
        }
        let declined = live.contact.declined.is_some();
        live.interactions.push(InteractionRow {
            id: new.interaction.clone(),
            contact: new.contact.clone(),
            segment: new.segment.clone().unwrap_or_else(|| new.interaction.to_string()),
            kind: InteractionKind::Call,
            internal: new.internal,
            recorder: new.recorder.clone(),
            policy: new.policy,
            demand: Demand::None,
            masked: false,
            held: false,
            hold_changed: None,
            lock: None,
            until: None,
            business_data: None,
            started: new.started,
            seen: self.now,
            ended: None,
            end_reason: None,
            participants: Vec::new(),
        });
        let at = At { contact: 0, interaction: live.interactions.len().saturating_sub(1) };
        if declined || !new.policy {
            self.rule(at, RulingKind::Drop, new.started, Source::Policy);
        }
        if declined && self.can(at, Capability::Stop) {
            self.command(at, CommandKind::DoNotRecord, None);
            // Nobody waits for it, and nothing else may be asked for this leg anyway.
            self.row_mut(at).lock = None;
        }
        self.audit(
            "interaction.begin",
            at,
            json!({ "contact": new.contact, "policy": new.policy }),
        );
        Ok(at)
    }

    /// Takes an event in.
    ///
    /// # Errors
    /// [`ControlError`]; nothing of this event is changed then.
    pub(in crate::control) fn report(&mut self, at: At, event: &Event) -> Result<(), ControlError> {
        if !self.row(at).is_live() {
            return self.report_late(at, event);
        }
        let user = |field: &Option<UserId>, name: &str| {
            field.clone().ok_or_else(|| ControlError::field(name, "is missing"))
        };
        match event.kind {
            EventKind::Joined | EventKind::Consulted | EventKind::Conferenced => {
                self.join(at, &user(&event.user, "userId")?, event.at)?;
            }
            EventKind::Left => self.leave(at, &user(&event.user, "userId")?, event.at)?,
            EventKind::Transferred => {
                let (from, to) = (user(&event.user, "userId")?, user(&event.to, "toUserId")?);
                self.leave(at, &from, event.at)?;
                self.join(at, &to, event.at)?;
            }
            EventKind::Held | EventKind::Retrieved => {
                let held = event.kind == EventKind::Held;
                let row = self.row_mut(at);
                if row.hold_changed.is_none_or(|last| last <= event.at) {
                    (row.held, row.hold_changed) = (held, Some(event.at));
                }
                let kind = if held { RulingKind::Hold } else { RulingKind::Unhold };
                self.note(at, kind, event);
            }
            EventKind::Paused => self.note(at, RulingKind::Pause, event),
            EventKind::Resumed => self.note(at, RulingKind::Resume, event),
            EventKind::Alive => {}
            EventKind::Ended => self.end(at, event.at, "ended"),
        }
        self.row_mut(at).seen = self.now;
        Ok(())
    }

    /// After the end: the end once more is known; a pause may still count.
    fn report_late(&mut self, at: At, event: &Event) -> Result<(), ControlError> {
        let kind = match event.kind {
            EventKind::Ended | EventKind::Alive => return Ok(()),
            EventKind::Paused => RulingKind::Pause,
            EventKind::Resumed => RulingKind::Resume,
            _ => {
                let what = format!("interaction {} has ended", self.row(at).id);
                return Err(ControlError::TooLate { what });
            }
        };
        self.change.late.push(self.row(at).id.clone());
        self.note(at, kind, event);
        Ok(())
    }

    fn note(&mut self, at: At, kind: RulingKind, event: &Event) {
        self.rule_once(at, kind, event.at, Source::Recorder, event.cause.clone());
    }

    fn join(&mut self, at: At, user: &UserId, joined: Timestamp) -> Result<(), ControlError> {
        let parts = &mut self.row_mut(at).participants;
        let full = parts.len() >= MAX_PARTICIPANTS;
        match parts.iter_mut().find(|part| part.user == *user) {
            // A join that comes late, after the leave that followed it.
            Some(part) if part.left.is_some_and(|left| joined <= left) => {}
            Some(part) if part.left.is_some() => (part.joined, part.left) = (joined, None),
            Some(_) => {}
            None if full => {
                let what = "users of one interaction";
                return Err(ControlError::TooMany { what, limit: MAX_PARTICIPANTS as u64 });
            }
            None => parts.push(Participant { user: user.clone(), joined, left: None }),
        }
        Ok(())
    }

    fn leave(&mut self, at: At, user: &UserId, left: Timestamp) -> Result<(), ControlError> {
        let parts = &mut self.row_mut(at).participants;
        match parts.iter_mut().find(|part| part.user == *user) {
            Some(part) if left < part.joined => {}
            Some(part) => part.left = Some(left),
            None => {
                self.join(at, user, left)?;
                if let Some(part) = self.row_mut(at).participants.last_mut() {
                    part.left = Some(left);
                }
            }
        }
        Ok(())
    }

    /// The interaction is over.
    pub(super) fn end(&mut self, at: At, ended: Timestamp, reason: &str) {
        if self.row(at).masked {
            self.alarm(at);
        }
        let row = self.row_mut(at);
        row.ended = Some(ended.max(row.started));
        row.end_reason = Some(reason.to_owned());
        row.lock = None;
    }

    /// Ends an interaction that nobody speaks of any more.
    pub(in crate::control) fn abandon(&mut self, at: At) {
        let now = self.now;
        self.end(at, now, "expired");
        self.audit("interaction.expire", at, json!({}));
    }
}
