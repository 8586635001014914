//! The check of a masked MP4: both indexes are read, and every sample is judged by its own time.

use std::sync::Arc;

use super::check_index::{Boxes, Change, IndexCheck};
use super::check_pictures::PictureJudge;
use super::order::FileOrder;
use super::pcm::Frames;
use super::rewrite::text_touched;
use super::sound::{Levels, Mp3Frames, Rows, UnitClock, check_unit};
use super::text::TextKind;
use super::timeline::media_spans;
use super::treatment::{Treatment, refused};
use super::{MAX_PICTURE_BYTES, Opened, held_back};
use crate::mask::ticks::{Chooser, TickSpans};
use crate::mask::unit::{Coding, Reach};
use crate::mask::{MaskError, MaskPlan, Recheck, mp3};
use crate::media::mp4::{Index, Sample, TrackIndex};
use crate::media::{Measured, ReadSeek};

/// How the samples of one track are judged.
pub(super) enum Judge {
    /// They are the source's.
    Same,
    /// PCM: what plays in a span is this byte.
    Filled { byte: u8, spans: TickSpans },
    /// Text that is seen in a span is blank.
    Blank { kind: TextKind, spans: TickSpans },
    /// Units that are heard in a span are silent.
    Coded(Box<CodedJudge>),
    /// The same for MP3.
    Mp3(Box<Mp3Judge>),
    /// Pictures in and behind a span are gone.
    Pictures(PictureJudge),
}

impl Judge {
    /// What the masks demand of the index.
    fn end(self, track: &TrackIndex) -> Result<Change, MaskError> {
        Ok(match self {
            Self::Same | Self::Blank { .. } => Change::Nothing,
            Self::Filled { .. } => Change::Filled,
            Self::Mp3(mut judge) => {
                judge.finish()?;
                Change::Nothing
            }
            Self::Coded(judge) => judge.finish()?.map_or(Change::Nothing, Change::Sizes),
            Self::Pictures(judge) => {
                let gone = judge.finish(&track.table);
                Change::Gone(gone.ok_or(MaskError::Recheck { offset: track.stbl.start })?)
            }
        })
    }
}

/// The judge of coded sound.
pub(super) struct CodedJudge {
    coding: Box<dyn Coding>,
    clock: UnitClock,
    chooser: Chooser,
    rows: Rows,
    levels: Levels,
    /// The row's units in the source, and its bytes in the result.
    row: Vec<(u32, Vec<u8>)>,
    bytes: Vec<u8>,
    /// Where the row begins.
    at: u64,
}

impl CodedJudge {
    fn judge(&mut self, sample: &Sample, source: &[u8], masked: &[u8]) -> Result<(), MaskError> {
        let (from, to) = self.clock.interval(sample);
        if !self.chooser.choose(from, to) {
            let mut expected = source.to_vec();
            self.coding.tidy(&mut expected);
            return same(&expected, masked, sample.offset);
        }
        if self.rows.begins(sample) {
            self.end_row()?;
            self.at = sample.offset;
        }
        self.coding.ticks(source).map_err(|fault| fault.at(sample.offset))?;
        self.row.push((sample.number, source.to_vec()));
        self.bytes.extend_from_slice(masked);
        Ok(())
    }

    fn end_row(&mut self) -> Result<(), MaskError> {
        let bytes = std::mem::take(&mut self.bytes);
        let mut rest = bytes.as_slice();
        let mut at = self.at;
        for size in self.levels.settle(&mut self.row, self.coding.as_ref()) {
            let wrong = MaskError::Recheck { offset: at };
            let Some((unit, later)) = rest.split_at_checked(size) else { return Err(wrong) };
            if !self.coding.is_silence(unit) {
                return Err(wrong);
            }
            rest = later;
            at = at.saturating_add(size as u64);
        }
        if rest.is_empty() { Ok(()) } else { Err(MaskError::Recheck { offset: at }) }
    }

    /// The sizes that the result's index must have, where they differ from the source's.
    fn finish(mut self) -> Result<Option<Vec<u32>>, MaskError> {
        self.end_row()?;
        Ok(self.levels.finish())
    }
}

