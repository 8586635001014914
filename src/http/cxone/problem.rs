//! `{"internalCode", "message"}`: what CXone's clients read, whatever the status.

use std::any::Any;

use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode, Uri};
use serde_json::{Map, Value};

use super::super::auth::Refusal;
use super::super::body::SmallBodyError;
use super::super::path::BadPath;
use crate::catalog::CatalogError;
use crate::identity::IdentityError;

/// Seconds after which a gateway that cannot do something now may be asked again.
const RETRY_S: u64 = 5;

/// An answer that is not a success.
#[derive(Debug)]
pub(in crate::http) struct Problem {
    status: StatusCode,
    internal_code: &'static str,
    message: String,
    /// Members beside those two.
    more: Vec<(&'static str, Value)>,
    retry_after_s: Option<u64>,
}

impl Problem {
    /// With a status, a stable code, and a text that the client may read.
    pub(in crate::http) fn new(
        status: StatusCode,
        internal_code: &'static str,
        message: impl Into<String>,
    ) -> Self {
        let (message, more) = (message.into(), Vec::new());
        Self { status, internal_code, message, more, retry_after_s: None }
    }

    /// One more member of the body.
    #[must_use]
    pub(in crate::http) fn with(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.more.push((name, value.into()));
        self
    }

    /// With `Retry-After`.
    #[must_use]
    pub(in crate::http) fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after_s = Some(seconds);
        self
    }

    /// 400: the message begins with the name of the parameter.
    pub(in crate::http) fn parameter(name: &str, fault: impl std::fmt::Display) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "INVALID_PARAMETER", format!("{name} {fault}"))
    }

    /// 400: the body is not what it must be.
    pub(in crate::http) fn body(fault: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "INVALID_BODY", fault)
    }

    /// 401.
    pub(in crate::http) fn unauthenticated() -> Self {
        let message = "a valid token is needed";
        Self::new(StatusCode::UNAUTHORIZED, "UNAUTHORIZED", message)
    }

    /// 401 for a sign-in: never says what was wrong.
    pub(super) fn bad_credentials() -> Self {
        let message = "the credentials are not valid";
        Self::new(StatusCode::UNAUTHORIZED, "INVALID_CREDENTIALS", message)
    }

    /// 403: names the permission.
    pub(in crate::http) fn forbidden(permission: &str) -> Self {
        let message = format!("the permission {permission} is needed");
        Self::new(StatusCode::FORBIDDEN, "FORBIDDEN", message)
    }

    /// 404.
    pub(in crate::http) fn not_found(what: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "NOT_FOUND", format!("there is no such {what}"))
    }

    /// Adds what the control interface wants beside: the message as `description`, and the status
    /// in words as `httpStatus`.
    #[must_use]
    pub(in crate::http) fn described(self) -> Self {
        let (description, status) = (self.message.clone(), http_status(self.status));
        self.with("description", description).with("httpStatus", status)
    }

    /// Adds what the interface of bulk downloads wants beside: a `code` of its own list.
    #[must_use]
    pub(in crate::http) fn coded(self) -> Self {
        let code = match self.status {
            StatusCode::NOT_FOUND => "NOT_FOUND",
            StatusCode::SERVICE_UNAVAILABLE => "PERSISTENCE_FAILED",
            status if status.is_server_error() => "INTERNAL_ERROR",
            StatusCode::BAD_REQUEST | StatusCode::PAYLOAD_TOO_LARGE => "INVALID_REQUEST",
            _ => self.internal_code,
        };
        self.with("code", code)
    }

    pub(in crate::http) fn internal(error: &dyn std::fmt::Debug) -> Self {
        tracing::error!(error = ?error, "a request failed");
        let message = "the gateway failed; see its log";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL", message)
    }

    fn unavailable(error: &dyn std::fmt::Debug) -> Self {
        tracing::error!(error = ?error, "a request cannot be served now");
        let message = "the gateway cannot do this now; try again";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE", message).retry_after(RETRY_S)
    }

    /// Adds what RFC 6749 section 5.2 wants beside our own members.
    #[must_use]
    pub(super) fn oauth(self) -> Self {
        let error = match self.internal_code {
            "INVALID_CREDENTIALS" => "invalid_grant",
            "UNSUPPORTED_GRANT_TYPE" => "unsupported_grant_type",
            "UNSUPPORTED_RESPONSE_TYPE" => "unsupported_response_type",
            "THROTTLED" => "slow_down",
            "UNAVAILABLE" => "temporarily_unavailable",
            "INTERNAL" => "server_error",
            _ => "invalid_request",
        };
        let description = self.message.clone();
        self.with("error", error).with("error_description", description)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut body = Map::new();
        body.insert("internalCode".to_owned(), self.internal_code.into());
        body.insert("message".to_owned(), self.message.into());
        body.extend(self.more.into_iter().map(|(name, value)| (name.to_owned(), value)));
        let mut response = (self.status, Value::Object(body).to_string()).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"reelgate\""));
        }
        if let Some(seconds) = self.retry_after_s {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Unauthenticated => Self::unauthenticated(),
            Refusal::Forbidden(permission) => Self::forbidden(permission.name()),
            Refusal::Backend(error) => error.into(),
        }
    }
}

