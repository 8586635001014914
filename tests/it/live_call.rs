//! Calls that are recorded while they last: masked, unmasked and declined by the API, with
//! recorders that obey, that only say so, and that say nothing. What is stored is the same.

use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use reelgate::asset::MediaTime;
use reelgate::cli::recorder_sim::{
    Behaviour, Call, CallReport, LiveCall, Recorder, RecorderSettings, Source, StepEvent, Steps,
};
use serde_json::Value;
use tempfile::TempDir;

use crate::gateway::{Gateway, block_on, sample, samples};

/// Where in the media the API is asked, in milliseconds.
const MASK_AT: u64 = 2500;
const UNMASK_AT: u64 = 4500;
const DECLINE_AT: u64 = 8500;
const END_AT: u64 = 10_000;
/// `mask.guard_ms`.
const GUARD: u64 = 500;
/// How long the gateway waits for a recorder that says nothing.
const DEADLINE: &str = "400";
/// How long a call may take in all.
const PATIENCE: Duration = Duration::from_secs(90);

/// How a file is decoded here, and what its coding may change beside a mask.
struct Format {
    extension: &'static str,
    rate: u64,
    /// Longest coded unit, in milliseconds.
    unit: u64,
    /// How far before the guard a coded unit may be silent too, and after it.
    reach: (u64, u64),
    /// Largest difference of samples outside: decoders of Opus carry on what they heard before.
    tolerance: f32,
    /// Loudest sample inside a mask: float decoders of Opus end in a trace below 0.00001 LSB.
    trace: f32,
}

const WAV: Format =
    Format { extension: "wav", rate: 8000, unit: 20, reach: (0, 0), tolerance: 0.0, trace: 0.0 };
const MP3: Format = Format {
    extension: "mp3",
    rate: 8000,
    unit: 72,
    reach: (400, 450),
    tolerance: 0.0,
    trace: 0.0,
};
const OPUS: Format = Format {
    extension: "ogg",
    rate: 48_000,
    unit: 20,
    reach: (50, 1000),
    tolerance: 0.02,
    trace: 3.0e-10,
};

/// An instant of the media between two readings of the recorder's position, in milliseconds.
#[derive(Debug, Clone, Copy)]
struct Between(u64, u64);

/// What the desk was answered, and between which media times.
struct Asked {
    between: Between,
    status: u16,
    answer: Value,
}

/// One call, as its recorder and its desk tell of it.
struct Told {
    report: CallReport,
    asked: Vec<Asked>,
    /// How wrong the gateway may be about the recorder's clock, in milliseconds.
    clock: u64,
}

fn patiently<F: Future>(work: F) -> F::Output {
    let ended = block_on(async { tokio::time::timeout(PATIENCE, work).await });
    ended.expect("calls that end")
}

struct Desk<'g> {
    gateway: &'g Gateway,
    client: reqwest::Client,
}

impl Desk<'_> {
    async fn ask(&self, live: &LiveCall, at: u64, what: &str, user: &str) -> Asked {
        live.reached(MediaTime::from_millis(at)).await;
        let service = "interaction-recording-management-service/v1/interactions";
        let url = format!("{}/{service}/{what}?userId={user}", self.gateway.url);
        let from = live.position().as_millis();
        let request = self.client.post(url).header("Authorization", self.gateway.token());
        let answer = request.send().await.expect("an answer");
        let status = answer.status().as_u16();
        let answer = serde_json::from_str(&answer.text().await.unwrap()).expect("JSON");
        Asked { between: Between(from, live.position().as_millis()), status, answer }
    }

    /// Records a call, masks it, unmasks it, and declines the recording of the rest.
    async fn conduct(&self, name: &str, behaviour: Behaviour, source: Source) -> Told {
        let round_trips = Arc::new(Mutex::new(0));
        let noted = Arc::clone(&round_trips);
        let steps: Steps = Arc::new(move |step| {
            if let StepEvent::Registered { round_trip_ms, .. } = step.event {
                *noted.lock().unwrap() = round_trip_ms;
            }
        });
        let token = self.gateway.token().trim_start_matches("Bearer ").to_owned();
        let settings = RecorderSettings {
            behaviour,
            ..RecorderSettings::new(&self.gateway.url, token.into(), name)
        };
        let recorder = Recorder::start(settings, steps).await.expect("a registered recorder");
        let mut call = Call::of(name);
        call.end_after = Some(MediaTime::from_millis(END_AT));
        let mut live = recorder.record(call, source).await.expect("a declared recording");
        let mut asked = Vec::new();
        for (at, what) in [(MASK_AT, "mask"), (UNMASK_AT, "unmask"), (DECLINE_AT, "do-not-record")]
        {
            asked.push(self.ask(&live, at, what, name).await);
        }
        let report = live.finished().await.expect("an acknowledged call");
        let clock = *round_trips.lock().unwrap();
        Told { report, asked, clock }
    }
}

