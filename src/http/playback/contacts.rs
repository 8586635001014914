//! `/media-playback/v1`: contacts, segments and statements.

use std::net::IpAddr;

use axum::Json;
use axum::extract::{OriginalUri, State as Shared};
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, StatusCode, Uri};
use jiff::{SignedDuration, Timestamp};

use super::answer::{Shown, body};
use super::parameters::Wish;
use crate::asset::{ContactId, MediaTime, SegmentId, StatementId, WireTime};
use crate::http::cxone::{Problem, Query};
use crate::http::path::Names;
use crate::http::peer::Address;
use crate::http::{State, auth};
use crate::identity::{Permission, Principal};
use crate::play::{Asked, Disposition, Listener, Offer, PlayError, Standing, Take, Wanted};

/// After how many seconds to ask again for what is on its way.
const RETRY_S: u64 = 2;

/// Somebody who may ask, and what for.
pub(super) struct Caller {
    principal: Principal,
    address: IpAddr,
    wish: Wish,
}

impl Caller {
    /// Whoever calls may play something at least, and did not call too often.
    pub(super) async fn of(
        state: &State,
        headers: &HeaderMap,
        address: IpAddr,
        uri: &Uri,
    ) -> Result<Self, Problem> {
        let permissions = [Permission::Play, Permission::PlayAny];
        let principal = auth::require_any(&state.identity, headers, &permissions).await?;
        Self::admit(state, principal, address, uri)
    }

    /// Somebody who has proved who they are, if they did not call too often.
    pub(super) fn admit(
        state: &State,
        principal: Principal,
        address: IpAddr,
        uri: &Uri,
    ) -> Result<Self, Problem> {
        within_limit(state, &principal, uri)?;
        Ok(Self { principal, address, wish: Wish::at(uri)? })
    }

    /// What they may see of a contact or segment.
    pub(super) async fn takes(
        &self,
        state: &State,
        asked: Asked<'_>,
    ) -> Result<Vec<Take>, Problem> {
        let zone = state.mask.time_zone();
        let tenant = &self.principal.tenant;
        let mut takes = Take::load(&state.catalog, tenant, asked, zone.as_ref()).await?;
        if takes.is_empty() {
            return Err(Problem::not_found("recording"));
        }
        if !self.principal.may(Permission::PlayAny) {
            takes.retain(|take| take.is_of(&self.principal.name));
            if takes.is_empty() {
                return Err(Problem::forbidden(Permission::PlayAny.name()));
            }
        }
        Ok(takes)
    }
}

/// Refuses whoever asked too often.
pub(in crate::http) fn within_limit(
    state: &State,
    principal: &Principal,
    uri: &Uri,
) -> Result<(), Problem> {
    let caller = principal.access_key.as_ref().unwrap_or(&principal.name);
    let caller = format!("{} {caller}", principal.tenant);
    state.play_limit.admit(&caller, state.clock.now()).map_err(|seconds| {
        let message = "too many requests to the media playback API";
        let problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, "THROTTLED", message);
        problem.with("route", uri.path()).retry_after(seconds)
    })
}

impl From<PlayError> for Problem {
    fn from(error: PlayError) -> Self {
        match error {
            PlayError::Catalog(error) => error.into(),
            error => Self::internal(&error),
        }
    }
}

/// `GET …/contacts?acd-call-id=`.
pub(super) async fn by_call(
    Shared(state): Shared<State>,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
    Address(address): Address,
) -> Result<Response, Problem> {
    let caller = Caller::of(&state, &headers, address, &uri).await?;
    let query = Query::of(&uri)?;
    let name = "acd-call-id";
    let id =
        query.value([name, "acdCallId"])?.ok_or_else(|| Problem::parameter(name, "is missing"))?;
    let id = ContactId::parse(id).map_err(|error| Problem::parameter(name, error))?;
    of_all(&state, &caller, Asked::Contact(&id)).await
}

/// `GET …/contacts/{contactId}`: the same by path.
pub(super) async fn by_contact(
    Shared(state): Shared<State>,
    Names(id, _): Names<String, Problem>,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
    Address(address): Address,
) -> Result<Response, Problem> {
    let caller = Caller::of(&state, &headers, address, &uri).await?;
    let id = ContactId::parse(&id).map_err(|error| Problem::parameter("contactId", error))?;
    of_all(&state, &caller, Asked::Contact(&id)).await
}

