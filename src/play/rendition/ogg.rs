//! Ogg: Opus (RFC 7845) and FLAC (RFC 9639 section 10.1), packet by packet.

use std::collections::VecDeque;

use super::RenditionError;
use super::entry;
use super::framed::{Pieces, STREAMINFO_BYTES, flac_input, sound_input};
use super::samples::Foreign;
use super::source::{MAX_UNIT_BYTES, Source};
use super::units::{End, Found, Input, Opened, Preroll, Unit, Units};
use crate::media::{
    Coding, FrameHeader as FlacHeader, MediaError, OPUS_RATE, OggFramer, OggPage, OpusHead,
    OpusPacket,
};

/// What RFC 7845 section 4.6 has decoded ahead of a place: 80 ms.
pub(super) const OPUS_PREROLL: Preroll = Preroll::ticks(3840);
/// Where STREAMINFO stands in the first packet of FLAC: behind magic, version, count, marker, and
/// the block's own header.
const FLAC_INFO_AT: usize = 17;

/// A packet, and the page's time if it is the last that ends on its page.
struct Packet {
    bytes: Vec<u8>,
    at: u64,
    granule: Option<i64>,
}

/// The packets of the only logical stream.
struct Packets {
    pages: Pieces<OggFramer>,
    serial: Option<u32>,
    ended: bool,
    partial: Vec<u8>,
    partial_at: u64,
    queue: VecDeque<Packet>,
}

impl Packets {
    fn new(source: &Source) -> Self {
        let pages = Pieces::new(source, OggFramer);
        let (serial, ended, partial_at) = (None, false, 0);
        Self { pages, serial, ended, partial: Vec::new(), partial_at, queue: VecDeque::new() }
    }

    fn next(&mut self) -> Result<Option<Packet>, RenditionError> {
        while self.queue.is_empty() {
            let Some(piece) = self.pages.next_unit()? else { return Ok(None) };
            self.page(&piece.bytes, piece.at)?;
        }
        Ok(self.queue.pop_front())
    }

    fn page(&mut self, bytes: &[u8], at: u64) -> Result<(), RenditionError> {
        let page = OggPage::read(bytes, at)?;
        if page.serial != *self.serial.get_or_insert(page.serial) || (self.ended && page.begins) {
            let what = format!("an Ogg file of several streams (byte {at})");
            return Err(RenditionError::unsupported(what));
        }
        self.ended |= page.ends;
        if !page.continued {
            // The rest of it was lost.
            self.partial.clear();
        }
        let mut skipping = page.continued && self.partial.is_empty();
        for piece in page.pieces() {
            if self.partial.is_empty() {
                self.partial_at = at.saturating_add(piece.body.start as u64);
            }
            self.partial.extend_from_slice(bytes.get(piece.body).unwrap_or_default());
            let len = self.partial.len() as u64;
            RenditionError::check("the length of an Ogg packet", len, MAX_UNIT_BYTES)?;
            if piece.ends {
                let bytes = std::mem::take(&mut self.partial);
                if !std::mem::take(&mut skipping) {
                    self.queue.push_back(Packet { bytes, at: self.partial_at, granule: None });
                }
            }
        }
        if let Some(last) = self.queue.back_mut() {
            last.granule = page.granule;
        }
        Ok(())
    }
}

/// How long a packet plays.
#[derive(Clone, Copy)]
enum Clock {
    Opus,
    Flac,
}

struct OggUnits {
    packets: Packets,
    clock: Clock,
    /// Header packets that are still to come.
    headers: u64,
    body: Vec<u8>,
    ticks: u64,
    /// What the first page's time is ahead of the ticks before it.
    begin: Option<i64>,
    last: Option<i64>,
}

impl Units for OggUnits {
    fn next(&mut self) -> Result<Option<Found>, RenditionError> {
        while let Some(packet) = self.packets.next()? {
            if self.headers > 0 {
                self.headers -= 1;
                continue;
            }
            let duration = match self.clock {
                Clock::Opus => OpusPacket::read(&packet.bytes).map(|packet| packet.ticks),
                Clock::Flac => FlacHeader::parse(&packet.bytes)
                    .map(|header| header.block_size)
                    .ok_or("an Ogg packet is no FLAC frame"),
            };
            let duration = duration.map_err(|what| MediaError::malformed(what, packet.at))?;
            self.ticks = self.ticks.saturating_add(u64::from(duration));
            if let Some(granule) = packet.granule {
                let done = i64::try_from(self.ticks).unwrap_or(i64::MAX);
                // A first page that is also the last may end before its packets do.
                self.begin.get_or_insert(granule.saturating_sub(done).max(0));
                self.last = Some(granule);
            }
            self.body = packet.bytes;
            return Ok(Some(Unit::sound(self.body.len(), duration).into()));
        }
        Ok(None)
    }

    fn body(&mut self, out: &mut Vec<u8>) -> Result<(), RenditionError> {
        out.extend_from_slice(&self.body);
        Ok(())
    }

    fn end(&self) -> End {
        let played = self.last.zip(self.begin).map(|(last, begin)| last.saturating_sub(begin));
        let played = played.and_then(|played| u64::try_from(played).ok()).unwrap_or(self.ticks);
        End { cut: self.ticks.saturating_sub(played), entry: None }
    }
}

fn units(source: &Source, clock: Clock, headers: u64) -> Box<dyn Units> {
    Box::new(OggUnits {
        packets: Packets::new(source),
        clock,
        headers,
        body: Vec::new(),
        ticks: 0,
        begin: None,
        last: None,
    })
}

pub(super) fn open(source: &Source) -> Result<Opened, RenditionError> {
    let first = Packets::new(source).next()?;
    let first = first.ok_or_else(|| MediaError::malformed("no Ogg packet", 0))?;
    if first.bytes.starts_with(OpusHead::MAGIC) {
        let input = opus(&first.bytes, first.at, units(source, Clock::Opus, 2))?;
        return Ok(Opened::Copied(input));
    }
    if let Some(rest) = first.bytes.strip_prefix(b"\x7FFLAC") {
        let damaged = || MediaError::malformed("a damaged FLAC header", first.at);
        let count = rest.get(2..4).and_then(|count| count.first_chunk()).ok_or_else(damaged)?;
        let more = u64::from(u16::from_be_bytes(*count));
        if more == 0 {
            return Err(RenditionError::unsupported("FLAC in Ogg that does not count its headers"));
        }
        let info = first.bytes.get(FLAC_INFO_AT..FLAC_INFO_AT + STREAMINFO_BYTES);
        let units = units(source, Clock::Flac, more + 1);
        return Ok(Opened::Copied(flac_input(info.ok_or_else(damaged)?, first.at, units)?));
    }
    if first.bytes.starts_with(b"\x01vorbis") {
        return Ok(Opened::decoded(Foreign::lossy(source)?));
    }
    Err(RenditionError::unsupported("this codec in Ogg"))
}

/// A track of Opus packets with this identification header, which is found at byte `at`.
pub(super) fn opus(header: &[u8], at: u64, units: Box<dyn Units>) -> Result<Input, RenditionError> {
    let head = OpusHead::read(header, at)?;
    let entry = entry::opus(header);
    let entry = entry.ok_or_else(|| MediaError::malformed("a damaged Opus header", at))?;
    let channels = u16::from(head.channels);
    let coding = (head.streams == 1).then_some(Coding::Opus);
    let input = sound_input((channels, OPUS_RATE), entry, units, coding);
    Ok(Input { skip: Some(u64::from(head.pre_skip)), preroll: OPUS_PREROLL, ..input })
}
