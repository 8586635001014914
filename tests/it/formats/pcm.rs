//! WAV with PCM and G.711: silent to the sample.

use super::harness::{Format, Variant};
use super::judge::Law;
use super::tools::Decoder;

const EXACT: Law = Law::exact(0, 0);

#[test]
fn pcm_is_silent_to_the_sample() {
    let variants = [
        Variant::new(
            ("wav u8", "wav"),
            (8000, 1),
            "ffmpeg -v error -i $IN -c:a pcm_u8 $OUT",
            EXACT,
        ),
        Variant::new(("wav s16", "wav"), (8000, 1), "cp $IN $OUT", EXACT).second(Decoder::Sox, 0.0),
        Variant::new(("wav s16 stereo", "wav"), (44_100, 2), "cp $IN $OUT", EXACT),
        Variant::new(
            ("wav s24", "wav"),
            (48_000, 2),
            "ffmpeg -v error -i $IN -c:a pcm_s24le $OUT",
            EXACT,
        ),
        Variant::new(
            ("wav s32", "wav"),
            (16_000, 1),
            "ffmpeg -v error -i $IN -c:a pcm_s32le $OUT",
            EXACT,
        ),
        Variant::new(
            ("wav f32", "wav"),
            (22_050, 2),
            "ffmpeg -v error -i $IN -c:a pcm_f32le $OUT",
            EXACT,
        ),
        Variant::new(
            ("wav a-law", "wav"),
            (8000, 2),
            "ffmpeg -v error -i $IN -c:a pcm_alaw $OUT",
            EXACT.peak(8.0),
        )
        .second(Decoder::Sox, 8.0),
        Variant::new(
            ("wav mu-law", "wav"),
            (8000, 1),
            "ffmpeg -v error -i $IN -c:a pcm_mulaw $OUT",
            EXACT,
        )
        .second(Decoder::Sox, 0.0),
        Variant::new(
            ("rf64", "wav"),
            (8000, 1),
            "ffmpeg -v error -i $IN -c:a pcm_s16le -rf64 always $OUT",
            EXACT,
        ),
        Variant::new(
            ("wav six channels", "wav"),
            (16_000, 6),
            "ffmpeg -v error -i $IN -c:a pcm_s24le $OUT",
            EXACT,
        ),
    ];
    Format { name: "PCM", variants: &variants, apart: 0.2 }.holds();
}
