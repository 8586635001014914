//! The rewriter: one pass, in the order of the file.

use super::checksum::{Checksums, Comparison, wrong_sum};
use super::clock::TickRate;
use super::guide::{Fate, Guide, SoundBlock};
use super::sound::Setting;
use super::timed::TimedTrack;
use crate::mask::certificate::Scope;
use crate::mask::line::Line;
use crate::mask::plan::{MaskWarning, WarningCode};
use crate::mask::silence::Rewrite;
use crate::mask::track::Track;
use crate::mask::{MaskError, MaskPlan};
use crate::media::matroska::{Parent, Walker};
use crate::media::{Cutter, Measured, Piece};

/// Masks one file as it streams through.
pub(super) struct MatroskaRewrite {
    plan: MaskPlan,
    facts: Measured,
    cutter: Cutter<Walker>,
    guide: Guide,
    /// One for each of the guide's sound tracks, from the first block of sound on.
    tracks: Vec<Box<dyn Track>>,
    /// Of each of them.
    rates: Vec<TickRate>,
    line: Line,
    comparison: Comparison,
    checksums: Checksums,
    /// Offset of the first byte that is not cut yet.
    position: u64,
}

impl MatroskaRewrite {
    pub(super) fn new(facts: &Measured, plan: &MaskPlan) -> Self {
        Self {
            plan: plan.clone(),
            facts: facts.clone(),
            cutter: Cutter::new(Walker::default()),
            guide: Guide::new(plan, facts),
            tracks: Vec::new(),
            rates: Vec::new(),
            line: Line::default(),
            comparison: Comparison::default(),
            checksums: Checksums::default(),
            position: 0,
        }
    }

    fn advance(&mut self, last: bool, out: &mut Vec<u8>) -> Result<(), MaskError> {
        let mut finished = Vec::new();
        while let Some(piece) = self.cutter.next(last)? {
            self.piece(piece)?;
            self.line.release(&mut self.tracks, &mut finished)?;
            self.checksums.push(&mut finished, out)?;
        }
        Ok(())
    }

    fn piece(&mut self, piece: Piece) -> Result<(), MaskError> {
        let seen = self.cutter.framer().seen();
        self.position = piece.at.saturating_add(piece.bytes.len() as u64);
        if seen.parent != Parent::Cluster {
            self.end_cluster(piece.at)?;
        }
        let fate = self.guide.fate(&piece, seen)?;
        self.comparison.update(&piece.bytes);
        match fate {
            Fate::Bytes(bytes) => self.line.bytes(bytes),
            Fate::Checksum => {
                self.comparison.begin(&piece.bytes, piece.at);
                self.checksums.begin(piece.at.saturating_add(seen.head as u64));
                self.line.bytes(piece.bytes);
            }
            Fate::Sound(block) => self.sound(&piece, &block)?,
        }
        Ok(())
    }

    fn end_cluster(&mut self, at: u64) -> Result<(), MaskError> {
        self.checksums.end(at);
        self.comparison.end().map_or(Ok(()), |sum_at| Err(wrong_sum(sum_at).into()))
    }

    fn open_tracks(&mut self) -> Result<(), MaskError> {
        let scale = self.guide.scale();
        for entry in self.guide.sounds() {
            let setting = Setting { plan: &self.plan, facts: &self.facts, scale };
            let track = TimedTrack::open(entry, setting)?;
            self.rates.push(track.ticks());
            self.tracks.push(Box::new(track));
        }
        Ok(())
    }

    fn sound(&mut self, piece: &Piece, block: &SoundBlock) -> Result<(), MaskError> {
        if self.tracks.is_empty() {
            self.open_tracks()?;
        }
        let mut hint = self.rates.get(block.sound).map(|rate| rate.tick(block.time_ns));
        let mut done = 0;
        for frame in &block.frames {
            self.line.bytes(piece.bytes.get(done..frame.start).unwrap_or_default().to_vec());
            let unit = piece.bytes.get(frame.clone()).unwrap_or_default().to_vec();
            self.line.unit(block.sound, unit.len());
            let at = piece.at.saturating_add(frame.start as u64);
            if let Some(track) = self.tracks.get_mut(block.sound) {
                track.push(unit, at, hint.take())?;
            }
            done = frame.end;
        }
        self.line.bytes(piece.bytes.get(done..).unwrap_or_default().to_vec());
        Ok(())
    }

    fn scope(&mut self) -> Scope {
        let (total, removed) = self.guide.other_blocks();
        let mut scope = Scope {
            units_total: total,
            units_silenced: removed,
            metadata_cleared: self.guide.take_cleared(),
            ..Scope::default()
        };
        for count in self.tracks.iter().map(|track| track.count()) {
            scope.units_total += count.total;
            scope.units_silenced += count.silenced;
        }
        if self.guide.video_lost_to_end() {
            let code = WarningCode::VideoLostToEnd;
            let text =
                "no picture known to be a key picture follows a mask: there is none up to the end";
            scope.warnings.push(MaskWarning { code, text: text.to_owned() });
        }
        scope
    }
}

impl Rewrite for MatroskaRewrite {
    fn push(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<(), MaskError> {
        self.cutter.push(input);
        self.advance(false, out)
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> Result<Scope, MaskError> {
        self.advance(true, out)?;
        self.cutter.framer().clone().finish(self.position)?;
        self.end_cluster(self.position)?;
        for track in &mut self.tracks {
            track.finish()?;
        }
        let mut finished = Vec::new();
        self.line.release(&mut self.tracks, &mut finished)?;
        self.checksums.push(&mut finished, out)?;
        Ok(self.scope())
    }
}
