//! The answer of the media playback API: the vendor's names, in their nesting.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use super::parameters::{MediaTypes, Wish};
use super::stages::stages;
use crate::asset::{
    AssetId, Digest, Direction, MediaKind, MediaTime, Outcome, Side, UserId, utc_format,
};
use crate::identity::{Permission, Principal};
use crate::play::{Recipe, Scene, Take};

/// One entry of `interactions`, before it has its link.
pub(super) struct Shown<'t> {
    pub(super) take: &'t Take,
    /// What is played.
    pub(super) scene: Option<Scene<'t>>,
    /// The part of it that is asked for, on the clock of what leads the scene.
    pub(super) clip: Option<(MediaTime, MediaTime)>,
    kind: MediaKind,
    /// Whether it is wanted as a WAVE file.
    pub(super) wave: bool,
    /// The file that the link will name.
    pub(super) playable: Option<(AssetId, Outcome)>,
}

impl<'t> Shown<'t> {
    pub(super) const fn scene(
        take: &'t Take,
        scene: Scene<'t>,
        clip: Option<(MediaTime, MediaTime)>,
    ) -> Self {
        Self { take, scene: Some(scene), clip, kind: MediaKind::Voice, wave: false, playable: None }
    }

    /// What there is to show of a recording.
    pub(super) fn of(take: &'t Take, types: MediaTypes) -> Vec<Self> {
        let mut shown: Vec<Self> = take
            .scenes()
            .into_iter()
            .filter(|scene| if scene.voice.is_some() { types.voice } else { types.screen })
            .map(|scene| if types.screen { scene } else { scene.without_screen() })
            .map(|scene| Self::scene(take, scene, None))
            .collect();
        for (kind, wanted) in [(MediaKind::Chat, types.chat), (MediaKind::Email, types.email)] {
            if !wanted || !take.media.iter().any(|medium| medium.entry.kind == kind) {
                continue;
            }
            // A chat's own screen is shown with the chat, when everything is asked for.
            let calls = types.voice && types.screen;
            let at = shown.iter().position(|one| one.scene.is_some_and(|s| s.voice.is_none()));
            let scene = at.filter(|_| calls).and_then(|at| shown.remove(at).scene);
            shown.push(Self { take, scene, clip: None, kind, wave: false, playable: None });
        }
        shown
    }

    /// What is to be made for it.
    pub(super) fn recipe(&self) -> Option<Recipe> {
        let recipe = self.scene?.recipe(self.clip)?;
        if self.wave { recipe.as_wave() } else { Some(recipe) }
    }

    pub(super) const fn is_call(&self) -> bool {
        matches!(self.kind, MediaKind::Voice | MediaKind::Screen)
    }

    /// A call without a file says nothing.
    pub(super) const fn is_empty(&self) -> bool {
        self.is_call() && self.playable.is_none()
    }

    pub(super) fn start(&self) -> Timestamp {
        let scene = self.scene.as_ref();
        match (scene, self.clip) {
            (Some(scene), Some((from, _))) => {
                later(scene.leading().map_or_else(|| scene.start(), |medium| medium.start), from)
            }
            (Some(scene), None) => scene.start(),
            (None, _) => self.take.start(),
        }
    }

    pub(super) fn end(&self) -> Timestamp {
        let scene = self.scene.as_ref();
        match (scene, self.clip) {
            (Some(scene), Some((_, to))) => {
                let start = scene.leading().map_or_else(|| scene.start(), |medium| medium.start);
                later(start, to).min(scene.end())
            }
            (Some(scene), None) => scene.end(),
            (None, _) => self.take.end(),
        }
    }

    const fn has_screen(&self) -> bool {
        matches!(self.scene, Some(Scene { screen: Some(_), .. }))
    }
}

fn later(at: Timestamp, by: MediaTime) -> Timestamp {
    let by = SignedDuration::from_micros(i64::try_from(by.as_micros()).unwrap_or(i64::MAX));
    at.checked_add(by).unwrap_or(Timestamp::MAX)
}

/// A name of the contact in the shape of a UUID, always the same for it.
fn contact_uuid(take: &Take) -> String {
    let name = format!("contact\n{}\n{}", take.recording.tenant, take.names.contact);
    let digest = Digest::of(name.as_bytes());
    let bytes: [u8; 16] = digest.as_bytes().first_chunk().copied().unwrap_or_default();
    uuid::Builder::from_custom_bytes(bytes).into_uuid().to_string()
}

