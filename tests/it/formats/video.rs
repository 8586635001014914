//! Pictures: none of the span is left, every other one is as in the source and at its time.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use reelgate::asset::{MediaTime, Span};
use reelgate::media::Measured;

use super::harness::seed;
use super::judge::{Law, Pair, Tail};
use super::masked::{facts_of, mask, spans};
use super::probe::{
    FRAMES_PER_SECOND, Packet, Picture, packets, pictures, seconds, start_of_sound,
};
use super::signal::{Random, conversation, wav};
use super::tools::{Decoder, shell};

const SECONDS: f64 = 14.0;
const FILES: usize = 102;
const SPANS: usize = 3;
/// Bytes of a removed picture that may not stand where they stood.
const WINDOW: usize = 16;

/// One way of encoding pictures, and sound if there is a law for it.
struct Film {
    name: &'static str,
    suffix: &'static str,
    /// Output options of ffmpeg; the inputs are pictures (0) and sound (1).
    options: &'static str,
    /// Pictures before the span that may be lost, because later ones are coded before them.
    early: usize,
    /// The key frame after the span up to which pictures may be lost: the second one where the
    /// index of an MP4 has no room for a gap that ends at the first.
    key: usize,
    sound: Option<(Law, Decoder)>,
}

/// Six milliseconds at 48 kHz: Matroska rounds times.
const ROUNDED: usize = 6 * 48;
const AAC: Option<(Law, Decoder)> = Some((Law::exact(2047, 2047), Decoder::Ffmpeg));
const AAC_MKV: Option<(Law, Decoder)> =
    Some((Law::exact(2047 + ROUNDED, 2047 + ROUNDED), Decoder::Ffmpeg));
const OPUS: Option<(Law, Decoder)> = Some((
    Law::exact(288 + 960 + ROUNDED, 2 * 960 + ROUNDED).tail(Tail::Settles {
        within: 900 * 48,
        decibel: 30.0,
        exact: None,
    }),
    Decoder::FfmpegWith("libopus"),
));

/// How many pictures earlier a hidden one may have been coded, and one more.
const VP9: usize = 26;
const AV1: usize = 49;

const X264: &str = "-c:v libx264 -preset veryfast -g 15 -bf 2 -pix_fmt yuv420p";

#[test]
fn pictures_in_mp4_are_gone_inside_and_identical_outside() {
    let films = [
        film("h264 mp4", "mp4", X264, 4, None),
        film("h264 aac mp4", "mp4", "X264 -c:a aac -aac_pns 0 -ar 48000", 4, AAC),
        film(
            "h264 fmp4",
            "mp4",
            "X264 -movflags frag_keyframe+empty_moov+default_base_moof",
            4,
            None,
        ),
        Film {
            key: 1,
            ..film(
                "h265 open gop mp4",
                "mp4",
                "-c:v libx265 -preset ultrafast -bf 3 -pix_fmt yuv420p \
                 -x265-params keyint=15:min-keyint=15:open-gop=1:log-level=none",
                6,
                None,
            )
        },
        film("av1 mp4", "mp4", "-c:v libsvtav1 -preset 12 -g 15 -pix_fmt yuv420p", AV1, None),
    ];
    judge_all("Video in MP4", &films);
}

#[test]
fn pictures_in_matroska_are_gone_inside_and_identical_outside() {
    let films = [
        film(
            "vp8 webm",
            "webm",
            "-c:v libvpx -g 15 -deadline realtime -cpu-used 8 -b:v 300k",
            1,
            None,
        ),
        film(
            "vp9 opus webm",
            "webm",
            "-c:v libvpx-vp9 -g 15 -deadline realtime -cpu-used 8 -b:v 300k \
             -c:a libopus -b:a 24k -ar 48000",
            VP9,
            OPUS,
        ),
        film(
            "vp9 hidden frames webm",
            "webm",
            "-c:v libvpx-vp9 -g 15 -deadline good -cpu-used 8 -auto-alt-ref 1 -lag-in-frames 16 \
             -b:v 300k",
            VP9,
            None,
        ),
        film("av1 webm", "webm", "-c:v libsvtav1 -preset 12 -g 15 -pix_fmt yuv420p", AV1, None),
        film("h264 aac mkv", "mkv", "X264 -c:a aac -aac_pns 0 -ar 48000", 4, AAC_MKV),
        film(
            "h265 mkv",
            "mkv",
            "-c:v libx265 -preset ultrafast -bf 3 -pix_fmt yuv420p \
             -x265-params keyint=15:min-keyint=15:open-gop=0:log-level=none",
            6,
            None,
        ),
    ];
    judge_all("Video in Matroska", &films);
}

