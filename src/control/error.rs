//! Why a request changed nothing.

use jiff::Timestamp;

use crate::catalog::{Capability, CatalogError};

/// An error of live control, grouped by who is at fault.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    // The caller.
    /// The user has no live interaction of that kind, or there is no such interaction.
    #[error("there is no live interaction: {what}")]
    NotLive {
        /// Which was looked for.
        what: String,
    },
    /// No such recorder or command, or one of somebody else.
    #[error("there is no {what}")]
    Unknown {
        /// What was looked for.
        what: String,
    },
    /// The name belongs to another principal.
    #[error("recorder {recorder} belongs to another principal")]
    Foreign {
        /// Which recorder.
        recorder: String,
    },
    /// A member says what cannot be.
    #[error("{field} {message}")]
    Field {
        /// Its path.
        field: String,
        /// What is wrong with it.
        message: String,
    },
    /// It was said differently before.
    #[error("{field} differs from what was said before")]
    Differs {
        /// Which member, or what.
        field: &'static str,
    },
    /// It comes too late.
    #[error("{what}")]
    TooLate {
        /// What is over.
        what: String,
    },
    /// More than is taken.
    #[error("more than {limit} {what}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// The limit.
        limit: u64,
    },

    // The state of the interaction.
    /// An earlier request holds the interaction.
    #[error("an earlier request holds the interaction")]
    Locked {
        /// Until when, at the longest.
        until: Timestamp,
    },
    /// The customer declined to be recorded.
    #[error("the customer declined to be recorded")]
    Declined,
    /// The recorder was not heard of lately.
    #[error("the recorder of the interaction cannot be reached")]
    Unreachable,
    /// The recorder cannot do it.
    #[error("the recorder of the interaction cannot record {}", .0.name())]
    Unable(Capability),
    /// No customer takes part.
    #[error("the call is internal and cannot be masked")]
    Internal,

    // Us.
    /// Others changed the contact again and again.
    #[error("the contact is changed too often at once")]
    Contended,
    /// The catalogue failed.
    #[error("the catalogue failed")]
    Catalog(#[from] CatalogError),
}

impl ControlError {
    /// A fault of one member.
    pub fn field(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Field { field: field.into(), message: message.into() }
    }
}
