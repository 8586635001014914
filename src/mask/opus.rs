//! Silence in Opus: packets of CELT's silence flag, whatever mode they stand in for.

use super::unit::{Coding, Reach, UnitFault};
use super::{MaskError, QuarantineReason};
use crate::media::{OPUS_RATE, OpusHead, OpusPacket};

/// A CELT frame that is silent: its first symbol is the silence flag (RFC 6716 section 4.3).
const SILENT_FRAME: [u8; 2] = [0xFF, 0xFE];
/// How long the decoder's filters and overlaps ring into a silenced packet: 6 ms.
const RINGING_TICKS: u64 = 288;
/// Most packets that are levelled together: a second and more.
const LEVEL_PACKETS: usize = 64;

/// The coding of a stream with this header.
///
/// # Errors
/// Quarantine for packets of several streams (channel mapping families with more than 2 channels).
pub(super) fn coding(head: &OpusHead) -> Result<Box<dyn Coding>, MaskError> {
    if head.streams != 1 {
        let detail = format!("Opus with {} streams in each packet", head.streams);
        return Err(MaskError::quarantine(QuarantineReason::MaskUnsupportedContainer, detail));
    }
    Ok(Box::new(OpusCoding { audible: 3 }))
}

struct OpusCoding {
    /// Size of the smallest packet that holds silent frames instead of empty ones, for the packet
    /// with the most frames that was seen.
    audible: usize,
}

impl Coding for OpusCoding {
    fn rate(&self) -> u32 {
        OPUS_RATE
    }

    /// One packet after a mask is silenced too: it may hold a copy of the last masked one (LBRR),
    /// and its energies are coded relative to it.
    fn reach(&self) -> Reach {
        Reach { before: 0, after: RINGING_TICKS, units_after: 1 }
    }

    fn ticks(&mut self, unit: &[u8]) -> Result<u64, UnitFault> {
        let packet = OpusPacket::read(unit).map_err(UnitFault::Malformed)?;
        self.audible = self.audible.max(Shape::of(packet).audible());
        Ok(u64::from(packet.ticks))
    }

    fn silence(&mut self, unit: &[u8], size: usize) -> Result<Vec<u8>, UnitFault> {
        let packet = OpusPacket::read(unit).map_err(UnitFault::Malformed)?;
        Shape::of(packet).write(size)
    }

    fn is_silence(&mut self, unit: &[u8]) -> bool {
        self.silence(unit, unit.len()).is_ok_and(|silent| silent == unit)
    }

    /// Padding can carry speech of up to a second ago (deep redundancy, DRED).
    fn tidy(&mut self, unit: &mut [u8]) {
        let padding = OpusPacket::read(unit).map_or(0, |packet| packet.padding);
        let from = unit.len().saturating_sub(padding);
        unit.get_mut(from..).unwrap_or_default().fill(0);
    }

    fn level_units(&self) -> usize {
        LEVEL_PACKETS
    }

    /// Where there are too few bytes for silent frames in all packets, the first ones get them:
    /// the empty frames of the others go on from there.
    fn level(&self, sizes: &mut [usize]) {
        let (count, total) = (sizes.len(), sizes.iter().sum::<usize>());
        let least = sizes.iter().copied().min().unwrap_or(0);
        let spare = total.saturating_sub(least.saturating_mul(count));
        let filled = match self.audible.checked_sub(least) {
            Some(missing) if total < self.audible.saturating_mul(count) => {
                spare.checked_div(missing).unwrap_or(0).clamp(1, count.max(1))
            }
            _ => count,
        };
        let shared = total.saturating_sub(least.saturating_mul(count.saturating_sub(filled)));
        for (at, size) in sizes.iter_mut().enumerate() {
            let share = shared.checked_div(filled).unwrap_or(0);
            let extra = usize::from(at < shared.checked_rem(filled).unwrap_or(0));
            *size = if at < filled { share + extra } else { least };
        }
    }
}

/// The frames of a silent packet.
#[derive(Debug, Clone, Copy)]
struct Shape {
    /// TOC of a CELT-only packet, the code left 0.
    toc: u8,
    /// At most 48.
    frames: u8,
    /// The frames have 20 ms.
    longest: bool,
}

impl Shape {
    /// As long as `packet`, in the longest frames that CELT has, of the same bandwidth.
    fn of(packet: OpusPacket) -> Self {
        // CELT knows no medium band; wide band is next.
        let band = match packet.config {
            0..=3 => 16,
            4..=11 => 20,
            12..=13 => 24,
            14..=15 => 28,
            celt => celt & !3,
        };
        let fits = |step: &u8| packet.ticks.is_multiple_of(120 << step);
        let step = (0..=3).rev().find(fits).unwrap_or(0);
        let frames = u8::try_from(packet.ticks / (120 << step)).unwrap_or(u8::MAX);
        let stereo = u8::from(packet.stereo) << 2;
        Self { toc: (band + step) << 3 | stereo, frames, longest: step == 3 }
    }

    /// Size of the smallest packet whose frames are silent and not empty.
    const fn audible(self) -> usize {
        let code_bytes = if self.frames <= 2 { 1 } else { 2 };
        code_bytes + SILENT_FRAME.len() * self.frames as usize
    }

