//! Envelopes, keys and signatures: bytes in, bytes out.
//!
//! Nothing here is async or reads a clock. Time and randomness come in as arguments, except that
//! `aws-lc-rs` draws RSA padding and new RSA and Ed25519 keys from its own generator. The only I/O
//! is [`write_private_file`], by which every secret reaches the disk.
//!
//! - **Writing.** [`Sealer`] turns plaintext of a declared length into a stored object, chunk by
//!   chunk, and is the only maker of [`SealedChunk`]. A store accepts nothing else. Storage that
//!   policy leaves unsealed goes through the one constructor [`Sealer::leave_clear`].
//! - **Reading.** [`EnvelopeHeader::parse`] reads the start of an envelope, [`PrivateKey`] holds
//!   what opens it, [`Opener`] streams the content and vouches for it only at `finish`.
//!   [`RangeOpener`] decrypts any range without reading the rest, and vouches for nothing.
//! - **At rest.** [`FrameSealer`] and [`FrameOpener`] serve the spool: one key for one file, wrapped
//!   by the node's [`WrapKey`].
//! - **Signing.** [`SigningKey`] makes Ed25519 signatures for receipts and manifests.
//!
//! Keys wipe themselves and have neither `Debug` nor `Clone`. The formats are described byte by
//! byte in `docs/envelope.md`.

mod cbc;
mod certificate;
mod cipher;
mod der_reader;
mod der_writer;
mod envelope;
mod envelope_header;
mod error;
mod frames;
mod gcm;
mod header;
mod keys;
mod oid;
mod opener;
mod pem;
mod policy;
mod private_key;
mod random;
mod range;
mod second_reader;
mod settings;
mod signing;

pub use certificate::Recipient;
pub use envelope::{SealSummary, SealedChunk, Sealer};
pub use error::{RandomError, SealError};
pub use frames::{FileKey, FrameOpener, FrameSealer, WrapKey};
pub use header::{EnvelopeHeader, MAX_HEADER_BYTES, MAX_RECIPIENTS, MAX_TRAILER_BYTES};
pub use keys::{GeneratedRecipient, generate_recipient, write_private_file};
pub use opener::Opener;
pub use policy::SealPolicy;
pub use private_key::PrivateKey;
pub use random::{Random, SystemRandom};
pub use range::{RangeOpener, RangeStream};
pub use settings::{Cipher, KeyTransport, SealMode, SealSettings, UnknownSpelling};
pub use signing::{SigningKey, VerifyingKeys};

#[cfg(test)]
mod tests;
