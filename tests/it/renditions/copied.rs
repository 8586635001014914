//! Sound and pictures that an MP4 can hold are in it bit by bit.

use std::path::Path;

use super::*;

const fn make(name: &'static str, suffix: &'static str, rate: u32, line: &'static str) -> Make {
    Make { name, suffix, rate, channels: 1, line }
}

const fn stereo(name: &'static str, suffix: &'static str, rate: u32, line: &'static str) -> Make {
    Make { name, suffix, rate, channels: 2, line }
}

/// Renders a source of sound; its packets, its length and its decoded sound must be the same.
/// `frame` is how many samples one packet plays; `exact`, whether decoders give the same samples.
fn holds(make: &Make, codec: &str, frame: usize, exact: bool) {
    let folder = folder();
    let path = make.file(folder.path());
    let made = render(|| voice(&path), &folder.path().join("rendition.mp4"));
    assert!(!made.picture);
    assert_eq!(field(&made.path, "a:0", "stream=codec_name"), codec, "{}", make.name);
    let reference = reference(&path, folder.path());
    let (left, right) = (packets(&reference, "a:0"), packets(&made.path, "a:0"));
    assert!(left.len() > 5, "{}: {} packets", make.name, left.len());
    assert!(left == right, "{}: {} and {} packets", make.name, left.len(), right.len());
    let (before, after) = (decoded(&path), decoded(&made.path));
    let channels = number(&made.path, "a:0", "stream=channels") as usize;
    let apart = before.len().abs_diff(after.len()) / channels;
    assert!(apart <= frame, "{}: {} and {} samples", make.name, before.len(), after.len());
    let rate = number(&made.path, "a:0", "stream=sample_rate");
    let frames = (before.len() / channels) as f64;
    let apart = (made.seconds * rate - frames).abs();
    assert!(apart <= frame as f64, "{}: {} s, {frames} samples", make.name, made.seconds);
    let common = before.len().min(after.len());
    let differ = before[..common].iter().zip(&after[..common]).filter(|(a, b)| a != b).count();
    assert!(!exact || differ == 0, "{}: {differ} of {common} samples differ", make.name);
}

/// ADTS packets have headers that no MP4 has: ffmpeg takes them off.
fn reference(path: &Path, folder: &Path) -> PathBuf {
    if path.extension().is_none_or(|suffix| suffix != "aac") {
        return path.to_owned();
    }
    let to = folder.join("reference.mp4");
    shell("ffmpeg -nostdin -v error -i $IN -c copy $OUT", path, &to);
    to
}

#[test]
fn mp3_is_copied() {
    for (make, frame) in [
        (make("mp3 8k", "mp3", 8000, "lame --quiet --resample 8 -b 16 $IN $OUT"), 576),
        (stereo("mp3 44k", "mp3", 44_100, "lame --quiet -V 4 $IN $OUT"), 1152),
        (make("mp3 16k cbr", "mp3", 16_000, "lame --quiet -t -b 24 $IN $OUT"), 576),
        (stereo("mp3 mkv", "mkv", 32_000, "ffmpeg -v error -i $IN -c:a mp3 $OUT"), 1152),
        (stereo("mp3 mp4", "mp4", 48_000, "ffmpeg -v error -i $IN -c:a mp3 $OUT"), 1152),
        (make("mp3 wav", "wav", 16_000, "ffmpeg -v error -i $IN -c:a mp3 $OUT"), 576),
    ] {
        holds(&make, "mp3", frame, true);
    }
}

#[test]
fn aac_is_copied() {
    for make in [
        make("adts", "aac", 8000, "ffmpeg -v error -i $IN -c:a aac -b:a 16k $OUT"),
        stereo("m4a", "m4a", 44_100, "ffmpeg -v error -i $IN -c:a aac $OUT"),
        stereo("aac mkv", "mkv", 48_000, "ffmpeg -v error -i $IN -c:a aac $OUT"),
        stereo(
            "aac fragments",
            "mp4",
            48_000,
            "ffmpeg -v error -i $IN -c:a aac -movflags frag_keyframe+empty_moov \
             -frag_duration 500000 $OUT",
        ),
    ] {
        holds(&make, "aac", 1024, true);
    }
}

