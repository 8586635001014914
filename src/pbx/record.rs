//! A sound file as a call record: the object of the list, with all its 32 keys.

use std::fmt;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde_json::json;

use super::PbxSettings;
use crate::asset::{
    AssetId, Digest, Direction, Flow, MediaEntry, MediaKind, MediaType, Outcome, RecordingDocument,
    gmt_hundredths, gmt_seconds,
};
use crate::catalog::{MediaRow, NewCallRecord, OwedMessage};

/// What the targets of webhooks begin with in the delivery table.
const WEBHOOK: &str = "webhook:records:";

/// The name of a call record: the extension, a hyphen, and the asset as 32 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordUuid {
    /// The extension that was recorded; 0 where the recorder named none.
    pub extension: i64,
    /// The sound file.
    pub asset: AssetId,
}

impl RecordUuid {
    /// Reads one; digits may be in either case.
    pub fn parse(text: &str) -> Option<Self> {
        let (extension, digits) = text.split_once('-')?;
        let plain = !extension.is_empty() && extension.bytes().all(|byte| byte.is_ascii_digit());
        let extension = extension.parse().ok().filter(|_| plain)?;
        Some(Self { extension, asset: AssetId::from_digits(digits)? })
    }
}

impl fmt::Display for RecordUuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.extension, self.asset.to_digits())
    }
}

/// The object of the list: all keys are always there, null where nothing is known.
#[derive(Debug, Serialize)]
struct Shown<'s> {
    flow: Option<Flow>,
    init_time_gmt: String,
    start_time_gmt: String,
    hangup_time_gmt: String,
    duration: u64,
    extension_id: i64,
    extension_name: Option<&'s str>,
    extension_type: Option<&'s str>,
    extension_group_owner_id: Option<i64>,
    client_owner_id: i64,
    result: &'s str,
    from_username: Option<&'s str>,
    from_domain: Option<&'s str>,
    source_number: Option<&'s str>,
    source_domain: Option<&'s str>,
    to_username: Option<&'s str>,
    to_domain: Option<&'s str>,
    dest_number: Option<&'s str>,
    dest_domain: Option<&'s str>,
    did_number: Option<&'s str>,
    did_domain: Option<&'s str>,
    from_screen_name: Option<&'s str>,
    hangup_cause: Option<&'s str>,
    ext_number_reg: Option<&'s str>,
    application: Option<&'s str>,
    call_uuid: &'s str,
    hangup_disposition: Option<&'s str>,
    ani_number: Option<&'s str>,
    record_uuid: String,
    record_file_size: u64,
    file_name: String,
    record_transfer: bool,
}

/// Makes call records of sound files.
#[derive(Debug, Clone)]
pub struct CallRecords {
    /// `[pbx]`.
    pub settings: PbxSettings,
    /// The zone of times without one.
    pub zone: Option<TimeZone>,
}

impl CallRecords {
    /// The record of a media file that is ready; none for what is no sound, or of a tenant that the
    /// interface does not serve.
    pub fn record(
        &self,
        document: &RecordingDocument,
        row: &MediaRow,
        outcome: &Outcome,
    ) -> Option<NewCallRecord> {
        let client = self.settings.client_of(&row.tenant)?;
        let (_, entry) = document.entry(&row.media_id)?;
        if entry.kind != MediaKind::Voice {
            return None;
        }
        let times = self.times(document, entry, outcome);
        let facts = &document.conversation.call;
        let extension = facts.extension_id.unwrap_or(0);
        let uuid = RecordUuid { extension, asset: row.asset_id };
        let call_uuid = call_uuid(document, row);
        let text = |name: &str| document.value.get(name).and_then(serde_json::Value::as_str);
        let own = Option::as_deref;
        let shown = Shown {
            flow: facts.flow.or_else(|| flow(document)),
            init_time_gmt: gmt_hundredths(times.init),
            start_time_gmt: gmt_seconds(times.start),
            hangup_time_gmt: gmt_seconds(times.hangup),
            duration: times.duration_s,
            extension_id: extension,
            extension_name: own(&facts.extension_name),
            extension_type: own(&facts.extension_type),
            extension_group_owner_id: facts.extension_group_owner_id,
            client_owner_id: client,
            result: own(&facts.result).unwrap_or("answered"),
            from_username: own(&facts.from_username),
            from_domain: own(&facts.from_domain),
            source_number: own(&facts.source_number).or_else(|| text("callerPhoneNumber")),
            source_domain: own(&facts.source_domain),
            to_username: own(&facts.to_username),
            to_domain: own(&facts.to_domain),
            dest_number: own(&facts.dest_number).or_else(|| text("dialedPhoneNumber")),
            dest_domain: own(&facts.dest_domain),
            did_number: own(&facts.did_number),
            did_domain: own(&facts.did_domain),
            from_screen_name: own(&facts.from_screen_name),
            hangup_cause: own(&facts.hangup_cause),
            ext_number_reg: own(&facts.ext_number_reg),
            application: own(&facts.application),
            call_uuid: &call_uuid,
            hangup_disposition: own(&facts.hangup_disposition),
            ani_number: own(&facts.ani_number),
            record_uuid: uuid.to_string(),
            record_file_size: outcome.bytes,
            file_name: file_name(document, uuid, times.start, outcome),
            record_transfer: facts.record_transfer.unwrap_or(false),
        };
        let messages = self.messages(row, &shown);
        Some(NewCallRecord {
            asset_id: row.asset_id,
            tenant: row.tenant.clone(),
            recording_id: row.recording_id.clone(),
            record_uuid: uuid.to_string(),
            extension_id: extension,
            extension_group_id: facts.extension_group_owner_id,
            init: times.init,
            duration_s: times.duration_s,
            bytes: outcome.bytes,
            // Of texts and numbers, which cannot fail.
            shown: serde_json::to_string(&shown).unwrap_or_default(),
            call_uuid,
            messages,
        })
    }

