//! Every variant of a format: encoded by a foreign encoder, masked at random places, decoded by
//! foreign decoders, compared.

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use reelgate::asset::Span;
use reelgate::media::Measured;

use super::judge::{Law, Likeness, Pair, Tail, Worst};
use super::masked::{facts_of, in_samples, mask, spans};
use super::signal::{Random, conversation, wav};
use super::tools::{Decoded, Decoder, shell};

/// Length of every test recording in seconds.
pub(crate) const SECONDS: f64 = 14.0;
/// Spans of each file.
const SPANS: usize = 3;
/// Masked files of each format, over all its variants: 300 spans and more.
const FILES: usize = 102;
/// Every so many files a second decoder is asked.
const SECOND_EVERY: usize = 8;
/// The most that masked sound may resemble the source's.
const LIKENESS: f64 = 0.05;
/// Faults that are printed for one variant.
const FAULTS_SHOWN: usize = 4;

/// One way of encoding.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Variant {
    pub(crate) name: &'static str,
    pub(crate) suffix: &'static str,
    /// Of the WAV file that the encoder gets.
    pub(crate) rate: u32,
    pub(crate) channels: usize,
    /// Shell line from `$IN` (WAV) to `$OUT`.
    pub(crate) encode: &'static str,
    pub(crate) law: Law,
    pub(crate) decoder: Decoder,
    /// Rate of the decoded sound.
    pub(crate) decoded_rate: u32,
    /// Another decoder, and the loudest sample it may find inside, in 16-bit LSB.
    pub(crate) second: Option<(Decoder, f64)>,
}

impl Variant {
    pub(crate) const fn new(
        (name, suffix): (&'static str, &'static str),
        (rate, channels): (u32, usize),
        encode: &'static str,
        law: Law,
    ) -> Self {
        Self {
            name,
            suffix,
            rate,
            channels,
            encode,
            law,
            decoder: Decoder::Ffmpeg,
            decoded_rate: rate,
            second: None,
        }
    }

    pub(crate) const fn by(self, decoder: Decoder) -> Self {
        Self { decoder, ..self }
    }

    pub(crate) const fn decoded_at(self, decoded_rate: u32) -> Self {
        Self { decoded_rate, ..self }
    }

    pub(crate) const fn second(self, decoder: Decoder, peak: f64) -> Self {
        Self { second: Some((decoder, peak)), ..self }
    }
}

/// The variants that are judged together, and how far apart their spans lie.
#[derive(Debug)]
pub(crate) struct Format<'a> {
    pub(crate) name: &'static str,
    pub(crate) variants: &'a [Variant],
    /// At least between two spans, in seconds: more than the guards and the return together.
    pub(crate) apart: f64,
}

/// The seed of this run: `REELGATE_SEED`, or the same as ever.
pub(crate) fn seed() -> u64 {
    match std::env::var("REELGATE_SEED") {
        Ok(text) => text.parse().expect("REELGATE_SEED is a number"),
        Err(_) => 20_260_306,
    }
}

/// A variant's source file: its bytes, its facts, and its sound.
pub(crate) struct Prepared {
    pub(crate) path: PathBuf,
    pub(crate) bytes: Vec<u8>,
    pub(crate) facts: Measured,
    pub(crate) decoded: Decoded,
    /// The second decoder's, and how many samples later it has the same sound.
    second: Option<(Decoded, isize)>,
}

/// Writes the conversation as WAV and has it encoded.
pub(crate) fn encode(variant: &Variant, folder: &Path, seconds: f64) -> PathBuf {
    let name = variant.name.replace([' ', '/'], "_");
    let input = folder.join(format!("{name}.source.wav"));
    let samples = conversation(variant.rate, variant.channels, seconds);
    fs::write(&input, wav(&samples, variant.rate, variant.channels)).unwrap();
    let path = folder.join(format!("{name}.{}", variant.suffix));
    shell(variant.encode, &input, &path);
    fs::remove_file(input).unwrap();
    path
}

