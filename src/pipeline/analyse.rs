//! What a spooled file is, and what of it must be silent. Reads headers and packets, changes
//! nothing.

use std::io::{self, Cursor, Read, Seek, SeekFrom};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use symphonia::core::io::MediaSource;

use super::PipelineError;
use super::ending::{Ended, end, without_torn};
use crate::asset::{
    AssetId, MaskEntry, MediaEntry, MediaId, MediaTime, RecordingDocument, Ruling, WireTime,
};
use crate::catalog::RecordingRow;
use crate::mask::{
    Companions, ControlEvent, ControlKind, Cut, CutAccount, CutReader, DECODED_GUARD, Ending,
    MaskError, MaskPlan, MaskSettings, QuarantineReason, Timeline, WallSpan, wall_spans,
};
use crate::media::{Decoded, Measured, MediaError, ReadSeek, SNIFF_BYTES, measure_decoded, sniff};
use crate::spool::{Spool, SpoolReader};

/// A file ready to be masked.
#[derive(Debug, Clone)]
pub struct Analysed {
    /// What it is.
    pub measured: Measured,
    /// What of it must be silent.
    pub plan: MaskPlan,
    /// The file as it came, when it is to be decoded: `measured` and `plan` are then of the WAVE
    /// file that it decodes to.
    pub decoded_from: Option<Measured>,
    /// Of what the file consists, when its end is not kept: `measured` and `plan` are then of the
    /// shorter file.
    pub cut: Option<Cut>,
    /// What was not kept of its end.
    pub ending: Option<CutAccount>,
}

/// A spool file, or what is kept of it, as a source for demuxers.
pub(super) enum Source {
    Whole(SpoolReader),
    Cut(CutReader<SpoolReader>),
}

impl Source {
    pub(super) fn open(
        spool: &Spool,
        asset: AssetId,
        cut: Option<&Cut>,
    ) -> Result<Self, PipelineError> {
        let reader = spool.reader(asset)?;
        Ok(match cut {
            Some(cut) => Self::Cut(cut.clone().reader(reader)),
            None => Self::Whole(reader),
        })
    }

    pub(super) const fn len(&self) -> u64 {
        match self {
            Self::Whole(reader) => reader.len(),
            Self::Cut(reader) => reader.len(),
        }
    }
}

impl Read for Source {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Whole(reader) => reader.read(out),
            Self::Cut(reader) => reader.read(out),
        }
    }
}

impl Seek for Source {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        match self {
            Self::Whole(reader) => reader.seek(to),
            Self::Cut(reader) => reader.seek(to),
        }
    }
}

impl MediaSource for Source {
    fn is_seekable(&self) -> bool {
        true
    }

    fn byte_len(&self) -> Option<u64> {
        Some(self.len())
    }
}

/// Recognises and measures the file of an asset. Blocks; call it on a worker thread.
///
/// # Errors
/// [`PipelineError::Quarantine`] for a file that is not what `entry` says, is damaged, or is of a
/// kind that is not handled.
pub fn measure(
    spool: &Spool,
    asset: AssetId,
    entry: &MediaEntry,
) -> Result<Measured, PipelineError> {
    let mut reader = spool.reader(asset)?;
    let mut head = Vec::with_capacity(SNIFF_BYTES);
    let limit = SNIFF_BYTES as u64;
    Read::by_ref(&mut reader)
        .take(limit)
        .read_to_end(&mut head)
        .map_err(MediaError::Io)
        .map_err(MaskError::from)?;
    let container = sniff(&head);
    if !container.agrees_with(entry.media_type) {
        let detail = format!("the bytes are {container}, declared was {}", entry.media_type);
        return Err(PipelineError::Quarantine {
            reason: QuarantineReason::MediaTypeMismatch,
            detail,
        });
    }
    reader.seek(SeekFrom::Start(0)).map_err(MediaError::Io).map_err(MaskError::from)?;
    let bytes = reader.len();
    let source = Box::new(Source::Whole(reader));
    let measured = crate::media::measure(source, bytes, container);
    Ok(measured.map_err(MaskError::from)?)
}

/// What is known of the masks of an asset.
#[derive(Debug, Clone)]
pub struct MaskRequest {
    /// Its entry in the document.
    pub entry: MediaEntry,
    /// The other media files of its recording.
    pub companions: Vec<MediaEntry>,
    /// Masks that came later; they are of the recording, not of one file.
    pub late: Vec<MaskEntry>,
    /// The ledger of its live interaction.
    pub rulings: Vec<Ruling>,
    /// When that ended.
    pub ended: Option<Timestamp>,
    /// Whether it belongs to one, so that its upload may have ended inside a coded unit.
    pub live: bool,
}

impl MaskRequest {
    /// For one media file of a recording; `None` when its document does not name it.
    pub fn of(row: &RecordingRow, document: &RecordingDocument, media: &MediaId) -> Option<Self> {
        let (position, entry) = document.entry(media)?;
        let mut companions = document.media.clone();
        companions.remove(position);
        Some(Self {
            entry: entry.clone(),
            companions,
            late: row.late_masks.clone(),
            rulings: row.rulings.clone(),
            ended: row.ended,
            live: row.interaction.is_some(),
        })
    }
}

