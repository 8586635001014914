//! `reelgate probe`: what a file is, and whether it can be masked in place.

use std::fs::File;
use std::io::{Read, Seek as _};
use std::path::PathBuf;

use anyhow::{bail, ensure};
use clap::Args;
use serde_json::json;

use super::files;
use super::output::Output;
use crate::mask::survey;
use crate::media::{Measured, SNIFF_BYTES, measure, sniff};

/// Arguments of `probe`.
#[derive(Debug, Args)]
pub(super) struct Probe {
    /// Media file.
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

impl Probe {
    pub(super) fn run(self, output: &Output) -> anyhow::Result<()> {
        let (mut source, bytes) = files::input(&self.file)?;
        ensure!(bytes > 0, "{} has no bytes", self.file.display());
        let facts = measured(&mut source, bytes)?;
        let survey = survey(&mut source, &facts);
        let (units, refusal) = match &survey {
            Ok(units) => (Some(*units), None),
            Err(error) => (None, Some(error.to_string())),
        };
        let value = json!({
            "container": facts.container,
            "codec": facts.codec,
            "sampleRate": facts.sample_rate,
            "channels": facts.channels,
            "durationMs": facts.duration.as_millis_ceil(),
            "bytes": facts.bytes,
            "units": units,
            "maskedInPlace": refusal.is_none(),
            "refusal": refusal,
        });
        output.result(&value, &text(&facts, units, refusal.as_deref()));
        Ok(())
    }
}

fn text(facts: &Measured, units: Option<u64>, refusal: Option<&str>) -> String {
    let known = |number: Option<u64>| number.map_or("unknown".to_owned(), |n| n.to_string());
    let lines = [
        format!("container    {}", facts.container),
        format!("codec        {}", facts.codec),
        format!("sample rate  {} Hz", known(facts.sample_rate.map(u64::from))),
        format!("channels     {}", known(facts.channels.map(u64::from))),
        format!("duration     {}", facts.duration),
        format!("bytes        {}", facts.bytes),
        format!("units        {}", known(units)),
        refusal.map_or("in place     yes".to_owned(), |why| format!("in place     no: {why}")),
    ];
    lines.join("\n")
}

/// Recognises and measures a file, and rewinds it.
pub(super) fn measured(source: &mut File, bytes: u64) -> anyhow::Result<Measured> {
    let mut head = Vec::with_capacity(SNIFF_BYTES);
    Read::by_ref(source).take(SNIFF_BYTES as u64).read_to_end(&mut head)?;
    source.rewind()?;
    let facts = measure(Box::new(source.try_clone()?), bytes, sniff(&head));
    source.rewind()?;
    match facts {
        Ok(facts) => Ok(facts),
        Err(error) => bail!("the file cannot be measured: {error}"),
    }
}
