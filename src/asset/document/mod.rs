//! The recording document: a GIR insertion record as a caller writes it (`docs/api.md`
//! section 1; field names and types of the insertion API, the insertion API page of 2017-07-17).
//!
//! A document is checked whole: every fault is reported with its path, and members that nobody
//! here knows are kept and passed on.

mod call;
mod check;
mod contact;
mod own;

pub use call::{CallFacts, Flow};
pub use contact::{
    Agent, CategoryMatch, ContactNames, Conversation, Direction, Email, Message, Mood, Sentiment,
    Side, Statement,
};

use serde_json::Value;

use super::{InteractionId, MediaId, MediaKind, MediaType, RecordingId, SourceTimeline, WireTime};

/// Largest document taken in, in bytes.
pub const MAX_DOCUMENT_BYTES: usize = 1 << 20;
/// Most media files of one recording.
pub const MAX_MEDIA_FILES: usize = 100;
/// Most mask events of one media file, and most `eventHistory` entries.
pub const MAX_EVENTS: usize = 10_000;

/// Which rules a document is held to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rules {
    /// From a recorder: the gateway fills in descriptor, envelope, size and duration.
    Ingest,
    /// To the insertion endpoint: the media already lies in a store (the insertion API page of 2017-07-17).
    Insertion,
}

/// One thing wrong with a document.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct FieldFault {
    /// Path of the member, such as `mediaFiles[0].startTime`.
    pub field: String,
    /// What is wrong with it.
    pub message: String,
}

/// A pause or resume as it was written; read by the mask stage, which fails closed.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct MaskEntry {
    /// The date text, unchanged.
    pub time: String,
    /// `paused` or `resume`.
    #[serde(rename = "type")]
    pub kind: String,
}

/// What the stages need to know of one entry of `mediaFiles`.
#[derive(Debug, Clone)]
pub struct MediaEntry {
    /// `mediaId`, unique within a tenant.
    pub media_id: MediaId,
    /// `type`; `audio/mp3` when absent, as GIR assumes.
    pub media_type: MediaType,
    /// What it holds.
    pub kind: MediaKind,
    /// `startTime`, the zero of its mask times.
    pub start: WireTime,
    /// `stopTime`; a recording of a live interaction may leave it out.
    pub stop: Option<WireTime>,
    /// `reelgate.sourceTimeline`, if the caller gave it.
    pub source_timeline: Option<SourceTimeline>,
    /// The channels that `masks` apply to, from `reelgate.maskChannels`; `None` for all.
    pub mask_channels: Option<Vec<u16>>,
    /// `masks`, in document order.
    pub masks: Vec<MaskEntry>,
    /// `size`, if the caller gave it, in bytes.
    pub size: Option<u64>,
    /// `duration`, if the caller gave it, in milliseconds.
    pub duration_ms: Option<u64>,
}

/// A checked recording document.
#[derive(Debug, Clone)]
pub struct RecordingDocument {
    /// `id`.
    pub id: RecordingId,
    /// `mediaFiles`, in order. Invariant: at least one, no `mediaId` twice.
    pub media: Vec<MediaEntry>,
    /// `reelgate.masksComplete`, default true.
    pub masks_complete: bool,
    /// `reelgate.interactionId`: the live interaction whose ledger applies.
    pub interaction: Option<InteractionId>,
    /// What playback shows of the conversation.
    pub conversation: Conversation,
    /// The document as given.
    pub value: Value,
    /// What is odd but not wrong.
    pub warnings: Vec<String>,
}

impl RecordingDocument {
    /// Reads and checks a document.
    ///
    /// # Errors
    /// Every fault found, each with the path of its member; never an empty list.
    pub fn parse(bytes: &[u8], rules: Rules) -> Result<Self, Vec<FieldFault>> {
        if bytes.len() > MAX_DOCUMENT_BYTES {
            let message =
                format!("is {} bytes long; the limit is {MAX_DOCUMENT_BYTES}", bytes.len());
            return Err(vec![FieldFault { field: "$".to_owned(), message }]);
        }
        let value: Value = serde_json::from_slice(bytes).map_err(|error| {
            vec![FieldFault { field: "$".to_owned(), message: format!("is not JSON: {error}") }]
        })?;
        check::document(value, rules)
    }

    /// The entry named `media_id`, with its place in `mediaFiles`.
    pub fn entry(&self, media_id: &MediaId) -> Option<(usize, &MediaEntry)> {
        self.media.iter().enumerate().find(|(_, entry)| entry.media_id == *media_id)
    }

