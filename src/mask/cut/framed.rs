//! Files that are frames one after the other.

use std::io::SeekFrom;
use std::ops::Range;

use super::{Cut, CutFound, Slice, ticks_before};
use crate::asset::MediaTime;
use crate::mask::MaskError;
use crate::media::mp3::{FrameHeader, InfoFrame, Mp3Framer};
use crate::media::{
    AdtsFramer, AdtsHeader, AmrBand, AmrFramer, Cutter, FlacFramer, FlacLayout, Framer,
    GSM_FRAME_BYTES, GSM_FRAME_SAMPLES, GSM_RATE, GsmFramer, MediaError, Piece, ReadSeek,
    STREAMINFO_MD5,
};

/// How much of the file is read at a time.
const READ_BYTES: usize = 64 * 1024;
/// Samples of a raw_data_block of ADTS.
const BLOCK_SAMPLES: u64 = 1024;
/// Where STREAMINFO has the sizes of frames, and from which byte on the count of samples, of whose
/// first byte the high half is something else.
const FRAME_SIZES: Range<usize> = 4..10;
const TOTAL_SAMPLES: Range<usize> = 13..18;
/// Types of FLAC metadata blocks.
const PADDING: u8 = 1;
const SEEKTABLE: u8 = 3;
const CUESHEET: u8 = 5;

/// Pieces of a stretch of a source.
pub(super) struct Pieces<'a, F> {
    source: &'a mut dyn ReadSeek,
    cutter: Cutter<F>,
    from: u64,
    left: u64,
    buffer: Vec<u8>,
    ended: bool,
}

impl<'a, F: Framer> Pieces<'a, F> {
    pub(super) fn new(
        source: &'a mut dyn ReadSeek,
        range: Range<u64>,
        framer: F,
    ) -> Result<Self, MaskError> {
        source.seek(SeekFrom::Start(range.start)).map_err(MediaError::Io)?;
        let left = range.end.saturating_sub(range.start);
        let buffer = vec![0; READ_BYTES];
        let (cutter, from) = (Cutter::new(framer), range.start);
        Ok(Self { source, cutter, from, left, buffer, ended: false })
    }

    /// The next piece, with its offset in the source; `None` at the end of the stretch, and where
    /// what is left is no whole piece.
    ///
    /// # Errors
    /// I/O, and damage that more bytes could not mend.
    pub(super) fn next(&mut self) -> Result<Option<Piece>, MaskError> {
        loop {
            match self.cutter.next(self.ended) {
                Ok(Some(piece)) => return Ok(Some(Piece { at: piece.at + self.from, ..piece })),
                Ok(None) if self.ended => return Ok(None),
                Ok(None) => {}
                Err(MediaError::Malformed { .. }) if self.ended => return Ok(None),
                Err(error) => return Err(error.into()),
            }
            let wanted = usize::try_from(self.left).unwrap_or(usize::MAX).min(READ_BYTES);
            let into = self.buffer.get_mut(..wanted).unwrap_or_default();
            let got = self.source.read(into).map_err(MediaError::Io)?;
            self.left = if got == 0 { 0 } else { self.left.saturating_sub(got as u64) };
            self.ended = self.left == 0;
            self.cutter.push(self.buffer.get(..got).unwrap_or_default());
        }
    }
}

/// How far a file is kept.
struct Kept {
    /// Offset of the first byte after.
    end: u64,
    /// Ticks that are kept.
    ticks: u64,
    /// The first unit.
    first: Option<Piece>,
}

/// Counts units up to the last that ends within `limit` ticks; `ticks` says how long one plays,
/// and how many ticks are the limit.
fn walk<F: Framer>(
    pieces: &mut Pieces<'_, F>,
    mut ticks: impl FnMut(&Piece) -> Option<u64>,
    limit: impl Fn(&Piece) -> u64,
) -> Result<Kept, MaskError> {
    let mut kept = Kept { end: pieces.from, ticks: 0, first: None };
    let mut most = None;
    while let Some(piece) = pieces.next()? {
        let behind = piece.at.saturating_add(piece.bytes.len() as u64);
        if piece.unit {
            let most = *most.get_or_insert_with(|| limit(&piece));
            let Some(more) = ticks(&piece) else { break };
            let end = kept.ticks.saturating_add(more);
            if end > most {
                break;
            }
            kept.ticks = end;
            if kept.first.is_none() {
                kept.first = Some(piece);
            }
        }
        kept.end = behind;
    }
    Ok(kept)
}

