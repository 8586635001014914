//! MP4, progressive and fragmented: samples by their index.

use super::RenditionError;
use super::entry;
use super::framed::{flac_input, mp3_preroll, sound_input};
use super::ogg::OPUS_PREROLL;
use super::pcm::Chunks;
use super::samples::{Foreign, Samples};
use super::source::{Reader, Source};
use super::units::{Found, Heard, Input, Opened, Preroll, Unit, Units, Want};
use crate::media::mp3::FrameHeader as Mp3Header;
use crate::media::mp4::{
    Budget, Cursor, ElementaryStream, Index, Sample, SampleEntry, SampleTable, SoundEntry,
    TrackIndex,
};
use crate::media::{AudioSpecificConfig, Coding, MediaError, OPUS_RATE, OpusHead};

/// Bytes before STREAMINFO in `dfLa`: version and flags, block header.
const DFLA_HEAD: usize = 8;

struct Mp4Units {
    reader: Reader,
    table: SampleTable,
    cursor: Cursor,
    current: Option<Sample>,
    ahead: Option<Sample>,
    /// Bytes that samples may still have: those of a true file do not overlap.
    left: u64,
}

impl Mp4Units {
    fn new(source: &Source, table: SampleTable) -> Self {
        let mut cursor = Cursor::default();
        let ahead = cursor.next(&table);
        let (reader, left) = (source.reader(), source.bytes);
        Self { reader, table, cursor, current: None, ahead, left }
    }
}

impl Units for Mp4Units {
    fn next(&mut self) -> Result<Option<Found>, RenditionError> {
        self.current = self.ahead.take();
        let Some(sample) = self.current else { return Ok(None) };
        self.ahead = self.cursor.next(&self.table);
        if sample.description != 1 {
            return Err(RenditionError::unsupported("a track that changes its coding"));
        }
        let wrong = |what: &str| MediaError::malformed(what, sample.offset);
        let left = self.left.checked_sub(sample.len);
        self.left = left.ok_or_else(|| wrong("more samples than bytes"))?;
        let duration = match self.ahead {
            Some(next) => next.dts.checked_sub(sample.dts),
            None => Some(sample.duration),
        };
        let duration = duration.ok_or_else(|| wrong("samples that go back in time"))?;
        let number = |value: u64| u32::try_from(value).ok();
        let (Some(size), Some(duration)) = (number(sample.len), number(duration)) else {
            return Err(wrong("a sample of more than 32 bits of bytes or ticks").into());
        };
        Ok(Some(Unit { size, duration, shift: sample.shift, sync: sample.sync }.into()))
    }

    fn body(&mut self, out: &mut Vec<u8>) -> Result<(), RenditionError> {
        let Some(sample) = self.current else { return Ok(()) };
        let len = u32::try_from(sample.len).unwrap_or(u32::MAX);
        Ok(self.reader.append(sample.offset, len, out)?)
    }
}

/// Opens the first track of a kind.
pub(super) fn open(source: &Source, want: Want) -> Result<Option<Opened>, RenditionError> {
    let index = Index::read(&mut source.reader(), source.bytes)?;
    let handler = match want {
        Want::Sound => b"soun",
        Want::Picture => b"vide",
    };
    let wanted = |track: &&TrackIndex| &track.handler == handler && track.table.count() > 0;
    let Some(track) = index.tracks.iter().find(wanted) else { return Ok(None) };
    let entry = track.entries.first().filter(|_| track.self_contained);
    let entry = entry.ok_or_else(|| RenditionError::unsupported("media in other files"))?;
    let times = Times::of(track, index.movie_timescale)?;
    if want == Want::Sound && is_decoded(entry.kind) {
        let channels = SoundEntry::read(entry, &mut Budget::default())?.channels.max(1);
        let facts = (channels, track.timescale);
        let samples: Box<dyn Samples> = match Chunks::open(source, entry.kind, facts, &track.table)
        {
            Some(samples) => Box::new(samples),
            None => Box::new(Foreign::exact(source, None)?),
        };
        return Ok(Some(Opened::Decoded { samples, first_us: times.first_us }));
    }
    let units = Box::new(Mp4Units::new(source, track.table.clone()));
    let input = match want {
        Want::Sound => {
            let at = Cursor::default().next(&track.table);
            sound(source, entry, at, units)?
        }
        Want::Picture => picture(entry, units)?,
    };
    let (timescale, first_us) = (track.timescale, times.first_us);
    let skip = times.skip.or(input.skip.filter(|_| track.edits.is_empty()));
    let input = Input { timescale, first_us, skip, played: times.played, ..input };
    Ok(Some(Opened::Copied(input)))
}

