//! What ffmpeg and ffprobe say of pictures.

use std::path::Path;
use std::process::Command;

use super::tools::{complaints, output};

/// Of every film.
pub(crate) const FRAMES_PER_SECOND: f64 = 15.0;

/// A decoded picture.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Picture {
    pub(crate) from_us: i64,
    pub(crate) to_us: i64,
    pub(crate) hash: String,
}

/// A coded picture: when it is shown, and where it stands.
#[derive(Debug)]
pub(crate) struct Packet {
    pub(crate) from_us: i64,
    pub(crate) key: bool,
    pub(crate) at: usize,
    pub(crate) size: usize,
}

/// Every decoded picture with its container time, and what ffmpeg complained about.
pub(crate) fn pictures(path: &Path) -> (Vec<Picture>, String) {
    let output = Command::new("ffmpeg")
        .args(["-nostdin", "-v", "error", "-copyts", "-i"])
        .arg(path)
        .args("-map 0:v:0 -fps_mode passthrough -enc_time_base 1:1000000 -f framemd5 -".split(' '))
        .output()
        .expect("ffmpeg");
    let said = complaints(&output);
    let text = String::from_utf8(output.stdout).unwrap();
    let mut found = Vec::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let fields: Vec<_> = line.split(',').map(str::trim).collect();
        let from_us = fields[2].parse().unwrap();
        found.push(Picture { from_us, to_us: i64::MAX, hash: fields[5].to_owned() });
    }
    found.sort();
    let frame = (1e6 / FRAMES_PER_SECOND) as i64;
    for at in 0..found.len() {
        let next = found.get(at + 1).map_or(i64::MAX, |next| next.from_us);
        found[at].to_us = next.min(found[at].from_us + frame);
    }
    (found, said)
}

pub(crate) fn packets(path: &Path) -> Vec<Packet> {
    let file = path.to_str().unwrap();
    let entries = "packet=pts_time,size,pos,flags";
    let args =
        ["-v", "error", "-select_streams", "v:0", "-show_entries", entries, "-of", "csv=p=0"];
    let output = output("ffprobe", &[&args[..], &[file]].concat());
    let text = String::from_utf8(output.stdout).unwrap();
    let mut all = Vec::new();
    for line in text.lines() {
        let fields: Vec<_> = line.split(',').collect();
        all.push(Packet {
            from_us: (fields[0].parse::<f64>().unwrap() * 1e6).round() as i64,
            size: fields[1].parse().unwrap(),
            at: fields[2].parse().unwrap(),
            key: fields[3].starts_with('K'),
        });
    }
    all
}

fn probed(path: &Path, entry: &str, stream: &str) -> String {
    let file = path.to_str().unwrap();
    let args = ["-v", "error", "-select_streams", stream, "-show_entries", entry];
    let output = output("ffprobe", &[&args[..], &["-of", "csv=p=0", file]].concat());
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

pub(crate) fn seconds(path: &Path) -> String {
    probed(path, "format=duration", "v:0")
}

/// When the first decoded sample sounds, in seconds of the container.
pub(crate) fn start_of_sound(path: &Path) -> f64 {
    probed(path, "stream=start_time", "a:0").parse::<f64>().unwrap_or(0.0).max(0.0)
}
