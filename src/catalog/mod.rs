//! Records, their states, jobs and deliveries, in SQLite or PostgreSQL.
//!
//! One SQL text serves both databases. A state change and the job or delivery that it causes are
//! written in one transaction, so no crash can part them. Every row belongs to a tenant.
//!
//! A media row walks `declared -> receiving -> spooled -> committing -> ready`, or ends in
//! `quarantined`, or in `erased` when
//! nothing of it may be kept; a row in `receiving` exists before the first byte, `ready` is last.

mod access_keys;
mod audit;
mod bundle_ends;
mod bundles;
mod call_lists;
mod call_records;
mod contacts;
mod counts;
mod deletions;
mod deliveries;
mod endings;
mod error;
mod graves;
mod holds;
mod inserted;
mod jobs;
mod ledger;
mod live;
mod live_uploads;
mod made_bundles;
mod media;
mod names;
mod owed;
mod playable;
mod pool;
mod principals;
mod quarantine;
mod recordings;
mod refresh_tokens;
mod removals;
mod renditions;
mod retrievals;
mod search;
mod settings;
mod space;
mod state;
mod storage_links;
mod terms;
mod tickets;
mod tiers;
mod uploads;

pub use access_keys::{AccessKeyRow, KeyChange, KeyCreated, KeyHolder, NewAccessKey};
pub use audit::{AuditEntry, AuditHead, AuditRow};
pub use bundle_ends::Queued;
pub use bundles::{BundleKind, BundleRow, BundleState, NewBundle};
pub use call_lists::{
    CallFile, CallFilter, CallMonth, CallOrder, CallScope, CallTotals, CallsFrom, ListedCall,
};
pub use call_records::{CallRecordRow, NewCallRecord, OwedMessage};
pub use contacts::{Place, SegmentRow};
pub use counts::{JobCounts, StateCount};
pub use deletions::{DELETED, Deleted, Deletion, RETENTION};
pub use deliveries::{Delivery, DeliveryState, DeliveryTry, NextTry, RWS};
pub use endings::{ERASED_BY_OPERATOR, Erasing, NOT_RECORDED};
pub use error::CatalogError;
pub use holds::Hold;
pub use jobs::{Job, JobFacts};
pub use live::{
    AuditLine, Capability, Change, Changed, CommandKind, CommandRow, CommandState, ContactRow,
    Demand, DueInteraction, InteractionKind, InteractionRow, LedgerEntry, LiveContact, Lock,
    NO_DEADLINE, NewCommand, Owed, Participant, RecorderRow, Settled, Source, Whereabouts,
};
pub use live_uploads::LiveClaim;
pub use made_bundles::MadeBundle;
pub use media::{MediaRow, Stage};
pub use owed::DeliveryRetry;
pub use playable::{HeldAsset, StoredAsset};
pub use pool::Catalog;
pub use principals::PrincipalRow;
pub use recordings::{Declared, DeclaredMedia, MaskChange, NewRecording, RecordingRow};
pub use refresh_tokens::{RefreshRow, Spent};
pub use removals::{Removal, RemovalKind};
pub use renditions::{ALL_RENDITIONS, MadeRendition, RenditionRow, RenditionState};
pub use retrievals::{NewRetrieval, RetrievalAdded, RetrievalFilter, RetrievalItem, RetrievalRow};
pub use search::{FoundRecording, MAX_SEARCH_WORDS, RecordingSearch};
pub use settings::CatalogSettings;
pub use space::{SpaceUse, SpaceWarning};
pub use state::MediaState;
pub use storage_links::{OtherLinks, StorageLinkRow};
pub use tickets::TicketRow;
pub use tiers::{Move, Tier};
pub use uploads::{Accepted, UploadClaim};

use jiff::Timestamp;

/// How the catalogue writes an instant.
fn micros(at: Timestamp) -> i64 {
    at.as_microsecond()
}

/// How it reads one.
fn instant(micros: i64) -> Timestamp {
    Timestamp::from_microsecond(micros).unwrap_or(Timestamp::UNIX_EPOCH)
}
