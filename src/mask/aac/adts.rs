//! AAC in ADTS frames: one frame a unit, with whatever damage follows it.

use std::io::{Read, SeekFrom};

use super::block::{BlockCoder, element_bits};
use super::sbr::{TESTED_FRAMES, carries_sbr};
use super::{UNKNOWN_CHANNELS, held_back, implicit_sbr};
use crate::mask::framed::{FramedCheck, FramedRewrite};
use crate::mask::silence::Rewrite;
use crate::mask::ticks::TickSpans;
use crate::mask::track::CodedTrack;
use crate::mask::unit::{Coding, Reach, UnitFault};
use crate::mask::{MaskError, MaskPlan, Recheck};
use crate::media::{
    AdtsFramer, AdtsHeader, BitReader, BitWriter, ChannelLayout, Cutter, ElementId,
    MAX_ADTS_FRAME_BYTES, Measured, MediaError, Opening, ReadSeek,
};

/// Samples of a raw_data_block; ADTS has no other length.
const BLOCK_SAMPLES: u32 = 1024;
/// How many masked frames in a row get the same size.
const LEVELLED_FRAMES: usize = 64;
/// How much is read for the first frames, the ID3 tags ahead of them included.
const MAX_HEAD_BYTES: u64 = 16 * 1024 * 1024;

/// The rewriter for an ADTS file.
///
/// # Errors
/// Quarantine for anything but AAC LC; [`MaskError::Media`] when there is no frame.
pub(in crate::mask) fn open(
    source: &mut dyn ReadSeek,
    facts: &Measured,
    plan: &MaskPlan,
) -> Result<Box<dyn Rewrite>, MaskError> {
    let coding = Frames::read(source)?;
    let spans = TickSpans::new(plan, facts, coding.rate, 0);
    let track = CodedTrack::new(Box::new(coding), spans);
    Ok(Box::new(FramedRewrite::new(AdtsFramer::default(), Box::new(track))))
}

/// The check for an ADTS file.
///
/// # Errors
/// As [`open`].
pub(in crate::mask) fn check(
    source: &mut dyn ReadSeek,
    facts: &Measured,
    plan: &MaskPlan,
) -> Result<Box<dyn Recheck>, MaskError> {
    let coding = Frames::read(source)?;
    let spans = TickSpans::new(plan, facts, coding.rate, 0);
    let framers = (AdtsFramer::default(), AdtsFramer::default());
    Ok(Box::new(FramedCheck::new(framers, Box::new(coding), spans)))
}

/// One ADTS frame a unit.
struct Frames {
    /// Of the first frame; masked frames get its fixed part.
    stream: AdtsHeader,
    rate: u32,
    blocks: BlockCoder,
    /// The least bytes in which every frame so far could be silent.
    shortest: usize,
}

impl Frames {
    /// Reads the first frames of `source`.
    fn read(source: &mut dyn ReadSeek) -> Result<Self, MaskError> {
        let frames = first_frames(source)?;
        let missing = || MediaError::malformed("no ADTS frame", 0);
        let first = frames.first().ok_or_else(missing)?;
        let stream = AdtsHeader::parse(first).ok_or_else(missing)?;
        match stream.object_type() {
            2 => {}
            1 => return Err(held_back("AAC Main")),
            3 => return Err(held_back("AAC SSR")),
            _ => return Err(held_back("AAC LTP")),
        }
        let layout = match stream.channel_configuration() {
            0 => Opening::read(payload(&stream, first))
                .and_then(|opening| ChannelLayout::of_program(opening.program?)),
            configuration => ChannelLayout::of_configuration(configuration),
        };
        let blocks = BlockCoder::new(layout.ok_or_else(|| held_back(UNKNOWN_CHANNELS))?);
        let payloads =
            frames.iter().filter_map(|frame| Some(payload(&AdtsHeader::parse(frame)?, frame)));
        if carries_sbr(payloads) {
            return Err(implicit_sbr());
        }
        let rate = stream.sample_rate().ok_or_else(missing)?;
        Ok(Self { stream, rate, blocks, shortest: 0 })
    }

    /// The CRC of a frame with one silent block: of the header, and of 192 bits of each element
    /// behind its identifier and 128 bits of a pair's second channel, with zeros where an element
    /// is shorter (ISO 13818-7 section 6.2.3). Silent elements are shorter, and so is what `block`
    /// lacks.
    fn crc(&self, header: &[u8], block: &[u8]) -> u16 {
        let mut crc = Crc(0xFFFF);
        let mut reader = BitReader::new(header);
        while let Some(bit) = reader.flag() {
            crc.bit(bit);
        }
        let mut reader = BitReader::new(block);
        for element in self.blocks.elements() {
            let _identifier = reader.skip(3);
            let protected = if element.id == ElementId::Cpe { 192 + 128 } else { 192 };
            let bits = element_bits(element.id) - 3;
            (0..bits).for_each(|_| crc.bit(reader.flag().unwrap_or(false)));
            (bits..protected).for_each(|_| crc.bit(false));
        }
        crc.0
    }
}

