//! `[seal]`.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Declares a setting whose values have one spelling each, in files, logs and the catalogue alike.
macro_rules! spelled {
    ($(#[$doc:meta])* $name:ident, $what:literal,
     { $($(#[$value_doc:meta])* $value:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum $name {
            $($(#[$value_doc])* #[serde(rename = $text)] $value),+
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(match self { $(Self::$value => $text),+ })
            }
        }

        impl FromStr for $name {
            type Err = UnknownSpelling;

            fn from_str(text: &str) -> Result<Self, UnknownSpelling> {
                match text {
                    $($text => Ok(Self::$value),)+
                    _ => Err(UnknownSpelling { what: $what, found: text.to_owned() }),
                }
            }
        }
    };
}

/// A word that names none of the values of a setting.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown {what} {found:?}")]
pub struct UnknownSpelling {
    what: &'static str,
    found: String,
}

spelled! {
    /// What becomes of an asset before it is stored.
    SealMode, "seal mode", {
        /// Stored as it is.
        None = "none",
        /// The stored file is one CMS message.
        Cms = "cms",
        /// Raw ciphertext with a detached envelope in the record, as GIR expects it.
        Gir = "gir",
    }
}

spelled! {
    /// The cipher of the content.
    Cipher, "cipher", {
        /// AES-256 in Galois/counter mode (RFC 5084).
        Aes256Gcm = "aes-256-gcm",
        /// AES-128 in Galois/counter mode (RFC 5084).
        Aes128Gcm = "aes-128-gcm",
        /// AES-256 with cipher block chaining (RFC 3565).
        Aes256Cbc = "aes-256-cbc",
        /// AES-128 with cipher block chaining (RFC 3565).
        Aes128Cbc = "aes-128-cbc",
    }
}

spelled! {
    /// How the content key travels to an RSA recipient.
    KeyTransport, "key transport", {
        /// RSAES-OAEP with SHA-256 (RFC 4055).
        RsaOaepSha256 = "rsa-oaep-sha256",
        /// RSAES-PKCS1-v1_5, which GIR demands.
        RsaPkcs1 = "rsa-pkcs1",
    }
}

impl Cipher {
    /// Whether blocks are chained, without authentication.
    pub fn is_cbc(self) -> bool {
        matches!(self, Self::Aes256Cbc | Self::Aes128Cbc)
    }
}

/// Whether, how and for whom assets are sealed.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SealSettings {
    /// What becomes of an asset.
    pub mode: SealMode,
    /// Cipher in mode `cms`.
    pub cipher: Cipher,
    /// Cipher in mode `gir`; GIR knows only CBC.
    pub gir_cipher: Cipher,
    /// Key transport in mode `cms`; in mode `gir` it is always `rsa-pkcs1`.
    pub key_transport: KeyTransport,
    /// PEM files, one recipient certificate each.
    pub recipients: Vec<PathBuf>,
    /// Whether the gateway's own playback key is a recipient as well.
    pub playback: bool,
    /// Pattern of the alias under which GIR's crypto server knows a certificate. It may name
    /// `{tenant}`, `{tenant_dbid}`, `{issuer_dn}` and `{serial_dec}`.
    pub alias_template: String,
    /// The aliases in full, in the order of `recipients`; empty: the pattern.
    pub aliases: Vec<String>,
    /// `{tenant}` of the pattern.
    pub tenant_name: String,
    /// `{tenant_dbid}` of the pattern.
    pub tenant_dbid: String,
}

impl Default for SealSettings {
    fn default() -> Self {
        Self {
            mode: SealMode::Cms,
            cipher: Cipher::Aes256Gcm,
            gir_cipher: Cipher::Aes256Cbc,
            key_transport: KeyTransport::RsaOaepSha256,
            recipients: Vec::new(),
            playback: true,
            alias_template: "rcs_{tenant}:{tenant_dbid}:{issuer_dn}:{serial_dec}".to_owned(),
            aliases: Vec::new(),
            tenant_name: "Environment".to_owned(),
            tenant_dbid: "1".to_owned(),
        }
    }
}

impl SealSettings {
    /// All faults, each beginning with the name of its setting.
    pub fn check(&self) -> Vec<String> {
        let mut faults = Vec::new();
        if !self.gir_cipher.is_cbc() {
            faults.push("seal.gir_cipher must be aes-256-cbc or aes-128-cbc".to_owned());
        }
        if self.recipients.is_empty() {
            match self.mode {
                SealMode::Gir => {
                    faults.push("seal.recipients needs a certificate in mode gir".to_owned());
                }
                SealMode::Cms if !self.playback => faults.push(
                    "seal.recipients needs a certificate in mode cms without seal.playback"
                        .to_owned(),
                ),
                SealMode::Cms | SealMode::None => {}
            }
        }
        let (aliases, recipients) = (self.aliases.len(), self.recipients.len());
        if aliases != 0 && aliases != recipients {
            faults.push(format!(
                "seal.aliases has {aliases} entries for {recipients} recipients; give one each or \
                 none"
            ));
        }
        faults
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_section_is_the_default_and_good() {
        let settings: SealSettings = toml::from_str("").unwrap();
        assert_eq!(settings.mode, SealMode::Cms);
        assert_eq!(settings.cipher, Cipher::Aes256Gcm);
        assert_eq!(settings.gir_cipher, Cipher::Aes256Cbc);
        assert_eq!(settings.key_transport, KeyTransport::RsaOaepSha256);
        assert!(settings.playback);
        assert!(settings.check().is_empty());
    }

    #[test]
    fn unknown_keys_are_refused() {
        assert!(toml::from_str::<SealSettings>("cypher = \"aes-256-gcm\"").is_err());
    }

    #[test]
    fn all_faults_are_reported_at_once() {
        let text = "mode = \"gir\"\ngir_cipher = \"aes-256-gcm\"\naliases = [\"a\"]";
        let faults = toml::from_str::<SealSettings>(text).unwrap().check();
        assert_eq!(faults.len(), 3, "{faults:?}");
        assert!(faults[0].starts_with("seal.gir_cipher"));
        assert!(faults[1].starts_with("seal.recipients"));
        assert!(faults[2].starts_with("seal.aliases"));
    }

    #[test]
    fn cms_needs_somebody_who_can_open() {
        let mut settings = SealSettings { playback: false, ..SealSettings::default() };
        assert!(settings.check()[0].starts_with("seal.recipients"));
        settings.recipients.push("a.pem".into());
        settings.aliases.push("alias".into());
        assert!(settings.check().is_empty());
        settings.mode = SealMode::None;
        settings.recipients.clear();
        settings.aliases.clear();
        assert!(settings.check().is_empty());
    }

    #[test]
    fn spellings_go_there_and_back() {
        for text in ["aes-256-gcm", "aes-128-gcm", "aes-256-cbc", "aes-128-cbc"] {
            assert_eq!(text.parse::<Cipher>().unwrap().to_string(), text);
            assert_eq!(serde_json::to_string(&text.parse::<Cipher>().unwrap()).unwrap(), {
                format!("\"{text}\"")
            });
        }
        for text in ["none", "cms", "gir"] {
            assert_eq!(text.parse::<SealMode>().unwrap().to_string(), text);
        }
        for text in ["rsa-oaep-sha256", "rsa-pkcs1"] {
            assert_eq!(text.parse::<KeyTransport>().unwrap().to_string(), text);
        }
        let error = "AES".parse::<Cipher>().unwrap_err();
        assert_eq!(error.to_string(), "unknown cipher \"AES\"");
    }
}
