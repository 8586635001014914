//! Sends a tape while it grows, and goes on after a break where the gateway says.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use bytes::Bytes;
use futures_util::{Stream, stream};
use reqwest::Body;

use super::channel::{Channel, Portion};
use super::step::StepEvent;
use super::tape::Tape;
use crate::asset::{MediaTime, MediaType};

/// The wait before the gateway is asked how far it is; it doubles up to the longest.
const FIRST_WAIT: Duration = Duration::from_millis(100);
const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// How often in a row an upload may break without a byte more being there.
const MAX_BREAKS: u32 = 20;

/// One media file on its way.
pub(super) struct Upload<'u> {
    pub(super) channel: &'u Channel,
    pub(super) recording: &'u str,
    pub(super) media: &'u str,
    pub(super) kind: MediaType,
    pub(super) tape: Arc<Tape>,
    /// Cut the connection once, when so much was recorded.
    pub(super) break_at: Option<MediaTime>,
}

impl Upload<'_> {
    /// Sends all of it; answers how often it had to go on.
    ///
    /// # Errors
    /// When the gateway refuses it, or cannot be reached for minutes.
    pub(super) async fn run(mut self, tell: impl Fn(StepEvent)) -> anyhow::Result<u32> {
        let (mut offset, mut continued, mut in_a_row) = (0_u64, 0_u32, 0_u32);
        loop {
            let from = usize::try_from(offset)?;
            let body = Body::wrap_stream(follow(Arc::clone(&self.tape), from, self.break_at));
            let names = (self.recording, self.media);
            let kind = (self.kind.mime(), body);
            let why = match self.channel.upload(names, offset, kind).await? {
                Portion::Taken => return Ok(continued),
                Portion::Broken(why) => why,
            };
            self.break_at = None;
            tell(StepEvent::Broken { detail: why });
            let (there, complete) = self.there(&tell).await?;
            let extent = self.tape.extent();
            let recorded = extent.bytes as u64;
            ensure!(there <= recorded, "the gateway has {there} bytes of {recorded}");
            if complete {
                // Its answer was lost, or it ended the upload itself.
                ensure!(there == recorded && extent.over, "the upload ended at byte {there}");
                return Ok(continued);
            }
            in_a_row = if there > offset { 0 } else { in_a_row.saturating_add(1) };
            ensure!(in_a_row < MAX_BREAKS, "the upload does not get beyond byte {there}");
            offset = there;
            continued = continued.saturating_add(1);
            tell(StepEvent::Continued { offset });
        }
    }

    /// How much the gateway has, and whether that is all that it takes, as soon as it says so.
    async fn there(&self, tell: &impl Fn(StepEvent)) -> anyhow::Result<(u64, bool)> {
        let mut wait = FIRST_WAIT;
        let mut last = None;
        for _ in 0..MAX_BREAKS {
            tokio::time::sleep(wait).await;
            match self.channel.offset(self.recording, self.media).await {
                Ok(found) => return Ok(found),
                Err(error) => {
                    tell(StepEvent::Trouble { detail: format!("{error:#}") });
                    last = Some(error);
                }
            }
            wait = wait.saturating_mul(2).min(LONGEST_WAIT);
        }
        Err(last.context("never asked")?).context("the gateway does not say how far it is")
    }
}

/// The bytes of a tape from `offset` on, as they come; breaks off at `break_at`.
fn follow(
    tape: Arc<Tape>,
    offset: usize,
    break_at: Option<MediaTime>,
) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
    stream::unfold((tape, offset, false), move |(tape, offset, broken)| async move {
        if broken {
            return None;
        }
        let portion = tape.next(offset).await?;
        if break_at.is_some_and(|at| tape.extent().media >= at) {
            let told = io::Error::new(io::ErrorKind::ConnectionAborted, "told to break");
            return Some((Err(told), (tape, offset, true)));
        }
        let offset = offset.saturating_add(portion.len());
        Some((Ok(portion), (tape, offset, false)))
    })
}
