//! A CSV file about recordings: a line for each segment, under the column names that readers of
//! CXone's extractions look for.

use serde_json::Value;

use super::request::MetadataRequest;
use super::worker::{Binder, BinderError, Bound};
use super::zip_file::ZipFileError;
use crate::asset::{ContactId, Direction, utc_format};
use crate::catalog::{BundleRow, MediaState, SegmentRow};
use crate::play::{Medium, Take};

/// Media type and extension.
pub(super) const CSV: (&str, &str) = ("text/csv", "csv");
/// Rows read at a time.
const PAGE: u32 = 500;
/// Longest file in bytes.
const MAX_CSV_BYTES: usize = 64 << 20;
/// What a cell of a spreadsheet begins with to be a formula.
const FORMULA: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

const COLUMNS: [&str; 20] = [
    "ACD Call ID",
    "Master Contact ID",
    "Segment ID",
    "Agent 1 Contact Number",
    "Start Date",
    "End Date",
    "Duration (seconds)",
    "Direction",
    "Voice Recording Status",
    "Screen Recording Status",
    "Masked (seconds)",
    "Agent 1 ACD ID",
    "Agent 1 Name",
    "Agent 1 Team",
    "Agent 1 Skills",
    "ANI",
    "DNIS",
    "Disposition",
    "Region",
    "Recording ID",
];

impl Binder {
    pub(super) async fn bind_metadata(&self, row: &BundleRow) -> Result<Bound, BinderError> {
        let text = self.table(row).await?;
        let (key, bytes) = (self.key(row, CSV.1)?, text.len() as u64);
        let make = move |sink: &mut crate::play::Sink<'_>| Ok::<(), ZipFileError>(sink(&text)?);
        let vaulted = self.vault.keep(key, &format!("t{}", row.attempts), bytes, make).await;
        let vaulted = vaulted.map_err(BinderError::Vault)?;
        Ok(Bound { vaulted, bytes, files: 0, parts: Vec::new(), sources: Vec::new() })
    }

    async fn table(&self, row: &BundleRow) -> Result<Vec<u8>, BinderError> {
        let request: MetadataRequest = serde_json::from_str(&row.request)
            .map_err(|_| BinderError::Never("the request is not readable".to_owned()))?;
        let never = |error: csv::Error| BinderError::Never(error.to_string());
        let (catalog, tenant) = (&self.player.catalog, &row.tenant);
        let span = (request.from, request.until);
        let mut out =
            csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
        out.write_record(COLUMNS).map_err(never)?;
        let mut after = None;
        loop {
            let page = catalog.segments_between(tenant, span, after.as_ref(), PAGE).await?;
            let Some((_, last, _)) = page.last() else { break };
            after = Some(last.clone());
            for (names, _, master) in page {
                let take = Take::of(catalog, tenant, names, self.zone.as_ref()).await?;
                if let Some(take) = take {
                    out.write_record(line(&take, master.as_ref())).map_err(never)?;
                }
            }
            out.flush().map_err(ZipFileError::from)?;
            if out.get_ref().len() > MAX_CSV_BYTES {
                let limit = format!("the file is longer than the limit of {MAX_CSV_BYTES} bytes");
                return Err(BinderError::Never(format!("{limit}; ask for fewer days")));
            }
        }
        out.into_inner().map_err(|error| BinderError::Never(error.to_string()))
    }
}

