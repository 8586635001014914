//! Who calls, and whose records they may see.

use std::net::IpAddr;

use http::{HeaderMap, HeaderName, HeaderValue};

use super::path::{Named, Owner};
use super::problem::{Challenge, Problem};
use super::query::{ACCESS_TOKEN, Query};
use crate::catalog::CallScope;
use crate::http::{State, auth};
use crate::identity::{Allowance, IdentityError, Login, Permission, Principal};

const LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");

/// Who calls.
pub(super) struct Caller {
    pub(super) principal: Principal,
    /// The number of their tenant.
    pub(super) client: i64,
    pub(super) address: IpAddr,
}

/// Proves who calls: with a token in the header or the query, or, where browsers come, with a name and
/// a password.
pub(super) async fn authenticate(
    state: &State,
    headers: &HeaderMap,
    query: &Query,
    (address, challenge): (IpAddr, Challenge),
) -> Result<Principal, Problem> {
    let refused = || Problem::unauthorized(challenge);
    let token = auth::bearer(headers).or(query.value(ACCESS_TOKEN)?);
    let found = if let Some(token) = token {
        state.identity.by_token(token.trim()).await
    } else if let Some((name, secret)) =
        auth::basic(headers).filter(|_| challenge == Challenge::Basic)
    {
        state.identity.by_password_from(Login { name, secret }, address).await
    } else {
        return Err(refused());
    };
    found.map_err(|error| match error {
        IdentityError::Refused => refused(),
        other => other.into(),
    })
}

impl Caller {
    /// A principal of a tenant that this interface serves.
    pub(super) fn admit(
        state: &State,
        principal: Principal,
        address: IpAddr,
    ) -> Result<Self, Problem> {
        let settings = &state.pipeline.call_records.settings;
        let client = settings.client_of(&principal.tenant);
        let none = || Problem::denied("client_not_found", "there is no client of this tenant");
        Ok(Self { client: client.ok_or_else(none)?, principal, address })
    }

    /// Whether they may do this; else whether it is they, or their application, who may not.
    pub(super) fn may(&self, permission: Permission) -> Result<(), Problem> {
        if self.principal.may(permission) {
            return Ok(());
        }
        let message = format!("the permission {} is needed", permission.name());
        if self.principal.permissions.has(permission) {
            return Err(Problem::denied("app_access_type_deny", message));
        }
        Err(Problem::denied("user_access_type_deny", message))
    }

    /// Whose records a path means, if the caller may see them.
    pub(super) async fn scope(&self, state: &State, owner: Owner) -> Result<CallScope, Problem> {
        let own = (self.principal.profile.extension_id, self.principal.profile.extension_group_id);
        let scope = match (owner, own) {
            (Owner::Client(named), own) => {
                if matches!(named, Named::Id(id) if id != self.client) {
                    let code = http::StatusCode::NOT_FOUND;
                    return Err(Problem::new(code, "client_not_found", "Client not found"));
                }
                return if own == (None, None) { Ok(CallScope::Client) } else { Err(denied()) };
            }
            (Owner::Extension(Named::Me), (Some(id), _)) => CallScope::Extension(id),
            (Owner::Extension(Named::Id(id)), (None, None)) => CallScope::Extension(id),
            (Owner::Extension(Named::Id(id)), (Some(own), _)) if id == own => {
                CallScope::Extension(id)
            }
            (Owner::Extension(Named::Id(id)), (None, Some(group))) => CallScope::Member(group, id),
            (Owner::Group(Named::Me), (None, Some(id))) => CallScope::Group(id),
            (Owner::Group(Named::Id(id)), (None, None)) => CallScope::Group(id),
            (Owner::Group(Named::Id(id)), (None, Some(own))) if id == own => CallScope::Group(id),
            (Owner::Extension(Named::Me) | Owner::Group(Named::Me), _) => {
                return Err(Problem::not_found());
            }
            (Owner::Extension(_) | Owner::Group(_), _) => return Err(denied()),
        };
        if state.catalog.has_scope(&self.principal.tenant, scope).await? {
            Ok(scope)
        } else {
            Err(Problem::not_found())
        }
    }
}

fn denied() -> Problem {
    Problem::denied("access_denied", "these records belong to somebody else")
}

/// Writes what is left of a caller's hour into an answer.
pub(super) fn put_allowance(headers: &mut HeaderMap, allowance: Allowance) {
    headers.insert(LIMIT, HeaderValue::from(allowance.limit));
    headers.insert(REMAINING, HeaderValue::from(allowance.remaining));
    headers.insert(RESET, HeaderValue::from(allowance.reset_s));
}
