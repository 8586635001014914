//! Which codes bring one half of the band to silence soonest, and keep it there.
//!
//! The code that is quietest now may leave a large step behind, and then nothing quiet can follow.
//! So the codes to come are weighed together, by a beam search: of all beginnings the best few are
//! continued. It sees nothing but what the decoder knows, so two runs find the same codes.

use crate::media::g722::{Band, Half};

/// Codes that are planned at once. With each the logarithm of a step loses 1/128 and 60 at most, so
/// the largest one (18,432) needs 156 to become the smallest, and 120 to be too small to be heard.
const PLANNED: usize = 128;
/// Beginnings that are continued. Of 1200 spans of speech none was louder than 1 LSB after 240
/// samples; with 32, three were (3 LSB), and 1000 came to rest 15 samples earlier at most.
const WIDTH: usize = 64;
/// Codes by which each is continued: the ones nearest to silence, so many louder and so many softer
/// than none.
const NEAR: usize = 3;
/// And the two smallest of the lower half band, for they shrink the step.
const SMALLEST: [u8; 2] = [61, 63];
/// What is played counts as much as a step 90 times its size.
const LOUDNESS_WEIGHT: u64 = 90 * 90;

/// Chooses codes for a decoder that is to fall silent.
pub(super) struct Quiet {
    half: Half,
    /// What was planned, the next code last.
    planned: Vec<u8>,
}

/// The beginning of a plan.
struct Draft {
    /// What it has played, the latest counting most.
    loudness: u64,
    /// Its last code, in the list of all.
    last: Option<usize>,
    band: Band,
}

/// A draft with one code more.
struct Choice {
    draft: usize,
    code: u8,
    loudness: u64,
    /// The loudness and what its step promises: the lower the better.
    rank: u64,
}

/// A code, and where the one before it stands in the list.
struct Link {
    code: u8,
    before: Option<usize>,
}

impl Quiet {
    pub(super) const fn new(half: Half) -> Self {
        Self { half, planned: Vec::new() }
    }

    /// The next code for a decoder in the state of `band`.
    pub(super) fn next(&mut self, band: &Band) -> u8 {
        if let Some(code) = self.planned.pop() {
            return code;
        }
        let code = self.quietest(band);
        if self.half.played(band, code) == 0 {
            return code;
        }
        self.planned = plan(self.half, band);
        self.planned.pop().unwrap_or(code)
    }

    /// The decoder hears something else now.
    pub(super) fn stop(&mut self) {
        self.planned.clear();
    }

    /// The quietest code; among equals the one that shrinks the step, for a predictor that is fed
    /// larger ones goes on swinging unheard, and is heard in the end.
    fn quietest(&self, band: &Band) -> u8 {
        let worth = |code: &u8| {
            let played = self.half.played(band, *code);
            (played.abs(), self.half.change(*code), (played - band.signal).abs())
        };
        self.half.codes().iter().copied().min_by_key(worth).unwrap_or_default()
    }
}

/// The codes to come, the next one last.
fn plan(half: Half, band: &Band) -> Vec<u8> {
    let mut links = Vec::with_capacity(PLANNED * WIDTH);
    let mut drafts = vec![Draft { loudness: 0, last: None, band: band.clone() }];
    for _ in 0..PLANNED {
        drafts = longer(half, &drafts, &mut links);
    }
    let best = drafts.iter().min_by_key(|draft| draft.loudness);
    let mut at = best.and_then(|draft| draft.last);
    let mut codes = Vec::with_capacity(PLANNED);
    while let Some(link) = at.and_then(|at| links.get(at)) {
        codes.push(link.code);
        at = link.before;
    }
    codes
}

/// The best drafts that are one code longer.
fn longer(half: Half, drafts: &[Draft], links: &mut Vec<Link>) -> Vec<Draft> {
    let mut choices = Vec::with_capacity(drafts.len() * 2 * NEAR);
    for (at, draft) in drafts.iter().enumerate() {
        choices.extend(draft.choices(half, at));
    }
    choices.sort_by_key(|choice| choice.rank);
    let mut best: Vec<Draft> = Vec::with_capacity(WIDTH);
    for choice in choices {
        let Some(draft) = drafts.get(choice.draft).filter(|_| best.len() < WIDTH) else { break };
        let mut band = draft.band.clone();
        half.advance(&mut band, choice.code);
        // Two ways to the same state are one.
        if best.last().is_none_or(|last| last.band != band) {
            links.push(Link { code: choice.code, before: draft.last });
            let last = links.len().checked_sub(1);
            best.push(Draft { loudness: choice.loudness, last, band });
        }
    }
    best
}

impl Draft {
    /// The codes worth trying after the draft at `at`.
    fn choices(&self, half: Half, at: usize) -> impl Iterator<Item = Choice> {
        let codes = half.codes();
        let positive = codes.partition_point(|code| half.played(&self.band, *code) < 0);
        let near = positive.saturating_sub(NEAR)..positive.saturating_add(NEAR);
        let smallest = move |code: u8| half == Half::Low && SMALLEST.contains(&code);
        let worth = move |(place, code): (usize, u8)| near.contains(&place) || smallest(code);
        let codes = codes.iter().copied().enumerate();
        codes.filter(move |code| worth(*code)).map(move |(_, code)| self.choice(half, at, code))
    }

    fn choice(&self, half: Half, draft: usize, code: u8) -> Choice {
        let played = u64::from(half.played(&self.band, code).unsigned_abs());
        // What was played at first is forgotten: it is over when the mask begins.
        let loudness = self.loudness / 8 * 5 + played * played * LOUDNESS_WEIGHT;
        let step = u64::from(half.next_step(&self.band, code).1.unsigned_abs());
        Choice { draft, code, loudness, rank: loudness + step * step }
    }
}
