//! The signed manifest beside each asset: with it, the store alone is enough (promise 8).

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::asset::{Digest, MaskEntry, Outcome, Ruling};

/// `typ` of the manifest's signature header.
pub const MANIFEST_TYPE: &str = "reelgate-manifest+jws";

/// What the manifest says. In the store it is the payload of a compact JWS (EdDSA).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// Version of this form.
    pub version: u32,
    /// Tenant.
    pub tenant: String,
    /// Recording id.
    pub recording_id: String,
    /// Media id.
    pub media_id: String,
    /// Asset id.
    pub asset_id: String,
    /// The recording document as it was declared, with the end of its interaction where it has none.
    pub document: Value,
    /// Masks that came later.
    pub late_masks: Vec<MaskEntry>,
    /// The ledger of its live interaction.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rulings: Vec<Ruling>,
    /// Length of the upload in bytes.
    pub upload_bytes: u64,
    /// SHA-256 of the upload.
    pub upload_sha256: Digest,
    /// What was measured and done.
    pub outcome: Outcome,
    /// SHA-256 of each segment of the stored object.
    pub segments: Vec<Digest>,
}
