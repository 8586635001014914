//! Orders for a user's call: start, stop, do-not-record, mask, unmask.

use serde_json::{Value, json};

use super::{At, Order, Turn, Verdict};
use crate::asset::{RulingKind, UserId};
use crate::catalog::{Capability, CommandKind, Demand, InteractionKind, Source};
use crate::control::ControlError;

impl Turn<'_> {
    /// Carries an order out, as far as that is possible now.
    ///
    /// # Errors
    /// [`ControlError`]; nothing is changed then.
    pub(in crate::control) fn order(
        &mut self,
        order: Order,
        at: At,
    ) -> Result<Verdict, ControlError> {
        if order == Order::Mask && self.row(at).internal {
            return Err(ControlError::Internal);
        }
        self.require_unlocked(at)?;
        let verdict = match order {
            Order::StartVoice => self.start(at, Demand::Voice),
            Order::StartVoiceAndScreen => self.start(at, Demand::VoiceAndScreen),
            Order::Stop => self.stop(at),
            Order::DoNotRecord => self.decline(at),
            Order::Mask => Ok(self.mask(at)),
            Order::Unmask => Ok(self.unmask(at)),
        }?;
        let told: Vec<_> = self.change.commands.iter().map(|command| &command.id).collect();
        let detail = json!({ "request": self.request, "verdict": word(verdict), "commands": told });
        self.audit(order.action(), at, detail);
        Ok(verdict)
    }

    /// A request in flight holds the interaction, at the longest until its deadline.
    ///
    /// # Errors
    /// [`ControlError::Locked`].
    pub(in crate::control) fn require_unlocked(&self, at: At) -> Result<(), ControlError> {
        match &self.row(at).lock {
            Some(lock) if lock.until > self.now => Err(ControlError::Locked { until: lock.until }),
            _ => Ok(()),
        }
    }

    fn start(&mut self, at: At, demand: Demand) -> Result<Verdict, ControlError> {
        if self.live(at).contact.declined.is_some() {
            return Err(ControlError::Declined);
        }
        let row = self.row(at);
        if row.demand == demand || row.demand == Demand::VoiceAndScreen {
            return Ok(Verdict::Holds("it is recorded on demand already"));
        }
        if !self.is_alive(&row.recorder) {
            return Err(ControlError::Unreachable);
        }
        let screen = demand == Demand::VoiceAndScreen;
        for capability in [Capability::Voice, Capability::Screen] {
            if !self.can(at, capability) && (screen || capability == Capability::Voice) {
                return Err(ControlError::Unable(capability));
            }
        }
        if !self.can(at, Capability::Stop) {
            // It records all the time: what is kept is decided here alone.
            self.keep(at, demand);
            return Ok(Verdict::Holds("the recorder records all the time; it is kept from now on"));
        }
        let argument = json!({ "mediaType": demand.name(), "masked": self.row(at).masked });
        self.command(at, CommandKind::Start, Some(argument));
        Ok(Verdict::InFlight)
    }

    /// From now on the bytes are kept.
    fn keep(&mut self, at: At, demand: Demand) {
        let now = self.now;
        self.keep_from(at, demand, now);
    }

    pub(super) fn keep_from(&mut self, at: At, demand: Demand, from: jiff::Timestamp) {
        let dropped = !self.is_recorded(at);
        self.row_mut(at).demand = demand;
        if dropped {
            self.rule(at, RulingKind::Keep, from, Source::Api);
        }
    }

    fn stop(&mut self, at: At) -> Result<Verdict, ControlError> {
        if !self.is_recorded(at) {
            return Ok(Verdict::Holds("nothing is recorded"));
        }
        if !self.is_alive(&self.row(at).recorder) {
            return Err(ControlError::Unreachable);
        }
        self.row_mut(at).demand = Demand::Stopped;
        let now = self.now;
        self.rule(at, RulingKind::Drop, now, Source::Api);
        if !self.can(at, Capability::Stop) {
            return Ok(Verdict::Holds("the gateway keeps nothing from now on"));
        }
        self.command(at, CommandKind::Stop, None);
        Ok(Verdict::InFlight)
    }

    fn decline(&mut self, at: At) -> Result<Verdict, ControlError> {
        let legs = self.legs(at);
        for leg in &legs {
            self.require_unlocked(*leg)?;
        }
        if self.live(at).contact.declined.is_some() {
            return Ok(Verdict::Holds("the contact is not recorded already"));
        }
        let mut verdict = Verdict::Holds("the gateway keeps nothing of the contact from now on");
        let now = self.now;
        for leg in &legs {
            if self.is_recorded(*leg) {
                self.rule(*leg, RulingKind::Drop, now, Source::Api);
            }
            verdict = worse(verdict, self.tell(*leg, CommandKind::DoNotRecord, Capability::Stop));
        }
        if let Some(live) = self.contacts.get_mut(at.contact) {
            live.contact.declined = Some(now);
        }
        Ok(verdict)
    }

    /// Tells a recorder that can do it; one that cannot be reached will hear of it later.
    pub(super) fn tell(&mut self, at: At, kind: CommandKind, needs: Capability) -> Verdict {
        if !self.can(at, needs) {
            return Verdict::Holds("the gateway does it; the recorder cannot");
        }
        match self.command(at, kind, None) {
            true => Verdict::InFlight,
            false => Verdict::Queued("the gateway does it; the recorder cannot be reached now"),
        }
    }

    fn mask(&mut self, at: At) -> Verdict {
        if !self.is_recorded(at) {
            return Verdict::Holds("nothing is recorded: no action");
        }
        if self.row(at).masked {
            return Verdict::Holds("it is masked already");
        }
        let mut verdict = self.mask_one(at);
        for session in self.sessions(at) {
            if !self.row(session).masked && self.is_recorded(session) {
                verdict = worse(verdict, self.mask_one(session));
            }
        }
        verdict
    }

    fn mask_one(&mut self, at: At) -> Verdict {
        self.row_mut(at).masked = true;
        let now = self.now;
        self.rule(at, RulingKind::Mask, now, Source::Api);
        self.tell(at, CommandKind::Mask, Capability::Pause)
    }

    fn unmask(&mut self, at: At) -> Verdict {
        if !self.row(at).masked {
            return Verdict::Holds("it is not masked: no action");
        }
        let mut verdict = self.unmask_one(at);
        for session in self.sessions(at) {
            self.together = true;
            if self.row(session).masked && !self.is_masked_elsewhere(session, at) {
                verdict = worse(verdict, self.unmask_one(session));
            }
        }
        verdict
    }

    /// Whether another masked call of its user covers a screen session.
    fn is_masked_elsewhere(&self, session: At, except: At) -> bool {
        let users: Vec<UserId> =
            self.row(session).participants.iter().map(|part| part.user.clone()).collect();
        let except = &self.row(except).id;
        self.contacts.iter().flat_map(|live| &live.interactions).any(|row| {
            row.kind == InteractionKind::Call
                && row.is_live()
                && row.masked
                && row.id != *except
                && users.iter().any(|user| row.has(user))
        })
    }

    fn unmask_one(&mut self, at: At) -> Verdict {
        let now = self.now;
        if !self.is_recorded(at) {
            self.lift(at, now);
            return Verdict::Holds("it is not masked any more, and nothing is recorded");
        }
        let verdict = self.tell(at, CommandKind::Unmask, Capability::Pause);
        if verdict != Verdict::InFlight {
            self.lift(at, now);
        }
        verdict
    }

    /// The mask ends.
    pub(super) fn lift(&mut self, at: At, from: jiff::Timestamp) {
        self.row_mut(at).masked = false;
        self.rule(at, RulingKind::Unmask, from, Source::Api);
    }
}

/// What has yet to happen wins.
fn worse(one: Verdict, other: Verdict) -> Verdict {
    let rank = |verdict: &Verdict| match verdict {
        Verdict::Holds(_) => 0,
        Verdict::Queued(_) => 1,
        Verdict::InFlight => 2,
    };
    if rank(&other) > rank(&one) { other } else { one }
}

fn word(verdict: Verdict) -> Value {
    match verdict {
        Verdict::Holds(text) | Verdict::Queued(text) => text.into(),
        Verdict::InFlight => "in flight".into(),
    }
}
