//! Call records of a virtual PBX: what a recording is in its call-record API (seed `004_…txt`).
//!
//! One sound file of a recording is one call record. Its row is written in the transaction that makes
//! the file *ready*, so a list never shows what cannot be fetched.

mod interval;
mod lister;
mod record;
mod settings;

pub use interval::{Interval, IntervalFault};
pub use lister::Lister;
pub use record::{CallRecords, RecordUuid, webhook_target};
pub use settings::{PbxClient, PbxSettings, RecordWebhook};
