//! Rewrites the frames of one stream. A frame's sound lies up to 511 bytes ahead of it, so frames
//! are held until no later one can reach into them.

use std::collections::VecDeque;
use std::ops::Range;

use super::level::Run;
use super::metadata::clear_info;
use super::reservoir::{Reservoir, check_ranges, clear_bits, copy_bits, drop_until, overlap};
use super::side_fields::{set_main_data_begin, silence_granules};
use crate::mask::MaskError;
use crate::mask::ticks::TickSpans;
use crate::mask::track::{Count, Track};
use crate::mask::unit::{Reach, UnitFault};
use crate::media::mp3::{FrameHeader, InfoFrame, SideInfo};

/// Samples of a granule.
pub(super) const GRANULE: u64 = 576;
/// What a later frame is told that would need a cut-off one.
const CUT_OFF: UnitFault = UnitFault::Malformed("an MP3 frame follows one that is cut off");

/// A piece of the file that waits.
struct Held {
    bytes: Vec<u8>,
    /// Where its payload lies in `bytes`; empty for what is no frame of sound.
    payload: Range<usize>,
    /// Where its payload ends in the main data stream.
    end: u64,
    kind: Kind,
    /// Set for a frame of which everything is silent.
    silent: Option<SilentFrame>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Frame,
    /// A tag, or a frame that holds no sound.
    Index,
    Garbage,
}

#[derive(Clone, Copy)]
struct SilentFrame {
    header: FrameHeader,
    /// Where kept main data ended before it, in bytes.
    kept_end: u64,
}

/// Main data that is cleared.
struct Cleared {
    bits: Range<u64>,
    /// Masked sound, not ancillary data.
    sound: bool,
}

/// The track of an MP3 stream.
pub(super) struct Mp3Track {
    spans: TickSpans,
    reach: Reach,
    /// What a LAME tag is to say of the music's CRC.
    music_crc: u16,
    next_tick: u64,
    family: Option<u32>,
    cut_off: bool,
    last_silent: bool,
    count: Count,
    main: Reservoir,
    held: VecDeque<Held>,
    cleared: VecDeque<Cleared>,
    /// Main data of kept granules, where it lies in the result.
    kept: VecDeque<Range<u64>>,
    /// The bit at which the last kept main data ended.
    kept_end: u64,
    /// Ancillary data is to be cleared from this bit on, up to the next frame's main data.
    gap: Option<u64>,
    run: Option<Run>,
    done: VecDeque<Vec<u8>>,
}

impl Mp3Track {
    pub(super) fn new(spans: TickSpans, reach: Reach) -> Self {
        Self {
            spans,
            reach,
            music_crc: 0,
            next_tick: 0,
            family: None,
            cut_off: false,
            last_silent: false,
            count: Count::default(),
            main: Reservoir::default(),
            held: VecDeque::new(),
            cleared: VecDeque::new(),
            kept: VecDeque::new(),
            kept_end: 0,
            gap: None,
            run: None,
            done: VecDeque::new(),
        }
    }

    /// For a file of frames alone: silent frames in a row may swap sizes, and the CRC of the music
    /// is what a LAME tag is to say.
    pub(super) fn of_raw_file(mut self, music_crc: u16) -> Self {
        self.music_crc = music_crc;
        self.run = Some(Run::default());
        self
    }

    /// Takes what stands between two frames, and gives it back in its place. Garbage is cleared
    /// when the frame before or after it is silenced.
    pub(super) fn between(&mut self, mut bytes: Vec<u8>, garbage: bool) {
        if garbage && self.last_silent {
            bytes.fill(0);
        }
        self.hold(bytes, 0..0, if garbage { Kind::Garbage } else { Kind::Index });
    }

    fn hold(&mut self, bytes: Vec<u8>, payload: Range<usize>, kind: Kind) {
        let end = self.main.end();
        self.held.push_back(Held { bytes, payload, end, kind, silent: None });
    }

    /// Which granules of a frame sound inside a mask, and moves the clock on.
    fn touched(&mut self, header: FrameHeader, from: Option<u64>) -> [bool; 2] {
        let start = from.unwrap_or(self.next_tick);
        let middle = start.saturating_add(GRANULE);
        let first = self.spans.touch(start, middle, self.reach);
        if header.granules() == 1 {
            self.next_tick = middle;
            return [first; 2];
        }
        self.next_tick = middle.saturating_add(GRANULE);
        [first, self.spans.touch(middle, self.next_tick, self.reach)]
    }

