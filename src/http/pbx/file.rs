//! Files: `record/{record_uuid}/`, its `download/`, and permanent links `/s/{token}/{name}`.

use axum::response::{IntoResponse as _, Response};
use http::header::{
    ACCEPT, ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, CONTENT_DISPOSITION,
    CONTENT_RANGE,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use super::caller::Caller;
use super::problem::Problem;
use crate::asset::{AssetId, MediaType, TenantId};
use crate::catalog::{CallRecordRow, CallScope, MediaRow, MediaState, RETENTION};
use crate::http::State;
use crate::http::media_file::{self, Answer, Given};
use crate::pbx::RecordUuid;
use crate::play::{Disposition, Playable};

const ROBOTS: HeaderName = HeaderName::from_static("x-robots-tag");
/// What scripts in pages of others may read of an answer.
const EXPOSED: &str = "Accept-Ranges, Content-Disposition, Content-Length, Content-Range, ETag";
/// Characters of a token's digest that name its link in the audit trail.
const TAG_CHARS: usize = 12;

/// A record that is there.
pub(super) struct Found {
    pub(super) media: MediaRow,
    pub(super) record: CallRecordRow,
}

impl Found {
    /// The name that the list gives the file.
    pub(super) fn file_name(&self) -> String {
        let shown: Value = serde_json::from_str(&self.record.shown).unwrap_or_default();
        let name = shown.get("file_name").and_then(Value::as_str);
        name.unwrap_or("record").to_owned()
    }
}

/// The record of this name, if the scope has it.
pub(super) async fn find(
    state: &State,
    caller: &Caller,
    scope: CallScope,
    uuid: &str,
) -> Result<Found, Problem> {
    let uuid = RecordUuid::parse(uuid).ok_or_else(Problem::no_record)?;
    let media = state.catalog.asset(uuid.asset).await?;
    let media = media.filter(|media| media.tenant == caller.principal.tenant);
    let media = media.ok_or_else(Problem::no_record)?;
    let record = state.catalog.call_record(&media.tenant, media.asset_id).await?;
    let Some(record) = record else { return Err(missing(&media, scope, uuid)) };
    let inside = match scope {
        CallScope::Client => true,
        CallScope::Group(group) => record.extension_group_id == Some(group),
        CallScope::Extension(id) => record.extension_id == id,
        CallScope::Member(group, id) => {
            record.extension_id == id && record.extension_group_id == Some(group)
        }
    };
    if !inside || record.extension_id != uuid.extension {
        return Err(Problem::no_record());
    }
    Ok(Found { media, record })
}

/// Why a media file is no record: not yet, or not any more.
fn missing(media: &MediaRow, scope: CallScope, uuid: RecordUuid) -> Problem {
    let inside = match scope {
        CallScope::Client => true,
        CallScope::Extension(id) => id == uuid.extension,
        CallScope::Group(_) | CallScope::Member(..) => false,
    };
    match media.state {
        _ if !inside => Problem::no_record(),
        MediaState::Declared
        | MediaState::Receiving
        | MediaState::Spooled
        | MediaState::Committing => {
            Problem::too_early("record_not_ready", "the recording is on its way")
        }
        MediaState::Erased if media.reason.as_deref() == Some(RETENTION) => {
            Problem::gone("the time of this record is over")
        }
        _ => Problem::no_record(),
    }
}

/// A record's file as an attachment. A suffix of the name, or `Accept`, may ask for WAVE instead.
pub(super) async fn download(
    state: &State,
    caller: &Caller,
    scope: CallScope,
    uuid: &str,
    (method, headers): (&Method, &HeaderMap),
) -> Result<Response, Problem> {
    let (uuid, suffix) = match uuid.rsplit_once('.') {
        Some((uuid, suffix)) => (uuid, Some(suffix)),
        None => (uuid, None),
    };
    let found = find(state, caller, scope, uuid).await?;
    let form = match suffix {
        Some(suffix) => Some(Form::of_suffix(suffix)?),
        None => Form::of_accept(headers),
    };
    let file = File::open(state, &found, form, suffix.is_some()).await?;
    let link = format!("api:{}", caller.principal.name);
    let offered = Offered { link, disposition: Disposition::Attachment, address: caller.address };
    file.answer(state, &found.media.tenant, offered, (method, headers))
}

/// A permanent link. No credentials are asked for, and none are looked at.
pub(super) async fn follow(
    state: &State,
    token: &str,
    address: std::net::IpAddr,
    (method, headers): (&Method, &HeaderMap),
) -> Result<Response, Problem> {
    let link = state.links.storage_link(token).await?.ok_or_else(Problem::not_found)?;
    let gone = || Problem::gone("the record behind this link is gone");
    if link.revoked {
        return Err(gone());
    }
    let media = state.catalog.asset(link.asset_id).await?.ok_or_else(gone)?;
    if media.state == MediaState::Erased {
        return Err(gone());
    }
    let record = state.catalog.call_record(&media.tenant, media.asset_id).await?;
    let found = Found { media, record: record.ok_or_else(gone)? };
    let file = File::open(state, &found, None, false).await?;
    let tag = crate::asset::Digest::of(token.as_bytes()).to_string();
    let link = format!("storage:{}", tag.get(..TAG_CHARS).unwrap_or_default());
    let offered = Offered { link, disposition: Disposition::Inline, address };
    let mut response = file.answer(state, &found.media.tenant, offered, (method, headers))?;
    let out = response.headers_mut();
    out.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    out.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED));
    out.insert(ROBOTS, HeaderValue::from_static("noindex"));
    Ok(response)
}