fn ffmpeg(input: &Path, arguments: &[&str]) -> Vec<u8> {
    let output = Command::new("ffmpeg")
        .args(["-nostdin", "-v", "error", "-i"])
        .arg(input)
        .args(arguments)
        .output()
        .expect("ffmpeg: apt-get install ffmpeg");
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && complaint.is_empty(), "{}: {complaint}", input.display());
    output.stdout
}

fn sound(folder: &TempDir, name: &str, bytes: &[u8]) -> Vec<f32> {
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap();
    let raw = ffmpeg(&path, &["-f", "f32le", "-"]);
    raw.chunks_exact(4).map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap())).collect()
}

fn peak(samples: &[f32]) -> f32 {
    samples.iter().fold(0.0, |peak, sample| peak.max(sample.abs()))
}

fn difference(one: &[f32], other: &[f32]) -> f32 {
    let pairs = one.iter().zip(other);
    pairs.fold(0.0, |most, (one, other)| most.max((one - other).abs()))
}

/// What is stored of one call against what was heard.
struct Judged<'j> {
    format: &'j Format,
    before: &'j [f32],
    after: &'j [f32],
    /// How wrong clocks may be.
    clock: u64,
}

impl Judged<'_> {
    fn part<'s>(&self, samples: &'s [f32], from: u64, to: u64) -> &'s [f32] {
        let at = |ms: u64| usize::try_from(ms * self.format.rate / 1000).unwrap();
        let (from, to) = (at(from).min(samples.len()), at(to).min(samples.len()));
        assert!(from < to, "nothing to judge");
        &samples[from..to]
    }

    fn silent(&self, from: u64, to: u64) {
        assert!(peak(self.part(self.before, from, to)) > 0.05, "nothing was said there");
        let left = peak(self.part(self.after, from, to));
        assert!(left <= self.format.trace, "{from} to {to} ms: up to {left:e}");
    }

    fn same(&self, from: u64, to: u64) {
        let (before, after) = (self.part(self.before, from, to), self.part(self.after, from, to));
        assert!(peak(before) > 0.05, "nothing was said there");
        let most = difference(before, after);
        assert!(most <= self.format.tolerance, "{from} to {to} ms differ by {most}");
    }

    /// Silent from the mask to the unmask, or to the end where the unmask did not hold; the same
    /// elsewhere; ended at the do-not-record.
    fn judge(&self, mask: Between, unmask: Option<Between>, decline: Between) {
        let (slack, unit) = (self.clock + 20, self.format.unit);
        let (reach_before, reach_after) = self.format.reach;
        let reached = |ms: u64, back: u64| ms.saturating_sub(GUARD + slack + unit + back);
        self.same(0, reached(mask.0, reach_before));
        let end = match unmask {
            Some(unmask) => unmask.0 + GUARD - slack,
            None => decline.0 - slack - unit,
        };
        self.silent(mask.1 - GUARD + slack, end);
        if let Some(unmask) = unmask {
            let from = unmask.1 + GUARD + slack + unit + reach_after;
            self.same(from, reached(decline.0, reach_before));
        }
        let stored = self.after.len() as u64 * 1000 / self.format.rate;
        let window = decline.0.saturating_sub(slack + unit)..=decline.1 + slack + unit;
        assert!(window.contains(&stored), "{stored} ms are stored, {decline:?} was declined");
    }
}

/// The times of `paused` and `resume` in the delivered record, in milliseconds of the media.
fn masks(record: &Value, start: &str) -> Vec<(String, i64)> {
    let start: Timestamp = start.parse().unwrap();
    let list = record["mediaFiles"][0]["masks"].as_array().expect("masks in the record");
    let one = |mask: &Value| {
        let time: Timestamp = mask["time"].as_str().unwrap().replace("+0000", "Z").parse().unwrap();
        let kind = mask["type"].as_str().unwrap().to_owned();
        (kind, i64::try_from(time.duration_since(start).as_millis()).unwrap())
    };
    list.iter().map(one).collect()
}

/// Whether a time lies between the readings.
fn near(ms: i64, between: Between, slack: u64) -> bool {
    let edge = |ms: u64| i64::try_from(ms).unwrap();
    ms >= edge(between.0) - edge(slack) && ms <= edge(between.1) + edge(slack)
}

