//! Recipients: X.509 certificates with RSA keys (RFC 5280).

use aws_lc_rs::{
    encoding::AsDer as _,
    rsa::{OaepPublicEncryptingKey, Pkcs1PublicEncryptingKey, PublicEncryptingKey},
};
use der::Decode as _;
use jiff::Timestamp;
use x509_cert::time::{Time, Validity};

use super::{
    der_reader::{Stop, Walker},
    der_writer::{CONTEXT_0, INTEGER, OBJECT_IDENTIFIER, SEQUENCE, SET, sequence},
    error::SealError,
    oid, pem,
};

/// Shortest RSA key that may be a recipient (GIR asks for the same).
pub(super) const MIN_RSA_BITS: usize = 2048;
/// RFC 5280 allows 20 bytes; private authorities exceed it, but not by this much.
const MAX_SERIAL_BYTES: usize = 256;
/// Someone who can open an envelope.
#[derive(Debug, Clone)]
pub struct Recipient {
    /// DER of IssuerAndSerialNumber. Invariant: both parts are the certificate's own bytes,
    /// because peers compare them byte by byte.
    identity: Vec<u8>,
    issuer_dn: String,
    serial: String,
    expires: Timestamp,
    key: PublicEncryptingKey,
}

impl Recipient {
    /// Reads the first certificate of a PEM text. `now` serves only the warnings: what an operator
    /// should know, but that stops nothing. An expired certificate stays usable, and of several
    /// only the first is used, since GIR supports no chains.
    ///
    /// # Errors
    /// [`SealError::Pem`], [`SealError::Malformed`], [`SealError::NotRsa`],
    /// [`SealError::ShortKey`] or [`SealError::Key`].
    pub fn from_pem(text: &str, now: Timestamp) -> Result<(Self, Vec<String>), SealError> {
        let blocks = pem::blocks(text)?;
        let mut certificates = blocks
            .iter()
            .filter(|block| matches!(block.label.as_str(), "CERTIFICATE" | "X509 CERTIFICATE"));
        let first =
            certificates.next().ok_or(SealError::Pem { what: "no certificate in the text" })?;
        let count = certificates.count() + 1;
        let size = first.bytes.len() as u64;
        let parts = Parts::read(&first.bytes).map_err(|stop| stop.into_error(size))?;

        let key = rsa_key(parts.public_key)?;
        let mut warnings = Vec::new();
        let (not_before, not_after) = parts.validity;
        if now < not_before {
            warnings.push(format!("the certificate is not valid before {not_before}"));
        }
        if now > not_after {
            warnings.push(format!("the certificate expired at {not_after}"));
        }
        if count > 1 {
            warnings.push(format!("{count} certificates in one file; only the first is used"));
        }
        let recipient = Self {
            identity: sequence(&[parts.issuer, parts.serial]),
            issuer_dn: distinguished_name(parts.issuer).map_err(|stop| stop.into_error(size))?,
            serial: decimal(parts.serial)?,
            expires: not_after,
            key,
        };
        Ok((recipient, warnings))
    }

    /// The issuer in encoding order, comma-separated without blanks: `C=US,O=Example,CN=rec`.
    /// Values stand as they are, without escapes.
    pub fn issuer_dn(&self) -> &str {
        &self.issuer_dn
    }

    /// The serial number in decimal.
    pub fn serial(&self) -> &str {
        &self.serial
    }

    /// The last instant at which the certificate is valid.
    pub fn expires(&self) -> Timestamp {
        self.expires
    }

    /// The name under which the key is filed: `template` with `{tenant}`, `{tenant_dbid}`,
    /// `{issuer_dn}` and `{serial_dec}` filled in. Anything else in braces stays as it is.
    pub fn alias(&self, template: &str, tenant: &str, tenant_dbid: &str) -> String {
        let mut alias = String::new();
        let mut rest = template;
        while let Some((before, after)) = rest.split_once('{') {
            alias.push_str(before);
            let known = [
                ("tenant}", tenant),
                ("tenant_dbid}", tenant_dbid),
                ("issuer_dn}", &self.issuer_dn),
                ("serial_dec}", &self.serial),
            ];
            let found = known
                .into_iter()
                .find_map(|(name, value)| after.strip_prefix(name).map(|later| (value, later)));
            let (value, later) = found.unwrap_or(("{", after));
            alias.push_str(value);
            rest = later;
        }
        alias.push_str(rest);
        alias
    }

    pub(super) fn identity(&self) -> &[u8] {
        &self.identity
    }