pub(crate) fn prepare(variant: &Variant, folder: &Path) -> Result<Prepared, String> {
    let path = encode(variant, folder, SECONDS);
    let bytes = fs::read(&path).unwrap();
    let facts = facts_of(&bytes)?;
    let decoded = variant.decoder.decode(&path);
    let frames = decoded.samples.len() / variant.channels;
    let expected = SECONDS * f64::from(variant.decoded_rate);
    assert!(frames as f64 > expected * 0.97, "{}: {frames} samples decoded", variant.name);
    let second = variant.second.map(|(decoder, _)| {
        let second = decoder.decode(&path);
        let heard = second.samples.len() / variant.channels;
        assert!(heard as f64 > expected * 0.97, "{decoder:?}: {heard} samples of {path:?}");
        let later = shift(&decoded.samples, &second.samples, variant.channels);
        (second, later)
    });
    Ok(Prepared { path, bytes, facts, decoded, second })
}

/// How many samples later `second` has the sound of `first`, from the first channel.
fn shift(first: &[f64], second: &[f64], channels: usize) -> isize {
    const WINDOW: usize = 6000;
    const REACH: usize = 3000;
    let channel = |samples: &[f64]| samples.iter().step_by(channels).copied().collect::<Vec<_>>();
    let (first, second) = (channel(first), channel(second));
    let middle = first.len() / 2;
    let probe = &first[middle..middle + WINDOW];
    let likeness = |at: usize| {
        let there = &second[at..at + WINDOW];
        let product: f64 = probe.iter().zip(there).map(|(a, b)| a * b).sum();
        let energy: f64 = there.iter().map(|sample| sample * sample).sum();
        product / (energy + 1e-9).sqrt()
    };
    let places = middle - REACH..(middle + REACH).min(second.len() - WINDOW);
    let best = places.max_by(|a, b| likeness(*a).total_cmp(&likeness(*b))).unwrap();
    best as isize - middle as isize
}

/// What became of one variant.
#[derive(Debug, Default)]
struct Tally {
    spans: usize,
    worst: Worst,
    likeness: Likeness,
    faults: Vec<String>,
}

/// Masks one file at random places and judges the result; the faults, or the worst.
fn one_file(
    variant: &Variant,
    prepared: &Prepared,
    spans: &[Span],
    random: &mut Random,
    with_second: bool,
    tally: &mut Tally,
) -> Result<(), Vec<String>> {
    let masked = mask(&prepared.bytes, &prepared.facts, spans, random).map_err(|e| vec![e])?;
    let path = prepared
        .path
        .with_file_name(format!("masked_{}", prepared.path.file_name().unwrap().to_str().unwrap()));
    fs::write(&path, &masked).unwrap();
    let decoded = variant.decoder.decode(&path);
    if decoded.complaints != prepared.decoded.complaints {
        return Err(vec![format!("{:?} says: {}", variant.decoder, decoded.complaints)]);
    }
    let channels = variant.channels;
    let frames = prepared.decoded.samples.len() / channels;
    let rate = variant.decoded_rate;
    let ranges = in_samples(spans, &prepared.facts, rate, frames);
    let (source, silent) = (&prepared.decoded.samples, &decoded.samples);
    let pair = Pair { source, masked: silent, channels, rate };
    let worst = pair.judge(&ranges, &variant.law)?;
    tally.worst = std::mem::take(&mut tally.worst).and(worst);
    for range in &ranges {
        for channel in 0..channels {
            let take = |samples: &[f64]| {
                let inside = &samples[range.start * channels..range.end * channels];
                inside.iter().skip(channel).step_by(channels).copied().collect::<Vec<_>>()
            };
            tally.likeness.add(&take(source), &take(silent));
        }
    }
    if with_second {
        second_opinion(variant, prepared, &path, &ranges)?;
    }
    Ok(())
}

fn second_opinion(
    variant: &Variant,
    prepared: &Prepared,
    path: &Path,
    ranges: &[Range<usize>],
) -> Result<(), Vec<String>> {
    let (Some((decoder, peak)), Some((source, later))) = (variant.second, &prepared.second) else {
        return Ok(());
    };
    let named = |fault: String| format!("{decoder:?}: {fault}");
    let masked = decoder.decode(path);
    if masked.complaints != source.complaints {
        return Err(vec![named(masked.complaints)]);
    }
    let frames = source.samples.len() / variant.channels;
    let first_frames = prepared.decoded.samples.len() / variant.channels;
    let moved = |at: usize| match at {
        0 => 0,
        at if at == first_frames => frames,
        at => at.saturating_add_signed(*later).min(frames),
    };
    let ranges: Vec<_> = ranges.iter().map(|span| moved(span.start)..moved(span.end)).collect();
    let pair = Pair {
        source: &source.samples,
        masked: &masked.samples,
        channels: variant.channels,
        rate: variant.decoded_rate,
    };
    let judged = pair.judge(&ranges, &variant.law.peak(peak));
    judged.map(|_| ()).map_err(|faults| faults.into_iter().map(named).collect())
}

