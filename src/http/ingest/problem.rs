//! RFC 9457 problems with stable codes. What the client may know is in the answer; the rest goes to
//! the log.

use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use serde_json::{Value, json};

use super::super::auth::Refusal;
use super::super::body::SmallBodyError;
use super::super::path::BadPath;
use super::resume::{UPLOAD_COMPLETE, UPLOAD_OFFSET};
use crate::asset::{FieldFault, IdError};
use crate::catalog::CatalogError;
use crate::ingest::IngestError;
use crate::mask::QuarantineReason;
use crate::pipeline::PipelineError;

/// An answer that is not a success.
#[derive(Debug)]
pub(in crate::http) struct Problem {
    status: StatusCode,
    code: &'static str,
    detail: String,
    faults: Vec<FieldFault>,
    retry_after_s: Option<u64>,
    /// Where an upload goes on, and where the sender said that it does.
    offset: Option<(u64, Option<u64>)>,
}

/// The type of the one problem that is registered elsewhere (the IETF draft on resumable uploads).
const MISMATCHING_OFFSET: &str =
    "https://iana.org/assignments/http-problem-types#mismatching-upload-offset";

impl Problem {
    pub(in crate::http) fn new(
        status: StatusCode,
        code: &'static str,
        detail: impl Into<String>,
    ) -> Self {
        let (detail, faults) = (detail.into(), Vec::new());
        Self { status, code, detail, faults, retry_after_s: None, offset: None }
    }

    /// With `Retry-After`.
    #[must_use]
    pub(in crate::http) fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after_s = Some(seconds);
        self
    }

    /// The same with the offset at which the upload goes on.
    pub(super) fn at_offset(self, expected: u64) -> Self {
        Self { offset: Some((expected, None)), ..self }
    }

    /// 400 with the name of the field.
    pub(in crate::http) fn bad_request(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, detail)
    }

    /// 422 that names one field.
    pub(in crate::http) fn field(
        code: &'static str,
        field: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        let fault = FieldFault { field: field.into(), message: message.into() };
        let detail = format!("{} {}", fault.field, fault.message);
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        Self { faults: vec![fault], ..Self::new(status, code, detail) }
    }

    /// 404.
    pub(in crate::http) fn unknown_recording() -> Self {
        Self::new(StatusCode::NOT_FOUND, "recording_unknown", "there is no such recording")
    }

    pub(in crate::http) fn id(name: &str, error: &IdError) -> Self {
        let fault = FieldFault { field: name.to_owned(), message: error.to_string() };
        let detail = format!("{name} {error}");
        let status = StatusCode::BAD_REQUEST;
        Self { faults: vec![fault], ..Self::new(status, "id_invalid", detail) }
    }

    /// A document with faults: 415 when a media type is the only one, else 422; 413 and 400 for
    /// what is no document at all.
    pub(in crate::http) fn document(faults: Vec<FieldFault>) -> Self {
        let whole = faults.iter().find(|fault| fault.field == "$");
        let only_types = faults.iter().all(|fault| fault.field.ends_with("].type"));
        let (status, code) = match whole {
            Some(fault) if fault.message.contains("the limit is") => {
                (StatusCode::PAYLOAD_TOO_LARGE, "document_too_large")
            }
            Some(_) => (StatusCode::BAD_REQUEST, "document_not_json"),
            None if only_types => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "media_type_unknown"),
            None => (StatusCode::UNPROCESSABLE_ENTITY, "document_invalid"),
        };
        let first = faults.first();
        let detail = first.map_or(String::new(), |f| format!("{} {}", f.field, f.message));
        Self { faults, ..Self::new(status, code, detail) }
    }

    pub(super) fn internal(error: &dyn std::fmt::Debug) -> Self {
        tracing::error!(error = ?error, "a request failed");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "the gateway failed; see its log")
    }

    fn unavailable(error: &dyn std::fmt::Debug) -> Self {
        tracing::error!(error = ?error, "a request cannot be served now");
        let detail = "the gateway cannot do this now; try again";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", detail)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let title = self.status.canonical_reason().unwrap_or("error");
        let mut body = json!({
            "type": format!("urn:reelgate:problem:{}", self.code),
            "title": title,
            "status": self.status.as_u16(),
            "code": self.code,
            "detail": self.detail,
        });
        if let Some(id) = super::super::request::current_id() {
            set(&mut body, "requestId", id.into());
        }
        if let Some(first) = self.faults.first() {
            set(&mut body, "field", first.field.clone().into());
            set(&mut body, "errors", json!(self.faults));
        }
        if let Some((expected, Some(provided))) = self.offset {
            set(&mut body, "type", MISMATCHING_OFFSET.into());
            set(&mut body, "expected-offset", expected.into());
            set(&mut body, "provided-offset", provided.into());
        }
        let mut response = (self.status, body.to_string()).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some((expected, _)) = self.offset {
            headers.insert(UPLOAD_OFFSET, HeaderValue::from(expected));
            headers.insert(UPLOAD_COMPLETE, HeaderValue::from_static("?0"));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"reelgate\""));
        }
        let unavailable = self.status == StatusCode::SERVICE_UNAVAILABLE;
        if let Some(seconds) = self.retry_after_s.or(unavailable.then_some(5)) {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

fn set(body: &mut Value, name: &str, value: Value) {
    if let Some(map) = body.as_object_mut() {
        map.insert(name.to_owned(), value);
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Unauthenticated => Self::new(
                StatusCode::UNAUTHORIZED,
                "unauthenticated",
                "a valid bearer token is needed",
            ),
            Refusal::Forbidden(permission) => Self::new(
                StatusCode::FORBIDDEN,
                "forbidden",
                format!("the permission {} is needed", permission.name()),
            ),
            Refusal::Backend(error) => Self::unavailable(&error),
        }
    }
}

