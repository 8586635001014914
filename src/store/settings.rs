//! The `[store]` section of the settings.

use std::fmt;
use std::path::PathBuf;

use serde::Deserialize;
use url::Url;

use super::key::Folder;

/// Longest silence that may be configured, in seconds.
const MAX_TIMEOUT_S: u64 = 3600;

/// Most retries that may be configured. Longer patience belongs to the job table.
const MAX_RETRIES: u32 = 10;

/// How a stored object is compared with what was sent, before it gets its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verify {
    /// Read it back and compare length and SHA-256.
    #[default]
    Full,
    /// Compare the length only.
    Length,
}

/// How the backend asks for the password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AuthScheme {
    /// RFC 7617.
    #[default]
    Basic,
    /// RFC 7616.
    Digest,
}

/// Where objects are stored.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StoreSettings {
    /// WebDAV folder that holds everything; without it the embedded endpoint is used.
    pub url: Option<String>,
    /// User name at the WebDAV server.
    pub username: Option<String>,
    /// File that holds the password.
    pub password_file: Option<PathBuf>,
    /// How the password is sent.
    pub auth: AuthScheme,
    /// Folders below `url`, joined by slashes, that all keys are placed in.
    pub prefix: String,
    /// Longest silence of the server before a request is given up, in seconds.
    pub timeout_s: u64,
    /// How written objects are verified.
    pub verify: Verify,
    /// How often an idempotent request is repeated.
    pub retries: u32,
}

impl Default for StoreSettings {
    fn default() -> Self {
        Self {
            url: None,
            username: None,
            password_file: None,
            auth: AuthScheme::Basic,
            prefix: String::new(),
            timeout_s: 30,
            verify: Verify::Full,
            retries: 3,
        }
    }
}

impl StoreSettings {
    /// All faults, each beginning with the name of its setting in `section`. None repeats a URL or a
    /// secret.
    pub fn check(&self, section: &str) -> Vec<String> {
        let mut faults = Vec::new();
        if let Some(url) = &self.url {
            faults.extend(check_url(url).map(|fault| format!("{section}.url {fault}")));
            if self.username.is_some() != self.password_file.is_some() {
                faults.push(format!("{section}.username and {section}.password_file go together"));
            }
        } else if self.username.is_some() || self.password_file.is_some() {
            faults
                .push(format!("{section}.username and {section}.password_file need {section}.url"));
        }
        if self.username.as_ref().is_some_and(|name| name.is_empty() || name.contains(':')) {
            faults.push(format!("{section}.username must not be empty or hold a colon"));
        }
        if let Err(fault) = Folder::parse(&self.prefix) {
            faults.push(format!("{section}.prefix: {fault}"));
        }
        if !(1..=MAX_TIMEOUT_S).contains(&self.timeout_s) {
            faults.push(format!("{section}.timeout_s must be 1 to {MAX_TIMEOUT_S}"));
        }
        if self.retries > MAX_RETRIES {
            faults.push(format!("{section}.retries must be 0 to {MAX_RETRIES}"));
        }
        faults
    }
}

impl fmt::Debug for StoreSettings {
    /// Leaves out what may hold a secret by mistake: the user part of the URL.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parsed = self.url.as_deref().and_then(|url| Url::parse(url).ok());
        f.debug_struct("StoreSettings")
            .field("host", &parsed.as_ref().and_then(Url::host_str))
            .field("prefix", &self.prefix)
            .field("timeout_s", &self.timeout_s)
            .field("verify", &self.verify)
            .field("retries", &self.retries)
            .finish_non_exhaustive()
    }
}

/// What is wrong with the address of a WebDAV folder.
pub(super) fn check_url(text: &str) -> Option<&'static str> {
    let Ok(url) = Url::parse(text) else { return Some("is not a URL") };
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Some("must begin with http:// or https:// and name a host");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Some("must not hold credentials; use username and password_file");
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Some("must not hold a query or a fragment");
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_without_fault_and_unknown_keys_are_refused() {
        let settings: StoreSettings = toml::from_str("").unwrap();
        assert_eq!(settings.check("store"), Vec::<String>::new());
        assert!(toml::from_str::<StoreSettings>("uri = \"x\"").is_err());
    }

    #[test]
    fn every_fault_is_in_one_report_without_secrets() {
        let text = r#"
            url = "https://bob:hunter2@dav.example/x?y"
            username = "a:b"
            prefix = "../up"
            timeout_s = 0
            verify = "length"
            retries = 11
        "#;
        let settings: StoreSettings = toml::from_str(text).unwrap();
        let faults = settings.check("store");
        assert_eq!(faults.len(), 6, "{faults:?}");
        let shown = format!("{faults:?} {settings:?}");
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}
