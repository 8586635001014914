//! Sound tracks: which coding a codec id means, and the tracks' clock.

use std::collections::VecDeque;

use super::clock::{Clock, TickRate};
use super::edit::FLAC_STREAMINFO;
use super::guide::{held_back, stripped, unmasked};
use super::pcm::Pcm;
use crate::mask::ticks::{Chooser, TickSpans};
use crate::mask::track::{CodedTrack, Count, Track};
use crate::mask::unit::{Coding, Reach, UnitFault};
use crate::mask::{MaskError, MaskPlan, flac, opus, vorbis};
use crate::media::matroska::{TrackEntry, xiph_parts};
use crate::media::{MAX_SAMPLE_RATE, Measured, OpusHead};

/// Plan, file, and nanoseconds per timestamp unit.
#[derive(Clone, Copy)]
pub(super) struct Setting<'a> {
    pub(super) plan: &'a MaskPlan,
    pub(super) facts: &'a Measured,
    pub(super) scale: u64,
}

/// The coding of a track that is not PCM.
fn coding(entry: &TrackEntry) -> Result<Box<dyn Coding>, MaskError> {
    let (private, at) = (entry.codec_private.as_slice(), entry.codec_private_at);
    match entry.codec_id.as_str() {
        "A_OPUS" => opus::coding(&OpusHead::read(private, at)?),
        "A_VORBIS" => {
            let headers = xiph_parts(private).ok_or_else(|| unmasked(entry, "no headers"))?;
            let headers: Vec<Vec<u8>> = headers.into_iter().map(<[u8]>::to_vec).collect();
            vorbis::coding(&headers)
        }
        "A_FLAC" => match private.get(FLAC_STREAMINFO) {
            Some(info) if private.starts_with(b"fLaC\0") || private.starts_with(b"fLaC\x80") => {
                flac::coding(info)
            }
            _ => Err(unmasked(entry, "no STREAMINFO")),
        },
        #[cfg(test)]
        "A_TEST" => Ok(Box::new(super::tests::Double)),
        _ => Err(unmasked(entry, "no silence is known for it")),
    }
}

/// What tells how long a frame plays.
enum Meter {
    Pcm(Pcm),
    Coded(Box<dyn Coding>),
}

impl Meter {
    /// The meter of a track, and its ticks per second.
    fn open(entry: &TrackEntry) -> Result<(Self, u32), MaskError> {
        if let Some(pcm) = Pcm::of(entry)? {
            return Ok((Self::Pcm(pcm), whole_rate(entry)?));
        }
        let coding = coding(entry)?;
        let rate = coding.rate();
        if !(1..=MAX_SAMPLE_RATE).contains(&rate) {
            return Err(unmasked(entry, "its sampling rate"));
        }
        Ok((Self::Coded(coding), rate))
    }

    fn ticks(&mut self, unit: &[u8]) -> Result<u64, UnitFault> {
        match self {
            Self::Pcm(pcm) => pcm.ticks(unit),
            Self::Coded(coding) => coding.ticks(unit),
        }
    }
}

fn whole_rate(entry: &TrackEntry) -> Result<u32, MaskError> {
    let rate = entry.audio.sampling_frequency;
    let found = (1..=MAX_SAMPLE_RATE).contains(&(rate as u32)) && rate.fract() == 0.0;
    if found { Ok(rate as u32) } else { Err(unmasked(entry, "its sampling rate")) }
}

/// A track whose blocks have the container's rounded times, and frames that may lack a header:
/// the track inside gets exact times and whole frames.
pub(super) struct TimedTrack {
    inner: Box<dyn Track>,
    meter: Meter,
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
        let (meter, rate) = Meter::open(entry)?;
        let clock = Clock::new(rate, setting.scale);
        let spans = clock.spans(setting.plan, setting.facts, entry);
        let inner: Box<dyn Track> = match &meter {
            Meter::Pcm(pcm) => Box::new(PcmTrack::new(*pcm, spans)),
            Meter::Coded(_) => {
                Box::new(CodedTrack::new(Box::new(Unlevelled(coding(entry)?)), spans))
            }
        };
        Ok(Self { inner, meter, clock, stripped, done: VecDeque::new() })
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
        let ticks = self.meter.ticks(&unit).map_err(|fault| fault.at(at))?;
        let from = self.clock.place(from, ticks);
        self.inner.push(unit, at, Some(from))?;
        self.collect(at)
    }

    fn finish(&mut self) -> Result<(), MaskError> {
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

struct PcmTrack {
    pcm: Pcm,
    spans: TickSpans,
    count: Count,
    done: VecDeque<Vec<u8>>,
}

impl PcmTrack {
    fn new(pcm: Pcm, spans: TickSpans) -> Self {
        Self { pcm, spans, count: Count::default(), done: VecDeque::new() }
    }
}

impl Track for PcmTrack {
    fn push(&mut self, mut unit: Vec<u8>, _at: u64, from: Option<u64>) -> Result<(), MaskError> {
        let silenced = self.pcm.silence(&mut unit, from.unwrap_or(0), &self.spans);
        self.count.total += 1;
        self.count.silenced += u64::from(silenced);
        self.done.push_back(unit);
        Ok(())
    }

    fn finish(&mut self) -> Result<(), MaskError> {
        Ok(())
    }

    fn pop(&mut self) -> Option<Vec<u8>> {
        self.done.pop_front()
    }

    fn count(&self) -> Count {
        self.count
    }
}

/// The check of one track: frame by frame, in order.
pub(super) struct SoundCheck {
    meter: Meter,
    clock: Clock,
    stripped: Vec<u8>,
    spans: TickSpans,
    chooser: Chooser,
}

impl SoundCheck {
    /// The check of `entry`.
    ///
    /// # Errors
    /// As [`TimedTrack::open`].
    pub(super) fn open(entry: &TrackEntry, setting: Setting<'_>) -> Result<Self, MaskError> {
        let stripped = stripped(entry)?.to_vec();
        let (meter, rate) = Meter::open(entry)?;
        let clock = Clock::new(rate, setting.scale);
        let spans = clock.spans(setting.plan, setting.facts, entry);
        let reach = match &meter {
            Meter::Pcm(_) => Reach::default(),
            Meter::Coded(coding) => coding.reach(),
        };
        let chooser = Chooser::new(spans.clone(), reach);
        Ok(Self { meter, clock, stripped, spans, chooser })
    }

    /// Whether `masked` is what must have become of `unit`. `time_ns` is the container's time of
    /// the block whose first frame `unit` is, which begins at byte `at`.
    ///
    /// # Errors
    /// A damaged unit.
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
        Ok(match &mut self.meter {
            Meter::Pcm(pcm) => pcm.holds(&unit, &masked, from, &self.spans),
            Meter::Coded(coding) if self.chooser.choose(from, from.saturating_add(ticks)) => {
                let silent = coding.silence(&unit, unit.len()).map_err(|fault| fault.at(at))?;
                silent == masked && coding.is_silence(&masked)
            }
            Meter::Coded(coding) => {
                coding.tidy(&mut unit);
                unit == masked
            }
        })
    }
}
