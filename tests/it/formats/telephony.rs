//! The codecs of telephone recorders: GSM, ADPCM, G.722, AMR-NB, AMR-WB.

use super::harness::{Format, Variant};
use super::judge::{Law, Tail};
use super::tools::Decoder;

/// One frame more on each side than the mask touches. The long-term predictor then needs as long as
/// a vowel lasts to forget the silence.
const fn gsm(frame: usize) -> Law {
    let tail = Tail::Settles { within: 3200, decibel: 40.0, exact: None };
    Law::exact(2 * frame, 2 * frame).peak(24.0).tail(tail)
}

#[test]
fn gsm_is_constant_inside_and_comes_back() {
    let variants = [
        Variant::new(
            ("gsm raw", "gsm"),
            (8000, 1),
            "ffmpeg -v error -i $IN -c:a libgsm $OUT",
            gsm(160),
        )
        .second(Decoder::Sox, 24.0),
        Variant::new(
            ("gsm wav49", "wav"),
            (8000, 1),
            "ffmpeg -v error -i $IN -c:a libgsm_ms $OUT",
            gsm(320),
        )
        .second(Decoder::Sox, 24.0),
    ];
    Format { name: "GSM", variants: &variants, apart: 1.0 }.holds();
}

#[test]
fn adpcm_is_zero_inside_and_exact_outside_its_blocks() {
    let variants = [
        Variant::new(
            ("ima adpcm", "wav"),
            (8000, 1),
            "ffmpeg -v error -i $IN -c:a adpcm_ima_wav $OUT",
            Law::exact(2040, 2040),
        )
        .second(Decoder::Sox, 0.0),
        Variant::new(
            ("ima adpcm 256", "wav"),
            (8000, 1),
            "ffmpeg -v error -i $IN -c:a adpcm_ima_wav -block_size 256 $OUT",
            Law::exact(504, 504),
        ),
        Variant::new(
            ("ima adpcm stereo", "wav"),
            (8000, 2),
            "ffmpeg -v error -i $IN -c:a adpcm_ima_wav $OUT",
            Law::exact(1016, 1016),
        ),
        Variant::new(
            ("ms adpcm", "wav"),
            (8000, 1),
            "ffmpeg -v error -i $IN -c:a adpcm_ms $OUT",
            Law::exact(2035, 2035),
        )
        .second(Decoder::Sox, 0.0),
        Variant::new(
            ("ms adpcm stereo", "wav"),
            (22_050, 2),
            "ffmpeg -v error -i $IN -c:a adpcm_ms $OUT",
            Law::exact(1011, 1011),
        ),
    ];
    Format { name: "ADPCM", variants: &variants, apart: 0.8 }.holds();
}

#[test]
fn g722_is_quiet_inside_and_comes_back() {
    // The predictors find back from the smallest steps, after which speech is loud.
    let tail = Tail::Settles { within: 2960, decibel: 25.0, exact: None };
    let law = Law::exact(280, 240).peak(2.0).tail(tail);
    let variants = [Variant::new(
        ("g722 wav", "wav"),
        (16_000, 1),
        "ffmpeg -v error -i $IN -c:a g722 $OUT",
        law,
    )];
    Format { name: "G.722", variants: &variants, apart: 1.0 }.holds();
}

/// Three frames before, one after; then predictors of gain and pitch find back.
const AMR: Law = Law::exact(4 * 160, 2 * 160).peak(8.0).tail(Tail::Settles {
    within: 8000,
    decibel: 40.0,
    exact: None,
});

/// Where pauses are coded as such, comfort noise goes on from random numbers.
const AMR_PAUSES: Law = AMR.tail(Tail::Settles { within: 32_000, decibel: 40.0, exact: None });

const fn amr(name: &'static str, encode: &'static str) -> Variant {
    // ffmpeg does not know the silence frames of pauses, and loses their time.
    Variant::new((name, "amr"), (8000, 1), encode, AMR_PAUSES).by(Decoder::Sox)
}

const fn noisy(name: &'static str, encode: &'static str) -> Variant {
    Variant::new((name, "amr"), (8000, 1), encode, AMR)
        .by(Decoder::Sox)
        .second(Decoder::Ffmpeg, 8.0)
}

