//! What a mask may change, and whether it changed no more.

use std::ops::Range;

/// 16-bit units of a sample whose full scale is 1.
pub(crate) const LSB: f64 = 32_768.0;
/// The blocks in which a decoder's return to the source is followed.
const BLOCK_S: f64 = 0.020;
/// A block counts as no softer than this (44 dB below full scale): in a pause the source itself is
/// next to nothing.
const PAUSE: f64 = 200.0 / LSB;

/// What one format promises. Lengths are samples of one channel at the decoder's rate.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Law {
    /// Samples before the span that may change.
    pub(crate) before: usize,
    /// Samples after it that may change.
    pub(crate) after: usize,
    /// The loudest sample inside, in 16-bit LSB.
    pub(crate) peak: f64,
    /// What holds after `after`.
    pub(crate) tail: Tail,
}

/// How the sound comes back after the guard.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Tail {
    /// Every sample as in the source.
    Exact,
    /// The decoder carries state: after nine spans in ten, `within` samples later every 20 ms block
    /// has at least `decibel` signal to noise; and after `exact` more than the guard every sample
    /// is as in the source.
    Settles { within: usize, decibel: f64, exact: Option<usize> },
    /// Only the coded bytes are as in the source (noise substitution).
    Coded,
}

impl Law {
    pub(crate) const fn exact(before: usize, after: usize) -> Self {
        Self { before, after, peak: 0.0, tail: Tail::Exact }
    }

    pub(crate) const fn peak(self, peak: f64) -> Self {
        Self { peak, ..self }
    }

    pub(crate) const fn tail(self, tail: Tail) -> Self {
        Self { tail, ..self }
    }
}

/// The worst that was seen.
#[derive(Debug, Clone, Default)]
pub(crate) struct Worst {
    pub(crate) before: usize,
    pub(crate) after: usize,
    pub(crate) peak: f64,
    /// For each span, samples from its end to the end of the last block that was too noisy.
    pub(crate) noisy: Vec<usize>,
}

impl Worst {
    pub(crate) fn and(mut self, mut other: Self) -> Self {
        self.noisy.append(&mut other.noisy);
        Self {
            before: self.before.max(other.before),
            after: self.after.max(other.after),
            peak: self.peak.max(other.peak),
            noisy: self.noisy,
        }
    }

    /// How long nine spans in ten were followed by noise. How long the others were is the
    /// encoder's doing: it predicts from a past that is no longer there.
    pub(crate) fn mostly_noisy(&self) -> usize {
        let mut sorted = self.noisy.clone();
        sorted.sort_unstable();
        sorted.get(sorted.len() * 9 / 10).copied().unwrap_or(0)
    }
}

/// Two decodings of the same file, before and after masking.
#[derive(Debug)]
pub(crate) struct Pair<'a> {
    pub(crate) source: &'a [f64],
    pub(crate) masked: &'a [f64],
    pub(crate) channels: usize,
    pub(crate) rate: u32,
}

