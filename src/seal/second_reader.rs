//! Reads a detached envelope a second time, with the `cms` crate: it shares no code with our
//! writer, so a fault of ours cannot hide in both.

use cms::content_info::{CmsVersion, ContentInfo};
use cms::enveloped_data::{EnvelopedData, RecipientInfo};
use const_oid::db::rfc5911::ID_ENVELOPED_DATA;
use der::Decode as _;

/// Whether `envelope` is what GIR's crypto server was seen to read: EnvelopedData version 0, one
/// KeyTransRecipientInfo of version 0 for each recipient, no content.
pub(super) fn is_gir_envelope(envelope: &[u8], recipients: usize) -> bool {
    let Ok(info) = ContentInfo::from_der(envelope) else { return false };
    let Ok(data) = info.content.decode_as::<EnvelopedData>() else { return false };
    let transported = |info: &RecipientInfo| matches!(info, RecipientInfo::Ktri(ktri) if ktri.version == CmsVersion::V0);
    info.content_type == ID_ENVELOPED_DATA
        && data.version == CmsVersion::V0
        && data.recip_infos.0.len() == recipients
        && data.recip_infos.0.iter().all(transported)
        && data.encrypted_content.encrypted_content.is_none()
}
