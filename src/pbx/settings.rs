//! `[pbx]`.

use std::path::PathBuf;

use serde::Deserialize;

use crate::asset::TenantId;

/// Number of the PBX client that the default tenant is, unless settings say otherwise.
const DEFAULT_CLIENT: i64 = 1;
/// Most records that one request deletes or archives.
const MAX_RECORDS: u32 = 100_000;
/// Longest life of an OAuth 2.0 token, in seconds.
const MAX_TOKEN_S: u64 = 30 * 24 * 3600;
/// Shortest: known clients ask for a new token when less than 400 seconds are left.
const MIN_TOKEN_S: u64 = 401;

/// A tenant as the PBX interface knows it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PbxClient {
    /// Which.
    pub tenant: TenantId,
    /// Its number in paths and answers: `client_id`, `client_owner_id`.
    pub id: i64,
}

/// Who is told when a call record is ready.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordWebhook {
    /// Its name, in the delivery table.
    pub name: String,
    /// Whose records.
    #[serde(default = "TenantId::default_tenant")]
    pub tenant: TenantId,
    /// Where it listens.
    pub url: String,
    /// File with the secret that signs the messages.
    pub secret_file: PathBuf,
}

/// The call-record interface.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PbxSettings {
    /// The tenants that it serves.
    pub clients: Vec<PbxClient>,
    /// Whether an interval may not reach beyond the month after that in which it begins.
    pub interval_limit: bool,
    /// Requests that one login may send in an hour.
    pub requests_per_hour: u32,
    /// Token requests that one address may send in a second.
    pub token_requests_per_second: u32,
    /// Life of an OAuth 2.0 token, in seconds.
    pub token_s: u64,
    /// Most records that one deletion or archive may hold.
    pub max_records: u32,
    /// Most bytes of media in one archive.
    pub archive_max_bytes: u64,
    /// Most archives of one client that wait or are being made.
    pub archive_queue: u32,
    /// Who is told when a record is ready.
    pub webhooks: Vec<RecordWebhook>,
}

impl Default for PbxSettings {
    fn default() -> Self {
        let client = PbxClient { tenant: TenantId::default_tenant(), id: DEFAULT_CLIENT };
        Self {
            clients: vec![client],
            interval_limit: true,
            requests_per_hour: 10_000,
            token_requests_per_second: 100,
            token_s: 3600,
            max_records: MAX_RECORDS,
            archive_max_bytes: 64 << 30,
            archive_queue: 10,
            webhooks: Vec::new(),
        }
    }
}

impl PbxSettings {
    /// The number of a tenant, if this interface serves it.
    pub fn client_of(&self, tenant: &TenantId) -> Option<i64> {
        self.clients.iter().find(|client| client.tenant == *tenant).map(|client| client.id)
    }

    /// Every fault, each with the name of its setting.
    pub fn check(&self) -> Vec<String> {
        let mut faults = Vec::new();
        for (index, client) in self.clients.iter().enumerate() {
            let earlier = self.clients.get(..index).unwrap_or_default();
            if client.id < 1 {
                faults.push(format!("pbx.clients[{index}].id must be at least 1"));
            }
            if earlier.iter().any(|one| one.id == client.id || one.tenant == client.tenant) {
                faults.push(format!("pbx.clients[{index}] has the id or tenant of another"));
            }
        }
        for (index, hook) in self.webhooks.iter().enumerate() {
            let name = &hook.name;
            let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
            if name.is_empty() || name.len() > 64 || !plain {
                faults.push(format!(
                    "pbx.webhooks[{index}].name must be 1 to 64 letters, digits or hyphens"
                ));
            }
            let earlier = self.webhooks.get(..index).unwrap_or_default();
            if earlier.iter().any(|one| one.name == *name) {
                faults.push(format!("pbx.webhooks[{index}].name is used twice"));
            }
            if !hook.url.starts_with("https://") && !hook.url.starts_with("http://") {
                faults.push(format!("pbx.webhooks[{index}].url must be http or https"));
            }
        }
        let least = [
            ("requests_per_hour", self.requests_per_hour),
            ("token_requests_per_second", self.token_requests_per_second),
            ("archive_queue", self.archive_queue),
        ];
        for (name, _) in least.into_iter().filter(|(_, value)| *value == 0) {
            faults.push(format!("pbx.{name} must be at least 1"));
        }
        if !(1..=MAX_RECORDS).contains(&self.max_records) {
            faults.push(format!("pbx.max_records must be 1 to {MAX_RECORDS}"));
        }
        if !(MIN_TOKEN_S..=MAX_TOKEN_S).contains(&self.token_s) {
            faults.push(format!("pbx.token_s must be {MIN_TOKEN_S} to {MAX_TOKEN_S}"));
        }
        if self.archive_max_bytes == 0 {
            faults.push("pbx.archive_max_bytes must be at least 1".to_owned());
        }
        faults
    }
}