impl Pair<'_> {
    fn frames(&self) -> usize {
        self.source.len() / self.channels
    }

    fn differs(&self, frame: usize) -> bool {
        let range = frame * self.channels..(frame + 1) * self.channels;
        self.source[range.clone()] != self.masked[range]
    }

    /// The largest change in LSB.
    fn change(&self, frames: Range<usize>) -> f64 {
        let samples = frames.start * self.channels..frames.end * self.channels;
        let changes = samples.map(|at| (self.source[at] - self.masked[at]).abs() * LSB);
        changes.fold(0.0, f64::max)
    }

    /// Judges all spans of a file. They must be sorted and well apart.
    pub(crate) fn judge(&self, spans: &[Range<usize>], law: &Law) -> Result<Worst, Vec<String>> {
        let mut faults = Vec::new();
        if self.source.len() != self.masked.len() {
            let lengths = (self.source.len(), self.masked.len());
            return Err(vec![format!("{} samples became {}", lengths.0, lengths.1)]);
        }
        let mut worst = Worst::default();
        for span in spans {
            let inside = &self.masked[span.start * self.channels..span.end * self.channels];
            let (at, peak) = loudest(inside);
            let at = at / self.channels;
            if peak > law.peak {
                let length = span.len();
                faults.push(format!("{peak:.3e} LSB at {at} of {length} samples inside {span:?}"));
            }
            worst.peak = worst.peak.max(peak);
        }
        if !matches!(law.tail, Tail::Coded) {
            self.judge_gaps(spans, law, &mut worst, &mut faults);
        }
        if faults.is_empty() { Ok(worst) } else { Err(faults) }
    }

    /// What lies between spans, before the first and after the last.
    fn judge_gaps(
        &self,
        spans: &[Range<usize>],
        law: &Law,
        worst: &mut Worst,
        faults: &mut Vec<String>,
    ) {
        for index in 0..=spans.len() {
            let left = index.checked_sub(1).map(|before| &spans[before]);
            let right = spans.get(index);
            let from = left.map_or(0, |span| span.end);
            let to = right.map_or(self.frames(), |span| span.start);
            let kept = match (left, right) {
                (None, _) => from..self.equal_from_start(from..to),
                (_, None) => self.equal_to_end(from..to)..to,
                _ if matches!(law.tail, Tail::Exact) => self.longest_equal(from..to),
                // The decoder may not be back yet: what comes before the next guard decides.
                _ => {
                    let end = to.saturating_sub(law.before).max(from);
                    self.equal_to_end(from..end)..to
                }
            };
            let (after, before) = (kept.start - from, to - kept.end);
            if right.is_some() && (left.is_none() || matches!(law.tail, Tail::Exact)) {
                worst.before = worst.before.max(before);
                if before > law.before {
                    let by = self.change(kept.end..to);
                    faults.push(format!("{before} samples changed by {by:.0e} before {right:?}"));
                }
            }
            if let Some(left) = left {
                worst.after = worst.after.max(after);
                let free = from.saturating_add(law.after).min(self.frames());
                let end = to.saturating_sub(if right.is_some() { law.before } else { 0 });
                self.judge_tail((left, after), free..end.max(free), law, (worst, faults));
            }
        }
    }

    fn judge_tail(
        &self,
        (span, after): (&Range<usize>, usize),
        rest: Range<usize>,
        law: &Law,
        (worst, faults): (&mut Worst, &mut Vec<String>),
    ) {
        match law.tail {
            Tail::Coded => {}
            Tail::Exact if after > law.after => {
                let by = self.change(rest.start..span.end + after);
                faults.push(format!("{after} samples changed by {by:.0e} after {span:?}"));
            }
            Tail::Exact => {}
            Tail::Settles { decibel, exact, .. } => {
                let noisy = self.last_noisy(span.end..rest.end, decibel).saturating_sub(span.end);
                worst.noisy.push(noisy);
                let reached = |exact: usize| rest.end > span.end + law.after + exact;
                if let Some(exact) = exact.filter(|exact| reached(*exact))
                    && after > law.after + exact
                {
                    faults.push(format!("{after} samples until exact after {span:?}"));
                }
            }
        }
    }

    /// Where the last block with too much noise ends; the start of `range` if there is none.
    fn last_noisy(&self, range: Range<usize>, decibel: f64) -> usize {
        let block = (BLOCK_S * f64::from(self.rate)) as usize;
        let mut last = range.start;
        let mut at = range.start;
        while at + block <= range.end {
            let samples = at * self.channels..(at + block) * self.channels;
            let (mut signal, mut noise) = (0.0, 0.0);
            for at in samples.clone() {
                signal += self.source[at] * self.source[at];
                noise += (self.source[at] - self.masked[at]).powi(2);
            }
            let signal = signal.max(samples.len() as f64 * PAUSE.powi(2));
            if noise * 10.0_f64.powf(decibel / 10.0) > signal {
                last = at + block;
            }
            at += block;
        }
        last
    }

    fn equal_from_start(&self, mut range: Range<usize>) -> usize {
        let end = range.end;
        range.find(|frame| self.differs(*frame)).unwrap_or(end)
    }

    fn equal_to_end(&self, range: Range<usize>) -> usize {
        range.clone().rev().find(|frame| self.differs(*frame)).map_or(range.start, |at| at + 1)
    }

    /// The longest unchanged stretch, if it is 20 ms or longer; else nothing, at the end.
    fn longest_equal(&self, range: Range<usize>) -> Range<usize> {
        let mut best = range.end..range.end;
        let mut start = range.start;
        for frame in range.clone().chain([range.end]) {
            if frame == range.end || self.differs(frame) {
                if frame - start > best.len() {
                    best = start..frame;
                }
                start = frame + 1;
            }
        }
        let least = (BLOCK_S * f64::from(self.rate)) as usize;
        if best.len() < least { range.end..range.end } else { best }
    }
}

