//! Streams without an index: MP3, ADTS, native FLAC, AMR.

use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;

use super::RenditionError;
use super::entry;
use super::source::{Reader, Source};
use super::units::{End, Found, Heard, Input, Opened, Preroll, Unit, Units};
use crate::media::mp3::{FrameHeader as Mp3Header, InfoFrame, Mp3Framer};
use crate::media::{
    AdtsFramer, AdtsHeader, AmrBand, AmrFramer, Coding, Cutter, FlacFramer, FlacLayout,
    FrameHeader as FlacHeader, Framer, MediaError, StreamInfo,
};

/// How much of the source is read at a time.
const READ_BYTES: usize = 64 * 1024;
/// Samples that every MP3 decoder is late, by the convention of LAME's tag.
const MP3_DECODER_DELAY: u64 = 529;
/// Length of STREAMINFO.
pub(super) const STREAMINFO_BYTES: usize = 34;

/// Reads a source through a framer.
pub(super) struct Pieces<F> {
    reader: Reader,
    cutter: Cutter<F>,
    buffer: Vec<u8>,
    last: bool,
}

impl<F: Framer> Pieces<F> {
    pub(super) fn new(source: &Source, framer: F) -> Self {
        let (reader, cutter) = (source.reader(), Cutter::new(framer));
        Self { reader, cutter, buffer: vec![0; READ_BYTES], last: false }
    }

    pub(super) const fn framer(&self) -> &F {
        self.cutter.framer()
    }

    /// Whether all of the source was read.
    pub(super) const fn at_end(&self) -> bool {
        self.last
    }

    /// The next piece, whether it is a unit or not.
    pub(super) fn next(&mut self) -> Result<Option<crate::media::Piece>, MediaError> {
        loop {
            if let Some(piece) = self.cutter.next(self.last)? {
                return Ok(Some(piece));
            }
            if self.last {
                return Ok(None);
            }
            let got = self.reader.read(&mut self.buffer)?;
            self.last = got == 0;
            self.cutter.push(self.buffer.get(..got).unwrap_or_default());
        }
    }

    /// The next unit.
    pub(super) fn next_unit(&mut self) -> Result<Option<crate::media::Piece>, MediaError> {
        while let Some(piece) = self.next()? {
            if piece.unit {
                return Ok(Some(piece));
            }
        }
        Ok(None)
    }
}

/// What part of a framer's unit is a sample of the MP4.
trait Shape {
    /// Its bytes in `unit`, which is found at byte `at`, and how many ticks it plays; `None` when it
    /// is left out.
    fn sample(
        &mut self,
        unit: &[u8],
        at: u64,
    ) -> Result<Option<(Range<usize>, u32)>, RenditionError>;
}

struct Framed<F, S> {
    pieces: Pieces<F>,
    shape: S,
    cut: u64,
    body: Vec<u8>,
}

impl<F: Framer, S: Shape> Units for Framed<F, S> {
    fn next(&mut self) -> Result<Option<Found>, RenditionError> {
        while let Some(piece) = self.pieces.next_unit()? {
            if let Some((range, duration)) = self.shape.sample(&piece.bytes, piece.at)? {
                let sample = piece.bytes.get(range);
                let cut_off = || MediaError::malformed("a cut-off frame", piece.at);
                self.body = sample.ok_or_else(cut_off)?.to_vec();
                return Ok(Some(Unit::sound(self.body.len(), duration).into()));
            }
        }
        Ok(None)
    }

    fn body(&mut self, out: &mut Vec<u8>) -> Result<(), RenditionError> {
        out.extend_from_slice(&self.body);
        Ok(())
    }

    fn end(&self) -> End {
        End { cut: self.cut, entry: None }
    }
}

fn framed<F: Framer + 'static, S: Shape + 'static>(
    source: &Source,
    framer: F,
    shape: S,
    cut: u64,
) -> Box<dyn Units> {
    Box::new(Framed { pieces: Pieces::new(source, framer), shape, cut, body: Vec::new() })
}

/// A track of sound that begins at once.
pub(super) fn sound_input(
    (channels, rate): (u16, u32),
    entry: Vec<u8>,
    units: Box<dyn Units>,
    coding: Option<Coding>,
) -> Input {
    Input {
        picture: None,
        timescale: rate.max(1),
        entry,
        units,
        first_us: 0,
        skip: None,
        played: None,
        preroll: Preroll::NONE,
        heard: coding.map(|coding| Heard { coding, channels, rate }),
    }
}

/// Samples of one channel in an MP3 frame.
pub(super) fn mp3_samples(header: Mp3Header) -> u32 {
    u32::try_from(header.granules()).unwrap_or(1) * 576
}

/// What an MP3 frame needs before it: the reservoir, and the frame that its own overlaps.
pub(super) fn mp3_preroll(header: Mp3Header) -> Preroll {
    Preroll {
        ticks: u64::from(mp3_samples(header)),
        bytes: header.max_main_data_begin(),
        overhead: header.payload_at() as u64,
    }
}

struct Mp3Shape {
    first: bool,
}

impl Shape for Mp3Shape {
    fn sample(
        &mut self,
        unit: &[u8],
        at: u64,
    ) -> Result<Option<(Range<usize>, u32)>, RenditionError> {
        let header = Mp3Header::read(unit);
        let header = header.ok_or_else(|| MediaError::malformed("no MP3 frame", at))?;
        let first = std::mem::take(&mut self.first);
        let index = first && InfoFrame::read(header, unit).is_some();
        Ok((!index).then_some((0..unit.len(), mp3_samples(header))))
    }
}