    /// The packet of `size` bytes. One that is too small for silent frames has empty ones: the
    /// decoder goes on from the silence before.
    fn write(self, size: usize) -> Result<Vec<u8>, UnitFault> {
        let content = SILENT_FRAME.len() * usize::from(self.frames);
        let mut packet = Vec::with_capacity(size);
        if size < 2 {
            packet.push(self.bare_toc()?);
        } else if self.frames <= 2 && size == 1 + content {
            packet.push(self.toc | (self.frames - 1));
            packet.extend(SILENT_FRAME.repeat(usize::from(self.frames)));
        } else {
            let content = if size < 2 + content { 0 } else { content };
            // The bytes of the padding's length, and the padding itself: 255 stands for 254 more
            // bytes and a further length byte.
            let padding = size - 2 - content;
            packet.push(self.toc | 3);
            packet.push(self.frames | if padding > 0 { 0x40 } else { 0 });
            if let Some(rest) = padding.checked_sub(1) {
                packet.resize(2 + rest / 255, 255);
                packet.push(u8::try_from(rest % 255).unwrap_or(0));
            }
            packet.extend(SILENT_FRAME.repeat(content / SILENT_FRAME.len()));
        }
        if packet.len() > size {
            return Err(UnitFault::Malformed("an Opus packet is empty"));
        }
        packet.resize(size, 0);
        Ok(packet)
    }

    /// The TOC of a packet of one byte: one or two empty frames. Only SILK has frames beyond 20 ms.
    fn bare_toc(self) -> Result<u8, UnitFault> {
        let narrow = self.toc >> 5 == 4;
        let silk = |step: u8| (if narrow { step } else { 8 + step }) << 3 | (self.toc & 4);
        match self.frames {
            1 => Ok(self.toc),
            2 => Ok(self.toc | 1),
            3 if self.longest => Ok(silk(3)),
            4 if self.longest => Ok(silk(2) | 1),
            6 if self.longest => Ok(silk(3) | 1),
            _ => Err(UnitFault::Unsupported("an Opus packet of one byte has so many frames")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opus() -> OpusCoding {
        OpusCoding { audible: 3 }
    }

    /// One packet of every configuration, code and frame count.
    fn packets() -> Vec<Vec<u8>> {
        let tocs = 0..=255_u8;
        let packets = tocs.flat_map(|toc| {
            let counts = if toc & 3 == 3 { 1..=48 } else { 0..=0 };
            counts.map(move |count| vec![toc, count, 1, 2, 3])
        });
        packets.filter(|packet| OpusPacket::read(packet).is_ok()).collect()
    }

    #[test]
    fn silence_has_the_size_duration_and_channels_asked_for() {
        for packet in packets() {
            let read = OpusPacket::read(&packet).unwrap();
            for size in (1..=130).chain([257, 258, 259, 260, 513, 514, 515, 1300]) {
                let Ok(silent) = opus().silence(&packet, size) else {
                    assert_eq!(size, 1, "{packet:?}");
                    continue;
                };
                let again = OpusPacket::read(&silent).unwrap();
                assert_eq!(
                    (silent.len(), again.ticks, again.stereo),
                    (size, read.ticks, read.stereo)
                );
                assert!(opus().is_silence(&silent), "{packet:?} {size}");
                assert!(size == 1 || again.config >= 16);
                // What is neither header nor padding are silent frames, or nothing.
                if size > Shape::of(read).audible() {
                    let frames = &silent[..size - again.padding];
                    let content = SILENT_FRAME.repeat(again.frames as usize);
                    assert!(frames.ends_with(&content), "{packet:?} {size} {silent:?}");
                    assert!(silent[size - again.padding..].iter().all(|byte| *byte == 0));
                }
            }
        }
    }

    #[test]
    fn any_other_byte_is_not_silence() {
        let silent = opus().silence(&[0x0B, 2, 9], 400).unwrap();
        for at in 2..silent.len() {
            let mut other = silent.clone();
            other[at] ^= 0x10;
            assert!(!opus().is_silence(&other), "byte {at}");
        }
        assert!(!opus().is_silence(&[]) && !opus().is_silence(&[0xFB]));
    }

    #[test]
    fn levelled_sizes_have_the_same_sum_and_do_not_follow_the_loudness() {
        let level = |sizes: &[usize]| {
            let mut levelled = sizes.to_vec();
            opus().level(&mut levelled);
            assert_eq!(levelled.iter().sum::<usize>(), sizes.iter().sum::<usize>());
            levelled
        };
        assert_eq!(level(&[90, 10, 20]), [40, 40, 40]);
        assert_eq!(level(&[10, 91, 20]), [41, 40, 40]);
        // Not enough for all: pauses of one byte each.
        assert_eq!(level(&[1, 1, 6, 1, 1]), [4, 3, 1, 1, 1]);
        assert_eq!(level(&[1, 1, 1]), [1, 1, 1]);
        assert_eq!(level(&[2, 1, 1]), [2, 1, 1]);
        assert_eq!(level(&[7]), [7]);
        assert_eq!(level(&[]), [0; 0]);
    }

    #[test]
    fn padding_is_cleared_and_nothing_else() {
        let mut packet = vec![0xFF, 0x41, 3, 0xAA, 0xBB, 1, 2, 3];
        opus().tidy(&mut packet);
        assert_eq!(packet, [0xFF, 0x41, 3, 0xAA, 0xBB, 0, 0, 0]);
        let mut plain = vec![0xFC, 1, 2, 3];
        opus().tidy(&mut plain);
        assert_eq!(plain, [0xFC, 1, 2, 3]);
    }

    #[test]
    fn several_streams_in_a_packet_are_held_back() {
        let head = OpusHead { channels: 6, pre_skip: 0, family: 1, streams: 4 };
        assert!(coding(&head).is_err());
        assert!(coding(&OpusHead { streams: 1, ..head }).is_ok());
    }
}
