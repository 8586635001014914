//! Vorbis and FLAC.

use super::harness::{Format, Variant};
use super::judge::Law;
use super::tools::Decoder;

#[test]
fn vorbis_is_exactly_zero_inside_and_exact_outside() {
    // A long window on each side; the longest block of these files is 2048 samples or less.
    let law = Law::exact(2048, 2048);
    let variants = [
        Variant::new(("vorbis 8 kHz", "ogg"), (8000, 1), "oggenc -Q -q 1 -o $OUT $IN", law)
            .second(Decoder::Oggdec, 0.0),
        Variant::new(
            ("vorbis 44 kHz stereo", "ogg"),
            (44_100, 2),
            "oggenc -Q -q 4 -o $OUT $IN",
            law,
        )
        .second(Decoder::Oggdec, 0.0),
        Variant::new(
            ("vorbis ffmpeg", "ogg"),
            (16_000, 1),
            "ffmpeg -v error -i $IN -c:a libvorbis -q:a 2 $OUT",
            law,
        )
        .second(Decoder::Oggdec, 0.0),
    ];
    Format { name: "Vorbis", variants: &variants, apart: 1.2 }.holds();
}

#[test]
fn flac_is_exactly_zero_inside_and_exact_outside_its_frames() {
    let variants = [
        Variant::new(
            ("flac 8 kHz", "flac"),
            (8000, 1),
            "flac -s -b 1152 -o $OUT $IN",
            Law::exact(1151, 1151),
        )
        .second(Decoder::Flac, 0.0),
        Variant::new(
            ("flac stereo", "flac"),
            (44_100, 2),
            "flac -s -8 -b 4096 -o $OUT $IN",
            Law::exact(4095, 4095),
        )
        .second(Decoder::Flac, 0.0),
        Variant::new(
            ("flac 24 bit", "flac"),
            (48_000, 2),
            "ffmpeg -v error -i $IN -sample_fmt s32 -bits_per_raw_sample 24 -af volume=0.83 \
             -c:a flac -frame_size 4096 $OUT",
            Law::exact(4095, 4095),
        )
        .second(Decoder::Ffmpeg, 0.0),
        Variant::new(
            ("flac ffmpeg mono", "flac"),
            (16_000, 1),
            "ffmpeg -v error -i $IN -c:a flac -frame_size 576 $OUT",
            Law::exact(575, 575),
        )
        .second(Decoder::Flac, 0.0),
        Variant::new(
            ("ogg flac", "oga"),
            (16_000, 1),
            "flac -s --ogg -b 2048 -o $OUT $IN",
            Law::exact(2047, 2047),
        )
        .second(Decoder::Flac, 0.0),
    ];
    Format { name: "FLAC", variants: &variants, apart: 0.8 }.holds();
}
