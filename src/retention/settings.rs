//! `[retention]`.

use std::collections::HashSet;

use serde::Deserialize;

use crate::asset::TenantId;

/// Longest age that can be asked for, in days.
const MAX_DAYS: u32 = 36_500;
/// Longest time between two sweeps, in seconds.
const MAX_SWEEP_S: u64 = 24 * 60 * 60;
/// Longest mail address, in bytes (RFC 5321, section 4.5.3.1.3).
const MAX_ADDRESS_BYTES: usize = 254;

/// What is done when a tenant's quota is used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhenFull {
    /// Somebody is told.
    #[default]
    Warn,
    /// The oldest recordings that are not on hold are deleted as well.
    DeleteOldest,
}

/// How long and how much of one tenant is kept.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TenantRetention {
    /// Whose recordings.
    pub tenant: String,
    /// Days after its beginning at which a recording is deleted; never without.
    pub delete_after_days: Option<u32>,
    /// Most bytes that its media may have in the store; no limit without.
    pub quota_bytes: Option<u64>,
    /// What is done when they have more.
    #[serde(default)]
    pub when_full: WhenFull,
    /// At how much of the quota somebody is told, in percent.
    #[serde(default = "warn_percent")]
    pub warn_percent: u8,
    /// Who is told; without it only the log is.
    pub warn_email: Option<String>,
    /// In which language: `en`.
    #[serde(default = "warn_language")]
    pub warn_language: String,
}

const fn warn_percent() -> u8 {
    80
}

fn warn_language() -> String {
    "en".to_owned()
}

/// When recordings leave the store, and when they are deleted.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RetentionSettings {
    /// Days after its declaration at which a recording moves to the archive; never without. It needs
    /// `archive.url`.
    pub archive_after_days: Option<u32>,
    /// Seconds between two looks at what is to be deleted.
    pub sweep_s: u64,
    /// Tenants whose recordings are deleted by age or space; those of others never are.
    pub tenants: Vec<TenantRetention>,
}

impl Default for RetentionSettings {
    fn default() -> Self {
        Self { archive_after_days: None, sweep_s: 60, tenants: Vec::new() }
    }
}

impl RetentionSettings {
    /// Every fault, each with the name of its setting.
    pub fn check(&self) -> Vec<String> {
        let mut faults = Vec::new();
        if self.archive_after_days.is_some_and(|days| days > MAX_DAYS) {
            faults.push(format!("retention.archive_after_days must be 0 to {MAX_DAYS}"));
        }
        if !(1..=MAX_SWEEP_S).contains(&self.sweep_s) {
            faults.push(format!("retention.sweep_s must be 1 to {MAX_SWEEP_S}"));
        }
        let mut named = HashSet::new();
        for (index, rule) in self.tenants.iter().enumerate() {
            let at = format!("retention.tenants[{index}]");
            if !named.insert(rule.tenant.as_str()) {
                faults.push(format!("{at}.tenant is in the list before"));
            }
            faults.extend(rule.check().into_iter().map(|fault| format!("{at}.{fault}")));
        }
        faults
    }
}

impl TenantRetention {
    /// Every fault, each beginning with the name of its setting.
    fn check(&self) -> Vec<String> {
        let mut faults = Vec::new();
        if let Err(error) = TenantId::parse(&self.tenant) {
            faults.push(format!("tenant {error}"));
        }
        if self.delete_after_days.is_some_and(|days| !(1..=MAX_DAYS).contains(&days)) {
            faults.push(format!("delete_after_days must be 1 to {MAX_DAYS}"));
        }
        if self.quota_bytes == Some(0) {
            faults.push("quota_bytes must be more than 0".to_owned());
        }
        if self.quota_bytes.is_none() {
            if self.when_full == WhenFull::DeleteOldest {
                faults.push("when_full = \"delete_oldest\" needs quota_bytes".to_owned());
            }
            if self.warn_email.is_some() {
                faults.push("warn_email needs quota_bytes".to_owned());
            }
        }
        if !(1..=100).contains(&self.warn_percent) {
            faults.push("warn_percent must be 1 to 100".to_owned());
        }
        if self.warn_email.as_deref().is_some_and(|address| !is_address(address)) {
            faults.push("warn_email must be one mail address".to_owned());
        }
        let letters = self.warn_language.bytes().all(|byte| byte.is_ascii_lowercase());
        if !letters || !(2..=3).contains(&self.warn_language.len()) {
            faults.push("warn_language must be a language code such as en".to_owned());
        }
        faults
    }
}

/// One address, and nothing by which a header could be begun or a second address added.
fn is_address(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_graphic() && !"<>()[],;:\\\"".contains(c);
    let parts = text.rsplit_once('@');
    text.len() <= MAX_ADDRESS_BYTES
        && text.chars().all(plain)
        && parts.is_some_and(|(local, domain)| {
            !local.is_empty() && !local.contains('@') && !domain.is_empty()
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(text: &str) -> Vec<String> {
        toml::from_str::<TenantRetention>(text).unwrap().check()
    }

    #[test]
    fn faults_name_their_setting() {
        assert_eq!(RetentionSettings::default().check(), Vec::<String>::new());
        for (text, fault) in [
            ("delete_after_days = 0", "delete_after_days"),
            ("delete_after_days = 40000", "delete_after_days"),
            ("quota_bytes = 0", "quota_bytes"),
            ("when_full = 'delete_oldest'", "when_full"),
            ("warn_email = 'a@b.example'", "warn_email needs"),
            ("quota_bytes = 9\nwarn_email = 'a@b.example, c@d.example'", "warn_email must"),
            ("quota_bytes = 9\nwarn_email = 'nobody'", "warn_email must"),
            ("warn_percent = 0", "warn_percent"),
            ("warn_percent = 101", "warn_percent"),
            ("warn_language = 'EN'", "warn_language"),
        ] {
            let faults = rule(&format!("tenant = 'default'\n{text}"));
            assert!(faults.len() == 1 && faults[0].contains(fault), "{text}: {faults:?}");
        }
        let good = "tenant = 'default'\ndelete_after_days = 365\nquota_bytes = 9\n\
                    when_full = 'delete_oldest'\nwarn_email = 'a.b+c@d.example'";
        assert_eq!(rule(good), Vec::<String>::new());
        assert_eq!(rule("tenant = '..'").len(), 1);
        let settings: RetentionSettings =
            toml::from_str("sweep_s = 0\ntenants = [{ tenant = 'a' }, { tenant = 'a' }]").unwrap();
        assert_eq!(settings.check().len(), 2, "{:?}", settings.check());
    }
}
