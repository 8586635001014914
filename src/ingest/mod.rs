//! What an upload is, whatever protocol brought it.
//!
//! An upload is claimed (the row is in *receiving* before the first byte), received into the spool,
//! and acknowledged: only when its bytes and its name are durable and the row says *spooled*, in
//! one transaction with the job that carries it on. Whatever ends it otherwise leaves nothing: a
//! drop guard tries, the recovery at start guarantees. An upload of a live interaction is kept as
//! far as it is durable instead, and can be gone on with (`live.rs`).
//!
//! # Memory
//! For each upload, whatever its length: the connection's read buffer, [`CHANNEL_CHUNKS`] + 2 body
//! chunks of at most [`MAX_CHUNK_BYTES`], one frame of plaintext and one of ciphertext in the
//! spool's writer: [`BYTES_PER_UPLOAD`].

mod declared;
mod error;
mod live;
mod receipt;
mod receive;
mod settings;
mod sweep;

pub use declared::Declared;
pub use error::IngestError;
pub use live::{Ending, LiveClaimed, LivePart, LiveUpload, LiveUploads};
pub use receipt::{RECEIPT_TYPE, Receipt, ReceiptState};
pub use receive::{Claimed, Ingest, Received, Slot};
pub use settings::{Acknowledge, IngestSettings};

/// Body chunks that wait for the spool.
pub const CHANNEL_CHUNKS: usize = 2;
/// Largest chunk that an HTTP connection hands over: its read buffer, in bytes.
pub const MAX_CHUNK_BYTES: usize = 256 * 1024;
/// The sum above, in bytes.
pub const BYTES_PER_UPLOAD: usize = (CHANNEL_CHUNKS + 3) * MAX_CHUNK_BYTES + 2 * 64 * 1024;