    /// The public key as SubjectPublicKeyInfo, in one canonical encoding.
    pub(super) fn public_key_der(&self) -> Result<Vec<u8>, SealError> {
        let der = self.key.as_der().map_err(|_| SealError::Internal { what: "public key" })?;
        Ok(der.as_ref().to_vec())
    }

    pub(super) fn oaep(&self) -> Result<OaepPublicEncryptingKey, SealError> {
        OaepPublicEncryptingKey::new(self.key.clone()).map_err(|_| SealError::NotRsa)
    }

    pub(super) fn pkcs1(&self) -> Result<Pkcs1PublicEncryptingKey, SealError> {
        Pkcs1PublicEncryptingKey::new(self.key.clone()).map_err(|_| SealError::NotRsa)
    }
}

/// The parts of a certificate that matter here; the signature is the operator's concern.
struct Parts<'a> {
    serial: &'a [u8],
    issuer: &'a [u8],
    validity: (Timestamp, Timestamp),
    public_key: &'a [u8],
}

impl<'a> Parts<'a> {
    fn read(der: &'a [u8]) -> Result<Self, Stop> {
        let mut walker = Walker::new(der);
        walker.enter(SEQUENCE)?;
        walker.enter(SEQUENCE)?;
        if walker.peek()? == CONTEXT_0 {
            walker.skip()?;
        }
        let serial = walker.skip()?;
        walker.skip()?;
        let issuer = walker.skip()?;
        let unreadable = walker.fault("a validity");
        let validity: Validity = Validity::from_der(walker.skip()?).map_err(|_| unreadable)?;
        walker.skip()?;
        let public_key = walker.skip()?;
        let validity = (instant(&validity.not_before), instant(&validity.not_after));
        Ok(Self { serial, issuer, validity, public_key })
    }
}

/// "No well-defined expiration" is the end of the year 9999 (RFC 5280 section 4.1.2.5); what lies
/// beyond the calendar of this program means the same.
fn instant(time: &Time) -> Timestamp {
    i64::try_from(time.to_unix_duration().as_secs())
        .ok()
        .and_then(|seconds| Timestamp::from_second(seconds).ok())
        .unwrap_or(Timestamp::MAX)
}

fn rsa_key(info: &[u8]) -> Result<PublicEncryptingKey, SealError> {
    let bits = modulus_bits(info)
        .map_err(|stop| stop.into_error(info.len() as u64))?
        .ok_or(SealError::NotRsa)?;
    if bits < MIN_RSA_BITS {
        return Err(SealError::ShortKey { bits, min: MIN_RSA_BITS });
    }
    PublicEncryptingKey::from_der(info)
        .map_err(|rejected| SealError::Key { detail: rejected.to_string() })
}

/// Bits of the RSA modulus in a SubjectPublicKeyInfo, `None` for other keys.
fn modulus_bits(info: &[u8]) -> Result<Option<usize>, Stop> {
    const BIT_STRING: u8 = 0x03;
    let mut walker = Walker::new(info);
    walker.enter(SEQUENCE)?;
    walker.enter(SEQUENCE)?;
    if walker.primitive(OBJECT_IDENTIFIER)? != oid::RSA_ENCRYPTION.as_bytes() {
        return Ok(None);
    }
    while !walker.at_end()? {
        walker.skip()?;
    }
    walker.leave()?;
    let bits = walker.primitive(BIT_STRING)?;
    let mut key = Walker::new(bits.split_first().map_or(&[], |(_, key)| key));
    key.enter(SEQUENCE)?;
    let modulus = key.primitive(INTEGER)?;
    let digits = modulus.iter().skip_while(|byte| **byte == 0);
    let leading = digits.clone().next().map_or(0, |byte| byte.leading_zeros() as usize);
    Ok(Some((digits.count() * 8).saturating_sub(leading)))
}

/// A Name as text, RDNs in encoding order, parts of a multi-valued RDN joined by `+`.
fn distinguished_name(name: &[u8]) -> Result<String, Stop> {
    let mut walker = Walker::new(name);
    let mut parts = Vec::new();
    walker.enter(SEQUENCE)?;
    while !walker.at_end()? {
        let mut part = Vec::new();
        walker.enter(SET)?;
        while !walker.at_end()? {
            walker.enter(SEQUENCE)?;
            let kind = attribute_name(walker.primitive(OBJECT_IDENTIFIER)?);
            let (tag, value) = walker.any()?;
            part.push(format!("{kind}={}", attribute_value(tag, value)));
            walker.leave()?;
        }
        walker.leave()?;
        parts.push(part.join("+"));
    }
    Ok(parts.join(","))
}

