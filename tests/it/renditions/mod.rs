//! Promise: a rendition plays as its sources do, and holds their sound and pictures as they are.
//!
//! Foreign encoders make the sources; ffmpeg and ffprobe judge the files.

mod clips;
mod copied;
mod encoded;
mod hostile;
mod shape;
mod together;

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use reelgate::asset::MediaTime;
use reelgate::media::{SNIFF_BYTES, sniff};
use reelgate::play::rendition::{Plan, RenditionError, SourceFile, Sources};
use tempfile::TempDir;

use crate::formats::signal::{conversation, wav};
use crate::formats::tools::{complaints, output, shell};

/// Length of every sound in seconds.
const SECONDS: f64 = 3.3;

/// How a source is made: file suffix, rate and channels of the WAV, shell line.
#[derive(Debug, Clone, Copy)]
struct Make {
    name: &'static str,
    suffix: &'static str,
    rate: u32,
    channels: usize,
    line: &'static str,
}

impl Make {
    fn file(&self, folder: &Path) -> PathBuf {
        let name = self.name.replace(' ', "_");
        let input = folder.join(format!("{name}.source.wav"));
        let samples = conversation(self.rate, self.channels, SECONDS);
        fs::write(&input, wav(&samples, self.rate, self.channels)).unwrap();
        let path = folder.join(format!("{name}.{}", self.suffix));
        shell(self.line, &input, &path);
        path
    }
}

fn source(path: &Path) -> SourceFile {
    let bytes = fs::read(path).unwrap();
    let container = sniff(&bytes[..bytes.len().min(SNIFF_BYTES)]);
    let reader = Box::new(File::open(path).unwrap());
    SourceFile { reader, bytes: bytes.len() as u64, container }
}

fn voice(path: &Path) -> Sources {
    Sources { voice: Some(source(path)), ..Sources::default() }
}

fn screen(path: &Path) -> Sources {
    Sources { screen: Some(source(path)), ..Sources::default() }
}

fn clip(recipe: Sources, from_ms: u64, to_ms: u64) -> Sources {
    let span = (MediaTime::from_millis(from_ms), MediaTime::from_millis(to_ms));
    Sources { clip: Some(span), ..recipe }
}

/// What a plan gives.
struct Rendered {
    path: PathBuf,
    seconds: f64,
    picture: bool,
}

fn bytes_of(recipe: Sources) -> Result<Vec<u8>, RenditionError> {
    let plan = Plan::read(recipe)?;
    let len = plan.len();
    let mut bytes = Vec::new();
    plan.write(&mut |part| {
        bytes.extend_from_slice(part);
        Ok(())
    })?;
    assert_eq!(bytes.len() as u64, len, "the plan's length");
    Ok(bytes)
}

/// Renders twice, and holds the file to all that every rendition must be.
fn render(recipe: impl Fn() -> Sources, path: &Path) -> Rendered {
    let plan = Plan::read(recipe()).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let (seconds, picture) = (plan.duration().as_micros() as f64 / 1e6, plan.has_picture());
    let bytes = bytes_of(recipe()).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    assert!(bytes == bytes_of(recipe()).unwrap(), "other bytes the second time");
    let kinds = top_level(&bytes);
    assert_eq!(kinds, ["ftyp", "moov", "mdat"]);
    fs::write(path, &bytes).unwrap();
    let file = path.to_str().unwrap();
    let probe = output("ffprobe", &["-v", "error", "-show_streams", file]);
    assert_eq!(complaints(&probe), "", "ffprobe of {file}");
    let args = ["-nostdin", "-v", "error", "-xerror", "-i", file, "-f", "null", "-"];
    assert_eq!(complaints(&output("ffmpeg", &args)), "", "ffmpeg of {file}");
    Rendered { path: path.to_owned(), seconds, picture }
}

/// The kinds of the boxes of a file.
fn top_level(bytes: &[u8]) -> Vec<String> {
    let (mut at, mut kinds) = (0, Vec::new());
    while at < bytes.len() {
        let len = u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap()) as usize;
        kinds.push(String::from_utf8(bytes[at + 4..at + 8].to_vec()).unwrap());
        at += len;
    }
    kinds
}

/// A digest of each coded packet of the first stream of a kind (`a`, `v`).
fn packets(path: &Path, kind: &str) -> Vec<String> {
    let file = path.to_str().unwrap();
    let mut args = vec!["-v", "error", "-select_streams"];
    args.push(kind);
    if file.ends_with(".mp4") || file.ends_with(".m4a") {
        args.extend(["-ignore_editlist", "1"]);
    }
    let show = ["-show_data_hash", "md5", "-show_entries", "packet=data_hash", "-of", "csv=p=0"];
    args.extend(show);
    args.push(file);
    let output = output("ffprobe", &args);
    let text = String::from_utf8(output.stdout).unwrap();
    // Side data has fields and lines of its own.
    let fields = text.split([',', '\n']).filter(|field| field.starts_with("MD5:"));
    fields.map(str::to_owned).collect()
}

/// The first sound stream as ffmpeg decodes it to 16 bits.
fn decoded(path: &Path) -> Vec<i16> {
    let file = path.to_str().unwrap();
    let args = ["-nostdin", "-v", "error", "-i", file, "-map", "0:a:0", "-f", "s16le", "-"];
    let output = output("ffmpeg", &args);
    let words = output.stdout.chunks_exact(2);
    words.map(|word| i16::from_le_bytes(word.try_into().unwrap())).collect()
}

/// One field of the first stream of a kind.
fn field(path: &Path, kind: &str, entry: &str) -> String {
    let file = path.to_str().unwrap();
    let args = ["-v", "error", "-select_streams", kind, "-show_entries", entry, "-of", "csv=p=0"];
    let output = output("ffprobe", &[&args[..], &[file]].concat());
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().next().unwrap_or_default().trim_end_matches(',').to_owned()
}

fn number(path: &Path, kind: &str, entry: &str) -> f64 {
    let text = field(path, kind, entry);
    text.parse().unwrap_or_else(|_| panic!("{}: {entry} is {text:?}", path.display()))
}

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}
