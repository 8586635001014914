//! Path parameters whose refusal is worded by the dialect: a parameter that is not UTF-8 is a bad
//! name like any other.

use std::marker::PhantomData;

use axum::extract::{FromRequestParts, Path};
use axum::response::IntoResponse;
use http::request::Parts;
use serde::de::DeserializeOwned;

/// How a dialect refuses a path that cannot be read.
pub(super) trait BadPath: IntoResponse {
    /// The refusal.
    fn bad_path() -> Self;
}

/// The parameters `T` of a path, refused in the words of `P`.
pub(super) struct Names<T, P>(pub(super) T, pub(super) PhantomData<P>);

impl<S, T, P> FromRequestParts<S> for Names<T, P>
where
    S: Send + Sync,
    T: DeserializeOwned + Send,
    P: BadPath,
{
    type Rejection = P;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, P> {
        match Path::<T>::from_request_parts(parts, state).await {
            Ok(Path(names)) => Ok(Self(names, PhantomData)),
            Err(_) => Err(P::bad_path()),
        }
    }
}