/// Measures a file and decides what of it must be silent. Blocks.
///
/// # Errors
/// As [`measure`], quarantine for masks that cannot be applied (R9), and
/// [`PipelineError::NotRecorded`].
pub fn analyse(
    spool: &Spool,
    asset: AssetId,
    request: &MaskRequest,
    settings: &MaskSettings,
) -> Result<Analysed, PipelineError> {
    let measured = measure(spool, asset, &request.entry);
    let (measured, torn) =
        if request.live { without_torn(spool, asset, measured)? } else { (measured?, None) };
    let plan = plan(&measured, request, settings, MediaTime::ZERO)?;
    if plan.keeps_nothing() {
        return Err(PipelineError::NotRecorded);
    }
    let Ended { measured, plan, cut, ending } = end(spool, asset, (measured, plan), torn)?;
    Ok(Analysed { measured, plan, decoded_from: None, cut, ending })
}

/// As [`analyse`], for a file that is to be decoded. Decodes it once.
///
/// # Errors
/// As [`analyse`]; quarantine too for a file that cannot be decoded.
pub(super) fn analyse_decoded(
    spool: &Spool,
    asset: AssetId,
    request: &MaskRequest,
    settings: &MaskSettings,
) -> Result<Analysed, PipelineError> {
    let original = measure(spool, asset, &request.entry)?;
    let source = Box::new(Source::open(spool, asset, None)?);
    let measured = measure_decoded(source, original.bytes, original.container);
    let measured = measured.map_err(MaskError::from)?;
    if original.duration > measured.duration.saturating_add(DECODED_GUARD) {
        let detail = format!("{} decode to {}", original.duration, measured.duration);
        return Err(PipelineError::Quarantine { reason: QuarantineReason::MediaMalformed, detail });
    }
    let plan = plan(&measured, request, settings, DECODED_GUARD)?;
    if plan.keeps_nothing() {
        return Err(PipelineError::NotRecorded);
    }
    // What is decoded on the way is not cut, but silent from there on.
    let ending = plan.dropped.map(|at| CutAccount {
        ending: Ending::Silenced,
        at_ms: at.as_millis(),
        dropped_bytes: 0,
        dropped_ms: measured.duration.saturating_sub(at).as_millis(),
    });
    Ok(Analysed { measured, plan, decoded_from: Some(original), cut: None, ending })
}

/// What [`source`] gives.
type Sources = (Box<dyn Read>, Box<dyn ReadSeek>);

/// The bytes that are to be masked, and the source from which headers and index are read.
pub(super) fn source(
    spool: &Spool,
    asset: AssetId,
    analysed: &Analysed,
) -> Result<Sources, PipelineError> {
    let Some(original) = &analysed.decoded_from else {
        let open = || Source::open(spool, asset, analysed.cut.as_ref());
        return Ok((Box::new(open()?), Box::new(open()?)));
    };
    let source = Box::new(Source::open(spool, asset, None)?);
    let facts = &analysed.measured;
    let decoded = Decoded::open(source, original.bytes, original.container, facts);
    let decoded = decoded.map_err(MaskError::from)?;
    let head = Cursor::new(decoded.head().to_vec());
    Ok((Box::new(decoded), Box::new(head)))
}

fn plan(
    measured: &Measured,
    request: &MaskRequest,
    settings: &MaskSettings,
    allowance: MediaTime,
) -> Result<MaskPlan, PipelineError> {
    let (entry, zone): (_, Option<TimeZone>) = (&request.entry, settings.time_zone());
    let zone = zone.as_ref();
    let start = entry.start.resolve(zone).map_err(|error| PipelineError::Quarantine {
        reason: QuarantineReason::MaskNeedsZone,
        detail: format!("startTime {error}"),
    })?;
    let events = |entry: &MediaEntry| -> Vec<ControlEvent> {
        entry.masks.iter().chain(&request.late).map(control_event).collect()
    };
    let instant = |time: WireTime| time.resolve(zone).ok();
    let mut companions = Companions {
        ledger: Ruling::stretches(&request.rulings),
        ended: request.ended,
        ..Companions::default()
    };
    for companion in &request.companions {
        if settings.across_media {
            companions.pauses.extend(wall_spans(&events(companion), zone)?);
        }
        // Only what can be placed without doubt excuses a pause that is not in this file.
        let (from, to) = (instant(companion.start), companion.stop.and_then(instant));
        let excused = settings.across_media || !request.late.is_empty();
        if let (Some(from), Some(to), true) = (from, to, excused) {
            companions.ranges.push(WallSpan { from, to });
        }
    }
    // The stop time only helps to tell drift and cuts; a file is masked without it, too.
    let stop = entry.stop.and_then(instant);
    let source = entry.source_timeline.unwrap_or(settings.source_timeline);
    let Measured { duration, first, .. } = *measured;
    let timeline = Timeline { start, stop, duration, first, source };
    let guard = settings.guard().saturating_add(allowance);
    let plan = MaskPlan::from_events(&events(entry), &companions, timeline, zone, guard)?;
    // What is not to be kept is not to be kept of any party.
    let dropped = companions.ledger.iter().any(|stretch| stretch.dropped);
    Ok(match &entry.mask_channels {
        Some(channels) if !dropped => plan.with_channels(channels.clone()),
        _ => plan,
    })
}

/// The document's check let only the two kinds through.
fn control_event(mask: &MaskEntry) -> ControlEvent {
    let kind = match mask.kind.as_str() {
        "resume" => ControlKind::Resume,
        _ => ControlKind::Paused,
    };
    ControlEvent { time: mask.time.clone(), kind }
}
