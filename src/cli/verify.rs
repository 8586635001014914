//! `reelgate verify`: holds a stored object to its signed manifest, and with a private key also
//! its content to the manifest's digest.

use std::io::Read as _;
use std::path::PathBuf;

use anyhow::{Context as _, bail, ensure};
use clap::Args;
use serde_json::{Value, json};

use super::files;
use super::output::Output;
use crate::asset::{Digest, Hasher};
use crate::pipeline::{MANIFEST_TYPE, Manifest};
use crate::seal::{Opener, PrivateKey, SystemRandom, VerifyingKeys};

const BLOCK_BYTES: usize = 256 * 1024;

/// Arguments of `verify`.
#[derive(Debug, Args)]
pub(super) struct Verify {
    /// Stored object, as fetched from the store.
    #[arg(value_name = "OBJECT")]
    object: PathBuf,
    /// `manifest.json` beside it; default: in the same folder.
    #[arg(long, value_name = "FILE")]
    manifest: Option<PathBuf>,
    /// JWK set of the gateway, from `key public` or `/ingest/v1/receipts/keys`.
    #[arg(long, value_name = "FILE")]
    keys: PathBuf,
    /// Private key (PEM) of a recipient: opens the object and checks its content too.
    #[arg(long, value_name = "KEY")]
    key: Option<PathBuf>,
}

impl Verify {
    pub(super) fn run(self, output: &Output) -> anyhow::Result<()> {
        let manifest = self.read_manifest()?;
        let stored = &manifest.outcome.stored;
        let (whole, bytes, segments) = self.digest_object(stored.segment_bytes)?;
        ensure!(
            bytes == stored.bytes,
            "the object has {bytes} bytes, the manifest says {}",
            stored.bytes
        );
        let pairs = manifest.segments.iter().zip(&segments);
        if let Some(at) = pairs.clone().position(|(expected, found)| expected != found) {
            let offset = stored.segment_bytes.saturating_mul(at as u64);
            bail!("the object differs in the segment at byte {offset}");
        }
        ensure!(whole == stored.sha256, "the object's SHA-256 is not the manifest's");
        let content = self.open(&manifest)?;
        let result = json!({
            "recordingId": manifest.recording_id,
            "mediaId": manifest.media_id,
            "object": "held",
            "content": content,
            "bytes": bytes,
            "sha256": whole,
            "spans": manifest.outcome.spans,
        });
        let text = format!(
            "{} of {}: signature and {} segments held; content {content}",
            manifest.media_id,
            manifest.recording_id,
            segments.len()
        );
        output.result(&result, &text);
        Ok(())
    }

    fn read_manifest(&self) -> anyhow::Result<Manifest> {
        let beside = self.object.with_file_name(crate::store::MANIFEST_NAME);
        let path = self.manifest.as_ref().unwrap_or(&beside);
        let keys: Value = serde_json::from_str(&files::text(&self.keys)?)
            .with_context(|| format!("{} is not JSON", self.keys.display()))?;
        let keys =
            VerifyingKeys::from_jwks(&keys).with_context(|| format!("{}", self.keys.display()))?;
        let payload = keys
            .verify(files::text(path)?.trim(), MANIFEST_TYPE)
            .with_context(|| format!("the signature of {} does not hold", path.display()))?;
        serde_json::from_slice(&payload).context("the manifest is of an unknown form")
    }

    fn digest_object(&self, segment: u64) -> anyhow::Result<(Digest, u64, Vec<Digest>)> {
        ensure!((1..=1 << 30).contains(&segment), "the manifest's segment length is not usable");
        let (mut file, _) = files::input(&self.object)?;
        let (mut whole, mut segments) = (Hasher::default(), Vec::new());
        loop {
            let mut hasher = Hasher::default();
            let mut block = vec![0; BLOCK_BYTES];
            let mut part = file.by_ref().take(segment);
            loop {
                let count = part.read(&mut block)?;
                let Some(bytes) = block.get(..count).filter(|b| !b.is_empty()) else { break };
                hasher.update(bytes);
                whole.update(bytes);
            }
            if hasher.bytes() == 0 && !segments.is_empty() {
                break;
            }
            let full = hasher.bytes() == segment;
            segments.push(hasher.finish());
            if !full {
                break;
            }
        }
        Ok((whole.clone().finish(), whole.bytes(), segments))
    }

    fn open(&self, manifest: &Manifest) -> anyhow::Result<&'static str> {
        let facts = &manifest.outcome.seal;
        let Some(path) = &self.key else {
            return Ok(if facts.mode == "none" { "held" } else { "not opened (no --key)" });
        };
        let key = PrivateKey::from_pem(&files::text(path)?)?;
        let random = SystemRandom;
        let envelopes = [facts.pkcs7.as_deref(), facts.playback_envelope.as_deref()];
        let detached = envelopes
            .into_iter()
            .flatten()
            .find_map(|envelope| Opener::detached(envelope.as_bytes(), &key, &random).ok());
        let mut opener = match detached {
            Some(opener) => opener,
            None => Opener::new(&key, &random),
        };
        let (mut file, _) = files::input(&self.object)?;
        let mut hasher = Hasher::default();
        let mut block = vec![0; BLOCK_BYTES];
        let mut clear = zeroize::Zeroizing::new(Vec::new());
        loop {
            let count = file.read(&mut block)?;
            let Some(bytes) = block.get(..count).filter(|b| !b.is_empty()) else { break };
            opener.push(bytes, &mut clear)?;
            hasher.update(&clear);
            clear.clear();
        }
        opener.finish(&mut clear)?;
        hasher.update(&clear);
        ensure!(
            hasher.finish() == manifest.outcome.sha256,
            "the opened content's SHA-256 is not the manifest's"
        );
        Ok("held")
    }
}
