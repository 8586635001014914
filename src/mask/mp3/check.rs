//! The check of masked frames: from both files' headers, side information and main data, and the
//! plan's times.

use std::collections::VecDeque;
use std::ops::Range;

use super::metadata::{clear_info, stated_music_crc};
use super::reservoir::{Reservoir, check_ranges, clear_bits, copy_bits, drop_until, overlap};
use super::side_fields::crc;
use super::track::GRANULE;
use crate::mask::MaskError;
use crate::mask::ticks::TickSpans;
use crate::mask::unit::Reach;

use crate::media::mp3::{FrameHeader, InfoFrame, SideInfo};

/// What of the main data is not simply the source's.
struct Part {
    bits: Range<u64>,
    what: What,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum What {
    /// Masked sound.
    Sound,
    /// Ancillary data behind it.
    Ancillary,
    /// A kept granule.
    Kept,
    /// A kept granule that was moved here, and compared.
    Moved,
}

/// Compares the frames of a masked stream with the source's, pair by pair.
pub(in crate::mask) struct FrameCheck {
    spans: TickSpans,
    reach: Reach,
    next_tick: u64,
    first: bool,
    source: Reservoir,
    masked: Reservoir,
    /// How many bytes of the main data were compared.
    compared: u64,
    parts: VecDeque<Part>,
    /// Where the last kept granule ends, in bits.
    kept_end: u64,
    /// From which bit on ancillary data must be gone, after a silent granule.
    gap: Option<u64>,
}

/// Two frames that belong together.
struct Pair<'a> {
    source: &'a [u8],
    masked: &'a [u8],
    header: FrameHeader,
    /// Of the masked frame.
    other: FrameHeader,
    wrong: MaskError,
}

impl FrameCheck {
    /// `spans` and `reach` are what [`super::track()`] was given.
    pub(in crate::mask) fn new(spans: TickSpans, reach: Reach) -> Self {
        Self {
            spans,
            reach,
            next_tick: 0,
            first: true,
            source: Reservoir::default(),
            masked: Reservoir::default(),
            compared: 0,
            parts: VecDeque::new(),
            kept_end: 0,
            gap: None,
        }
    }

    /// Takes a frame of the source and what became of it, at byte `at` of the masked file. True
    /// when any of it is silenced.
    ///
    /// # Errors
    /// [`MaskError::Recheck`] at `at` when this frame or one shortly before it is wrong.
    pub(in crate::mask) fn push(
        &mut self,
        source: &[u8],
        masked: &[u8],
        at: u64,
        from: Option<u64>,
    ) -> Result<bool, MaskError> {
        let wrong = || MaskError::Recheck { offset: at };
        let header = FrameHeader::read(source).ok_or_else(wrong)?;
        let other = FrameHeader::read(masked).ok_or_else(wrong)?;
        let first = std::mem::take(&mut self.first);
        if let Some(info) = InfoFrame::read(header, source) {
            self.reach = super::reach_after_info(self.reach, header, first);
            if first {
                let mut expected = source.to_vec();
                clear_info(&mut expected, info, stated_music_crc(masked, info));
                return if expected == masked { Ok(false) } else { Err(wrong()) };
            }
        }
        let start = from.unwrap_or(self.next_tick);
        let granules = header.granules() as u64;
        self.next_tick = start.saturating_add(granules.saturating_mul(GRANULE));
        let sounds = |index: u64| {
            let begin = start.saturating_add(index.saturating_mul(GRANULE));
            self.spans.touch(begin, begin.saturating_add(GRANULE), self.reach)
        };
        let in_mask = [sounds(0), sounds(granules.saturating_sub(1))];
        let pair = Pair { source, masked, header, other, wrong: wrong() };
        let silent = match SideInfo::read(header, source) {
            Some(side) => self.frame(&pair, side, in_mask).ok_or(pair.wrong)?,
            None => pair.cut_off(in_mask != [false; 2]).ok_or(pair.wrong)?,
        };
        let until = self.source.end().min(self.masked.end());
        self.compare(until.saturating_sub(header.max_main_data_begin())).ok_or_else(wrong)?;
        check_ranges(self.parts.len())?;
        Ok(silent)
    }

