//! `reelgate.call`: what a PBX knows of a call, in the words of its call-record API (seed
//! `004_…txt`; field names and types of the PBX contract, section 1.1). Whatever is left out is found
//! elsewhere in the document, or is unknown.

use serde::{Deserialize, Deserializer, Serialize};

use crate::asset::GmtTime;

/// Longest text of a member, in bytes.
const MAX_TEXT_BYTES: usize = 200;
/// Longest call, in seconds.
const MAX_DURATION_S: u64 = 31 * 24 * 3600;

/// Where a call went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Flow {
    /// To the extension.
    In,
    /// From it.
    Out,
}

/// What is known of the call.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct CallFacts {
    /// Where it went, seen from the extension.
    pub flow: Option<Flow>,
    /// When it began.
    pub init_time_gmt: Option<GmtTime>,
    /// When it was answered.
    pub start_time_gmt: Option<GmtTime>,
    /// When it ended.
    pub hangup_time_gmt: Option<GmtTime>,
    /// How long it was spoken, in seconds.
    #[serde(deserialize_with = "duration")]
    pub duration: Option<u64>,
    /// The extension that was recorded.
    #[serde(deserialize_with = "id")]
    pub extension_id: Option<i64>,
    /// Its name, such as `01874*0541@host`.
    #[serde(deserialize_with = "text")]
    pub extension_name: Option<String>,
    /// Its type, such as `phone`.
    #[serde(deserialize_with = "text")]
    pub extension_type: Option<String>,
    /// The group of extensions that it belongs to.
    #[serde(deserialize_with = "id")]
    pub extension_group_owner_id: Option<i64>,
    /// Such as `answered`.
    #[serde(deserialize_with = "text")]
    pub result: Option<String>,
    /// Caller, as the PBX names it.
    #[serde(deserialize_with = "text")]
    pub from_username: Option<String>,
    /// Domain of the caller.
    #[serde(deserialize_with = "text")]
    pub from_domain: Option<String>,
    /// Number of the caller.
    #[serde(deserialize_with = "text")]
    pub source_number: Option<String>,
    /// Domain of that number.
    #[serde(deserialize_with = "text")]
    pub source_domain: Option<String>,
    /// Who was called, as the PBX names it.
    #[serde(deserialize_with = "text")]
    pub to_username: Option<String>,
    /// Domain of who was called.
    #[serde(deserialize_with = "text")]
    pub to_domain: Option<String>,
    /// Number that was called.
    #[serde(deserialize_with = "text")]
    pub dest_number: Option<String>,
    /// Domain of that number.
    #[serde(deserialize_with = "text")]
    pub dest_domain: Option<String>,
    /// Outside number that the call came in on.
    #[serde(deserialize_with = "text")]
    pub did_number: Option<String>,
    /// Domain of that number.
    #[serde(deserialize_with = "text")]
    pub did_domain: Option<String>,
    /// Shown name of the caller.
    #[serde(deserialize_with = "text")]
    pub from_screen_name: Option<String>,
    /// Such as `NORMAL_CLEARING`.
    #[serde(deserialize_with = "text")]
    pub hangup_cause: Option<String>,
    /// Number that the extension is registered with.
    #[serde(deserialize_with = "text")]
    pub ext_number_reg: Option<String>,
    /// `callcenter`, `callback`, `intercept`.
    #[serde(deserialize_with = "text")]
    pub application: Option<String>,
    /// The PBX's name of the call: 32 hexadecimal digits.
    #[serde(deserialize_with = "call_uuid")]
    pub call_uuid: Option<String>,
    /// Such as `callee_bye`.
    #[serde(deserialize_with = "text")]
    pub hangup_disposition: Option<String>,
    /// Number that was signalled.
    #[serde(deserialize_with = "text")]
    pub ani_number: Option<String>,
    /// Whether the recording was handed on with the call.
    pub record_transfer: Option<bool>,
}

fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let given = Option::<String>::deserialize(deserializer)?;
    match &given {
        Some(text) if text.len() > MAX_TEXT_BYTES => Err(serde::de::Error::custom(format!(
            "it is {} bytes long; the limit is {MAX_TEXT_BYTES}",
            text.len()
        ))),
        Some(text) if text.chars().any(char::is_control) => {
            Err(serde::de::Error::custom("it holds a control character"))
        }
        _ => Ok(given),
    }
}

fn id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    let given = Option::<i64>::deserialize(deserializer)?;
    match given {
        Some(id) if id < 0 => Err(serde::de::Error::custom("it must not be below 0")),
        _ => Ok(given),
    }
}

fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    let given = Option::<u64>::deserialize(deserializer)?;
    match given {
        Some(seconds) if seconds > MAX_DURATION_S => {
            Err(serde::de::Error::custom(format!("the limit is {MAX_DURATION_S} seconds")))
        }
        _ => Ok(given),
    }
}

fn call_uuid<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let Some(given) = Option::<String>::deserialize(deserializer)? else { return Ok(None) };
    let plain: String = given.chars().filter(|c| *c != '-').collect();
    if plain.len() != 32 || !plain.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(serde::de::Error::custom("it must be 32 hexadecimal digits"));
    }
    Ok(Some(plain.to_ascii_uppercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(value: serde_json::Value) -> Result<CallFacts, String> {
        serde_json::from_value(value).map_err(|error| error.to_string())
    }

    #[test]
    fn the_words_of_the_call_record_api_are_read() {
        let facts = read(serde_json::json!({
            "flow": "out", "init_time_gmt": "2021-01-01 00:00:05.98", "duration": 12,
            "extension_id": 120541, "extension_name": "01874*0541@host",
            "call_uuid": "0a1b2c3d-0000-4000-8000-00000000ffff", "application": null,
        }));
        let facts = facts.unwrap();
        assert_eq!(facts.flow, Some(Flow::Out));
        assert_eq!(facts.init_time_gmt.unwrap().at.as_millisecond(), 1_609_459_205_980);
        assert_eq!(facts.call_uuid.as_deref(), Some("0A1B2C3D00004000800000000000FFFF"));
        assert_eq!((facts.extension_id, facts.application), (Some(120_541), None));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        for (name, value) in [
            ("flow", serde_json::json!("sideways")),
            ("extension_id", (-1).into()),
            ("extension_id", "7".into()),
            ("call_uuid", "12".into()),
            ("init_time_gmt", "yesterday".into()),
            ("source_number", "1\r\n2".into()),
            ("from_screen_name", "a".repeat(MAX_TEXT_BYTES + 1).into()),
            ("duration", (MAX_DURATION_S + 1).into()),
        ] {
            assert!(read(serde_json::json!({ (name): value })).is_err(), "{name} {value}");
        }
    }
}