/// Where the loudest sample is, and its size in LSB.
fn loudest(samples: &[f64]) -> (usize, f64) {
    let sizes = samples.iter().map(|sample| sample.abs() * LSB).enumerate();
    sizes.fold((0, 0.0), |best, next| if next.1 > best.1 { next } else { best })
}

/// How much of one signal is in another, summed over many spans, for small shifts either way.
#[derive(Debug, Clone)]
pub(crate) struct Likeness {
    products: Vec<f64>,
    masked: f64,
    source: f64,
}

/// Shifts in samples that are tried on each side.
const SHIFTS: usize = 24;

impl Default for Likeness {
    fn default() -> Self {
        Self { products: vec![0.0; 2 * SHIFTS + 1], masked: 0.0, source: 0.0 }
    }
}

impl Likeness {
    /// Adds one channel of one span.
    pub(crate) fn add(&mut self, source: &[f64], masked: &[f64]) {
        if source.len() <= 2 * SHIFTS || masked.len() != source.len() {
            return;
        }
        let mean = masked.iter().sum::<f64>() / masked.len() as f64;
        let kept: Vec<f64> =
            masked[SHIFTS..masked.len() - SHIFTS].iter().map(|sample| sample - mean).collect();
        self.masked += kept.iter().map(|sample| sample * sample).sum::<f64>();
        self.source += source[SHIFTS..].iter().map(|sample| sample * sample).sum::<f64>();
        if kept.iter().all(|sample| sample.abs() * LSB < 1e-6) {
            return;
        }
        for (shift, product) in self.products.iter_mut().enumerate() {
            *product += kept.iter().zip(&source[shift..]).map(|(a, b)| a * b).sum::<f64>();
        }
    }

    /// The largest normalised correlation; 0 when nothing is left.
    pub(crate) fn highest(&self) -> f64 {
        let scale = (self.masked * self.source).sqrt();
        if scale == 0.0 {
            return 0.0;
        }
        self.products.iter().fold(0.0, |best, product| (product.abs() / scale).max(best))
    }
}

#[test]
fn the_judge_notices_what_it_must() {
    let source: Vec<f64> = (0..8000).map(|at| (f64::from(at) * 0.1).sin()).collect();
    let span = 3000..4000;
    let judged = |change: &dyn Fn(&mut Vec<f64>), law: Law| {
        let mut masked = source.clone();
        masked[span.clone()].fill(0.0);
        change(&mut masked);
        let pair = Pair { source: &source, masked: &masked, channels: 1, rate: 8000 };
        pair.judge(std::slice::from_ref(&span), &law).map_err(|faults| faults.len())
    };
    let law = Law::exact(10, 20);
    let worst = judged(&|_| (), law).unwrap();
    assert_eq!((worst.before, worst.after, worst.peak), (0, 0, 0.0));
    let worst = judged(&|masked| (masked[2990], masked[4019]) = (0.5, 0.5), law).unwrap();
    assert_eq!((worst.before, worst.after), (10, 20));
    assert_eq!(judged(&|masked| masked[2989] = 0.5, law).unwrap_err(), 1);
    assert_eq!(judged(&|masked| masked[4020] = 0.5, law).unwrap_err(), 1);
    assert_eq!(judged(&|masked| masked[3999] = 1e-6, law).unwrap_err(), 1);
    assert_eq!(judged(&|masked| masked.truncate(7999), law).unwrap_err(), 1);
    let tail = Tail::Settles { within: 400, decibel: 30.0, exact: Some(400) };
    let worst = judged(&|masked| masked[4020..4400].fill(0.0), law.tail(tail)).unwrap();
    assert_eq!(worst.mostly_noisy(), 480);
    assert_eq!(judged(&|masked| masked[4500] = 0.5, law.tail(tail)).unwrap_err(), 1);
    let mut likeness = Likeness::default();
    likeness.add(&source[..2000], &source[3..2003]);
    assert!(likeness.highest() > 0.9, "{}", likeness.highest());
}