impl BadPath for Problem {
    fn bad_path() -> Self {
        Self::bad_request("id_invalid", "a name in the path is not UTF-8")
    }
}

impl From<SmallBodyError> for Problem {
    fn from(error: SmallBodyError) -> Self {
        match error {
            SmallBodyError::TooLarge(limit) => Self::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "document_too_large",
                format!("the body is longer than the limit of {limit} bytes"),
            ),
            SmallBodyError::Broken => Self::bad_request("body_broken", "the body broke off"),
        }
    }
}

impl From<CatalogError> for Problem {
    fn from(error: CatalogError) -> Self {
        if error.is_transient() { Self::unavailable(&error) } else { Self::internal(&error) }
    }
}

impl From<IngestError> for Problem {
    fn from(error: IngestError) -> Self {
        let text = error.to_string();
        match error {
            IngestError::Empty => Self::new(StatusCode::UNPROCESSABLE_ENTITY, "media_empty", text),
            IngestError::TooLarge { .. } => {
                Self::new(StatusCode::PAYLOAD_TOO_LARGE, "media_too_large", text)
            }
            IngestError::Length { field, declared, found } => Self::field(
                "length_mismatch",
                field,
                format!("says {declared} bytes, and {found} came"),
            ),
            IngestError::Digest { field, declared, found } => Self::field(
                "digest_mismatch",
                field,
                format!("says SHA-256 {declared}, and the bytes have {found}"),
            ),
            IngestError::Broken { .. } => Self::bad_request("body_broken", text),
            IngestError::OtherBytes => Self::new(StatusCode::CONFLICT, "media_differs", text),
            IngestError::Busy => Self::new(StatusCode::CONFLICT, "upload_in_progress", text),
            IngestError::Offset { expected, provided } => Self {
                offset: Some((expected, Some(provided))),
                ..Self::new(StatusCode::CONFLICT, "upload_offset", text)
            },
            IngestError::Unknown => Self::new(StatusCode::NOT_FOUND, "media_unknown", text),
            IngestError::NoRoom { .. } => {
                Self::new(StatusCode::INSUFFICIENT_STORAGE, "no_room", text)
            }
            IngestError::TooMany { .. } => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "too_many_uploads", text)
            }
            IngestError::Catalog(error) => error.into(),
            IngestError::Spool(error) => Self::internal(&error),
            IngestError::Receipt(error) => Self::internal(&error),
            IngestError::Thread => Self::internal(&error),
        }
    }
}

impl From<PipelineError> for Problem {
    /// What the measuring of a fresh upload found: the sender still has the file, so a damaged one
    /// is refused rather than quarantined.
    fn from(error: PipelineError) -> Self {
        let PipelineError::Quarantine { reason, detail } = error else {
            return Self::internal(&error);
        };
        let status = match reason {
            QuarantineReason::MediaTypeMismatch | QuarantineReason::MediaUnsupported => {
                StatusCode::UNSUPPORTED_MEDIA_TYPE
            }
            _ => StatusCode::UNPROCESSABLE_ENTITY,
        };
        Self::new(status, reason.code(), detail)
    }
}