const fn film(
    name: &'static str,
    suffix: &'static str,
    options: &'static str,
    early: usize,
    sound: Option<(Law, Decoder)>,
) -> Film {
    Film { name, suffix, options, early, key: 0, sound }
}

fn judge_all(name: &str, films: &[Film]) {
    let only = std::env::var("REELGATE_VARIANT").ok();
    let folder = tempfile::tempdir().unwrap();
    let sound = folder.path().join("sound.wav");
    fs::write(&sound, wav(&conversation(48_000, 1, SECONDS), 48_000, 1)).unwrap();
    let (seed, files) = (seed(), FILES.div_ceil(films.len()));
    say!("{name}: REELGATE_SEED={seed}");
    let (mut all, mut failed) = (0, Vec::new());
    for film in films {
        if only.as_ref().is_some_and(|only| !film.name.contains(only.as_str())) {
            continue;
        }
        let mut random = Random::named(seed, film.name);
        let mut faults = Vec::new();
        let (mut judged, mut earliest) = (0, 0);
        match Source::of(film, &sound, folder.path()) {
            Err(fault) => faults.push(fault),
            Ok(source) => {
                for file in 0..files {
                    match source.try_spans(film, &mut random, &mut earliest) {
                        Ok(count) => judged += count,
                        Err(fault) => {
                            faults.push(format!("file {file}: {fault}"));
                            if fault.starts_with("held back") {
                                break;
                            }
                        }
                    }
                }
            }
        }
        say!(
            "{}: {judged} spans, pictures lost before {earliest} (limit {}), faults {}",
            film.name,
            film.early,
            faults.len()
        );
        all += judged;
        failed.extend(faults.into_iter().take(4).map(|fault| format!("{}: {fault}", film.name)));
    }
    say!("{name}: {all} spans");
    assert!(failed.is_empty(), "{name} (REELGATE_SEED={seed}):\n{}", failed.join("\n"));
}

struct Source {
    path: PathBuf,
    bytes: Vec<u8>,
    facts: Measured,
    pictures: Vec<Picture>,
    packets: Vec<Packet>,
    seconds: String,
    complaints: String,
    sound: Option<Vec<f64>>,
}

impl Source {
    fn of(film: &Film, sound: &Path, folder: &Path) -> Result<Self, String> {
        let path = folder.join(format!("{}.{}", film.name.replace(' ', "_"), film.suffix));
        let options = film.options.replace("X264", X264);
        let sound_map = if film.sound.is_some() { "-map 1:a" } else { "" };
        let line = format!(
            "ffmpeg -nostdin -v error -f lavfi -i testsrc2=s=160x120:r={FRAMES_PER_SECOND}:\
             d={SECONDS} -i $IN -map 0:v {sound_map} {options} $OUT 2>/dev/null"
        );
        shell(&line, sound, &path);
        let bytes = fs::read(&path).unwrap();
        let facts = facts_of(&bytes)?;
        let (pictures, complaints) = pictures(&path);
        let hashes: BTreeSet<_> = pictures.iter().map(|picture| &picture.hash).collect();
        assert!(hashes.len() == pictures.len() && hashes.len() > 200, "{}", film.name);
        let packets = packets(&path);
        assert!(packets.iter().filter(|packet| packet.key).count() > 8, "{}", film.name);
        let sound = film.sound.map(|(_, decoder)| decoder.decode(&path).samples);
        let seconds = seconds(&path);
        Ok(Self { path, bytes, facts, pictures, packets, seconds, complaints, sound })
    }

    fn try_spans(
        &self,
        film: &Film,
        random: &mut Random,
        earliest: &mut usize,
    ) -> Result<usize, String> {
        let spans = spans(random, SPANS, self.facts.duration.as_micros() as f64 / 1e6, 1.6);
        let masked = mask(&self.bytes, &self.facts, &spans, random)?;
        let path = self.path.with_file_name(format!("masked.{}", film.suffix));
        fs::write(&path, &masked).unwrap();
        let (left, said) = pictures(&path);
        if said != self.complaints {
            return Err(format!("ffmpeg says: {said} ({spans:?})"));
        }
        if seconds(&path) != self.seconds {
            return Err(format!("{} s became {} s ({spans:?})", self.seconds, seconds(&path)));
        }
        self.judge_pictures(&left, &spans, film, earliest)?;
        self.bytes_are_gone(&masked, &spans)?;
        if let (Some((law, decoder)), Some(source)) = (film.sound, &self.sound) {
            let heard = decoder.decode(&path);
            let start = start_of_sound(&path);
            let rate = 48_000;
            let to_sample = |time: MediaTime| {
                let at = (time.as_micros() as f64 / 1e6 - start) * f64::from(rate);
                (at.max(0.0) as usize).min(source.len())
            };
            let ranges: Vec<_> = spans
                .iter()
                .map(|span| {
                    let last = span.to >= self.facts.duration;
                    to_sample(span.from)..if last { source.len() } else { to_sample(span.to) }
                })
                .filter(|range| !range.is_empty())
                .collect();
            let pair = Pair { source, masked: &heard.samples, channels: 1, rate };
            pair.judge(&ranges, &law).map_err(|faults| format!("sound: {}", faults.join("; ")))?;
        }
        Ok(spans.len())
    }

