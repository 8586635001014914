//! The check: both files are walked side by side, and each piece of the result must be what the
//! plan makes of the source's.

use super::checksum::Comparison;
use super::guide::{Fate, Guide, SoundBlock};
use super::sound::{Setting, SoundCheck};
use crate::mask::{MaskError, MaskPlan, Recheck};
use crate::media::matroska::{Parent, Part, Seen, Walker};
use crate::media::{Cutter, Measured, Piece};

/// Walks source and result. Their pieces are equally long, because nothing changes its size.
pub(super) struct MatroskaCheck {
    plan: MaskPlan,
    facts: Measured,
    source: Cutter<Walker>,
    masked: Cutter<Walker>,
    guide: Guide,
    /// One for each of the guide's sound tracks, from the first block of sound on.
    sounds: Vec<SoundCheck>,
    comparison: Comparison,
    position: u64,
}

impl MatroskaCheck {
    pub(super) fn new(facts: &Measured, plan: &MaskPlan) -> Self {
        Self {
            plan: plan.clone(),
            facts: facts.clone(),
            source: Cutter::new(Walker::default()),
            masked: Cutter::new(Walker::default()),
            guide: Guide::new(plan, facts),
            sounds: Vec::new(),
            comparison: Comparison::default(),
            position: 0,
        }
    }

    fn advance(&mut self, last: bool) -> Result<(), MaskError> {
        while let Some(piece) = self.source.next(last)? {
            let wrong = MaskError::Recheck { offset: piece.at };
            let Ok(Some(masked)) = self.masked.next(last) else { return Err(wrong) };
            let (seen, found) = (self.source.framer().seen(), self.masked.framer().seen());
            let alike = (piece.at, piece.bytes.len(), seen.parent, seen.part)
                == (masked.at, masked.bytes.len(), found.parent, found.part);
            if !alike || !self.pair(&piece, seen, &masked)? {
                return Err(wrong);
            }
        }
        Ok(())
    }

    /// Whether `masked` is what must have become of `piece`.
    fn pair(&mut self, piece: &Piece, seen: Seen, masked: &Piece) -> Result<bool, MaskError> {
        self.position = piece.at.saturating_add(piece.bytes.len() as u64);
        if seen.parent != Parent::Cluster {
            self.end_cluster()?;
        }
        let fate = self.guide.fate(piece, seen)?;
        self.comparison.update(&masked.bytes);
        match fate {
            Fate::Bytes(bytes) => Ok(bytes == masked.bytes),
            Fate::Checksum => {
                self.comparison.begin(&masked.bytes, piece.at);
                let (expected, found) = (&piece.bytes, &masked.bytes);
                Ok(seen.part == Part::Whole && expected.get(..seen.head) == found.get(..seen.head))
            }
            Fate::Sound(block) => self.sound(piece, masked, &block),
        }
    }

    /// A cluster's checksum must be right, whether anything in it was masked or not.
    fn end_cluster(&mut self) -> Result<(), MaskError> {
        match self.comparison.end() {
            Some(offset) => Err(MaskError::Recheck { offset }),
            None => Ok(()),
        }
    }

    fn sound(
        &mut self,
        piece: &Piece,
        masked: &Piece,
        block: &SoundBlock,
    ) -> Result<bool, MaskError> {
        if self.sounds.is_empty() {
            let scale = self.guide.scale();
            for entry in self.guide.sounds() {
                let setting = Setting { plan: &self.plan, facts: &self.facts, scale };
                self.sounds.push(SoundCheck::open(entry, setting)?);
            }
        }
        let part = |of: &Piece, from: usize, to: usize| of.bytes.get(from..to).map(<[u8]>::to_vec);
        let mut time = Some(block.time_ns);
        let mut done = 0;
        for frame in &block.frames {
            let between = part(piece, done, frame.start) == part(masked, done, frame.start);
            let units = (piece.bytes.get(frame.clone()), masked.bytes.get(frame.clone()));
            let ((Some(before), Some(after)), Some(check)) =
                (units, self.sounds.get_mut(block.sound))
            else {
                return Ok(false);
            };
            let at = piece.at.saturating_add(frame.start as u64);
            if !between || !check.holds((before, after), time.take(), at)? {
                return Ok(false);
            }
            done = frame.end;
        }
        Ok(piece.bytes.get(done..) == masked.bytes.get(done..))
    }
}

impl Recheck for MatroskaCheck {
    fn push(&mut self, source: &[u8], masked: &[u8]) -> Result<(), MaskError> {
        self.source.push(source);
        self.masked.push(masked);
        self.advance(false)
    }

    fn finish(mut self: Box<Self>) -> Result<(), MaskError> {
        self.advance(true)?;
        self.source.framer().clone().finish(self.position)?;
        self.end_cluster()?;
        match self.masked.next(true) {
            Ok(None) => Ok(()),
            _ => Err(MaskError::Recheck { offset: self.position }),
        }
    }
}
