//! Reads small bodies whole, up to a limit.

use axum::body::Body;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};

/// Why a small body was not read.
#[derive(Debug)]
pub(super) enum SmallBodyError {
    /// It is longer than this many bytes.
    TooLarge(usize),
    /// It broke off.
    Broken,
}

/// Reads a body of at most `limit` bytes.
pub(super) async fn read_small(body: Body, limit: usize) -> Result<Vec<u8>, SmallBodyError> {
    match Limited::new(body, limit).collect().await {
        Ok(collected) => Ok(collected.to_bytes().to_vec()),
        Err(error) if error.is::<LengthLimitError>() => Err(SmallBodyError::TooLarge(limit)),
        Err(_) => Err(SmallBodyError::Broken),
    }
}
