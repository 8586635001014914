//! One FLAC frame after the other.

use super::fill::{self, Subframe};
use super::read;
use crate::mask::unit::{Coding, Reach, UnitFault};
use crate::media::{BitWriter, FrameHeader, StreamInfo, crc16};

/// How many masked frames are levelled at once, and how many bytes at most.
const LEVEL_FRAMES: usize = 64;
const LEVEL_BYTES: usize = 4 * 1024 * 1024;
/// Bytes of a frame's CRC-16.
pub(super) const CRC_BYTES: usize = 2;

/// FLAC frames; ticks are samples.
pub(super) struct FlacCoding {
    pub(super) info: StreamInfo,
    /// First samples of frames that must stay where they are. Invariant: sorted.
    pub(super) seek_samples: Vec<u64>,
}

/// A frame to be silenced: its header's bytes, what they say, and the width of each channel.
struct Shape<'a> {
    bytes: &'a [u8],
    header: FrameHeader,
    widths: Vec<u32>,
}

impl Shape<'_> {
    /// Subframes that fill `payload` bytes; `None` when no combination does.
    fn fill(&self, payload: usize) -> Option<Vec<Subframe>> {
        fill::subframes(self.header.block_size, &self.widths, bits(payload))
    }

    /// Bytes of the frame that are no subframes.
    const fn overhead(&self) -> usize {
        self.header.len + CRC_BYTES
    }
}

const fn bits(bytes: usize) -> u64 {
    (bytes as u64).saturating_mul(8)
}

impl FlacCoding {
    fn shape<'a>(&self, unit: &'a [u8]) -> Result<Shape<'a>, UnitFault> {
        let damaged = UnitFault::Malformed("a damaged FLAC frame header");
        let header = FrameHeader::parse(unit).ok_or(damaged)?;
        if header.rate.is_some_and(|rate| rate != self.info.rate) {
            return Err(UnitFault::Unsupported("a change of the sampling rate"));
        }
        let bytes = unit.get(..header.len).ok_or(damaged)?;
        Ok(Shape { bytes, header, widths: header.widths(&self.info) })
    }

    /// Only the last block of a stream may be shorter than STREAMINFO says.
    const fn is_last(&self, header: &FrameHeader) -> bool {
        header.block_size < self.info.min_block
    }

    /// Whether the SEEKTABLE points to this frame.
    fn is_sought(&self, header: &FrameHeader) -> bool {
        let from = header.first_sample(&self.info);
        let next = self.seek_samples.partition_point(|sample| *sample < from);
        let to = from.saturating_add(u64::from(header.block_size));
        self.seek_samples.get(next).is_some_and(|sample| *sample < to)
    }

    /// Sizes in proportion to the blocks; `None` when they cannot all be reached.
    fn levelled(&self, row: &[Shape<'_>], sizes: &[usize]) -> Option<Vec<usize>> {
        let mut payload = row.iter().zip(sizes).try_fold(0_usize, |sum, (shape, size)| {
            sum.checked_add(size.checked_sub(shape.overhead())?)
        })?;
        let mut samples: u64 = row.iter().map(|shape| u64::from(shape.header.block_size)).sum();
        let mut levelled = Vec::with_capacity(row.len());
        // From the end, for a short last block has fewer sizes to choose from than the others, and
        // leaves what it cannot use to them.
        for shape in row.iter().rev() {
            let block = u64::from(shape.header.block_size);
            let share = u128::from(block) * payload as u128 / u128::from(samples.max(1));
            let mut share = usize::try_from(share).ok()?;
            if shape.fill(share).is_none() {
                let plain = fill::plain(shape.header.block_size, &shape.widths, bits(share))?;
                share = usize::try_from(plain.div_ceil(8)).ok()?;
            }
            shape.fill(share)?;
            payload = payload.checked_sub(share)?;
            samples -= block;
            levelled.push(shape.overhead().checked_add(share)?);
        }
        levelled.reverse();
        (payload == 0).then_some(levelled)
    }
}

impl Coding for FlacCoding {
    fn rate(&self) -> u32 {
        self.info.rate
    }

    fn reach(&self) -> Reach {
        Reach::default()
    }

    fn ticks(&mut self, unit: &[u8]) -> Result<u64, UnitFault> {
        self.shape(unit).map(|shape| u64::from(shape.header.block_size))
    }

    fn silence(&mut self, unit: &[u8], size: usize) -> Result<Vec<u8>, UnitFault> {
        let none = UnitFault::Unsupported("a FLAC frame of a length that silence cannot have");
        let shape = self.shape(unit)?;
        let room = size.checked_sub(shape.overhead()).ok_or(none)?;
        let exact = shape.fill(room).map(|subframes| (subframes, room));
        // Decoders stop at the last sample; zeros after it are the last resort.
        let (subframes, payload) = match exact {
            Some(found) => found,
            None if self.is_last(&shape.header) => {
                let constant = fill::constant(&shape.widths);
                let payload = usize::try_from(constant.div_ceil(8)).unwrap_or(usize::MAX);
                let subframes = shape.fill(payload).filter(|_| payload <= room);
                (subframes.ok_or(none)?, payload)
            }
            None => return Err(none),
        };
        let mut writer = BitWriter::default();
        shape.bytes.iter().for_each(|byte| writer.write(u32::from(*byte), 8));
        for subframe in &subframes {
            subframe.write(shape.header.block_size, &mut writer);
        }
        let mut frame = writer.into_bytes();
        frame.resize(shape.header.len.saturating_add(payload), 0);
        let sum = crc16(0, &frame);
        frame.extend_from_slice(&sum.to_be_bytes());
        frame.resize(size, 0);
        Ok(frame)
    }

    fn is_silence(&mut self, unit: &[u8]) -> bool {
        let Ok(shape) = self.shape(unit) else { return false };
        let end = read::silent_len(unit, &shape.header, &shape.widths);
        let end = end.and_then(|len| len.checked_add(CRC_BYTES));
        let Some((frame, tail)) = end.and_then(|end| unit.split_at_checked(end)) else {
            return false;
        };
        let ends = tail.is_empty() || self.is_last(&shape.header);
        ends && crc16(0, frame) == 0 && tail.iter().all(|byte| *byte == 0)
    }

    fn level_units(&self) -> usize {
        // Eight channels of 33 bits at most, though most files have one of 16.
        let longest = usize::try_from(self.info.max_block).unwrap_or(usize::MAX).saturating_mul(33);
        (LEVEL_BYTES / longest.max(1)).clamp(1, LEVEL_FRAMES)
    }

    fn level_row(&self, units: &[&[u8]]) -> Vec<usize> {
        let mut sizes: Vec<usize> = units.iter().map(|unit| unit.len()).collect();
        let shapes: Result<Vec<Shape<'_>>, _> = units.iter().map(|unit| self.shape(unit)).collect();
        let Ok(mut shapes) = shapes.as_deref() else { return sizes };
        let mut rest = sizes.as_mut_slice();
        while let Some((_, others)) = shapes.split_first() {
            let more = others.iter().take_while(|shape| !self.is_sought(&shape.header)).count();
            let (row, behind) = shapes.split_at(1 + more);
            let (row_sizes, behind_sizes) = rest.split_at_mut(1 + more);
            if let Some(levelled) = self.levelled(row, row_sizes) {
                row_sizes.copy_from_slice(&levelled);
            }
            (shapes, rest) = (behind, behind_sizes);
        }
        sizes
    }
}
