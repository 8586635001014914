//! `[identity]`.

use serde::Deserialize;

use super::claims::is_plain;

/// Longest life of a token or refresh token, in seconds: a year.
const MAX_LIFE_S: u64 = 366 * 24 * 3600;
/// Shortest life of a token that a client could still use, in seconds.
const MIN_LIFE_S: u64 = 1;

/// How callers sign in, and for how long.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct IdentitySettings {
    /// Who tokens are said to come from; absent: `server.public_url`.
    pub issuer: Option<String>,
    /// The `area` that tokens and discovery name.
    pub area: String,
    /// The domain that discovery names; absent: the host of `server.public_url`.
    pub domain: Option<String>,
    /// Life of access and id tokens, in seconds.
    pub token_s: u64,
    /// Life of a refresh token, in seconds; each use gives a new one.
    pub refresh_s: u64,
    /// Wrong sign-ins of one access key from one address before further ones are answered with 429
    /// unread.
    pub failed_logins: u32,
    /// How long they count, in seconds.
    pub failed_logins_window_s: u64,
}

impl Default for IdentitySettings {
    fn default() -> Self {
        Self {
            issuer: None,
            area: "local".to_owned(),
            domain: None,
            token_s: 3600,
            refresh_s: 24 * 3600,
            failed_logins: 10,
            failed_logins_window_s: 300,
        }
    }
}

impl IdentitySettings {
    /// Every fault, each with the name of its setting.
    pub fn check(&self) -> Vec<String> {
        let mut faults = Vec::new();
        if let Some(issuer) = &self.issuer {
            let web = issuer.starts_with("https://") || issuer.starts_with("http://");
            if !web || !is_plain(issuer) {
                faults.push(format!(
                    "identity.issuer {issuer:?} is not an http or https address of ASCII characters \
                     without > ? ~"
                ));
            }
        }
        if self.area.is_empty() || !is_plain(&self.area) {
            faults.push("identity.area must be ASCII characters without > ? ~".to_owned());
        }
        if self.domain.as_deref().is_some_and(|domain| domain.is_empty() || !is_plain(domain)) {
            faults.push("identity.domain must be ASCII characters without > ? ~".to_owned());
        }
        for (name, life) in [("token_s", self.token_s), ("refresh_s", self.refresh_s)] {
            if !(MIN_LIFE_S..=MAX_LIFE_S).contains(&life) {
                faults.push(format!("identity.{name} must be {MIN_LIFE_S} to {MAX_LIFE_S}"));
            }
        }
        if self.failed_logins == 0 {
            faults.push("identity.failed_logins must be at least 1".to_owned());
        }
        if !(1..=24 * 3600).contains(&self.failed_logins_window_s) {
            faults.push("identity.failed_logins_window_s must be 1 to 86400".to_owned());
        }
        faults
    }
}
