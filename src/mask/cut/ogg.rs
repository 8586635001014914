//! Ogg: the last page is written anew with the packets that are kept, and says that it is the last.

use super::framed::{Pieces, set_flac_samples};
use super::{Cut, CutFound, Slice, ticks_before};
use crate::asset::MediaTime;
use crate::mask::MaskError;
use crate::mask::ogg::{Codec, STREAMINFO_AT, recognise};
use crate::mask::unit::Coding;
use crate::media::set_ogg_crc;
use crate::media::{MediaError, OggFramer, OggPage, OggPiece, Piece, ReadSeek, STREAMINFO_MD5};

/// Longest packet that is joined from several pages.
const MAX_PACKET_BYTES: usize = 1024 * 1024;
/// Bytes of a page before its lacing values, and where it has flags, granule position and the
/// number of lacing values.
const HEAD_BYTES: usize = 27;
const FLAGS_AT: usize = 5;
const GRANULE_AT: usize = 6;
const COUNT_AT: usize = 26;
/// The flag of a stream's last page.
const LAST_PAGE: u8 = 4;

/// A packet that ends on the page at hand.
struct Ended {
    piece: OggPiece,
    ticks: u64,
}

/// Where the file may end: behind a packet of a page.
#[derive(Clone)]
struct Edge {
    /// Offset of the page in the file.
    at: u64,
    page: Vec<u8>,
    /// End of its last kept piece: of the body and of the lacing values, as offsets in the page.
    body: usize,
    lacing: usize,
    /// Granule position at the end of that piece, if one ends there.
    granule: Option<i64>,
    /// Whether any sound lies before it.
    sound: bool,
}

/// The stream on its way.
struct Walk {
    serial: u32,
    codec: Codec,
    headers: Vec<Vec<u8>>,
    coding: Option<Box<dyn Coding>>,
    /// The packet that goes on with the next page.
    open: Option<Vec<u8>>,
    /// Where the file may end before that packet.
    edge: Option<Edge>,
    /// Ticks so far, and the granule position before the first of them.
    ticks: u64,
    start: Option<i64>,
    granule: i64,
}

/// What to do after a page.
enum Step {
    On,
    /// The first packet after the edge plays too late.
    Stop,
    /// A second stream, or a page of none.
    Foreign,
}

/// Where an Ogg file must end. Of chained and multiplexed streams only the first link of a chain
/// can be cut.
pub(super) fn find(
    source: &mut dyn ReadSeek,
    bytes: u64,
    at: MediaTime,
) -> Result<CutFound, MaskError> {
    let mut pieces = Pieces::new(source, 0..bytes, OggFramer)?;
    let Some(first) = pieces.next()? else { return Ok(CutFound::Nothing) };
    let mut walk = Walk::begin(&first)?;
    let mut end = 0;
    loop {
        match pieces.next()? {
            None => break,
            Some(page) => {
                let behind = page.at.saturating_add(page.bytes.len() as u64);
                match walk.page(page, at)? {
                    Step::On => end = behind,
                    Step::Stop => return Ok(walk.ended(&first, bytes)),
                    Step::Foreign => return Ok(CutFound::Uncuttable),
                }
            }
        }
    }
    // All that came plays in time; a torn page or packet at the end is left out.
    if end == bytes && walk.open.is_none() {
        return Ok(CutFound::Whole);
    }
    Ok(walk.ended(&first, bytes))
}

impl Walk {
    fn begin(first: &Piece) -> Result<Self, MaskError> {
        let page = OggPage::read(&first.bytes, first.at)?;
        let piece = page.pieces().next().filter(|piece| piece.ends && page.begins);
        let what = "the first page of a stream holds something else than one packet";
        let piece = piece.ok_or_else(|| MediaError::malformed(what, first.at))?;
        let packet = first.bytes.get(piece.body).unwrap_or_default();
        Ok(Self {
            serial: page.serial,
            codec: recognise(packet, first.at)?,
            headers: vec![packet.to_vec()],
            coding: None,
            open: None,
            edge: None,
            ticks: 0,
            start: None,
            granule: 0,
        })
    }

    fn page(&mut self, piece: Piece, limit: MediaTime) -> Result<Step, MaskError> {
        let page = OggPage::read(&piece.bytes, piece.at)?;
        if page.begins || page.serial != self.serial {
            return Ok(Step::Foreign);
        }
        if page.continued != self.open.is_some() {
            return Err(MediaError::malformed("a page is missing before this one", piece.at).into());
        }
        let ended = self.packets(&page, &piece)?;
        let Some(coding) = &self.coding else {
            let edge = Edge::whole(&piece, None, false);
            self.edge = Some(edge);
            return Ok(Step::On);
        };
        let rate = coding.rate();
        let most = ticks_before(limit, rate).saturating_add(u64::from(self.codec.pre_skip));
        let total = ended.iter().fold(0_u64, |sum, packet| sum.saturating_add(packet.ticks));
        let before = self.granule_before(&page, total);
        let (mut granule, mut ticks) = (before, self.ticks);
        let start = *self.start.get_or_insert(before);
        for packet in &ended {
            granule = granule.saturating_add_unsigned(packet.ticks);
            ticks = ticks.saturating_add(packet.ticks);
            let told = u64::try_from(i128::from(granule) - i128::from(start)).unwrap_or(0);
            if ticks.max(told) > most {
                return Ok(Step::Stop);
            }
            let granule = page.granule.filter(|told| page.ends && *told < granule);
            let granule = granule.unwrap_or(self.forward(before, &ended, packet));
            let sound = ticks > u64::from(self.codec.pre_skip);
            self.edge = Some(Edge::behind(&piece, &packet.piece, (granule, sound)));
        }
        self.ticks = ticks;
        self.granule = page.granule.unwrap_or(granule);
        Ok(Step::On)
    }