    /// Ends both streams.
    ///
    /// # Errors
    /// [`MaskError::Recheck`] at `at`, the end of the file, when the last frames are wrong.
    pub(in crate::mask) fn finish(&mut self, at: u64) -> Result<(), MaskError> {
        let end = self.source.end();
        let whole = end == self.masked.end();
        self.end_gap(end.saturating_mul(8));
        self.compare(end).filter(|()| whole).ok_or(MaskError::Recheck { offset: at })
    }

    fn end_gap(&mut self, until: u64) {
        if let Some(from) = self.gap.filter(|from| *from < until) {
            self.parts.push_back(Part { bits: from..until, what: What::Ancillary });
            self.gap = Some(until);
        }
    }

    /// Checks a whole frame; `None` when it is wrong, else whether any of it is silent.
    fn frame(&mut self, pair: &Pair<'_>, side: SideInfo, in_mask: [bool; 2]) -> Option<bool> {
        let begins = (self.source.end(), self.masked.end());
        self.source.append(pair.payload(pair.source, pair.header)?);
        self.masked.append(pair.payload(pair.masked, pair.other)?);
        let limit = i128::from(self.source.end()) * 8;
        let origin = (i128::from(begins.0) - i128::from(side.main_data_begin)) * 8;
        let middle = origin + i128::from(side.granule_bits[0]);
        let end = middle + i128::from(side.granule_bits[1]);
        let inside = |bit: i128| u64::try_from(bit.clamp(0, limit)).unwrap_or(0);
        let bits = |from: i128, to: i128| inside(from)..inside(to);
        let all = bits(origin, end);
        self.end_gap(all.start);
        self.gap = None;

        let meets = |wanted: &[What]| {
            let mut parts = self.parts.iter().filter(|part| wanted.contains(&part.what));
            parts.any(|part| overlap(&part.bits, &all))
        };
        let stuck = side.shares_scale_factors || origin < 0 || end > limit;
        let silent = if (in_mask == [true, false] && (stuck || meets(&[What::Kept, What::Moved])))
            || meets(&[What::Sound])
        {
            [true; 2]
        } else {
            in_mask
        };
        let (first, second) = (bits(origin, middle), bits(middle, end));
        match silent {
            [false, false] => self.keep(all, What::Kept),
            [true, true] => {
                let begin = begins.1.saturating_sub(self.kept_end.div_ceil(8));
                let begin = begin.min(pair.header.max_main_data_begin());
                self.lose(all);
                let written = SideInfo::read(pair.other, pair.masked)?.main_data_begin;
                return (written == begin && pair.changed(silent)).then_some(true);
            }
            [false, true] => {
                self.keep(first, What::Kept);
                self.lose(second);
            }
            [true, false] => {
                let to = all.start..all.start.saturating_add(second.end - second.start);
                let same = |(from, to)| self.source.bit(from) == self.masked.bit(to);
                if !second.zip(to.clone()).all(same) {
                    return None;
                }
                self.lose(all);
                self.keep(to, What::Moved);
            }
        }
        let same_place = begins.0 == begins.1 && pair.header == pair.other;
        let held = if silent == [false; 2] { pair.kept() } else { pair.changed(silent) };
        (same_place && held).then_some(silent != [false; 2])
    }

    fn keep(&mut self, bits: Range<u64>, what: What) {
        if !bits.is_empty() {
            self.kept_end = self.kept_end.max(bits.end);
            self.parts.push_back(Part { bits, what });
        }
    }

    fn lose(&mut self, bits: Range<u64>) {
        self.gap = Some(bits.end);
        self.parts.push_back(Part { bits, what: What::Sound });
    }

