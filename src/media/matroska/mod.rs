//! Matroska and WebM (RFC 9559), read from the front without an index.

mod block;
mod crc;
/// Element headers and numbers.
pub mod ebml;
/// Element ids.
pub mod ids;
mod tracks;
mod walk;

pub use block::{Block, BlockGroup, xiph_parts};
pub use crc::Crc32;
pub use ebml::{Children, Element};
pub use tracks::{
    Audio, ContentEncoding, MAX_TRACKS, TrackEntry, TrackType, read_tracks, timestamp_scale,
};
pub use walk::{Parent, Part, Seen, Walker};
