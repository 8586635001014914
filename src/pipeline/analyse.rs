//! What a spooled file is, and what of it must be silent. Reads headers and packets, changes
//! nothing.

use std::io::{self, Cursor, Read, Seek, SeekFrom};

use jiff::tz::TimeZone;
use symphonia::core::io::MediaSource;

use super::PipelineError;
use crate::asset::{AssetId, MaskEntry, MediaEntry, MediaId, MediaTime, RecordingDocument};
use crate::mask::{
    Companions, ControlEvent, ControlKind, DECODED_GUARD, MaskError, MaskPlan, MaskSettings,
    QuarantineReason, Timeline, WallSpan, wall_spans,
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
}

/// A spool file as a source for demuxers.
struct Source(SpoolReader);

impl Read for Source {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.0.read(out)
    }
}

impl Seek for Source {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.0.seek(to)
    }
}

impl MediaSource for Source {
    fn is_seekable(&self) -> bool {
        true
    }

    fn byte_len(&self) -> Option<u64> {
        Some(self.0.len())
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
    let measured = crate::media::measure(Box::new(Source(reader)), bytes, container);
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
}

impl MaskRequest {
    /// For one media file of a document; `None` when the document does not name it.
    pub fn of(document: &RecordingDocument, media: &MediaId, late: Vec<MaskEntry>) -> Option<Self> {
        let (position, entry) = document.entry(media)?;
        let mut companions = document.media.clone();
        companions.remove(position);
        Some(Self { entry: entry.clone(), companions, late })
    }
}

/// Measures a file and decides what of it must be silent. Blocks.
///
/// # Errors
/// As [`measure`], and quarantine for masks that cannot be applied (R9).
pub fn analyse(
    spool: &Spool,
    asset: AssetId,
    request: &MaskRequest,
    settings: &MaskSettings,
) -> Result<Analysed, PipelineError> {
    let measured = measure(spool, asset, &request.entry)?;
    let plan = plan(&measured, request, settings, MediaTime::ZERO)?;
    Ok(Analysed { measured, plan, decoded_from: None })
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
    let source = Box::new(Source(spool.reader(asset)?));
    let measured = measure_decoded(source, &original).map_err(MaskError::from)?;
    let plan = plan(&measured, request, settings, DECODED_GUARD)?;
    Ok(Analysed { measured, plan, decoded_from: Some(original) })
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
        return Ok((Box::new(spool.reader(asset)?), Box::new(spool.reader(asset)?)));
    };
    let source = Box::new(Source(spool.reader(asset)?));
    let facts = &analysed.measured;
    let decoded = Decoded::open(source, original, facts);
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
    let mut companions = Companions::default();
    for companion in &request.companions {
        if settings.across_media {
            companions.pauses.extend(wall_spans(&events(companion), zone)?);
        }
        // Only what can be placed without doubt excuses a pause that is not in this file.
        let (from, to) = (companion.start.resolve(zone).ok(), companion.stop.resolve(zone).ok());
        let excused = settings.across_media || !request.late.is_empty();
        if let (Some(from), Some(to), true) = (from, to, excused) {
            companions.ranges.push(WallSpan { from, to });
        }
    }
    // The stop time only helps to tell drift and cuts; a file is masked without it, too.
    let stop = entry.stop.resolve(zone).ok();
    let source = entry.source_timeline.unwrap_or(settings.source_timeline);
    let Measured { duration, first, .. } = *measured;
    let timeline = Timeline { start, stop, duration, first, source };
    let guard = settings.guard().saturating_add(allowance);
    let plan = MaskPlan::from_events(&events(entry), &companions, timeline, zone, guard)?;
    Ok(match &entry.mask_channels {
        Some(channels) => plan.with_channels(channels.clone()),
        None => plan,
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
