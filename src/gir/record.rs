//! Builds the insertion record from the document and from what the pipeline measured.

use jiff::SignedDuration;
use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};

use super::{GirError, GirSettings, MediaIdPolicy};
use crate::asset::{
    MaskEntry, MediaType, Outcome, RecordingDocument, Rules, Ruling, Stretch, WireTime, gir_format,
};
use crate::catalog::RecordingRow;

/// What a record is made of.
#[derive(Debug)]
pub struct RecordParts<'p> {
    /// The recording's row.
    pub recording: &'p RecordingRow,
    /// The outcome of each media file, in document order; `None` for one of which nothing was kept,
    /// which the record leaves out.
    pub outcomes: &'p [Option<Outcome>],
    /// The zone in which zoneless dates are read.
    pub zone: Option<&'p TimeZone>,
    /// `[gir]`.
    pub settings: &'p GirSettings,
}

/// Builds the record. Dates are written as RWS writes them, masks keep their original times (R13)
/// and are followed by those of the ledger, credentials in `parameters` (`rp.*`) are left out (R18).
///
/// # Errors
/// [`GirError`].
pub fn build(parts: &RecordParts<'_>) -> Result<Value, GirError> {
    let recording = parts.recording;
    let fault = |detail: &str| GirError::Document {
        recording: recording.id.to_string(),
        detail: detail.to_owned(),
    };
    let text = recording.document.to_string();
    let document = RecordingDocument::parse(text.as_bytes(), Rules::Ingest)
        .map_err(|faults| fault(&faults.first().map_or(String::new(), |f| f.message.clone())))?;
    check_region(parts)?;
    let mut record = recording.completed();
    let map = record.as_object_mut().ok_or_else(|| fault("not an object"))?;
    map.shift_remove("reelgate");
    if document.media.len() != parts.outcomes.len() {
        return Err(fault("an outcome is missing"));
    }
    let files = map.get_mut("mediaFiles").and_then(Value::as_array_mut);
    let files = files.ok_or_else(|| fault("mediaFiles is missing"))?;
    for (file, outcome) in files.iter_mut().zip(parts.outcomes) {
        let file = file.as_object_mut().ok_or_else(|| fault("a media file is not an object"))?;
        if let Some(outcome) = outcome {
            media_file(file, outcome, parts);
        }
    }
    let mut kept = parts.outcomes.iter().map(Option::is_some);
    files.retain(|_| kept.next().unwrap_or(true));
    if files.is_empty() {
        return Err(fault("nothing of it was kept"));
    }
    if let Some(events) = map.get_mut("eventHistory").and_then(Value::as_array_mut) {
        events.iter_mut().for_each(|event| history(event, parts.zone));
    }
    Ok(record)
}

fn check_region(parts: &RecordParts<'_>) -> Result<(), GirError> {
    let region = parts.recording.document.get("region").and_then(Value::as_str);
    let region = region.unwrap_or_default();
    let known = &parts.settings.regions;
    if known.is_empty() || known.iter().any(|known| known == region) {
        return Ok(());
    }
    let recording = parts.recording.id.to_string();
    Err(GirError::Region { recording, region: region.to_owned() })
}

fn media_file(file: &mut Map<String, Value>, outcome: &Outcome, parts: &RecordParts<'_>) {
    masks(file, outcome, parts);
    for name in ["startTime", "stopTime"] {
        dated(file, name, parts.zone);
    }
    let media_type = MediaType::from_mime(&outcome.media_type);
    file.insert("type".to_owned(), media_type.map_or("audio/mp3", MediaType::mime).into());
    file.insert("duration".to_owned(), outcome.duration_ms.to_string().into());
    file.insert("size".to_owned(), outcome.stored.bytes.to_string().into());
    parameters(file);
    let descriptor = json!({ "storage": "webDAV", "path": outcome.stored.url });
    file.insert("mediaDescriptor".to_owned(), descriptor);
    if let Some(pkcs7) = &outcome.seal.pkcs7 {
        file.insert("pkcs7".to_owned(), pkcs7.clone().into());
        file.insert("certAlias".to_owned(), outcome.seal.cert_alias.clone().into());
        if parts.settings.media_id == MediaIdPolicy::AppendBin
            && let Some(Value::String(id)) = file.get_mut("mediaId")
        {
            id.push_str(".bin");
        }
    }
}

/// `parameters.id` and `callUuid` follow `callUUID` (R17); credentials go (R18).
fn parameters(file: &mut Map<String, Value>) {
    let call = file.get("callUUID").cloned().unwrap_or_default();
    let entry = file.entry("parameters").or_insert_with(|| json!({}));
    let Some(parameters) = entry.as_object_mut() else { return };
    parameters.retain(|name, _| !name.to_ascii_lowercase().starts_with("rp."));
    for name in ["id", "callUuid"] {
        parameters.entry(name).or_insert_with(|| call.clone());
    }
}

