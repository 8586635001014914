//! `{"code", "message", "status"}`: the error form of the call-record interface.

use axum::response::{IntoResponse, Response};
use http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use serde_json::json;

use crate::catalog::CatalogError;
use crate::http::body::SmallBodyError;
use crate::identity::IdentityError;
use crate::pbx::IntervalFault;
use crate::play::PlayError;

/// How a caller is asked to prove who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Challenge {
    /// With a token.
    Bearer,
    /// With a name and password too: browsers show their own window.
    Basic,
}

/// Seconds after which something that is on its way may be asked for again.
const RETRY_S: u64 = 5;

/// An answer that is not a success.
#[derive(Debug)]
pub(super) struct Problem {
    pub(super) code: StatusCode,
    status: &'static str,
    message: String,
    challenge: Option<Challenge>,
    retry_after_s: Option<u64>,
    allow: Option<&'static str>,
}

impl Problem {
    pub(super) fn new(code: StatusCode, status: &'static str, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { code, status, message, challenge: None, retry_after_s: None, allow: None }
    }

    /// 400: names the parameter.
    pub(super) fn parameter(name: &str, fault: impl std::fmt::Display) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_parameter", format!("{name} {fault}"))
    }

    pub(super) fn message(&self) -> &str {
        &self.message
    }

    pub(super) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "Not found")
    }

    pub(super) fn no_record() -> Self {
        Self::new(StatusCode::NOT_FOUND, "record_not_found", "Record not found")
    }

    pub(super) fn gone(message: &str) -> Self {
        Self::new(StatusCode::GONE, "record_expired", message)
    }

    /// 425: it is on its way.
    pub(super) fn too_early(status: &'static str, message: &str) -> Self {
        let code = StatusCode::TOO_EARLY;
        Self { retry_after_s: Some(RETRY_S), ..Self::new(code, status, message) }
    }

    pub(super) fn denied(status: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, status, message)
    }

    pub(super) fn unauthorized(challenge: Challenge) -> Self {
        let problem = Self::new(StatusCode::UNAUTHORIZED, "401", "Unauthorized");
        Self { challenge: Some(challenge), ..problem }
    }

    /// The same, asking for something else.
    pub(super) fn challenged(self, challenge: Challenge) -> Self {
        Self { challenge: self.challenge.map(|_| challenge), ..self }
    }

    pub(super) fn too_many(message: &str, retry_after_s: u64) -> Self {
        let problem = Self::new(StatusCode::TOO_MANY_REQUESTS, "rate_limit_exceeded", message);
        Self { retry_after_s: Some(retry_after_s), ..problem }
    }

    pub(super) fn method(allow: &'static str) -> Self {
        let message = format!("this resource knows {allow}");
        let problem = Self::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", message);
        Self { allow: Some(allow), ..problem }
    }

    pub(super) fn internal(error: &dyn std::fmt::Debug) -> Self {
        tracing::error!(?error, "a call record request failed");
        let message = "the gateway failed; see its log";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", message)
    }
}

impl From<CatalogError> for Problem {
    fn from(error: CatalogError) -> Self {
        Self::internal(&error)
    }
}

impl From<IntervalFault> for Problem {
    fn from(fault: IntervalFault) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_interval", fault.to_string())
    }
}

impl From<SmallBodyError> for Problem {
    fn from(error: SmallBodyError) -> Self {
        match error {
            SmallBodyError::TooLarge(limit) => {
                let message = format!("the body is longer than {limit} bytes");
                Self::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", message)
            }
            SmallBodyError::Broken => {
                Self::new(StatusCode::BAD_REQUEST, "invalid_body", "the body broke off")
            }
        }
    }
}

impl From<IdentityError> for Problem {
    fn from(error: IdentityError) -> Self {
        match error {
            IdentityError::Refused => Self::unauthorized(Challenge::Bearer),
            IdentityError::Throttled { retry_after_s } => {
                Self::too_many("too many wrong sign-ins", retry_after_s)
            }
            other => Self::internal(&other),
        }
    }
}

impl From<PlayError> for Problem {
    fn from(error: PlayError) -> Self {
        match error {
            PlayError::Revoked => {
                Self::new(StatusCode::GONE, "link_revoked", "the link was taken back")
            }
            PlayError::NotReady => Self::too_early("not_ready", "the file is not ready"),
            PlayError::NoKey => {
                let message = "the file is sealed for its owner only";
                Self::new(StatusCode::CONFLICT, "sealed", message)
            }
            PlayError::Store(error) => {
                tracing::error!(?error, "a call record cannot be read");
                let message = "the store does not answer; try again";
                Self::new(StatusCode::BAD_GATEWAY, "store", message)
            }
            other => Self::internal(&other),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = json!({
            "code": self.code.as_u16(), "message": self.message, "status": self.status,
        });
        let mut response = (self.code, body.to_string()).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(challenge) = self.challenge {
            headers.insert(WWW_AUTHENTICATE, challenge.header());
        }
        if let Some(seconds) = self.retry_after_s {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Some(allow) = self.allow {
            headers.insert(ALLOW, HeaderValue::from_static(allow));
        }
        response
    }
}

impl Challenge {
    const fn header(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Bearer => "Bearer realm=\"reelgate\"",
            Self::Basic => "Basic realm=\"reelgate\", charset=\"UTF-8\"",
        })
    }
}