impl Format<'_> {
    /// Judges every variant at random spans; prints what was the worst, and fails with all faults.
    pub(crate) fn holds(&self) {
        let only = std::env::var("REELGATE_VARIANT").ok();
        let folder = tempfile::tempdir().unwrap();
        let files = FILES.div_ceil(self.variants.len());
        let seed = seed();
        say!("{}: REELGATE_SEED={seed}", self.name);
        let (mut all, mut worst, mut failed) = (0, Worst::default(), Vec::new());
        for variant in self.variants {
            if only.as_ref().is_some_and(|only| !variant.name.contains(only.as_str())) {
                continue;
            }
            let tally = self.try_variant(variant, folder.path(), files, seed);
            print_line(variant.name, &tally, &variant.law);
            all += tally.spans;
            let shown = tally.faults.iter().take(FAULTS_SHOWN);
            failed.extend(shown.map(|fault| format!("{}: {fault}", variant.name)));
            worst = worst.and(tally.worst);
        }
        say!(
            "{}: {all} spans, worst guard before/after {}/{} samples, peak {:.6} LSB",
            self.name,
            worst.before,
            worst.after,
            worst.peak
        );
        assert!(failed.is_empty(), "{} (REELGATE_SEED={seed}):\n{}", self.name, failed.join("\n"));
    }

    fn try_variant(&self, variant: &Variant, folder: &Path, files: usize, seed: u64) -> Tally {
        let mut tally = Tally::default();
        let prepared = match prepare(variant, folder) {
            Ok(prepared) => prepared,
            Err(fault) => {
                tally.faults.push(fault);
                return tally;
            }
        };
        let mut random = Random::named(seed, variant.name);
        for file in 0..files {
            let seconds = prepared.facts.duration.as_micros() as f64 / 1e6;
            let spans = spans(&mut random, SPANS, seconds, self.apart);
            let with_second = file % SECOND_EVERY == 0;
            let outcome =
                one_file(variant, &prepared, &spans, &mut random, with_second, &mut tally);
            match outcome {
                Ok(()) => tally.spans += spans.len(),
                Err(faults) => {
                    let held_back = faults.iter().any(|fault| fault.starts_with("held back"));
                    let place = |fault| format!("file {file}: {fault}");
                    tally.faults.extend(faults.into_iter().map(place));
                    if held_back {
                        break;
                    }
                }
            }
        }
        if let Tail::Settles { within, decibel, .. } = variant.law.tail {
            let (noisy, limit) = (tally.worst.mostly_noisy(), variant.law.after + within);
            if noisy > limit {
                let fault = format!("below {decibel} dB for {noisy} samples (limit {limit})");
                tally.faults.push(fault);
            }
        }
        let likeness = tally.likeness.highest();
        if likeness >= LIKENESS {
            tally.faults.push(format!("masked sound resembles the source's: {likeness:.3}"));
        }
        tally
    }
}

fn print_line(name: &str, tally: &Tally, law: &Law) {
    let worst = &tally.worst;
    let tail = match law.tail {
        Tail::Exact => String::new(),
        Tail::Coded => ", outside by coded bytes only".to_owned(),
        Tail::Settles { within, decibel, .. } => {
            let limit = law.after + within;
            let longest = worst.noisy.iter().max().unwrap_or(&0);
            let mostly = worst.mostly_noisy();
            format!(", {decibel} dB mostly from {mostly} (limit {limit}), at last from {longest}")
        }
    };
    say!(
        "{name}: {} spans, worst guard before/after {}/{} samples (limit {}/{}), peak {:.6} \
         (limit {}){tail}, likeness {:.4}, faults {}",
        tally.spans,
        worst.before,
        worst.after,
        law.before,
        law.after,
        worst.peak,
        law.peak,
        tally.likeness.highest(),
        tally.faults.len()
    );
}