/// The masks of the document, those that came later, and what the ledger silences in the file.
fn masks(file: &mut Map<String, Value>, outcome: &Outcome, parts: &RecordParts<'_>) {
    let late = &parts.recording.late_masks;
    let given = file
        .get("masks")
        .and_then(|masks| serde_json::from_value::<Vec<MaskEntry>>(masks.clone()).ok());
    let mut all = given.unwrap_or_default();
    all.extend(late.iter().cloned());
    all.extend(ledger_masks(file, outcome, parts));
    if all.is_empty() {
        return;
    }
    for mask in &mut all {
        // A time without a zone is never passed on: nobody knows how RWS would read it.
        if let Ok(local @ WireTime::Local(_)) = WireTime::parse(&mask.time)
            && let Ok(instant) = local.resolve(parts.zone)
        {
            mask.time = gir_format(instant);
        }
    }
    file.insert("masks".to_owned(), json!(all));
}

/// What the ledger silences between the first and the last sample, as pauses: a listener must know
/// of it whatever the reason. From where the file ends because the rest was not kept, there is
/// nothing to tell.
fn ledger_masks(
    file: &Map<String, Value>,
    outcome: &Outcome,
    parts: &RecordParts<'_>,
) -> Vec<MaskEntry> {
    let time = |name: &str| {
        let text = file.get(name).and_then(Value::as_str)?;
        WireTime::parse(text).ok()?.resolve(parts.zone).ok()
    };
    let Some(start) = time("startTime") else { return Vec::new() };
    let cut = outcome.certificate.get("cut");
    let is_cut = cut.is_some_and(|cut| cut.get("ending").is_some_and(|how| how == "ended"));
    // A last coded unit may play a little past the instant at which the file was cut.
    let cut_at = cut.filter(|_| is_cut).and_then(|cut| cut.get("atMs")?.as_u64());
    let millis = outcome.duration_ms.min(cut_at.unwrap_or(u64::MAX));
    let millis = i64::try_from(millis).unwrap_or(i64::MAX);
    let played = start.checked_add(SignedDuration::from_millis(millis)).unwrap_or(start);
    let end = match time("stopTime") {
        Some(stop) if !is_cut => stop.max(played),
        _ => played,
    };
    let mut masks = Vec::new();
    for stretch in Stretch::joined(&Ruling::stretches(&parts.recording.rulings)) {
        if stretch.from >= end || stretch.to.is_some_and(|to| to <= start) {
            continue;
        }
        let mut add = |at, kind: &str| {
            masks.push(MaskEntry { time: gir_format(at), kind: kind.to_owned() });
        };
        add(stretch.from, "paused");
        if let Some(to) = stretch.to {
            add(to, "resume");
        }
    }
    masks
}

fn history(event: &mut Value, zone: Option<&TimeZone>) {
    let Some(event) = event.as_object_mut() else { return };
    dated(event, "occurredAt", zone);
    let Some(contact) = event.get_mut("contact").and_then(Value::as_object_mut) else { return };
    if contact.get("type").and_then(Value::as_str) == Some("User") {
        for name in ["firstName", "lastName"] {
            contact.entry(name).or_insert_with(|| Value::String(String::new()));
        }
    }
}