pub(super) fn mp3(source: &Source) -> Result<Opened, RenditionError> {
    let first = Pieces::new(source, Mp3Framer::default()).next_unit()?;
    let first = first.ok_or_else(|| MediaError::malformed("no MP3 frame", 0))?;
    let header = Mp3Header::read(&first.bytes);
    let header = header.ok_or_else(|| MediaError::malformed("no MP3 frame", first.at))?;
    let info = InfoFrame::read(header, &first.bytes);
    let delay = info.and_then(|info| info.encoder_delay);
    let skip = delay.map(|delay| u64::from(delay) + MP3_DECODER_DELAY);
    let padding = info.map_or(0, |info| u64::from(info.padding));
    let cut = padding.saturating_sub(MP3_DECODER_DELAY);
    let units = framed(source, Mp3Framer::default(), Mp3Shape { first: true }, cut);
    let channels = u16::try_from(header.channels()).unwrap_or(1);
    let rate = header.sample_rate();
    let entry = entry::mp3(channels, rate);
    let input = sound_input((channels, rate), entry, units, Some(Coding::Mp3));
    Ok(Opened::Copied(Input { skip, preroll: mp3_preroll(header), ..input }))
}

struct AdtsShape;

impl Shape for AdtsShape {
    fn sample(
        &mut self,
        unit: &[u8],
        at: u64,
    ) -> Result<Option<(Range<usize>, u32)>, RenditionError> {
        let header = AdtsHeader::parse(unit);
        let header = header.ok_or_else(|| MediaError::malformed("no ADTS frame", at))?;
        if header.blocks != 1 {
            let what = format!("several AAC blocks in the ADTS frame at byte {at}");
            return Err(RenditionError::unsupported(what));
        }
        // Damage behind the frame is no part of it.
        Ok(Some((header.header_bytes()..header.frame_bytes, 1024)))
    }
}

pub(super) fn adts(source: &Source) -> Result<Opened, RenditionError> {
    let first = Pieces::new(source, AdtsFramer::default()).next_unit()?;
    let header = first.and_then(|first| AdtsHeader::parse(&first.bytes));
    let header = header.ok_or_else(|| MediaError::malformed("no ADTS frame", 0))?;
    let rate = header.sample_rate().unwrap_or(0);
    let channels = match header.channel_configuration() {
        0 => return Err(RenditionError::unsupported("AAC whose channels stand in its frames")),
        7 => 8,
        count => u16::from(count),
    };
    let (object_type, index) = (header.object_type(), header.rate_index());
    let config = entry::audio_specific_config(object_type, index, header.channel_configuration());
    let entry = entry::mp4a(entry::AAC, channels, rate, &config);
    let units = framed(source, AdtsFramer::default(), AdtsShape, 0);
    let coding = Coding::Aac(config.to_vec());
    let input = sound_input((channels, rate), entry, units, Some(coding));
    Ok(Opened::Copied(Input { preroll: Preroll::ticks(1024), ..input }))
}

struct FlacShape;

impl Shape for FlacShape {
    fn sample(
        &mut self,
        unit: &[u8],
        at: u64,
    ) -> Result<Option<(Range<usize>, u32)>, RenditionError> {
        let header = FlacHeader::parse(unit);
        let header = header.ok_or_else(|| MediaError::malformed("no FLAC frame header", at))?;
        Ok(Some((0..unit.len(), header.block_size)))
    }
}

pub(super) fn flac(source: &Source) -> Result<Opened, RenditionError> {
    let mut reader = source.reader();
    let layout = FlacLayout::read(&mut reader, source.bytes)?;
    reader.seek(SeekFrom::Start(layout.info_at))?;
    let mut block = vec![0; STREAMINFO_BYTES];
    reader.read_exact(&mut block)?;
    let units = framed(source, FlacFramer::new(&layout), FlacShape, 0);
    Ok(Opened::Copied(flac_input(&block, layout.info_at, units)?))
}

/// A track of FLAC frames with this STREAMINFO, which is found at byte `at`.
pub(super) fn flac_input(
    block: &[u8],
    at: u64,
    units: Box<dyn Units>,
) -> Result<Input, RenditionError> {
    let damaged = || MediaError::malformed("a damaged STREAMINFO", at);
    let info = StreamInfo::parse(block).ok_or_else(damaged)?;
    let channels = block.get(12).map_or(1, |byte| u16::from(byte >> 1 & 7) + 1);
    let bits = u16::try_from(info.bits).unwrap_or(16);
    let entry = entry::flac(block, channels, info.rate, bits);
    Ok(sound_input((channels, info.rate), entry, units, Some(Coding::Flac(block.to_vec()))))
}

struct AmrShape(AmrBand);

impl Shape for AmrShape {
    fn sample(
        &mut self,
        unit: &[u8],
        _at: u64,
    ) -> Result<Option<(Range<usize>, u32)>, RenditionError> {
        let samples = u32::try_from(self.0.frame_samples()).unwrap_or(0);
        Ok(Some((0..unit.len(), samples)))
    }
}

pub(super) fn amr(source: &Source) -> Result<Opened, RenditionError> {
    let mut head = Vec::new();
    source.reader().take(16).read_to_end(&mut head)?;
    let band = AmrBand::of(&head).ok_or_else(|| MediaError::malformed("no AMR header", 0))?;
    let units = framed(source, AmrFramer::new(band), AmrShape(band), 0);
    let input = sound_input((1, band.sample_rate()), entry::amr(band), units, None);
    Ok(Opened::Copied(input))
}