    /// What webhooks are told: one message for each record.
    fn messages(&self, row: &MediaRow, shown: &Shown<'_>) -> Vec<OwedMessage> {
        let hooks = self.settings.webhooks.iter().filter(|hook| hook.tenant == row.tenant);
        let body = json!({ "event": "record_ready", "record": shown }).to_string();
        hooks
            .map(|hook| OwedMessage { target: webhook_target(&hook.name), body: body.clone() })
            .collect()
    }

    fn times(&self, document: &RecordingDocument, entry: &MediaEntry, outcome: &Outcome) -> Times {
        let facts = &document.conversation.call;
        let zone = self.zone.as_ref();
        let resolved = entry.start.resolve(zone).unwrap_or(Timestamp::UNIX_EPOCH);
        let start = facts.start_time_gmt.map_or(resolved, |time| time.at);
        let length = i64::try_from(outcome.duration_ms).unwrap_or(i64::MAX);
        let heard = start.checked_add(SignedDuration::from_millis(length)).unwrap_or(start);
        let stop = entry.stop.and_then(|stop| stop.resolve(zone).ok());
        Times {
            init: facts.init_time_gmt.map_or(start, |time| time.at),
            start,
            hangup: facts.hangup_time_gmt.map(|time| time.at).or(stop).unwrap_or(heard),
            duration_s: facts.duration.unwrap_or(outcome.duration_ms / 1000),
        }
    }
}

/// The target of a webhook of this name, in the delivery table.
pub fn webhook_target(name: &str) -> String {
    format!("{WEBHOOK}{name}")
}

struct Times {
    init: Timestamp,
    start: Timestamp,
    hangup: Timestamp,
    duration_s: u64,
}

fn flow(document: &RecordingDocument) -> Option<Flow> {
    match document.conversation.direction {
        Some(Direction::Inbound) => return Some(Flow::In),
        Some(Direction::Outbound) => return Some(Flow::Out),
        _ => {}
    }
    match document.value.get("callType").and_then(serde_json::Value::as_str) {
        Some("Inbound") => Some(Flow::In),
        Some("Outbound") => Some(Flow::Out),
        _ => None,
    }
}

/// The PBX's name of the call; else one made of the contact or recording, the same for all its files.
fn call_uuid(document: &RecordingDocument, row: &MediaRow) -> String {
    if let Some(given) = &document.conversation.call.call_uuid {
        return given.clone();
    }
    let contact = document.conversation.names.acd_contact_id.as_ref();
    let name = contact.map_or(row.recording_id.as_str(), |contact| contact.as_str());
    let digest = Digest::of(format!("call\n{}\n{name}", row.tenant).as_bytes());
    let digits = digest.to_string().to_ascii_uppercase();
    digits.chars().take(32).collect()
}

/// Such as `2021-01-01-00-00-18-UTC_out_0541_1a2b.mp3`: it stands in links, so it names nobody.
fn file_name(
    document: &RecordingDocument,
    uuid: RecordUuid,
    start: Timestamp,
    outcome: &Outcome,
) -> String {
    let facts = &document.conversation.call;
    let flow = match facts.flow.or_else(|| flow(document)) {
        Some(Flow::In) => "in",
        Some(Flow::Out) => "out",
        None => "call",
    };
    let name = facts.extension_name.as_deref().unwrap_or_default();
    let user = name.split('@').next().unwrap_or_default();
    let number = user.rsplit('*').next().unwrap_or_default();
    let plain = |c: &char| c.is_ascii_alphanumeric();
    let number: String = number.chars().filter(plain).take(32).collect();
    let number = if number.is_empty() { uuid.extension.to_string() } else { number };
    let digits = uuid.asset.to_digits().to_ascii_lowercase();
    let tail = digits.get(28..).unwrap_or_default();
    let extension = MediaType::from_mime(&outcome.media_type).map_or("bin", MediaType::extension);
    let start = start.strftime("%Y-%m-%d-%H-%M-%S");
    format!("{start}-UTC_{flow}_{number}_{tail}.{extension}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn record_uuids_are_read_back_and_nothing_else_is() {
        let uuid = RecordUuid { extension: 120_541, asset: AssetId::generate() };
        let text = uuid.to_string();
        assert_eq!((text.len(), &text[..7]), (39, "120541-"));
        assert_eq!(RecordUuid::parse(&text), Some(uuid));
        assert_eq!(RecordUuid::parse(&text.to_lowercase()), Some(uuid));
        let digits = &text[7..];
        for bad in [
            "",
            "-",
            digits,
            &format!("-{digits}"),
            &format!("+1-{digits}"),
            &format!("1-{}", &digits[1..]),
            &format!("1-{digits}0"),
            &format!("99999999999999999999-{digits}"),
            &format!("1-{{{}}}", &digits[2..]),
        ] {
            assert_eq!(RecordUuid::parse(bad), None, "{bad}");
        }
    }
}
