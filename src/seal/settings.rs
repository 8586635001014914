//! `[seal]`.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use serde::Deserialize;

use super::{Cipher, KeyTransport, SealError, SealMode};

impl SealMode {
    const ALL: [Self; 3] = [Self::None, Self::Cms, Self::Gir];

    /// The name used in settings, records and logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Cms => "cms",
            Self::Gir => "gir",
        }
    }
}

impl fmt::Display for SealMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for SealMode {
    type Err = SealError;

    fn from_str(name: &str) -> Result<Self, SealError> {
        let unknown = || SealError::UnknownName { kind: "seal mode", name: name.to_owned() };
        Self::ALL.into_iter().find(|mode| mode.name() == name).ok_or_else(unknown)
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
        if self.gir_cipher.is_authenticated() {
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
        assert!("AES".parse::<Cipher>().is_err());
    }
}
