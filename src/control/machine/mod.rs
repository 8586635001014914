//! The rules of live control, without I/O: what was read, what is asked for, what changes.
//!
//! A [`Turn`] holds the contacts as they were read; its methods change them and note commands,
//! ledger entries and audit lines. [`Turn::finish`] gives the [`Change`] to be written and the
//! status changes to be told.
//!
//! # What holds when
//! Do-not-record goes before on demand, on demand before policy; a mask is independent of all
//! three. What restricts (stop, mask, do-not-record) holds from the request on, whatever the
//! recorder does: the gateway silences or drops the bytes itself. What permits (start, unmask)
//! holds from the moment when the recorder did it, and never if it is silent.

mod answers;
mod events;
mod orders;
mod screen;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::settings::ControlSettings;
use super::status::{StatusEvent, is_recorded, status_of};
use crate::asset::{InteractionId, RecorderId, RulingKind, TenantId};
use crate::catalog::{
    AuditLine, Capability, Change, CommandKind, InteractionKind, InteractionRow, LedgerEntry,
    LiveContact, Lock, NO_DEADLINE, NewCommand, RecorderRow, Source,
};

pub use answers::{Ack, AckState};
pub use events::{Announcement, Event, EventKind, MAX_LEGS, MAX_PARTICIPANTS};
pub(in crate::control) use screen::NewSession;

/// What is asked for a user's call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Record the voice on demand.
    StartVoice,
    /// Record voice and screen on demand.
    StartVoiceAndScreen,
    /// Record no longer, until a start.
    Stop,
    /// The customer declined: record nothing more of the contact.
    DoNotRecord,
    /// Silence what comes.
    Mask,
    /// Silence it no longer.
    Unmask,
}

impl Order {
    /// The action in the audit trail.
    pub(in crate::control) const fn action(self) -> &'static str {
        match self {
            Self::StartVoice | Self::StartVoiceAndScreen => "recording.start",
            Self::Stop => "recording.stop",
            Self::DoNotRecord => "recording.decline",
            Self::Mask => "recording.mask",
            Self::Unmask => "recording.unmask",
        }
    }
}

/// What follows at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It holds now; in words.
    Holds(&'static str),
    /// It holds in the gateway now, and the recorder is told when it can be reached.
    Queued(&'static str),
    /// The recorder is being told.
    InFlight,
}

/// One request, event or timer, and everything that it may look at and change.
pub(in crate::control) struct Turn<'t> {
    /// Tenant.
    pub(in crate::control) tenant: &'t TenantId,
    /// Now.
    pub(in crate::control) now: Timestamp,
    /// Names the request.
    pub(in crate::control) request: String,
    /// Who asks.
    pub(in crate::control) actor: &'t str,
    /// Recorders of the tenant, as far as they matter.
    pub(in crate::control) recorders: Vec<RecorderRow>,
    /// `[control]`.
    pub(in crate::control) settings: &'t ControlSettings,
    /// The contact that it is about, and then those in which its users are, too.
    pub(in crate::control) contacts: Vec<LiveContact>,
    before: Vec<LiveContact>,
    change: Change,
    /// Whether the other contacts were decisive, so that they must be as they were read.
    together: bool,
}

/// Where an interaction stands in a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::control) struct At {
    contact: usize,
    interaction: usize,
}

impl<'t> Turn<'t> {
    /// A turn over contacts that were just read.
    pub(in crate::control) fn new(
        (tenant, actor): (&'t TenantId, &'t str),
        settings: &'t ControlSettings,
        recorders: Vec<RecorderRow>,
        contacts: Vec<LiveContact>,
        now: Timestamp,
    ) -> Self {
        let (before, request) = (contacts.clone(), uuid::Uuid::now_v7().to_string());
        let change = Change::default();
        Self {
            tenant,
            now,
            request,
            actor,
            recorders,
            settings,
            contacts,
            before,
            change,
            together: false,
        }
    }

    /// Finds an interaction by its name.
    pub(in crate::control) fn find(&self, id: &InteractionId) -> Option<At> {
        self.contacts.iter().enumerate().find_map(|(contact, live)| {
            let interaction = live.interactions.iter().position(|row| row.id == *id)?;
            Some(At { contact, interaction })
        })
    }

    /// The interaction as it is now.
    ///
    /// # Panics
    /// Never: a place is only made by this turn, and rows are never taken out of it.
    #[expect(clippy::indexing_slicing, reason = "places are made by this turn alone")]
    pub(in crate::control) fn row(&self, at: At) -> &InteractionRow {
        &self.contacts[at.contact].interactions[at.interaction]
    }

    #[expect(clippy::indexing_slicing, reason = "places are made by this turn alone")]
    fn row_mut(&mut self, at: At) -> &mut InteractionRow {
        &mut self.contacts[at.contact].interactions[at.interaction]
    }

    #[expect(clippy::indexing_slicing, reason = "places are made by this turn alone")]
    fn live(&self, at: At) -> &LiveContact {
        &self.contacts[at.contact]
    }

    /// Whether its bytes are kept.
    pub(in crate::control) fn is_recorded(&self, at: At) -> bool {
        is_recorded(&self.live(at).contact, self.row(at))
    }

    fn recorder(&self, id: &RecorderId) -> Option<&RecorderRow> {
        self.recorders.iter().find(|row| row.id == *id)
    }

    /// Whether a recorder was heard of lately.
    pub(in crate::control) fn is_alive(&self, id: &RecorderId) -> bool {
        let seconds = i64::try_from(self.settings.recorder_expiry_s).unwrap_or(i64::MAX);
        let expiry = SignedDuration::from_secs(seconds);
        self.recorder(id).is_some_and(|row| self.now.duration_since(row.seen) <= expiry)
    }

