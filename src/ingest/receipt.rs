//! What the sender keeps: a signed statement that the gateway has the bytes.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::asset::{Digest, MediaId, RecordingId, TenantId};
use crate::seal::{SealError, SigningKey};

/// `typ` of a receipt's signature header.
pub const RECEIPT_TYPE: &str = "reelgate-receipt+jws";

/// How safe the bytes were when the receipt was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ReceiptState {
    /// Durable in the spool.
    Spooled,
    /// Stored and verified.
    Stored,
}

/// The payload of a receipt; its form on the wire is a compact JWS (EdDSA).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Receipt {
    /// Tenant.
    pub tenant: TenantId,
    /// Recording id.
    pub recording_id: RecordingId,
    /// Media id.
    pub media_id: MediaId,
    /// Bytes received.
    pub bytes: u64,
    /// SHA-256 of the bytes received.
    pub sha256: Digest,
    /// What is acknowledged.
    pub state: ReceiptState,
    /// When.
    pub time: Timestamp,
}

impl Receipt {
    /// The payload of a receipt that this gateway wrote; its signature is not checked.
    pub fn read(jws: &str) -> Option<Self> {
        let payload = URL_SAFE_NO_PAD.decode(jws.split('.').nth(1)?).ok()?;
        serde_json::from_slice(&payload).ok()
    }

    /// Signs it.
    ///
    /// # Errors
    /// [`SealError`] when the key fails.
    pub fn sign(&self, key: &SigningKey) -> Result<String, SealError> {
        let payload = serde_json::to_vec(self)
            .map_err(|_| SealError::Internal { what: "writing a receipt" })?;
        key.sign(RECEIPT_TYPE, &payload)
    }
}
