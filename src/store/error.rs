//! What can go wrong with a store, grouped by who is at fault.

use std::error::Error;
use std::fmt;

use crate::asset::Digest;

/// What was asked of a store, for errors and metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// Making the folders of an object.
    Prepare,
    /// Writing a temporary object.
    Upload,
    /// Comparing a temporary object with what was sent.
    Verify,
    /// Giving a temporary object its final name.
    Commit,
    /// Removing a temporary object.
    Abort,
    /// Asking about an object.
    Head,
    /// Reading an object.
    Read,
    /// Removing an object.
    Delete,
    /// Listing a folder.
    List,
}

impl Operation {
    /// The stable name used in logs and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Prepare => "prepare",
            Self::Upload => "upload",
            Self::Verify => "verify",
            Self::Commit => "commit",
            Self::Abort => "abort",
            Self::Head => "head",
            Self::Read => "read",
            Self::Delete => "delete",
            Self::List => "list",
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why a store did not do what it was asked.
///
/// No variant holds a URL or a credential; objects are named by their clear path.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    // The caller.
    /// There is no such object.
    #[error("{operation}: {name} is not in the store")]
    NotFound {
        /// What was asked.
        operation: Operation,
        /// Path of the object.
        name: String,
    },
    /// The final name is taken; what it holds was not touched.
    #[error("commit: {name} is in the store already")]
    AlreadyExists {
        /// Path of the object.
        name: String,
    },
    /// The range does not begin inside the object.
    #[error("read: bytes {from} to {to} are not in {name}")]
    Range {
        /// Path of the object.
        name: String,
        /// First byte asked for.
        from: u64,
        /// Byte after the last one asked for.
        to: u64,
    },
    /// The producer of the body failed; nothing of it was accepted.
    #[error("upload: the body of {name} broke off")]
    Body {
        /// Path of the temporary object.
        name: String,
        /// What the producer said.
        #[source]
        source: std::io::Error,
    },

    // The content.
    /// A body or a stored object has another length than declared.
    #[error("{name} has {found} bytes instead of {expected}")]
    LengthMismatch {
        /// Path of the object.
        name: String,
        /// Length declared or sent, in bytes.
        expected: u64,
        /// Length found, in bytes.
        found: u64,
    },
    /// A stored object differs from what was sent.
    #[error("{name} has the SHA-256 {found} instead of {expected}")]
    DigestMismatch {
        /// Path of the object.
        name: String,
        /// Digest of what was sent.
        expected: Digest,
        /// Digest of what is stored.
        found: Digest,
    },

    // The backend.
    /// The backend does not accept the credentials.
    #[error("{operation} of {name}: the store refuses the credentials")]
    Unauthorized {
        /// What was asked.
        operation: Operation,
        /// Path of the object.
        name: String,
    },
    /// The credentials do not permit this.
    #[error("{operation} of {name}: the store forbids it")]
    Forbidden {
        /// What was asked.
        operation: Operation,
        /// Path of the object.
        name: String,
    },
    /// The backend is full.
    #[error("{operation} of {name}: the store has no space left")]
    InsufficientStorage {
        /// What was asked.
        operation: Operation,
        /// Path of the object.
        name: String,
    },
    /// Any other refusal.
    #[error("{operation} of {name}: the store answered with status {status}")]
    Backend {
        /// What was asked.
        operation: Operation,
        /// Path of the object.
        name: String,
        /// HTTP status of the answer.
        status: u16,
    },
    /// The answer makes no sense, or passes a limit.
    #[error("{operation} of {name}: {reason}")]
    Answer {
        /// What was asked.
        operation: Operation,
        /// Path of the object.
        name: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The connection failed before the answer was complete.
    #[error("{operation} of {name}: the connection to the store failed")]
    Network {
        /// What was asked.
        operation: Operation,
        /// Path of the object.
        name: String,
        /// What the client library said, without the URL.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// Nothing moved on the connection for the configured time.
    #[error("{operation} of {name}: the store was silent for {timeout_ms} ms")]
    TimedOut {
        /// What was asked.
        operation: Operation,
        /// Path of the object.
        name: String,
        /// The limit, in milliseconds.
        timeout_ms: u64,
    },

    // Us.
    /// The settings do not make a backend.
    #[error("the store cannot be opened: {reason}")]
    Open {
        /// What is wrong.
        reason: String,
    },
}

impl StoreError {
    /// Whether the same call may succeed later, with nothing changed but the state of the backend.
    ///
    /// Credentials and mismatches are not transient: the first need the operator, the second a new
    /// attempt with a new body.
    pub const fn is_transient(&self) -> bool {
        match self {
            Self::InsufficientStorage { .. } | Self::Network { .. } | Self::TimedOut { .. } => true,
            Self::Backend { status, .. } => {
                matches!(status, 408 | 423 | 425 | 429 | 500 | 502 | 503 | 504)
            }
            Self::NotFound { .. }
            | Self::AlreadyExists { .. }
            | Self::Range { .. }
            | Self::Body { .. }
            | Self::LengthMismatch { .. }
            | Self::DigestMismatch { .. }
            | Self::Unauthorized { .. }
            | Self::Forbidden { .. }
            | Self::Answer { .. }
            | Self::Open { .. } => false,
        }
    }

    /// A short stable word for logs and metrics.
    pub const fn outcome(&self) -> &'static str {
        match self {
            Self::NotFound { .. } => "not_found",
            Self::AlreadyExists { .. } => "already_exists",
            Self::Range { .. } => "range",
            Self::Body { .. } => "body",
            Self::LengthMismatch { .. } => "length_mismatch",
            Self::DigestMismatch { .. } => "digest_mismatch",
            Self::Unauthorized { .. } => "unauthorized",
            Self::Forbidden { .. } => "forbidden",
            Self::InsufficientStorage { .. } => "insufficient_storage",
            Self::Backend { .. } => "backend",
            Self::Answer { .. } => "answer",
            Self::Network { .. } => "network",
            Self::TimedOut { .. } => "timed_out",
            Self::Open { .. } => "open",
        }
    }

    /// The meaning of a status that is not success.
    pub(super) fn from_status(operation: Operation, name: &str, status: u16) -> Self {
        let name = name.to_owned();
        match status {
            401 => Self::Unauthorized { operation, name },
            403 => Self::Forbidden { operation, name },
            404 | 410 => Self::NotFound { operation, name },
            507 => Self::InsufficientStorage { operation, name },
            _ => Self::Backend { operation, name, status },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_means_one_thing() {
        for (status, outcome, transient) in [
            (401, "unauthorized", false),
            (403, "forbidden", false),
            (404, "not_found", false),
            (409, "backend", false),
            (500, "backend", true),
            (501, "backend", false),
            (503, "backend", true),
            (507, "insufficient_storage", true),
        ] {
            let error = StoreError::from_status(Operation::Upload, "a/b.wav", status);
            assert_eq!((error.outcome(), error.is_transient()), (outcome, transient), "{status}");
            assert!(error.to_string().contains("a/b.wav"));
        }
    }
}