    fn judge_pictures(
        &self,
        left: &[Picture],
        spans: &[Span],
        film: &Film,
        earliest: &mut usize,
    ) -> Result<(), String> {
        let hashes: BTreeSet<_> = left.iter().map(|picture| &picture.hash).collect();
        let source: BTreeMap<_, _> =
            self.pictures.iter().map(|picture| (&picture.hash, picture.from_us)).collect();
        let from_start = spans[0].from == MediaTime::ZERO;
        for picture in left {
            match source.get(&picture.hash) {
                // Nothing was kept before it that could be shown instead.
                Some(_) if from_start && picture.from_us == 0 => {}
                None => return Err(format!("a new picture at {} us", picture.from_us)),
                Some(at) if *at != picture.from_us => {
                    return Err(format!("the picture of {at} us at {} us", picture.from_us));
                }
                Some(_) => {}
            }
        }
        let mut may_go: Vec<(i64, i64)> = Vec::new();
        for span in spans {
            let (from, to) = micros(span);
            // A picture that is still shown when the span begins was taken before it.
            let touched = |picture: &&Picture| (from..to).contains(&picture.from_us);
            if let Some(seen) =
                self.pictures.iter().filter(touched).find(|picture| hashes.contains(&picture.hash))
            {
                return Err(format!("the picture of {} us is in {span:?}", seen.from_us));
            }
            let keys = self.packets.iter().filter(|packet| packet.key && packet.from_us >= to);
            let keys: BTreeSet<i64> = keys.map(|packet| packet.from_us).collect();
            let next = keys.into_iter().nth(film.key).unwrap_or(i64::MAX);
            let before: Vec<_> =
                self.pictures.iter().filter(|picture| picture.to_us <= from).collect();
            // Up to the next key frame after the span before, pictures are gone on its account.
            let others = may_go.iter().map(|(_, next)| *next).max().unwrap_or(i64::MIN);
            let gone =
                |picture: &&&Picture| !hashes.contains(&picture.hash) && picture.from_us >= others;
            let lost = before.iter().rev().take_while(gone).count();
            let reach = before.len().saturating_sub(film.early);
            may_go.push((before.get(reach).map_or(from, |picture| picture.from_us), next));
            if before.len() > lost {
                *earliest = (*earliest).max(lost);
            }
        }
        let kept = |picture: &&Picture| {
            !may_go.iter().any(|(from, next)| (*from..*next).contains(&picture.from_us))
        };
        let mut wanted = self.pictures.iter().filter(kept);
        match wanted.find(|picture| !hashes.contains(&picture.hash)) {
            Some(lost) => Err(format!("the picture of {} us is lost ({spans:?})", lost.from_us)),
            None => Ok(()),
        }
    }

    /// No sixteen bytes of a picture inside a span stand where they stood.
    fn bytes_are_gone(&self, masked: &[u8], spans: &[Span]) -> Result<(), String> {
        for packet in &self.packets {
            let inside = |span: &Span| {
                let (from, to) = micros(span);
                packet.from_us >= from && packet.from_us < to
            };
            if !spans.iter().any(inside) {
                continue;
            }
            // Behind the header of a Matroska block, of which `at` is the start.
            let end = (packet.at + packet.size).min(masked.len());
            let mut at = packet.at + WINDOW;
            while at + WINDOW <= end {
                let was = &self.bytes[at..at + WINDOW];
                let plain = was.iter().all(|byte| *byte == was[0]);
                if !plain && masked[at..at + WINDOW] == *was {
                    return Err(format!("bytes {at} of the picture of {} us", packet.from_us));
                }
                at += WINDOW;
            }
        }
        Ok(())
    }
}

fn micros(span: &Span) -> (i64, i64) {
    let micros = |time: MediaTime| i64::try_from(time.as_micros()).unwrap_or(i64::MAX);
    (micros(span.from), micros(span.to))
}
