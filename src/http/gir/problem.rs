//! `{"statusCode", "statusMessage"}`: the result codes of Web Services (`docs/gir.md` section 2).

use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_TYPE, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use serde_json::json;

use super::super::auth::Refusal;
use super::super::body::SmallBodyError;
use super::super::path::BadPath;
use crate::asset::FieldFault;
use crate::catalog::CatalogError;

/// A refusal with its result code.
#[derive(Debug)]
pub(super) enum Problem {
    /// 1: a mandatory member is missing.
    Missing(String),
    /// 2: a member is wrong.
    Invalid(String),
    /// 2 with HTTP 415.
    NotJson,
    /// 4: the gateway failed.
    Internal,
    /// 5: no permission.
    Forbidden,
    /// 6: no such contact centre or recording.
    NotFound(&'static str),
    /// 20: not signed in.
    Unauthenticated,
    /// HTTP 403 in plain text, as RWS words it.
    Csrf,
    /// 10: over a limit.
    TooLarge(usize),
}

impl Problem {
    /// The first fault of a document; a missing member has a code of its own.
    pub(super) fn document(faults: &[FieldFault]) -> Self {
        let texts: Vec<String> =
            faults.iter().map(|fault| format!("{} {}", fault.field, fault.message)).collect();
        let text = texts.join("; ");
        if faults.iter().any(|fault| fault.message.starts_with("is missing")) {
            Self::Missing(text)
        } else {
            Self::Invalid(text)
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let (status, code, message) = match self {
            Self::Missing(text) => (StatusCode::BAD_REQUEST, 1, text),
            Self::Invalid(text) => (StatusCode::BAD_REQUEST, 2, text),
            Self::NotJson => {
                let text = "Content-Type must be application/json".to_owned();
                (StatusCode::UNSUPPORTED_MEDIA_TYPE, 2, text)
            }
            Self::Internal => (StatusCode::INTERNAL_SERVER_ERROR, 4, "internal error".to_owned()),
            Self::Forbidden => (StatusCode::FORBIDDEN, 5, "no permission".to_owned()),
            Self::NotFound(what) => (StatusCode::NOT_FOUND, 6, format!("{what} not found")),
            Self::Unauthenticated => (StatusCode::UNAUTHORIZED, 20, "not authenticated".to_owned()),
            Self::TooLarge(limit) => {
                let text = format!("the body is longer than {limit} bytes");
                (StatusCode::PAYLOAD_TOO_LARGE, 10, text)
            }
            Self::Csrf => {
                return (StatusCode::FORBIDDEN, "Missing or invalid Csrf token").into_response();
            }
        };
        let body = json!({ "statusCode": code, "statusMessage": message }).to_string();
        let mut response = (status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"reelgate\""));
        }
        response
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Unauthenticated => Self::Unauthenticated,
            Refusal::Forbidden(_) => Self::Forbidden,
            Refusal::Backend(error) => {
                tracing::error!(error = ?error, "a request failed");
                Self::Internal
            }
        }
    }
}

impl From<CatalogError> for Problem {
    fn from(error: CatalogError) -> Self {
        tracing::error!(error = ?error, "a request failed");
        Self::Internal
    }
}

impl BadPath for Problem {
    fn bad_path() -> Self {
        Self::NotFound("path")
    }
}

impl From<SmallBodyError> for Problem {
    fn from(error: SmallBodyError) -> Self {
        match error {
            SmallBodyError::TooLarge(limit) => Self::TooLarge(limit),
            SmallBodyError::Broken => Self::Invalid("the body broke off".to_owned()),
        }
    }
}
