//! Which blocks of a video track are removed.

use std::borrow::Cow;

use crate::asset::MediaTime;
use crate::mask::MaskPlan;
use crate::mask::hidden::LookAhead;
use crate::mask::key_picture::PictureKind;
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

/// How the pictures of a track begin (Matroska codec specifications).
fn picture_kind(entry: &TrackEntry) -> PictureKind {
    match entry.codec_id.as_str() {
        "V_MPEG4/ISO/AVC" => PictureKind::avc(&entry.codec_private),
        "V_MPEGH/ISO/HEVC" => PictureKind::hevc(&entry.codec_private),
        "V_VP8" => PictureKind::Vp8,
        "V_VP9" => PictureKind::Vp9,
        "V_AV1" => PictureKind::Av1,
        "V_MPEG4/ISO/SP" | "V_MPEG4/ISO/ASP" | "V_MPEG4/ISO/AP" => PictureKind::Visual,
        "V_MJPEG" | "V_PRORES" | "V_UNCOMPRESSED" => PictureKind::Still,
        _ => PictureKind::Unknown,
    }
}

/// Decides block by block, in the order of decoding.
///
/// From the first picture of a span on everything goes, whatever its time, up to the first key
/// picture that is shown after the span; and of what follows that one, whatever is shown before it,
/// for it may refer to what is gone. The container's flag alone makes no key picture: encoders that
/// refresh pictures strip by strip set it where decoding can merely be joined.
pub(super) struct Pictures {
    spans: Vec<(i128, i128)>,
    look_ahead: LookAhead,
    kind: PictureKind,
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
            kind: picture_kind(entry),
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

    /// What changes in the picture of the block that is shown at `time` nanoseconds: places in `data`
    /// and the bytes there. `None` when the block is removed. `data` is `None` when the block has
    /// more than a picture. To be called for every block of the track, in order.
    pub(super) fn kept(
        &mut self,
        time: i128,
        keyframe: bool,
        data: Option<&[u8]>,
    ) -> Option<Vec<(usize, u8)>> {
        let shown = time.saturating_sub(self.delay_ns);
        let picture = self.picture(data);
        let sees = shown.saturating_add(self.ahead(shown, picture.as_deref()));
        let entered = self.spans.partition_point(|span| span.0 <= sees);
        if entered > self.entered {
            self.entered = entered;
            self.dropping = true;
        }
        if !self.dropping {
            return (shown >= self.floor).then(Vec::new);
        }
        let until = self.entered.checked_sub(1).and_then(|last| self.spans.get(last));
        let after = until.is_none_or(|span| shown >= span.1);
        self.lost |= after;
        let marks = self.marks(&picture.filter(|_| after && keyframe)?)?;
        (self.dropping, self.lost, self.floor) = (false, false, shown);
        Some(marks)
    }

