//! Silence in ISO base media: sound is silenced sample by sample in place, pictures are taken out
//! of the index and zeroed, text is blanked, and what no sample claims is zeroed. No sample moves, and
//! the file keeps its length.
//!
//! The index is read first, wherever it is; then the file streams through.

mod amr_frames;
mod check;
mod check_index;
mod check_pictures;
mod key_picture;
mod order;
mod patch;
mod pcm;
mod rebuild;
mod rewrite;
mod sound;
mod stbl;
mod text;
mod timeline;
mod traf;
mod treatment;
mod unclaimed;
mod video;

#[cfg(test)]
mod tests;

use std::sync::Arc;

pub(super) use check::open_check;

use self::order::FileOrder;
use self::rewrite::{Changes, Mp4Rewrite};
use self::sound::{Mp3Frames, PlannedTrack, SoundPlan, UnitClock};
use self::timeline::media_spans;
use self::treatment::{Treatment, frame_size, refused};
use self::unclaimed::{Unclaimed, hollow};
use super::silence::Rewrite;
use super::ticks::TickSpans;
use super::unit::Reach;
use super::{MaskError, MaskPlan, MaskWarning, WarningCode, mp3};
use crate::media::mp4::{Cursor, Index, MAX_SAMPLES, Sizes, TrackIndex};
use crate::media::{Measured, MediaError, ReadSeek};

/// Most pictures by which a gap may begin early so that its index fits.
const MAX_EARLY: u32 = 512;

/// Longest picture in bytes that is held as a whole.
const MAX_PICTURE_BYTES: u64 = 64 * 1024 * 1024;

/// A file's index and what is done with each track.
struct Opened {
    index: Arc<Index>,
    treatments: Vec<Treatment>,
    whole_chunks: Vec<bool>,
}

impl Opened {
    fn read(source: &mut dyn ReadSeek, facts: &Measured) -> Result<Self, MaskError> {
        if facts.bytes == Measured::OPEN_END {
            return Err(refused("MP4 needs its index, which a pipe does not give: works on files"));
        }
        let mut index = Index::read(source, facts.bytes)?;
        let (mut treatments, mut whole_chunks) = (Vec::new(), Vec::new());
        let mut samples = 0_u64;
        for track in &mut index.tracks {
            let treatment = Treatment::of(source, track)?;
            if let (Treatment::Fill(_), Some(frame)) = (&treatment, frame_size(track)?) {
                track.table.sizes = Sizes::Same { size: frame, count: track.table.count() };
            }
            let whole = treatment.by_chunks(track);
            if !whole {
                samples = samples.saturating_add(u64::from(track.table.count()));
            }
            whole_chunks.push(whole);
            treatments.push(treatment);
        }
        MediaError::check("the number of samples", samples, MAX_SAMPLES)?;
        Ok(Self { index: Arc::new(index), treatments, whole_chunks })
    }

    fn order(&self) -> FileOrder {
        FileOrder::new(&self.index, &self.whole_chunks)
    }
}

/// The rewriter for a plan that is not empty.
pub(super) fn open(
    source: &mut dyn ReadSeek,
    facts: &Measured,
    plan: &MaskPlan,
) -> Result<Box<dyn Rewrite>, MaskError> {
    let opened = Opened::read(source, facts)?;
    let index = Arc::clone(&opened.index);
    let order = opened.order();
    let mut changes = Changes::new(index.tracks.len());
    for (place, (track, treatment)) in index.tracks.iter().zip(opened.treatments).enumerate() {
        let spans = media_spans(plan, facts, &index, track, track.timescale)?;
        match treatment {
            Treatment::Keep => {}
            Treatment::Refuse(detail) => {
                if held_back(track, &spans) {
                    return Err(refused(detail));
                }
            }
            Treatment::Fill(byte) => {
                let whole = opened.whole_chunks.get(place).copied().unwrap_or(false);
                pcm::fill(&track.table, whole, byte, &spans, &mut changes);
            }
            Treatment::Blank(kind) => changes.blank(track, kind, &spans)?,
            Treatment::Drop => {
                changes.scope.units_total += u64::from(track.table.count());
                if changes.drop_pictures(source, &index, place, &spans)?.to_end {
                    changes.scope.warnings.push(lost_to_end(track));
                }
            }
            Treatment::Mp3(reach, rate) => {
                let spans = media_spans(plan, facts, &index, track, rate)?;
                let timescale = track.timescale;
                let frames = Mp3Frames { track: mp3::track(spans, reach), rate, timescale };
                changes.rewrite_units(place, Box::new(frames));
            }
            Treatment::Coded(mut coding) => {
                let clock = UnitClock::read(source, track, coding.as_mut())?;
                let chosen = SoundPlan::new(source, track, coding.as_mut(), clock, spans)?;
                changes.patches.extend(chosen.patches(&track.table));
                let shared = Arc::clone(&index);
                let planned = PlannedTrack::new(shared, place, coding, clock, chosen);
                changes.rewrite_units(place, Box::new(planned));
            }
        }
    }
    let unclaimed = Unclaimed::new(hollow(source, &index)?);
    Ok(Box::new(Mp4Rewrite::new(index, order, changes, unclaimed)?))
}

/// Whether a track that cannot be masked plays in a span, or does not say which bytes are its own:
/// QuickTime's table says size 1 of compressed sound, too.
fn held_back(track: &TrackIndex, spans: &TickSpans) -> bool {
    if &track.handler == b"soun" && matches!(track.table.sizes, Sizes::Same { size: 1, .. }) {
        return true;
    }
    let mut cursor = Cursor::default();
    while let Some(sample) = cursor.next(&track.table) {
        let from = u64::try_from(sample.pts()).unwrap_or(0);
        let to = from.saturating_add(sample.duration.max(1));
        if sample.len > 0 && spans.touch(from, to, Reach::default()) {
            return true;
        }
    }
    false
}

fn lost_to_end(track: &TrackIndex) -> MaskWarning {
    let id = track.id;
    let text = format!("no key picture of track {id} follows a mask: it has no picture after it");
    MaskWarning { code: WarningCode::VideoLostToEnd, text }
}