/// Codecs without loss that browsers do not play from MP4.
const fn is_decoded(kind: [u8; 4]) -> bool {
    matches!(
        &kind,
        b"alac"
            | b"sowt"
            | b"twos"
            | b"in24"
            | b"in32"
            | b"lpcm"
            | b"ipcm"
            | b"raw "
            | b"ulaw"
            | b"alaw"
    )
}

/// What the edit list says.
struct Times {
    first_us: i64,
    skip: Option<u64>,
    played: Option<u64>,
}

impl Times {
    fn of(track: &TrackIndex, movie_timescale: u32) -> Result<Self, RenditionError> {
        let scaled = |ticks: u64, from: u32, to: u32| {
            let value = u128::from(ticks) * u128::from(to) / u128::from(from.max(1));
            u64::try_from(value).unwrap_or(u64::MAX)
        };
        let micros =
            |ticks, from| i64::try_from(scaled(ticks, from, 1_000_000)).unwrap_or(i64::MAX);
        let first = track.table.restarts.first().filter(|(sample, _)| *sample == 0);
        let begin = first.map_or(0, |(_, dts)| *dts);
        let mut parts = track.edits.iter();
        let mut empty = 0_u64;
        let edit = loop {
            match parts.next() {
                None => break None,
                Some(edit) => match edit.media_time {
                    None => empty = empty.saturating_add(edit.duration),
                    Some(media_time) => break Some((edit, media_time)),
                },
            }
        };
        let late = micros(empty, movie_timescale);
        let Some((edit, media_time)) = edit else {
            let first_us = late.saturating_add(micros(begin, track.timescale));
            return Ok(Self { first_us, skip: None, played: None });
        };
        if !edit.normal_rate || parts.any(|edit| edit.media_time.is_some()) {
            return Err(RenditionError::unsupported("cuts in the edit list of an MP4"));
        }
        let played = scaled(edit.duration, movie_timescale, track.timescale);
        Ok(Self {
            first_us: late
                .saturating_add(micros(begin.saturating_sub(media_time), track.timescale)),
            skip: media_time.checked_sub(begin),
            // In fragmented files 0 means to the end.
            played: Some(played).filter(|ticks| *ticks > 0),
        })
    }
}

