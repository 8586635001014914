//! `[gir]`.

use std::path::PathBuf;

use serde::Deserialize;

/// What happens to `mediaId` of an encrypted file (R2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MediaIdPolicy {
    /// Unchanged.
    #[default]
    Keep,
    /// `.bin` is appended.
    AppendBin,
}

/// When the insertion endpoint asks for a CSRF token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CsrfMode {
    /// From requests that a browser may have made: with a session cookie, `Origin` or
    /// `Sec-Fetch-Site`.
    #[default]
    Auto,
    /// From every request that changes something.
    Required,
    /// Never.
    Off,
}

/// Where records go, and what they say.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GirSettings {
    /// Whether records are delivered at all.
    pub deliver: bool,
    /// Base address of RWS; absent: the gateway's own insertion endpoint.
    pub rws_url: Option<String>,
    /// Contact centre id in the insertion path.
    pub contact_center: String,
    /// Ops user of RWS.
    pub username: Option<String>,
    /// File with its password.
    pub password_file: Option<PathBuf>,
    /// Regions that exist; empty: any.
    pub regions: Vec<String>,
    /// What happens to `mediaId` of an encrypted file.
    pub media_id: MediaIdPolicy,
    /// Longest wait for an answer of RWS in seconds.
    pub timeout_s: u64,
    /// Wait before the second try in milliseconds; it doubles with each further one.
    pub retry_first_ms: u64,
    /// Longest wait between two tries in seconds.
    pub retry_longest_s: u64,
    /// Tries after which a delivery is given up.
    pub max_attempts: u32,
    /// When our own insertion endpoint asks for a CSRF token.
    pub csrf: CsrfMode,
    /// Contact centres that our own insertion endpoint knows; empty: any.
    pub contact_centers: Vec<String>,
}

impl Default for GirSettings {
    fn default() -> Self {
        Self {
            deliver: true,
            rws_url: None,
            contact_center: "reelgate".to_owned(),
            username: None,
            password_file: None,
            regions: Vec::new(),
            media_id: MediaIdPolicy::Keep,
            timeout_s: 30,
            retry_first_ms: 1000,
            retry_longest_s: 300,
            max_attempts: 100,
            csrf: CsrfMode::Auto,
            contact_centers: Vec::new(),
        }
    }
}

impl GirSettings {
    /// All faults, each beginning with the name of its setting.
    pub fn check(&self) -> Vec<String> {
        let mut faults = Vec::new();
        if let Some(url) = &self.rws_url {
            let parsed = url::Url::parse(url).ok();
            let good = parsed.as_ref().is_some_and(|url| {
                matches!(url.scheme(), "http" | "https") && url.username().is_empty()
            });
            if !good {
                faults.push("gir.rws_url is not an http or https address without user".to_owned());
            }
            if self.username.is_none() || self.password_file.is_none() {
                faults.push("gir.rws_url needs gir.username and gir.password_file".to_owned());
            }
        }
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if self.contact_center.is_empty() || !self.contact_center.chars().all(plain) {
            faults.push("gir.contact_center must be letters, digits, - _ or .".to_owned());
        }
        if !(1..=600).contains(&self.timeout_s) {
            faults.push("gir.timeout_s must be 1 to 600".to_owned());
        }
        if self.retry_first_ms == 0 || self.retry_longest_s == 0 || self.max_attempts == 0 {
            faults.push(
                "gir.retry_first_ms, gir.retry_longest_s and gir.max_attempts must be at least 1"
                    .to_owned(),
            );
        }
        faults
    }
}
