//! What the mask ledger says of a live interaction, in the order of its instants.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What holds from an instant on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RulingKind {
    /// Nothing must be heard or seen.
    Mask,
    /// It may be heard again.
    Unmask,
    /// The recorder left the media out, on its own or its agent's word.
    Pause,
    /// It records again. That ends no mask: what was asked for is not the recorder's to end.
    Resume,
    /// Nothing is kept: a stop, a do-not-record, or a policy that does not record.
    Drop,
    /// It is kept again.
    Keep,
    /// The customer is on hold; the media is not changed.
    Hold,
    /// The hold ended.
    Unhold,
}

impl RulingKind {
    const ALL: [Self; 8] = [
        Self::Mask,
        Self::Unmask,
        Self::Pause,
        Self::Resume,
        Self::Drop,
        Self::Keep,
        Self::Hold,
        Self::Unhold,
    ];

    /// The name in rows and answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mask => "mask",
            Self::Unmask => "unmask",
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Drop => "drop",
            Self::Keep => "keep",
            Self::Hold => "hold",
            Self::Unhold => "unhold",
        }
    }

    /// The kind of this name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == text)
    }
}

/// One entry of the mask ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ruling {
    /// From when it holds, on the clock of the recorder: the one that `startTime` is written in.
    pub at: Timestamp,
    /// What holds.
    pub kind: RulingKind,
}

/// A stretch of the wall clock that the ledger silences or does not keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stretch {
    /// First instant inside.
    pub from: Timestamp,
    /// First instant after; `None` when nothing ended it.
    pub to: Option<Timestamp>,
    /// Whether it is not kept at all; else it is only silent.
    pub dropped: bool,
}

impl Ruling {
    /// The stretches that sorted rulings make. `mask`/`unmask`, `pause`/`resume` and `drop`/`keep` do
    /// not know of each other; of two that say the same the first counts, and one that ends nothing
    /// says nothing.
    pub fn stretches(rulings: &[Self]) -> Vec<Stretch> {
        let mut found: Vec<Stretch> = Vec::new();
        let (mut masked, mut paused, mut gone) = (None, None, None);
        for ruling in rulings {
            let (open, dropped, begins) = match ruling.kind {
                RulingKind::Mask => (&mut masked, false, true),
                RulingKind::Unmask => (&mut masked, false, false),
                RulingKind::Pause => (&mut paused, false, true),
                RulingKind::Resume => (&mut paused, false, false),
                RulingKind::Drop => (&mut gone, true, true),
                RulingKind::Keep => (&mut gone, true, false),
                RulingKind::Hold | RulingKind::Unhold => continue,
            };
            match (*open, begins) {
                (None, true) => *open = Some(ruling.at),
                (Some(from), false) => {
                    found.push(Stretch { from, to: Some(ruling.at), dropped });
                    *open = None;
                }
                _ => {}
            }
        }
        for (from, dropped) in [(masked, false), (paused, false), (gone, true)] {
            found.extend(from.map(|from| Stretch { from, to: None, dropped }));
        }
        found.sort_by_key(|stretch| stretch.from);
        found
    }
}

impl Stretch {
    /// Stretches joined where they overlap or touch, for those to whom it does not matter why
    /// nothing is heard. A joined one is dropped when all of its parts are.
    pub fn joined(stretches: &[Self]) -> Vec<Self> {
        let mut joined: Vec<Self> = Vec::with_capacity(stretches.len());
        for stretch in stretches {
            match joined.last_mut() {
                Some(last) if last.to.is_none_or(|to| stretch.from <= to) => {
                    last.to = last.to.zip(stretch.to).map(|(a, b)| a.max(b));
                    last.dropped &= stretch.dropped;
                }
                _ => joined.push(*stretch),
            }
        }
        joined
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rulings(script: &[(i64, RulingKind)]) -> Vec<Ruling> {
        let at = |seconds: &i64| Timestamp::from_second(*seconds).unwrap();
        script.iter().map(|(seconds, kind)| Ruling { at: at(seconds), kind: *kind }).collect()
    }

    fn seconds(stretches: &[Stretch]) -> Vec<(i64, Option<i64>, bool)> {
        let one = |s: &Stretch| (s.from.as_second(), s.to.map(Timestamp::as_second), s.dropped);
        stretches.iter().map(one).collect()
    }

    #[test]
    fn masks_and_drops_do_not_know_of_each_other() {
        use RulingKind::{Drop, Hold, Keep, Mask, Unhold, Unmask};
        let script = rulings(&[
            (1, Unmask),
            (2, Mask),
            (3, Mask),
            (4, Drop),
            (5, Hold),
            (6, Unmask),
            (7, Keep),
            (8, Unhold),
            (9, Drop),
            (10, Mask),
        ]);
        let stretches = Ruling::stretches(&script);
        let expected =
            [(2, Some(6), false), (4, Some(7), true), (9, None, true), (10, None, false)];
        assert_eq!(seconds(&stretches), expected);
        let joined = Stretch::joined(&stretches);
        assert_eq!(seconds(&joined), [(2, Some(7), false), (9, None, false)]);
    }

    #[test]
    fn a_recorder_that_resumes_ends_no_mask() {
        use RulingKind::{Mask, Pause, Resume, Unmask};
        let script = rulings(&[(1, Mask), (2, Pause), (3, Resume), (4, Unmask), (5, Resume)]);
        let joined = Stretch::joined(&Ruling::stretches(&script));
        assert_eq!(seconds(&joined), [(1, Some(4), false)]);
        let script = rulings(&[(1, Pause), (2, Mask), (3, Unmask), (4, Resume)]);
        let joined = Stretch::joined(&Ruling::stretches(&script));
        assert_eq!(seconds(&joined), [(1, Some(4), false)]);
    }
}