fn attribute_name(oid: &[u8]) -> String {
    let known = match oid {
        [0x55, 4, 3] => "CN",
        [0x55, 4, 4] => "SN",
        [0x55, 4, 5] => "serialNumber",
        [0x55, 4, 6] => "C",
        [0x55, 4, 7] => "L",
        [0x55, 4, 8] => "ST",
        [0x55, 4, 9] => "STREET",
        [0x55, 4, 10] => "O",
        [0x55, 4, 11] => "OU",
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 1] => "emailAddress",
        [0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 1, 1] => "UID",
        [0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 1, 25] => "DC",
        _ => {
            return const_oid::ObjectIdentifier::from_bytes(oid)
                .map_or_else(|_| "?".to_owned(), |oid| oid.to_string());
        }
    };
    known.to_owned()
}

fn attribute_value(tag: u8, value: &[u8]) -> String {
    const TELETEX: u8 = 0x14;
    const BMP: u8 = 0x1e;
    match tag {
        // In practice Latin-1.
        TELETEX => value.iter().map(|byte| char::from(*byte)).collect(),
        BMP => {
            let units = value
                .chunks_exact(2)
                .map(|pair| pair.iter().fold(0_u16, |unit, byte| (unit << 8) | u16::from(*byte)));
            char::decode_utf16(units)
                .map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER))
                .collect()
        }
        _ => String::from_utf8_lossy(value).into_owned(),
    }
}

/// An INTEGER element of any size, in decimal.
fn decimal(element: &[u8]) -> Result<String, SealError> {
    let mut walker = Walker::new(element);
    let contents =
        walker.primitive(INTEGER).map_err(|stop| stop.into_error(element.len() as u64))?;
    if contents.len() > MAX_SERIAL_BYTES {
        return Err(SealError::LimitReached {
            limit: "serial bytes",
            max: MAX_SERIAL_BYTES as u64,
        });
    }
    let negative = contents.first().is_some_and(|byte| *byte >= 0x80);
    let mut digits = vec![0_u8];
    for byte in contents {
        // Two's complement: the magnitude is the inverted number plus one.
        let mut carry = u32::from(if negative { !byte } else { *byte });
        for digit in &mut digits {
            carry += u32::from(*digit) * 256;
            *digit = (carry % 10) as u8;
            carry /= 10;
        }
        while carry > 0 {
            digits.push((carry % 10) as u8);
            carry /= 10;
        }
    }
    if negative {
        let nines = digits.iter().take_while(|digit| **digit == 9).count();
        digits.iter_mut().take(nines).for_each(|digit| *digit = 0);
        match digits.get_mut(nines) {
            Some(digit) => *digit += 1,
            None => digits.push(1),
        }
    }
    let sign = if negative { "-" } else { "" };
    let digits = digits.iter().rev().map(|digit| char::from(b'0' + digit));
    Ok(sign.chars().chain(digits).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn serials_of_any_size_in_decimal() {
        assert_eq!(decimal(&[2, 1, 10]).unwrap(), "10");
        assert_eq!(decimal(&[2, 1, 0]).unwrap(), "0");
        assert_eq!(decimal(&[2, 1, 0xff]).unwrap(), "-1");
        assert_eq!(decimal(&[2, 1, 0x80]).unwrap(), "-128");
        assert_eq!(decimal(&[2, 2, 0xff, 0x38]).unwrap(), "-200");
        let mut large = vec![2, 17, 0];
        large.extend([0xff; 16]);
        assert_eq!(decimal(&large).unwrap(), u128::MAX.to_string());
        assert!(decimal(&[4, 1, 0]).is_err() && decimal(&[2, 2, 0]).is_err());
    }

    #[test]
    fn names_keep_their_order_and_their_text() {
        let name = [
            &[0x30, 0x2c, 0x31, 0x0b, 0x30, 9, 6, 3, 0x55, 4, 6, 0x13, 2][..],
            b"US",
            &[0x31, 0x1d, 0x30, 0x0a, 6, 3, 0x55, 4, 10, 0x0c, 3],
            b"A,B",
            &[0x30, 0x0f, 6, 3, 0x2a, 3, 4, 0x1e, 8, 0, b'x', 0, 0xe9, 0x20, 0xac, 0, b'!'],
        ]
        .concat();
        assert_eq!(distinguished_name(&name).unwrap(), "C=US,O=A,B+1.2.3.4=xé€!");
    }
}