    /// The whole picture, unless it cannot be read.
    fn picture<'a>(&self, data: Option<&'a [u8]>) -> Option<Cow<'a, [u8]>> {
        Some(match self.stripped.as_deref()? {
            [] => Cow::Borrowed(data?),
            header => Cow::Owned([header, data?].concat()),
        })
    }

    /// What changes in a picture's block when decoding begins with it; `None` when it cannot.
    fn marks(&self, picture: &[u8]) -> Option<Vec<(usize, u8)>> {
        self.kind.is_key(picture).filter(|key| *key)?;
        let lacks = self.stripped.as_ref().map_or(0, Vec::len);
        let links = self.kind.broken_links(picture).into_iter();
        links.map(|(at, head)| Some((at.checked_sub(lacks)?, head))).collect()
    }

    /// Nanoseconds by which the block's content may be later than the block.
    fn ahead(&mut self, shown: i128, picture: Option<&[u8]>) -> i128 {
        let step = self.last.map_or(0, |last| shown.saturating_sub(last).saturating_abs());
        self.last = Some(shown);
        self.step = self.step.max(step).min(MAX_STEP_NS);
        let frames = match picture {
            Some(picture) => self.look_ahead.frames(picture),
            None => self.look_ahead.most(),
        };
        let step = if self.step == 0 { MAX_STEP_NS } else { self.step };
        i128::from(frames).saturating_mul(step)
    }

    /// Whether pictures after the last span were removed because no key picture followed it.
    pub(super) const fn lost_to_end(&self) -> bool {
        self.dropping && self.lost
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::matroska::{Audio, TrackType};

    const AVC: &str = "V_MPEG4/ISO/AVC";
    const HEVC: &str = "V_MPEGH/ISO/HEVC";
    /// NAL units with a length of two bytes.
    const IDR: &[u8] = &[0, 1, 0x67, 0, 2, 0x65, 9];
    const NON_IDR: &[u8] = &[0, 1, 0x67, 0, 2, 0x61, 9];

    fn pictures(codec_id: &str, encoding: ContentEncoding) -> Pictures {
        let entry = TrackEntry {
            number: 1,
            kind: TrackType::Video,
            codec_id: codec_id.to_owned(),
            codec_private: vec![0xFD; 23],
            codec_private_at: 0,
            codec_delay_ns: 0,
            default_duration_ns: Some(10),
            encoding,
            audio: Audio { sampling_frequency: 0.0, channels: 0, bit_depth: 0 },
            pixels: (0, 0),
            bent_clock: false,
        };
        Pictures::new(&entry, vec![(100, 200), (300, 310), (800, i128::MAX)])
    }

    fn kept(codec_id: &str, blocks: &[(i128, bool)], data: &[u8]) -> (Vec<i128>, bool) {
        let mut pictures = pictures(codec_id, ContentEncoding::HeaderStripping(vec![]));
        let times = blocks.iter().filter(|block| {
            let kept = pictures.kept(block.0, block.1, Some(data));
            assert!(kept.as_ref().is_none_or(Vec::is_empty));
            kept.is_some()
        });
        (times.map(|(time, _)| *time).collect(), pictures.lost_to_end())
    }

    #[test]
    fn removal_follows_the_order_of_decoding() {
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
        assert_eq!(kept(AVC, &blocks, IDR), (vec![0, 70, 230, 240], false));
        // The key frame after the first span lies in the second.
        let blocks =
            [(0, true), (100, false), (305, true), (308, false), (320, false), (330, true)];
        assert_eq!(kept(AVC, &blocks, IDR), (vec![0, 330], false));
        assert_eq!(kept(AVC, &blocks[..5], IDR), (vec![0], true));
        assert_eq!(kept(AVC, &[(0, true), (900, true)], IDR), (vec![0], false));
        // A key frame right after a span that has no picture of its own.
        assert_eq!(kept(AVC, &[(0, true), (200, true)], IDR), (vec![0, 200], false));
    }

    #[test]
    fn hidden_frames_are_removed_with_what_they_may_show() {
        let blocks = [(-200, true), (-190, false), (-150, false), (50, false), (210, true)];
        assert_eq!(kept("V_VP8", &blocks, &[0x10]).0, [-200, -190, -150, 50, 210]);
        // 25 frames of 10 ns, then of 40.
        assert_eq!(kept("V_VP8", &blocks[..3], &[0]).0, [-200, -190]);
    }

    #[test]
    fn the_flag_alone_makes_no_key_picture() {
        let blocks = [(0, true), (150, false), (200, true), (250, true)];
        let header = |bytes: &[u8]| ContentEncoding::HeaderStripping(bytes.to_vec());
        let (none, opaque) = (header(&[]), ContentEncoding::Opaque);
        for (codec_id, encoding, data, resumes) in [
            (AVC, &none, Some(IDR), true),
            (AVC, &none, Some(NON_IDR), false),
            (AVC, &none, Some(&[][..]), false),
            (AVC, &none, None, false),
            (AVC, &header(&[0, 1, 0x67]), Some(&[0, 2, 0x65, 9]), true),
            (AVC, &header(&[0, 1, 0x67]), Some(&[0, 2, 0x61, 9]), false),
            (AVC, &opaque, Some(IDR), false),
            ("V_VP8", &none, Some(&[0x10]), true),
            ("V_VP8", &none, Some(&[0x11]), false),
            ("V_VP9", &none, Some(&[0x82]), true),
            ("V_VP9", &none, Some(&[0x86]), false),
            ("V_AV1", &none, Some(&[0x0A, 1, 0, 0x32, 1, 0x10]), true),
            ("V_AV1", &none, Some(&[0x0A, 1, 0, 0x32, 1, 0x30]), false),
            ("V_MJPEG", &none, Some(&[7]), true),
            ("V_MPEG2", &none, Some(&[0x10]), false),
        ] {
            let mut pictures = pictures(codec_id, encoding.clone());
            let mut last = None;
            for (time, keyframe) in blocks {
                last = pictures.kept(time, keyframe, data);
            }
            let found = (last.is_some(), pictures.lost_to_end());
            assert_eq!(found, (resumes, !resumes), "{codec_id} {encoding:?} {data:?}");
        }
    }

    #[test]
    fn a_clean_random_access_picture_becomes_a_broken_link() {
        let cra = [0, 1, 0x40, 0, 3, 0x2A, 1, 9];
        let run = |header: &[u8]| {
            let encoding = ContentEncoding::HeaderStripping(header.to_vec());
            let mut pictures = pictures(HEVC, encoding);
            let mut marks = |time| pictures.kept(time, true, cra.get(header.len()..));
            [0, 150, 250, 240, 260].map(&mut marks)
        };
        let kept = Some(vec![]);
        let marked = |at| [kept.clone(), None, Some(vec![(at, 0x24)]), None, kept.clone()];
        assert_eq!(run(&[]), marked(5));
        assert_eq!(run(&cra[..3]), marked(2));
        // What the header lacks cannot be marked.
        assert_eq!(run(&cra[..6]), [kept, None, None, None, None]);
    }
}
