//! The rules, one function for each level of the document.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::contact;
use super::own::{self, OwnMembers};
use super::{FieldFault, MAX_EVENTS, MAX_MEDIA_FILES, MaskEntry, MediaEntry, RecordingDocument};
use super::{MediaId, MediaType, RecordingId, Rules, WireTime};

const KNOWN: &[&str] = &[
    "id",
    "callerPhoneNumber",
    "dialedPhoneNumber",
    "region",
    "mediaFiles",
    "eventHistory",
    "callType",
    "reelgate",
];
const KNOWN_MEDIA: &[&str] = &[
    "callUUID",
    "startTime",
    "stopTime",
    "mediaId",
    "type",
    "duration",
    "size",
    "tenant",
    "ivrprofile",
    "parameters",
    "masks",
    "pkcs7",
    "certAlias",
    "partitions",
    "accessgroups",
    "mediaDescriptor",
];
const CALL_TYPES: &[&str] = &["Internal", "Inbound", "Outbound", "Consult", "Unknown"];

#[derive(Default)]
pub(super) struct Findings {
    faults: Vec<FieldFault>,
    warnings: Vec<String>,
}

impl Findings {
    pub(super) fn fault(&mut self, field: impl Into<String>, message: impl Into<String>) {
        self.faults.push(FieldFault { field: field.into(), message: message.into() });
    }

    /// A text that must be there and not be empty.
    fn text<'v>(&mut self, map: &'v Map<String, Value>, path: &str, name: &str) -> Option<&'v str> {
        match map.get(name) {
            Some(Value::String(text)) if !text.trim().is_empty() => Some(text),
            Some(Value::Null) | None => {
                self.fault(join(path, name), "is missing");
                None
            }
            Some(_) => {
                self.fault(join(path, name), "must be a text that is not empty");
                None
            }
        }
    }

    /// A member of `reelgate` read into a type, if it is there and fits; a fault names the place inside.
    pub(super) fn typed<T: DeserializeOwned>(
        &mut self,
        map: &Map<String, Value>,
        name: &str,
    ) -> Option<T> {
        let given = map.get(name).filter(|given| !given.is_null())?;
        match serde_path_to_error::deserialize(given) {
            Ok(value) => Some(value),
            Err(error) => {
                let inside = error.path().to_string();
                let dot = if inside == "." || inside.starts_with('[') { "" } else { "." };
                let inside = if inside == "." { String::new() } else { inside };
                self.fault(
                    format!("reelgate.{name}{dot}{inside}"),
                    format!("is not usable: {}", error.inner()),
                );
                None
            }
        }
    }

    fn unknown(&mut self, map: &Map<String, Value>, path: &str, known: &[&str]) {
        for name in map.keys().filter(|name| !known.contains(&name.as_str())) {
            self.warnings
                .push(format!("{} is not known here; kept and passed on", join(path, name)));
        }
    }
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

pub(super) fn document(value: Value, rules: Rules) -> Result<RecordingDocument, Vec<FieldFault>> {
    let mut out = Findings::default();
    let Some(map) = value.as_object() else {
        out.fault("$", "must be a JSON object");
        return Err(out.faults);
    };
    out.unknown(map, "", KNOWN);
    let id = out.text(map, "", "id").and_then(|text| match RecordingId::parse(text) {
        Ok(id) => Some(id),
        Err(error) => {
            out.fault("id", error.to_string());
            None
        }
    });
    for name in ["callerPhoneNumber", "dialedPhoneNumber", "region"] {
        out.text(map, "", name);
    }
    match map.get("callType") {
        None | Some(Value::Null) => {}
        Some(Value::String(text)) if CALL_TYPES.contains(&text.as_str()) => {}
        Some(_) => out.fault("callType", format!("must be one of {}", CALL_TYPES.join(", "))),
    }
    let own = own::read(map.get("reelgate"), &mut out);
    let none = Map::new();
    let own_map = map.get("reelgate").and_then(Value::as_object).unwrap_or(&none);
    let conversation = contact::read(own_map, &mut out);
    let media = media_files(map.get("mediaFiles"), &own, rules, &mut out);
    events(map.get("eventHistory"), &mut out);
    match id {
        Some(id) if out.faults.is_empty() => {
            let (masks_complete, interaction) = (own.masks_complete, own.interaction);
            let warnings = out.warnings;
            Ok(RecordingDocument {
                id,
                media,
                masks_complete,
                interaction,
                conversation,
                value,
                warnings,
            })
        }
        _ => Err(out.faults),
    }
}