fn sound(
    source: &Source,
    entry: &SampleEntry,
    first: Option<Sample>,
    units: Box<dyn Units>,
) -> Result<Input, RenditionError> {
    let fields = SoundEntry::read(entry, &mut Budget::default())?;
    let child = |kind: &[u8; 4]| {
        let missing = || MediaError::malformed("a sample entry without its box", entry.offset);
        fields.child(kind).ok_or_else(missing)
    };
    let plain = entry.payload.get(8..10) == Some(&[0, 0]);
    let copied = || entry::copied(entry);
    let input =
        |channels, rate, bytes, units, coding| sound_input((channels, rate), bytes, units, coding);
    match &entry.kind {
        b"mp4a" => {
            let (at, esds) = child(b"esds")?;
            let stream = ElementaryStream::read(esds, at)?;
            match stream.object_type {
                0x40 | 0x66..=0x68 => {
                    let config = AudioSpecificConfig::parse(stream.config, at)?;
                    let channels = match config.channel_configuration {
                        0 => fields.channels,
                        7 => 8,
                        count => u16::from(count),
                    };
                    let rate = config.sample_rate;
                    let bytes = if plain {
                        copied()?
                    } else {
                        entry::mp4a(stream.object_type, channels, rate, stream.config)
                    };
                    let coding = Some(Coding::Aac(stream.config.to_vec()));
                    let found = input(channels, rate, bytes, units, coding);
                    Ok(Input { preroll: Preroll::ticks(1024), ..found })
                }
                0x69 | 0x6B => mp3(source, first, units),
                other => {
                    let what = format!("sound of object type {other:#04x} in MP4");
                    Err(RenditionError::unsupported(what))
                }
            }
        }
        b".mp3" | b"mp3 " => mp3(source, first, units),
        b"Opus" => {
            let (at, dops) = child(b"dOps")?;
            let head = OpusHead::read_dops(dops, at)?;
            let coding = (head.streams == 1).then_some(Coding::Opus);
            let found = input(u16::from(head.channels), OPUS_RATE, copied()?, units, coding);
            let skip = Some(u64::from(head.pre_skip));
            Ok(Input { skip, preroll: OPUS_PREROLL, ..found })
        }
        b"fLaC" => {
            let (at, dfla) = child(b"dfLa")?;
            let info = dfla.get(DFLA_HEAD..DFLA_HEAD + super::framed::STREAMINFO_BYTES);
            let damaged = || MediaError::malformed("a damaged dfLa box", at);
            flac_input(info.ok_or_else(damaged)?, at, units)
        }
        b"samr" => Ok(input(1, 8000, copied()?, units, None)),
        b"sawb" => Ok(input(1, 16_000, copied()?, units, None)),
        kind => Err(RenditionError::unsupported(format!("{} in MP4", kind.escape_ascii()))),
    }
}

/// MP3, whose entry may be QuickTime's: facts come from its first frame.
fn mp3(
    source: &Source,
    first: Option<Sample>,
    units: Box<dyn Units>,
) -> Result<Input, RenditionError> {
    let at = first.map_or(0, |sample| sample.offset);
    let mut head = Vec::new();
    let wanted = u32::try_from(Mp3Header::LEN).unwrap_or(4);
    source.reader().append(at, wanted, &mut head)?;
    let header = Mp3Header::read(&head);
    let header = header.ok_or_else(|| MediaError::malformed("no MP3 frame", at))?;
    let channels = u16::try_from(header.channels()).unwrap_or(1);
    let rate = header.sample_rate();
    let heard = Some(Heard { coding: Coding::Mp3, channels, rate });
    let input = sound_input((channels, rate), entry::mp3(channels, rate), units, None);
    Ok(Input { preroll: mp3_preroll(header), heard, ..input })
}

fn picture(entry: &SampleEntry, units: Box<dyn Units>) -> Result<Input, RenditionError> {
    let known = matches!(
        &entry.kind,
        b"avc1" | b"avc3" | b"hvc1" | b"hev1" | b"vp08" | b"vp09" | b"av01" | b"mp4v"
    );
    if !known {
        let what = format!("pictures coded as {}", entry.kind.escape_ascii());
        return Err(RenditionError::unsupported(what));
    }
    // Width and height behind the 24 bytes that all entries begin with.
    let field = |at: usize| {
        let bytes = entry.payload.get(at..).and_then(|rest| rest.first_chunk::<2>());
        bytes.map_or(0, |bytes| u16::from_be_bytes(*bytes))
    };
    let size = (field(24), field(26));
    Ok(picture_input(size, 1, entry::copied(entry)?, units))
}

/// A track of pictures that begins at once.
pub(super) fn picture_input(
    size: (u16, u16),
    timescale: u32,
    entry: Vec<u8>,
    units: Box<dyn Units>,
) -> Input {
    Input {
        picture: Some(size),
        timescale,
        entry,
        units,
        first_us: 0,
        skip: None,
        played: None,
        preroll: Preroll::NONE,
        heard: None,
    }
}