#[test]
fn opus_is_copied() {
    for make in [
        make("opusenc", "opus", 48_000, "opusenc --quiet --bitrate 24 $IN $OUT"),
        stereo("opusenc 60", "opus", 48_000, "opusenc --quiet --framesize 60 $IN $OUT"),
        make("opus webm", "webm", 48_000, "ffmpeg -v error -i $IN -c:a libopus $OUT"),
        make("opus mp4", "mp4", 48_000, "ffmpeg -v error -i $IN -c:a libopus $OUT"),
        make(
            "opus 5.1",
            "opus",
            48_000,
            "ffmpeg -v error -i $IN -ac 6 -c:a libopus -mapping_family 1 $OUT",
        ),
    ] {
        holds(&make, "opus", 960 * 3, true);
    }
}

#[test]
fn flac_is_copied() {
    for make in [
        make("flac", "flac", 8000, "flac -s -o $OUT $IN"),
        stereo("flac 24", "flac", 48_000, "ffmpeg -v error -i $IN -sample_fmt s32 $OUT"),
        stereo("flac ogg", "ogg", 44_100, "flac -s --ogg -o $OUT $IN"),
        stereo("flac mkv", "mkv", 44_100, "ffmpeg -v error -i $IN -c:a flac $OUT"),
        stereo("flac mp4", "mp4", 44_100, "ffmpeg -v error -i $IN -c:a flac -strict -2 $OUT"),
    ] {
        holds(&make, "flac", 0, true);
    }
}

/// No packaged program writes AMR-WB: the line compiles one.
const AMR_WB: &str = concat!(
    "gcc -O1 -x c -o $OUT.encoder - -lvo-amrwbenc <<'END' || exit 1\n",
    include_str!("../formats/amr_wb.c"),
    "END\n$OUT.encoder 2 0 < $IN > $OUT"
);

#[test]
fn amr_is_copied() {
    let narrow = "sox -V1 -D -R -m -v 1 $IN '|sox -V1 -D -R -r 8000 -n -p synth 4 pinknoise vol \
                  0.05' -t amr-nb -C 7 $OUT";
    holds(&make("amr", "amr", 8000, narrow), "amr_nb", 160, true);
    holds(&make("amr wb", "awb", 16_000, AMR_WB), "amr_wb", 320, true);
    let again = "sox -V1 -D -R -m -v 1 $IN '|sox -V1 -D -R -r 8000 -n -p synth 4 pinknoise vol \
                 0.05' -t amr-nb -C 7 $OUT.amr && ffmpeg -v error -i $OUT.amr -c copy $OUT";
    holds(&make("amr 3gp", "3gp", 8000, again), "amr_nb", 160, true);
}

#[test]
fn encoder_delay_is_trimmed_where_it_is_known() {
    for make in [
        stereo("lame", "mp3", 44_100, "lame --quiet -V 4 $IN $OUT"),
        make("opusenc", "opus", 48_000, "opusenc --quiet --bitrate 24 $IN $OUT"),
        stereo("m4a", "m4a", 44_100, "ffmpeg -v error -i $IN -c:a aac $OUT"),
        make("opus mp4", "mp4", 48_000, "ffmpeg -v error -i $IN -c:a libopus $OUT"),
    ] {
        let folder = folder();
        let path = make.file(folder.path());
        let made = render(|| voice(&path), &folder.path().join("rendition.mp4"));
        // ffmpeg counts edits in milliseconds.
        assert!((made.seconds - SECONDS).abs() < 0.0015, "{}: {} s", make.name, made.seconds);
    }
}
