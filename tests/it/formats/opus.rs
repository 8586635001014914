//! Opus in Ogg, WebM and MP4. Decoded by libopus; ffmpeg's own decoder is the second opinion.

use super::harness::{Format, Variant};
use super::judge::{Law, Tail};
use super::tools::Decoder;

/// ffmpeg's own decoder resamples, and opusdec adds 1e-30: neither is exactly zero.
const NEARLY_ZERO: f64 = 1e-4;
const MS: usize = 48;

/// Packets of `packet_ms`; after the mask and one packet the sound is back at 30 dB `within_ms`.
const fn law(packet_ms: usize, within_ms: usize) -> Law {
    let packet = packet_ms * MS;
    let tail = Tail::Settles { within: within_ms * MS, decibel: 30.0, exact: None };
    Law::exact(288 + packet, 2 * packet).tail(tail)
}

/// Matroska has times in milliseconds: six of doubt on each side.
const fn rounded(packet_ms: usize, within_ms: usize) -> Law {
    let exact = law(packet_ms, within_ms);
    Law { before: exact.before + 6 * MS, after: exact.after + 6 * MS, ..exact }
}

const fn opus(
    names: (&'static str, &'static str),
    channels: usize,
    encode: &'static str,
    law: Law,
) -> Variant {
    let rate = if channels == 1 { 16_000 } else { 48_000 };
    Variant::new(names, (rate, channels), encode, law)
        .by(Decoder::FfmpegWith("libopus"))
        .decoded_at(48_000)
        .second(Decoder::Ffmpeg, NEARLY_ZERO)
}

#[test]
fn opus_in_ogg_is_zero_inside_and_comes_back() {
    let variants = [
        opus(
            ("opus voip 12k", "opus"),
            1,
            "ffmpeg -v error -i $IN -c:a libopus -application voip -b:a 12k $OUT",
            law(20, 700),
        ),
        opus(
            ("opus voip 16k", "opus"),
            1,
            "ffmpeg -v error -i $IN -c:a libopus -application voip -b:a 16k $OUT",
            law(20, 900),
        )
        .second(Decoder::Opusdec, NEARLY_ZERO),
        opus(
            ("opus voip 24k fec", "opus"),
            1,
            "ffmpeg -v error -i $IN -c:a libopus -application voip -b:a 24k -fec 1 \
             -packet_loss 20 $OUT",
            law(20, 900),
        ),
        opus(
            ("opus voip 60 ms", "opus"),
            1,
            "ffmpeg -v error -i $IN -c:a libopus -application voip -b:a 16k \
             -frame_duration 60 $OUT",
            law(60, 900),
        )
        .second(Decoder::Opusdec, NEARLY_ZERO),
        opus(
            ("opus voip 10 ms cbr", "opus"),
            1,
            "ffmpeg -v error -i $IN -c:a libopus -application voip -b:a 20k -vbr off \
             -frame_duration 10 $OUT",
            law(10, 900),
        ),
        opus(
            ("opus voip stereo 32k", "opus"),
            2,
            "ffmpeg -v error -i $IN -c:a libopus -application voip -b:a 32k $OUT",
            law(20, 2700),
        ),
        opus(
            ("opus audio 64k stereo", "opus"),
            2,
            "ffmpeg -v error -i $IN -c:a libopus -application audio -b:a 64k $OUT",
            law(20, 450),
        )
        .second(Decoder::Opusdec, NEARLY_ZERO),
        opus(
            ("opus lowdelay 5 ms", "opus"),
            1,
            "ffmpeg -v error -i $IN -c:a libopus -application lowdelay -b:a 48k \
             -frame_duration 5 $OUT",
            law(5, 450),
        ),
        opus(
            ("opus opusenc 40 ms", "opus"),
            1,
            "opusenc --quiet --speech --bitrate 16 --framesize 40 $IN $OUT",
            law(40, 900),
        )
        .second(Decoder::Opusdec, NEARLY_ZERO),
    ];
    Format { name: "Opus in Ogg", variants: &variants, apart: 1.6 }.holds();
}

#[test]
fn opus_in_webm_is_zero_inside_and_comes_back() {
    let variants = [
        opus(
            ("opus webm voip 16k", "webm"),
            1,
            "ffmpeg -v error -i $IN -c:a libopus -application voip -b:a 16k $OUT",
            rounded(20, 900),
        ),
        opus(
            ("opus webm audio stereo", "webm"),
            2,
            "ffmpeg -v error -i $IN -c:a libopus -application audio -b:a 64k $OUT",
            rounded(20, 450),
        ),
        opus(
            ("opus mkv 60 ms", "mkv"),
            1,
            "ffmpeg -v error -i $IN -c:a libopus -application voip -b:a 16k \
             -frame_duration 60 $OUT",
            rounded(60, 900),
        ),
        opus(
            ("opus webm live", "webm"),
            1,
            "ffmpeg -v error -i $IN -c:a libopus -application voip -b:a 16k -f webm - \
             | cat > $OUT",
            rounded(20, 900),
        ),
    ];
    Format { name: "Opus in WebM", variants: &variants, apart: 1.6 }.holds();
}

/// Without an edit list the pre-skip may be played or not.
const fn delayed(exact: Law) -> Law {
    Law { before: exact.before + 312, ..exact }
}

// ffmpeg skips the pre-skip in units of the container's rate, so that is 48 kHz here.
#[test]
fn opus_in_mp4_is_zero_inside_and_comes_back() {
    let variants = [
        opus(
            ("opus mp4 voip 16k", "mp4"),
            1,
            "ffmpeg -v error -i $IN -ar 48000 -c:a libopus -application voip -b:a 16k $OUT",
            law(20, 900),
        ),
        opus(
            ("opus mp4 audio stereo", "mp4"),
            2,
            "ffmpeg -v error -i $IN -c:a libopus -application audio -b:a 64k $OUT",
            law(20, 450),
        ),
        opus(
            ("opus fmp4", "mp4"),
            1,
            "ffmpeg -v error -i $IN -ar 48000 -c:a libopus -application voip -b:a 16k -frag_duration 1000000 \
             -movflags empty_moov+default_base_moof $OUT",
            delayed(law(20, 900)),
        ),
    ];
    Format { name: "Opus in MP4", variants: &variants, apart: 1.6 }.holds();
}
