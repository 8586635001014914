//! Playing time of an ADTS file: its frames, counted one by one.

use std::io::Read;

use super::{AdtsFramer, AdtsHeader};
use crate::asset::MediaTime;
use crate::media::framer::each_unit;
use crate::media::{Container, Measured, MediaError, ticks_to_time};

/// Samples of one channel in a raw_data_block; ADTS knows no other number.
const BLOCK_SAMPLES: u64 = 1024;

/// Measures a file of `bytes` bytes.
///
/// # Errors
/// Malformed without any frame, and whatever [`AdtsFramer`] refuses.
pub(in crate::media) fn measure(source: &mut dyn Read, bytes: u64) -> Result<Measured, MediaError> {
    let (mut first, mut blocks) = (None, 0_u64);
    each_unit(source, AdtsFramer::default(), |unit| {
        if let Some(header) = AdtsHeader::parse(unit) {
            first.get_or_insert(header);
            blocks = blocks.saturating_add(header.blocks.into());
        }
    })?;
    let missing = || MediaError::malformed("no ADTS frame", 0);
    let header = first.ok_or_else(missing)?;
    let rate = header.sample_rate().ok_or_else(missing)?;
    // Configuration 7 has eight channels; 0 leaves them to the stream.
    let channels = match header.channel_configuration() {
        0 => None,
        7 => Some(8),
        count => Some(u16::from(count)),
    };
    Ok(Measured {
        container: Container::Adts,
        codec: "aac".to_owned(),
        channels,
        sample_rate: Some(rate),
        first: MediaTime::ZERO,
        duration: ticks_to_time(blocks.saturating_mul(BLOCK_SAMPLES), 1, rate),
        bytes,
    })
}
