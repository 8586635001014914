//! Two speakers by espeak-ng, and the random numbers of the tests.

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

    /// From 0 up to, but not, `end`.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }
}

/// What is said, over and over.
const TEXT: &str = "Good morning, this is the service line, how may I help you? My card number is \
    four nine two five, eight one seven zero, three three six two, nine nine oh four. It expires \
    in March. Thank you very much, one moment please, I will look that up for you now.";

/// One speaker by espeak-ng: samples between -1 and 1, as many as asked for.
fn spoken(voice: &str, speed: u32, rate: u32, seconds: f64) -> Vec<f64> {
    let line = format!(
        "espeak-ng -v {voice} -s {speed} --stdout '{TEXT}' \
         | sox -t wav - -D -r {rate} -c 1 -t raw -e floating-point -b 32 - gain -n -3"
    );
    let output = std::process::Command::new("sh").args(["-c", &line]).output().expect("a shell");
    let words = output.stdout.chunks_exact(4);
    let once: Vec<f64> =
        words.map(|word| f64::from(f32::from_le_bytes(word.try_into().unwrap()))).collect();
    assert!(once.len() > rate as usize, "espeak-ng and sox: {output:?}");
    once.iter().copied().cycle().take((seconds * f64::from(rate)) as usize).collect()
}

/// Two speakers, interleaved: one in each channel, or both in one. Further channels repeat them.
pub(crate) fn conversation(rate: u32, channels: usize, seconds: f64) -> Vec<f64> {
    let first = spoken("en-us", 150, rate, seconds);
    let second = spoken("en-us+f3", 165, rate, seconds);
    let turn = rate as usize * 2;
    let mut out = Vec::with_capacity(first.len() * channels);
    for (at, (first, second)) in first.iter().zip(&second).enumerate() {
        let (loud, soft) = if (at / turn).is_multiple_of(2) { (0.9, 0.02) } else { (0.02, 0.9) };
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
