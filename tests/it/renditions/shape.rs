//! Peaks are the loudest samples of each thousandth.

use reelgate::play::rendition::{PEAKS, peaks};

use super::*;

/// A tone of 440 Hz whose left channel is as loud as `loud` at each time (0 to 1), the right one
/// half as loud.
fn tone(rate: u32, seconds: f64, loud: impl Fn(f64) -> f64) -> Vec<u8> {
    let count = (seconds * f64::from(rate)) as usize;
    let mut samples = Vec::new();
    for at in 0..count {
        let time = at as f64 / f64::from(rate);
        let sample = (time * 440.0 * std::f64::consts::TAU).sin() * loud(time / seconds);
        samples.extend([sample, sample / 2.0]);
    }
    wav(&samples, rate, 2)
}

fn steps(place: f64) -> f64 {
    [0.2, 0.8, 0.0, 0.5][(place * 4.0) as usize % 4]
}

#[test]
fn peaks_follow_a_known_tone_in_every_codec() {
    let folder = folder();
    let input = folder.path().join("tone.wav");
    // Each point has more than two periods of the tone.
    fs::write(&input, tone(48_000, 6.0, steps)).unwrap();
    for (suffix, line, error) in [
        ("wav", "cp $IN $OUT", 0.001_f64),
        ("flac", "flac -s -o $OUT $IN", 0.001),
        ("mp3", "lame --quiet -b 192 $IN $OUT", 0.05),
        ("m4a", "ffmpeg -v error -i $IN -c:a aac -b:a 192k $OUT", 0.05),
        ("aac", "ffmpeg -v error -i $IN -c:a aac -b:a 192k $OUT", 0.05),
        ("opus", "opusenc --quiet --bitrate 128 $IN $OUT", 0.05),
        ("webm", "ffmpeg -v error -i $IN -c:a libopus -b:a 128k $OUT", 0.05),
        ("ogg", "ffmpeg -v error -i $IN -c:a libvorbis -q 6 $OUT", 0.05),
        ("alac.m4a", "ffmpeg -v error -i $IN -c:a alac $OUT", 0.001),
        ("ima.wav", "ffmpeg -v error -i $IN -c:a adpcm_ima_wav $OUT", 0.05),
        ("mulaw.wav", "ffmpeg -v error -i $IN -c:a pcm_mulaw $OUT", 0.02),
    ] {
        let path = folder.path().join(format!("sound.{suffix}"));
        shell(line, &input, &path);
        let found = peaks(source(&path)).unwrap_or_else(|fault| panic!("{suffix}: {fault}"));
        assert_eq!(found.iter().map(Vec::len).collect::<Vec<_>>(), [PEAKS, PEAKS], "{suffix}");
        for (channel, part) in found.iter().zip([1.0, 0.5]) {
            for (place, point) in channel.iter().enumerate() {
                // Encoders smear a step over a few of the 6 ms points.
                let near = place % 250;
                if !(8..242).contains(&near) {
                    continue;
                }
                let wanted = steps(place as f64 / 1000.0) * part;
                let apart = (f64::from(*point) - wanted).abs();
                let low = if wanted > 0.0 { 2.0 * error } else { 0.0 };
                assert!(apart <= error.max(low * wanted), "{suffix} {place}: {point}, {wanted}");
            }
        }
    }
}

#[test]
fn short_and_silent_sound_has_a_thousand_points_too() {
    let folder = folder();
    for (count, loud) in [(1, 1.0), (999, 0.5), (80_000, 0.0)] {
        let path = folder.path().join("short.wav");
        fs::write(&path, wav(&vec![loud; count], 8000, 1)).unwrap();
        let found = peaks(source(&path)).unwrap();
        assert_eq!((found.len(), found[0].len()), (1, PEAKS));
        let most = found[0].iter().copied().fold(0.0, f32::max);
        assert!((f64::from(most) - loud).abs() < 0.001, "{count}: {most}");
    }
}
