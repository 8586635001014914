//! CSRF sessions: a GET gives a cookie, the name of a header, and a token to send in it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::Json;
use axum::extract::State as Shared;
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::{COOKIE, ORIGIN, SET_COOKIE};
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};
use subtle::ConstantTimeEq as _;

use super::problem::Problem;
use crate::gir::CsrfMode;
use crate::http::{State, auth};
use crate::identity::Permission;

/// The header that clients are told to send.
const TOKEN_HEADER: HeaderName = HeaderName::from_static("x-csrf-token");
const COOKIE_NAME: &str = "JSESSIONID";
/// How long a session lives after its last use.
const SESSION_LIFE: Duration = Duration::from_secs(30 * 60);
/// Most sessions kept.
const MAX_SESSIONS: usize = 10_000;

/// The open sessions of this process: cookie to token.
#[derive(Clone, Default)]
pub struct Sessions(Arc<Mutex<HashMap<String, (Instant, String)>>>);

impl std::fmt::Debug for Sessions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sessions")
    }
}

impl Sessions {
    /// Opens a session: its cookie and its token.
    fn open(&self) -> Option<(String, String)> {
        let (cookie, token) = (random_text()?, random_text()?);
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if open.len() >= MAX_SESSIONS {
            open.retain(|_, (at, _)| at.elapsed() < SESSION_LIFE);
        }
        if open.len() >= MAX_SESSIONS {
            return None;
        }
        open.insert(cookie.clone(), (Instant::now(), token.clone()));
        Some((cookie, token))
    }

    fn holds(&self, cookie: &str, token: &str) -> bool {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((at, expected)) = open.get_mut(cookie) else { return false };
        if at.elapsed() >= SESSION_LIFE {
            open.remove(cookie);
            return false;
        }
        *at = Instant::now();
        expected.as_bytes().ct_eq(token.as_bytes()).into()
    }

    /// Holds a changing request to the CSRF rule of `mode`.
    pub(super) fn check(&self, mode: CsrfMode, headers: &HeaderMap) -> Result<(), Problem> {
        let cookie = session_cookie(headers);
        let browser = cookie.is_some()
            || headers.contains_key(ORIGIN)
            || headers.contains_key("sec-fetch-site");
        let needed = match mode {
            CsrfMode::Required => true,
            CsrfMode::Auto => browser,
            CsrfMode::Off => false,
        };
        let token = headers.get(TOKEN_HEADER).and_then(|token| token.to_str().ok());
        let good = cookie.zip(token).is_some_and(|(cookie, token)| self.holds(cookie, token));
        if !needed || good { Ok(()) } else { Err(Problem::Csrf) }
    }
}

fn random_text() -> Option<String> {
    let mut bytes = [0_u8; 24];
    aws_lc_rs::rand::fill(&mut bytes).ok()?;
    Some(URL_SAFE_NO_PAD.encode(bytes))
}

fn session_cookie(headers: &HeaderMap) -> Option<&str> {
    headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok()).find_map(|text| {
        text.split(';').find_map(|pair| pair.trim().strip_prefix(COOKIE_NAME)?.strip_prefix('='))
    })
}

/// An answer that opens a session, unless CSRF protection is off.
fn with_session(state: &State, body: Value) -> Response {
    let mut response = Json(body).into_response();
    if state.gir.csrf == CsrfMode::Off {
        return response;
    }
    let Some((cookie, token)) = state.sessions.open() else { return response };
    let cookie = format!("{COOKIE_NAME}={cookie}; Path=/; HttpOnly; SameSite=Strict");
    let headers = response.headers_mut();
    if let (Ok(cookie), Ok(token)) = (HeaderValue::try_from(cookie), HeaderValue::try_from(token)) {
        headers.insert(SET_COOKIE, cookie);
        headers.insert("x-csrf-header", HeaderValue::from_static("X-CSRF-TOKEN"));
        headers.insert(TOKEN_HEADER, token);
    }
    response
}

/// `GET /api/v2/ops/contact-centers`: the contact centres, and a session.
pub(super) async fn contact_centers(
    Shared(state): Shared<State>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    auth::require(&state.identity, &headers, Permission::RecordsInsert).await?;
    let mut known = state.gir.contact_centers.clone();
    if known.is_empty() {
        known.push(state.gir.contact_center.clone());
    }
    let base = &state.public_url;
    let uris: Vec<String> =
        known.iter().map(|id| format!("{base}/api/v2/ops/contact-centers/{id}")).collect();
    Ok(with_session(&state, json!({ "statusCode": 0, "uris": uris })))
}

/// `GET /api/v2/me`: who is signed in, and a session.
pub(super) async fn me(
    Shared(state): Shared<State>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let principal = auth::require(&state.identity, &headers, Permission::RecordsInsert).await?;
    let user = json!({ "userName": principal.name });
    Ok(with_session(&state, json!({ "statusCode": 0, "user": user })))
}

/// `GET /api/v2/diagnostics/version`: the version, and a session.
pub(super) async fn version(
    Shared(state): Shared<State>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    auth::require(&state.identity, &headers, Permission::RecordsInsert).await?;
    let version = env!("CARGO_PKG_VERSION");
    Ok(with_session(&state, json!({ "statusCode": 0, "version": version })))
}
