//! Playing time of an ADTS file: its frames, counted one by one.

use std::io::Read;

use super::{AdtsFramer, AdtsHeader};
use crate::asset::MediaTime;
use crate::media::{Container, Cutter, Measured, MediaError, ticks_to_time};

/// How much of the file is read at a time.
const READ_BYTES: usize = 64 * 1024;
/// Samples of one channel in a raw_data_block; ADTS knows no other number.
const BLOCK_SAMPLES: u64 = 1024;

/// Measures a file of `bytes` bytes.
///
/// # Errors
/// Malformed without any frame, and whatever [`AdtsFramer`] refuses.
pub(in crate::media) fn measure(source: &mut dyn Read, bytes: u64) -> Result<Measured, MediaError> {
    let mut cutter = Cutter::new(AdtsFramer::default());
    let mut buffer = vec![0; READ_BYTES];
    let (mut first, mut blocks) = (None, 0_u64);
    loop {
        let got = source.read(&mut buffer)?;
        cutter.push(buffer.get(..got).unwrap_or_default());
        while let Some(piece) = cutter.next(got == 0)? {
            if let Some(header) = AdtsHeader::parse(&piece.bytes).filter(|_| piece.unit) {
                first.get_or_insert(header);
                blocks = blocks.saturating_add(header.blocks.into());
            }
        }
        if got == 0 {
            break;
        }
    }
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
