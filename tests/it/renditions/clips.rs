//! A statement is its span of the recording, and little around it.

use super::*;

const FROM: u64 = 1100;
const TO: u64 = 2350;

/// `around` is how many samples of one channel may be in the file beyond the span.
fn holds(make: &Make, around: usize, settles: usize) {
    let folder = folder();
    let path = make.file(folder.path());
    let made = render(|| clip(voice(&path), FROM, TO), &folder.path().join("clip.mp4"));
    assert!((made.seconds - (TO - FROM) as f64 / 1e3).abs() < 0.001, "{}", make.name);
    let (whole, part) = (decoded(&path), decoded(&made.path));
    let rate = number(&made.path, "a:0", "stream=sample_rate") as usize;
    let place = |ms: u64| ms as usize * rate / 1000 * make.channels;
    let wanted = &whole[place(FROM)..place(TO)];
    let apart = part.len().abs_diff(wanted.len()) / make.channels;
    assert!(apart <= around, "{}: {} and {} samples", make.name, wanted.len(), part.len());
    let common = wanted.len().min(part.len());
    let settled = settles * make.channels..common;
    let most = wanted[settled.clone()].iter().zip(&part[settled]).map(|(a, b)| a.abs_diff(*b));
    let most = most.max().unwrap();
    assert!(most <= 2, "{}: samples differ by {most}", make.name);
    // What is in the file, played or not.
    let file = made.path.to_str().unwrap();
    let args = ["-v", "error", "-ignore_editlist", "1", "-show_entries", "packet=duration_time"];
    let packets = output("ffprobe", &[&args[..], &["-of", "csv=p=0", file]].concat());
    let text = String::from_utf8(packets.stdout).unwrap();
    let seconds: f64 =
        text.lines().filter_map(|line| line.trim_end_matches(',').parse::<f64>().ok()).sum();
    let most = (TO - FROM) as f64 / 1e3 + around as f64 / rate as f64;
    assert!(seconds <= most + 0.001, "{}: {seconds} s in the file", make.name);
}

#[test]
fn a_clip_of_sound_is_the_span() {
    let make = |name, suffix, rate, line| Make { name, suffix, rate, channels: 1, line };
    holds(&make("pcm", "wav", 8000, "cp $IN $OUT"), 0, 0);
    holds(&make("mu-law", "wav", 8000, "ffmpeg -v error -i $IN -c:a pcm_mulaw $OUT"), 0, 0);
    holds(&make("vorbis", "ogg", 16_000, "ffmpeg -v error -i $IN -c:a libvorbis $OUT"), 0, 0);
    holds(&make("flac", "flac", 8000, "flac -s -b 512 -o $OUT $IN"), 1024, 0);
    holds(&make("mp3", "mp3", 16_000, "lame --quiet -b 32 $IN $OUT"), 576 * 6, 0);
    holds(
        &make("aac", "m4a", 16_000, "ffmpeg -v error -i $IN -c:a aac -aac_pns 0 $OUT"),
        1024 * 3,
        0,
    );
}

#[test]
fn a_clip_of_opus_settles_within_its_preroll() {
    let line = "opusenc --quiet --bitrate 24 $IN $OUT";
    let make = Make { name: "opus", suffix: "opus", rate: 48_000, channels: 1, line };
    let folder = folder();
    let path = make.file(folder.path());
    let made = render(|| clip(voice(&path), FROM, TO), &folder.path().join("clip.mp4"));
    let (whole, part) = (decoded(&path), decoded(&made.path));
    let wanted = &whole[FROM as usize * 48..TO as usize * 48];
    assert!(part.len().abs_diff(wanted.len()) <= 960, "{} samples", part.len());
    // A decoder that began later hears almost the same.
    let energy = |samples: &[i16]| samples.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>();
    let rest: Vec<i16> = wanted.iter().zip(&part).map(|(a, b)| a.saturating_sub(*b)).collect();
    assert!(energy(&rest) < energy(wanted) / 50.0, "{} of {}", energy(&rest), energy(wanted));
}

#[test]
fn a_clip_of_voice_and_screen_keeps_step() {
    let folder = folder();
    let call = folder.path().join("call.wav");
    fs::write(&call, wav(&conversation(8000, 1, SECONDS), 8000, 1)).unwrap();
    for suffix in ["mp4", "mkv"] {
        let film = folder.path().join(format!("film.{suffix}"));
        let line = "ffmpeg -nostdin -v error -f lavfi -i testsrc2=s=320x240:r=20:d=3 -c:v libx264 \
                    -preset veryfast -g 10 -bf 2 -pix_fmt yuv420p $OUT";
        shell(line, &call, &film);
        let recipe =
            || Sources { voice: Some(source(&call)), screen_offset_us: 100_000, ..screen(&film) };
        let made = render(|| clip(recipe(), 1000, 2000), &folder.path().join("clip.mp4"));
        assert!((made.seconds - 1.0).abs() < 0.001);
        assert_eq!(decoded(&made.path), decoded(&call)[8000..16_000]);
        // At 1.0 s of the voice, the screen is at 0.9 s: picture 18 of 20 a second, key frame 10.
        let (all, some) = (packets(&film, "v:0"), packets(&made.path, "v:0"));
        assert_eq!(some[0], all[10], "the key frame before the clip");
        assert!(some.len() <= 32, "{} packets", some.len());
        let start = number(&made.path, "v:0", "stream=start_time");
        assert!(start.abs() < 0.051, "{suffix}: {start}");
        // A clip before the screen begins shows it later.
        let early = render(|| clip(recipe(), 0, 500), &folder.path().join("early.mp4"));
        let start = number(&early.path, "v:0", "stream=start_time");
        assert!((start - 0.1).abs() < 0.002, "{suffix}: {start}");
        // After its end there is the voice alone.
        let late = render(|| clip(recipe(), 3150, 3300), &folder.path().join("late.mp4"));
        assert!(!late.picture);
    }
    let error = bytes_of(clip(voice(&call), 9000, 9500)).unwrap_err();
    assert!(matches!(error, RenditionError::OutsideClip { .. }), "{error}");
    assert!(bytes_of(clip(voice(&call), 2000, 2000)).is_err());
    assert!(bytes_of(clip(voice(&call), 2000, 1000)).is_err());
}