    /// Compares the main data up to byte `until`.
    fn compare(&mut self, until: u64) -> Option<()> {
        if until <= self.compared {
            return Some(());
        }
        let at = self.compared.saturating_mul(8);
        let gap = self.gap.filter(|from| *from < until.saturating_mul(8));
        let source = self.source.bytes(self.compared..until)?;
        let masked = self.masked.bytes(self.compared..until)?;
        let lost = |what| matches!(what, What::Sound | What::Ancillary);
        if gap.is_none() && !self.parts.iter().any(|part| lost(part.what)) {
            if source != masked {
                return None;
            }
        } else {
            let mut expected = source.to_vec();
            for part in self.parts.iter().filter(|part| lost(part.what)) {
                clear_bits(&mut expected, at, &part.bits);
            }
            if let Some(from) = gap {
                clear_bits(&mut expected, at, &(from..u64::MAX));
            }
            for part in self.parts.iter().filter(|part| !lost(part.what)) {
                let from = if part.what == What::Kept { source } else { masked };
                copy_bits(from, &mut expected, at, &part.bits);
            }
            if expected != masked {
                return None;
            }
        }
        self.compared = until;
        drop_until(&mut self.parts, until.saturating_mul(8), |part| part.bits.end);
        self.source.forget(until);
        self.masked.forget(until);
        Some(())
    }
}

impl Pair<'_> {
    /// The part of a frame that belongs to the main data.
    fn payload<'a>(&self, frame: &'a [u8], header: FrameHeader) -> Option<&'a [u8]> {
        frame.get(header.payload_at()..header.frame_len().unwrap_or(frame.len()).min(frame.len()))
    }

    /// All but the main data, of a frame that is kept.
    fn kept(&self) -> bool {
        let end = self.header.frame_len().unwrap_or(self.source.len());
        let around = |frame: &[u8]| {
            let head = frame.get(..self.header.payload_at()).map(<[u8]>::to_vec);
            (head, frame.get(end..).map(<[u8]>::to_vec))
        };
        around(self.source) == around(self.masked)
    }

    /// All but the main data, of a frame of which something is silent.
    fn changed(&self, silent: [bool; 2]) -> bool {
        let header = self.header;
        let area = header.side_info_at()..header.payload_at();
        let (Some(source), Some(masked)) = (self.source.get(area.clone()), self.masked.get(area))
        else {
            return false;
        };
        let mut expected = source.to_vec();
        let clear = |expected: &mut Vec<u8>, bits: Range<usize>| {
            clear_bits(expected, 0, &(bits.start as u64..bits.end as u64));
        };
        clear(&mut expected, SideInfo::scale_factor_selection(header));
        for granule in (0..header.granules()).filter(|index| silent.get(*index) == Some(&true)) {
            clear(&mut expected, SideInfo::granule_fields(header, granule));
        }
        if silent == [true; 2] {
            // Nothing but main_data_begin is left, and that was compared.
            expected.fill(0);
            let begin = SideInfo::begin_bits(header).into();
            copy_bits(masked, &mut expected, 0, &(0..begin));
        }
        let trailing = self.other.frame_len().and_then(|len| self.masked.get(len..));
        let crc_holds = !header.has_crc()
            || self.masked.get(4..6) == Some(&crc(self.masked, self.other).to_be_bytes());
        let resized = header.sized_as(self.other) == self.other && silent == [true; 2];
        expected == masked
            && crc_holds
            && (self.header == self.other || resized)
            && trailing.is_none_or(|bytes| bytes.iter().all(|byte| *byte == 0))
    }

    /// A frame that ends before its side information does.
    fn cut_off(&self, silent: bool) -> Option<bool> {
        let rest = self.masked.get(FrameHeader::LEN..)?;
        let holds = if silent {
            self.header == self.other
                && self.source.len() == self.masked.len()
                && rest.iter().all(|byte| *byte == 0)
        } else {
            self.source == self.masked
        };
        holds.then_some(silent)
    }
}
