//! Live interactions: what recorders announce, what callers ask for, and the mask ledger that the
//! pipeline applies to the bytes whatever a recorder does.
//!
//! `machine` holds the rules and has no I/O; [`Control`] reads and writes the rows around them.
//! Every change of a contact is one transaction (`catalog::Change`), so a restart finds live
//! interactions, locks, timers and commands as they were.

mod engine;
mod error;
mod machine;
mod settings;
mod status;

pub use engine::{Answer, Caller, Control, Outcome, Registration, Reported, StatusView, Ticket};
pub use error::ControlError;
pub use machine::{
    Ack, AckState, Announcement, Event, EventKind, MAX_LEGS, MAX_PARTICIPANTS, Order, Verdict,
};
pub use settings::{ContactIdForm, ControlSettings, WebhookSettings};
pub use status::{RecordingStatus, StatusEvent, StatusReason};

/// Delivery targets that begin so are webhooks; the name of the receiver follows.
pub const WEBHOOK: &str = "webhook:";
