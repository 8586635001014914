//! MP3 files: frames, and tags around them.

use std::io::SeekFrom;

use super::metadata::{clear_lyrics, cleared_of_info, stated_music_crc};
use super::track::Mp3Track;
use crate::mask::certificate::Scope;
use crate::mask::silence::Rewrite;
use crate::mask::track::Track;
use crate::mask::{MaskError, MaskPlan};
use crate::media::mp3::{FrameHeader, InfoFrame, Mp3Framer, crc16_arc, is_tag};
use crate::media::{Cutter, Measured, MediaError, Piece, ReadSeek};

/// How much of the file is read at a time to learn the CRC.
const READ_BYTES: usize = 64 * 1024;

struct Mp3Rewrite {
    cutter: Cutter<Mp3Framer>,
    facts: Measured,
    plan: MaskPlan,
    music_crc: u16,
    /// From the first frame on.
    track: Option<Mp3Track>,
    /// What came before it, and whether it is no tag.
    leading: Vec<(Vec<u8>, bool)>,
    cleared: Vec<String>,
}

pub(super) fn open(
    source: &mut dyn ReadSeek,
    facts: &Measured,
    plan: &MaskPlan,
) -> Result<Box<dyn Rewrite>, MaskError> {
    let mut rewrite = Mp3Rewrite::new(facts, plan);
    if facts.bytes != Measured::OPEN_END {
        rewrite.music_crc = music_crc(source, facts, plan)?;
    }
    Ok(Box::new(rewrite))
}

/// The CRC of all frames after the Info frame as they will be, when that one states a CRC; else 0.
fn music_crc(
    source: &mut dyn ReadSeek,
    facts: &Measured,
    plan: &MaskPlan,
) -> Result<u16, MaskError> {
    source.seek(SeekFrom::Start(0)).map_err(MediaError::Io)?;
    let mut rewrite = Mp3Rewrite::new(facts, plan);
    let mut buffer = vec![0; READ_BYTES];
    let (mut crc, mut first) = (0, true);
    loop {
        let got = source.read(&mut buffer).map_err(MediaError::Io)?;
        rewrite.cutter.push(buffer.get(..got).unwrap_or_default());
        while let Some(piece) = rewrite.cutter.next(got == 0)? {
            if !piece.unit {
                continue;
            }
            if rewrite.track.is_none() && !states_crc(&piece.bytes) {
                return Ok(0);
            }
            rewrite.unit(piece)?;
            while let Some(unit) = rewrite.track.as_mut().and_then(Track::pop) {
                crc = if first { 0 } else { crc16_arc(crc, &unit) };
                first = false;
            }
        }
        if got == 0 {
            let Some(track) = &mut rewrite.track else { return Ok(0) };
            track.finish()?;
            while let Some(unit) = track.pop() {
                crc = crc16_arc(crc, &unit);
            }
            return Ok(crc);
        }
    }
}

fn states_crc(frame: &[u8]) -> bool {
    let info = FrameHeader::read(frame).and_then(|header| InfoFrame::read(header, frame));
    info.is_some_and(|info| stated_music_crc(frame, info) != 0)
}

impl Mp3Rewrite {
    fn new(facts: &Measured, plan: &MaskPlan) -> Self {
        Self {
            cutter: Cutter::new(Mp3Framer::default()),
            facts: facts.clone(),
            plan: plan.clone(),
            music_crc: 0,
            track: None,
            leading: Vec::new(),
            cleared: Vec::new(),
        }
    }

    /// Takes a frame; the first one tells the clock.
    fn unit(&mut self, piece: Piece) -> Result<(), MaskError> {
        if let Some(track) = &mut self.track {
            return track.push(piece.bytes, piece.at, None);
        }
        let (spans, reach) = super::clock(&self.facts, &self.plan, &piece.bytes);
        let mut track = Mp3Track::new(spans, reach).of_raw_file(self.music_crc);
        for (bytes, garbage) in self.leading.drain(..) {
            track.between(bytes, garbage);
        }
        let header = FrameHeader::read(&piece.bytes);
        if let Some(info) = header.and_then(|header| InfoFrame::read(header, &piece.bytes)) {
            self.cleared.extend(cleared_of_info(&piece.bytes, info, self.music_crc));
        }
        self.track.insert(track).push(piece.bytes, piece.at, None)
    }

    fn advance(&mut self, last: bool, out: &mut Vec<u8>) -> Result<(), MaskError> {
        while let Some(mut piece) = self.cutter.next(last)? {
            if piece.unit {
                self.unit(piece)?;
            } else {
                let garbage = !is_tag(&piece.bytes);
                self.cleared.extend(clear_lyrics(&mut piece.bytes));
                match &mut self.track {
                    Some(track) => track.between(piece.bytes, garbage),
                    None => self.leading.push((piece.bytes, garbage)),
                }
            }
            self.give(out);
        }
        Ok(())
    }

    fn give(&mut self, out: &mut Vec<u8>) {
        while let Some(bytes) = self.track.as_mut().and_then(Track::pop) {
            out.extend_from_slice(&bytes);
        }
    }
}

impl Rewrite for Mp3Rewrite {
    fn push(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<(), MaskError> {
        self.cutter.push(input);
        self.advance(false, out)
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> Result<Scope, MaskError> {
        self.advance(true, out)?;
        let Some(track) = &mut self.track else {
            return Err(MediaError::malformed("no MP3 frame", 0).into());
        };
        track.finish()?;
        let count = track.count();
        self.give(out);
        Ok(Scope {
            units_total: count.total,
            units_silenced: count.silenced,
            metadata_cleared: std::mem::take(&mut self.cleared),
            ..Scope::default()
        })
    }
}