fn found(kept: &Kept, range: &Range<u64>, source_len: u64) -> CutFound {
    if kept.ticks == 0 {
        CutFound::Nothing
    } else if kept.end >= range.end {
        CutFound::Whole
    } else {
        CutFound::Kept(Cut::new(vec![Slice::Source(range.start..kept.end)], source_len))
    }
}

/// MP3 in `range` of the source. An Xing, Info or VBRI frame would tell another length: it is left
/// out, as it is in files that were written as a stream.
pub(super) fn mp3(
    source: &mut dyn ReadSeek,
    range: Range<u64>,
    at: MediaTime,
) -> Result<CutFound, MaskError> {
    let mut info = None;
    let mut first = true;
    let samples = |piece: &Piece| {
        let header = FrameHeader::read(&piece.bytes)?;
        let is_info = std::mem::take(&mut first) && InfoFrame::read(header, &piece.bytes).is_some();
        if is_info {
            info = Some(piece.at..piece.at.saturating_add(piece.bytes.len() as u64));
            return Some(0);
        }
        // A last frame that is cut off is torn; it holds sound that nobody can play.
        let whole = header.frame_len().is_none_or(|len| len <= piece.bytes.len());
        whole.then_some(header.granules() as u64 * 576)
    };
    let limit = |piece: &Piece| {
        let rate = FrameHeader::read(&piece.bytes).map_or(1, FrameHeader::sample_rate);
        ticks_before(at, rate)
    };
    let mut pieces = Pieces::new(source, range.clone(), Mp3Framer::default())?;
    let kept = walk(&mut pieces, samples, limit)?;
    let whole = range.end;
    Ok(match (found(&kept, &range, whole), info) {
        (CutFound::Kept(_), Some(info)) => {
            let slices =
                vec![Slice::Source(range.start..info.start), Slice::Source(info.end..kept.end)];
            CutFound::Kept(Cut::new(slices, whole))
        }
        (found, _) => found,
    })
}

/// AAC in ADTS.
pub(super) fn adts(
    source: &mut dyn ReadSeek,
    bytes: u64,
    at: MediaTime,
) -> Result<CutFound, MaskError> {
    let header = |piece: &Piece| AdtsHeader::parse(&piece.bytes);
    let samples = |piece: &Piece| Some(u64::from(header(piece)?.blocks) * BLOCK_SAMPLES);
    let limit = |piece: &Piece| {
        ticks_before(at, header(piece).and_then(|header| header.sample_rate()).unwrap_or(1))
    };
    let mut pieces = Pieces::new(source, 0..bytes, AdtsFramer::default())?;
    Ok(found(&walk(&mut pieces, samples, limit)?, &(0..bytes), bytes))
}

/// AMR of either band.
pub(super) fn amr(
    source: &mut dyn ReadSeek,
    bytes: u64,
    at: MediaTime,
) -> Result<CutFound, MaskError> {
    let mut head = vec![0; AmrBand::Wide.magic().len()];
    source.seek(SeekFrom::Start(0)).map_err(MediaError::Io)?;
    let got = source.read(&mut head).map_err(MediaError::Io)?;
    let band = AmrBand::of(head.get(..got).unwrap_or_default());
    let band = band.ok_or_else(|| MediaError::malformed("no AMR header", 0))?;
    let mut pieces = Pieces::new(source, 0..bytes, AmrFramer::new(band))?;
    let limit = |_: &Piece| ticks_before(at, band.sample_rate());
    let kept = walk(&mut pieces, |_| Some(band.frame_samples()), limit)?;
    Ok(found(&kept, &(0..bytes), bytes))
}

