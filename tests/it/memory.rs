//! Promise 7: memory is a sum, whatever the size; and envelopes of any size open.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use bytes::Bytes;
use reelgate::ingest::BYTES_PER_UPLOAD;
use reelgate::pipeline::BYTES_PER_ASSET;
use reelgate::seal::EnvelopeHeader;

use crate::gateway::{Gateway, PROGRAM, document, ids};

const GIB: u64 = 1 << 30;
const MIB: u64 = 1 << 20;
/// Beyond the sums: what the allocator keeps (more on a busy machine, where more threads hold
/// memory at a time), the embedded WebDAV endpoint, the HTTP client's buffers, and the digests of
/// segments (128 KiB for 2 GiB, held a few times).
const SLACK: u64 = 40 * MIB;

/// Peak resident memory of a process in bytes (VmHWM).
fn peak(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib * 1024)
}

/// Waits for a child and answers its peak memory; it must succeed.
fn run_to_end(mut child: Child, what: &str) -> u64 {
    let mut highest = 0;
    let status = loop {
        highest = peak(child.id()).unwrap_or(0).max(highest);
        if let Some(status) = child.try_wait().expect("a child") {
            break status;
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
    };
    assert!(status.success(), "{what} failed");
    highest
}

/// A WAV of this length, PCM 16 bit mono 8 kHz, as a stream that is made while it is sent.
fn long_wav(data: u64) -> impl futures_util::Stream<Item = Result<Bytes, std::io::Error>> {
    let size = u32::try_from(data).expect("a RIFF length");
    let mut head = Vec::new();
    head.extend_from_slice(b"RIFF");
    head.extend_from_slice(&(size + 36).to_le_bytes());
    head.extend_from_slice(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    head.extend_from_slice(&8000_u32.to_le_bytes());
    head.extend_from_slice(&16_000_u32.to_le_bytes());
    head.extend_from_slice(&[2, 0, 16, 0]);
    head.extend_from_slice(b"data");
    head.extend_from_slice(&size.to_le_bytes());
    let block: Bytes = (0..MIB).map(|at| (at * 7 % 251) as u8).collect::<Vec<u8>>().into();
    let blocks = (0..data / MIB).map(move |_| Ok(block.clone()));
    futures_util::stream::iter(std::iter::once(Ok(Bytes::from(head))).chain(blocks))
}

#[test]
fn memory_of_an_upload_is_constant() {
    let gateway = Gateway::start(&[("OBSERVE__LOG", "warn")]);
    // What a first small call needs is the base.
    let (recording, _) = gateway.push_sample("wav_pcm16_8k_mono.wav");
    gateway.delivered(&recording, "delivered");
    let base = peak(gateway.pid()).expect("a running gateway");

    let mut document = document("wav_pcm16_8k_mono");
    document["id"] = "long".into();
    document["mediaFiles"][0]["mediaId"] = "long.wav".into();
    document["mediaFiles"][0]["stopTime"] = "2026-03-06T09:15:00.000+0000".into();
    let (recording, media) = ids(&document);
    assert!(gateway.declare(&document).status.is_success());
    let body = reqwest::Body::wrap_stream(long_wav(2 * GIB - MIB));
    let answer = gateway.push(&recording, &media, body);
    assert_eq!(answer.status, 201, "{}", String::from_utf8_lossy(&answer.body));
    let status = wait_long(&gateway, &recording);
    assert_eq!(status["state"], "ready", "{status}");
    let highest = peak(gateway.pid()).expect("a running gateway");
    let ceiling = base + (BYTES_PER_UPLOAD + BYTES_PER_ASSET) as u64 + SLACK;
    println!(
        "2 GiB: peak {} MiB, base {} MiB, ceiling {} MiB",
        highest / MIB,
        base / MIB,
        ceiling / MIB
    );
    assert!(highest <= ceiling, "{highest} bytes at the peak, the ceiling is {ceiling}");
}

/// Two GiB take longer than the usual patience.
fn wait_long(gateway: &Gateway, recording: &str) -> serde_json::Value {
    for _ in 0..5 {
        let state =
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| gateway.settled(recording)));
        if let Ok(status) = state {
            return status;
        }
    }
    panic!("the long recording did not become ready")
}

struct Big {
    folder: tempfile::TempDir,
    source: PathBuf,
    digest: String,
}

/// A sparse file of 5 GiB with marks in it, a recipient, and the file's digest by openssl.
fn big() -> Big {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("big.bin");
    let mut file = File::create(&source).unwrap();
    for gib in 0..5 {
        file.seek(SeekFrom::Start(gib * GIB + 12_345)).unwrap();
        file.write_all(format!("mark {gib}").as_bytes()).unwrap();
    }
    file.set_len(5 * GIB + 7).unwrap();
    let made = Command::new("openssl")
        .current_dir(folder.path())
        .args("req -x509 -newkey rsa:2048 -nodes -keyout k.pem -out c.pem -subj /CN=big".split(' '))
        .stderr(Stdio::null())
        .status();
    assert!(made.expect("openssl").success());
    let digest = digest_of(&source);
    Big { folder, source, digest }
}