/// The judge of MP3 frames.
pub(super) struct Mp3Judge {
    check: mp3::FrameCheck,
    rate: u32,
    timescale: u32,
    end: u64,
}

impl Mp3Judge {
    fn judge(&mut self, sample: &Sample, source: &[u8], masked: &[u8]) -> Result<(), MaskError> {
        let from = Mp3Frames::samples(sample.dts, self.rate, self.timescale);
        self.end = sample.offset.saturating_add(sample.len);
        self.check.push(source, masked, sample.offset, Some(from)).map(|_| ())
    }

    /// Ends both streams.
    fn finish(&mut self) -> Result<(), MaskError> {
        self.check.finish(self.end)
    }
}

/// Equal bytes.
pub(super) fn same(expected: &[u8], masked: &[u8], at: u64) -> Result<(), MaskError> {
    if expected == masked {
        return Ok(());
    }
    let pairs = expected.iter().zip(masked);
    let equal = pairs.take_while(|(left, right)| left == right).count();
    Err(MaskError::Recheck { offset: at.saturating_add(equal as u64) })
}

struct Mp4Check {
    index: Arc<Index>,
    order: FileOrder,
    next: Option<(usize, Sample)>,
    judges: Vec<Judge>,
    source: Vec<u8>,
    masked: Vec<u8>,
    position: u64,
    boxes: Boxes,
    total: u64,
}

/// The check for a file under a plan that is not empty.
pub(in crate::mask) fn open_check(
    source: &mut dyn ReadSeek,
    facts: &Measured,
    plan: &MaskPlan,
) -> Result<Box<dyn Recheck>, MaskError> {
    let opened = Opened::read(source, facts)?;
    let order = opened.order();
    let mut judges = Vec::new();
    for (track, treatment) in opened.index.tracks.iter().zip(opened.treatments) {
        let spans = media_spans(plan, facts, &opened.index, track, track.timescale)?;
        judges.push(match treatment {
            Treatment::Keep => Judge::Same,
            Treatment::Refuse(detail) if held_back(track, &spans) => return Err(refused(detail)),
            Treatment::Refuse(_) => Judge::Same,
            Treatment::Fill(byte) => Judge::Filled { byte, spans },
            Treatment::Blank(kind) => Judge::Blank { kind, spans },
            Treatment::Mp3(reach, rate) => {
                let spans = media_spans(plan, facts, &opened.index, track, rate)?;
                let check = mp3::FrameCheck::new(spans, reach);
                let timescale = track.timescale;
                Judge::Mp3(Box::new(Mp3Judge { check, rate, timescale, end: 0 }))
            }
            Treatment::Drop => Judge::Pictures(PictureJudge::new(source, track, &spans)?),
            Treatment::Coded(mut coding) => {
                let clock = UnitClock::read(source, track, coding.as_mut())?;
                let chooser = Chooser::new(spans, clock.reach);
                let rows = Rows::new(&track.table, coding.as_ref());
                let levels = Levels::new(&track.table);
                let (row, bytes, at) = (Vec::new(), Vec::new(), 0);
                let judge = CodedJudge { coding, clock, chooser, rows, levels, row, bytes, at };
                Judge::Coded(Box::new(judge))
            }
        });
    }
    let boxes = Boxes::new(source, &opened.index, &judges, facts.bytes)?;
    let mut check = Mp4Check {
        index: opened.index,
        order,
        next: None,
        judges,
        source: Vec::new(),
        masked: Vec::new(),
        position: 0,
        boxes,
        total: facts.bytes,
    };
    check.next = check.order.next(&check.index)?;
    Ok(Box::new(check))
}

