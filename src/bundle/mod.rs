//! Bundles: files that are made on request, sealed and stored like media, kept for a while, and
//! fetched by a signed link: ZIP files of recordings, and CSV files about them.

mod media;
mod metadata;
mod records;
mod request;
mod settings;
mod worker;
mod zip_file;

pub use records::{ARCHIVE_LETTER, ARCHIVE_LIFE_H};
pub use request::{MAX_ENTITIES, MediaRequest, MetadataRequest, Part, PartStatus, RecordsRequest};
pub use settings::BundleSettings;
pub use worker::Binder;