    /// Which granules of a frame are silenced: those that sound in a mask, and those that would
    /// need them, or whose main data is mixed up with theirs.
    fn choose(&self, touched: [bool; 2], side: SideInfo, place: &Place) -> [bool; 2] {
        let own = place.bits();
        let mixed =
            self.cleared.iter().any(|cleared| cleared.sound && overlap(&cleared.bits, &own));
        let needs_first = side.shares_scale_factors
            || place.outside
            || self.kept.iter().any(|kept| overlap(kept, &own));
        match touched {
            [true, false] if needs_first => [true; 2],
            _ if mixed => [true; 2],
            _ => touched,
        }
    }

    /// Notes what of a frame's main data is kept and what cleared; moves a second granule that
    /// stays to where the first was.
    fn settle(&mut self, silent: [bool; 2], place: &Place) {
        let [first, second] = &place.granules;
        let own = place.bits();
        let (kept, cleared) = match silent {
            [false, false] => (own, None),
            [true, true] => (own.start..own.start, Some(own)),
            [false, true] => (first.clone(), Some(second.clone())),
            [true, false] => {
                let moved = own.start..own.start.saturating_add(second.end - second.start);
                self.main.move_bits(second.clone(), own.start);
                (moved, Some(own))
            }
        };
        if !kept.is_empty() {
            self.kept_end = self.kept_end.max(kept.end);
            self.kept.push_back(kept);
        }
        if let Some(bits) = cleared {
            self.gap = Some(bits.end);
            self.cleared.push_back(Cleared { bits, sound: true });
        }
    }

    /// Ends the gap after the frame before at bit `until`.
    fn close_gap(&mut self, until: u64) {
        if let Some(from) = self.gap.filter(|from| *from < until) {
            self.cleared.push_back(Cleared { bits: from..until, sound: false });
        }
    }

    /// Finishes whatever lies wholly before byte `until` of the main data.
    fn release(&mut self, until: u64) -> Result<(), MaskError> {
        self.close_gap(until.saturating_mul(8));
        self.gap = self.gap.map(|from| from.max(until.saturating_mul(8)));
        while let Some(mut held) = self.held.pop_front_if(|held| held.end <= until) {
            if !self.cleared.is_empty() {
                self.paint(&mut held);
            }
            let end = held.end.saturating_mul(8);
            drop_until(&mut self.cleared, end, |cleared| cleared.bits.end);
            drop_until(&mut self.kept, end, |kept| kept.end);
            self.main.forget(held.end);
            let payload = held.bytes.get(held.payload.clone()).unwrap_or_default();
            match (&mut self.run, held.silent) {
                (Some(run), Some(SilentFrame { header, kept_end }))
                    if payload.iter().all(|byte| *byte == 0) =>
                {
                    let start = held.end.saturating_sub(held.payload.len() as u64);
                    run.push(held.bytes, header, (start, kept_end), &mut self.done);
                }
                (run, _) => {
                    if let Some(run) = run {
                        run.flush(&mut self.done);
                    }
                    self.done.push_back(held.bytes);
                }
            }
        }
        Ok(check_ranges(self.held.len())?)
    }

    /// Writes a frame's payload as it is in the result.
    fn paint(&self, held: &mut Held) {
        let start = held.end.saturating_sub(held.payload.len() as u64);
        let source = self.main.bytes(start..held.end);
        let target = held.bytes.get_mut(held.payload.clone());
        let (Some(source), Some(target)) = (source, target) else { return };
        target.copy_from_slice(source);
        let at = start.saturating_mul(8);
        for cleared in &self.cleared {
            clear_bits(target, at, &cleared.bits);
        }
        for kept in &self.kept {
            copy_bits(source, target, at, kept);
        }
    }

    /// Clears the garbage since the last frame, because the next one is silent.
    fn clear_garbage(&mut self) {
        let since = self.held.iter_mut().rev().take_while(|held| held.kind != Kind::Frame);
        for held in since.filter(|held| held.kind == Kind::Garbage) {
            held.bytes.fill(0);
        }
    }

    /// Reads the header, and refuses what does not belong to the stream.
    fn header(&mut self, unit: &[u8]) -> Result<FrameHeader, UnitFault> {
        let Some(header) = FrameHeader::read(unit) else {
            return Err(if FrameHeader::is_other_layer(unit) {
                UnitFault::Unsupported("MPEG audio of layer I or II")
            } else {
                UnitFault::Malformed("no MP3 frame where one must begin")
            });
        };
        if self.family.is_some_and(|family| family != header.family()) {
            return Err(UnitFault::Unsupported("another MPEG version or sampling rate"));
        }
        Ok(header)
    }

