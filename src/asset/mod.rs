//! Nouns that every stage shares: ids, digests, lengths, media kinds, spans, the clock.
//!
//! An *asset* is the bytes of one media file; a *record* is the metadata row about it. Nothing here
//! does I/O, and nothing here imports another folder of the house.

mod clock;
mod digest;
pub mod document;
mod ids;
mod kind;
mod outcome;
mod ruling;
mod span;
mod stamp;
mod timeline;

pub use clock::{Clock, SystemClock};
pub use digest::{Digest, DigestError, Hasher};
pub use document::{
    Agent, CallFacts, CategoryMatch, ContactNames, Conversation, Direction, Email, FieldFault,
    Flow, MaskEntry, MediaEntry, Message, Mood, RecordingDocument, Rules, Sentiment, Side,
    Statement,
};
pub use ids::{
    AssetId, ContactId, IdError, InteractionId, MAX_ID_BYTES, MediaId, RecorderId, RecordingId,
    SegmentId, StatementId, TenantId, UserId,
};
pub use kind::{MediaKind, MediaType};
pub use outcome::{Outcome, SealFacts, StoredObject};
pub use ruling::{Ruling, RulingKind, Stretch};
pub use span::{MediaTime, Span, SpanReason};
pub use stamp::{
    GmtTime, StampError, WireTime, gir_format, gmt_hundredths, gmt_seconds, utc_format,
};
pub use timeline::SourceTimeline;
