//! The check of an MP3 file: its frames, and what stands between them.

use super::check::FrameCheck;
use super::metadata::{clear_lyrics, stated_music_crc};
use crate::mask::{MaskError, MaskPlan, Recheck};
use crate::media::mp3::{FrameHeader, InfoFrame, Mp3Framer, crc16_arc, is_tag};
use crate::media::{Cutter, Measured, Piece};

/// What stands between two frames and is no tag.
struct Garbage {
    at: u64,
    source: Vec<u8>,
    masked: Vec<u8>,
}

/// Cuts the source into pieces, and the result by the headers found in it.
pub(super) struct FileCheck {
    facts: Measured,
    plan: MaskPlan,
    source: Cutter<Mp3Framer>,
    masked: Vec<u8>,
    /// How many bytes of `masked` are done with, and where in the file they begin.
    done: usize,
    at: u64,
    /// The source's next piece, while the result's is not whole.
    waiting: Option<Piece>,
    frames: Option<FrameCheck>,
    garbage: Vec<Garbage>,
    last_silent: bool,
    /// What the LAME tag states of the music, and what was found; for files that have one.
    stated_crc: Option<u16>,
    crc: u16,
}

impl FileCheck {
    pub(super) fn new(facts: &Measured, plan: &MaskPlan) -> Self {
        Self {
            facts: facts.clone(),
            plan: plan.clone(),
            source: Cutter::new(Mp3Framer::default()),
            masked: Vec::new(),
            done: 0,
            at: 0,
            waiting: None,
            frames: None,
            garbage: Vec::new(),
            last_silent: false,
            stated_crc: None,
            crc: 0,
        }
    }

    fn advance(&mut self, last: bool) -> Result<(), MaskError> {
        loop {
            let piece = match self.waiting.take() {
                Some(piece) => piece,
                None => match self.source.next(last)? {
                    Some(piece) => piece,
                    None => return Ok(()),
                },
            };
            let rest = self.masked.get(self.done..).unwrap_or_default();
            let len = counterpart_len(&piece, rest);
            let Some(masked) = rest.get(..len).filter(|_| rest.len() >= FrameHeader::LEN || last)
            else {
                if last {
                    return Err(MaskError::Recheck { offset: self.at });
                }
                self.waiting = Some(piece);
                return Ok(());
            };
            let masked = masked.to_vec();
            self.done = self.done.saturating_add(len);
            let at = self.at;
            self.at = at.saturating_add(len as u64);
            if piece.unit {
                self.frame(&piece, &masked, at)?;
            } else {
                self.between(piece, masked, at)?;
            }
        }
    }

    fn frame(&mut self, piece: &Piece, masked: &[u8], at: u64) -> Result<(), MaskError> {
        let first = self.frames.is_none();
        let frames = self.frames.get_or_insert_with(|| {
            let (spans, reach) = super::clock(&self.facts, &self.plan, &piece.bytes);
            FrameCheck::new(spans, reach)
        });
        let silent = frames.push(&piece.bytes, masked, at, None)?;
        if !silent && at != piece.at {
            return Err(MaskError::Recheck { offset: at });
        }
        let header = FrameHeader::read(masked);
        let info = header.filter(|_| first).and_then(|header| InfoFrame::read(header, masked));
        if let Some(info) = info {
            self.stated_crc = Some(stated_music_crc(masked, info));
            return Ok(());
        }
        if self.stated_crc.is_some_and(|crc| crc != 0) {
            self.crc = crc16_arc(self.crc, masked);
        }
        self.settle_garbage(silent)?;
        self.last_silent = silent;
        Ok(())
    }

    fn between(&mut self, piece: Piece, masked: Vec<u8>, at: u64) -> Result<(), MaskError> {
        let Piece { bytes: mut source, .. } = piece;
        if is_tag(&source) {
            clear_lyrics(&mut source);
            return if source == masked { Ok(()) } else { Err(MaskError::Recheck { offset: at }) };
        }
        self.garbage.push(Garbage { at, source, masked });
        Ok(())
    }

    /// Compares the garbage before a frame.
    fn settle_garbage(&mut self, next_silent: bool) -> Result<(), MaskError> {
        let cleared = self.last_silent || next_silent;
        for Garbage { at, source, masked } in self.garbage.drain(..) {
            let holds =
                if cleared { masked.iter().all(|byte| *byte == 0) } else { source == masked };
            if !holds {
                return Err(MaskError::Recheck { offset: at });
            }
        }
        Ok(())
    }
}

/// How long the result's counterpart of a piece is, from its own header where it has one.
fn counterpart_len(piece: &Piece, rest: &[u8]) -> usize {
    let len = |bytes: &[u8]| FrameHeader::read(bytes).and_then(FrameHeader::frame_len);
    match (len(&piece.bytes), len(rest)) {
        (Some(own), Some(other)) if piece.unit && own != other => other,
        _ => piece.bytes.len(),
    }
}

impl Recheck for FileCheck {
    fn push(&mut self, source: &[u8], masked: &[u8]) -> Result<(), MaskError> {
        self.source.push(source);
        self.masked.drain(..self.done);
        self.done = 0;
        self.masked.extend_from_slice(masked);
        self.advance(false)
    }

    fn finish(mut self: Box<Self>) -> Result<(), MaskError> {
        self.advance(true)?;
        self.settle_garbage(false)?;
        let wrong = MaskError::Recheck { offset: self.at };
        let Some(frames) = &mut self.frames else { return Err(wrong) };
        frames.finish(self.at)?;
        let crc_holds = self.stated_crc.is_none_or(|stated| stated == 0 || stated == self.crc);
        if self.done != self.masked.len() || !crc_holds {
            return Err(wrong);
        }
        Ok(())
    }
}
