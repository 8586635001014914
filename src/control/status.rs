//! What of an interaction is recorded now, in the words of the CXone interfaces
//! (`get-recording-status`, and the `RECORDING_STATUS` message).

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::asset::TenantId;
use crate::catalog::{ContactRow, Demand, InteractionRow};

/// Whether anything is recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordingStatus {
    /// It is.
    Recording,
    /// It was, or could be, and somebody stopped it.
    Stopped,
    /// It should be, and its recorder cannot be reached.
    RecordingFailure,
    /// Nobody asked for it.
    NoRecording,
}

impl RecordingStatus {
    /// The word on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Recording => "Recording",
            Self::Stopped => "Stopped",
            Self::RecordingFailure => "RecordingFailure",
            Self::NoRecording => "NoRecording",
        }
    }
}

/// Why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatusReason {
    /// The recording policy.
    Policy,
    /// The customer is on hold.
    Hold,
    /// It is masked.
    Mask,
    /// Somebody started it on demand.
    RecordOnDemand,
    /// Somebody stopped it on demand.
    StopOnDemand,
    /// The customer declined.
    CustomerDisconsent,
}

impl StatusReason {
    /// The word on the wire; the last one is misspelled there.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Policy => "Policy",
            Self::Hold => "Hold",
            Self::Mask => "Mask",
            Self::RecordOnDemand => "RecordOnDemand",
            Self::StopOnDemand => "StopOnDemand",
            Self::CustomerDisconsent => "CustomerDisconsent",
        }
    }
}

/// Whether the bytes of an interaction are kept: do-not-record before on demand before policy.
pub(super) fn is_recorded(contact: &ContactRow, row: &InteractionRow) -> bool {
    if contact.declined.is_some() {
        return false;
    }
    match row.demand {
        Demand::None => row.policy,
        Demand::Voice | Demand::VoiceAndScreen => true,
        Demand::Stopped => false,
    }
}

/// Status and reason; `alive` tells whether its recorder can be reached.
pub(super) fn status_of(
    contact: &ContactRow,
    row: &InteractionRow,
    alive: bool,
) -> (RecordingStatus, StatusReason) {
    let reason = if contact.declined.is_some() {
        StatusReason::CustomerDisconsent
    } else {
        match row.demand {
            Demand::None => StatusReason::Policy,
            Demand::Voice | Demand::VoiceAndScreen => StatusReason::RecordOnDemand,
            Demand::Stopped => StatusReason::StopOnDemand,
        }
    };
    if !is_recorded(contact, row) {
        let never = reason == StatusReason::Policy;
        let status = if never { RecordingStatus::NoRecording } else { RecordingStatus::Stopped };
        return (status, reason);
    }
    if !alive {
        return (RecordingStatus::RecordingFailure, reason);
    }
    if row.masked {
        return (RecordingStatus::Stopped, StatusReason::Mask);
    }
    let reason = if row.held { StatusReason::Hold } else { reason };
    (RecordingStatus::Recording, reason)
}

/// A change that subscribers hear of.
#[derive(Debug, Clone)]
pub struct StatusEvent {
    /// Whose.
    pub tenant: TenantId,
    /// Names the message; repeated deliveries carry the same one.
    pub id: String,
    /// The interaction, as it is now.
    pub interaction: InteractionRow,
    /// Status and reason now.
    pub status: (RecordingStatus, StatusReason),
    /// When it changed.
    pub at: Timestamp,
}

impl StatusEvent {
    /// The `RECORDING_STATUS` message for one direction: `ToAgent` or `FromAgent`.
    pub fn message(&self, direction: &str) -> Value {
        let row = &self.interaction;
        json!({
            "command": "MESSAGE",
            "headers": { "notificationUuid": self.id },
            "data": {
                "notificationTemplate": "RECORDING_STATUS",
                "payload": {
                    "status": self.status.0.name(),
                    "streamDirection": direction,
                    "reason": self.status.1.name(),
                    "contactId": row.contact,
                    "segmentId": row.segment,
                    "recordingId": row.id,
                    "timestamp": format!("{:.3}", self.at),
                    "interactionId": row.id,
                    "contactNo": row.contact,
                },
            },
        })
    }
}
