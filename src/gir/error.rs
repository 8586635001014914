//! Why a record could not be made.

/// An error of the record builder or the client's set-up.
#[derive(Debug, thiserror::Error)]
pub enum GirError {
    /// The catalogue's document is not what ingest accepted.
    #[error("the document of recording {recording} is not usable: {detail}")]
    Document {
        /// Which recording.
        recording: String,
        /// What is wrong.
        detail: String,
    },
    /// The region is not one of the configured ones: the record would be invisible (R20).
    #[error("region {region:?} of recording {recording} is not in gir.regions")]
    Region {
        /// Which recording.
        recording: String,
        /// Its region.
        region: String,
    },
    /// The HTTP client could not be built.
    #[error("the RWS client cannot be built")]
    Client(#[source] reqwest::Error),
}