fn judge_call(
    (gateway, folder): (&Gateway, &TempDir),
    format: &Format,
    (name, behaviour): (&str, Behaviour),
    told: &Told,
    before: &[f32],
) {
    let [mask, unmask, decline] = &told.asked[..] else { panic!("three requests") };
    let status = gateway.delivered(&told.report.recording, "delivered");
    let bytes = gateway.stored(status["media"][0]["stored"].as_str().unwrap());
    let after = sound(folder, &format!("{name}.{}", format.extension), &bytes);
    let statuses = [mask.status, unmask.status, decline.status];
    let silent = behaviour == Behaviour::Silent;
    let expected = if silent { [504; 3] } else { [200; 3] };
    assert_eq!(statuses, expected, "{} {}", mask.answer, unmask.answer);
    let unmasked = (!silent).then_some(unmask.between);
    let judged = Judged { format, before, after: &after, clock: told.clock };
    judged.judge(mask.between, unmasked, decline.between);

    let slack = told.clock + 20;
    let record = &status["insertion"];
    let times = masks(record, &told.report.start_time);
    let kinds: Vec<&str> = times.iter().map(|(kind, _)| kind.as_str()).collect();
    // Where the recorder itself ended the file, the record tells what of the call is missing.
    let expected: &[&str] = match behaviour {
        Behaviour::Obey => &["paused", "resume", "paused"],
        Behaviour::Silent => &["paused"],
        _ => &["paused", "resume"],
    };
    assert_eq!(kinds, expected, "{record}");
    for ((kind, at), asked) in times.iter().zip([mask, unmask, decline]) {
        assert!(near(*at, asked.between, slack), "{kind} at {at} ms: {:?}", asked.between);
    }
    let told: Vec<&str> = told.report.commands.iter().map(|one| one.kind.as_str()).collect();
    assert_eq!(told, ["mask", "unmask", "do-not-record"]);
}

/// Three calls at once: with a recorder that obeys, one that only says so, and a silent one.
fn calls_are_kept_as_the_api_said(format: &Format, file: &[u8]) {
    let settings = [("SEAL__MODE", "none"), ("CONTROL__DEADLINE_MS", DEADLINE)];
    let gateway = Gateway::start(&settings);
    let desk = Desk { gateway: &gateway, client: reqwest::Client::new() };
    let cases = [
        ("obeying", Behaviour::Obey),
        ("disobeying", Behaviour::Disobey),
        ("silent", Behaviour::Silent),
    ];
    let told = patiently(async {
        let call = |(name, behaviour)| desk.conduct(name, behaviour, Source::read(file).unwrap());
        let [obeying, disobeying, silent] = cases.map(call);
        let (obeying, disobeying, silent) = tokio::join!(obeying, disobeying, silent);
        [obeying, disobeying, silent]
    });
    let folder = tempfile::tempdir().unwrap();
    let before = sound(&folder, &format!("before.{}", format.extension), file);
    for (case, told) in cases.into_iter().zip(told) {
        judge_call((&gateway, &folder), format, case, &told, &before);
    }
}

#[test]
fn live_wave_is_silent_and_ends_where_the_api_said() {
    calls_are_kept_as_the_api_said(&WAV, &sample("wav_pcm16_8k_mono.wav"));
}

#[test]
fn live_mp3_is_silent_and_ends_where_the_api_said() {
    calls_are_kept_as_the_api_said(&MP3, &sample("mp3_8k_32kbit_call.mp3"));
}

#[test]
fn live_opus_is_silent_and_ends_where_the_api_said() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("call.ogg");
    let made = Command::new("ffmpeg")
        .args(["-nostdin", "-v", "error", "-i"])
        .arg(samples().join("wav_pcm16_8k_mono.wav"))
        .args(["-c:a", "libopus", "-b:a", "24k"])
        .arg(&path)
        .status()
        .expect("ffmpeg: apt-get install ffmpeg");
    assert!(made.success());
    calls_are_kept_as_the_api_said(&OPUS, &std::fs::read(path).unwrap());
}

/// A connection that breaks in the middle loses nothing: the upload goes on where the gateway is.
#[test]
fn a_broken_live_upload_goes_on_where_the_gateway_is() {
    let gateway = Gateway::start(&[("SEAL__MODE", "none")]);
    let token = gateway.token().trim_start_matches("Bearer ").to_owned();
    let file = sample("wav_pcm16_8k_mono.wav");
    let report = patiently(async {
        let settings = RecorderSettings {
            speed: 4,
            ..RecorderSettings::new(&gateway.url, token.into(), "breaking")
        };
        let recorder = Recorder::start(settings, Arc::new(|_| {})).await.unwrap();
        let mut call = Call::of("breaking");
        call.break_at = Some(MediaTime::from_millis(4000));
        let mut live = recorder.record(call, Source::read(&file).unwrap()).await.unwrap();
        live.finished().await.expect("an acknowledged call")
    });
    assert_eq!((report.continued, report.duration_ms), (1, 12_000));
    let status = gateway.delivered(&report.recording, "delivered");
    let stored = gateway.stored(status["media"][0]["stored"].as_str().unwrap());
    assert_eq!(stored.len() as u64, report.bytes);
    assert!(file.ends_with(&stored[stored.len() - 192_000..]));
}