/// In what form a file is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Wave,
    Mp3,
}

impl Form {
    fn of_suffix(suffix: &str) -> Result<Self, Problem> {
        match suffix.to_ascii_lowercase().as_str() {
            "wav" => Ok(Self::Wave),
            "mp3" => Ok(Self::Mp3),
            _ => Err(Problem::no_record()),
        }
    }

    /// The first of the two that is named; clients name all kinds of types that mean nothing here.
    fn of_accept(headers: &HeaderMap) -> Option<Self> {
        let accept = headers.get(ACCEPT)?.to_str().ok()?;
        accept.split(',').find_map(|one| match one.split(';').next().unwrap_or_default().trim() {
            "audio/wav" | "audio/x-wav" | "audio/wave" => Some(Self::Wave),
            "audio/mpeg" | "audio/mp3" => Some(Self::Mp3),
            _ => None,
        })
    }
}

/// To whom a file is given, and how.
struct Offered {
    link: String,
    disposition: Disposition,
    address: std::net::IpAddr,
}

/// A file that can be given out.
struct File {
    asset: AssetId,
    playable: Playable,
    media_type: MediaType,
    name: String,
}

impl File {
    /// The file itself, or made of it without loss what is wanted. `strict` refuses what cannot be
    /// made, instead of giving the file itself.
    async fn open(
        state: &State,
        found: &Found,
        form: Option<Form>,
        strict: bool,
    ) -> Result<Self, Problem> {
        if found.media.state == MediaState::Archived {
            let message = "the record is in the archive; it must be retrieved first";
            return Err(Problem::new(StatusCode::TOO_EARLY, "archived", message));
        }
        let asset = found.media.asset_id;
        let playable = state.player.open(asset).await?;
        let media_type = MediaType::from_mime(&playable.outcome.media_type);
        let media_type = media_type.ok_or_else(|| Problem::internal(&"media type"))?;
        let name = found.file_name();
        let own = match form {
            None => true,
            Some(Form::Mp3) => media_type == MediaType::Mp3,
            Some(Form::Wave) => media_type == MediaType::Wav,
        };
        if own {
            return Ok(Self { asset, playable, media_type, name });
        }
        if form == Some(Form::Wave)
            && let Some(made) = super::wave::made(state, &found.media).await?
        {
            let playable = state.player.open(made).await?;
            let stem = name.rsplit_once('.').map_or(name.as_str(), |(stem, _)| stem);
            let name = format!("{stem}.wav");
            return Ok(Self { asset: made, playable, media_type: MediaType::Wav, name });
        }
        if strict {
            let message = format!("the record is {}; it cannot be given so", media_type.mime());
            return Err(Problem::new(StatusCode::NOT_ACCEPTABLE, "not_acceptable", message));
        }
        Ok(Self { asset, playable, media_type, name })
    }

    fn answer(
        &self,
        state: &State,
        tenant: &TenantId,
        offered: Offered,
        (method, headers): (&Method, &HeaderMap),
    ) -> Result<Response, Problem> {
        let given = Given {
            tenant: tenant.clone(),
            asset: self.asset,
            playable: &self.playable,
            mime: self.media_type.http_mime(),
            link: offered.link,
            address: offered.address,
        };
        match media_file::answer(&state.listening, method, headers, given) {
            Answer::OutOfRange(range) => {
                let code = StatusCode::RANGE_NOT_SATISFIABLE;
                let problem = Problem::new(code, "range", "no byte of the range exists");
                Ok(([(CONTENT_RANGE, range)], problem).into_response())
            }
            Answer::File(mut response) => {
                let disposition = disposition(offered.disposition, &self.name);
                response.headers_mut().insert(CONTENT_DISPOSITION, disposition);
                Ok(response)
            }
        }
    }
}

/// Both spellings of a name (RFC 6266); ours are of letters, digits and `-_.` alone.
fn disposition(disposition: Disposition, name: &str) -> HeaderValue {
    let encoded = utf8_percent_encode(name, NON_ALPHANUMERIC).to_string();
    let encoded = encoded.replace("%2D", "-").replace("%5F", "_").replace("%2E", ".");
    let mode = disposition.name();
    let text = format!("{mode}; filename=\"{name}\"; filename*=UTF-8''{encoded}");
    HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static("attachment"))
}
