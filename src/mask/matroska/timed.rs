//! A track as the container has it: rounded times, stripped headers, sizes that stay.

use std::collections::VecDeque;

use super::clock::{Clock, TickRate};
use super::guide::{held_back, stripped};
use super::pcm::PcmTrack;
use super::sound::{Coder, SbrTrial, Setting};
use crate::mask::track::{CodedTrack, Count, Track};
use crate::mask::unit::{Coding, Reach, UnitFault};
use crate::mask::{MaskError, mp3};
use crate::media::matroska::TrackEntry;

/// A track whose blocks have the container's rounded times, and frames that may lack a header:
/// the track inside gets exact times and whole frames.
pub(super) struct TimedTrack {
    inner: Box<dyn Track>,
    /// Tells how long a frame plays.
    meter: Coder,
    trial: SbrTrial,
    clock: Clock,
    stripped: Vec<u8>,
    done: VecDeque<Vec<u8>>,
}

impl TimedTrack {
    /// The track that masks `entry`.
    ///
    /// # Errors
    /// Quarantine when there is no silence for its codec.
    pub(super) fn open(entry: &TrackEntry, setting: Setting<'_>) -> Result<Self, MaskError> {
        let stripped = stripped(entry)?.to_vec();
        let meter = Coder::open(entry)?;
        let clock = Clock::new(meter.rate(), setting.scale);
        let spans = clock.spans(setting.plan, setting.facts, entry);
        let inner: Box<dyn Track> = match Coder::open(entry)? {
            Coder::Pcm(pcm, _) => Box::new(PcmTrack::new(pcm, spans)),
            Coder::Mp3(_) => mp3::track(spans, mp3_reach(entry)),
            Coder::Coded(coding) => Box::new(CodedTrack::new(Box::new(Unlevelled(coding)), spans)),
        };
        let trial = SbrTrial::new(entry)?;
        Ok(Self { inner, meter, trial, clock, stripped, done: VecDeque::new() })
    }

    /// How the container's times become the ticks that [`Track::push`] takes.
    pub(super) const fn ticks(&self) -> TickRate {
        self.clock.ticks()
    }

    /// Takes over what the inner track has finished.
    fn collect(&mut self, at: u64) -> Result<(), MaskError> {
        while let Some(mut unit) = self.inner.pop() {
            if !unit.starts_with(&self.stripped) {
                return Err(held_back("silence that differs in its stripped header", at));
            }
            unit.drain(..self.stripped.len());
            self.done.push_back(unit);
        }
        Ok(())
    }
}

impl Track for TimedTrack {
    fn push(&mut self, unit: Vec<u8>, at: u64, from: Option<u64>) -> Result<(), MaskError> {
        let unit = if self.stripped.is_empty() { unit } else { [&*self.stripped, &unit].concat() };
        self.trial.push(&unit)?;
        let ticks = self.meter.ticks(&unit).map_err(|fault| fault.at(at))?;
        let from = self.clock.place(from, ticks);
        self.inner.push(unit, at, Some(from))?;
        self.collect(at)
    }

    fn finish(&mut self) -> Result<(), MaskError> {
        self.trial.finish()?;
        self.inner.finish()?;
        self.collect(0)
    }

    fn pop(&mut self) -> Option<Vec<u8>> {
        self.done.pop_front()
    }

    fn count(&self) -> Count {
        self.inner.count()
    }
}

/// Without `CodecDelay`, it is not known what a player skips.
pub(super) const fn mp3_reach(entry: &TrackEntry) -> Reach {
    if entry.codec_delay_ns > 0 { mp3::REACH } else { mp3::REACH_ANY_DELAY }
}

/// A block's place depends on its size, which therefore stays.
struct Unlevelled(Box<dyn Coding>);

impl Coding for Unlevelled {
    fn rate(&self) -> u32 {
        self.0.rate()
    }

    fn reach(&self) -> Reach {
        self.0.reach()
    }

    fn ticks(&mut self, unit: &[u8]) -> Result<u64, UnitFault> {
        self.0.ticks(unit)
    }

    fn silence(&mut self, unit: &[u8], size: usize) -> Result<Vec<u8>, UnitFault> {
        self.0.silence(unit, size)
    }

    fn is_silence(&mut self, unit: &[u8]) -> bool {
        self.0.is_silence(unit)
    }

    fn tidy(&mut self, unit: &mut [u8]) {
        self.0.tidy(unit);
    }
}