    /// The granule position behind a packet of the page.
    fn forward(&self, before: i64, ended: &[Ended], packet: &Ended) -> i64 {
        let upto = ended.iter().take_while(|other| other.piece.body.end <= packet.piece.body.end);
        upto.fold(before, |sum, other| sum.saturating_add_unsigned(other.ticks))
    }

    /// The granule position before the packets that end on a page, of `total` ticks. It is told by
    /// the page, but for the last page, whose end may be cut.
    fn granule_before(&self, page: &OggPage<'_>, total: u64) -> i64 {
        match page.granule {
            Some(granule) if !page.ends => granule.saturating_sub_unsigned(total),
            Some(granule) if self.start.is_none() => granule.saturating_sub_unsigned(total).max(0),
            _ => self.granule,
        }
    }

    /// The packets of sound that end on a page. Header packets are taken in on the way.
    fn packets(&mut self, page: &OggPage<'_>, piece: &Piece) -> Result<Vec<Ended>, MaskError> {
        let mut ended = Vec::new();
        for part in page.pieces() {
            let bytes = piece.bytes.get(part.body.clone()).unwrap_or_default();
            let mut packet = self.open.take().unwrap_or_default();
            let len = packet.len().saturating_add(bytes.len()) as u64;
            MediaError::check("the length of an Ogg packet", len, MAX_PACKET_BYTES as u64)?;
            packet.extend_from_slice(bytes);
            if !part.ends {
                self.open = Some(packet);
                continue;
            }
            match &mut self.coding {
                // Some writers end a stream with an empty packet; it plays nothing.
                Some(_) if packet.is_empty() => {}
                Some(coding) => {
                    let ticks = coding.ticks(&packet).map_err(|fault| fault.at(piece.at))?;
                    ended.push(Ended { piece: part, ticks });
                }
                None => {
                    self.headers.push(packet);
                    if self.headers.len() >= self.codec.headers {
                        self.coding = Some((self.codec.coding)(&self.headers)?);
                    }
                }
            }
        }
        Ok(ended)
    }

    /// The file that ends at the edge.
    fn ended(&self, first: &Piece, source_len: u64) -> CutFound {
        let Some(edge) = self.edge.as_ref().filter(|edge| edge.sound) else {
            return CutFound::Nothing;
        };
        let mut head = first.bytes.clone();
        let behind = head.len() as u64;
        let mut slices = Vec::new();
        if head.get(HEAD_BYTES + 1..).is_some_and(|packet| packet.starts_with(b"\x7FFLAC")) {
            let info = head.get_mut(HEAD_BYTES + 1 + STREAMINFO_AT..).unwrap_or_default();
            // Not known: neither the digest nor the count is that of the whole.
            set_flac_samples(info, 0);
            info.get_mut(STREAMINFO_MD5).unwrap_or_default().fill(0);
            set_ogg_crc(&mut head);
            slices.push(Slice::Bytes(head));
            slices.push(Slice::Source(behind..edge.at));
        } else {
            slices.push(Slice::Source(0..edge.at));
        }
        slices.push(Slice::Bytes(edge.last_page()));
        CutFound::Kept(Cut::new(slices, source_len))
    }
}

impl Edge {
    fn whole(piece: &Piece, granule: Option<i64>, sound: bool) -> Self {
        let count = piece.bytes.get(COUNT_AT).map_or(0, |count| usize::from(*count));
        let (page, body) = (piece.bytes.clone(), piece.bytes.len());
        Self { at: piece.at, page, body, lacing: HEAD_BYTES + count, granule, sound }
    }

    fn behind(piece: &Piece, part: &OggPiece, (granule, sound): (i64, bool)) -> Self {
        let (body, lacing) = (part.body.end, part.lacing.end);
        Self { body, lacing, ..Self::whole(piece, Some(granule), sound) }
    }

    /// The page up to the edge, as the last of its stream.
    fn last_page(&self) -> Vec<u8> {
        let old_body = HEAD_BYTES + self.page.get(COUNT_AT).map_or(0, |count| usize::from(*count));
        let lacing = self.page.get(..self.lacing).unwrap_or_default();
        let body = self.page.get(old_body..self.body).unwrap_or_default();
        let mut page = [lacing, body].concat();
        let count = u8::try_from(self.lacing.saturating_sub(HEAD_BYTES)).unwrap_or(u8::MAX);
        if let Some(slot) = page.get_mut(COUNT_AT) {
            *slot = count;
        }
        if let Some(flags) = page.get_mut(FLAGS_AT) {
            *flags |= LAST_PAGE;
        }
        let granule = self.granule.unwrap_or(-1).to_le_bytes();
        if let Some(slot) = page.get_mut(GRANULE_AT..GRANULE_AT + granule.len()) {
            slot.copy_from_slice(&granule);
        }
        set_ogg_crc(&mut page);
        page
    }
}
