//! What is to become of each piece of a file: read alike by the rewriter and by the check.

use std::ops::Range;

use super::edit::{digest, marked, renew_checksum, void, voided};
use super::pictures::{Pictures, spans_ns};
use crate::mask::{MaskError, MaskPlan, QuarantineReason};
use crate::media::matroska::{
    BlockGroup, Children, ContentEncoding, Element, Parent, Part, Seen, TrackEntry, TrackType,
    ebml, ids, read_tracks, timestamp_scale,
};
use crate::media::{Measured, MediaError, Piece};

/// Latest time of a block in nanoseconds: about a hundred years.
const MAX_TIME_NS: i128 = 1 << 62;
/// How many kinds of cleared elements are named in the certificate.
const MAX_NAMED: usize = 16;

/// The frames of a block of sound.
pub(super) struct SoundBlock {
    /// Which of [`Guide::sounds`].
    pub(super) sound: usize,
    /// Time of the first frame in nanoseconds, as the container has it.
    pub(super) time_ns: i128,
    /// In the piece. Invariant: in order, without gaps.
    pub(super) frames: Vec<Range<usize>>,
}

/// What becomes of a piece.
pub(super) enum Fate {
    /// These bytes, as many.
    Bytes(Vec<u8>),
    /// A block whose frames go to their track.
    Sound(SoundBlock),
    /// The checksum of a cluster, to be computed anew.
    Checksum,
}

/// What a track is to the mask.
enum Lane {
    Sound(usize),
    Video(Box<Pictures>),
    /// Subtitles and the like.
    Text,
}

/// Follows one file.
pub(super) struct Guide {
    spans: Vec<(i128, i128)>,
    scale: Option<u64>,
    lanes: Vec<(u64, Lane)>,
    sounds: Vec<TrackEntry>,
    cluster_time: Option<u64>,
    /// True for the first element of a cluster.
    first_in_cluster: bool,
    /// Whether the portions that come are to be zeros.
    clearing: bool,
    cleared: Vec<String>,
    removed: u64,
    other_blocks: u64,
}

impl Guide {
    pub(super) fn new(plan: &MaskPlan, facts: &Measured) -> Self {
        Self {
            spans: spans_ns(plan, facts),
            scale: None,
            lanes: Vec::new(),
            sounds: Vec::new(),
            cluster_time: None,
            first_in_cluster: false,
            clearing: false,
            cleared: Vec::new(),
            removed: 0,
            other_blocks: 0,
        }
    }

    /// Nanoseconds per timestamp unit; known before the first block.
    pub(super) fn scale(&self) -> u64 {
        self.scale.unwrap_or(1)
    }

    /// The sound tracks; known before the first block.
    pub(super) fn sounds(&self) -> &[TrackEntry] {
        &self.sounds
    }

    /// What was cleared besides blocks.
    pub(super) fn take_cleared(&mut self) -> Vec<String> {
        std::mem::take(&mut self.cleared)
    }

    /// Blocks of tracks without sound: all, and those removed.
    pub(super) const fn other_blocks(&self) -> (u64, u64) {
        (self.other_blocks, self.removed)
    }

    /// Whether pictures after the last mask were removed.
    pub(super) fn video_lost_to_end(&self) -> bool {
        self.lanes.iter().any(|(_, lane)| matches!(lane, Lane::Video(video) if video.lost_to_end()))
    }

    /// What is to become of `piece`. To be called for every piece, in order.
    ///
    /// # Errors
    /// A damaged file, and whatever cannot be masked.
    pub(super) fn fate(&mut self, piece: &Piece, seen: Seen) -> Result<Fate, MaskError> {
        let bytes = match (seen.part, seen.parent) {
            (Part::Open, _) => {
                if seen.id == ids::CLUSTER {
                    self.check_ready(piece.at)?;
                    (self.cluster_time, self.first_in_cluster) = (None, true);
                }
                piece.bytes.clone()
            }
            (Part::Portion, _) if self.clearing => vec![0; piece.bytes.len()],
            (Part::Portion, _) => piece.bytes.clone(),
            (Part::Head, _) => self.head(piece, seen),
            (Part::Whole, Parent::Cluster) => {
                let first = std::mem::take(&mut self.first_in_cluster);
                return self.in_cluster(piece, seen, first);
            }
            (Part::Whole, _) => {
                self.in_segment(piece, &whole(piece)?)?.unwrap_or_else(|| piece.bytes.clone())
            }
        };
        Ok(Fate::Bytes(bytes))
    }

    fn check_ready(&self, at: u64) -> Result<(), MaskError> {
        if self.scale.is_none() || self.lanes.is_empty() {
            return Err(MediaError::malformed("a cluster before Info and Tracks", at).into());
        }
        Ok(())
    }

