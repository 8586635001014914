//! An archive of call records: their files, `records.json`, and a list of digests that
//! `sha256sum --check` reads.

use std::collections::{BTreeMap, HashSet};

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::media::distinct;
use super::request::RecordsRequest;
use super::worker::{Binder, BinderError, Bound, MAX_ATTEMPTS};
use super::zip_file::{Content, Entry, ZipFileError};
use crate::asset::{AssetId, Digest, Outcome, RecordingId};
use crate::catalog::{BundleRow, CallFile, OwedMessage};
use crate::mail::{Content as Subject, Letter};
use crate::play::VaultError;

/// Hours that an archive is there for, from the moment at which it is ready.
pub const ARCHIVE_LIFE_H: i64 = 12;
/// The target of the letter about an archive.
pub const ARCHIVE_LETTER: &str = "mail:archive";
/// Records read from the catalogue at a time.
const BATCH: u32 = 500;
/// The list of records.
const RECORDS: &str = "records.json";
/// The list of digests.
const DIGESTS: &str = "SHA256SUMS";
/// The list of what is not in the archive, if there is anything.
const LEFT_OUT: &str = "left_out.json";

/// What an archive will hold.
#[derive(Default)]
struct Collected {
    names: HashSet<String>,
    entries: Vec<Entry>,
    /// Lines of the list of digests.
    digests: String,
    /// The list of records, without its brackets.
    records: String,
    left_out: Vec<Value>,
    /// Recordings in it, each with how many files of it were erased before.
    sources: BTreeMap<String, usize>,
}

impl Collected {
    fn add(&mut self, file: &CallFile) -> Result<(), BinderError> {
        if !self.records.is_empty() {
            self.records.push(',');
        }
        self.records.push_str(&file.shown);
        if file.state != "ready" {
            self.leave_out(&file.record_uuid, "it is in the archive store");
            return Ok(());
        }
        let bad = || BinderError::Never(format!("the row of {} is not usable", file.record_uuid));
        let outcome = file.outcome.as_deref().ok_or_else(bad)?;
        let outcome: Outcome = serde_json::from_str(outcome).map_err(|_| bad())?;
        if !outcome.seal.playback {
            self.leave_out(&file.record_uuid, "it is sealed for its owner only");
            return Ok(());
        }
        let asset = AssetId::parse(&file.asset_id).ok_or_else(bad)?;
        let shown: Value = serde_json::from_str(&file.shown).map_err(|_| bad())?;
        let name = shown.get("file_name").and_then(Value::as_str).unwrap_or("record");
        let name = distinct(&mut self.names, name);
        self.digests.push_str(&format!("{}  {name}\n", outcome.sha256));
        self.entries.push(Entry { name, content: Content::Asset(asset, outcome.bytes) });
        let erased = usize::try_from(file.erased).unwrap_or(0);
        self.sources.insert(file.recording_id.clone(), erased);
        Ok(())
    }

    fn leave_out(&mut self, uuid: &str, reason: &str) {
        self.left_out.push(json!({ "record_uuid": uuid, "reason": reason }));
    }

    /// Takes out what cannot be read.
    fn drop_entry(&mut self, index: usize) {
        if index >= self.entries.len() {
            return;
        }
        let Entry { name, .. } = self.entries.remove(index);
        let line = format!("  {name}");
        let kept = self.digests.lines().filter(|known| !known.ends_with(&line));
        self.digests = kept.map(|line| format!("{line}\n")).collect();
        self.left_out.push(json!({ "file_name": name, "reason": "it cannot be read" }));
    }

    /// All files of the archive, the lists among them.
    fn files(&self) -> Vec<Entry> {
        let records = format!("[{}]", self.records);
        let mut texts = vec![(RECORDS, records), (DIGESTS, String::new())];
        if !self.left_out.is_empty() {
            texts.push((LEFT_OUT, Value::from(self.left_out.clone()).to_string()));
        }
        let mut digests = self.digests.clone();
        for (name, text) in texts.iter().filter(|(name, _)| *name != DIGESTS) {
            digests.push_str(&format!("{}  {name}\n", Digest::of(text.as_bytes())));
        }
        let texts = texts.into_iter().map(|(name, text)| {
            let text = if name == DIGESTS { digests.clone() } else { text };
            Entry { name: name.to_owned(), content: Content::Text(Bytes::from(text)) }
        });
        self.entries.iter().cloned().chain(texts).collect()
    }
}

impl Binder {
    pub(super) async fn bind_records(&self, row: &BundleRow) -> Result<Bound, BinderError> {
        let mut collected = self.collect(&records_request(row)?).await?;
        loop {
            match self.zip(row, collected.files()).await {
                Err(BinderError::Vault(VaultError::Made(ZipFileError::Entry {
                    index,
                    source,
                }))) if row.attempts >= MAX_ATTEMPTS => {
                    tracing::error!(bundle = %row.asset_id, error = %source, "a record is left out");
                    collected.drop_entry(index);
                }
                made => {
                    let (vaulted, bytes) = made?;
                    let read = |(id, erased): (String, usize)| {
                        RecordingId::parse(&id).ok().map(|id| (id, erased))
                    };
                    let sources = collected.sources.into_iter().filter_map(read).collect();
                    let (files, parts) = (collected.entries.len() as u64, Vec::new());
                    return Ok(Bound { vaulted, bytes, files, parts, sources });
                }
            }
        }
    }

    async fn collect(&self, request: &RecordsRequest) -> Result<Collected, BinderError> {
        let mut collected = Collected::default();
        // Names of our own come first.
        for name in [RECORDS, DIGESTS, LEFT_OUT] {
            distinct(&mut collected.names, name);
        }
        let mut after: Option<(i64, String)> = None;
        loop {
            let from = after.as_ref().map(|(at, name)| (*at, name.as_str()));
            let files = self.player.catalog.call_files(&request.filter, from, BATCH).await?;
            for file in &files {
                collected.add(file)?;
            }
            match files.last() {
                Some(last) if files.len() >= BATCH as usize => {
                    after = Some((last.init_us, last.record_uuid.clone()));
                }
                _ => return Ok(collected),
            }
        }
    }
}

/// What was asked for.
pub(super) fn records_request(row: &BundleRow) -> Result<RecordsRequest, BinderError> {
    serde_json::from_str(&row.request)
        .map_err(|_| BinderError::Never("the request is not readable".to_owned()))
}

/// When an archive that is ready now goes.
pub(super) fn archive_end(now: Timestamp) -> Timestamp {
    now.checked_add(SignedDuration::from_hours(ARCHIVE_LIFE_H)).unwrap_or(Timestamp::MAX)
}

/// What is written to whoever asked for an archive, if they want to be written to: that it is there,
/// with so many records and bytes, or why it is not.
pub(super) fn letter(
    row: &BundleRow,
    made: Result<(u64, u64, Timestamp), &str>,
) -> Result<Option<OwedMessage>, BinderError> {
    let request = records_request(row)?;
    let Some(to) = request.letter_to else { return Ok(None) };
    let (from, until) = (request.filter.from, request.filter.to);
    let content = match made {
        Ok((records, bytes, expires)) => {
            let asset = row.asset_id;
            Subject::ArchiveReady { asset, records, bytes, from, to: until, expires }
        }
        Err(reason) => Subject::ArchiveFailed { from, to: until, reason: reason.to_owned() },
    };
    let letter = Letter { to, language: request.language, content };
    let body = serde_json::to_string(&letter);
    let body = body.map_err(|error| BinderError::Never(error.to_string()))?;
    Ok(Some(OwedMessage { target: ARCHIVE_LETTER.to_owned(), body }))
}
