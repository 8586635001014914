//! Listening: signed links, and ranges of sealed assets.
//!
//! A link names one asset, expires, and survives no tampering. A range of a sealed asset is read
//! from the store, verified by the digests of the segments it touches, and opened in memory; clear
//! bytes are never on a disk. [`rendition`] makes the files that browsers play.

mod asset;
mod error;
mod link;
mod range;
pub mod rendition;
mod settings;

pub use asset::{PlayKey, Playable, Player};
pub use error::PlayError;
pub use link::{Disposition, LINK_PATH, Link, LinkKeys, LinkTarget};
pub use range::{Selected, select};
pub use settings::PlaySettings;
