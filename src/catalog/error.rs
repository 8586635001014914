//! Why the catalogue could not answer.

/// An error of the catalogue, grouped by who is at fault.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// The database refused or could not be reached.
    #[error("the catalogue database failed")]
    Database(#[from] sqlx::Error),
    /// The schema could not be brought up to date.
    #[error("the catalogue schema could not be migrated")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// A row holds what this version does not understand.
    #[error("the catalogue row of {what} is not readable: {detail}")]
    Row {
        /// Which row.
        what: String,
        /// What is wrong with it.
        detail: String,
    },
    /// Somebody else holds the lease of a row by now.
    #[error("the lease of {what} is not held any more")]
    Lease {
        /// Which row.
        what: String,
    },
    /// The URL names a database that is not supported.
    #[error("catalog.url must begin with sqlite: or postgres:")]
    Url,
}

impl CatalogError {
    /// Whether the same call may succeed later.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Database(error) => {
                matches!(error, sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut)
                    || error.as_database_error().is_some_and(|error| {
                        // SQLITE_BUSY, and PostgreSQL's serialization, deadlock and shutdown classes.
                        error.code().is_some_and(|code| {
                            matches!(code.as_ref(), "5" | "517" | "40001" | "40P01" | "57P01")
                        })
                    })
            }
            Self::Migrate(_) | Self::Row { .. } | Self::Lease { .. } | Self::Url => false,
        }
    }

    pub(super) fn row(what: impl ToString, detail: impl ToString) -> Self {
        Self::Row { what: what.to_string(), detail: detail.to_string() }
    }
}
