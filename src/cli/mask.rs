//! `reelgate mask`: silences spans of a file or of a stream.

use std::fs::File;
use std::io::{self, BufWriter, Cursor, Read, Seek as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use jiff::tz::TimeZone;

use super::files::{self, NewFile};
use super::output::Output;
use super::probe::measured;
use super::stream::through;
use crate::asset::{MediaTime, SourceTimeline, Span};
use crate::mask::{
    Certificate, Companions, ControlEvent, DECODED_GUARD, DEFAULT_GUARD, Fallback, MAX_GUARD_MS,
    MaskError, MaskPlan, Masker, QuarantineReason, Timeline, parse_media_time, parse_span,
    resolve_time,
};
use crate::media::{Decoded, Measured, SNIFF_BYTES, measure_decoded, sniff};

/// Stands for standard input or output.
const PIPE: &str = "-";
/// Bytes gathered before they are written to standard output.
const PIPE_BYTES: usize = 256 * 1024;

/// Arguments of `mask`.
#[derive(Debug, Args)]
pub(super) struct Mask {
    /// Media file, or - for standard input (formats without an index only).
    #[arg(value_name = "IN")]
    input: PathBuf,
    /// Where the masked file goes, or - for standard output.
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
    /// What the recorder did while it was paused: silence (the file went on), cut (it stopped).
    #[arg(long, value_name = "KIND", value_parser = timeline, default_value = "silence")]
    timeline: SourceTimeline,
    /// What to do with a file in which silence cannot be written: refuse it (quarantine), or
    /// decode it and write a WAVE file (transcode).
    #[arg(long, value_name = "KIND", value_parser = fallback, default_value = "quarantine")]
    fallback: Fallback,
    /// Silence added on each side; default 500ms for `--masks`, whose clocks differ, else none.
    #[arg(long, value_name = "TIME", value_parser = guard)]
    guard: Option<MediaTime>,
    /// Whether the certificate has SHA-256 of both files.
    #[arg(skip)]
    digests: bool,
}

fn span(text: &str) -> Result<Span, String> {
    parse_span(text).map_err(|error| error.to_string())
}

fn timeline(text: &str) -> Result<SourceTimeline, String> {
    match text {
        "silence" => Ok(SourceTimeline::Silence),
        "cut" => Ok(SourceTimeline::Cut),
        _ => Err("either silence or cut".to_owned()),
    }
}

fn fallback(text: &str) -> Result<Fallback, String> {
    match text {
        "quarantine" => Ok(Fallback::Quarantine),
        "transcode" => Ok(Fallback::Transcode),
        _ => Err("either quarantine or transcode".to_owned()),
    }
}

fn guard(text: &str) -> Result<MediaTime, String> {
    let time = parse_media_time(text).map_err(|error| error.to_string())?;
    if time.as_millis() > MAX_GUARD_MS {
        return Err(format!("the limit is {MAX_GUARD_MS} ms"));
    }
    Ok(time)
}

impl Mask {
    pub(super) fn run(mut self, output: &Output) -> anyhow::Result<()> {
        ensure!(
            self.fallback == Fallback::Quarantine || self.output != Path::new(PIPE),
            "--fallback transcode needs a file as output: a stream cannot begin again"
        );
        // The text for people does not show them.
        self.digests = output.is_json();
        let certificate =
            if self.input == Path::new(PIPE) { self.stream(io::stdin())? } else { self.file()? };
        let value = serde_json::to_value(&certificate)?;
        if self.output == Path::new(PIPE) {
            output.aside(&value, &report(&certificate));
        } else {
            output.result(&value, &report(&certificate));
        }
        Ok(())
    }

    fn file(&self) -> anyhow::Result<Certificate> {
        let (mut source, bytes) = files::input(&self.input)?;
        ensure!(bytes > 0, "{} has no bytes", self.input.display());
        let facts = measured(&mut source, bytes)?;
        match self.in_place(&mut source, &facts) {
            Err(error) if self.fallback == Fallback::Transcode && is_unsupported(&error) => {
                source.rewind()?;
                self.decoded(source, &facts)
            }
            result => result,
        }
    }

    fn in_place(&self, source: &mut File, facts: &Measured) -> anyhow::Result<Certificate> {
        let plan = self.plan(facts, MediaTime::ZERO)?;
        let masker = Masker::open(source, facts, &plan)?;
        self.write(source, masker, &progress(facts.bytes))
    }

    /// The file decoded to WAVE, and masked.
    fn decoded(&self, source: File, original: &Measured) -> anyhow::Result<Certificate> {
        let facts = measure_decoded(Box::new(source.try_clone()?), original)?;
        let plan = self.plan(&facts, DECODED_GUARD)?;
        let decoded = Decoded::open(Box::new(source), original, &facts)?;
        let masker = Masker::open(&mut Cursor::new(decoded.head()), &facts, &plan)?;
        let mut certificate = self.write(decoded, masker, &progress(facts.bytes))?;
        certificate.decoded_from = Some(format!("{} in {}", original.codec, original.container));
        Ok(certificate)
    }

    /// From standard input, of which nothing but the first bytes is known.
    fn stream(&self, mut input: impl Read) -> anyhow::Result<Certificate> {
        let mut head = Vec::with_capacity(SNIFF_BYTES);
        Read::by_ref(&mut input).take(SNIFF_BYTES as u64).read_to_end(&mut head)?;
        let container = sniff(&head);
        let facts = Measured::streamed(container, &head)?;
        let plan = self.plan(&facts, MediaTime::ZERO)?;
        let masker = Masker::open(&mut Cursor::new(&head), &facts, &plan)?;
        self.write(Cursor::new(&head).chain(input), masker, &ProgressBar::hidden())
    }

    /// Masks `source` into the output.
    fn write(
        &self,
        source: impl Read,
        masker: Masker,
        progress: &ProgressBar,
    ) -> anyhow::Result<Certificate> {
        let masker = if self.digests { masker } else { masker.without_digests() };
        let certificate = if self.output == Path::new(PIPE) {
            let mut target = BufWriter::with_capacity(PIPE_BYTES, io::stdout());
            through(source, &mut target, masker, progress)?
        } else {
            let mut target = NewFile::create(&self.output)?;
            let masked = through(source, target.file(), masker, progress);
            let certificate = masked.context("the output was not kept")?;
            target.finish()?;
            certificate
        };
        progress.finish_and_clear();
        Ok(certificate)
    }

    fn plan(&self, facts: &Measured, allowance: MediaTime) -> anyhow::Result<MaskPlan> {
        let (Some(masks), Some(start)) = (&self.masks, &self.start) else {
            let guard = self.guard.unwrap_or(MediaTime::ZERO).saturating_add(allowance);
            return Ok(MaskPlan::from_spans(&self.span, facts.duration, guard)?);
        };
        let zone = match &self.zone {
            Some(name) => Some(TimeZone::get(name).context("--zone is not a known time zone")?),
            None => None,
        };
        let events: Vec<ControlEvent> = serde_json::from_str(&files::text(masks)?)
            .with_context(|| format!("{} is not a list of masks", masks.display()))?;
        let start = resolve_time(start, zone.as_ref()).context("--start")?;
        let timeline = Timeline {
            start,
            stop: None,
            duration: facts.duration,
            first: facts.first,
            source: self.timeline,
        };
        let guard = self.guard.unwrap_or(DEFAULT_GUARD).saturating_add(allowance);
        Ok(MaskPlan::from_events(&events, &Companions::default(), timeline, zone.as_ref(), guard)?)
    }
}

/// Whether the file is of a kind in which silence cannot be written.
fn is_unsupported(error: &anyhow::Error) -> bool {
    let reason = error.downcast_ref::<MaskError>().and_then(MaskError::reason);
    reason == Some(QuarantineReason::MaskUnsupportedContainer)
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
        "{} {}, {}: {} of {} units silenced, re-read check held",
        certificate.container,
        certificate.codec,
        certificate.duration_ms.map_or("of unknown length".to_owned(), |ms| format!("{ms} ms")),
        certificate.units_silenced,
        certificate.units_total
    );
    for sampled in &certificate.silenced {
        let (from, to) = (sampled.span.from, sampled.span.to);
        text.push_str(&format!("\n  silent {from} to {to}"));
        if let Some((from, to)) = sampled.from_sample.zip(sampled.to_sample) {
            text.push_str(&format!(" (samples {from} to {to})"));
        }
        text.push_str(&format!(", guard {} ms", certificate.guard_ms));
    }
    if let Some(original) = &certificate.decoded_from {
        text.push_str(&format!("\n  decoded from {original}"));
    }
    for cleared in &certificate.metadata_cleared {
        text.push_str(&format!("\n  cleared {cleared}"));
    }
    for warning in &certificate.warnings {
        text.push_str(&format!("\n  note: {}", warning.text));
    }
    text
}