impl Mp4Check {
    /// Judges a whole sample, or the frames of a chunk in what came of it.
    fn judge(&mut self, track: usize, sample: &Sample) -> Result<(), MaskError> {
        let Some(judge) = self.judges.get_mut(track) else { return Ok(()) };
        let (source, masked) = (self.source.as_slice(), self.masked.as_slice());
        match judge {
            Judge::Same => same(source, masked, sample.offset),
            Judge::Coded(judge) => judge.judge(sample, source, masked),
            Judge::Mp3(judge) => judge.judge(sample, source, masked),
            Judge::Pictures(judge) => judge.judge(sample, source, masked),
            Judge::Blank { kind, spans } if text_touched(sample, spans) => {
                same(&kind.blank(source.len()), masked, sample.offset)
            }
            Judge::Blank { .. } => same(source, masked, sample.offset),
            // Judged frame by frame.
            Judge::Filled { .. } => Ok(()),
        }
    }

    /// Judges the next bytes of a chunk of PCM, frame by frame.
    fn judge_frames(
        &self,
        track: usize,
        chunk: &Sample,
        source: &[u8],
        masked: &[u8],
    ) -> Result<(), MaskError> {
        let Some(Judge::Filled { byte, spans }) = self.judges.get(track) else { return Ok(()) };
        let Frames { size: frame, each, .. } = Frames::of(chunk);
        let mut begin = self.position;
        for (left, right) in source.iter().zip(masked) {
            let number = begin.saturating_sub(chunk.offset) / frame;
            let from = chunk.dts.saturating_add(number.saturating_mul(each));
            let silent = spans.touch(from, from.saturating_add(each), Reach::default());
            if *right != if silent { *byte } else { *left } {
                return Err(MaskError::Recheck { offset: begin });
            }
            begin = begin.saturating_add(1);
        }
        Ok(())
    }

    /// Takes the bytes up to the end of the next sample, or up to its start. Returns how many.
    fn step(&mut self, source: &[u8], masked: &[u8]) -> Result<usize, MaskError> {
        let Some((track, sample)) = self.next else {
            self.boxes.push(self.position, source, masked)?;
            return Ok(source.len());
        };
        let inside = self.position >= sample.offset;
        let until = if inside { sample.offset.saturating_add(sample.len) } else { sample.offset };
        let wanted = usize::try_from(until.saturating_sub(self.position)).unwrap_or(usize::MAX);
        let len = wanted.min(source.len());
        let (source, masked) =
            (source.get(..len).unwrap_or_default(), masked.get(..len).unwrap_or_default());
        if !inside {
            self.boxes.push(self.position, source, masked)?;
            return Ok(len);
        }
        let by_frames = matches!(self.judges.get(track), Some(Judge::Filled { .. }));
        if by_frames {
            self.judge_frames(track, &sample, source, masked)?;
        } else {
            match self.judges.get(track) {
                Some(Judge::Coded(_) | Judge::Mp3(_)) => check_unit(&sample)?,
                _ => crate::media::MediaError::check(
                    "the size of a sample",
                    sample.len,
                    MAX_PICTURE_BYTES,
                )?,
            }
            self.source.extend_from_slice(source);
            self.masked.extend_from_slice(masked);
        }
        if len == wanted {
            if !by_frames {
                self.judge(track, &sample)?;
            }
            self.source.clear();
            self.masked.clear();
            self.next = self.order.next(&self.index)?;
        }
        Ok(len)
    }
}

impl Recheck for Mp4Check {
    fn push(&mut self, source: &[u8], masked: &[u8]) -> Result<(), MaskError> {
        let found = self.position.saturating_add(masked.len() as u64);
        if source.len() != masked.len() || found > self.total {
            return Err(MaskError::Length { expected: self.total, found });
        }
        let (mut source, mut masked) = (source, masked);
        while !source.is_empty() {
            let len = self.step(source, masked)?;
            self.position = self.position.saturating_add(len as u64);
            source = source.get(len..).unwrap_or_default();
            masked = masked.get(len..).unwrap_or_default();
        }
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<(), MaskError> {
        if self.position != self.total {
            return Err(MaskError::Length { expected: self.total, found: self.position });
        }
        let Self { index, judges, boxes, total, .. } = *self;
        let ended = index.tracks.iter().zip(judges).map(|(track, judge)| judge.end(track));
        let changes = ended.collect::<Result<Vec<Change>, MaskError>>()?;
        IndexCheck { source: &index, changes, boxes, total }.run()
    }
}