fn digest_of(path: &Path) -> String {
    let output =
        Command::new("openssl").args(["dgst", "-sha256", "-r"]).arg(path).output().unwrap();
    String::from_utf8(output.stdout).unwrap().split(' ').next().unwrap().to_owned()
}

fn seal(big: &Big, extra: &[&str]) -> PathBuf {
    let sealed = big.folder.path().join("sealed");
    let child = Command::new(PROGRAM)
        .current_dir(big.folder.path())
        .arg("seal")
        .arg(&big.source)
        .arg("-o")
        .arg(&sealed)
        .args(["--recipient", "c.pem"])
        .args(extra)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let highest = run_to_end(child, "seal");
    println!("seal {extra:?} of 5 GiB: peak {} MiB", highest / MIB);
    assert!(highest < 64 * MIB);
    sealed
}

fn open(big: &Big, sealed: &Path, extra: &[&str]) {
    let clear = big.folder.path().join("clear");
    let child = Command::new(PROGRAM)
        .current_dir(big.folder.path())
        .arg("open")
        .arg(sealed)
        .arg("-o")
        .arg(&clear)
        .args(["--key", "k.pem"])
        .args(extra)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let highest = run_to_end(child, "open");
    println!("open {extra:?} of 5 GiB: peak {} MiB", highest / MIB);
    assert!(highest < 64 * MIB);
    assert_eq!(digest_of(&clear), big.digest);
    std::fs::remove_file(clear).unwrap();
}

/// `openssl cms -decrypt` with the content beside the envelope.
fn openssl_opens(big: &Big, form: &str, envelope: &str, content: &str) {
    let clear = big.folder.path().join("clear");
    let output = Command::new("openssl")
        .current_dir(big.folder.path())
        .args(["cms", "-decrypt", "-binary", "-inkey", "k.pem", "-inform", form])
        .args(["-in", envelope, "-content", content, "-out"])
        .arg(&clear)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(digest_of(&clear), big.digest);
    std::fs::remove_file(clear).unwrap();
}

#[test]
fn five_gib_in_gir_form_open_with_openssl_in_constant_memory() {
    let big = big();
    let sealed = seal(&big, &["--mode", "gir", "--pkcs7", "env.pem"]);
    openssl_opens(&big, "PEM", "env.pem", "sealed");
    open(&big, &sealed, &["--pkcs7", "env.pem"]);
}

#[test]
fn five_gib_in_cms_form_open_in_constant_memory() {
    let big = big();
    let sealed = seal(&big, &[]);
    open(&big, &sealed, &[]);
    // OpenSSL reads a message whole, and none over 2 GiB; the same message with its content beside
    // it has no such limit.
    detach(&sealed, &big.folder.path().join("env.der"), &big.folder.path().join("content"));
    std::fs::remove_file(&sealed).unwrap();
    openssl_opens(&big, "DER", "env.der", "content");
}

/// One definite-length element: its tag, its length, and where its content begins.
fn element(bytes: &[u8], at: usize) -> (u8, u64, usize) {
    let first = bytes[at + 1];
    if first < 0x80 {
        return (bytes[at], u64::from(first), at + 2);
    }
    let count = usize::from(first & 0x7f);
    let length = bytes[at + 2..at + 2 + count].iter().fold(0, |sum, b| sum << 8 | u64::from(*b));
    (bytes[at], length, at + 2 + count)
}

fn wrap(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut out = vec![tag, 0x84];
    out.extend_from_slice(&u32::try_from(content.len()).unwrap().to_be_bytes());
    out.extend_from_slice(content);
    out
}

/// Parts an attached AuthEnvelopedData into envelope and content, by hand.
fn detach(sealed: &Path, envelope: &Path, content: &Path) {
    let mut file = File::open(sealed).unwrap();
    let mut head = vec![0; 64 * 1024];
    file.read_exact(&mut head).unwrap();
    let header = EnvelopeHeader::parse(&head).unwrap().expect("a header");
    let (offset, length) = (header.payload_offset(), header.payload_len().expect("a length"));
    let (_, _, content_info) = element(&head, 0);
    let (_, oid_length, oid_at) = element(&head, content_info);
    let oid_end = oid_at + usize::try_from(oid_length).unwrap();
    let (_, _, explicit) = element(&head, oid_end);
    let (_, _, body) = element(&head, explicit);
    let skip = |at: usize| {
        let (_, length, start) = element(&head, at);
        start + usize::try_from(length).unwrap()
    };
    let recipients_end = skip(skip(body));
    let (_, _, inner) = element(&head, recipients_end);
    let algorithm_end = skip(skip(inner));
    let mut tail = Vec::new();
    file.seek(SeekFrom::Start(offset + length)).unwrap();
    file.read_to_end(&mut tail).unwrap();
    let mut enveloped = head[body..recipients_end].to_vec();
    enveloped.extend(wrap(0x30, &head[inner..algorithm_end]));
    enveloped.extend(tail);
    let mut whole = head[content_info..oid_end].to_vec();
    whole.extend(wrap(0xa0, &wrap(0x30, &enveloped)));
    std::fs::write(envelope, wrap(0x30, &whole)).unwrap();
    file.seek(SeekFrom::Start(offset)).unwrap();
    let mut out = File::create(content).unwrap();
    std::io::copy(&mut file.take(length), &mut out).unwrap();
}
