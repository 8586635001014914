//! Masks small files for the tests of the formats, as the pipeline does: sniffed, measured,
//! streamed, checked.

use std::io::Cursor;

use super::{Certificate, MaskError, MaskPlan, open_silencer, recheck_files};
use crate::asset::{MediaTime, Span, SpanReason};
use crate::media::{Measured, SNIFF_BYTES, measure, sniff};

/// The facts of `file`, and the plan for spans in milliseconds. Spans beyond the end are dropped.
pub(super) fn plan(file: &[u8], spans: &[(u64, u64)]) -> Result<(Measured, MaskPlan), MaskError> {
    let source = Box::new(Cursor::new(file.to_vec()));
    let head = &file[..file.len().min(SNIFF_BYTES)];
    let facts = measure(source, file.len() as u64, sniff(head))?;
    let time = MediaTime::from_millis;
    let span = |(from, to): &(u64, u64)| Span::new(time(*from), time(*to), SpanReason::Paused);
    let spans: Vec<Span> = spans.iter().filter_map(span).collect();
    let inside: Vec<Span> = spans.into_iter().filter(|span| span.from < facts.duration).collect();
    let plan = MaskPlan::from_spans(&inside, facts.duration, MediaTime::ZERO)?;
    Ok((facts, plan))
}

/// Masks `file` in chunks of `chunk` bytes.
pub(super) fn apply(
    file: &[u8],
    facts: &Measured,
    plan: &MaskPlan,
    chunk: usize,
) -> Result<(Vec<u8>, Certificate), MaskError> {
    let mut silencer = open_silencer(&mut Cursor::new(file), facts, plan)?;
    let mut out = Vec::new();
    for part in file.chunks(chunk) {
        silencer.push(part, &mut out)?;
    }
    let certificate = silencer.finish(&mut out)?;
    Ok((out, certificate))
}

/// Masks and checks; the result may not depend on how the file is cut.
pub(super) fn masked(
    file: &[u8],
    spans: &[(u64, u64)],
) -> Result<(Vec<u8>, Certificate), MaskError> {
    let (facts, plan) = plan(file, spans)?;
    let (whole, certificate) = apply(file, &facts, &plan, file.len().max(1))?;
    let (streamed, _) = apply(file, &facts, &plan, 61)?;
    assert!(whole == streamed, "chunking changed the result");
    recheck_files(&mut Cursor::new(file), &mut Cursor::new(&whole), &facts, &plan)?;
    Ok((whole, certificate))
}

/// Changes single bits of the masked file all over; every change must fail the check.
pub(super) fn every_change_is_seen(file: &[u8], spans: &[(u64, u64)]) {
    let (facts, plan) = plan(file, spans).unwrap();
    let (masked, _) = apply(file, &facts, &plan, file.len()).unwrap();
    for at in 0..masked.len() {
        let mut wrong = masked.clone();
        wrong[at] ^= 1 << (at % 8);
        let checked =
            recheck_files(&mut Cursor::new(file), &mut Cursor::new(&wrong), &facts, &plan);
        assert!(checked.is_err(), "byte {at}");
    }
    let cut = &masked[..masked.len() - 1];
    assert!(recheck_files(&mut Cursor::new(file), &mut Cursor::new(cut), &facts, &plan).is_err());
}

/// Numbers below a limit, always the same ones for a seed (xorshift).
pub(super) fn below_with(seed: u64) -> impl FnMut(usize) -> usize {
    let mut state = seed;
    move |limit| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % limit as u64).unwrap()
    }
}

/// Masks thousands of damaged copies of `file`. Whatever is accepted must pass its own check; at
/// least `accepted` must be.
pub(super) fn mutants(file: &[u8], spans: &[(u64, u64)], accepted: usize) {
    few_mutants(file, spans, 2500, accepted);
}

/// The same with so many copies, for what takes long.
pub(super) fn few_mutants(file: &[u8], spans: &[(u64, u64)], copies: usize, accepted: usize) {
    let mut below = below_with(0x2545_F491_4F6C_DD1D);
    let mut held = 0;
    for _ in 0..copies {
        let mut mutant = file.to_vec();
        for _ in 0..=below(3) {
            let at = below(mutant.len());
            mutant[at] = [0, 1, 0x7F, 0x80, 0xFF, below(256) as u8][below(6)];
        }
        mutant.truncate(mutant.len() - below(2) * below(mutant.len() / 2));
        match masked(&mutant, spans) {
            Ok(_) => held += 1,
            Err(error @ (MaskError::Recheck { .. } | MaskError::Length { .. })) => {
                panic!("{error}")
            }
            Err(_) => {}
        }
    }
    assert!(held >= accepted, "{held}");
}