fn media_files(
    files: Option<&Value>,
    own: &OwnMembers,
    rules: Rules,
    out: &mut Findings,
) -> Vec<MediaEntry> {
    let Some(files) = files.and_then(Value::as_array).filter(|files| !files.is_empty()) else {
        out.fault("mediaFiles", "must be an array of at least one media file");
        return Vec::new();
    };
    if files.len() > MAX_MEDIA_FILES {
        out.fault(
            "mediaFiles",
            format!("has {} entries; the limit is {MAX_MEDIA_FILES}", files.len()),
        );
        return Vec::new();
    }
    let mut entries: Vec<MediaEntry> = Vec::with_capacity(files.len());
    for (index, file) in files.iter().enumerate() {
        let path = format!("mediaFiles[{index}]");
        let Some(map) = file.as_object() else {
            out.fault(path, "must be an object");
            continue;
        };
        let Some(entry) = media_file(map, &path, own, rules, out) else { continue };
        if entries.iter().any(|other| other.media_id == entry.media_id) {
            out.fault(format!("{path}.mediaId"), "is used twice in this recording");
        }
        entries.push(entry);
    }
    entries
}

fn media_file(
    map: &Map<String, Value>,
    path: &str,
    own: &OwnMembers,
    rules: Rules,
    out: &mut Findings,
) -> Option<MediaEntry> {
    out.unknown(map, path, KNOWN_MEDIA);
    out.text(map, path, "callUUID");
    let media_id = media_id(map, path, rules, out);
    let media_type = media_type(map.get("type"), path, out);
    let start = time(map, path, "startTime", out);
    // While the call goes on, nobody knows when it ends.
    let open = own.interaction.is_some() && map.get("stopTime").is_none_or(Value::is_null);
    let stop = if open { Some(None) } else { time(map, path, "stopTime", out).map(Some) };
    if let (Some(WireTime::Instant(from)), Some(Some(WireTime::Instant(to)))) = (start, stop)
        && to < from
    {
        out.fault(join(path, "stopTime"), "lies before startTime");
    }
    let masks = masks(map.get("masks"), path, out);
    let duration_ms = number(map, path, "duration", out);
    let size = number(map, path, "size", out);
    for name in ["partitions", "accessgroups"] {
        groups(map.get(name), path, name, out);
    }
    match map.get("parameters") {
        Some(Value::Object(_)) => {}
        None | Some(Value::Null) => {
            out.warnings.push(format!("{path}.parameters is missing; GIR shows less without it"));
        }
        Some(_) => out.fault(join(path, "parameters"), "must be an object"),
    }
    match rules {
        Rules::Ingest => gateway_members(map, path, out),
        Rules::Insertion => descriptor(map.get("mediaDescriptor"), path, out),
    }
    let media_type = media_type?;
    Some(MediaEntry {
        media_id: media_id?,
        media_type,
        kind: own.kind.unwrap_or(media_type.default_kind()),
        source_timeline: own.source_timeline,
        // A picture has no channels: it is masked whole.
        mask_channels: own.mask_channels.clone().filter(|_| media_type.is_sound()),
        start: start?,
        stop: stop?,
        masks,
        size,
        duration_ms,
    })
}

fn media_id(
    map: &Map<String, Value>,
    path: &str,
    rules: Rules,
    out: &mut Findings,
) -> Option<MediaId> {
    if rules == Rules::Insertion && map.get("mediaId").is_none() {
        out.warnings.push(format!("{path}.mediaId is missing; it is mandatory for the solution"));
        return MediaId::parse("missing").ok();
    }
    let text = out.text(map, path, "mediaId")?;
    match MediaId::parse(text) {
        Ok(id) => Some(id),
        Err(error) => {
            out.fault(join(path, "mediaId"), error.to_string());
            None
        }
    }
}

fn media_type(value: Option<&Value>, path: &str, out: &mut Findings) -> Option<MediaType> {
    match value {
        None | Some(Value::Null) => Some(MediaType::Mp3),
        Some(value) => {
            let found = value.as_str().and_then(MediaType::from_mime);
            if found.is_none() {
                out.fault(join(path, "type"), "is not a media type that is taken here");
            }
            found
        }
    }
}

fn time(map: &Map<String, Value>, path: &str, name: &str, out: &mut Findings) -> Option<WireTime> {
    let text = out.text(map, path, name)?;
    match WireTime::parse(text) {
        Ok(time) => Some(time),
        Err(error) => {
            out.fault(join(path, name), error.to_string());
            None
        }
    }
}

