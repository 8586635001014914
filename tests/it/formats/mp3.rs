//! MPEG audio layer III, from three encoders.

use super::harness::{Format, Variant};
use super::judge::Law;
use super::tools::Decoder;

/// Overlap and polyphase delay of a granule, and one granule more where scale factors are shared.
const BEFORE: usize = 1631;
const AFTER: usize = 1631 + 576;
const LAW: Law = Law::exact(BEFORE, AFTER);
/// Without a LAME tag the encoder's delay is not known: the mask is wider by 576 + 529 samples.
const UNTAGGED: Law = Law::exact(BEFORE + 1105, AFTER + 1105);

/// A tag without a delay: not even whether its frame is played is known, and ffmpeg skips 529.
const NO_DELAY: Law = Law::exact(BEFORE + 529 + 1152, AFTER + 1105);

#[test]
fn mp3_is_exactly_zero_inside_and_exact_outside() {
    let variants = [
        Variant::new(
            ("mp3 cbr 16k 8 kHz", "mp3"),
            (8000, 1),
            "lame --quiet -m m -b 16 $IN $OUT",
            UNTAGGED,
        )
        .second(Decoder::Mpg123, 0.0),
        Variant::new(
            ("mp3 cbr 128k joint stereo", "mp3"),
            (44_100, 2),
            "lame --quiet -m j -b 128 $IN $OUT",
            LAW,
        )
        .second(Decoder::Mpg123, 0.0),
        Variant::new(("mp3 vbr", "mp3"), (44_100, 2), "lame --quiet -V 4 $IN $OUT", LAW)
            .second(Decoder::Sox, 0.0),
        Variant::new(
            ("mp3 abr", "mp3"),
            (48_000, 2),
            "lame --quiet --resample 48 --abr 96 $IN $OUT",
            LAW,
        )
        .second(Decoder::Mpg123, 0.0),
        Variant::new(
            ("mp3 no reservoir", "mp3"),
            (44_100, 1),
            "lame --quiet --nores -b 64 $IN $OUT",
            LAW,
        ),
        Variant::new(("mp3 crc", "mp3"), (32_000, 2), "lame --quiet -p -b 128 $IN $OUT", LAW)
            .second(Decoder::Sox, 0.0),
        Variant::new(
            ("mp3 free format", "mp3"),
            (44_100, 2),
            "lame --quiet --freeformat -b 330 $IN $OUT",
            LAW,
        )
        .by(Decoder::Mpg123),
        Variant::new(
            ("mp3 mpeg-2 22 kHz", "mp3"),
            (22_050, 2),
            "lame --quiet -b 48 $IN $OUT",
            UNTAGGED,
        )
        .second(Decoder::Mpg123, 0.0),
        Variant::new(
            ("mp3 mpeg-2 16 kHz", "mp3"),
            (16_000, 1),
            "lame --quiet -m m -b 24 $IN $OUT",
            UNTAGGED,
        )
        .second(Decoder::Sox, 0.0),
        Variant::new(
            ("mp3 mpeg-2.5 8k 8 kHz", "mp3"),
            (8000, 1),
            "lame --quiet -m m -b 8 $IN $OUT",
            UNTAGGED,
        )
        .second(Decoder::Mpg123, 0.0),
        Variant::new(
            ("mp3 shine", "mp3"),
            (44_100, 2),
            "ffmpeg -v error -i $IN -c:a libshine -b:a 128k $OUT",
            NO_DELAY,
        ),
        Variant::new(
            ("mp3 in wav", "wav"),
            (44_100, 1),
            "ffmpeg -v error -i $IN -c:a libmp3lame -b:a 64k $OUT",
            UNTAGGED,
        ),
    ];
    Format { name: "MP3", variants: &variants, apart: 1.3 }.holds();
}