    fn can(&self, at: At, capability: Capability) -> bool {
        self.recorder(&self.row(at).recorder).is_some_and(|row| row.can(capability))
    }

    /// All live interactions of the contact at `at`.
    fn legs(&self, at: At) -> Vec<At> {
        let rows = self.live(at).interactions.iter().enumerate();
        let live = rows.filter(|(_, row)| row.is_live());
        live.map(|(interaction, _)| At { contact: at.contact, interaction }).collect()
    }

    /// The live screen sessions of the users of an interaction.
    fn sessions(&self, at: At) -> Vec<At> {
        let mut found = Vec::new();
        for (contact, live) in self.contacts.iter().enumerate() {
            for (interaction, row) in live.interactions.iter().enumerate() {
                let theirs = row.participants.iter().any(|part| self.row(at).has(&part.user));
                if row.is_live() && row.kind == InteractionKind::Screen && theirs {
                    found.push(At { contact, interaction });
                }
            }
        }
        found
    }

    /// Notes an entry for the ledger; `at` is on the gateway's clock.
    fn rule(&mut self, place: At, kind: RulingKind, at: Timestamp, source: Source) {
        let cause = format!("{}:{}", self.request, kind.name());
        self.rule_once(place, kind, at, source, cause);
    }

    fn rule_once(
        &mut self,
        place: At,
        kind: RulingKind,
        at: Timestamp,
        source: Source,
        cause: String,
    ) {
        let row = self.row(place);
        let offset = self.recorder(&row.recorder).map_or(SignedDuration::ZERO, |r| r.clock_offset);
        let recorder_at = at.checked_add(offset).unwrap_or(at);
        let interaction = row.id.clone();
        self.change.ledger.push(LedgerEntry { interaction, kind, at, recorder_at, source, cause });
    }

    /// The instant so many milliseconds from now.
    fn after(&self, millis: u64) -> Timestamp {
        let wait = SignedDuration::from_millis(i64::try_from(millis).unwrap_or(i64::MAX));
        self.now.checked_add(wait).unwrap_or(Timestamp::MAX)
    }

    /// Notes a command. Where its recorder can be reached it also holds the interaction; where
    /// not, it waits for the recorder without a deadline.
    fn command(&mut self, place: At, kind: CommandKind, argument: Option<Value>) -> bool {
        let (request, row) = (self.request.clone(), self.row(place));
        let alive = self.is_alive(&row.recorder);
        let deadline = if alive { self.after(self.settings.deadline_ms) } else { NO_DEADLINE };
        self.change.commands.push(NewCommand {
            id: uuid::Uuid::now_v7().to_string(),
            recorder: row.recorder.clone(),
            interaction: row.id.clone(),
            request: request.clone(),
            kind,
            argument: argument.map(|value| value.to_string()),
            deadline,
        });
        if alive {
            self.row_mut(place).lock = Some(Lock { request, until: deadline });
        }
        alive
    }

    /// Notes who asked for what.
    fn audit(&mut self, action: &'static str, place: At, detail: Value) {
        let subject = self.row(place).id.to_string();
        let actor = self.actor.to_owned();
        self.change.audit.push(AuditLine { actor, action, subject, detail });
    }

    /// Keeps business data with an interaction, as it was sent.
    pub(in crate::control) fn keep_business_data(&mut self, at: At, data: &Value) {
        self.row_mut(at).business_data = Some(data.to_string());
        self.audit("interaction.data", at, json!({ "request": self.request }));
    }

    /// Notes that a mask was still open when the interaction ended.
    fn alarm(&mut self, place: At) {
        metrics::counter!("reelgate_control_alarms_total", "kind" => "mask_left_open").increment(1);
        let row = self.row(place);
        tracing::warn!(
            interaction = %row.id, contact = %row.contact,
            "the interaction ended while masked; it stays silent to its end"
        );
        self.audit("mask.left_open", place, json!({}));
    }

    /// The change to be written, and the changes of status to be told.
    pub(in crate::control) fn finish(mut self) -> (Change, Vec<StatusEvent>) {
        let mut events = Vec::new();
        for (index, live) in self.contacts.iter().enumerate() {
            let before = self.before.get(index);
            if before == Some(live) && !self.mentions(live) && !self.together {
                continue;
            }
            self.change.contacts.push(live.contact.clone());
            for row in &live.interactions {
                let old = before.and_then(|live| live.interactions.iter().find(|o| o.id == row.id));
                if old == Some(row) {
                    continue;
                }
                self.change.interactions.push(row.clone());
                let parts = row.participants.iter();
                let new = parts.filter(|part| !old.is_some_and(|o| o.participants.contains(part)));
                self.change.participants.extend(new.map(|part| (row.id.clone(), part.clone())));
                let alive = self.is_alive(&row.recorder);
                let status = status_of(&live.contact, row, alive);
                let was = before.zip(old);
                let was = was.map(|(live, old)| status_of(&live.contact, old, alive));
                if was != Some(status) {
                    events.push(StatusEvent {
                        tenant: self.tenant.clone(),
                        id: uuid::Uuid::now_v7().to_string(),
                        interaction: row.clone(),
                        status,
                        at: self.now,
                    });
                }
            }
        }
        (self.change, events)
    }

    /// Whether ledger or commands speak of an interaction of this contact: then its version must
    /// rise, though no row of it changed.
    fn mentions(&self, live: &LiveContact) -> bool {
        let has = |id: &InteractionId| live.interactions.iter().any(|row| row.id == *id);
        self.change.ledger.iter().any(|entry| has(&entry.interaction))
            || self.change.commands.iter().any(|command| has(&command.interaction))
    }
}
