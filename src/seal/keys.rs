//! Makes the gateway's own recipient: an RSA key and its self-signed certificate.

use std::time::Duration;

use jiff::Timestamp;
use rcgen::{
    CertificateParams, DistinguishedName, DnType, KeyPair, KeyUsagePurpose, PKCS_RSA_SHA256,
    RsaKeySize, date_time_ymd,
};
use zeroize::Zeroizing;

use super::{error::SealError, pem};

const DAY_SECONDS: u64 = 86_400;
/// A hundred years; also keeps the end inside the calendar of certificates.
const MAX_VALID_DAYS: u32 = 36_525;

/// A new key pair for opening envelopes.
pub struct RecipientKeys {
    /// PKCS#8, unencrypted: write it to a file that only the gateway reads. Wiped on drop.
    pub private_key_pem: Zeroizing<String>,
    /// The self-signed certificate.
    pub certificate_pem: String,
}

/// Makes an RSA-3072 key and a self-signed certificate for key encipherment, valid for
/// `valid_days` from `not_before` on.
///
/// # Errors
/// [`SealError::LimitReached`] for more than a hundred years or an instant before 1970;
/// [`SealError::Internal`] if the library refuses.
pub fn generate_recipient(
    common_name: &str,
    not_before: Timestamp,
    valid_days: u32,
) -> Result<RecipientKeys, SealError> {
    const FAILED: SealError = SealError::Internal { what: "making a certificate" };
    if valid_days > MAX_VALID_DAYS {
        return Err(SealError::LimitReached { limit: "valid days", max: MAX_VALID_DAYS.into() });
    }
    let start = u64::try_from(not_before.as_second())
        .ok()
        .filter(|start| *start < u32::MAX.into())
        .ok_or(SealError::LimitReached { limit: "start of validity", max: u32::MAX.into() })?;
    let end = start.saturating_add(u64::from(valid_days).saturating_mul(DAY_SECONDS));

    let key = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_3072).map_err(|_| FAILED)?;
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common_name);
    let mut params = CertificateParams::default();
    let epoch = date_time_ymd(1970, 1, 1);
    params.not_before = epoch + Duration::from_secs(start);
    params.not_after = epoch + Duration::from_secs(end);
    params.distinguished_name = name;
    params.key_usages = vec![KeyUsagePurpose::KeyEncipherment];
    let certificate = params.self_signed(&key).map_err(|_| FAILED)?;
    let private_key = Zeroizing::new(key.serialize_der());
    Ok(RecipientKeys {
        private_key_pem: pem::armour("PRIVATE KEY", &private_key),
        certificate_pem: pem::armour("CERTIFICATE", certificate.der()).to_string(),
    })
}
