//! What a file says about its sound besides the sound.

use crate::media::mp3::{InfoFrame, LAME_TAG_BYTES, crc16_arc, id3v2_frames};

/// Frames that hold the words of the sound, with or without times, and where in the file it plays.
const LYRICS: [&[u8]; 4] = [b"USLT", b"SYLT", b"ULT", b"SLT"];
/// Peak and two gains in the LAME extension.
const LEVELS: std::ops::Range<usize> = 11..19;

/// Removes peak and gains from a LAME tag, writes the music's CRC unless it had none, and makes
/// the tag's own CRC right.
pub(super) fn clear_info(frame: &mut [u8], info: InfoFrame, music_crc: u16) {
    let Some(at) = info.lame_at else { return };
    let tag = frame.get_mut(at..).and_then(|rest| rest.get_mut(..LAME_TAG_BYTES));
    let Some(tag) = tag else { return };
    if let Some(levels) = tag.get_mut(LEVELS) {
        levels.fill(0);
    }
    if let Some(field) = tag.get_mut(32..34).filter(|field| **field != [0, 0]) {
        field.copy_from_slice(&music_crc.to_be_bytes());
    }
    let covered = frame.get(..at.saturating_add(34)).unwrap_or_default();
    let crc = crc16_arc(0, covered).to_be_bytes();
    if let Some(field) = frame.get_mut(at..).and_then(|tag| tag.get_mut(34..36)) {
        field.copy_from_slice(&crc);
    }
}

/// What [`clear_info`] takes from a tag, for the certificate.
pub(super) fn cleared_of_info(frame: &[u8], info: InfoFrame, music_crc: u16) -> Vec<String> {
    let tag = info.lame_at.and_then(|at| frame.get(at..)).unwrap_or_default();
    let any = |range: std::ops::Range<usize>| {
        tag.get(range).unwrap_or_default().iter().any(|byte| *byte != 0)
    };
    let levels = any(LEVELS).then(|| "LAME peak and gain".to_owned());
    let crc = (music_crc == 0 && any(32..34)).then(|| "LAME music CRC".to_owned());
    levels.into_iter().chain(crc).collect()
}

/// The music CRC that a LAME tag states; 0 for none.
pub(super) fn stated_music_crc(frame: &[u8], info: InfoFrame) -> u16 {
    let tag = info.lame_at.and_then(|at| frame.get(at..)).unwrap_or_default();
    let field = tag.get(32..).and_then(|rest| rest.first_chunk());
    field.map_or(0, |field| u16::from_be_bytes(*field))
}

/// Removes lyrics from an ID3v2 tag; other tags are left alone. A tag whose frames cannot be told
/// apart is emptied when it may have any. Returns what was cleared.
pub(super) fn clear_lyrics(tag: &mut [u8]) -> Vec<String> {
    if !tag.starts_with(b"ID3") {
        return Vec::new();
    }
    let Some(frames) = id3v2_frames(tag) else { return empty_tag(tag) };
    let mut cleared = Vec::new();
    for frame in frames.into_iter().filter(|frame| LYRICS.contains(&frame.id.as_slice())) {
        for range in [frame.flags, frame.content] {
            tag.get_mut(range).unwrap_or_default().fill(0);
        }
        cleared.push(format!("ID3v2 {}", String::from_utf8_lossy(&frame.id)));
    }
    cleared
}

fn empty_tag(tag: &mut [u8]) -> Vec<String> {
    let holds = |id: &&[u8]| tag.windows(id.len()).any(|part| part == *id);
    if !LYRICS.iter().any(holds) {
        return Vec::new();
    }
    let has_footer = tag.get(5).is_some_and(|flags| flags & 0x10 != 0);
    let footer = if has_footer { 10 } else { 0 };
    let footer_at = tag.len().saturating_sub(footer);
    for flags in [Some(5), has_footer.then_some(footer_at.saturating_add(5))].into_iter().flatten()
    {
        if let Some(flags) = tag.get_mut(flags) {
            *flags &= 0x10;
        }
    }
    tag.get_mut(10..footer_at).unwrap_or_default().fill(0);
    vec!["ID3v2".to_owned()]
}