/// `GET …/segments/{segmentId}`.
pub(super) async fn by_segment(
    Shared(state): Shared<State>,
    Names(id, _): Names<String, Problem>,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
    Address(address): Address,
) -> Result<Response, Problem> {
    let caller = Caller::of(&state, &headers, address, &uri).await?;
    let id = SegmentId::parse(&id).map_err(|error| Problem::parameter("segmentId", error))?;
    of_all(&state, &caller, Asked::Segment(&id)).await
}

/// `GET …/acd-contacts/{acdContactId}/statements/{statementId}`: a part of one segment.
pub(super) async fn by_statement(
    Shared(state): Shared<State>,
    Names((contact, statement), _): Names<(String, String), Problem>,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
    Address(address): Address,
) -> Result<Response, Problem> {
    let caller = Caller::of(&state, &headers, address, &uri).await?;
    let fault = |name: &'static str| move |error| Problem::parameter(name, error);
    let contact = ContactId::parse(&contact).map_err(fault("acdContactId"))?;
    let statement = StatementId::parse(&statement).map_err(fault("statementId"))?;
    let takes = caller.takes(&state, Asked::Contact(&contact)).await?;
    let zone = state.mask.time_zone();
    let named = takes.iter().find_map(|take| {
        let all = &take.document.conversation.names.statements;
        all.iter().find(|known| known.statement_id == statement).map(|known| (take, known))
    });
    let (take, named) = named.ok_or_else(|| Problem::not_found("statement"))?;
    match take.standing() {
        Standing::InProgress => return Ok(Prepared::in_progress()),
        Standing::Held => return Err(held()),
        Standing::Archived => return Err(archived()),
        Standing::Ready | Standing::NoMedia => {}
    }
    let resolve = |time: WireTime| time.resolve(zone.as_ref());
    let (Ok(from), Ok(to)) = (resolve(named.start_time), resolve(named.stop_time)) else {
        let detail = format!("the times of statement {statement} have no zone");
        return Err(PlayError::Row { detail }.into());
    };
    let scene = take.scenes().into_iter().find(|scene| scene.start() < to && from < scene.end());
    let Some((scene, leading)) = scene.and_then(|scene| scene.leading().map(|lead| (scene, lead)))
    else {
        return Err(no_media());
    };
    let after = |at: Timestamp| {
        let micros = at.duration_since(leading.start).max(SignedDuration::ZERO).as_micros();
        MediaTime::from_micros(u64::try_from(micros).unwrap_or(u64::MAX))
    };
    let scene = if caller.wish.media.screen { scene } else { scene.without_screen() };
    let shown = Shown::scene(take, scene, Some((after(from), after(to))));
    answer(&state, &caller, &takes, Some(vec![shown])).await
}

async fn of_all(state: &State, caller: &Caller, asked: Asked<'_>) -> Result<Response, Problem> {
    let takes = caller.takes(state, asked).await?;
    answer(state, caller, &takes, whole(caller, &takes)?).await
}

/// Everything that a caller asked to see; nothing while some of it is on its way. What is in the
/// archive is refused when there is nothing else.
pub(super) fn whole<'t>(
    caller: &Caller,
    takes: &'t [Take],
) -> Result<Option<Vec<Shown<'t>>>, Problem> {
    let any = |standing| takes.iter().any(|take| take.standing() == standing);
    if any(Standing::Held) {
        return Err(held());
    }
    if any(Standing::InProgress) {
        return Ok(None);
    }
    if any(Standing::Archived) && !any(Standing::Ready) {
        return Err(archived());
    }
    Ok(Some(takes.iter().flat_map(|take| Shown::of(take, caller.wish.media)).collect()))
}

async fn answer(
    state: &State,
    caller: &Caller,
    takes: &[Take],
    shown: Option<Vec<Shown<'_>>>,
) -> Result<Response, Problem> {
    let Some(shown) = shown else { return Ok(Prepared::in_progress()) };
    match prepare(state, caller, shown).await? {
        Some(shown) => Prepared { takes, shown }.answer(state, caller).await,
        None => Ok(Prepared::in_progress()),
    }
}