/// GSM 06.10 without a container.
pub(super) fn gsm(
    source: &mut dyn ReadSeek,
    bytes: u64,
    at: MediaTime,
) -> Result<CutFound, MaskError> {
    let mut pieces = Pieces::new(source, 0..bytes, GsmFramer)?;
    let samples =
        |piece: &Piece| (piece.bytes.len() == GSM_FRAME_BYTES).then_some(GSM_FRAME_SAMPLES);
    let kept = walk(&mut pieces, samples, |_| ticks_before(at, GSM_RATE))?;
    Ok(found(&kept, &(0..bytes), bytes))
}

/// Native FLAC: STREAMINFO tells the kept samples, and no digest; seek points and cue sheets go,
/// for they name samples that are not there.
pub(super) fn flac(
    source: &mut dyn ReadSeek,
    bytes: u64,
    at: MediaTime,
) -> Result<CutFound, MaskError> {
    let layout = FlacLayout::read(source, bytes)?;
    let mut pieces = Pieces::new(source, 0..bytes, FlacFramer::new(&layout))?;
    let samples =
        |piece: &Piece| Some(u64::from(crate::media::FrameHeader::parse(&piece.bytes)?.block_size));
    let limit = |_: &Piece| ticks_before(at, layout.info.rate);
    let kept = walk(&mut pieces, samples, limit)?;
    let found = found(&kept, &(0..bytes), bytes);
    if !matches!(found, CutFound::Kept(_)) {
        return Ok(found);
    }
    let slices = flac_slices(source, &layout, &kept)?;
    Ok(CutFound::Kept(Cut::new(slices, bytes)))
}

fn flac_slices(
    source: &mut dyn ReadSeek,
    layout: &FlacLayout,
    kept: &Kept,
) -> Result<Vec<Slice>, MaskError> {
    let mut info = [0; STREAMINFO_MD5.end];
    read_at(source, layout.info_at, &mut info)?;
    for range in [FRAME_SIZES, STREAMINFO_MD5] {
        info.get_mut(range).unwrap_or_default().fill(0);
    }
    set_flac_samples(&mut info, kept.ticks);
    let mut slices = vec![Slice::Source(0..layout.info_at), Slice::Bytes(info.to_vec())];
    let mut at = layout.info_at.saturating_add(info.len() as u64);
    while at.saturating_add(4) <= layout.frames_at {
        let mut head = [0; 4];
        read_at(source, at, &mut head)?;
        let [kind, a, b, c] = head;
        let len = u64::from(u32::from_be_bytes([0, a, b, c]));
        let end = at.saturating_add(4).saturating_add(len);
        if matches!(kind & 0x7F, SEEKTABLE | CUESHEET) {
            // As long as before, so that nothing else moves.
            slices.push(Slice::Bytes(vec![kind & 0x80 | PADDING, a, b, c]));
            slices.push(Slice::Zeros(len));
        } else {
            slices.push(Slice::Source(at..end));
        }
        at = end;
    }
    slices.push(Slice::Source(layout.frames_at..kept.end));
    Ok(slices)
}

/// Writes the count of samples into STREAMINFO; one that does not fit becomes "not known".
pub(super) fn set_flac_samples(info: &mut [u8], samples: u64) {
    let Some([high, low @ ..]) = info.get_mut(TOTAL_SAMPLES) else { return };
    let samples = if samples >> 36 == 0 { samples } else { 0 };
    let [_, _, _, top, rest @ ..] = samples.to_be_bytes();
    *high = (*high & 0xF0) | (top & 0x0F);
    low.copy_from_slice(&rest);
}

/// Fills `out` from `offset` of the source.
pub(super) fn read_at(
    source: &mut dyn ReadSeek,
    offset: u64,
    out: &mut [u8],
) -> Result<(), MediaError> {
    source.seek(SeekFrom::Start(offset))?;
    Ok(source.read_exact(out)?)
}
