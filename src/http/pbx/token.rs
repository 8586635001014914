//! `POST /oauth/token` (RFC 6749 sections 4.3 and 4.4). Its parameters may stand in the query, in a form
//! or in a multipart body: known clients do each of these.

use std::net::IpAddr;

use axum::body::Body;
use axum::extract::{FromRequest as _, Multipart, Request};
use axum::response::{IntoResponse as _, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, PRAGMA};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde_json::json;
use zeroize::Zeroizing;

use super::list::json_of;
use super::problem::Problem;
use super::query::Query;
use crate::http::{State, auth, body};
use crate::identity::{IdentityError, Login, OauthError, OauthGrant};

/// Longest body, in bytes.
const MAX_BODY_BYTES: usize = 16 * 1024;
/// Most parts of a multipart body.
const MAX_PARTS: usize = 32;

/// An error as OAuth 2.0 names it, and as this interface does.
struct Refusal {
    code: StatusCode,
    error: &'static str,
    description: String,
    retry_after_s: Option<u64>,
}

/// Gives out a token.
pub(super) async fn token(state: &State, request: Request, address: IpAddr) -> Response {
    let allowance = state.token_limit.count(&address.to_string(), state.clock.now());
    let made = if allowance.exceeded {
        let description = "too many requests for tokens".to_owned();
        Err(Refusal {
            code: StatusCode::TOO_MANY_REQUESTS,
            error: "rate_limit_exceeded",
            description,
            retry_after_s: Some(allowance.reset_s),
        })
    } else {
        grant(state, request, address).await
    };
    let mut response = match made {
        Ok(body) => json_of(Body::from(body)),
        Err(refusal) => refusal.into_response(),
    };
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(PRAGMA, HeaderValue::from_static("no-cache"));
    super::caller::put_allowance(headers, allowance);
    response
}

async fn grant(state: &State, request: Request, address: IpAddr) -> Result<String, Refusal> {
    let basic = auth::basic(request.headers());
    let parameters = parameters(request).await?;
    let name = required(&parameters, "grant_type")?;
    let grant = OauthGrant::parse(name).ok_or_else(|| {
        let names = OauthGrant::ALL.map(OauthGrant::name).join(" or ");
        refused("unsupported_grant_type", format!("grant_type must be {names}"))
    })?;
    let secret = |text: &str| Zeroizing::new(text.to_owned());
    let application = match (basic, optional(&parameters, "client_id")?) {
        (Some((name, secret)), None) => Login { name, secret },
        _ => Login {
            name: required(&parameters, "client_id")?.to_owned(),
            secret: secret(required(&parameters, "client_secret")?),
        },
    };
    let user = match grant {
        OauthGrant::ClientCredentials => None,
        OauthGrant::Password => Some(Login {
            name: required(&parameters, "username")?.to_owned(),
            secret: secret(required(&parameters, "password")?),
        }),
    };
    let life_s = state.pipeline.call_records.settings.token_s;
    let token = state.identity.oauth_token(application, user, address, life_s).await?;
    let shown = json!({
        "access_token": *token, "token_type": "Bearer", "expires_in": life_s, "scope": "all",
    });
    Ok(shown.to_string())
}

/// Those of the query, and those of the body behind them.
async fn parameters(request: Request) -> Result<Query, Refusal> {
    let mut all = Query::read(request.uri().query().unwrap_or_default())?;
    if is_multipart(request.headers()) {
        return multipart(request, all).await;
    }
    let read = body::read_small(request.into_body(), MAX_BODY_BYTES).await.map(Zeroizing::new);
    let read = read.map_err(Problem::from)?;
    let text = std::str::from_utf8(&read)
        .map_err(|_| refused("invalid_request", "the body is no text".to_owned()))?;
    all.append(Query::read(text.trim())?);
    Ok(all)
}

fn is_multipart(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    kind.trim_start().to_ascii_lowercase().starts_with("multipart/form-data")
}

async fn multipart(request: Request, mut all: Query) -> Result<Query, Refusal> {
    let bad = || refused("invalid_request", "the multipart body is not readable".to_owned());
    let (parts, body) = request.into_parts();
    let body = Body::new(http_body_util::Limited::new(body, MAX_BODY_BYTES));
    let request = Request::from_parts(parts, body);
    let mut fields = Multipart::from_request(request, &()).await.map_err(|_| bad())?;
    for _ in 0..MAX_PARTS {
        let Some(field) = fields.next_field().await.map_err(|_| bad())? else { return Ok(all) };
        let name = field.name().unwrap_or_default().to_owned();
        let value = field.text().await.map_err(|_| bad())?;
        all.push(name, value);
    }
    Err(bad())
}

fn optional<'q>(query: &'q Query, name: &str) -> Result<Option<&'q str>, Refusal> {
    // A client that says everything twice, in the query and the body, says the same.
    match query.values(name).as_slice() {
        [] => Ok(None),
        [first, rest @ ..] if rest.iter().all(|other| other == first) => Ok(Some(first)),
        _ => Err(refused("invalid_request", format!("{name} is given twice"))),
    }
}

fn required<'q>(query: &'q Query, name: &str) -> Result<&'q str, Refusal> {
    let found = optional(query, name)?.filter(|value| !value.is_empty());
    found.ok_or_else(|| refused("invalid_request", format!("{name} is missing")))
}

fn refused(error: &'static str, description: String) -> Refusal {
    Refusal { code: StatusCode::BAD_REQUEST, error, description, retry_after_s: None }
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        let (code, description) = (problem.code, problem.message().to_owned());
        Self { code, error: "invalid_request", description, retry_after_s: None }
    }
}

impl From<OauthError> for Refusal {
    fn from(error: OauthError) -> Self {
        let description = error.to_string();
        match error {
            OauthError::Client => Self {
                code: StatusCode::UNAUTHORIZED,
                error: "invalid_client",
                description,
                retry_after_s: None,
            },
            OauthError::Unauthorized => refused("unauthorized_client", description),
            OauthError::Grant => refused("invalid_grant", description),
            OauthError::Identity(IdentityError::Throttled { retry_after_s }) => Self {
                code: StatusCode::TOO_MANY_REQUESTS,
                error: "rate_limit_exceeded",
                description,
                retry_after_s: Some(retry_after_s),
            },
            OauthError::Identity(error) => Problem::from(error).into(),
        }
    }
}

impl Refusal {
    fn into_response(self) -> Response {
        let body = json!({
            "error": self.error, "error_description": self.description,
            "code": self.code.as_u16(), "message": self.description, "status": self.error,
        });
        let mut response = (self.code, body.to_string()).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(seconds) = self.retry_after_s {
            headers.insert(http::header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.code == StatusCode::UNAUTHORIZED {
            let basic = HeaderValue::from_static("Basic realm=\"oauth\"");
            headers.insert(http::header::WWW_AUTHENTICATE, basic);
        }
        response
    }
}