    /// The agent's name, for file names: `reelgate.agent.name`, else the first `User` contact of
    /// the event history, else the user name of the media file.
    pub fn agent_name(&self, index: usize) -> String {
        let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
        let events = self.value.get("eventHistory").and_then(Value::as_array);
        let contacts = events.into_iter().flatten().filter_map(|event| event.get("contact"));
        let is_user = |contact: &&Value| contact.get("type").is_some_and(|kind| kind == "User");
        let contact = contacts.into_iter().find(is_user).map(|contact| {
            let part = |name: &str| contact.get(name).and_then(Value::as_str).unwrap_or_default();
            format!("{} {}", part("firstName"), part("lastName")).trim().to_owned()
        });
        text(self.value.pointer("/reelgate/agent/name"))
            .or(contact.filter(|name| !name.is_empty()))
            .or_else(|| {
                text(self.value.pointer(&format!("/mediaFiles/{index}/parameters/username")))
            })
            .unwrap_or_else(|| "unknown agent".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Value {
        serde_json::json!({
            "id": "call-1", "callerPhoneNumber": "+1", "dialedPhoneNumber": "+2",
            "region": "north", "mediaFiles": [{
                "callUUID": "u", "mediaId": "m1.wav", "type": "audio/wav",
                "startTime": "2026-03-04T09:15:00.000+0000",
                "stopTime": "2026-03-04T09:15:12.000+0000",
                "parameters": {"id": "u", "callUuid": "u"}
            }]
        })
    }

    fn faults(value: &Value) -> Vec<String> {
        let result = RecordingDocument::parse(value.to_string().as_bytes(), Rules::Ingest);
        result.err().unwrap_or_default().into_iter().map(|fault| fault.field).collect()
    }

    #[test]
    fn a_good_document_is_read() {
        let parsed =
            RecordingDocument::parse(sample().to_string().as_bytes(), Rules::Ingest).unwrap();
        assert!(parsed.masks_complete);
        assert_eq!(parsed.media[0].media_type, MediaType::Wav);
        assert!(parsed.warnings.is_empty(), "{:?}", parsed.warnings);
    }

    #[test]
    fn every_fault_is_named_at_once() {
        let mut value = sample();
        value["id"] = "../x".into();
        value["region"] = Value::Null;
        value["mediaFiles"][0]["startTime"] = "2012-12-18T13:45:032.000Z".into();
        value["mediaFiles"][0]["pkcs7"] = "x".into();
        value["mediaFiles"][0]["size"] = "12x".into();
        let expected = [
            "id",
            "region",
            "mediaFiles[0].startTime",
            "mediaFiles[0].size",
            "mediaFiles[0].pkcs7",
        ];
        assert_eq!(faults(&value), expected);
    }

    #[test]
    fn mask_channels_are_found_by_their_parties() {
        let mut value = sample();
        let own = serde_json::json!({"channels": ["agent", "customer"], "maskChannels": ["customer"],
            "sourceTimeline": "cut"});
        value["reelgate"] = own;
        let text = value.to_string();
        let parsed = RecordingDocument::parse(text.as_bytes(), Rules::Ingest).unwrap();
        assert_eq!(parsed.media[0].mask_channels, Some(vec![1]));
        assert_eq!(parsed.media[0].source_timeline, Some(SourceTimeline::Cut));
        value["reelgate"]["maskChannels"] = serde_json::json!(["supervisor"]);
        value["reelgate"]["sourceTimeline"] = "both".into();
        assert_eq!(faults(&value), ["reelgate.sourceTimeline", "reelgate.maskChannels"]);
    }

    #[test]
    fn contradictions_are_refused() {
        let mut value = sample();
        value["mediaFiles"][0]["stopTime"] = "2026-03-04T09:14:00.000+0000".into();
        assert_eq!(faults(&value), ["mediaFiles[0].stopTime"]);
        let mut value = sample();
        let twin = value["mediaFiles"][0].clone();
        value["mediaFiles"].as_array_mut().unwrap().push(twin);
        assert_eq!(faults(&value), ["mediaFiles[1].mediaId"]);
    }

    #[test]
    fn only_a_recording_of_an_interaction_may_lack_its_end() {
        let mut value = sample();
        value["mediaFiles"][0].as_object_mut().unwrap().remove("stopTime");
        assert_eq!(faults(&value), ["mediaFiles[0].stopTime"]);
        value["reelgate"] = serde_json::json!({"interactionId": "call/1"});
        assert_eq!(faults(&value), ["reelgate.interactionId", "mediaFiles[0].stopTime"]);
        value["reelgate"] = serde_json::json!({"interactionId": "call-1"});
        let text = value.to_string();
        let parsed = RecordingDocument::parse(text.as_bytes(), Rules::Ingest).unwrap();
        assert_eq!(parsed.media[0].stop, None);
        assert_eq!(parsed.interaction.unwrap().as_str(), "call-1");
        value["mediaFiles"][0]["stopTime"] = "soon".into();
        assert_eq!(faults(&value), ["mediaFiles[0].stopTime"]);
    }

    #[test]
    fn the_sample_request_of_the_insertion_api_is_accepted() {
        let bytes = include_bytes!("../../../tests/it/seed_insert_request.json");
        let parsed = RecordingDocument::parse(bytes, Rules::Insertion).unwrap();
        assert_eq!(parsed.media.len(), 2);
        assert!(!parsed.warnings.is_empty());
    }
}