/// Rewrites a date as RWS writes it; one that cannot be read stays as it is.
fn dated(map: &mut Map<String, Value>, name: &str, zone: Option<&TimeZone>) {
    let Some(Value::String(text)) = map.get_mut(name) else { return };
    if let Some(instant) = WireTime::parse(text).ok().and_then(|time| time.resolve(zone).ok()) {
        *text = gir_format(instant);
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::asset::{Digest, RecordingId, SealFacts, StoredObject, TenantId};

    fn outcome() -> Outcome {
        Outcome {
            media_type: "audio/mp3".to_owned(),
            duration_ms: 120_024,
            bytes: 480_096,
            sha256: Digest::of(b""),
            spans: Vec::new(),
            certificate: Value::Null,
            file_name: "x.mp3".to_owned(),
            stored: StoredObject {
                key: "k".to_owned(),
                url: "https://dav.example/recordings/a.mp3.bin".to_owned(),
                bytes: 480_112,
                sha256: Digest::of(b""),
                segment_bytes: 1 << 20,
                attempt: "1".to_owned(),
            },
            seal: SealFacts {
                mode: "gir".to_owned(),
                cipher: Some("aes-256-cbc".to_owned()),
                pkcs7: Some("-----BEGIN PKCS7-----\n".to_owned()),
                cert_alias: vec!["rcs_Environment:1:C=US,CN=x:10".to_owned()],
                playback_envelope: None,
                playback: false,
            },
        }
    }

    #[test]
    fn measured_values_original_masks_and_no_credentials() {
        let recording = RecordingRow {
            tenant: TenantId::default_tenant(),
            id: RecordingId::parse("call").unwrap(),
            document: json!({
                "id": "call", "callerPhoneNumber": "1", "dialedPhoneNumber": "2",
                "region": "north", "reelgate": {"masksComplete": false}, "custom": 7,
                "mediaFiles": [{
                    "callUUID": "u1", "mediaId": "m.mp3", "type": "audio/mpeg",
                    "startTime": "2021-03-04T04:15:00-0500", "stopTime": "2021-03-04T09:17:00Z",
                    "parameters": {"username": "a", "rp.speechminer_auth": "user:secret"},
                    "masks": [{"time": "2021-03-04T09:15:40.000Z", "type": "paused"}]
                }]
            }),
            interaction: None,
            rulings: Vec::new(),
            ended: None,
            masks_complete: true,
            late_masks: vec![MaskEntry {
                time: "2021-03-04T09:15:58.500Z".to_owned(),
                kind: "resume".to_owned(),
            }],
        };
        let settings = GirSettings { media_id: MediaIdPolicy::AppendBin, ..GirSettings::default() };
        let parts = RecordParts {
            recording: &recording,
            outcomes: &[Some(outcome())],
            zone: None,
            settings: &settings,
        };
        let record = build(&parts).unwrap();
        let file = &record["mediaFiles"][0];
        assert_eq!(file["startTime"], "2021-03-04T09:15:00.000+0000");
        assert_eq!((&file["duration"], &file["size"]), (&json!("120024"), &json!("480112")));
        assert_eq!(file["type"], "audio/mp3");
        assert_eq!(file["mediaId"], "m.mp3.bin");
        let parameters = json!({"username": "a", "id": "u1", "callUuid": "u1"});
        assert_eq!(file["parameters"], parameters);
        assert_eq!(file["masks"][0]["time"], "2021-03-04T09:15:40.000Z");
        assert_eq!(file["masks"][1]["type"], "resume");
        assert_eq!(record["custom"], 7);
        assert!(record.get("reelgate").is_none());

        let settings = GirSettings { regions: vec!["south".to_owned()], ..GirSettings::default() };
        let parts = RecordParts { settings: &settings, ..parts };
        assert!(matches!(build(&parts), Err(GirError::Region { .. })));
    }

    #[test]
    fn the_ledger_is_told_as_pauses_and_what_was_not_kept_is_left_out() {
        use crate::asset::RulingKind::{Drop, Keep, Mask, Unmask};

        let ruling = |seconds: i64, kind| Ruling {
            at: "2021-03-04T09:15:00Z".parse::<Timestamp>().unwrap()
                + SignedDuration::from_secs(seconds),
            kind,
        };
        let media = |id: &str| {
            json!({
                "callUUID": "u1", "mediaId": id, "startTime": "2021-03-04T09:15:00Z",
                "parameters": {}
            })
        };
        let recording = RecordingRow {
            tenant: TenantId::default_tenant(),
            id: RecordingId::parse("call").unwrap(),
            document: json!({
                "id": "call", "callerPhoneNumber": "1", "dialedPhoneNumber": "2",
                "region": "north", "reelgate": {"interactionId": "i"},
                "mediaFiles": [media("a.mp3"), media("b.mp3")]
            }),
            interaction: crate::asset::InteractionId::parse("i").ok(),
            rulings: vec![
                ruling(10, Mask),
                ruling(15, Drop),
                ruling(20, Unmask),
                ruling(30, Keep),
                ruling(130, Drop),
            ],
            ended: "2021-03-04T09:18:00Z".parse().ok(),
            masks_complete: true,
            late_masks: Vec::new(),
        };
        let record = |outcomes: &[Option<Outcome>]| {
            let settings = GirSettings::default();
            let parts =
                RecordParts { recording: &recording, outcomes, zone: None, settings: &settings };
            build(&parts)
        };
        let silenced = record(&[None, Some(outcome())]).unwrap();
        assert_eq!(silenced["mediaFiles"].as_array().unwrap().len(), 1);
        let file = &silenced["mediaFiles"][0];
        assert_eq!(file["mediaId"], "b.mp3");
        assert_eq!(file["stopTime"], "2021-03-04T09:18:00.000+0000");
        let time = |mask: usize| file["masks"][mask]["time"].as_str().unwrap();
        assert_eq!(
            (time(0), time(1)),
            ("2021-03-04T09:15:10.000+0000", "2021-03-04T09:15:30.000+0000")
        );
        assert_eq!(file["masks"].as_array().unwrap().len(), 3);
        // The file ends with what was kept of it: there is nothing to tell of the rest.
        let cut = json!({"cut": {"ending": "ended", "atMs": 130_000}});
        let long = outcome().duration_ms.max(130_015);
        let cut = Outcome { certificate: cut, duration_ms: long, ..outcome() };
        let record_of_cut = record(&[Some(cut), None]).unwrap();
        assert_eq!(record_of_cut["mediaFiles"][0]["masks"].as_array().unwrap().len(), 2);
        assert!(record(&[None, None]).is_err());
    }
}
