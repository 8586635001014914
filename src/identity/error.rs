//! Why nobody was recognised.

/// An error of identity.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// The credentials are wrong, or belong to somebody who may not sign in now.
    #[error("the credentials are not valid")]
    Refused,
    /// Too many wrong credentials lately; these were not looked at.
    #[error("too many wrong sign-ins; try again in {retry_after_s} s")]
    Throttled {
        /// When they will be looked at again, in seconds.
        retry_after_s: u64,
    },
    /// There is no such access key, or no such user, in the caller's tenant.
    #[error("there is no such {what}")]
    Unknown {
        /// Of what kind.
        what: &'static str,
    },
    /// More than one may have.
    #[error("a user may have {max} access keys")]
    Limit {
        /// The limit.
        max: u32,
    },
    /// A name that a token cannot carry.
    #[error("{field} {value:?} is not of ASCII characters without > ? ~, so no token can carry it")]
    Claim {
        /// Which claim.
        field: &'static str,
        /// Its value.
        value: String,
    },
    /// The key of tokens cannot be used.
    #[error("the token key cannot be used: {detail}")]
    Key {
        /// Why.
        detail: &'static str,
    },
    /// The machine gave no randomness.
    #[error("no randomness from the operating system")]
    Random,
    /// The password hash could not be computed.
    #[error("the password could not be hashed")]
    Hash,
    /// The catalogue did not answer.
    #[error("the catalogue did not answer")]
    Catalog(#[from] crate::catalog::CatalogError),
}
