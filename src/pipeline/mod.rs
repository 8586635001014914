//! Carries one asset through the stages: spool, mask, seal, store, record.
//!
//! # Memory
//! For each asset under way, whatever its size:
//!
//! | what | bytes |
//! |---|---|
//! | one frame of the spool reader | 64 KiB |
//! | one block of source and of masked bytes, and what a rewriter holds back | 3 x [`BLOCK_BYTES`] |
//! | sealed chunks in the channel to the store, and one on either side | ([`CHANNEL_CHUNKS`] + 2) x [`BLOCK_BYTES`] |
//! | digests of segments, 64 digits for each [`SEGMENT_BYTES`](crate::store::SEGMENT_BYTES) | 64 bytes a MiB |
//!
//! which is [`BYTES_PER_ASSET`] and the digests. An upload on its way in needs
//! `ingest::BYTES_PER_UPLOAD`. The test `memory_of_an_upload_is_constant` holds the process to it.
//!
//! # After a crash
//! The job row says that an asset is not done; the spool holds its bytes. Before the final name is
//! given in the store, the row is told what the object will be (`committing`). A second run looks
//! whether exactly that object is there, and begins again from the spool if not: nothing is lost,
//! and no object is left that no row knows.

mod analyse;
mod carry;
mod ending;
mod error;
mod manifest;
mod operator;
mod settings;
mod transform;
mod worker;

pub use analyse::{Analysed, MaskRequest, analyse, measure};
pub use error::PipelineError;
pub use manifest::{MANIFEST_TYPE, Manifest};
pub use operator::{Operator, OperatorError};
pub use settings::PipelineSettings;
pub use worker::{Pipeline, Progress};

/// How much is read, masked and sealed at a time, in bytes.
pub const BLOCK_BYTES: usize = 256 * 1024;
/// Sealed chunks that wait for the store.
pub const CHANNEL_CHUNKS: usize = 2;
/// The sum above, in bytes.
pub const BYTES_PER_ASSET: usize = 64 * 1024 + (3 + CHANNEL_CHUNKS + 2) * BLOCK_BYTES;
