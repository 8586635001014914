//! `reelgate mask`: silences spans of a file.

use std::fs::File;
use std::io::{Read, Seek as _, Write as _};
use std::path::PathBuf;

use anyhow::{Context as _, bail, ensure};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use jiff::tz::TimeZone;

use super::files::{self, NewFile};
use super::output::Output;
use crate::asset::{MediaTime, Span};
use crate::mask::{
    Certificate, ControlEvent, DEFAULT_GUARD, MAX_GUARD_MS, MaskPlan, Timeline, open_silencer,
    parse_media_time, parse_span, recheck_files, resolve_time,
};
use crate::media::{Measured, SNIFF_BYTES, measure, sniff};

const BLOCK_BYTES: usize = 256 * 1024;

/// Arguments of `mask`.
#[derive(Debug, Args)]
pub(super) struct Mask {
    /// Media file.
    #[arg(value_name = "IN")]
    input: PathBuf,
    /// Where the masked file goes.
    #[arg(short, long, value_name = "OUT")]
    output: PathBuf,
    /// Span to silence, such as 3.5s..8s, 3500ms..end or 00:00:03.5..00:00:08; may be repeated.
    #[arg(long, value_name = "FROM..TO", value_parser = span, required_unless_present = "masks")]
    span: Vec<Span>,
    /// File with `[{"time","type"}]`, as in a recording document.
    #[arg(long, value_name = "FILE", requires = "start", conflicts_with = "span")]
    masks: Option<PathBuf>,
    /// Instant of the first sample, for `--masks`.
    #[arg(long, value_name = "TIME")]
    start: Option<String>,
    /// Zone in which times without one are read, such as Europe/Berlin.
    #[arg(long, value_name = "ZONE")]
    zone: Option<String>,
    /// Silence added on each side; default 500ms for `--masks`, whose clocks differ, else none.
    #[arg(long, value_name = "TIME", value_parser = guard)]
    guard: Option<MediaTime>,
}

fn span(text: &str) -> Result<Span, String> {
    parse_span(text).map_err(|error| error.to_string())
}

fn guard(text: &str) -> Result<MediaTime, String> {
    let time = parse_media_time(text).map_err(|error| error.to_string())?;
    if time.as_millis() > MAX_GUARD_MS {
        return Err(format!("the limit is {MAX_GUARD_MS} ms"));
    }
    Ok(time)
}

impl Mask {
    pub(super) fn run(self, output: &Output) -> anyhow::Result<()> {
        let (mut source, bytes) = files::input(&self.input)?;
        ensure!(bytes > 0, "{} has no bytes", self.input.display());
        let facts = facts(&mut source, bytes)?;
        let plan = self.plan(&facts)?;
        let mut silencer = open_silencer(&mut source, &facts, &plan)?;
        source.rewind()?;
        let mut target = NewFile::create(&self.output)?;
        let progress = progress(bytes);
        let mut block = vec![0; BLOCK_BYTES];
        let mut masked = Vec::with_capacity(BLOCK_BYTES);
        loop {
            let count = source.read(&mut block)?;
            let Some(input) = block.get(..count).filter(|input| !input.is_empty()) else { break };
            silencer.push(input, &mut masked)?;
            target.write_all(&masked)?;
            masked.clear();
            progress.inc(count as u64);
        }
        let certificate = silencer.finish(&mut masked)?;
        target.write_all(&masked)?;
        let mut written = target.reader()?;
        recheck_files(&mut source, &mut written, &facts, &plan)
            .context("the masked file did not pass the check, and was not kept")?;
        progress.finish_and_clear();
        let certificate = certificate.confirmed();
        target.keep()?;
        output.result(&serde_json::to_value(&certificate)?, &report(&certificate));
        Ok(())
    }

    fn plan(&self, facts: &Measured) -> anyhow::Result<MaskPlan> {
        let (Some(masks), Some(start)) = (&self.masks, &self.start) else {
            let guard = self.guard.unwrap_or(MediaTime::ZERO);
            return Ok(MaskPlan::from_spans(&self.span, facts.duration, guard)?);
        };
        let zone = match &self.zone {
            Some(name) => Some(TimeZone::get(name).context("--zone is not a known time zone")?),
            None => None,
        };
        let events: Vec<ControlEvent> = serde_json::from_str(&files::text(masks)?)
            .with_context(|| format!("{} is not a list of masks", masks.display()))?;
        let start = resolve_time(start, zone.as_ref()).context("--start")?;
        let timeline = Timeline { start, duration: facts.duration };
        let guard = self.guard.unwrap_or(DEFAULT_GUARD);
        Ok(MaskPlan::from_events(&events, timeline, zone.as_ref(), guard)?)
    }
}

fn facts(source: &mut File, bytes: u64) -> anyhow::Result<Measured> {
    let mut head = Vec::with_capacity(SNIFF_BYTES);
    let mut begin = Read::by_ref(source).take(SNIFF_BYTES as u64);
    begin.read_to_end(&mut head)?;
    source.rewind()?;
    let facts = measure(Box::new(source.try_clone()?), bytes, sniff(&head));
    source.rewind()?;
    match facts {
        Ok(facts) => Ok(facts),
        Err(error) => bail!("the file cannot be measured: {error}"),
    }
}

/// A bar on a terminal; nothing elsewhere.
fn progress(bytes: u64) -> ProgressBar {
    let bar = ProgressBar::new(bytes);
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {bytes}/{total_bytes} {eta}") {
        bar.set_style(style);
    }
    bar
}

fn report(certificate: &Certificate) -> String {
    let mut text = format!(
        "{} {}, {} ms: {} of {} units silenced, re-read check held",
        certificate.container,
        certificate.codec,
        certificate.duration_ms,
        certificate.units_silenced,
        certificate.units_total
    );
    for sampled in &certificate.silenced {
        let (from, to) = (sampled.span.from, sampled.span.to);
        text.push_str(&format!(
            "\n  silent {from} to {to} (samples {} to {}), guard {} ms",
            sampled.from_sample, sampled.to_sample, certificate.guard_ms
        ));
    }
    for warning in &certificate.warnings {
        text.push_str(&format!("\n  note: {}", warning.text));
    }
    text
}