impl From<IdentityError> for Problem {
    fn from(error: IdentityError) -> Self {
        let text = error.to_string();
        match error {
            IdentityError::Refused => Self::bad_credentials(),
            IdentityError::Throttled { retry_after_s } => {
                let problem = Self::new(StatusCode::TOO_MANY_REQUESTS, "THROTTLED", text);
                problem.retry_after(retry_after_s)
            }
            IdentityError::Unknown { what } => Self::not_found(what),
            IdentityError::Limit { .. } => Self::new(StatusCode::CONFLICT, "LIMIT", text),
            IdentityError::Claim { .. } => {
                Self::new(StatusCode::BAD_REQUEST, "INVALID_PARAMETER", text)
            }
            IdentityError::Catalog(error) => error.into(),
            IdentityError::Key { .. } | IdentityError::Random | IdentityError::Hash => {
                Self::internal(&error)
            }
        }
    }
}

impl From<CatalogError> for Problem {
    fn from(error: CatalogError) -> Self {
        if error.is_transient() { Self::unavailable(&error) } else { Self::internal(&error) }
    }
}

impl From<SmallBodyError> for Problem {
    fn from(error: SmallBodyError) -> Self {
        match error {
            SmallBodyError::TooLarge(limit) => {
                let message = format!("the body is longer than the limit of {limit} bytes");
                Self::new(StatusCode::PAYLOAD_TOO_LARGE, "TOO_LARGE", message)
            }
            SmallBodyError::Broken => Self::body("the body broke off"),
        }
    }
}

impl BadPath for Problem {
    fn bad_path() -> Self {
        Self::parameter("a name in the path", "is not UTF-8")
    }
}

/// A status in words, as `httpStatus` has it: `OK`, `ACCEPTED`, `GATEWAY_TIMEOUT`.
pub(in crate::http) fn http_status(status: StatusCode) -> String {
    let reason = status.canonical_reason().unwrap_or("UNKNOWN");
    reason.to_ascii_uppercase().replace([' ', '-'], "_")
}

/// A path of this dialect that is not there.
pub(in crate::http) fn unknown_path() -> Problem {
    Problem::not_found("path")
}

/// A method that a path of this dialect does not serve.
pub(in crate::http) async fn unknown_method(uri: Uri) -> Problem {
    let message = format!("{} does not serve this method", uri.path());
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "METHOD", message)
}

/// The answer when a handler of this dialect panicked; the panic itself went to the log.
pub(in crate::http) fn panicked(_: Box<dyn Any + Send>) -> Response {
    Problem::internal(&"a request handler panicked").into_response()
}
