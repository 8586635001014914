//! `[catalog]`.

use serde::Deserialize;

/// Where the catalogue lives.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CatalogSettings {
    /// `sqlite:PATH` or, in a secret file, a PostgreSQL URL; absent: `catalog.sqlite` in the data
    /// directory.
    pub url: Option<String>,
    /// File holding the URL, for a PostgreSQL URL with a password.
    pub url_file: Option<std::path::PathBuf>,
}
