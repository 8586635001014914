//! A signal that has what speech has: pitch, formants, hiss, pauses, two speakers. The same bytes
//! on every machine.

/// A small generator (SplitMix64); the same numbers from the same seed everywhere.
#[derive(Debug, Clone)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A generator of its own for a part of the work, so that parts can be left out.
    pub(crate) fn named(seed: u64, name: &str) -> Self {
        let hash = name.bytes().fold(0xCBF2_9CE4_8422_2325, |hash: u64, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3)
        });
        Self(seed ^ hash)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// From 0 up to, but not, 1.
    pub(crate) fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    pub(crate) fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// From 0 up to, but not, `end`.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }
}

/// A two-pole resonator: one formant.
#[derive(Debug, Default, Clone, Copy)]
struct Formant {
    gain: f64,
    first: f64,
    second: f64,
    last: [f64; 2],
}

impl Formant {
    fn tune(&mut self, hertz: f64, width: f64, rate: f64) {
        let radius = (-std::f64::consts::PI * width / rate).exp();
        self.first = 2.0 * radius * (2.0 * std::f64::consts::PI * hertz / rate).cos();
        self.second = -radius * radius;
        self.gain = 1.0 - self.first - self.second;
    }

    fn pass(&mut self, input: f64) -> f64 {
        let output = self.gain * input + self.first * self.last[0] + self.second * self.last[1];
        self.last = [output, self.last[0]];
        output
    }
}

/// First three formants of vowels in Hz.
const VOWELS: [[f64; 3]; 6] = [
    [730.0, 1090.0, 2440.0],
    [270.0, 2290.0, 3010.0],
    [300.0, 870.0, 2240.0],
    [530.0, 1840.0, 2480.0],
    [570.0, 840.0, 2410.0],
    [490.0, 1350.0, 1690.0],
];

/// What a speaker does for a tenth of a second or so.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Sound {
    Vowel,
    Hiss,
    Pause,
}

/// One speaker: samples between -1 and 1.
pub(crate) fn speaker(seed: u64, pitch: f64, rate: u32, seconds: f64) -> Vec<f64> {
    let mut random = Random::new(seed);
    let rate = f64::from(rate);
    let total = (seconds * rate) as usize;
    let mut samples = Vec::with_capacity(total);
    let mut formants = [Formant::default(); 3];
    let (mut phase, mut before, mut envelope) = (0.0, 0.0, 0.0_f64);
    while samples.len() < total {
        let sound = match random.below(10) {
            0 | 1 => Sound::Pause,
            2 | 3 => Sound::Hiss,
            _ => Sound::Vowel,
        };
        let vowel = VOWELS[random.below(VOWELS.len())];
        for (formant, hertz) in formants.iter_mut().zip(vowel) {
            let hertz = (hertz * random.between(0.92, 1.08)).min(rate * 0.45);
            formant.tune(hertz, hertz * 0.06 + 40.0, rate);
        }
        let length = (random.between(0.06, 0.24) * rate) as usize;
        let (from, to) = (random.between(0.85, 1.2), random.between(0.85, 1.2));
        let loudness = random.between(0.3, 1.0);
        for at in 0..length.min(total - samples.len()) {
            let part = at as f64 / length as f64;
            phase += pitch * (from + (to - from) * part) / rate;
            let pulse = if phase >= 1.0 { 1.0 } else { 0.0 };
            phase -= pulse;
            let noise = random.unit() - 0.5;
            let (drive, target) = match sound {
                Sound::Vowel => (pulse * 6.0 + noise * 0.04, loudness),
                Sound::Hiss => (noise * 1.2, loudness * 0.6),
                Sound::Pause => (noise * 0.02, 0.004),
            };
            envelope += (target - envelope) * (60.0 / rate);
            let voiced: f64 = formants.iter_mut().map(|formant| formant.pass(drive)).sum();
            // Hiss is bright: the difference of neighbours.
            let bright = noise - before;
            before = noise;
            let sample = if sound == Sound::Hiss { voiced * 0.3 + bright * 0.3 } else { voiced };
            samples.push(sample * envelope + (random.unit() - 0.5) * 0.0004);
        }
    }
    let peak = samples.iter().fold(0.0_f64, |peak, sample| peak.max(sample.abs()));
    samples.iter().map(|sample| sample / peak * 0.7).collect()
}

/// Two speakers, interleaved: one in each channel, or both in one. Further channels repeat them.
pub(crate) fn conversation(rate: u32, channels: usize, seconds: f64) -> Vec<f64> {
    let first = speaker(11, 118.0, rate, seconds);
    let second = speaker(23, 205.0, rate, seconds);
    let turn = rate as usize * 2;
    let mut out = Vec::with_capacity(first.len() * channels);
    for (at, (first, second)) in first.iter().zip(&second).enumerate() {
        let (loud, soft) = if at / turn % 2 == 0 { (0.9, 0.02) } else { (0.02, 0.9) };
        for channel in 0..channels {
            let mixed = if channels == 1 {
                first * loud + second * soft
            } else if channel % 2 == 0 {
                first * loud + second * 0.02
            } else {
                second * soft + first * 0.02
            };
            out.push(mixed);
        }
    }
    out
}

/// A PCM 16 bit WAV file of interleaved samples.
pub(crate) fn wav(samples: &[f64], rate: u32, channels: usize) -> Vec<u8> {
    let size = samples.len() as u32 * 2;
    let align = channels as u32 * 2;
    let mut out = b"RIFF".to_vec();
    out.extend((size + 36).to_le_bytes());
    out.extend(b"WAVEfmt \x10\0\0\0\x01\0");
    out.extend((channels as u16).to_le_bytes());
    out.extend(rate.to_le_bytes());
    out.extend((rate * align).to_le_bytes());
    out.extend((align as u16).to_le_bytes());
    out.extend(b"\x10\0data");
    out.extend(size.to_le_bytes());
    out.extend(samples.iter().flat_map(|sample| ((sample * 32_767.0) as i16).to_le_bytes()));
    out
}
