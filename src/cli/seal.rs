//! `reelgate seal`: seals a file for one or several recipients.

use std::io::{Read as _, Write as _};
use std::path::PathBuf;

use anyhow::{Context as _, ensure};
use clap::Args;
use jiff::Timestamp;
use serde_json::json;

use super::files::{self, NewFile};
use super::output::Output;
use crate::asset::Hasher;
use crate::seal::{Cipher, KeyTransport, Recipient, SealMode, Sealer, SystemRandom};

const BLOCK_BYTES: usize = 256 * 1024;

/// Arguments of `seal`.
#[derive(Debug, Args)]
pub(super) struct Seal {
    /// File to seal.
    #[arg(value_name = "IN")]
    input: PathBuf,
    /// Where the sealed file goes.
    #[arg(short, long, value_name = "OUT")]
    output: PathBuf,
    /// Certificate (PEM) of somebody who may open it; may be repeated.
    #[arg(long, value_name = "CERT", required = true)]
    recipient: Vec<PathBuf>,
    /// cms: the file is a CMS message; gir: raw ciphertext and a detached envelope.
    #[arg(long, default_value_t = SealMode::Cms)]
    mode: SealMode,
    /// aes-256-gcm, aes-128-gcm, aes-256-cbc or aes-128-cbc; default by mode.
    #[arg(long)]
    cipher: Option<Cipher>,
    /// rsa-oaep-sha256 or rsa-pkcs1, for mode cms.
    #[arg(long, default_value_t = KeyTransport::RsaOaepSha256)]
    key_transport: KeyTransport,
    /// Where the detached envelope (PEM) of mode gir goes.
    #[arg(long, value_name = "FILE")]
    pkcs7: Option<PathBuf>,
}

impl Seal {
    pub(super) fn run(self, output: &Output) -> anyhow::Result<()> {
        let gir = self.mode == SealMode::Gir;
        ensure!(self.mode != SealMode::None, "--mode must be cms or gir");
        ensure!(gir == self.pkcs7.is_some(), "--pkcs7 goes with --mode gir, and only with it");
        let (mut source, bytes) = files::input(&self.input)?;
        let mut recipients = Vec::new();
        for path in &self.recipient {
            let shown = path.display();
            let (recipient, warnings) = Recipient::from_pem(&files::text(path)?, Timestamp::now())
                .with_context(|| format!("{shown}"))?;
            warnings.iter().for_each(|text| output.line(format!("note: {shown}: {text}")));
            recipients.push(recipient);
        }
        let all: Vec<&Recipient> = recipients.iter().collect();
        let mut sealer = if gir {
            let cipher = self.cipher.unwrap_or(Cipher::Aes256Cbc);
            Sealer::gir(&all, None, cipher, bytes, &SystemRandom)?
        } else {
            let cipher = self.cipher.unwrap_or(Cipher::Aes256Gcm);
            Sealer::cms(&all, cipher, self.key_transport, bytes, &SystemRandom)?
        };
        let mut target = NewFile::create(&self.output)?;
        let (mut plain, mut sealed) = (Hasher::default(), Hasher::default());
        let mut block = zeroize::Zeroizing::new(vec![0; BLOCK_BYTES]);
        loop {
            let count = source.read(&mut block)?;
            let Some(input) = block.get(..count).filter(|input| !input.is_empty()) else { break };
            plain.update(input);
            let chunk = sealer.push(input)?;
            sealed.update(chunk.as_bytes());
            target.write_all(chunk.as_bytes())?;
        }
        let (tail, summary) = sealer.finish()?;
        sealed.update(tail.as_bytes());
        target.write_all(tail.as_bytes())?;
        if let (Some(path), Some(pem)) = (&self.pkcs7, &summary.pkcs7) {
            let mut envelope = NewFile::create(path)?;
            envelope.write_all(pem.as_bytes())?;
            envelope.keep()?;
        }
        target.keep()?;
        let stored = sealed.bytes();
        let result = json!({
            "mode": summary.mode,
            "cipher": summary.cipher,
            "recipients": recipients.len(),
            "bytes": plain.bytes(),
            "sha256": plain.finish(),
            "sealedBytes": stored,
            "sealedSha256": sealed.finish(),
        });
        let text = format!("sealed {bytes} bytes as {} in {stored} bytes", summary.mode);
        output.result(&result, &text);
        Ok(())
    }
}