/// Sees to it that what is shown can be played; nothing while a file is being made.
pub(super) async fn prepare<'t>(
    state: &State,
    caller: &Caller,
    mut shown: Vec<Shown<'t>>,
) -> Result<Option<Vec<Shown<'t>>>, Problem> {
    let mut waiting = false;
    for one in &mut shown {
        one.wave = caller.wish.wave;
        let (Some(scene), Some(recipe)) = (one.scene, one.recipe()) else { continue };
        let take = one.take;
        match take.offer(scene, &recipe) {
            Offer::File(asset, outcome) => one.playable = Some((asset, *outcome)),
            Offer::Nothing => {}
            Offer::Coming => waiting = true,
            Offer::Missing => {
                let (tenant, recording) = (&take.recording.tenant, &take.recording.id);
                let recipes = [recipe.to_string()];
                let now = state.clock.now();
                state.catalog.want_renditions(tenant, recording, &recipes, now).await?;
                state.rendition_bell.notify_one();
                waiting = true;
            }
        }
    }
    shown.sort_by_key(|one| (one.playable.is_none() || !one.is_call(), one.start()));
    if !waiting && shown.iter().all(Shown::is_empty) {
        return Err(no_media());
    }
    Ok((!waiting).then_some(shown))
}

/// What can be shown and played now.
pub(super) struct Prepared<'t> {
    pub(super) takes: &'t [Take],
    pub(super) shown: Vec<Shown<'t>>,
}

impl Prepared<'_> {
    /// The answer about what cannot be shown yet.
    pub(super) fn in_progress() -> Response {
        let message = "the recording is being prepared; ask again";
        let problem = Problem::new(StatusCode::ACCEPTED, "IN_PROGRESS", message);
        problem.retry_after(RETRY_S).into_response()
    }

    async fn answer(&self, state: &State, caller: &Caller) -> Result<Response, Problem> {
        let mut wanted = self.wanted(state, Disposition::Inline);
        if caller.wish.download {
            // One more: by which the first of them is saved.
            wanted.extend(self.wanted(state, Disposition::Attachment).into_iter().take(1));
        }
        let links = self.links(state, caller, &wanted).await?;
        let (wish, principal) = (&caller.wish, &caller.principal);
        Ok(Json(body(wish, principal, self.takes, &self.shown, &links)).into_response())
    }

    /// A link to the first file, to be played or, as was asked for, saved.
    pub(super) async fn first_link(
        &self,
        state: &State,
        caller: &Caller,
    ) -> Result<String, Problem> {
        let save = caller.wish.download;
        let disposition = if save { Disposition::Attachment } else { Disposition::Inline };
        let wanted: Vec<Wanted<'_>> = self.wanted(state, disposition).into_iter().take(1).collect();
        let links = self.links(state, caller, &wanted).await?;
        links.into_iter().next().ok_or_else(no_media)
    }

    fn wanted(&self, state: &State, disposition: Disposition) -> Vec<Wanted<'_>> {
        let life_s = state.links.settings.link_life_s;
        let playable = self.shown.iter().filter_map(|one| one.playable.as_ref());
        playable.map(|one| Wanted { asset: one.0, outcome: &one.1, disposition, life_s }).collect()
    }

    async fn links(
        &self,
        state: &State,
        caller: &Caller,
        wanted: &[Wanted<'_>],
    ) -> Result<Vec<String>, Problem> {
        let Some(first) = self.takes.first() else { return Ok(Vec::new()) };
        let (tenant, name) = (&caller.principal.tenant, caller.principal.name.as_str());
        let listener = Listener { tenant, name, address: caller.address };
        let made = state.links.issue(listener, first.names.contact.as_str(), wanted).await?;
        Ok(made.into_iter().map(|link| link.url).collect())
    }
}

/// 425: a move to the archive holds it.
fn held() -> Problem {
    let message = "the recording is being moved to the archive; ask again";
    Problem::new(StatusCode::TOO_EARLY, "HELD", message).retry_after(RETRY_S)
}

fn archived() -> Problem {
    let message = "the recording is in the archive; it must be retrieved before it can be played";
    let problem = Problem::new(StatusCode::NOT_FOUND, "ARCHIVED", message);
    problem.with("retrieval", "POST /archive-retrieval/v1/jobs")
}

fn no_media() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "NO_MEDIA", "there is no media of this kind to be played")
}
