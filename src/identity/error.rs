//! Why nobody was recognised.

/// An error of identity.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// The credentials are wrong, or belong to a disabled principal.
    #[error("the credentials are not valid")]
    Refused,
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
