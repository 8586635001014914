//! `{"internalCode", "message"}`: the error form of the media playback dialect.

use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, StatusCode};
use serde_json::json;

use crate::play::PlayError;

/// Why nothing is played.
#[derive(Debug)]
pub(in crate::http) enum Problem {
    /// Not a link that was signed here.
    Altered,
    /// Its time is over.
    Expired,
    /// It was taken back.
    Revoked,
    /// The asset is not there any more, or not yet.
    NotFound,
    /// Sealed for others only.
    NoKey,
    /// No byte of the range exists.
    Range,
    /// Neither GET nor HEAD.
    Method,
    /// No dialect knows the path.
    UnknownPath,
    /// The store does not answer.
    Store,
    /// The gateway failed.
    Internal,
}

impl From<PlayError> for Problem {
    fn from(error: PlayError) -> Self {
        match error {
            PlayError::Altered => Self::Altered,
            PlayError::Expired => Self::Expired,
            PlayError::Revoked => Self::Revoked,
            PlayError::NotReady => Self::NotFound,
            PlayError::NoKey => Self::NoKey,
            PlayError::Store(_) => {
                tracing::error!(error = ?error, "an asset cannot be read");
                Self::Store
            }
            PlayError::Tampered { .. }
            | PlayError::Row { .. }
            | PlayError::Keys { .. }
            | PlayError::Seal(_)
            | PlayError::Catalog(_) => {
                tracing::error!(error = ?error, "an asset cannot be played");
                Self::Internal
            }
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let (status, code, message) = match self {
            Self::Altered => (StatusCode::FORBIDDEN, "LINK_INVALID", "the link is not valid"),
            Self::Expired => (StatusCode::FORBIDDEN, "LINK_EXPIRED", "the link has expired"),
            Self::Revoked => (StatusCode::FORBIDDEN, "LINK_REVOKED", "the link was taken back"),
            Self::NotFound => (StatusCode::NOT_FOUND, "NOT_FOUND", "the media is not there"),
            Self::NoKey => {
                (StatusCode::CONFLICT, "SEALED", "the media is sealed for its owner only")
            }
            Self::Range => {
                (StatusCode::RANGE_NOT_SATISFIABLE, "RANGE", "no byte of the range exists")
            }
            Self::Method => {
                (StatusCode::METHOD_NOT_ALLOWED, "METHOD", "only GET and HEAD are served here")
            }
            Self::UnknownPath => (StatusCode::NOT_FOUND, "NOT_FOUND", "there is no such path"),
            Self::Store => {
                (StatusCode::BAD_GATEWAY, "STORE", "the store does not answer; try again")
            }
            Self::Internal => {
                (StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL", "the gateway failed; see its log")
            }
        };
        let body = json!({ "internalCode": code, "message": message }).to_string();
        let mut response = (status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }
}
