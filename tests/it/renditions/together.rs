//! Voice and screen play on one timeline.

use super::*;

const VIDEO: f64 = 3.0;

/// A screen recording of test pictures, with or without sound.
fn film(folder: &Path, name: &str, options: &str) -> PathBuf {
    let sound = folder.join("film.source.wav");
    fs::write(&sound, wav(&conversation(16_000, 1, VIDEO), 16_000, 1)).unwrap();
    let path = folder.join(name);
    let line = format!(
        "ffmpeg -nostdin -v error -f lavfi -i testsrc2=s=320x240:r=15:d={VIDEO} -i $IN -map 0:v \
         {options} $OUT 2>/dev/null"
    );
    shell(&line, &sound, &path);
    path
}

const X264: &str = "-c:v libx264 -preset veryfast -g 15 -bf 2 -pix_fmt yuv420p";
const X265: &str = "-c:v libx265 -preset ultrafast -bf 3 -pix_fmt yuv420p \
                    -x265-params keyint=15:min-keyint=15:log-level=none";
const VP9: &str = "-c:v libvpx-vp9 -g 15 -deadline realtime -cpu-used 8 -b:v 300k";
const AV1: &str = "-c:v libsvtav1 -preset 12 -g 15 -pix_fmt yuv420p";

fn films() -> Vec<(&'static str, &'static str, String)> {
    vec![
        ("h264", "h264.mp4", X264.to_owned()),
        ("h264", "fragments.mp4", format!("{X264} -movflags frag_keyframe+empty_moov")),
        ("h264", "h264.mkv", X264.to_owned()),
        ("hevc", "h265.mp4", format!("{X265} -tag:v hvc1")),
        ("hevc", "h265.mkv", X265.to_owned()),
        ("vp9", "vp9.webm", VP9.to_owned()),
        ("vp9", "vp9.mp4", VP9.to_owned()),
        ("av1", "av1.webm", AV1.to_owned()),
        ("av1", "av1.mp4", AV1.to_owned()),
        ("vp8", "vp8.webm", "-c:v libvpx -g 15 -deadline realtime -cpu-used 8".to_owned()),
    ]
}

fn call(folder: &Path) -> PathBuf {
    let line = "lame --quiet --resample 16 -b 32 $IN $OUT";
    Make { name: "call", suffix: "mp3", rate: 16_000, channels: 1, line }.file(folder)
}

/// Digests and times of the decoded pictures, in microseconds.
fn pictures(path: &Path) -> Vec<(i64, String)> {
    let args = "-map 0:v:0 -fps_mode passthrough -enc_time_base 1:1000000 -f framemd5 -";
    let head = ["-nostdin", "-v", "error", "-copyts", "-i", path.to_str().unwrap()];
    let args: Vec<&str> = head.into_iter().chain(args.split(' ')).collect();
    let text = String::from_utf8(output("ffmpeg", &args).stdout).unwrap();
    let mut found = Vec::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let fields: Vec<_> = line.split(',').map(str::trim).collect();
        found.push((fields[2].parse().unwrap(), fields[5].to_owned()));
    }
    found.sort();
    found
}

