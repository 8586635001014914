//! Signed links: `GET` and `HEAD` of one asset (`docs/api.md`).

use axum::extract::State as Shared;
use axum::response::{IntoResponse as _, Response};
use http::header::{ALLOW, CONTENT_DISPOSITION, CONTENT_RANGE};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};

use super::problem::Problem;
use crate::asset::{MediaType, Outcome};
use crate::http::State;
use crate::http::media_file::{self, Answer, Given};
use crate::http::peer::Address;
use crate::play::Disposition;

pub(super) async fn serve(
    Shared(state): Shared<State>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    Address(address): Address,
) -> Result<Response, Problem> {
    let link = uri.path_and_query().map_or("", |link| link.as_str());
    let grant = state.links.keys.verify(link, address, state.clock.now())?;
    if method != Method::GET && method != Method::HEAD {
        let allow = [(ALLOW, "GET, HEAD")];
        return Ok((StatusCode::METHOD_NOT_ALLOWED, allow, Problem::Method).into_response());
    }
    let (tenant, playable) = state.player.follow(&grant).await?;
    let given = Given {
        tenant,
        asset: grant.target.asset,
        playable: &playable,
        mime: mime(&playable.outcome, &state),
        link: grant.tag,
        address,
    };
    match media_file::answer(&state.listening, &method, &headers, given) {
        Answer::OutOfRange(range) => Ok(([(CONTENT_RANGE, range)], Problem::Range).into_response()),
        Answer::File(mut response) => {
            name(&mut response, &playable.outcome, grant.target.disposition);
            Ok(response)
        }
    }
}

/// The type of a file for a listener. A rendition without a picture is called what most players
/// know.
fn mime(outcome: &Outcome, state: &State) -> &'static str {
    match MediaType::from_mime(&outcome.media_type) {
        Some(MediaType::M4a)
            if outcome.file_name.ends_with(".mp4") && !state.links.settings.audio_mp4 =>
        {
            MediaType::Mp4.http_mime()
        }
        Some(media_type) => media_type.http_mime(),
        None => match outcome.media_type.as_str() {
            "application/zip" => "application/zip",
            "text/csv" => "text/csv; charset=utf-8",
            _ => "application/octet-stream",
        },
    }
}

fn name(response: &mut Response, outcome: &Outcome, disposition: Disposition) {
    // Only the plain form: known clients split at the quotes.
    let plain = |c: char| if (' '..='~').contains(&c) && c != '"' && c != '\\' { c } else { '_' };
    let name: String = outcome.file_name.chars().map(plain).collect();
    let text = format!("{}; filename=\"{name}\"", disposition.name());
    if let Ok(value) = HeaderValue::try_from(text) {
        response.headers_mut().insert(CONTENT_DISPOSITION, value);
    }
}