/// The whole answer. `links` belong to those of `shown` that can be played, in order; one more is the
/// download.
pub(super) fn body(
    wish: &Wish,
    principal: &Principal,
    takes: &[Take],
    shown: &[Shown<'_>],
    links: &[String],
) -> Value {
    let mut links = links.iter();
    let insights = wish.categories && principal.may(Permission::PlayInsights);
    let interactions: Vec<Value> = shown
        .iter()
        .map(|one| {
            let link = one.playable.as_ref().and_then(|_| links.next());
            interaction(one, takes, link, wish, insights)
        })
        .collect();
    let first = takes.first();
    let mut answer = Map::new();
    answer.insert("contactId".to_owned(), first.map(contact_uuid).into());
    let acd = first.map(|take| take.names.contact.as_str());
    answer.insert("acdcontactId".to_owned(), acd.into());
    answer.insert("elevatedInteraction".to_owned(), false.into());
    if let Some(link) = links.next().filter(|_| wish.download) {
        answer.insert("redirectUrl".to_owned(), link.as_str().into());
    }
    answer.insert("interactions".to_owned(), interactions.into());
    Value::Object(answer)
}

fn interaction(
    shown: &Shown<'_>,
    takes: &[Take],
    link: Option<&String>,
    wish: &Wish,
    insights: bool,
) -> Value {
    let (media, channel, kind) = match (shown.kind, shown.has_screen()) {
        (MediaKind::Chat, false) => ("chat", "CHAT", "chat"),
        (MediaKind::Chat, true) => ("chat-and-screen", "CHAT", "chat"),
        (MediaKind::Email, false) => ("email", "EMAIL", "email"),
        (MediaKind::Email, true) => ("email-and-screen", "EMAIL", "email"),
        (_, false) => ("voice-only", "PHONE_CALL", "call"),
        (_, true) => ("voice-and-screen", "PHONE_CALL", "call"),
    };
    let conversation = &shown.take.document.conversation;
    let tags: Vec<Value> = conversation
        .tags
        .iter()
        .map(|tag| if tag.is_string() { json!({ "value": tag }) } else { tag.clone() })
        .collect();
    let business = shown.take.names.business_data.as_deref();
    let business = business.and_then(|text| serde_json::from_str::<Value>(text).ok());
    json!({
        "mediaType": media,
        "channelType": channel,
        "@type": kind,
        "startTime": utc_format(shown.start()),
        "endTime": utc_format(shown.end()),
        "callTaggingList": tags,
        "dynamicBusinessData": business.unwrap_or_else(|| json!([])),
        "data": data(shown, takes, link, wish, insights),
    })
}

fn data(
    shown: &Shown<'_>,
    takes: &[Take],
    link: Option<&String>,
    wish: &Wish,
    insights: bool,
) -> Value {
    let conversation = &shown.take.document.conversation;
    let mut data = Map::new();
    let mut put = |name: &str, value: Value| drop(data.insert(name.to_owned(), value));
    put("startTime", utc_format(shown.start()).into());
    put("endTime", utc_format(shown.end()).into());
    put("acwEndTime", utc_format(shown.end()).into());
    if let Some(link) = link {
        put("fileToPlayUrl", link.as_str().into());
    }
    put("segmentsDataList", segments(takes));
    put("dfoStages", json!([]));
    match shown.kind {
        MediaKind::Chat => {
            put("participants", participants(shown));
            put("messages", json!(conversation.messages));
            put("transferPoints", json!([]));
        }
        MediaKind::Email => {
            put("participants", participants(shown));
            put("content", json!(conversation.email.clone().unwrap_or_default()));
            put("messages", json!(conversation.messages));
        }
        MediaKind::Voice | MediaKind::Screen => {
            put("participantDataList", participants(shown));
            if wish.waveforms {
                put("waveformDataList", waveforms(shown));
            }
            // The transcript, where one came with the recording.
            put("messages", json!(conversation.messages));
            if insights {
                put("categoryMatchesList", json!(conversation.categories));
                put("sentiments", json!(conversation.sentiments));
            }
        }
    }
    Value::Object(data)
}

/// The peaks of the file that is played: those of a clip are its own.
fn waveforms(shown: &Shown<'_>) -> Value {
    let scene = shown.scene.map(|scene| scene.without_screen());
    let recipe = scene.and_then(|scene| scene.recipe(shown.clip));
    let name = recipe.map(|recipe| recipe.to_string()).unwrap_or_default();
    let row = shown.take.renditions.iter().find(|row| row.recipe == name);
    let peaks = row.and_then(|row| row.waveform.as_deref());
    let peaks: Vec<Value> =
        peaks.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    let channels = (1_u32..).zip(peaks);
    let list: Vec<Value> = channels
        .map(|(channel, peaks)| json!({ "channel": channel, "normalizedPcmData": peaks }))
        .collect();
    list.into()
}

/// The two sides. A file of one channel has both on it.
fn participants(shown: &Shown<'_>) -> Value {
    let conversation = &shown.take.document.conversation;
    let channel = |side: Side| match conversation.channels.iter().position(|known| *known == side) {
        Some(at) => at.saturating_add(1),
        None if side == Side::Agent => 1,
        None => 2,
    };
    let at = shown.scene.and_then(|scene| scene.leading()).map_or(0, |medium| medium.row.position);
    let name = shown.take.document.agent_name(at);
    let user = conversation.agent.user_id.as_ref().map(UserId::as_str);
    let recording = shown.scene.and_then(|scene| scene.leading()).map(|medium| medium.row.asset_id);
    let (voice, screen) = (stages(shown, false), stages(shown, true));
    let mut agent = json!({
        "participantType": "AGENT",
        "participantName": name,
        "agentName": name,
        "participantId": user.unwrap_or(&name),
        "segmentId": shown.take.names.segment,
        "userId": user,
        "channel": channel(Side::Agent),
        "recordingID": recording,
        "voiceStages": voice,
        "screenStages": screen,
    });
    let document = &shown.take.document.value;
    let number = ["callerPhoneNumber", "dialedPhoneNumber"].map(|name| document.get(name).cloned());
    let [caller, dialed] = number;
    let outbound = conversation.direction == Some(Direction::Outbound);
    let customer = json!({
        "participantType": "CUSTOMER",
        "participantName": if outbound { dialed.clone() } else { caller.clone() },
        "participantId": if outbound { dialed } else { caller },
        "segmentId": shown.take.names.segment,
        "channel": channel(Side::Customer),
        "voiceStages": stages(shown, false),
    });
    if user.is_none()
        && let Some(agent) = agent.as_object_mut()
    {
        agent.remove("userId");
    }
    json!([agent, customer])
}

fn segments(takes: &[Take]) -> Value {
    let list: Vec<Value> = takes
        .iter()
        .enumerate()
        .map(|(at, take)| {
            let opened = if at == 0 { "CONTACT" } else { "TRANSFER" };
            let closed = if at.saturating_add(1) == takes.len() { "CONTACT" } else { "TRANSFER" };
            let channel = match take.media.first().map(|medium| medium.entry.kind) {
                Some(MediaKind::Chat) => "CHAT",
                Some(MediaKind::Email) => "EMAIL",
                _ => "PHONE_CALL",
            };
            json!({
                "segmentId": take.names.segment,
                "startTime": utc_format(take.start()),
                "endTime": utc_format(take.end()),
                "acwEndTime": utc_format(take.end()),
                "openReasonType": opened,
                "closeReasonType": closed,
                "directionType": direction(take),
                "source": "reelgate",
                "firstSegment": at == 0,
                "channelType": channel,
                "customerRestricted": false,
                "isCustomerRestricted": false,
            })
        })
        .collect();
    list.into()
}

/// Who called whom: what the document says to players, or to the insertion API.
fn direction(take: &Take) -> Value {
    if let Some(direction) = take.document.conversation.direction {
        return json!(direction);
    }
    let call_type = take.document.value.get("callType").and_then(Value::as_str);
    match call_type {
        Some("Inbound") => "INBOUND",
        Some("Outbound") => "OUTBOUND",
        Some("Internal" | "Consult") => "INTERNAL",
        _ => "UNKNOWN",
    }
    .into()
}
