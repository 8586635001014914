//! `reelgate open`: opens a sealed file. Nothing appears under the output's name before the whole
//! content is verified.

use std::io::{Read as _, Write as _};
use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use serde_json::json;

use super::files::{self, NewFile};
use super::output::Output;
use crate::asset::Hasher;
use crate::seal::{Opener, PrivateKey, SystemRandom};

const BLOCK_BYTES: usize = 256 * 1024;

/// Arguments of `open`.
#[derive(Debug, Args)]
pub(super) struct Open {
    /// Sealed file.
    #[arg(value_name = "IN")]
    input: PathBuf,
    /// Where the clear file goes.
    #[arg(short, long, value_name = "OUT")]
    output: PathBuf,
    /// Private key (PEM).
    #[arg(long, value_name = "KEY")]
    key: PathBuf,
    /// Detached envelope, for raw ciphertext (`.bin`).
    #[arg(long, value_name = "FILE")]
    pkcs7: Option<PathBuf>,
}

impl Open {
    pub(super) fn run(self, output: &Output) -> anyhow::Result<()> {
        let key = PrivateKey::from_pem(&files::text(&self.key)?)
            .with_context(|| format!("{}", self.key.display()))?;
        let (mut source, _) = files::input(&self.input)?;
        let random = SystemRandom;
        let mut opener = match &self.pkcs7 {
            Some(path) => Opener::detached(files::text(path)?.as_bytes(), &key, &random)?,
            None => Opener::new(&key, &random),
        };
        let mut target = NewFile::create(&self.output)?;
        let mut hasher = Hasher::default();
        let mut block = vec![0; BLOCK_BYTES];
        let mut clear = zeroize::Zeroizing::new(Vec::with_capacity(BLOCK_BYTES));
        loop {
            let count = source.read(&mut block)?;
            let Some(input) = block.get(..count).filter(|input| !input.is_empty()) else { break };
            opener.push(input, &mut clear)?;
            hasher.update(&clear);
            target.write_all(&clear)?;
            clear.clear();
        }
        opener.finish(&mut clear)?;
        hasher.update(&clear);
        target.write_all(&clear)?;
        target.keep()?;
        let (bytes, sha256) = (hasher.bytes(), hasher.finish());
        let text = format!("opened {bytes} bytes, SHA-256 {sha256}");
        output.result(&json!({ "bytes": bytes, "sha256": sha256 }), &text);
        Ok(())
    }
}
