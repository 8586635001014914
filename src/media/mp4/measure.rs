//! The facts of a file, from its index.

use std::io::{Read, Seek};

use super::{Budget, ElementaryStream, Index, SampleEntry, SoundEntry, TrackIndex};
use crate::asset::MediaTime;
use crate::media::aac::AudioSpecificConfig;
use crate::media::{Container, Measured, MediaError, OPUS_RATE, ticks_to_time};

/// The sound of one track.
struct Sound {
    codec: &'static str,
    channels: u16,
    rate: u32,
}

/// Reads the index of a file of `bytes` bytes.
///
/// # Errors
/// As [`Index::read`], and malformed for a file without samples.
pub(in crate::media) fn measure<R>(source: &mut R, bytes: u64) -> Result<Measured, MediaError>
where
    R: Read + Seek + ?Sized,
{
    let index = Index::read(source, bytes)?;
    let mut names: Vec<&str> = Vec::new();
    let mut first_sound = None;
    let (mut earliest, mut longest) = (MediaTime::MAX, MediaTime::ZERO);
    for track in &index.tracks {
        longest = longest.max(played(track, index.movie_timescale));
        if track.table.count() > 0 {
            earliest = earliest.min(begins(track, index.movie_timescale));
        }
        let Some(entry) = track.entries.first() else { continue };
        let name = match &track.handler {
            b"soun" => {
                let sound = sound(entry, track)?;
                first_sound.get_or_insert((sound.channels, sound.rate));
                sound.codec
            }
            b"vide" => picture(entry.kind),
            _ => "text",
        };
        if !names.contains(&name) {
            names.push(name);
        }
    }
    if index.tracks.iter().all(|track| track.table.count() == 0) {
        return Err(MediaError::malformed("no media frames", bytes));
    }
    Ok(Measured {
        container: Container::Mp4,
        codec: names.join("+"),
        channels: first_sound.map(|(channels, _)| channels),
        sample_rate: first_sound.map(|(_, rate)| rate),
        first: earliest,
        duration: longest,
        bytes,
    })
}

/// How long a track plays: what its edits say, else all its media.
fn played(track: &TrackIndex, movie_timescale: u32) -> MediaTime {
    let end = track.table.end();
    let media = |from: u64| ticks_to_time(end.saturating_sub(from), 1, track.timescale);
    if track.edits.is_empty() {
        return media(0);
    }
    track.edits.iter().fold(MediaTime::ZERO, |sum, edit| {
        let time = match (edit.duration, edit.media_time) {
            // In fragmented files: to the end.
            (0, Some(from)) => media(from),
            (ticks, _) => ticks_to_time(ticks, 1, movie_timescale),
        };
        sum.saturating_add(time)
    })
}

/// When the first sample of a track plays: not at once in a part of a longer stream, and after an
/// empty edit.
fn begins(track: &TrackIndex, movie_timescale: u32) -> MediaTime {
    let media = first_tick(track);
    let mut empty = 0_u64;
    for edit in &track.edits {
        match edit.media_time {
            None => empty = empty.saturating_add(edit.duration),
            Some(from) => {
                let late = ticks_to_time(media.saturating_sub(from), 1, track.timescale);
                return late.saturating_add(ticks_to_time(empty, 1, movie_timescale));
            }
        }
    }
    ticks_to_time(media, 1, track.timescale)
}

/// When the first sample plays on the clock of the media: not at 0 in a part of a longer stream.
fn first_tick(track: &TrackIndex) -> u64 {
    let dts = track.table.restarts.first().filter(|(sample, _)| *sample == 0);
    dts.map_or(0, |(_, dts)| *dts)
}

/// Refuses a file that does not play as it is stored, from its beginning but for `most`: who decodes
/// packet after packet would put masks at another place.
///
/// # Errors
/// As [`Index::read`], and unsupported for such a file.
pub(in crate::media) fn check_plays_through<R>(
    source: &mut R,
    bytes: u64,
    most: MediaTime,
) -> Result<(), MediaError>
where
    R: Read + Seek + ?Sized,
{
    for track in Index::read(source, bytes)?.tracks {
        let begin = first_tick(&track);
        let mut parts = track.edits.iter().filter_map(|edit| Some((edit, edit.media_time?)));
        let straight = parts.next().is_none_or(|(edit, from)| {
            let left_out = ticks_to_time(from.saturating_sub(begin), 1, track.timescale);
            edit.normal_rate && left_out <= most
        });
        if !straight || parts.next().is_some() {
            return Err(MediaError::unsupported("decoding a file with cuts in its edit list"));
        }
    }
    Ok(())
}

fn sound(entry: &SampleEntry, track: &TrackIndex) -> Result<Sound, MediaError> {
    let fields = SoundEntry::read(entry, &mut Budget::default())?;
    let known = |codec| Sound { codec, channels: fields.channels, rate: track.timescale };
    Ok(match &entry.kind {
        b"mp4a" => match fields.child(b"esds") {
            Some((at, esds)) => stream(&ElementaryStream::read(esds, at)?, &known, at),
            None => known("unknown"),
        },
        b"Opus" => Sound { rate: OPUS_RATE, ..known("opus") },
        b".mp3" | b"mp3 " => known("mp3"),
        b"fLaC" => known("flac"),
        b"alac" => known("alac"),
        b"samr" => known("amr_nb"),
        b"sawb" => known("amr_wb"),
        b"alaw" => known("pcm_alaw"),
        b"ulaw" => known("pcm_mulaw"),
        b"sowt" => known("pcm_s16le"),
        b"twos" => known("pcm_s16be"),
        b"raw " | b"in24" | b"in32" | b"fl32" | b"fl64" | b"lpcm" | b"ipcm" | b"fpcm" => {
            known("pcm")
        }
        b"ac-3" => known("ac3"),
        _ => known("unknown"),
    })
}

/// `mp4a` by its object type (ISO 14496-1 table 5).
fn stream(stream: &ElementaryStream<'_>, known: &dyn Fn(&'static str) -> Sound, at: u64) -> Sound {
    match stream.object_type {
        0x40 | 0x66..=0x68 => {
            // What cannot be parsed is refused when it is to be masked.
            let config = AudioSpecificConfig::parse(stream.config, at).ok();
            let sound = known("aac");
            Sound { rate: config.map_or(sound.rate, |config| config.sample_rate), ..sound }
        }
        0x69 | 0x6B => known("mp3"),
        _ => known("unknown"),
    }
}

const fn picture(kind: [u8; 4]) -> &'static str {
    match &kind {
        b"avc1" | b"avc3" => "h264",
        b"hvc1" | b"hev1" => "hevc",
        b"vp08" => "vp8",
        b"vp09" => "vp9",
        b"av01" => "av1",
        b"mp4v" => "mpeg4",
        _ => "unknown",
    }
}
