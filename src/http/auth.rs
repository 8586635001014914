//! Reads credentials; every dialect words its own refusal.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use zeroize::Zeroizing;

use crate::identity::{Identity, IdentityError, Permission, Principal};

/// Longest credential that is looked at, in bytes.
const MAX_CREDENTIAL_BYTES: usize = 4096;

/// Why nobody is let in.
#[derive(Debug)]
pub(super) enum Refusal {
    /// No credentials, or wrong ones.
    Unauthenticated,
    /// Good credentials without the permission.
    Forbidden(Permission),
    /// The catalogue did not answer.
    Backend(IdentityError),
}

/// The user name and password of Basic credentials (RFC 7617), split at the first colon.
pub(super) fn basic(headers: &HeaderMap) -> Option<(String, Zeroizing<String>)> {
    let text = credential(headers, "basic")?;
    let decoded = Zeroizing::new(STANDARD.decode(text.trim()).ok()?);
    let decoded = std::str::from_utf8(&decoded).ok()?;
    let (name, password) = decoded.split_once(':')?;
    Some((name.to_owned(), Zeroizing::new(password.to_owned())))
}

/// The token of Bearer credentials (RFC 6750 section 2.1).
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    credential(headers, "bearer")
}

fn credential<'h>(headers: &'h HeaderMap, scheme: &str) -> Option<&'h str> {
    let text = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (found, rest) = text.split_once(' ').filter(|_| text.len() <= MAX_CREDENTIAL_BYTES)?;
    found.eq_ignore_ascii_case(scheme).then_some(rest)
}

/// Lets a principal in who proves, by bearer token or Basic, to have the permission.
pub(super) async fn require(
    identity: &Identity,
    headers: &HeaderMap,
    permission: Permission,
) -> Result<Principal, Refusal> {
    let principal = authenticate(identity, headers).await?;
    if principal.may(permission) { Ok(principal) } else { Err(Refusal::Forbidden(permission)) }
}

/// Lets a principal in who has any of these permissions; the first one is named otherwise.
pub(super) async fn require_any(
    identity: &Identity,
    headers: &HeaderMap,
    permissions: &[Permission],
) -> Result<Principal, Refusal> {
    let principal = authenticate(identity, headers).await?;
    if permissions.iter().any(|permission| principal.may(*permission)) {
        return Ok(principal);
    }
    let named = permissions.first().copied();
    Err(named.map_or(Refusal::Unauthenticated, Refusal::Forbidden))
}

/// Who calls, proved by bearer token or Basic; what they may do is for the caller to ask.
pub(super) async fn authenticate(
    identity: &Identity,
    headers: &HeaderMap,
) -> Result<Principal, Refusal> {
    let principal = if let Some(token) = credential(headers, "bearer") {
        identity.by_token(token.trim()).await
    } else if let Some((name, password)) = basic(headers) {
        identity.by_password(&name, password).await
    } else {
        return Err(Refusal::Unauthenticated);
    };
    match principal {
        Ok(principal) => Ok(principal),
        Err(IdentityError::Refused) => Err(Refusal::Unauthenticated),
        Err(error) => Err(Refusal::Backend(error)),
    }
}
