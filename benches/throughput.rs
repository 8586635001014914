//! Throughput of the stages in MB/s, next to the same machine's `openssl speed`.
//!
//! `cargo bench --bench throughput`. Each figure is the median of several runs over one input in
//! memory; compare ratios within one run, not figures of two machines.

use std::io::{Cursor, Read as _, Write as _};
use std::process::Command;
use std::sync::Arc;
use std::time::Instant;

use hound::{SampleFormat, WavSpec, WavWriter};
use reelgate::asset::{AssetId, Hasher, MediaTime, Span, SpanReason};
use reelgate::mask::{MaskPlan, Masker, open_silencer};
use reelgate::media::WavLayout;
use reelgate::seal::{
    Cipher, KeyTransport, PrivateKey, Random, Recipient, Sealer, SystemRandom, generate_recipient,
};
use reelgate::spool::{NodeKey, Spool};

/// Length of the input: 256 MiB of PCM.
const SAMPLES: u32 = 128 << 20;
const RUNS: usize = 5;
const BLOCK: usize = 256 * 1024;

fn main() -> anyhow::Result<()> {
    let wav = sample()?;
    let made = generate_recipient("bench", jiff::Timestamp::now())?;
    let (recipient, _) = Recipient::from_pem(&made.certificate_pem, jiff::Timestamp::now())?;
    PrivateKey::from_pem(&made.private_key_pem)?;
    let megabytes = wav.len() as f64 / 1e6;
    println!("input: {megabytes:.0} MB of PCM in one WAV; medians of {RUNS} runs, MB/s");
    let report = |name: &str, seconds: f64| println!("{name:34} {:8.0}", megabytes / seconds);
    report("mask (8 s of each minute)", median(|| mask(&wav, |_| Ok(())))?);
    report("SHA-256 (one pass)", median(|| digest(&wav))?);
    report("seal aes-256-gcm", median(|| seal(&wav, &recipient, Cipher::Aes256Gcm))?);
    report("seal aes-256-cbc", median(|| seal(&wav, &recipient, Cipher::Aes256Cbc))?);
    report("pipe: spool, mask, check, seal", median(|| pipe(&wav, &recipient))?);
    for algorithm in [vec!["sha256"], vec!["-evp", "aes-256-gcm"], vec!["-evp", "aes-256-cbc"]] {
        let name = format!("openssl speed {}", algorithm.join(" "));
        match openssl_speed(&algorithm) {
            Some(speed) => println!("{name:34} {speed:8.0}"),
            None => println!("{name:34} not measured"),
        }
    }
    Ok(())
}

/// A WAV of noise that hound wrote.
fn sample() -> anyhow::Result<Vec<u8>> {
    let spec = WavSpec {
        channels: 1,
        sample_rate: 8000,
        bits_per_sample: 16,
        sample_format: SampleFormat::Int,
    };
    let mut out = Cursor::new(Vec::new());
    let mut writer = WavWriter::new(&mut out, spec)?;
    let mut samples = writer.get_i16_writer(SAMPLES);
    let mut state = 1_u32;
    for _ in 0..SAMPLES {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        samples.write_sample((state >> 16) as i16);
    }
    samples.flush()?;
    writer.finalize()?;
    Ok(out.into_inner())
}

fn median(mut run: impl FnMut() -> anyhow::Result<()>) -> anyhow::Result<f64> {
    run()?;
    let mut seconds = Vec::with_capacity(RUNS);
    for _ in 0..RUNS {
        let begun = Instant::now();
        run()?;
        seconds.push(begun.elapsed().as_secs_f64());
    }
    seconds.sort_by(f64::total_cmp);
    seconds.get(RUNS / 2).copied().ok_or_else(|| anyhow::anyhow!("no runs"))
}

/// Eight seconds of every minute.
fn plan(duration: MediaTime) -> anyhow::Result<MaskPlan> {
    let spans: Vec<Span> = (0..duration.as_millis() / 60_000)
        .filter_map(|minute| {
            let from = MediaTime::from_millis(minute * 60_000 + 20_000);
            let to = from.saturating_add(MediaTime::from_millis(8000));
            Span::new(from, to, SpanReason::Paused)
        })
        .collect();
    Ok(MaskPlan::from_spans(&spans, duration, MediaTime::ZERO)?)
}

fn mask(wav: &[u8], mut give: impl FnMut(&[u8]) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let mut source = Cursor::new(wav);
    let facts = WavLayout::read(&mut source, wav.len() as u64)?.measured();
    let mut silencer = open_silencer(&mut source, &facts, &plan(facts.duration)?)?;
    let mut out = Vec::with_capacity(BLOCK);
    for block in wav.chunks(BLOCK) {
        silencer.push(block, &mut out)?;
        give(&out)?;
        out.clear();
    }
    silencer.finish(&mut out)?;
    give(&out)
}

fn digest(wav: &[u8]) -> anyhow::Result<()> {
    let mut hasher = Hasher::default();
    wav.chunks(BLOCK).for_each(|block| hasher.update(block));
    std::hint::black_box(hasher.finish());
    Ok(())
}

fn seal(wav: &[u8], recipient: &Recipient, cipher: Cipher) -> anyhow::Result<()> {
    let transport = KeyTransport::RsaOaepSha256;
    let length = wav.len() as u64;
    let mut sealer = Sealer::cms(&[recipient], cipher, transport, length, &SystemRandom)?;
    for block in wav.chunks(BLOCK) {
        std::hint::black_box(sealer.push(block)?);
    }
    std::hint::black_box(sealer.finish()?);
    Ok(())
}

/// Everything between the socket and the store: into the spool, out of it, silence and
/// check, seal.
fn pipe(wav: &[u8], recipient: &Recipient) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let random: Arc<dyn Random> = Arc::new(SystemRandom);
    let key = NodeKey::from_bytes(&zeroize::Zeroizing::new([7; 32]));
    let spool = Spool::open(folder.path(), Arc::new(key), random)?;
    let asset = AssetId::generate();
    let mut writer = spool.create(asset)?;
    for block in wav.chunks(BLOCK) {
        writer.write(block)?;
    }
    writer.finish()?;
    let length = wav.len() as u64;
    let transport = KeyTransport::RsaOaepSha256;
    let cipher = Cipher::Aes256Gcm;
    let mut sealer = Sealer::cms(&[recipient], cipher, transport, length, &SystemRandom)?;
    let mut source = spool.reader(asset)?;
    let facts = WavLayout::read(&mut source, length)?.measured();
    let plan = plan(facts.duration)?;
    let mut masker = Masker::open(&mut source, &facts, &plan)?;
    let (mut block, mut out) = (vec![0; BLOCK], Vec::with_capacity(BLOCK));
    loop {
        let count = source.read(&mut block)?;
        if count == 0 {
            break;
        }
        masker.push(block.get(..count).unwrap_or_default(), &mut out)?;
        std::io::sink().write_all(sealer.push(&out)?.as_bytes())?;
        out.clear();
    }
    std::hint::black_box(masker.finish(&mut out)?);
    std::hint::black_box(sealer.finish()?);
    Ok(())
}

/// MB/s at 16 KiB blocks, as `openssl speed` says.
fn openssl_speed(algorithm: &[&str]) -> Option<f64> {
    let output = Command::new("openssl")
        .args(["speed", "-mr", "-seconds", "1", "-bytes", "16384"])
        .args(algorithm)
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let line = text.lines().find(|line| line.starts_with("+F:"))?;
    Some(line.rsplit(':').next()?.parse::<f64>().ok()? / 1e6)
}