fn line(take: &Take, master: Option<&ContactId>) -> [String; COLUMNS.len()] {
    let SegmentRow { contact, segment, recording, .. } = &take.names;
    let document = &take.document;
    let of = |name: &str| document.value.get(name).and_then(Value::as_str).unwrap_or_default();
    let agent = &document.conversation.agent;
    let id = agent.user_id.as_ref().map(ToString::to_string);
    let named = |names: &[&str]| names.iter().find_map(|name| parameter(take, name));
    let milliseconds = take.end().duration_since(take.start()).as_millis();
    let master = master.unwrap_or(contact);
    [
        master.to_string(),
        master.to_string(),
        segment.to_string(),
        contact.to_string(),
        utc_format(take.start()),
        utc_format(take.end()),
        seconds(u64::try_from(milliseconds).unwrap_or_default()),
        document.conversation.direction.map_or_else(
            || of("callType").to_owned(),
            |direction| {
                let name = match direction {
                    Direction::Inbound => "Inbound",
                    Direction::Outbound => "Outbound",
                    Direction::Internal => "Internal",
                };
                name.to_owned()
            },
        ),
        status(take, Medium::is_voice).to_owned(),
        status(take, Medium::is_screen).to_owned(),
        seconds(masked_ms(take)),
        cell(id.or_else(|| named(&["agentId", "username"])).unwrap_or_default()),
        cell(document.agent_name(0)),
        cell(named(&["team", "agentTeam"]).unwrap_or_default()),
        cell(named(&["skills", "skill"]).unwrap_or_default()),
        cell(of("callerPhoneNumber").to_owned()),
        cell(of("dialedPhoneNumber").to_owned()),
        cell(named(&["disposition", "dispositionCode"]).unwrap_or_default()),
        cell(of("region").to_owned()),
        recording.to_string(),
    ]
}

/// A parameter of the first media file that has it.
fn parameter(take: &Take, name: &str) -> Option<String> {
    let files = take.document.value.get("mediaFiles")?.as_array()?;
    let found = files.iter().find_map(|file| file.get("parameters")?.get(name)?.as_str());
    found.map(str::to_owned)
}

/// How the recording of one kind of media ended.
fn status(take: &Take, kind: impl Fn(&Medium) -> bool) -> &'static str {
    let states = || take.media.iter().filter(|medium| kind(medium)).map(|medium| medium.row.state);
    let any = |wanted: &[MediaState]| states().any(|state| wanted.contains(&state));
    if states().next().is_none() {
        "None"
    } else if any(&[MediaState::Quarantined]) {
        "Failed"
    } else if any(&[MediaState::Receiving, MediaState::Spooled, MediaState::Committing]) {
        "In Progress"
    } else if any(&[MediaState::Ready, MediaState::Archived]) {
        "Success"
    } else if any(&[MediaState::Erased]) {
        "Not Recorded"
    } else {
        "In Progress"
    }
}

/// How much of the sound, or of a screen without sound, was asked to be silent.
fn masked_ms(take: &Take) -> u64 {
    let leading = take.media.iter().find(|medium| medium.is_voice()).or(take.media.first());
    let outcome = leading.and_then(|medium| medium.outcome.as_ref());
    let spans = outcome.map(|outcome| outcome.spans.as_slice()).unwrap_or_default();
    let length =
        |span: &crate::asset::Span| span.to.as_millis().saturating_sub(span.from.as_millis());
    let total: u64 = spans.iter().map(length).sum();
    total.min(outcome.map_or(0, |outcome| outcome.duration_ms))
}

fn seconds(milliseconds: u64) -> String {
    let (whole, rest) = (milliseconds / 1000, milliseconds % 1000);
    format!("{whole}.{rest:03}")
}

/// A text that no spreadsheet takes for a formula. Telephone numbers stay as they are.
fn cell(text: String) -> String {
    let number = |text: &str| text.chars().all(|c| c.is_ascii_digit() || " ()-.".contains(c));
    let plain = text.strip_prefix('+').is_some_and(number);
    if text.starts_with(FORMULA) && !plain { format!("'{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_are_defused_and_numbers_kept() {
        for (text, expected) in [
            ("+1 (555) 01-00", "+1 (555) 01-00"),
            ("=1+1", "'=1+1"),
            ("+cmd|x", "'+cmd|x"),
            ("@a", "'@a"),
            ("-1", "'-1"),
            ("Kim", "Kim"),
            ("", ""),
        ] {
            assert_eq!(cell(text.to_owned()), expected);
        }
        assert_eq!(seconds(12_034), "12.034");
    }
}
