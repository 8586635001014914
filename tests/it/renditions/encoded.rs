//! What no MP4 holds is FLAC in it, sample by sample as the source.

use super::*;

const fn make(
    name: &'static str,
    suffix: &'static str,
    channels: usize,
    line: &'static str,
) -> Make {
    Make { name, suffix, rate: 8000, channels, line }
}

/// `apart` is how far decoders may differ, in 16-bit steps.
fn holds(make: &Make, apart: i32) {
    let folder = folder();
    let path = make.file(folder.path());
    let made = render(|| voice(&path), &folder.path().join("rendition.mp4"));
    assert_eq!(field(&made.path, "a:0", "stream=codec_name"), "flac", "{}", make.name);
    let (before, after) = (decoded(&path), decoded(&made.path));
    assert_eq!(before.len(), after.len(), "{}", make.name);
    let differ = |(a, b): (&i16, &i16)| (i32::from(*a) - i32::from(*b)).abs();
    let most = before.iter().zip(&after).map(differ).max().unwrap();
    assert!(most <= apart, "{}: samples differ by {most}", make.name);
    let frames = (before.len() / make.channels) as f64;
    assert!((made.seconds * f64::from(make.rate) - frames).abs() < 1.0, "{}", make.name);
    // flac compares the digest in STREAMINFO with what it decodes.
    let native = folder.path().join("native.flac");
    shell("ffmpeg -nostdin -v error -i $IN -c copy $OUT", &made.path, &native);
    let tested = output("flac", &["-s", "-t", native.to_str().unwrap()]);
    assert_eq!(complaints(&tested), "", "{}", make.name);
}

#[test]
fn wave_is_encoded_without_loss() {
    for make in [
        make("pcm 8", "wav", 1, "ffmpeg -v error -i $IN -c:a pcm_u8 $OUT"),
        make("pcm 16", "wav", 2, "cp $IN $OUT"),
        make("pcm 24", "wav", 1, "ffmpeg -v error -i $IN -af volume=0.7 -c:a pcm_s24le $OUT"),
        make("pcm 32 of 16", "wav", 1, "ffmpeg -v error -i $IN -c:a pcm_s32le $OUT"),
        make("float of 16", "wav", 2, "ffmpeg -v error -i $IN -c:a pcm_f32le $OUT"),
        make("rf64", "wav", 2, "ffmpeg -v error -i $IN -c:a pcm_s16le -rf64 always $OUT"),
        make("a-law", "wav", 1, "ffmpeg -v error -i $IN -c:a pcm_alaw $OUT"),
        make("mu-law", "wav", 2, "ffmpeg -v error -i $IN -c:a pcm_mulaw $OUT"),
        make("ima adpcm", "wav", 1, "ffmpeg -v error -i $IN -c:a adpcm_ima_wav $OUT"),
        make("ima adpcm stereo", "wav", 2, "ffmpeg -v error -i $IN -c:a adpcm_ima_wav $OUT"),
        make("ms adpcm", "wav", 1, "ffmpeg -v error -i $IN -c:a adpcm_ms $OUT"),
        make("gsm wav", "wav", 1, "ffmpeg -v error -i $IN -c:a libgsm_ms $OUT"),
        make("gsm raw", "gsm", 1, "ffmpeg -v error -i $IN -c:a libgsm $OUT"),
        Make { rate: 16_000, ..make("g722", "wav", 1, "ffmpeg -v error -i $IN -c:a g722 $OUT") },
        make("ms adpcm stereo", "wav", 2, "ffmpeg -v error -i $IN -c:a adpcm_ms $OUT"),
    ] {
        holds(&make, 0);
    }
}

#[test]
fn other_containers_are_encoded_without_loss() {
    for make in [
        make("alac", "m4a", 2, "ffmpeg -v error -i $IN -c:a alac $OUT"),
        make("pcm mov", "mov", 1, "ffmpeg -v error -i $IN -c:a pcm_s16be $OUT"),
        make("mu-law mov", "mov", 1, "ffmpeg -v error -i $IN -c:a pcm_mulaw $OUT"),
        make("pcm mkv", "mkv", 2, "ffmpeg -v error -i $IN -c:a pcm_s16le $OUT"),
    ] {
        holds(&make, 0);
    }
}

#[test]
fn vorbis_is_decoded_and_encoded() {
    for make in [
        make("vorbis", "ogg", 1, "ffmpeg -v error -i $IN -c:a libvorbis $OUT"),
        make("vorbis mkv", "mkv", 2, "ffmpeg -v error -i $IN -c:a libvorbis $OUT"),
    ] {
        let folder = folder();
        let path = make.file(folder.path());
        let made = render(|| voice(&path), &folder.path().join("rendition.mp4"));
        let (before, mut after) = (decoded(&path), decoded(&made.path));
        // A block more or less at either end, and another rounding. In Matroska the first packet,
        // which decodes to nothing, has its time: ffmpeg leaves that out.
        let apart = before.len().abs_diff(after.len());
        assert!(apart <= 1024 * make.channels, "{}: {apart}", make.name);
        if make.suffix == "mkv" {
            after.drain(..apart);
        }
        let most = before.iter().zip(&after).map(|(a, b)| a.abs_diff(*b)).max().unwrap();
        assert!(most <= 2, "{}: samples differ by {most}", make.name);
    }
}

#[test]
fn what_would_lose_bits_is_refused() {
    let folder = folder();
    for make in [
        make("pcm 32", "wav", 1, "ffmpeg -v error -i $IN -af volume=0.7 -c:a pcm_s32le $OUT"),
        make("float", "wav", 1, "ffmpeg -v error -i $IN -af volume=0.7 -c:a pcm_f32le $OUT"),
    ] {
        let error = Plan::read(voice(&make.file(folder.path()))).err().expect(make.name);
        let text = error.to_string();
        assert!(text.contains("cannot be made") || text.contains("not supported"), "{text}");
    }
}