#[test]
fn every_coding_of_pictures_is_copied_beside_the_voice() {
    let folder = folder();
    let call = call(folder.path());
    for (codec, name, options) in films() {
        let film = film(folder.path(), name, &options);
        let recipe = || Sources { voice: Some(source(&call)), ..screen(&film) };
        let made = render(recipe, &folder.path().join(format!("{name}.rendition.mp4")));
        assert!(made.picture);
        if codec != "vp8" {
            assert_eq!(field(&made.path, "v:0", "stream=codec_name"), codec, "{name}");
        }
        assert_eq!(field(&made.path, "a:0", "stream=codec_name"), "mp3", "{name}");
        assert!(packets(&film, "v:0") == packets(&made.path, "v:0"), "{name}: packets");
        assert!(packets(&call, "a:0") == packets(&made.path, "a:0"), "{name}: packets of sound");
        let (before, after) = (pictures(&film), pictures(&made.path));
        assert_eq!((before.len(), after.len()), (45, 45), "{name}");
        let zero = (before[0].0, after[0].0);
        for (left, right) in before.iter().zip(&after) {
            assert_eq!(left.1, right.1, "{name}: the picture at {}", left.0);
            // Matroska rounds to milliseconds.
            let apart = ((left.0 - zero.0) - (right.0 - zero.1)).abs();
            assert!(apart <= 1000, "{name}: {} at {}", left.0, right.0);
        }
        let keys = |path: &Path| {
            let file = path.to_str().unwrap();
            let args = ["-v", "error", "-select_streams", "v:0", "-show_entries", "packet=flags"];
            let found = output("ffprobe", &[&args[..], &["-of", "csv=p=0", file]].concat());
            String::from_utf8(found.stdout).unwrap().matches('K').count()
        };
        assert_eq!(keys(&film), keys(&made.path), "{name}: key frames");
        let longest = decoded(&call).len() as f64 / 16_000.0;
        assert!((made.seconds - longest).abs() < 0.1, "{name}: {} s", made.seconds);
    }
}

#[test]
fn what_begins_later_is_shown_later() {
    let folder = folder();
    let call = call(folder.path());
    for name in ["h264.mp4", "h264.mkv"] {
        let film = film(folder.path(), name, X264);
        for (offset_us, sound, shown) in
            [(0, 0.0, 0.0), (750_000, 0.0, 0.75), (-1_250_000, 1.25, 0.0), (40_000, 0.0, 0.04)]
        {
            let recipe = || Sources {
                voice: Some(source(&call)),
                screen_offset_us: offset_us,
                ..screen(&film)
            };
            let made = render(recipe, &folder.path().join("rendition.mp4"));
            let starts = |kind| number(&made.path, kind, "stream=start_time");
            assert!((starts("a:0") - sound).abs() < 0.001, "{offset_us}: {}", starts("a:0"));
            assert!((starts("v:0") - shown).abs() < 0.001, "{offset_us}: {}", starts("v:0"));
            let first = pictures(&made.path)[0].0;
            assert!((first as f64 / 1e6 - shown).abs() < 0.002, "{offset_us}: first {first} us");
            // Sound of the call, as far into the file as it begins later.
            let (before, after) = (decoded(&call), decoded(&made.path));
            assert_eq!(before.len(), after.len());
        }
    }
}

#[test]
fn the_sound_of_the_screen_is_heard_only_without_a_voice() {
    let folder = folder();
    let call = call(folder.path());
    for (name, codec, coded, options) in [
        ("aac.mp4", "aac", "aac", format!("{X264} -map 1:a -c:a aac")),
        ("opus.webm", "opus", "opus", format!("{VP9} -map 1:a -c:a libopus")),
        ("vorbis.mkv", "vorbis", "flac", format!("{X264} -map 1:a -c:a libvorbis")),
    ] {
        let film = film(folder.path(), name, &options);
        let alone = render(|| screen(&film), &folder.path().join("alone.mp4"));
        assert!(alone.picture);
        assert_eq!(field(&film, "a:0", "stream=codec_name"), codec);
        assert_eq!(field(&alone.path, "a:0", "stream=codec_name"), coded, "{name}");
        let times =
            |path: &Path| ["a:0", "v:0"].map(|kind| number(path, kind, "stream=start_time"));
        let ([a, v], [x, y]) = (times(&film), times(&alone.path));
        assert!(((a.max(0.0) - v) - (x - y)).abs() < 0.03, "{name}: {a} {v} became {x} {y}");
        let recipe = || Sources { voice: Some(source(&call)), ..screen(&film) };
        let both = render(recipe, &folder.path().join("both.mp4"));
        assert_eq!(field(&both.path, "a:0", "stream=codec_name"), "mp3", "{name}");
        assert_eq!(field(&both.path, "a:1", "stream=codec_name"), "", "{name}");
        // A file with pictures may also be the voice: then nothing is shown.
        let heard = render(|| voice(&film), &folder.path().join("heard.mp4"));
        assert!(!heard.picture);
    }
}
