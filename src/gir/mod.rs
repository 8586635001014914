//! Genesys Interaction Recording: insertion records, and the client that brings them to RWS.
//!
//! Facts and numbers in brackets such as (R22) are those of `docs/gir.md`.

mod error;
mod record;
mod rws;
mod settings;

pub use error::GirError;
pub use record::{RecordParts, build};
pub use rws::{Found, RwsClient, RwsCredentials, Submitted};
pub use settings::{CsrfMode, GirSettings, MediaIdPolicy};
