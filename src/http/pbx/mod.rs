//! The call-record interface of a virtual PBX (seed `004_…txt`; the PBX contract, section 5): OAuth 2.0,
//! `/api/ver1.0/`, permanent links, archives. Existing clients come by changing the host alone, so slashes
//! may be doubled or missing, and no redirect is ever sent.

mod archive;
mod caller;
mod deletion;
mod file;
mod hold;
mod list;
mod path;
mod problem;
mod query;
mod storage;
mod token;
mod user;
mod wave;

use std::net::IpAddr;

use axum::Router;
use axum::extract::{Request, State as Shared};
use axum::response::{IntoResponse as _, Response};
use axum::routing::any;
use http::header::CACHE_CONTROL;
use http::request::Parts;
use http::{HeaderValue, Method};
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::Predicate;

use caller::{Caller, authenticate, put_allowance};
use path::{Owner, Resource};
use problem::{Challenge, Problem};
use query::Query;

use super::State;
use super::peer;
use crate::identity::{Allowance, Permission};

/// JSON is compressed, sound never.
#[derive(Debug, Clone, Copy)]
struct OnlyJson;

impl Predicate for OnlyJson {
    fn should_compress<B: http_body::Body>(&self, response: &http::Response<B>) -> bool {
        let kind = response.headers().get(http::header::CONTENT_TYPE);
        kind.is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"))
    }
}

pub(super) fn routes() -> Router<State> {
    Router::new()
        .route("/api/ver1.0/{*rest}", any(serve))
        .route("/oauth/{*rest}", any(serve))
        .route("/s/{*rest}", any(serve))
        .route("/archive/{*rest}", any(serve))
        .layer(CompressionLayer::new().no_br().no_deflate().no_zstd().compress_when(OnlyJson))
}

/// Whether a path is of this dialect, however its slashes are.
pub(super) fn owns(path: &str) -> bool {
    let Ok(steps) = path::steps(path) else { return false };
    let steps: Vec<&str> = steps.iter().map(String::as_str).collect();
    matches!(steps.as_slice(), ["api", "ver1.0", ..] | ["oauth", ..] | ["s" | "archive", ..])
}

/// Any request of this dialect.
pub(super) async fn serve(Shared(state): Shared<State>, request: Request) -> Response {
    let address = peer::address(request.extensions(), request.headers(), state.behind_proxy);
    let mut response = route(&state, request, address).await.unwrap_or_else(Problem::into_response);
    let headers = response.headers_mut();
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("private, no-store"));
    if !headers.contains_key("x-ratelimit-limit") {
        put_allowance(headers, state.pbx_limit.untouched());
    }
    response
}

async fn route(state: &State, request: Request, address: IpAddr) -> Result<Response, Problem> {
    let steps = path::steps(request.uri().path())?;
    let steps: Vec<&str> = steps.iter().map(String::as_str).collect();
    match steps.as_slice() {
        ["oauth", "token"] if *request.method() == Method::POST => {
            Ok(token::token(state, request, address).await)
        }
        ["oauth", "token"] => Err(Problem::method("POST")),
        ["s" | "archive", _, ..] if !is_reading(request.method()) => {
            Err(Problem::method("GET, HEAD"))
        }
        ["s", token, ..] => {
            file::follow(state, token, address, (request.method(), request.headers())).await
        }
        ["archive", token] => {
            archive::follow(state, token, address, (request.method(), request.headers())).await
        }
        ["api", "ver1.0", rest @ ..] => api(state, request, (address, rest)).await,
        _ => Err(Problem::not_found()),
    }
}

async fn api(
    state: &State,
    request: Request,
    (address, steps): (IpAddr, &[&str]),
) -> Result<Response, Problem> {
    let resource = Resource::parse(steps);
    let challenge = match resource {
        Some(Resource::Record(..) | Resource::Download(..)) if is_reading(request.method()) => {
            Challenge::Basic
        }
        _ => Challenge::Bearer,
    };
    let query = Query::read(request.uri().query().unwrap_or_default())?;
    let known = authenticate(state, request.headers(), &query, (address, challenge)).await;
    let principal = known.map_err(|problem| match resource {
        // Only a browser that wants to download shows a window.
        Some(Resource::Record(..)) => problem.challenged(Challenge::Bearer),
        _ => problem,
    })?;
    let name = principal.application.as_ref().map_or(&principal.name, |known| &known.name);
    let allowance = state.pbx_limit.count(name, state.clock.now());
    let answered = if allowance.exceeded {
        Err(Problem::too_many("too many requests in this hour", allowance.reset_s))
    } else {
        match (Caller::admit(state, principal, address), resource) {
            (Err(problem), _) => Err(problem),
            (Ok(_), None) => Err(Problem::not_found()),
            (Ok(caller), Some(resource)) => act(state, &caller, resource, (request, &query)).await,
        }
    };
    Ok(limited(answered, allowance))
}

fn is_reading(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

fn limited(answered: Result<Response, Problem>, allowance: Allowance) -> Response {
    let mut response = answered.unwrap_or_else(Problem::into_response);
    put_allowance(response.headers_mut(), allowance);
    response
}

/// What a caller asks of a resource.
async fn act(
    state: &State,
    caller: &Caller,
    resource: Resource,
    (request, query): (Request, &Query),
) -> Result<Response, Problem> {
    let (Parts { method, headers, .. }, body) = request.into_parts();
    let reading = is_reading(&method);
    if resource == Resource::User {
        return if reading { Ok(user::shown(caller)) } else { Err(Problem::method("GET, HEAD")) };
    }
    caller.may(Permission::RecordsRead)?;
    let scope = caller.scope(state, resource.owner().ok_or_else(Problem::not_found)?).await?;
    match resource {
        Resource::Records(_) if method == Method::DELETE => {
            deletion::interval(state, caller, scope, query).await
        }
        Resource::Records(_) if reading => {
            list::records(state, caller, scope, query, &headers).await
        }
        Resource::Records(_) => Err(Problem::method("GET, HEAD, DELETE")),
        Resource::Record(_, uuid) if method == Method::DELETE => {
            deletion::one(state, caller, scope, &uuid).await
        }
        Resource::Record(_, uuid) if reading => {
            file::download(state, caller, scope, &uuid, (&method, &headers)).await
        }
        Resource::Record(..) => Err(Problem::method("GET, HEAD, DELETE")),
        Resource::StorageUrl(_, uuid) => {
            storage::serve(state, caller, (scope, &uuid), (&method, query)).await
        }
        Resource::Hold(_, uuid) => {
            hold::serve(state, caller, (scope, &uuid), (&method, body)).await
        }
        Resource::Archives(_) if method == Method::POST => {
            archive::create(state, caller, scope, (&headers, body)).await
        }
        Resource::Archives(_) => Err(Problem::method("POST")),
        _ if !reading => Err(Problem::method("GET, HEAD")),
        Resource::Archive(_, id) => archive::progress(state, caller, scope, &id).await,
        Resource::Download(_, uuid) => {
            file::download(state, caller, scope, &uuid, (&method, &headers)).await
        }
        Resource::Stats(_) => list::stats(state, caller, scope, query).await,
        Resource::Months(Owner::Client(_)) => list::months(state, caller, query).await,
        Resource::Call(_, call) => list::call(state, caller, scope, &call).await,
        Resource::Months(_) | Resource::User => Err(Problem::not_found()),
    }
}