/// Mask times stay text: an unreadable one quarantines the asset rather than refusing it (R9).
fn masks(value: Option<&Value>, path: &str, out: &mut Findings) -> Vec<MaskEntry> {
    let field = join(path, "masks");
    let Some(value) = value.filter(|value| !value.is_null()) else { return Vec::new() };
    match serde_json::from_value::<Vec<MaskEntry>>(value.clone()) {
        Ok(list) if list.len() > MAX_EVENTS => {
            out.fault(field, format!("has {} entries; the limit is {MAX_EVENTS}", list.len()));
            Vec::new()
        }
        Ok(list) => {
            for (index, mask) in list.iter().enumerate() {
                if !matches!(mask.kind.as_str(), "paused" | "resume") {
                    out.fault(format!("{field}[{index}].type"), "must be paused or resume");
                }
            }
            list
        }
        Err(_) => {
            out.fault(field, "must be an array of objects with time and type");
            Vec::new()
        }
    }
}

/// `size` and `duration` are texts in GIR; numbers are taken too, seconds with decimals are not.
fn number(map: &Map<String, Value>, path: &str, name: &str, out: &mut Findings) -> Option<u64> {
    let number = match map.get(name)? {
        Value::Null => return None,
        Value::String(text) if text.bytes().all(|b| b.is_ascii_digit()) => text.parse().ok(),
        Value::Number(number) => number.as_u64(),
        _ => None,
    };
    if number.is_none() {
        out.fault(join(path, name), "must be a whole number written in digits");
    }
    number
}

fn groups(value: Option<&Value>, path: &str, name: &str, out: &mut Findings) {
    let Some(value) = value.filter(|value| !value.is_null()) else { return };
    let good = value.as_array().is_some_and(|list| {
        list.iter().all(|item| item.as_str().is_some_and(|text| text.starts_with('/')))
    });
    if !good {
        out.fault(join(path, name), "must be an array of texts that begin with /");
    }
}

fn gateway_members(map: &Map<String, Value>, path: &str, out: &mut Findings) {
    for name in ["mediaDescriptor", "pkcs7", "certAlias"] {
        if map.get(name).is_some_and(|value| !value.is_null()) {
            out.fault(join(path, name), "is decided by the gateway and must not be given");
        }
    }
}

fn descriptor(value: Option<&Value>, path: &str, out: &mut Findings) {
    let path = join(path, "mediaDescriptor");
    let Some(map) = value.and_then(Value::as_object) else {
        out.fault(path, "is missing");
        return;
    };
    if map.get("storage").and_then(Value::as_str) != Some("webDAV") {
        out.fault(format!("{path}.storage"), "must be webDAV");
    }
    out.text(map, &path, "path");
}

fn events(value: Option<&Value>, out: &mut Findings) {
    let Some(value) = value.filter(|value| !value.is_null()) else { return };
    let Some(list) = value.as_array().filter(|list| list.len() <= MAX_EVENTS) else {
        out.fault("eventHistory", format!("must be an array of at most {MAX_EVENTS} events"));
        return;
    };
    for (index, event) in list.iter().enumerate() {
        let path = format!("eventHistory[{index}]");
        let Some(map) = event.as_object() else {
            out.fault(path, "must be an object");
            continue;
        };
        time(map, &path, "occurredAt", out);
        match map.get("event").and_then(Value::as_str) {
            Some("Joined" | "Left") => contact(map.get("contact"), &path, out),
            Some("Data") => {
                out.text(map, &path, "eventId");
                if !map.get("data").is_some_and(Value::is_object) {
                    out.fault(format!("{path}.data"), "must be an object for a Data event");
                }
            }
            _ => out.fault(format!("{path}.event"), "must be Joined, Left or Data"),
        }
    }
}

fn contact(value: Option<&Value>, path: &str, out: &mut Findings) {
    let path = join(path, "contact");
    let Some(map) = value.and_then(Value::as_object) else {
        out.fault(path, "is missing; Joined and Left need it");
        return;
    };
    let user = match map.get("type").and_then(Value::as_str) {
        Some("User") => true,
        Some("External") => false,
        _ => {
            out.fault(format!("{path}.type"), "must be User or External");
            return;
        }
    };
    out.text(map, &path, "phoneNumber");
    if user {
        out.text(map, &path, "userName");
        for name in ["firstName", "lastName"] {
            if map.get(name).and_then(Value::as_str).is_none() {
                out.warnings.push(format!("{path}.{name} is missing; GIR shows the contact by it"));
            }
        }
    }
}