    /// An element that comes in portions: kept if it is known to describe the file as a whole.
    fn head(&mut self, piece: &Piece, seen: Seen) -> Vec<u8> {
        self.clearing = !matches!(seen.id, ids::TAGS | ids::CHAPTERS);
        if !self.clearing {
            return piece.bytes.clone();
        }
        let name = match seen.id {
            ebml::VOID => None,
            ids::ATTACHMENTS => Some("Attachments".to_owned()),
            ebml::CRC_32 => Some("CRC-32 of the segment".to_owned()),
            id => Some(format!("element 0x{id:X}")),
        };
        self.cleared(name);
        ebml::void_header(seen.head, seen.size)
    }

    fn cleared(&mut self, name: Option<String>) {
        let name = name.filter(|name| !self.cleared.contains(name));
        if self.cleared.len() < MAX_NAMED {
            self.cleared.extend(name);
        }
    }

    /// Reads what stands beside clusters; the changed bytes, if any.
    fn in_segment(
        &mut self,
        piece: &Piece,
        element: &Element<'_>,
    ) -> Result<Option<Vec<u8>>, MaskError> {
        let again = |known: bool| {
            let error = MediaError::unsupported("a file with Info or Tracks twice");
            if known { Err(error) } else { Ok(()) }
        };
        match element.id {
            ids::EBML => check_doc_type(element)?,
            ids::INFO => {
                again(self.scale.is_some())?;
                self.scale = Some(timestamp_scale(element)?);
            }
            ids::TRACKS => {
                again(!self.lanes.is_empty())?;
                for entry in read_tracks(element)? {
                    let lane = (entry.number, self.lane(entry)?);
                    self.lanes.push(lane);
                }
                return Ok(self.without_digests(piece, element));
            }
            ids::SEEK_HEAD => return Ok(voided(piece, element, is_of_attachments)?),
            ids::CUES => {
                self.check_ready(element.at)?;
                let bytes = voided(piece, element, |point| self.is_in_mask(point))?;
                if bytes.is_some() {
                    self.cleared(Some("CuePoint".to_owned()));
                }
                return Ok(bytes);
            }
            _ => {}
        }
        Ok(None)
    }

    /// The changed `Tracks` if a track has a digest of its sound.
    fn without_digests(&mut self, piece: &Piece, tracks: &Element<'_>) -> Option<Vec<u8>> {
        let mut bytes = piece.bytes.clone();
        for range in self.sounds.iter().filter_map(digest) {
            let from = usize::try_from(range.start.checked_sub(piece.at)?).ok()?;
            let to = usize::try_from(range.end.checked_sub(piece.at)?).ok()?;
            bytes.get_mut(from..to)?.fill(0);
        }
        if bytes == piece.bytes {
            return None;
        }
        self.cleared(Some("MD5 of FLAC".to_owned()));
        renew_checksum(bytes.get_mut(tracks.head..)?);
        Some(bytes)
    }

    fn lane(&mut self, entry: TrackEntry) -> Result<Lane, MaskError> {
        if entry.bent_clock {
            return Err(unmasked(&entry, "a clock of its own"));
        }
        Ok(match entry.kind {
            TrackType::Video => Lane::Video(Box::new(Pictures::new(&entry, self.spans.clone()))),
            TrackType::Audio => {
                self.sounds.push(entry);
                Lane::Sound(self.sounds.len() - 1)
            }
            TrackType::Other(_) => Lane::Text,
        })
    }

    /// Whether a cue points into a mask on a track without sound: its block is gone.
    fn is_in_mask(&self, point: &Element<'_>) -> Result<bool, MediaError> {
        if point.id != ids::CUE_POINT {
            return Ok(false);
        }
        let (mut time, mut silent_only) = (0, true);
        for child in point.children() {
            let child = child?;
            match child.id {
                ids::CUE_TIME => time = child.uint()?,
                ids::CUE_TRACK_POSITIONS => {
                    for child in child.children() {
                        let child = child?;
                        let track = if child.id == ids::CUE_TRACK { child.uint()? } else { 0 };
                        silent_only &= track == 0 || self.is_sound(track);
                    }
                }
                _ => {}
            }
        }
        let time = i128::from(time).saturating_mul(i128::from(self.scale()));
        Ok(!silent_only && self.spans.iter().any(|span| span.0 <= time && time < span.1))
    }

    fn is_sound(&self, track: u64) -> bool {
        let sound =
            |(number, lane): &(u64, Lane)| *number == track && matches!(lane, Lane::Sound(_));
        self.lanes.iter().any(sound)
    }

    fn in_cluster(&mut self, piece: &Piece, seen: Seen, first: bool) -> Result<Fate, MaskError> {
        let element = whole(piece)?;
        match element.id {
            ids::TIMESTAMP => {
                if self.cluster_time.replace(element.uint()?).is_some() {
                    return Err(
                        MediaError::malformed("a second cluster timestamp", piece.at).into()
                    );
                }
            }
            ids::SIMPLE_BLOCK | ids::BLOCK_GROUP => return self.block(piece, &element),
            ebml::CRC_32 if first && seen.size == 4 => return Ok(Fate::Checksum),
            ebml::CRC_32 | ebml::VOID => return Ok(Fate::Bytes(void(&element))),
            ids::SILENT_TRACKS | ids::POSITION | ids::PREV_SIZE => {}
            id => return Err(held_back(format!("element 0x{id:X} in a cluster"), piece.at)),
        }
        Ok(Fate::Bytes(piece.bytes.clone()))
    }

