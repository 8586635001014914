//! The shape of the sound, for a waveform.

use super::samples::count;
use super::source::Source;
use super::track::{MAX_UNITS, collect, span};
use super::units::{Heard, Input, Opened, Want, next_filled};
use super::{RenditionError, SourceFile, open};
use crate::media::PacketDecoder;

/// How many points each channel has.
pub const PEAKS: usize = 1000;

/// The loudest samples of a recording: for each channel [`PEAKS`] points between 0 and 1, each the
/// largest absolute sample of a thousandth of what plays. It reads the source twice, and holds one
/// packet at a time, and 16 bytes for each in its index.
///
/// # Errors
/// Unsupported without sound, and for codecs that are not decoded (AMR, Opus of more than two
/// channels); else [`RenditionError`].
pub fn peaks(source: SourceFile) -> Result<Vec<Vec<f32>>, RenditionError> {
    let source = Source::new(source);
    let sound = || {
        let what = || RenditionError::unsupported("a file without sound");
        open(&source, Want::Sound)?.ok_or_else(what)
    };
    match (sound()?, sound()?) {
        (Opened::Copied(first), Opened::Copied(second)) => of_units(first, second),
        (Opened::Decoded { samples: first, .. }, Opened::Decoded { samples: mut second, .. }) => {
            let (channels, bits) = (second.channels(), second.bits());
            let total = match first.frames() {
                Some(frames) => frames,
                None => count(first)?,
            };
            let mut points = Points::new(channels, total);
            let full = f64::from(1_u32 << bits.saturating_sub(1).min(31));
            let (mut block, mut at) = (Vec::new(), 0_u64);
            while second.next(&mut block)? {
                for frame in block.chunks_exact(usize::from(channels).max(1)) {
                    points.mark(at, frame.iter().map(|sample| f64::from(*sample) / full));
                    at = at.saturating_add(1);
                }
                block.clear();
            }
            Ok(points.found)
        }
        _ => Err(RenditionError::Changed { track: Want::Sound.name() }),
    }
}

fn of_units(mut first: Input, mut second: Input) -> Result<Vec<Vec<f32>>, RenditionError> {
    let what = || RenditionError::unsupported("decoding this codec");
    let Heard { coding, channels, rate } = second.heard.take().ok_or_else(what)?;
    let collected = collect(&mut first, &mut { MAX_UNITS })?;
    let (from, to) = span(&first, &collected);
    let mut decoder = PacketDecoder::open(&coding, channels, rate)?;
    let mut points = Points::new(channels, to.saturating_sub(from));
    let (mut body, mut samples, mut begin) = (Vec::new(), Vec::new(), 0_u64);
    // The first walk has the times between units, too.
    for unit in &collected.units {
        let changed = || RenditionError::Changed { track: Want::Sound.name() };
        next_filled(second.units.as_mut())?.ok_or_else(changed)?;
        body.clear();
        samples.clear();
        second.units.body(&mut body)?;
        decoder.decode(&body, 0, &mut samples)?;
        let frames = samples.len().checked_div(usize::from(channels)).unwrap_or(0) as u64;
        let duration = u64::from(unit.duration);
        for (frame, place) in samples.chunks_exact(usize::from(channels).max(1)).zip(0_u64..) {
            let inside = duration.saturating_mul(place).checked_div(frames).unwrap_or(0);
            if let Some(at) = begin.saturating_add(inside).checked_sub(from) {
                points.mark(at, frame.iter().map(|sample| f64::from(*sample)));
            }
        }
        begin = begin.saturating_add(duration);
    }
    Ok(points.found)
}

/// The points of all channels.
struct Points {
    found: Vec<Vec<f32>>,
    total: u64,
}

impl Points {
    fn new(channels: u16, total: u64) -> Self {
        Self { found: vec![vec![0.0; PEAKS]; usize::from(channels)], total }
    }

    /// Takes the frame at tick `at`; those beyond the end are left out.
    fn mark(&mut self, at: u64, frame: impl Iterator<Item = f64>) {
        if at >= self.total {
            return;
        }
        let place = u128::from(at) * PEAKS as u128 / u128::from(self.total.max(1));
        let place = usize::try_from(place).unwrap_or(PEAKS);
        for (channel, sample) in self.found.iter_mut().zip(frame) {
            if let Some(point) = channel.get_mut(place) {
                #[expect(clippy::cast_possible_truncation, reason = "between 0 and 1")]
                let size = sample.abs().min(1.0) as f32;
                *point = point.max(size);
            }
        }
    }
}
