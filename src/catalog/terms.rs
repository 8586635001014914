//! What finds a recording: terms taken from its document, and the columns that a search shows.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::asset::{ContactId, RecordingDocument, SegmentId, WireTime};

/// Longest term, in bytes; what is longer is found by its beginning.
const MAX_TERM_BYTES: usize = 128;
/// Most terms of one recording.
const MAX_TERMS: usize = 200;
/// What [`RecordingDocument::agent_name`] says when nobody is named.
const NOBODY: &str = "unknown agent";

/// Where a term comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum TermKind {
    /// Id of the agent, the whole name, and the name from each of its words on.
    Agent,
    /// A telephone number: its digits, or the whole text where it has other characters.
    Number,
    /// A word of an id, a name, a number, the region or a tag.
    Word,
}

impl TermKind {
    /// The name in rows.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Number => "number",
            Self::Word => "word",
        }
    }
}

/// What a search knows of one recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SearchFacts {
    /// When its first media file begins.
    pub(super) started: Timestamp,
    pub(super) caller: Option<String>,
    pub(super) dialed: Option<String>,
    pub(super) agent_id: Option<String>,
    pub(super) agent_name: Option<String>,
    pub(super) terms: BTreeSet<(TermKind, Vec<u8>)>,
}

impl SearchFacts {
    /// Of a document. Local times are read in `zone`, or in UTC when there is none.
    pub(super) fn of(document: &RecordingDocument, zone: Option<&TimeZone>) -> Self {
        let starts = document.media.iter().map(|entry| instant(entry.start, zone));
        let text = |name: &str| {
            let text = document.value.get(name).and_then(serde_json::Value::as_str);
            text.map(|text| text.replace('\0', "\u{fffd}"))
        };
        let agent = &document.conversation.agent;
        let name = Some(document.agent_name(0)).filter(|name| name != NOBODY);
        let mut facts = Self {
            started: starts.min().unwrap_or(Timestamp::UNIX_EPOCH),
            caller: text("callerPhoneNumber"),
            dialed: text("dialedPhoneNumber"),
            agent_id: agent.user_id.as_ref().map(ToString::to_string),
            agent_name: name.map(|name| name.replace('\0', "\u{fffd}")),
            terms: BTreeSet::new(),
        };
        facts.collect(document, text("region"));
        facts
    }

    /// Of a document that this version cannot read: found by its id and the time of its declaration.
    pub(super) fn unreadable(id: &str, declared: Timestamp) -> Self {
        Self {
            started: declared,
            caller: None,
            dialed: None,
            agent_id: None,
            agent_name: None,
            terms: BTreeSet::from([(TermKind::Word, term(id))]),
        }
    }

    fn collect(&mut self, document: &RecordingDocument, region: Option<String>) {
        let names = &document.conversation.names;
        let mut words: Vec<String> = vec![document.id.to_string()];
        words.extend(names.acd_contact_id.as_ref().map(ContactId::to_string));
        words.extend(names.master_contact_id.as_ref().map(ContactId::to_string));
        words.extend(names.segment_id.as_ref().map(SegmentId::to_string));
        words.extend(region);
        for (kind, texts) in [
            (TermKind::Agent, [self.agent_id.clone(), self.agent_name.clone()]),
            (TermKind::Number, [self.caller.clone(), self.dialed.clone()]),
        ] {
            for text in texts.into_iter().flatten() {
                let found = if kind == TermKind::Number { number(&text) } else { text.clone() };
                words.push(found.clone());
                words.push(text);
                for part in word_starts(&found) {
                    self.add(kind, part);
                }
            }
        }
        let tags = document.conversation.tags.iter();
        words.extend(tags.filter_map(|tag| {
            let text = tag.as_str().or_else(|| tag.get("value")?.as_str());
            text.map(str::to_owned)
        }));
        words.extend(document.media.iter().map(|entry| entry.media_id.to_string()));
        for text in &words {
            text.split_whitespace().for_each(|word| self.add(TermKind::Word, word));
        }
    }

    fn add(&mut self, kind: TermKind, text: &str) {
        let term = term(text);
        if !term.is_empty() && self.terms.len() < MAX_TERMS {
            self.terms.insert((kind, term));
        }
    }
}

/// A text as a term, or as the beginning of one.
pub(super) fn term(text: &str) -> Vec<u8> {
    let mut bytes = text.trim().to_lowercase().into_bytes();
    bytes.truncate(MAX_TERM_BYTES);
    bytes
}

/// A telephone number without what people write between its digits; another text stays as it is.
pub(super) fn number(text: &str) -> String {
    let between = |c: char| c.is_whitespace() || "+-().,/".contains(c);
    let plain = text.chars().all(|c| c.is_ascii_digit() || between(c));
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    if plain && !digits.is_empty() { digits } else { text.to_owned() }
}

/// The text from each of its words on: `Kim Lee` and `Lee`.
fn word_starts(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text.trim();
    std::iter::from_fn(move || {
        let shown = rest;
        let after = rest.split_once(char::is_whitespace).map_or("", |(_, after)| after);
        rest = after.trim_start();
        (!shown.is_empty()).then_some(shown)
    })
}

/// A local time that is ambiguous is read as the earlier instant: a search needs no more.
fn instant(time: WireTime, zone: Option<&TimeZone>) -> Timestamp {
    match time {
        WireTime::Instant(instant) => instant,
        WireTime::Local(local) => {
            let zone = zone.cloned().unwrap_or(TimeZone::UTC);
            zone.to_timestamp(local).unwrap_or(Timestamp::UNIX_EPOCH)
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::asset::Rules;

    #[test]
    fn names_numbers_and_words_are_found_by_their_beginnings() {
        let value = json!({
            "id": "Call-1", "callerPhoneNumber": "+1 (555) 01-00", "dialedPhoneNumber": "sip:Desk",
            "region": "north", "mediaFiles": [{
                "callUUID": "u", "mediaId": "m1.wav", "type": "audio/wav", "parameters": {},
                "startTime": "2026-03-04T09:15:00", "stopTime": "2026-03-04T09:15:12",
            }],
            "reelgate": {"agent": {"userId": "u7", "name": "Zoë van  Lee"}, "tags": ["VIP gold"]},
        });
        let document =
            RecordingDocument::parse(value.to_string().as_bytes(), Rules::Ingest).unwrap();
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let facts = SearchFacts::of(&document, Some(&zone));
        assert_eq!(facts.started, "2026-03-04T08:15:00Z".parse().unwrap());
        let in_utc = SearchFacts::of(&document, None);
        assert_eq!(in_utc.started, "2026-03-04T09:15:00Z".parse().unwrap());
        let has = |kind, text: &str| facts.terms.contains(&(kind, text.as_bytes().to_vec()));
        for text in ["u7", "zoë van  lee", "van  lee", "lee"] {
            assert!(has(TermKind::Agent, text), "{text}");
        }
        assert!(has(TermKind::Number, "15550100") && has(TermKind::Number, "sip:desk"));
        for text in ["call-1", "north", "vip", "gold", "m1.wav", "lee", "15550100", "sip:desk"] {
            assert!(has(TermKind::Word, text), "{text}");
        }
        assert_eq!(facts.caller.as_deref(), Some("+1 (555) 01-00"));
    }

    #[test]
    fn a_long_text_is_found_by_its_beginning() {
        let long = "é".repeat(500);
        assert_eq!(term(&long).len(), MAX_TERM_BYTES);
        assert!(term(&long).starts_with(&term(&"é".repeat(20))));
        assert_eq!(number("ext. 7"), "ext. 7");
        assert_eq!(word_starts("  ").count(), 0);
    }
}