    /// Takes a frame whose main data is known.
    fn frame(
        &mut self,
        mut unit: Vec<u8>,
        header: FrameHeader,
        side: SideInfo,
        touched: [bool; 2],
    ) {
        let payload = header.payload_at()..header.frame_len().unwrap_or(unit.len()).min(unit.len());
        let begin = self.main.end();
        self.main.append(unit.get(payload.clone()).unwrap_or_default());
        let place = Place::new(begin, self.main.end(), side);
        self.close_gap(place.bits().start);
        self.gap = None;
        let silent = self.choose(touched, side, &place);
        let kept_end = self.kept_end.div_ceil(8);
        self.settle(silent, &place);
        let whole = silent == [true; 2];
        if silent != [false; 2] {
            silence_granules(&mut unit, header, silent);
            if whole {
                set_main_data_begin(&mut unit, header, begin.saturating_sub(kept_end));
            }
            if let Some(trailing) = unit.get_mut(payload.end..) {
                trailing.fill(0);
            }
            self.clear_garbage();
            self.count.silenced += 1;
        }
        self.last_silent = silent != [false; 2];
        self.hold(unit, payload, Kind::Frame);
        if let Some(held) = self.held.back_mut().filter(|_| whole) {
            held.silent = Some(SilentFrame { header, kept_end });
        }
    }
}

impl Track for Mp3Track {
    fn push(&mut self, mut unit: Vec<u8>, at: u64, from: Option<u64>) -> Result<(), MaskError> {
        if self.cut_off {
            return Err(CUT_OFF.at(at));
        }
        let header = self.header(&unit).map_err(|fault| fault.at(at))?;
        let first = self.family.replace(header.family()).is_none();
        if let Some(info) = InfoFrame::read(header, &unit) {
            self.reach = super::reach_after_info(self.reach, header, first);
            if first {
                clear_info(&mut unit, info, self.music_crc);
                self.hold(unit, 0..0, Kind::Index);
                return Ok(());
            }
        }
        self.count.total += 1;
        let touched = self.touched(header, from);
        self.cut_off = header.frame_len().is_some_and(|len| len > unit.len());
        match SideInfo::read(header, &unit) {
            Some(side) => self.frame(unit, header, side, touched),
            None => {
                self.cut_off = true;
                self.last_silent = touched != [false; 2];
                if self.last_silent {
                    unit.get_mut(FrameHeader::LEN..).unwrap_or_default().fill(0);
                    self.clear_garbage();
                    self.count.silenced += 1;
                }
                self.hold(unit, 0..0, Kind::Frame);
            }
        }
        self.release(self.main.end().saturating_sub(header.max_main_data_begin()))
    }

    fn finish(&mut self) -> Result<(), MaskError> {
        self.release(self.main.end())?;
        if let Some(run) = &mut self.run {
            run.flush(&mut self.done);
        }
        Ok(())
    }

    fn pop(&mut self) -> Option<Vec<u8>> {
        self.done.pop_front()
    }

    fn count(&self) -> Count {
        self.count
    }
}

/// Where a frame's granules lie in the main data, in bits.
struct Place {
    /// Invariant: the second begins where the first ends.
    granules: [Range<u64>; 2],
    /// It begins before the stream, or ends behind the frame.
    outside: bool,
}

impl Place {
    /// Of a frame whose payload is `[begin, end)` in bytes.
    fn new(begin: u64, end: u64, side: SideInfo) -> Self {
        let [first, second] = side.granule_bits;
        let limit = end.saturating_mul(8);
        let (start, missing) = match begin.checked_sub(side.main_data_begin) {
            Some(start) => (start.saturating_mul(8), 0),
            None => (0, side.main_data_begin.saturating_sub(begin).saturating_mul(8)),
        };
        let bit = |offset: u64| start.saturating_add(offset.saturating_sub(missing));
        let ends = [bit(first), bit(first.saturating_add(second))];
        let outside = missing > 0 || ends.iter().any(|end| *end > limit);
        let [middle, end] = ends.map(|end| end.min(limit));
        Self { granules: [start..middle, middle..end], outside }
    }

    /// Both granules.
    fn bits(&self) -> Range<u64> {
        let [first, second] = &self.granules;
        first.start..second.end
    }
}