/// The raw_data_blocks of `frame`, without damage behind it.
fn payload<'a>(header: &AdtsHeader, frame: &'a [u8]) -> &'a [u8] {
    frame.get(header.header_bytes()..header.frame_bytes).unwrap_or_default()
}

/// The first frames: as many as SBR is looked for in, fewer in a short file.
fn first_frames(source: &mut dyn ReadSeek) -> Result<Vec<Vec<u8>>, MaskError> {
    source.seek(SeekFrom::Start(0)).map_err(MediaError::Io)?;
    let mut source = source.take(MAX_HEAD_BYTES);
    let mut cutter = Cutter::new(AdtsFramer::default());
    let mut frames = Vec::new();
    let mut portion = Vec::new();
    while frames.len() < TESTED_FRAMES {
        portion.clear();
        (&mut source).take(16 * 1024).read_to_end(&mut portion).map_err(MediaError::Io)?;
        cutter.push(&portion);
        while let Some(piece) = cutter.next(portion.is_empty())? {
            if piece.unit {
                frames.push(piece.bytes);
            }
        }
        if portion.is_empty() {
            break;
        }
    }
    Ok(frames)
}

impl Coding for Frames {
    fn rate(&self) -> u32 {
        self.rate
    }

    fn reach(&self) -> Reach {
        Reach { after: u64::from(BLOCK_SAMPLES), ..Reach::default() }
    }

    fn ticks(&mut self, unit: &[u8]) -> Result<u64, UnitFault> {
        let header = AdtsHeader::parse(unit).ok_or(UnitFault::Malformed("no ADTS header"))?;
        let shortest = header.header_bytes() + usize::from(header.blocks) * self.blocks.shortest();
        self.shortest = self.shortest.max(shortest);
        Ok(u64::from(BLOCK_SAMPLES) * u64::from(header.blocks))
    }

    fn silence(&mut self, unit: &[u8], size: usize) -> Result<Vec<u8>, UnitFault> {
        let header = AdtsHeader::parse(unit).ok_or(UnitFault::Malformed("no ADTS header"))?;
        let further = usize::from(header.blocks) - 1;
        if further > 0 && (header.has_crc() || self.stream.channel_configuration() == 0) {
            return Err(UnitFault::Unsupported("ADTS with several blocks in a frame"));
        }
        let too_short = UnitFault::Unsupported("an ADTS frame shorter than a silent one");
        let frame_bytes = size.min(MAX_ADTS_FRAME_BYTES);
        let (shortest, block) = (self.blocks.shortest(), payload(&header, unit));
        let room = frame_bytes.checked_sub(header.header_bytes() + further * shortest);
        let last = self.blocks.silence(block, room.ok_or(too_short)?)?;

        let mut writer = BitWriter::default();
        self.stream.plain(frame_bytes, header.blocks).write(&mut writer);
        let mut frame = writer.into_bytes();
        if header.has_crc() {
            let crc = self.crc(&frame, &last);
            frame.extend_from_slice(&crc.to_be_bytes());
        }
        for _ in 0..further {
            frame.extend_from_slice(&self.blocks.silence(block, shortest)?);
        }
        frame.extend_from_slice(&last);
        frame.resize(size, 0);
        Ok(frame)
    }

    fn is_silence(&mut self, unit: &[u8]) -> bool {
        let frame_bytes = unit.len().min(MAX_ADTS_FRAME_BYTES);
        let Some(header) = AdtsHeader::parse(unit) else { return false };
        let Some((frame, damage)) = unit.split_at_checked(frame_bytes) else { return false };
        if header != self.stream.plain(frame_bytes, header.blocks)
            || damage.iter().any(|byte| *byte != 0)
        {
            return false;
        }
        let mut rest = payload(&header, frame);
        if let Some((plain, protection)) = frame.split_at_checked(AdtsHeader::BYTES)
            && header.has_crc()
            && !protection.starts_with(&self.crc(plain, rest).to_be_bytes())
        {
            return false;
        }
        // All blocks but the last are as short as can be.
        for _ in 1..header.blocks {
            let Some((block, others)) = rest.split_at_checked(self.blocks.shortest()) else {
                return false;
            };
            if !self.blocks.is_silence(block) {
                return false;
            }
            rest = others;
        }
        self.blocks.is_silence(rest)
    }

    fn level_units(&self) -> usize {
        LEVELLED_FRAMES
    }

    fn level(&self, sizes: &mut [usize]) {
        let total = sizes.iter().sum::<usize>();
        let Some(even) = total.checked_div(sizes.len()) else { return };
        let longer = total % sizes.len();
        if even < self.shortest || even >= MAX_ADTS_FRAME_BYTES {
            return;
        }
        for (at, size) in sizes.iter_mut().enumerate() {
            *size = even + usize::from(at < longer);
        }
    }
}

/// CRC-16 of ISO 11172-3 section 2.4.3.1: polynomial 0x8005, most significant bit first.
struct Crc(u16);

impl Crc {
    const fn bit(&mut self, bit: bool) {
        let carry = (self.0 >> 15 == 1) != bit;
        self.0 <<= 1;
        if carry {
            self.0 ^= 0x8005;
        }
    }
}
