//! Screen sessions that the screen recording API starts and stops.

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::{At, Turn, Verdict};
use crate::asset::{ContactId, InteractionId, RecorderId, RulingKind, UserId};
use crate::catalog::{
    Capability, CommandKind, ContactRow, Demand, InteractionKind, InteractionRow, LiveContact,
    Participant, Source,
};
use crate::control::ControlError;

/// A session about to begin.
#[derive(Debug, Clone)]
pub(in crate::control) struct NewSession {
    /// The contact of its own.
    pub(in crate::control) contact: ContactId,
    /// Its name.
    pub(in crate::control) interaction: InteractionId,
    /// Whose screen.
    pub(in crate::control) user: UserId,
    /// How long, in seconds.
    pub(in crate::control) seconds: u32,
}

impl Turn<'_> {
    /// Asks a recorder for a session. It is recorded from when the recorder says so; a user whose
    /// call is masked is masked here too.
    ///
    /// # Errors
    /// [`ControlError::NotLive`] when no recorder can record the screen of this user.
    pub(in crate::control) fn start_session(
        &mut self,
        new: &NewSession,
    ) -> Result<Verdict, ControlError> {
        let recorder = self.screen_recorder(&new.user).ok_or_else(|| ControlError::NotLive {
            what: format!("no recorder that records the screen of user {} is there", new.user),
        })?;
        let masked = self.contacts.iter().flat_map(|live| &live.interactions).any(|row| {
            row.kind == InteractionKind::Call && row.is_live() && row.masked && row.has(&new.user)
        });
        let row = InteractionRow {
            id: new.interaction.clone(),
            contact: new.contact.clone(),
            segment: new.interaction.to_string(),
            kind: InteractionKind::Screen,
            internal: false,
            recorder,
            policy: false,
            demand: Demand::None,
            masked,
            held: false,
            hold_changed: None,
            lock: None,
            until: Some(self.after(u64::from(new.seconds).saturating_mul(1000))),
            business_data: None,
            started: self.now,
            seen: self.now,
            ended: None,
            end_reason: None,
            participants: vec![Participant {
                user: new.user.clone(),
                joined: self.now,
                left: None,
            }],
        };
        let contact = ContactRow { id: new.contact.clone(), version: 0, declined: None };
        self.contacts.push(LiveContact { contact, interactions: vec![row] });
        let at = At { contact: self.contacts.len().saturating_sub(1), interaction: 0 };
        let now = self.now;
        self.rule(at, RulingKind::Drop, now, Source::Policy);
        if masked {
            self.rule(at, RulingKind::Mask, now, Source::Api);
        }
        let argument = json!({ "userId": new.user, "durationS": new.seconds, "masked": masked });
        self.command(at, CommandKind::StartScreen, Some(argument));
        let detail = json!({ "request": self.request, "user": new.user, "seconds": new.seconds });
        self.audit("screen.start", at, detail);
        Ok(Verdict::InFlight)
    }

    /// The recorder that can be reached, records screens, and names this user; else one that
    /// records everybody's.
    fn screen_recorder(&self, user: &UserId) -> Option<RecorderId> {
        let able = || {
            self.recorders
                .iter()
                .filter(|row| row.can(Capability::Screen) && self.is_alive(&row.id))
        };
        let named = able().find(|row| row.users.as_ref().is_some_and(|all| all.contains(user)));
        let any = named.or_else(|| able().find(|row| row.users.is_none()));
        any.map(|row| row.id.clone())
    }

    /// The recorder began: the time runs from now.
    pub(super) fn begin_session(&mut self, at: At, from: Timestamp) {
        let row = self.row(at);
        let wanted = row.until.map(|until| until.duration_since(row.started));
        let until = wanted.and_then(|wanted: SignedDuration| from.checked_add(wanted).ok());
        self.row_mut(at).until = until;
        self.keep_from(at, Demand::VoiceAndScreen, from);
    }

    /// Ends a session; `action` says on whose word.
    ///
    /// # Errors
    /// [`ControlError::Locked`].
    pub(in crate::control) fn stop_session(
        &mut self,
        at: At,
        action: &'static str,
    ) -> Result<Verdict, ControlError> {
        self.require_unlocked(at)?;
        let now = self.now;
        if self.is_recorded(at) {
            self.rule(at, RulingKind::Drop, now, Source::Api);
        }
        self.end(at, now, action);
        let verdict = self.tell(at, CommandKind::StopScreen, Capability::Screen);
        self.audit(action, at, json!({ "request": self.request }));
        Ok(verdict)
    }
}
