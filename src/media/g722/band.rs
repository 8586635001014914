//! The predictor of one half of the band (ITU-T G.722 section 3.6): what a decoder knows.
//!
//! Numbers are those of the recommendation: 16-bit values with saturation, held in 32 bits.

/// State of the adaptive predictor and quantiser.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Band {
    /// The prediction.
    pub signal: i32,
    /// Step of the quantiser.
    pub step: i32,
    log_step: i32,
    /// Part of the prediction that the zeros give.
    zeros: i32,
    pole_weights: [i32; 2],
    zero_weights: [i32; 6],
    /// The latest reconstructed signals, the newest first.
    signals: [i32; 2],
    /// The latest partial signals.
    partials: [i32; 2],
    /// The latest differences.
    differences: [i32; 6],
}

const fn saturated(value: i32) -> i32 {
    if value > 32_767 {
        32_767
    } else if value < -32_768 {
        -32_768
    } else {
        value
    }
}

const fn same_sign(one: i32, other: i32) -> bool {
    (one < 0) == (other < 0)
}

impl Band {
    /// At the start of a stream, with this step.
    pub(super) const fn new(step: i32) -> Self {
        Self {
            signal: 0,
            step,
            log_step: 0,
            zeros: 0,
            pole_weights: [0; 2],
            zero_weights: [0; 6],
            signals: [0; 2],
            partials: [0; 2],
            differences: [0; 6],
        }
    }

    /// The logarithm of the step after a code that changes it by `change`, and the step: at most
    /// `most`, and on the scale of the half band.
    pub(super) fn next_step(&self, change: i32, most: i32, scale: i32) -> (i32, i32) {
        let log_step = (((self.log_step * 127) >> 7) + change).clamp(0, most);
        let index = usize::try_from((log_step >> 6) & 31).unwrap_or(0);
        let mantissa = STEPS.get(index).copied().unwrap_or(0);
        let shift = scale - (log_step >> 11);
        let step = if shift < 0 { mantissa << -shift } else { mantissa >> shift };
        (log_step, step << 2)
    }

    /// Takes the step of [`Self::next_step`].
    pub(super) fn set_step(&mut self, (log_step, step): (i32, i32)) {
        (self.log_step, self.step) = (log_step, step);
    }

    /// Takes the quantised difference of a sample, and predicts the next one.
    pub(super) fn advance(&mut self, difference: i32) {
        let signal = saturated(self.signal + difference);
        let partial = saturated(self.zeros + difference);
        self.adapt_poles(partial);
        self.adapt_zeros(difference);
        let [newest, second, third, fourth, fifth, _] = self.differences;
        self.differences = [difference, newest, second, third, fourth, fifth];
        self.signals = [signal, self.signals[0]];
        self.partials = [partial, self.partials[0]];
        let weighed = |weight: &i32, value: &i32| (weight * saturated(value + value)) >> 15;
        let poles = self.pole_weights.iter().zip(&self.signals);
        let poles = saturated(poles.map(|(weight, value)| weighed(weight, value)).sum());
        let zeros = self.zero_weights.iter().zip(&self.differences);
        self.zeros = saturated(zeros.map(|(weight, value)| weighed(weight, value)).sum());
        self.signal = saturated(poles + self.zeros);
    }

    fn adapt_poles(&mut self, partial: i32) {
        let ([first, second], [before, earlier]) = (self.pole_weights, self.partials);
        let quadruple = saturated(first << 2);
        let turned = if same_sign(partial, before) { -quadruple } else { quadruple };
        let toward = if same_sign(partial, earlier) { 128 } else { -128 };
        let second = (turned.min(32_767) >> 7) + toward + ((second * 32_512) >> 15);
        let second = second.clamp(-12_288, 12_288);
        let toward = if same_sign(partial, before) { 192 } else { -192 };
        let limit = saturated(15_360 - second);
        let first = saturated(toward + ((first * 32_640) >> 15)).clamp(-limit, limit);
        self.pole_weights = [first, second];
    }

    fn adapt_zeros(&mut self, difference: i32) {
        let pace = if difference == 0 { 0 } else { 128 };
        for (weight, earlier) in self.zero_weights.iter_mut().zip(self.differences) {
            let toward = if same_sign(earlier, difference) { pace } else { -pace };
            *weight = saturated(toward + ((*weight * 32_640) >> 15));
        }
    }
}

/// Mantissas of the steps (table of block 3).
const STEPS: [i32; 32] = [
    2048, 2093, 2139, 2186, 2233, 2282, 2332, 2383, 2435, 2489, 2543, 2599, 2656, 2714, 2774, 2834,
    2896, 2960, 3025, 3091, 3158, 3228, 3298, 3371, 3444, 3520, 3597, 3676, 3756, 3838, 3922, 4008,
];
