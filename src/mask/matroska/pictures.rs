//! Which blocks of a video track are removed.

use crate::asset::MediaTime;
use crate::mask::MaskPlan;
use crate::mask::hidden::LookAhead;
use crate::media::Measured;
use crate::media::matroska::{ContentEncoding, TrackEntry};

/// Longest distance between frames that is believed, in nanoseconds: the unit of look-ahead.
const MAX_STEP_NS: i128 = 1_000_000_000;

/// The plan's spans in nanoseconds, open at the file's ends.
pub(super) fn spans_ns(plan: &MaskPlan, facts: &Measured) -> Vec<(i128, i128)> {
    let nanos = |time: MediaTime| i128::from(time.as_micros()) * 1000;
    let span = |span: &crate::asset::Span| {
        let from = if span.from == MediaTime::ZERO { i128::MIN } else { nanos(span.from) };
        (from, if span.to >= facts.duration { i128::MAX } else { nanos(span.to) })
    };
    plan.silenced.iter().map(span).collect()
}

fn look_ahead(codec_id: &str) -> LookAhead {
    match codec_id {
        "V_VP8" => LookAhead::Vp8,
        "V_VP9" => LookAhead::Vp9,
        "V_AV1" => LookAhead::Av1,
        "V_MPEG4/ISO/AVC" | "V_MPEGH/ISO/HEVC" | "V_MPEG1" | "V_MPEG2" | "V_MJPEG" | "V_FFV1"
        | "V_UNCOMPRESSED" | "V_PRORES" | "V_THEORA" => LookAhead::Never,
        _ => LookAhead::Unknown,
    }
}

/// Decides block by block, in the order of decoding.
///
/// From the first picture of a span on everything goes, whatever its time, up to the first key
/// frame that is shown after the span; and of what follows that one, whatever is shown before it,
/// for it may refer to what is gone.
pub(super) struct Pictures {
    spans: Vec<(i128, i128)>,
    look_ahead: LookAhead,
    /// What blocks lack at their beginning; `None` when they cannot be read.
    stripped: Option<Vec<u8>>,
    delay_ns: i128,
    /// How many spans were entered.
    entered: usize,
    dropping: bool,
    /// What is shown earlier is removed.
    floor: i128,
    last: Option<i128>,
    step: i128,
    lost: bool,
}

impl Pictures {
    pub(super) fn new(entry: &TrackEntry, spans: Vec<(i128, i128)>) -> Self {
        let stripped = match &entry.encoding {
            ContentEncoding::HeaderStripping(header) => Some(header.clone()),
            ContentEncoding::Opaque => None,
        };
        Self {
            spans,
            look_ahead: look_ahead(&entry.codec_id),
            stripped,
            delay_ns: i128::from(entry.codec_delay_ns),
            entered: 0,
            dropping: false,
            floor: i128::MIN,
            last: None,
            step: i128::from(entry.default_duration_ns.unwrap_or(0)).min(MAX_STEP_NS),
            lost: false,
        }
    }

    /// Whether the block that is shown at `time` nanoseconds is removed. To be called for every
    /// block of the track, in order.
    pub(super) fn drops(&mut self, time: i128, keyframe: bool, data: &[u8]) -> bool {
        let shown = time.saturating_sub(self.delay_ns);
        let sees = shown.saturating_add(self.ahead(shown, data));
        let entered = self.spans.partition_point(|span| span.0 <= sees);
        if entered > self.entered {
            self.entered = entered;
            self.dropping = true;
        }
        if !self.dropping {
            return shown < self.floor;
        }
        let until = self.entered.checked_sub(1).and_then(|last| self.spans.get(last));
        let after = until.is_none_or(|span| shown >= span.1);
        if after && keyframe {
            (self.dropping, self.lost, self.floor) = (false, false, shown);
            return false;
        }
        self.lost |= after;
        true
    }

    /// Nanoseconds by which the block's content may be later than the block.
    fn ahead(&mut self, shown: i128, data: &[u8]) -> i128 {
        let step = self.last.map_or(0, |last| shown.saturating_sub(last).saturating_abs());
        self.last = Some(shown);
        self.step = self.step.max(step).min(MAX_STEP_NS);
        let frames = match self.stripped.as_deref() {
            Some([]) => self.look_ahead.frames(data),
            Some(header) => self.look_ahead.frames(&[header, data].concat()),
            None => self.look_ahead.most(),
        };
        let step = if self.step == 0 { MAX_STEP_NS } else { self.step };
        i128::from(frames).saturating_mul(step)
    }

    /// Whether pictures after the last span were removed because no key frame followed it.
    pub(super) const fn lost_to_end(&self) -> bool {
        self.dropping && self.lost
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::matroska::{Audio, TrackType};

    fn kept(codec_id: &str, blocks: &[(i128, bool)], data: &[u8]) -> (Vec<i128>, bool) {
        let entry = TrackEntry {
            number: 1,
            kind: TrackType::Video,
            codec_id: codec_id.to_owned(),
            codec_private: vec![],
            codec_private_at: 0,
            codec_delay_ns: 0,
            default_duration_ns: Some(10),
            encoding: ContentEncoding::HeaderStripping(vec![]),
            audio: Audio { sampling_frequency: 0.0, channels: 0, bit_depth: 0 },
            bent_clock: false,
        };
        let mut pictures = Pictures::new(&entry, vec![(100, 200), (300, 310), (800, i128::MAX)]);
        let times = blocks.iter().filter(|(time, key)| !pictures.drops(*time, *key, data));
        (times.map(|(time, _)| *time).collect(), pictures.lost_to_end())
    }

    #[test]
    fn removal_follows_the_order_of_decoding() {
        let avc = "V_MPEG4/ISO/AVC";
        // The picture at 110 is decoded before those at 80 and 90, which refer to it; 200 is a key
        // frame that two pictures follow which are shown before it.
        let blocks = [
            (0, true),
            (70, false),
            (110, false),
            (80, false),
            (90, false),
            (150, true),
            (210, false),
            (230, true),
            (205, false),
            (220, false),
            (240, false),
        ];
        assert_eq!(kept(avc, &blocks, &[]), (vec![0, 70, 230, 240], false));
        // The key frame after the first span lies in the second.
        let blocks =
            [(0, true), (100, false), (305, true), (308, false), (320, false), (330, true)];
        assert_eq!(kept(avc, &blocks, &[]), (vec![0, 330], false));
        assert_eq!(kept(avc, &blocks[..5], &[]), (vec![0], true));
        assert_eq!(kept(avc, &[(0, true), (900, true)], &[]), (vec![0], false));
        // A key frame right after a span that has no picture of its own.
        assert_eq!(kept(avc, &[(0, true), (200, true)], &[]), (vec![0, 200], false));
    }

    #[test]
    fn hidden_frames_are_removed_with_what_they_may_show() {
        let blocks = [(-200, true), (-190, false), (-150, false), (50, false), (210, true)];
        assert_eq!(kept("V_VP8", &blocks, &[0x10]).0, [-200, -190, -150, 50, 210]);
        // 25 frames of 10 ns, then of 40.
        assert_eq!(kept("V_VP8", &blocks[..3], &[0]).0, [-200, -190]);
    }
}
