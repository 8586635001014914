//! Other people's programs: how they are run, and what they decode.

use std::path::Path;
use std::process::{Command, Output};

/// Runs a program to its end; it must exist.
pub(crate) fn output(program: &str, args: &[&str]) -> Output {
    Command::new(program).args(args).output().unwrap_or_else(|error| {
        panic!("{program} is needed for this test (tests/run installs it): {error}")
    })
}

/// Runs a shell line with `$IN` and `$OUT` set; it must succeed.
pub(crate) fn shell(line: &str, input: &Path, to: &Path) {
    let made = Command::new("sh").args(["-c", line]).env("IN", input).env("OUT", to).output();
    let made = made.expect("a shell");
    let errors = String::from_utf8_lossy(&made.stderr);
    assert!(made.status.success(), "{line}: {errors}");
}

/// Interleaved samples (full scale is 1) and what the decoder complained about.
#[derive(Debug, Clone, Default)]
pub(crate) struct Decoded {
    pub(crate) samples: Vec<f64>,
    pub(crate) complaints: String,
}

impl Decoded {
    fn of_f64(output: &Output) -> Self {
        let samples = output.stdout.chunks_exact(8);
        let samples = samples.map(|bytes| f64::from_le_bytes(bytes.try_into().unwrap())).collect();
        Self { samples, complaints: complaints(output) }
    }

    fn of_f32(output: &Output) -> Self {
        let samples = output.stdout.chunks_exact(4);
        let samples =
            samples.map(|bytes| f64::from(f32::from_le_bytes(bytes.try_into().unwrap()))).collect();
        Self { samples, complaints: complaints(output) }
    }
}

/// Standard error without addresses in memory, and the exit status if it is a failure.
pub(crate) fn complaints(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr);
    let mut words: Vec<&str> =
        text.split_whitespace().filter(|word| !word.starts_with("0x")).collect();
    let status = output.status.to_string();
    if !output.status.success() {
        words.push(&status);
    }
    words.join(" ")
}

/// What flac says of a file that has no digest, which a masked one cannot have.
const UNSET: &str = ": WARNING, cannot check MD5 signature since it was unset in the STREAMINFO";

/// A program that decodes a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decoder {
    /// ffmpeg with the decoder it prefers.
    Ffmpeg,
    /// ffmpeg with the given decoder.
    FfmpegWith(&'static str),
    Mpg123,
    /// SoX: libmad for MP3, libgsm, opencore-amr, its own ADPCM.
    Sox,
    Faad,
    Opusdec,
    Flac,
    Oggdec,
}

impl Decoder {
    /// Decodes a file; complaints do not name it.
    pub(crate) fn decode(self, path: &Path) -> Decoded {
        let mut decoded = self.run(path);
        let name = path.file_name().unwrap().to_str().expect("a UTF-8 path");
        decoded.complaints = decoded.complaints.replace(name, "").replace(UNSET, "");
        decoded
    }

    fn run(self, path: &Path) -> Decoded {
        let file = path.to_str().expect("a UTF-8 path");
        let wav = path.with_extension("decoded.wav");
        let wav = wav.to_str().expect("a UTF-8 path");
        let pcm = ["-map", "0:a:0", "-f", "f64le", "-"];
        match self {
            Self::Ffmpeg => {
                let head = ["-nostdin", "-v", "error", "-i", file];
                Decoded::of_f64(&output("ffmpeg", &[&head[..], &pcm].concat()))
            }
            Self::FfmpegWith(codec) => {
                let head = ["-nostdin", "-v", "error", "-c:a", codec, "-i", file];
                Decoded::of_f64(&output("ffmpeg", &[&head[..], &pcm].concat()))
            }
            Self::Mpg123 => Decoded::of_f32(&output("mpg123", &["-q", "-e", "f32", "-s", file])),
            Self::Sox => {
                let args =
                    ["-V1", "-D", file, "-t", "raw", "-e", "floating-point", "-b", "32", "-"];
                Decoded::of_f32(&output("sox", &args))
            }
            Self::Faad => {
                Decoded::of_f32(&output("faad", &["-q", "-f", "2", "-b", "4", "-w", file]))
            }
            Self::Opusdec => written(
                &output("opusdec", &["--quiet", "--float", "--rate", "48000", file, wav]),
                wav,
            ),
            Self::Flac => written(&output("flac", &["-s", "-d", "-f", "-o", wav, file]), wav),
            Self::Oggdec => written(&output("oggdec", &["-Q", "-o", wav, file]), wav),
        }
    }
}

/// The samples of the WAV file that a decoder wrote; the file is removed.
fn written(output: &Output, wav: &str) -> Decoded {
    let complaints = complaints(output);
    let bytes = std::fs::read(wav).unwrap_or_default();
    let _ = std::fs::remove_file(wav);
    Decoded { samples: wav_samples(&bytes), complaints }
}

/// The samples of a PCM 16 or 32 bit float WAV file; as far as the bytes go.
fn wav_samples(bytes: &[u8]) -> Vec<f64> {
    let mut at = 12;
    let mut bits = 16;
    while let Some(head) = bytes.get(at..at + 8) {
        let size = u32::from_le_bytes(head[4..].try_into().unwrap()) as usize;
        let body = &bytes[at + 8..bytes.len().min((at + 8).saturating_add(size))];
        match &head[..4] {
            b"fmt " => bits = u16::from_le_bytes(body[14..16].try_into().unwrap()),
            b"data" if bits == 32 => {
                let words = body.chunks_exact(4);
                return words
                    .map(|word| f64::from(f32::from_le_bytes(word.try_into().unwrap())))
                    .collect();
            }
            b"data" => {
                let words = body.chunks_exact(2);
                return words
                    .map(|word| f64::from(i16::from_le_bytes(word.try_into().unwrap())) / 32_768.0)
                    .collect();
            }
            _ => {}
        }
        at += 8 + size + size % 2;
    }
    Vec::new()
}
