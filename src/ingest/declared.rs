//! What a sender promises of a body, and whether it came.

use super::IngestError;
use crate::asset::Digest;

/// What a sender says of the body beforehand.
#[derive(Debug, Clone, Default)]
pub struct Declared {
    /// Length in bytes, and the name of the header or member that says so.
    pub bytes: Option<(u64, String)>,
    /// SHA-256, likewise.
    pub sha256: Option<(Digest, String)>,
}

/// Holds what came to what was declared.
pub(super) fn hold_to(
    declared: &Declared,
    (found, digest): (u64, Digest),
) -> Result<(), IngestError> {
    if let Some((bytes, field)) = &declared.bytes
        && *bytes != found
    {
        return Err(IngestError::Length { field: field.clone(), declared: *bytes, found });
    }
    if let Some((sha256, field)) = &declared.sha256
        && *sha256 != digest
    {
        let (field, declared) = (field.clone(), *sha256);
        return Err(IngestError::Digest { field, declared, found: digest });
    }
    if found == 0 { Err(IngestError::Empty) } else { Ok(()) }
}
