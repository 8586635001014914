//! All that a file says of its tracks and samples.

use std::io::{Read, Seek};

use super::edits::read_elst;
use super::entry::read_stsd;
use super::fragment::{Moof, TrackState};
use super::stbl::read_table;
use super::{
    Budget, Edit, Fields, Fragment, MAX_TRACKS, Mp4Box, SampleEntry, SampleTable, TrackDefaults,
    boxes, read_payload,
};
use crate::media::MediaError;

/// One track.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrackIndex {
    /// Its number in the file.
    pub id: u32,
    /// `soun`, `vide`, `text` and so on.
    pub handler: [u8; 4],
    /// Media ticks per second. Invariant: not 0.
    pub timescale: u32,
    /// Its edit list; empty when all of it plays from the start.
    pub edits: Vec<Edit>,
    /// Its sample entries.
    pub entries: Vec<SampleEntry>,
    /// Whether its samples are in this file.
    pub self_contained: bool,
    /// Its samples.
    pub table: SampleTable,
    /// Where its sample table boxes are.
    pub stbl: Mp4Box,
}

/// The index of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Index {
    /// The boxes of the file.
    pub top: Vec<Mp4Box>,
    /// Ticks per second of the edit lists' durations. Invariant: not 0.
    pub movie_timescale: u32,
    /// The tracks, in the order of their boxes.
    pub tracks: Vec<TrackIndex>,
    /// The parts of fragments, in file order.
    pub fragments: Vec<Fragment>,
}

impl Index {
    /// Reads the index of a file of `total_len` bytes.
    ///
    /// # Errors
    /// Malformed when boxes are missing, too long, or contradict each other; a limit when there is
    /// too much of something.
    pub fn read<R>(source: &mut R, total_len: u64) -> Result<Self, MediaError>
    where
        R: Read + Seek + ?Sized,
    {
        let mut budget = Budget::default();
        let top = boxes(source, 0, total_len, &mut budget)?;
        let mut moovs = top.iter().filter(|part| &part.kind == b"moov");
        let missing = || MediaError::malformed("the file has no moov box", total_len);
        let moov = *moovs.next().ok_or_else(missing)?;
        if let Some(second) = moovs.next() {
            return Err(MediaError::malformed("a second moov box", second.start));
        }
        let mut index = Self { top, movie_timescale: 0, tracks: Vec::new(), fragments: Vec::new() };
        let mut defaults = Vec::new();
        for part in boxes(source, moov.offset, moov.end, &mut budget)? {
            match &part.kind {
                b"mvhd" => index.movie_timescale = read_timescale(source, &part, &mut budget)?,
                b"mvex" => {
                    for child in boxes(source, part.offset, part.end, &mut budget)? {
                        if &child.kind == b"trex" {
                            let payload = read_payload(source, &child, &mut budget)?;
                            defaults.push(TrackDefaults::read_trex(&payload, child.offset)?);
                        }
                    }
                }
                b"trak" => {
                    let count = index.tracks.len() as u64 + 1;
                    MediaError::check("the number of tracks", count, MAX_TRACKS)?;
                    index.tracks.push(read_trak(source, &part, &mut budget)?);
                }
                _ => {}
            }
        }
        if index.movie_timescale == 0 {
            return Err(MediaError::malformed("the movie has no time scale", moov.start));
        }
        index.read_fragments(source, &defaults, &mut budget)?;
        Ok(index)
    }

    fn read_fragments<R>(
        &mut self,
        source: &mut R,
        defaults: &[(u32, TrackDefaults)],
        budget: &mut Budget,
    ) -> Result<(), MediaError>
    where
        R: Read + Seek + ?Sized,
    {
        let moofs = self.top.iter().filter(|part| &part.kind == b"moof");
        let moofs: Vec<Mp4Box> = moofs.copied().collect();
        if moofs.is_empty() {
            return Ok(());
        }
        let (mut states, mut tables) = (Vec::new(), Vec::new());
        for track in &mut self.tracks {
            let pictures = &track.handler == b"vide";
            let count = track.table.count();
            if pictures && track.table.sync.is_none() {
                budget.spend_samples(u64::from(count))?;
                track.table.sync = Some((0..count).collect());
            }
            let found = defaults.iter().find(|(id, _)| *id == track.id);
            let defaults = found.map(|(_, defaults)| *defaults).unwrap_or_default();
            let dts = track.table.durations.iter().fold(0_u64, |sum, run| {
                sum.saturating_add(u64::from(run.count).saturating_mul(u64::from(run.value)))
            });
            states.push(TrackState { id: track.id, defaults, dts, pictures });
            tables.push(track.table.clone());
        }
        for moof in moofs {
            let payload = read_payload(source, &moof, budget)?;
            let moof = Moof { start: moof.start, at: moof.offset, payload: &payload };
            self.fragments.extend(moof.read(&mut states, &mut tables, budget)?);
        }
        for (track, table) in self.tracks.iter_mut().zip(tables) {
            track.table = table;
        }
        Ok(())
    }
}

