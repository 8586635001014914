//! Listening: signed links, and ranges of sealed assets.
//!
//! A link names one asset, expires, and survives no tampering. A range of a sealed asset is read
//! from the store, verified by the digests of the segments it touches, and opened in memory; clear
//! bytes are never on a disk. [`rendition`] makes the files that browsers play.

mod asset;
mod conversation;
mod error;
mod held;
mod issue;
mod link;
mod listening;
mod range;
mod reader;
mod recipe;
pub mod rendition;
mod settings;
mod shelf;
mod storage_link;
mod stored;
mod studio;
mod vault;

pub use asset::{PlayKey, Playable, Player};
pub use conversation::{Asked, Medium, Offer, Rendition, Scene, Standing, Take};
pub use error::PlayError;
pub use held::Questions;
pub use issue::{Issued, Links, Listener, Wanted};
pub use link::{Disposition, Grant, LINK_PATH, Link, LinkKeys, LinkTarget};
pub use listening::{Heard, Listening};
pub use range::{Selected, select};
pub use reader::AssetReader;
pub use recipe::Recipe;
pub use settings::PlaySettings;
pub use shelf::Shelf;
pub use storage_link::{ARCHIVE_PATH, LinkOwner, STORAGE_PATH};
pub use studio::Studio;
pub use vault::{Sink, Vault, VaultError, Vaulted};
