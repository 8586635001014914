//! Live interactions as rows: contacts, their interactions, recorders, commands, and the ledger.
//!
//! Everything that belongs to a contact changes together: a [`Change`] is written in one
//! transaction, and only if no other change of the same contact came between ([`Changed`]).

mod change;
mod commands;
mod read;
mod recorders;

use jiff::Timestamp;

use crate::asset::{ContactId, InteractionId, RecorderId, RulingKind, TenantId, UserId};

pub use change::{AuditLine, Change, Changed, Owed, Settled};
pub use commands::{CommandKind, CommandRow, CommandState, NO_DEADLINE, NewCommand};
pub use recorders::{Capability, RecorderRow};

/// The whole conversation with a customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContactRow {
    /// Its name.
    pub id: ContactId,
    /// How often it was changed; 0 for one that is not written yet.
    pub version: i64,
    /// When the customer declined to be recorded.
    pub declined: Option<Timestamp>,
}

/// What was last asked for on demand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Demand {
    /// Nothing: the policy decides.
    None,
    /// To record the voice.
    Voice,
    /// To record voice and screen.
    VoiceAndScreen,
    /// To record no longer.
    Stopped,
}

impl Demand {
    const ALL: [Self; 4] = [Self::None, Self::Voice, Self::VoiceAndScreen, Self::Stopped];

    /// The name in rows; of the two media also the CXone one.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Voice => "voice",
            Self::VoiceAndScreen => "voiceAndScreen",
            Self::Stopped => "stopped",
        }
    }

    /// The demand of this name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|demand| demand.name() == text)
    }
}

/// What an interaction is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InteractionKind {
    /// A call that a recorder announced.
    Call,
    /// A screen session that the screen recording API started.
    Screen,
}

impl InteractionKind {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Call => "call",
            Self::Screen => "screen",
        }
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        [Self::Call, Self::Screen].into_iter().find(|kind| kind.name() == text)
    }
}

/// A request whose commands are in flight holds the interaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lock {
    /// Which request.
    pub request: String,
    /// Until when, at the longest.
    pub until: Timestamp,
}

/// A user in an interaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Participant {
    /// Who.
    pub user: UserId,
    /// When they joined, the last time.
    pub joined: Timestamp,
    /// When they left.
    pub left: Option<Timestamp>,
}

/// A call leg or a screen session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InteractionRow {
    /// Its name.
    pub id: InteractionId,
    /// The contact it is part of.
    pub contact: ContactId,
    /// The segment it is.
    pub segment: String,
    /// Call or screen session.
    pub kind: InteractionKind,
    /// Whether no customer takes part.
    pub internal: bool,
    /// Who records it.
    pub recorder: RecorderId,
    /// Whether the recording policy records it.
    pub policy: bool,
    /// What was last asked for on demand.
    pub demand: Demand,
    /// Whether it is masked.
    pub masked: bool,
    /// Whether the customer is on hold.
    pub held: bool,
    /// When that began or ended last: an event from before it comes late, and says nothing new.
    pub hold_changed: Option<Timestamp>,
    /// The request in flight.
    pub lock: Option<Lock>,
    /// When a screen session stops by itself.
    pub until: Option<Timestamp>,
    /// What `business-data-update` said last, as JSON.
    pub business_data: Option<String>,
    /// When it began.
    pub started: Timestamp,
    /// When its recorder last spoke of it.
    pub seen: Timestamp,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// Why.
    pub end_reason: Option<String>,
    /// Its users, in the order in which they joined.
    pub participants: Vec<Participant>,
}

impl InteractionRow {
    /// Whether it has not ended.
    pub const fn is_live(&self) -> bool {
        self.ended.is_none()
    }

    /// Whether this user is in it now.
    pub fn has(&self, user: &UserId) -> bool {
        self.participants.iter().any(|part| part.user == *user && part.left.is_none())
    }
}

/// A contact and all its interactions, as they were read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveContact {
    /// The contact.
    pub contact: ContactRow,
    /// Its interactions, oldest first, the ended ones too.
    pub interactions: Vec<InteractionRow>,
}

/// Who brought an entry of the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// A caller of the control interface.
    Api,
    /// The recorder.
    Recorder,
    /// The recording policy, at the start of the interaction.
    Policy,
}

impl Source {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Recorder => "recorder",
            Self::Policy => "policy",
        }
    }
}

/// An entry about to be appended to the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerEntry {
    /// Of which interaction.
    pub interaction: InteractionId,
    /// What holds from then on.
    pub kind: RulingKind,
    /// From when, on the gateway's clock.
    pub at: Timestamp,
    /// The same instant on the recorder's clock.
    pub recorder_at: Timestamp,
    /// Who brought it.
    pub source: Source,
    /// Names its cause: an entry of the same cause is written once.
    pub cause: String,
}

/// Names the contact in which a user is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Whereabouts {
    /// The contact.
    pub contact: ContactId,
    /// The interaction in it.
    pub interaction: InteractionId,
}

/// Names one interaction of any tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueInteraction {
    /// Its tenant.
    pub tenant: TenantId,
    /// Its contact.
    pub contact: ContactId,
    /// Its name.
    pub interaction: InteractionId,
}
