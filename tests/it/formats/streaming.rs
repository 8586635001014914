//! Promise: a recording of any length is masked as it streams through, in constant memory.

use std::io::{Read as _, Write as _};
use std::ops::Range;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::thread;

use super::ogg;
use super::signal::{conversation, wav};
use super::tools::shell;

const GIB: u64 = 1 << 30;
const MIB: u64 = 1 << 20;
/// Memory that the program may have at most, whatever comes.
const CEILING: u64 = 32 * MIB;
/// Length of the part that is repeated.
const BODY_S: f64 = 60.0;
/// What is masked, in seconds; and how far beyond a changed byte may lie.
const SPANS: [Range<f64>; 2] = [10.0..20.0, 500.0..520.0];
const SLACK_S: f64 = 1.5;

/// A recording that is made while it is read: a beginning, and a part that repeats.
struct Endless {
    head: Vec<u8>,
    part: Box<dyn Fn(u64) -> Vec<u8> + Send + Sync>,
    repeats: u64,
    /// Bytes of one repetition.
    part_len: u64,
}

impl Endless {
    fn new(head: Vec<u8>, part: Box<dyn Fn(u64) -> Vec<u8> + Send + Sync>) -> Self {
        let part_len = part(0).len() as u64;
        Self { head, part, repeats: 2 * GIB / part_len, part_len }
    }

    fn len(&self) -> u64 {
        self.head.len() as u64 + self.repeats * self.part_len
    }

    fn blocks(&self) -> impl Iterator<Item = Vec<u8>> {
        std::iter::once(self.head.clone())
            .chain((0..self.repeats).map(|number| (self.part)(number)))
    }

    /// Where the bytes of this time stand, about.
    fn byte_at(&self, seconds: f64) -> u64 {
        self.head.len() as u64 + (seconds / BODY_S * self.part_len as f64) as u64
    }
}

fn peak(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib * 1024)
}

/// Pipes the recording through the program, and compares what comes out byte by byte.
fn stream(name: &str, recording: Endless) {
    let recording = Arc::new(recording);
    let mut child = Command::new(env!("CARGO_BIN_EXE_reelgate"))
        .args(["mask", "-", "--span", "10s..20s", "--span", "500s..520s", "-o", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program");
    let mut input = child.stdin.take().unwrap();
    let mut errors = child.stderr.take().unwrap();
    let said = thread::spawn(move || {
        let mut text = String::new();
        errors.read_to_string(&mut text).map(|_| text)
    });
    let source = Arc::clone(&recording);
    let writer =
        thread::spawn(move || source.blocks().try_for_each(|block| input.write_all(&block)));
    let mut output = child.stdout.take().unwrap();
    let pid = child.id();
    let (mut highest, mut compared, mut changed) = (0, 0_u64, [0_u64; 2]);
    for expected in recording.blocks() {
        let mut block = vec![0; expected.len()];
        if output.read_exact(&mut block).is_err() {
            break;
        }
        if block != expected {
            let differ = block.iter().zip(&expected).enumerate().filter(|(_, (a, b))| a != b);
            for at in differ.map(|(at, _)| compared + at as u64) {
                let span = SPANS.iter().position(|span| {
                    let from = recording.byte_at(span.start - SLACK_S);
                    (from..recording.byte_at(span.end + SLACK_S)).contains(&at)
                });
                changed[span.unwrap_or_else(|| panic!("{name}: byte {at} changed"))] += 1;
            }
        }
        compared += block.len() as u64;
        highest = peak(pid).unwrap_or(0).max(highest);
    }
    let mut rest = Vec::new();
    output.read_to_end(&mut rest).unwrap();
    let written = writer.join().unwrap();
    let status = child.wait().unwrap();
    let said = said.join().unwrap().unwrap();
    assert!(status.success(), "{name}: {status}: {said}");
    written.unwrap();
    assert_eq!(compared + rest.len() as u64, recording.len(), "{name}: as long as before");
    say!("{name}: {} MiB, peak {} MiB", compared / MIB, highest / MIB);
    for (span, changed) in SPANS.iter().zip(changed) {
        let bytes = recording.byte_at(span.end) - recording.byte_at(span.start);
        assert!(changed > bytes / 2, "{name}: {changed} of {bytes} bytes of {span:?} changed");
    }
    assert!(highest < CEILING, "{name}: {highest} bytes at the peak");
}

/// The conversation of a minute, encoded.
fn minute(folder: &Path, name: &str, rate: u32, line: &str) -> Vec<u8> {
    let (input, output) = (folder.join("minute.wav"), folder.join(name));
    std::fs::write(&input, wav(&conversation(rate, 2, BODY_S), rate, 2)).unwrap();
    shell(line, &input, &output);
    std::fs::read(output).unwrap()
}

#[test]
fn two_gib_of_wav_stream_through_in_constant_memory() {
    let folder = tempfile::tempdir().unwrap();
    let mut head = minute(folder.path(), "a.wav", 44_100, "cp $IN $OUT");
    let body = head.split_off(44);
    let size = u32::try_from(2 * GIB / body.len() as u64 * body.len() as u64).unwrap();
    head[4..8].copy_from_slice(&(size + 36).to_le_bytes());
    head[40..44].copy_from_slice(&size.to_le_bytes());
    stream("WAV", Endless::new(head, Box::new(move |_| body.clone())));
}

#[test]
fn two_gib_of_mp3_stream_through_in_constant_memory() {
    let folder = tempfile::tempdir().unwrap();
    let body = minute(folder.path(), "a.mp3", 44_100, "lame --quiet -t -b 128 $IN $OUT");
    stream("MP3", Endless::new(Vec::new(), Box::new(move |_| body.clone())));
}

#[test]
fn two_gib_of_ogg_opus_stream_through_in_constant_memory() {
    const PACKETS: usize = 50;
    let folder = tempfile::tempdir().unwrap();
    let line = "ffmpeg -v error -i $IN -c:a libopus -application audio -b:a 96k $OUT";
    let file = minute(folder.path(), "a.opus", 48_000, line);
    let mut packets: Vec<_> = ogg::packets(&file).into_iter().map(|packet| packet.bytes).collect();
    let body = packets.split_off(2);
    let head = |kind, number, packet: &[u8]| {
        ogg::page(ogg::PageHead { kind, granule: 0, number }, &[packet])
    };
    let head = [head(2, 0, &packets[0]), head(0, 1, &packets[1])].concat();
    // A minute and no more, in pages of a second.
    let body: Vec<Vec<u8>> = body.into_iter().take(3000).collect();
    let part = move |repeat: u64| -> Vec<u8> {
        let pages = body.chunks(PACKETS).zip(0..);
        let page = |(packets, page): (&[Vec<u8>], u64)| {
            let number = repeat * 60 + page;
            let granule = (number + 1) * PACKETS as u64 * 960;
            let number = u32::try_from(number + 2).unwrap();
            let packets: Vec<_> = packets.iter().map(Vec::as_slice).collect();
            ogg::page(ogg::PageHead { kind: 0, granule, number }, &packets)
        };
        pages.flat_map(page).collect()
    };
    stream("Ogg Opus", Endless::new(head, Box::new(part)));
}