/// Noise under the speech, so that no pause is coded as one.
macro_rules! noisy {
    ($mode:literal) => {
        concat!(
            "sox -V1 -D -R -m -v 1 $IN '|sox -V1 -D -R -r 8000 -n -p synth 14 pinknoise vol 0.05' ",
            "-t amr-nb -C ",
            $mode,
            " $OUT"
        )
    };
}

#[test]
fn amr_is_quiet_inside_and_comes_back() {
    let variants = [
        amr("amr 4.75", "sox -V1 -D $IN -t amr-nb -C 0 $OUT"),
        amr("amr 5.15", "sox -V1 -D $IN -t amr-nb -C 1 $OUT"),
        amr("amr 5.9", "sox -V1 -D $IN -t amr-nb -C 2 $OUT"),
        amr("amr 6.7", "sox -V1 -D $IN -t amr-nb -C 3 $OUT"),
        amr("amr 7.4", "sox -V1 -D $IN -t amr-nb -C 4 $OUT"),
        amr("amr 7.95", "sox -V1 -D $IN -t amr-nb -C 5 $OUT"),
        amr("amr 10.2", "sox -V1 -D $IN -t amr-nb -C 6 $OUT"),
        amr("amr 12.2", "sox -V1 -D $IN -t amr-nb -C 7 $OUT"),
        noisy("amr 4.75 noise", noisy!("0")),
        noisy("amr 6.7 noise", noisy!("3")),
        noisy("amr 7.95 noise", noisy!("5")),
        noisy("amr 12.2 noise", noisy!("7")),
    ];
    Format { name: "AMR", variants: &variants, apart: 1.0 }.holds();
}

/// As [`AMR`], at twice the rate; the mask's own frames of the wide band are a little louder.
const AMR_WB: Law = Law::exact(4 * 320, 2 * 320).peak(16.0).tail(Tail::Settles {
    within: 16_000,
    decibel: 40.0,
    exact: None,
});

const fn amr_wb(name: &'static str, encode: &'static str) -> Variant {
    Variant::new((name, "awb"), (16_000, 1), encode, AMR_WB)
        .by(Decoder::Sox)
        .second(Decoder::Ffmpeg, 16.0)
}

const fn amr_wb_pauses(name: &'static str, encode: &'static str) -> Variant {
    // ffmpeg does not know the silence frames of the wide band either.
    Variant::new((name, "awb"), (16_000, 1), encode, AMR_WB).by(Decoder::Sox)
}

/// No packaged program writes AMR-WB: the line compiles one. Mode, and whether pauses are coded as
/// such.
macro_rules! wide {
    ($mode_and_pauses:literal) => {
        concat!(
            "gcc -O1 -x c -o $OUT.encoder - -lvo-amrwbenc <<'END' || exit 1\n",
            include_str!("amr_wb.c"),
            "END\n$OUT.encoder ",
            $mode_and_pauses,
            " < $IN > $OUT"
        )
    };
}

#[test]
fn amr_wb_is_quiet_inside_and_comes_back() {
    let variants = [
        amr_wb("amr-wb 6.6", wide!("0 0")),
        amr_wb("amr-wb 8.85", wide!("1 0")),
        amr_wb("amr-wb 12.65", wide!("2 0")),
        amr_wb("amr-wb 14.25", wide!("3 0")),
        amr_wb("amr-wb 15.85", wide!("4 0")),
        amr_wb("amr-wb 18.25", wide!("5 0")),
        amr_wb("amr-wb 19.85", wide!("6 0")),
        amr_wb("amr-wb 23.05", wide!("7 0")),
        amr_wb("amr-wb 23.85", wide!("8 0")),
        amr_wb_pauses("amr-wb 6.6 pauses", wide!("0 1")),
        amr_wb_pauses("amr-wb 12.65 pauses", wide!("2 1")),
        amr_wb_pauses("amr-wb 23.85 pauses", wide!("8 1")),
    ];
    Format { name: "AMR-WB", variants: &variants, apart: 1.0 }.holds();
}