/// `mvhd` and `mdhd` begin alike: two times, then the scale.
fn read_timescale<R>(
    source: &mut R,
    header: &Mp4Box,
    budget: &mut Budget,
) -> Result<u32, MediaError>
where
    R: Read + Seek + ?Sized,
{
    let payload = read_payload(source, header, budget)?;
    let mut fields = Fields::new(&payload, header.offset);
    let (version, _) = fields.version()?;
    fields.take(if version == 1 { 16 } else { 8 })?;
    fields.u32()
}

fn read_trak<R>(
    source: &mut R,
    trak: &Mp4Box,
    budget: &mut Budget,
) -> Result<TrackIndex, MediaError>
where
    R: Read + Seek + ?Sized,
{
    let (mut id, mut timescale, mut handler) = (0, 0, [0; 4]);
    let (mut edits, mut entries, mut self_contained) = (Vec::new(), Vec::new(), true);
    let mut table = None;
    // tkhd, edts/elst, mdia/(mdhd, hdlr, minf/(dinf/dref, stbl/stsd)).
    let mut open = vec![*trak];
    while let Some(holder) = open.pop() {
        for part in boxes(source, holder.offset, holder.end, budget)? {
            match &part.kind {
                b"edts" | b"mdia" | b"minf" | b"dinf" => open.push(part),
                b"mdhd" => timescale = read_timescale(source, &part, budget)?,
                b"tkhd" => {
                    let payload = read_payload(source, &part, budget)?;
                    let mut fields = Fields::new(&payload, part.offset);
                    let (version, _) = fields.version()?;
                    fields.take(if version == 1 { 16 } else { 8 })?;
                    id = fields.u32()?;
                }
                b"elst" => {
                    edits = read_elst(&read_payload(source, &part, budget)?, part.offset)?;
                }
                // QuickTime has a second one, for the data reference, in minf.
                b"hdlr" if &holder.kind == b"mdia" => {
                    let payload = read_payload(source, &part, budget)?;
                    let mut fields = Fields::new(&payload, part.offset);
                    fields.take(8)?;
                    handler = fields.bytes()?;
                }
                b"dref" => {
                    let payload = read_payload(source, &part, budget)?;
                    self_contained = read_dref(&payload, &part, budget)?;
                }
                b"stbl" => {
                    table = Some((read_table(source, &part, budget)?, part));
                    open.push(part);
                }
                b"stsd" => {
                    let payload = read_payload(source, &part, budget)?;
                    entries = read_stsd(&payload, part.offset, budget)?;
                }
                _ => {}
            }
        }
    }
    let missing = || MediaError::malformed("a track has no sample table", trak.start);
    let (table, stbl) = table.ok_or_else(missing)?;
    if timescale == 0 {
        return Err(MediaError::malformed("a track has no time scale", trak.start));
    }
    Ok(TrackIndex { id, handler, timescale, edits, entries, self_contained, table, stbl })
}

/// Whether every data reference has the flag "in this file" (section 8.7.2).
fn read_dref(payload: &[u8], dref: &Mp4Box, budget: &mut Budget) -> Result<bool, MediaError> {
    let mut fields = Fields::new(payload, dref.offset);
    fields.take(8)?;
    let mut inside = true;
    for entry in super::boxes_in(fields.rest(), fields.at(), budget)? {
        let bytes = super::entry::slice(payload, dref.offset, &entry).unwrap_or_default();
        let (_, flags) = Fields::new(bytes, entry.offset).version()?;
        inside &= flags & 1 == 1;
    }
    Ok(inside)
}