    fn block(&mut self, piece: &Piece, element: &Element<'_>) -> Result<Fate, MaskError> {
        let at = piece.at;
        let group = BlockGroup::read(element)?;
        let cluster = self.cluster_time.ok_or_else(|| {
            MediaError::malformed("a block before the timestamp of its cluster", at)
        })?;
        let scale = i128::from(self.scale());
        let units = i128::from(cluster) + i128::from(group.block.time);
        let time_ns = units.saturating_mul(scale);
        if time_ns > MAX_TIME_NS {
            return Err(MediaError::malformed("a block a hundred years late", at).into());
        }
        let number = group.block.track;
        let lane = self.lanes.iter_mut().find(|lane| lane.0 == number).map(|lane| &mut lane.1);
        let bytes = match lane {
            None => return Err(MediaError::malformed("a block of an unknown track", at).into()),
            Some(Lane::Sound(sound)) => {
                let sound = *sound;
                if !group.plain {
                    return Err(held_back("a block of sound with additions", at));
                }
                return Ok(Fate::Sound(SoundBlock { sound, time_ns, frames: group.block.frames }));
            }
            Some(Lane::Video(video)) => {
                let [frame] = group.block.frames.as_slice() else {
                    return Err(held_back("a block with several pictures", at));
                };
                // Additions may hold pictures of their own, such as an alpha channel.
                let data = piece.bytes.get(frame.clone()).filter(|_| group.plain);
                let marks = video.kept(time_ns, group.keyframe, data);
                marks.map(|marks| marked(&piece.bytes, frame.start, &marks))
            }
            Some(Lane::Text) => {
                let lasts = group.duration.map(|units| i128::from(units).saturating_mul(scale));
                let end = lasts.map_or(i128::MAX, |lasts| time_ns.saturating_add(lasts));
                // A text without a duration stays until the next.
                let end = end.max(time_ns + 1);
                let seen = self.spans.iter().any(|span| time_ns < span.1 && end > span.0);
                (!seen).then(|| piece.bytes.clone())
            }
        };
        self.other_blocks += 1;
        self.removed += u64::from(bytes.is_none());
        Ok(Fate::Bytes(bytes.unwrap_or_else(|| void(element))))
    }
}

/// Quarantine for something at byte `at` in which silence cannot be written.
pub(super) fn held_back(what: impl std::fmt::Display, at: u64) -> MaskError {
    let reason = QuarantineReason::MaskUnsupportedContainer;
    MaskError::quarantine(reason, format!("{what} at byte {at}"))
}

/// The element that a whole piece is.
fn whole(piece: &Piece) -> Result<Element<'_>, MediaError> {
    let element = Children::new(&piece.bytes, piece.at).next();
    element.unwrap_or_else(|| Err(MediaError::malformed("an empty piece", piece.at)))
}

fn check_doc_type(header: &Element<'_>) -> Result<(), MediaError> {
    let mut doc_type = "matroska".to_owned();
    for child in header.children() {
        let child = child?;
        match child.id {
            ids::DOC_TYPE => doc_type = child.text(),
            ids::EBML_MAX_ID_LENGTH => MediaError::check("EBMLMaxIDLength", child.uint()?, 4)?,
            ids::EBML_MAX_SIZE_LENGTH => MediaError::check("EBMLMaxSizeLength", child.uint()?, 8)?,
            _ => {}
        }
    }
    match doc_type.as_str() {
        "matroska" | "webm" => Ok(()),
        other => Err(MediaError::unsupported(format!("EBML document type {other:?}"))),
    }
}

fn is_of_attachments(seek: &Element<'_>) -> Result<bool, MediaError> {
    if seek.id != ids::SEEK {
        return Ok(false);
    }
    for child in seek.children() {
        let child = child?;
        if child.id == ids::SEEK_ID && child.content == ids::ATTACHMENTS.to_be_bytes() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether the frames of a track can be read, and what they lack at their beginning.
pub(super) fn stripped(entry: &TrackEntry) -> Result<&[u8], MaskError> {
    match &entry.encoding {
        ContentEncoding::HeaderStripping(header) => Ok(header),
        ContentEncoding::Opaque => Err(unmasked(entry, "compressed or encrypted blocks")),
    }
}

/// Quarantine for a sound track in which silence cannot be written.
pub(super) fn unmasked(entry: &TrackEntry, why: &str) -> MaskError {
    let detail = format!("track {} with codec {}: {why}", entry.number, entry.codec_id);
    MaskError::quarantine(QuarantineReason::MaskUnsupportedContainer, detail)
}
