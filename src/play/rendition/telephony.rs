//! GSM 06.10 and G.722, decoded with the arithmetic of their standards.

use std::io::{Read, Seek, SeekFrom};

use super::RenditionError;
use super::framed::Pieces;
use super::samples::Samples;
use super::source::{Reader, Source};
use super::units::Opened;
use crate::media::{
    Encoding, G722Decoder, GSM_FRAME_BYTES, GSM_FRAME_SAMPLES, GSM_RATE, GsmDecoder, GsmFramer,
    MediaError, WavLayout,
};

/// Bytes of G.722 that are read at a time.
const BLOCK_BYTES: u64 = 4096;

/// A GSM file without a container. A cut-off last frame is silent.
///
/// # Errors
/// Malformed when it is empty.
pub(super) fn gsm(source: &Source) -> Result<Opened, RenditionError> {
    if source.bytes == 0 {
        return Err(MediaError::malformed("no media frames", 0).into());
    }
    Ok(Opened::decoded(Frames {
        pieces: Pieces::new(source, GsmFramer),
        decoder: GsmDecoder::default(),
        frames: source.bytes.div_ceil(GSM_FRAME_BYTES as u64).saturating_mul(GSM_FRAME_SAMPLES),
    }))
}

struct Frames {
    pieces: Pieces<GsmFramer>,
    decoder: GsmDecoder,
    frames: u64,
}

impl Samples for Frames {
    fn channels(&self) -> u16 {
        1
    }

    fn rate(&self) -> u32 {
        GSM_RATE
    }

    fn bits(&self) -> u32 {
        16
    }

    fn frames(&self) -> Option<u64> {
        Some(self.frames)
    }

    fn next(&mut self, out: &mut Vec<i32>) -> Result<bool, RenditionError> {
        let Some(piece) = self.pieces.next_unit()? else { return Ok(false) };
        if piece.bytes.len() < GSM_FRAME_BYTES {
            out.extend((0..GSM_FRAME_SAMPLES).map(|_| 0));
        } else {
            self.decoder.frame(&piece.bytes, out);
        }
        Ok(true)
    }
}

/// GSM or G.722 in WAVE, mono.
pub(super) struct Packed {
    reader: Reader,
    layout: WavLayout,
    decoder: Decoder,
    /// Bytes that were read.
    done: u64,
}

enum Decoder {
    Gsm(Box<GsmDecoder>),
    G722(Box<G722Decoder>),
}

impl Packed {
    /// The sound of a file with this layout, whose encoding is one of the two.
    pub(super) fn open(source: &Source, layout: WavLayout) -> Result<Self, RenditionError> {
        let decoder = match layout.encoding {
            Encoding::Gsm => Decoder::Gsm(Box::default()),
            _ => Decoder::G722(Box::default()),
        };
        let mut reader = source.reader();
        reader.seek(SeekFrom::Start(layout.data_offset))?;
        Ok(Self { reader, layout, decoder, done: 0 })
    }
}

impl Samples for Packed {
    fn channels(&self) -> u16 {
        1
    }

    fn rate(&self) -> u32 {
        self.layout.sample_rate
    }

    fn bits(&self) -> u32 {
        16
    }

    fn frames(&self) -> Option<u64> {
        Some(self.layout.frames)
    }

    fn next(&mut self, out: &mut Vec<i32>) -> Result<bool, RenditionError> {
        let left = self.layout.data_len.saturating_sub(self.done);
        let align = u64::from(self.layout.block_align);
        let count = match self.decoder {
            // What is left of a cut-off block is no frame.
            Decoder::Gsm(_) if left < align => 0,
            Decoder::Gsm(_) => align,
            Decoder::G722(_) => left.min(BLOCK_BYTES),
        };
        if count == 0 {
            return Ok(false);
        }
        let mut bytes = Vec::new();
        let got = (&mut self.reader).take(count).read_to_end(&mut bytes)?;
        let at = self.layout.data_offset.saturating_add(self.done);
        if got as u64 != count {
            return Err(MediaError::malformed("the sound ends too early", at).into());
        }
        match &mut self.decoder {
            Decoder::Gsm(decoder) => decoder.block(&bytes, out),
            Decoder::G722(decoder) => {
                out.extend(bytes.iter().flat_map(|byte| decoder.decode(*byte)));
            }
        }
        self.done = self.done.saturating_add(count);
        Ok(true)
    }
}
