//! AAC (ISO 14496-3 part 4, ISO 13818-7): what says of a stream what it holds, and the ADTS frames
//! that carry it. Nothing here decodes sound.

mod adts;
mod config;
mod element;
mod framer;
mod measure;

pub use adts::{AdtsHeader, MAX_ADTS_FRAME_BYTES};
pub use config::AudioSpecificConfig;
pub use element::{ChannelLayout, Element, ElementId, Opening, ProgramConfig};
pub use framer::AdtsFramer;
pub(in crate::media) use measure::measure;
