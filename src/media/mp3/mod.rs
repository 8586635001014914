//! MPEG-1, MPEG-2 and MPEG-2.5 audio, layer III: frames, their side information, and the tags
//! around them.

mod frame;
mod framer;
mod info;
mod side_info;
mod tags;

pub use frame::FrameHeader;
pub use framer::Mp3Framer;
pub use info::{InfoFrame, LAME_TAG_BYTES, crc16_arc};
pub use side_info::SideInfo;
pub use tags::{MAX_TAG_BYTES, id3v2_frames, is_tag};
