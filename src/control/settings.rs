//! `[control]`.

use std::path::PathBuf;

use serde::Deserialize;

/// How contact ids are written in answers of the CXone interfaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ContactIdForm {
    /// As a JSON number where it is one, as the screen recording API documents it.
    #[default]
    Number,
    /// As a text, as the published client reads it.
    String,
}

/// A receiver of `RECORDING_STATUS` messages.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebhookSettings {
    /// Its name in logs and deliveries.
    pub name: String,
    /// Where messages are posted.
    pub url: String,
    /// File with the secret that signs them, mode 0600.
    pub secret_file: PathBuf,
    /// Whose interactions it hears of.
    #[serde(default = "default_tenant")]
    pub tenant: String,
}

fn default_tenant() -> String {
    "default".to_owned()
}

/// How live interactions are kept and commanded.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ControlSettings {
    /// How long a recorder has to answer a command, in milliseconds; after it 504 is answered.
    pub deadline_ms: u64,
    /// How long it has for the end of what it accepted, in milliseconds.
    pub completion_ms: u64,
    /// A recorder not heard of for so long cannot be reached, in seconds.
    pub recorder_expiry_s: u64,
    /// An interaction that its recorder did not speak of for so long has ended, in seconds.
    pub interaction_expiry_s: u64,
    /// How far the time of an event may be from the gateway's clock, in seconds.
    pub max_skew_s: u64,
    /// Most live interactions of a tenant.
    pub max_interactions: u64,
    /// Most events that one recorder may report in a second.
    pub max_events_per_s: u32,
    /// How contact ids are written.
    pub contact_id: ContactIdForm,
    /// Who is told of changes.
    pub webhooks: Vec<WebhookSettings>,
}

impl Default for ControlSettings {
    fn default() -> Self {
        Self {
            deadline_ms: 5000,
            completion_ms: 30_000,
            recorder_expiry_s: 30,
            interaction_expiry_s: 300,
            max_skew_s: 300,
            max_interactions: 20_000,
            max_events_per_s: 200,
            contact_id: ContactIdForm::Number,
            webhooks: Vec::new(),
        }
    }
}

impl ControlSettings {
    /// All faults, each beginning with the name of its setting.
    pub fn check(&self) -> Vec<String> {
        let mut faults = Vec::new();
        for (name, value, longest) in [
            ("deadline_ms", self.deadline_ms, 60_000),
            ("completion_ms", self.completion_ms, 600_000),
            ("recorder_expiry_s", self.recorder_expiry_s, 3600),
            ("interaction_expiry_s", self.interaction_expiry_s, 86_400),
            ("max_skew_s", self.max_skew_s, 86_400),
            ("max_interactions", self.max_interactions, 1_000_000),
            ("max_events_per_s", u64::from(self.max_events_per_s), 100_000),
        ] {
            if !(1..=longest).contains(&value) {
                faults.push(format!("control.{name} must be 1 to {longest}"));
            }
        }
        for (index, hook) in self.webhooks.iter().enumerate() {
            let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
            if hook.name.is_empty() || hook.name.len() > 64 || !hook.name.chars().all(plain) {
                faults.push(format!(
                    "control.webhooks[{index}].name must be 1 to 64 letters, digits, - or _"
                ));
            }
            let twice = self.webhooks.iter().filter(|other| other.name == hook.name).count() > 1;
            if twice {
                faults.push(format!("control.webhooks[{index}].name is used twice"));
            }
            if !hook.url.starts_with("http://") && !hook.url.starts_with("https://") {
                faults
                    .push(format!("control.webhooks[{index}].url is not an http or https address"));
            }
        }
        faults
    }
}
