//! The engine as the pipeline uses it, and where it is asked to mask.

use std::io::Cursor;
use std::ops::Range;

use reelgate::asset::{Digest, MediaTime, Span, SpanReason};
use reelgate::mask::{MaskPlan, QuarantineReason, open_silencer, recheck_files};
use reelgate::media::{Measured, SNIFF_BYTES, measure, sniff};

use super::signal::Random;

/// The facts that the engine finds.
pub(crate) fn facts_of(bytes: &[u8]) -> Result<Measured, String> {
    let container = sniff(&bytes[..bytes.len().min(SNIFF_BYTES)]);
    let source = Box::new(Cursor::new(bytes.to_vec()));
    measure(source, bytes.len() as u64, container).map_err(|error| format!("measure: {error}"))
}

/// Masks a file as the pipeline does, in chunks of many sizes, and has it rechecked.
pub(crate) fn mask(
    bytes: &[u8],
    facts: &Measured,
    spans: &[Span],
    random: &mut Random,
) -> Result<Vec<u8>, String> {
    let plan = MaskPlan::from_spans(spans, facts.duration, MediaTime::ZERO)
        .map_err(|error| format!("plan: {error}"))?;
    let mut silencer = open_silencer(&mut Cursor::new(bytes), facts, &plan).map_err(|error| {
        let code = error.reason().map_or("no reason", QuarantineReason::code);
        format!("held back ({code}): {error}")
    })?;
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    let largest = [7, 300, 5000, 70_000][random.below(4)];
    while !rest.is_empty() {
        let (chunk, after) = rest.split_at(rest.len().min(1 + random.below(largest)));
        silencer.push(chunk, &mut out).map_err(|error| format!("push: {error}"))?;
        rest = after;
    }
    let certificate = silencer.finish(&mut out).map_err(|error| format!("finish: {error}"))?;
    if out.len() != bytes.len() {
        return Err(format!("{} bytes became {}", bytes.len(), out.len()));
    }
    if certificate.masked_sha256 != Some(Digest::of(&out)) {
        return Err("the certificate has another digest".to_owned());
    }
    recheck_files(&mut Cursor::new(bytes), &mut Cursor::new(&out), facts, &plan)
        .map_err(|error| format!("recheck: {error}"))?;
    forgeries_are_noticed(bytes, &out, facts, &plan, random)?;
    Ok(out)
}

/// The recheck must refuse a masked file in which one changed byte is the source's again, and one
/// in which an unchanged byte is changed.
fn forgeries_are_noticed(
    source: &[u8],
    masked: &[u8],
    facts: &Measured,
    plan: &MaskPlan,
    random: &mut Random,
) -> Result<(), String> {
    let start = random.below(source.len());
    let from_start = || (start..source.len()).chain(0..start);
    for (what, at) in [
        ("restored", from_start().find(|at| source[*at] != masked[*at])),
        ("changed", from_start().find(|at| source[*at] == masked[*at])),
    ] {
        let Some(at) = at else { continue };
        let mut forged = masked.to_vec();
        forged[at] = if what == "restored" { source[at] } else { source[at] ^ 0x10 };
        let checked =
            recheck_files(&mut Cursor::new(source), &mut Cursor::new(&forged), facts, plan);
        if checked.is_ok() {
            let near = at.saturating_sub(8)..(at + 8).min(source.len());
            let (was, is) = (&source[near.clone()], &masked[near]);
            return Err(format!("the recheck accepts byte {at} {what}: {was:02x?} as {is:02x?}"));
        }
    }
    Ok(())
}

/// Random spans, sorted, at least `apart` seconds from each other. Some begin with the file, some
/// end with it.
pub(crate) fn spans(random: &mut Random, count: usize, seconds: f64, apart: f64) -> Vec<Span> {
    let lengths: Vec<f64> = (0..count).map(|_| 0.03 * 40.0_f64.powf(random.unit())).collect();
    let free = seconds - lengths.iter().sum::<f64>() - apart * (count - 1) as f64;
    let mut places: Vec<f64> = (0..count).map(|_| random.unit() * free).collect();
    places.sort_by(f64::total_cmp);
    match random.below(8) {
        0 => places[0] = 0.0,
        1 => places[count - 1] = free,
        _ => {}
    }
    let mut passed = 0.0;
    let time = |seconds: f64| MediaTime::from_micros((seconds * 1e6) as u64);
    let mut all = Vec::new();
    for (length, place) in lengths.iter().zip(places) {
        let from = place + passed;
        let to = if from + length >= seconds - 1e-6 { seconds + 10.0 } else { from + length };
        all.push(Span::new(time(from), time(to), SpanReason::Redacted).expect("a span"));
        passed += length + apart;
    }
    all
}

/// The samples that sound inside each span; a span to the end reaches to the last sample.
pub(crate) fn in_samples(
    spans: &[Span],
    facts: &Measured,
    rate: u32,
    samples: usize,
) -> Vec<Range<usize>> {
    let rate = u128::from(rate);
    let scaled = |time: MediaTime| u128::from(time.as_micros()) * rate;
    let ranges = spans.iter().map(|span| {
        let from = (scaled(span.from) / 1_000_000) as usize;
        let to = scaled(span.to).div_ceil(1_000_000) as usize;
        let to = if span.to >= facts.duration { samples } else { to };
        from.min(samples)..to.min(samples)
    });
    ranges.collect()
}
