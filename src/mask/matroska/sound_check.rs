//! The check of sound, frame by frame.

use super::clock::Clock;
use super::guide::stripped;
use super::pcm::Pcm;
use super::sound::{Coder, Setting};
use super::timed::mp3_reach;
use crate::mask::ticks::{Chooser, TickSpans};
use crate::mask::unit::Coding;
use crate::mask::{MaskError, mp3};
use crate::media::matroska::TrackEntry;

/// How a frame and what became of it are compared.
enum Comparison {
    Pcm(Pcm, TickSpans),
    Mp3(Box<mp3::FrameCheck>),
    Coded(Box<dyn Coding>, Chooser),
}

/// The check of one track.
pub(super) struct SoundCheck {
    /// Tells how long a frame plays.
    meter: Coder,
    clock: Clock,
    stripped: Vec<u8>,
    comparison: Comparison,
}

impl SoundCheck {
    /// The check of `entry`.
    ///
    /// # Errors
    /// As [`Coder::open`].
    pub(super) fn open(entry: &TrackEntry, setting: Setting<'_>) -> Result<Self, MaskError> {
        let stripped = stripped(entry)?.to_vec();
        let meter = Coder::open(entry)?;
        let clock = Clock::new(meter.rate(), setting.scale);
        let spans = clock.spans(setting.plan, setting.facts, entry);
        let comparison = match Coder::open(entry)? {
            Coder::Pcm(pcm, _) => Comparison::Pcm(pcm, spans),
            Coder::Mp3(_) => {
                Comparison::Mp3(Box::new(mp3::FrameCheck::new(spans, mp3_reach(entry))))
            }
            Coder::Coded(coding) => {
                let chooser = Chooser::new(spans, coding.reach());
                Comparison::Coded(coding, chooser)
            }
        };
        Ok(Self { meter, clock, stripped, comparison })
    }

    /// Whether `masked` is what must have become of `unit`. `time_ns` is the container's time of
    /// the block whose first frame `unit` is, which begins at byte `at`.
    ///
    /// # Errors
    /// A damaged unit; [`MaskError::Recheck`] for a wrong one shortly before.
    pub(super) fn holds(
        &mut self,
        (unit, masked): (&[u8], &[u8]),
        time_ns: Option<i128>,
        at: u64,
    ) -> Result<bool, MaskError> {
        let mut unit = [&*self.stripped, unit].concat();
        let masked = [&*self.stripped, masked].concat();
        let ticks = self.meter.ticks(&unit).map_err(|fault| fault.at(at))?;
        let hint = time_ns.map(|time| self.clock.ticks().tick(time));
        let from = self.clock.place(hint, ticks);
        match &mut self.comparison {
            Comparison::Pcm(pcm, spans) => Ok(pcm.holds(&unit, &masked, from, spans)),
            Comparison::Mp3(check) => check.push(&unit, &masked, at, Some(from)).map(|_| true),
            Comparison::Coded(coding, chooser) => {
                // Some codings learn from every frame.
                coding.ticks(&unit).map_err(|fault| fault.at(at))?;
                if chooser.choose(from, from.saturating_add(ticks)) {
                    let silent = coding.silence(&unit, unit.len()).map_err(|fault| fault.at(at))?;
                    Ok(silent == masked && coding.is_silence(&masked))
                } else {
                    coding.tidy(&mut unit);
                    Ok(unit == masked)
                }
            }
        }
    }

    /// Ends the track; `at` is the end of the file.
    ///
    /// # Errors
    /// [`MaskError::Recheck`] when its last frames are wrong.
    pub(super) fn finish(&mut self, at: u64) -> Result<(), MaskError> {
        match &mut self.comparison {
            Comparison::Mp3(check) => check.finish(at),
            Comparison::Pcm(..) | Comparison::Coded(..) => Ok(()),
        }
    }
}
