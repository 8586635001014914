//! AAC-LC in ADTS, MP4 and Matroska, and MP3 in MP4.

use super::harness::{Format, Variant};
use super::judge::{Law, Tail};
use super::tools::Decoder;

/// A frame is heard over 2048 samples.
const LAW: Law = Law::exact(2047, 2047);
/// Noise substitution: the decoder's noise depends on all that it made before.
const NOISE: Law = LAW.tail(Tail::Coded);

/// Matroska has times in milliseconds: six of doubt on each side, at samples per millisecond.
const fn rounded(per_ms: usize) -> Law {
    Law::exact(2047 + 6 * per_ms, 2047 + 6 * per_ms)
}

#[test]
fn aac_in_adts_is_exactly_zero_inside_and_exact_outside() {
    let variants = [
        Variant::new(
            ("adts 8 kHz", "aac"),
            (8000, 1),
            "ffmpeg -v error -i $IN -c:a aac -aac_pns 0 -b:a 16k $OUT",
            LAW,
        ),
        Variant::new(
            ("adts 16 kHz", "aac"),
            (16_000, 1),
            "ffmpeg -v error -i $IN -c:a aac -aac_pns 0 -b:a 32k $OUT",
            LAW,
        ),
        Variant::new(
            ("adts 44 kHz stereo", "aac"),
            (44_100, 2),
            "ffmpeg -v error -i $IN -c:a aac -aac_pns 0 -b:a 96k $OUT",
            LAW,
        )
        .second(Decoder::Faad, 0.0),
        Variant::new(
            ("adts noise substitution", "aac"),
            (44_100, 1),
            "ffmpeg -v error -i $IN -c:a aac -b:a 40k $OUT",
            NOISE,
        ),
    ];
    Format { name: "AAC in ADTS", variants: &variants, apart: 1.2 }.holds();
}

#[test]
fn aac_in_mp4_is_exactly_zero_inside_and_exact_outside() {
    let variants = [
        Variant::new(
            ("m4a 16 kHz", "m4a"),
            (16_000, 1),
            "ffmpeg -v error -i $IN -c:a aac -aac_pns 0 -b:a 32k $OUT",
            LAW,
        ),
        Variant::new(
            ("m4a 44 kHz stereo", "m4a"),
            (44_100, 2),
            "ffmpeg -v error -i $IN -c:a aac -aac_pns 0 -b:a 96k -movflags faststart $OUT",
            LAW,
        )
        .second(Decoder::Faad, 0.0),
        Variant::new(
            ("fmp4 48 kHz", "mp4"),
            (48_000, 1),
            "ffmpeg -v error -i $IN -c:a aac -aac_pns 0 -b:a 64k -frag_duration 1000000 \
             -movflags empty_moov+default_base_moof $OUT",
            LAW,
        ),
        Variant::new(
            ("m4a noise substitution", "m4a"),
            (44_100, 1),
            "ffmpeg -v error -i $IN -c:a aac -b:a 40k $OUT",
            NOISE,
        ),
    ];
    Format { name: "AAC in MP4", variants: &variants, apart: 1.2 }.holds();
}

#[test]
fn aac_in_matroska_is_exactly_zero_inside_and_exact_outside() {
    let variants = [
        Variant::new(
            ("mkv aac 16 kHz", "mkv"),
            (16_000, 1),
            "ffmpeg -v error -i $IN -c:a aac -aac_pns 0 -b:a 32k $OUT",
            rounded(16),
        ),
        Variant::new(
            ("mkv aac 48 kHz stereo", "mkv"),
            (48_000, 2),
            "ffmpeg -v error -i $IN -c:a aac -aac_pns 0 -b:a 96k $OUT",
            rounded(48),
        ),
    ];
    Format { name: "AAC in Matroska", variants: &variants, apart: 1.2 }.holds();
}

#[test]
fn mp3_in_mp4_is_exactly_zero_inside_and_exact_outside() {
    let law = Law::exact(1631, 1631 + 576);
    let variants = [
        Variant::new(
            ("mp4 mp3 44 kHz", "mp4"),
            (44_100, 2),
            "ffmpeg -v error -i $IN -c:a libmp3lame -b:a 96k $OUT",
            law,
        ),
        Variant::new(
            ("mp4 mp3 16 kHz", "mp4"),
            (16_000, 1),
            "ffmpeg -v error -i $IN -c:a libmp3lame -b:a 24k $OUT",
            law,
        ),
    ];
    Format { name: "MP3 in MP4", variants: &variants, apart: 1.2 }.holds();
}
