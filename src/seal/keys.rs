//! Makes the gateway's own recipient key, and the files that keys lie in.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256};
use der::pem::LineEnding;
use jiff::{Timestamp, ToSpan, tz::TimeZone};
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyUsagePurpose};
use zeroize::Zeroizing;

use super::error::SealError;

/// Years that a generated certificate is valid.
const VALID_YEARS: i64 = 10;

/// A fresh RSA key and its self-signed certificate.
pub struct GeneratedRecipient {
    /// PKCS#8, unencrypted.
    pub private_key_pem: Zeroizing<String>,
    /// X.509, for key encipherment only.
    pub certificate_pem: String,
}

/// Makes an RSA-3072 recipient called `common_name`, valid for ten years from the day of `now`.
///
/// # Errors
/// [`SealError::Key`] if the library refuses.
pub fn generate_recipient(
    common_name: &str,
    now: Timestamp,
) -> Result<GeneratedRecipient, SealError> {
    let key = KeyPair::generate(KeySize::Rsa3072).map_err(|_| refused("generation failed"))?;
    let pkcs8: Pkcs8V1Der<'_> = key.as_der().map_err(|_| refused("encoding failed"))?;
    let private_key_pem = der::pem::encode_string("PRIVATE KEY", LineEnding::LF, pkcs8.as_ref())
        .map(Zeroizing::new)
        .map_err(refused)?;

    let today = now.to_zoned(TimeZone::UTC).date();
    let end = today.checked_add(VALID_YEARS.years()).map_err(refused)?;
    let mut params = CertificateParams::default();
    params.not_before = midnight(today)?;
    params.not_after = midnight(end)?;
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, common_name);
    params.key_usages = vec![KeyUsagePurpose::KeyEncipherment];
    let certificate = params.self_signed(&SelfSigner(key)).map_err(refused)?;
    Ok(GeneratedRecipient { private_key_pem, certificate_pem: certificate.pem() })
}

/// Writes `bytes` to `path` so that only the owner can read them, and so that after a crash the
/// file is either whole or as before: a temporary sibling with mode 0600, made durable, renamed.
///
/// # Errors
/// Any [`io::Error`]; an existing file is then as it was, and the temporary file is removed.
pub fn write_private_file(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    let mut temporary = name.to_owned();
    temporary.push(format!(".{}.new", std::process::id()));
    let temporary = path.with_file_name(temporary);
    let written = write_new(&temporary, bytes).and_then(|()| fs::rename(&temporary, path));
    if let Err(error) = written {
        // The first failure is the one to report; a missing temporary file is as good as removed.
        let _ = fs::remove_file(&temporary);
        return Err(error);
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Signs the certificate without a copy of the private key outside the library that made it.
struct SelfSigner(KeyPair);

impl rcgen::PublicKeyData for SelfSigner {
    fn der_bytes(&self) -> &[u8] {
        self.0.public_key().as_ref()
    }

    fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
        &rcgen::PKCS_RSA_SHA256
    }
}

impl rcgen::SigningKey for SelfSigner {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        let mut signature = vec![0; self.0.public_modulus_len()];
        self.0
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature)
            .map_err(|_| rcgen::Error::RingUnspecified)?;
        Ok(signature)
    }
}

fn midnight<T: From<std::time::SystemTime>>(day: jiff::civil::Date) -> Result<T, SealError> {
    let instant = day.to_zoned(TimeZone::UTC).map_err(refused)?.timestamp();
    Ok(std::time::SystemTime::from(instant).into())
}

fn refused(detail: impl ToString) -> SealError {
    SealError::Key { detail: detail.to_string() }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::super::certificate::Recipient;
    use super::*;

    #[test]
    fn a_generated_recipient_is_a_valid_recipient() {
        let now: Timestamp = "2024-02-29T10:00:00Z".parse().unwrap();
        let made = generate_recipient("reelgate playback", now).unwrap();
        let (recipient, warnings) = Recipient::from_pem(&made.certificate_pem, now).unwrap();
        assert_eq!(warnings, Vec::<String>::new());
        assert_eq!(recipient.issuer_dn(), "CN=reelgate playback");
        assert!(made.private_key_pem.starts_with("-----BEGIN PRIVATE KEY-----\n"));
        let late: Timestamp = "2034-03-01T00:00:00Z".parse().unwrap();
        let (_, warnings) = Recipient::from_pem(&made.certificate_pem, late).unwrap();
        assert_eq!(warnings.len(), 1, "{warnings:?}");
    }

    #[test]
    fn private_files_are_for_their_owner_and_replaced_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key.pem");
        write_private_file(&path, b"a longer first secret").unwrap();
        write_private_file(&path, b"second").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"second");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_failed_write_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("occupied");
        fs::create_dir(&path).unwrap();
        assert!(write_private_file(&path, b"secret").is_err());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
