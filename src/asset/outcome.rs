//! What the pipeline measured and did with one asset, as it is kept in the catalogue.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Digest, Span};

/// The outcome of one asset, from the moment its stored object is decided.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Outcome {
    /// Canonical MIME type.
    pub media_type: String,
    /// Measured duration in milliseconds.
    pub duration_ms: u64,
    /// Length of what a listener gets, in bytes.
    pub bytes: u64,
    /// SHA-256 of what a listener gets.
    pub sha256: Digest,
    /// The spans as asked for.
    pub spans: Vec<Span>,
    /// The proof of silence: spans applied, units, digests before and after.
    pub certificate: Value,
    /// Name of the file for a person who saves it (the download page of the media playback API).
    pub file_name: String,
    /// The stored object.
    pub stored: StoredObject,
    /// How it was sealed.
    pub seal: SealFacts,
}

/// An object in the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StoredObject {
    /// Key in the store.
    pub key: String,
    /// Absolute URL without credentials.
    pub url: String,
    /// Length in bytes.
    pub bytes: u64,
    /// SHA-256.
    pub sha256: Digest,
    /// Length of the segments whose digests the catalogue and the manifest hold, in bytes.
    pub segment_bytes: u64,
    /// The attempt whose temporary name it had.
    pub attempt: String,
}

/// How an object is sealed. Holds no key: envelopes are opened by their recipients only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SealFacts {
    /// `none`, `cms` or `gir`.
    pub mode: String,
    /// Content cipher, such as `aes-256-gcm`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cipher: Option<String>,
    /// The detached envelope for the record (`gir` only), PEM.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pkcs7: Option<String>,
    /// Aliases of the certificates in `pkcs7`, in the same order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cert_alias: Vec<String>,
    /// A second detached envelope, for the gateway's playback key only (`gir` only), PEM.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub playback_envelope: Option<String>,
    /// Whether the gateway's playback key opens it.
    pub playback: bool,
}
