//! What a decoder plays of the silent codes, whatever it heard before.

use super::walk::Side;
use crate::mask::trial;
use crate::media::g722::Half;

/// What one half plays of `count` silent codes after a past of its own.
fn silence(half: Half, count: usize, below: &mut impl FnMut(usize) -> usize) -> Vec<i32> {
    let mut side = Side::new(half);
    let codes = half.codes();
    // From whispers to the loudest.
    let most = 1 + below(codes.len() / 2);
    for _ in 0..300 + below(300) {
        let middle = codes.len() / 2 - most + below(2 * most);
        side.step(codes[middle], false);
    }
    let silent = (0..count).map(|_| {
        let before = side.band.clone();
        let code = side.step(codes[0], true);
        half.played(&before, code)
    });
    silent.collect()
}

#[test]
fn a_decoder_comes_to_rest_after_any_past_and_stays_there() {
    let mut below = trial::below_with(0x2545_F491_4F6C_DD1D);
    for half in [Half::Low, Half::High] {
        for past in 0..60 {
            let played = silence(half, 4000, &mut below);
            let loudest = |from: usize| played[from..].iter().map(|one| one.abs()).max();
            // Half a unit of the decoded sound; the guard is 120 codes, of which the filter
            // spans 12.
            assert!(loudest(108) <= Some(1), "{half:?} {past}: {:?}", loudest(108));
            assert_eq!(loudest(200), Some(0), "{half:?} {past}");
        }
    }
}
