//! What a document says of the conversation: the members under `reelgate` that playback shows
//! (`docs/api.md`).

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::call::CallFacts;
use super::check::Findings;
use crate::asset::{ContactId, SegmentId, StatementId, UserId, WireTime};

/// Most statements of one segment.
const MAX_STATEMENTS: usize = 1000;
/// Most messages of a transcript.
const MAX_MESSAGES: usize = 10_000;
/// Most findings of an analysis, tags and other small lists.
const MAX_FINDINGS: usize = 1000;

/// Which side of a conversation somebody is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Side {
    /// Who works here.
    #[serde(alias = "agent")]
    Agent,
    /// Who called, or was called.
    #[serde(alias = "customer")]
    Customer,
}

/// Who called whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Direction {
    /// The customer called.
    #[serde(alias = "inbound", alias = "Inbound")]
    Inbound,
    /// The agent called.
    #[serde(alias = "outbound", alias = "Outbound")]
    Outbound,
    /// No customer takes part.
    #[serde(alias = "internal", alias = "Internal")]
    Internal,
}

/// `reelgate.contact`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ContactNames {
    /// The ACD call id, by which players ask for the contact.
    pub acd_contact_id: Option<ContactId>,
    /// The id of the contact above it, after transfers.
    pub master_contact_id: Option<ContactId>,
    /// The segment that this recording is.
    pub segment_id: Option<SegmentId>,
    /// Parts of it that can be asked for alone.
    pub statements: Vec<Statement>,
}

/// A part of a segment that can be asked for alone.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Statement {
    /// Its name within the contact.
    pub statement_id: StatementId,
    /// First instant inside.
    pub start_time: WireTime,
    /// First instant after.
    pub stop_time: WireTime,
}

/// `reelgate.agent`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Agent {
    /// Who it is, for those who may play their own recordings only.
    pub user_id: Option<UserId>,
    /// Shown name.
    pub name: Option<String>,
}

/// One entry of a transcript.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Message {
    /// Who said or wrote it.
    pub participant_type: Side,
    /// Shown name.
    #[serde(default)]
    pub participant_name: String,
    /// What.
    pub text: String,
    /// When.
    #[serde(rename = "timeStamp")]
    pub time: WireTime,
}

/// An e-mail.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
pub struct Email {
    /// When it was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sent_time: Option<WireTime>,
    /// Sender.
    pub from: String,
    /// Receivers.
    pub to: Vec<String>,
    /// Further ones.
    pub cc: Vec<String>,
    /// Hidden ones.
    pub bcc: Vec<String>,
    /// Subject.
    pub subject: String,
    /// Text.
    pub body: String,
}

/// What an analysis found a segment to be about.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CategoryMatch {
    /// From the outermost category inwards.
    pub category_hierarchy: Vec<String>,
    /// Where, in seconds from the beginning.
    #[serde(default)]
    pub seconds_offsets: Vec<f64>,
    /// How sure the analysis is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<f64>,
}

/// The mood of one side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Mood {
    /// Pleased.
    Positive,
    /// Displeased.
    Negative,
    /// Both.
    Mixed,
    /// Neither.
    Neutral,
}

/// What an analysis found of moods.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Sentiment {
    /// Mood.
    pub overall_sentiment: Mood,
    /// From when on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub segment_start_time: Option<WireTime>,
    /// Channel, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<u16>,
}

/// Everything that playback shows and masking does not need.
#[derive(Debug, Clone, Default)]
pub struct Conversation {
    /// Names of contact, segment and statements.
    pub names: ContactNames,
    /// The agent.
    pub agent: Agent,
    /// The side on each channel, in order.
    pub channels: Vec<Side>,
    /// Who called whom.
    pub direction: Option<Direction>,
    /// The transcript.
    pub messages: Vec<Message>,
    /// The e-mail.
    pub email: Option<Email>,
    /// Free tags: texts, or objects with a `value`.
    pub tags: Vec<Value>,
    /// Findings of an analysis.
    pub categories: Vec<CategoryMatch>,
    /// Findings of an analysis.
    pub sentiments: Vec<Sentiment>,
    /// What a PBX knows of the call.
    pub call: CallFacts,
}

/// Reads the members; each fault is named by its path.
pub(super) fn read(map: &Map<String, Value>, out: &mut Findings) -> Conversation {
    let names: ContactNames = out.typed(map, "contact").unwrap_or_default();
    let conversation = Conversation {
        agent: out.typed(map, "agent").unwrap_or_default(),
        channels: sides(map),
        direction: out.typed(map, "direction"),
        messages: out.typed(map, "messages").unwrap_or_default(),
        email: out.typed(map, "email"),
        tags: out.typed(map, "tags").unwrap_or_default(),
        categories: out.typed(map, "categories").unwrap_or_default(),
        sentiments: out.typed(map, "sentiments").unwrap_or_default(),
        call: out.typed(map, "call").unwrap_or_default(),
        names,
    };
    let statements = &conversation.names.statements;
    for (name, count, limit) in [
        ("contact.statements", statements.len(), MAX_STATEMENTS),
        ("messages", conversation.messages.len(), MAX_MESSAGES),
        ("tags", conversation.tags.len(), MAX_FINDINGS),
        ("categories", conversation.categories.len(), MAX_FINDINGS),
        ("sentiments", conversation.sentiments.len(), MAX_FINDINGS),
    ] {
        if count > limit {
            let message = format!("has {count} entries; the limit is {limit}");
            out.fault(format!("reelgate.{name}"), message);
        }
    }
    for (index, statement) in statements.iter().enumerate() {
        let earlier = statements.get(..index).unwrap_or_default();
        if earlier.iter().any(|other| other.statement_id == statement.statement_id) {
            let field = format!("reelgate.contact.statements[{index}].statementId");
            out.fault(field, "is used twice in this recording");
        }
    }
    conversation
}

/// The sides on the channels; a name that is neither side leaves all of them unknown, for masks know
/// parties of any name.
fn sides(map: &Map<String, Value>) -> Vec<Side> {
    let channels = map.get("channels").cloned().unwrap_or_default();
    serde_json::from_value(channels).unwrap_or_default()
}
