//! A live body on its way into the spool.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, sleep_until};

use super::writing::{Hold, Told, Writing};
use super::{Ending, LivePart, LiveUpload};
use crate::asset::Digest;
use crate::ingest::declared::hold_to;
use crate::ingest::{CHANNEL_CHUNKS, Declared, IngestError, Received};
use crate::spool::{Resumed, SpoolError, SpoolWriter};

/// How long what a sender still sends is read and thrown away after its upload ended, so that it
/// gets its answer.
const LINGER: Duration = Duration::from_secs(5);

/// What the writing thread is given.
enum Feed {
    Bytes(Bytes),
    Sync,
    End,
}

/// What the writing thread gives back.
enum Written {
    /// So much is durable.
    Open(u64),
    Ended(Hold, u64, Digest),
}

impl LiveUpload {
    /// Receives a body into the spool. `whole` says that the upload ends with it; it is then held
    /// to what was declared, and given back when it is not that.
    ///
    /// # Errors
    /// [`IngestError`]; but for contradictions, what is durable is kept.
    pub async fn receive<S, E>(
        mut self,
        body: S,
        whole: bool,
        declared: &Declared,
    ) -> Result<LivePart, IngestError>
    where
        S: Stream<Item = Result<Bytes, E>> + Unpin + Send + 'static,
        E: Send + 'static,
    {
        let Some((hold, file)) = self.file.take() else { return Err(IngestError::Thread) };
        let (hold, content, ending) = match file {
            // Ended before a crash, and not acknowledged.
            Resumed::Ended(bytes, digest) => (hold, (bytes, digest), Ending::Sender),
            Resumed::Open(writer) => {
                metrics::gauge!("reelgate_uploads_open").increment(1.0);
                let result = self.receive_body(body, whole, (hold, writer)).await;
                metrics::gauge!("reelgate_uploads_open").decrement(1.0);
                match result? {
                    (Written::Open(durable), _) => return Ok(LivePart::Open(durable)),
                    (Written::Ended(hold, bytes, digest), ending) => {
                        (hold, (bytes, digest), ending)
                    }
                }
            }
        };
        let held = if ending == Ending::Sender { declared } else { &Declared::default() };
        if let Err(error) = hold_to(held, content) {
            self.ingest.give_back(self.row.asset_id).await?;
            return Err(error);
        }
        let received = Received::live(self.ingest, self.row, content).holding(Box::new(hold));
        Ok(LivePart::Ended(Box::new(received), ending))
    }

    async fn receive_body<S, E>(
        &self,
        mut body: S,
        whole: bool,
        (hold, writer): (Hold, Box<SpoolWriter>),
    ) -> Result<(Written, Ending), IngestError>
    where
        S: Stream<Item = Result<Bytes, E>> + Unpin + Send + 'static,
        E: Send + 'static,
    {
        let writing = Arc::clone(&hold.writing);
        let (sender, receiver) = mpsc::channel(CHANNEL_CHUNKS);
        let thread = tokio::task::spawn_blocking(move || write(hold, writer, receiver));
        let fed = self.feed(&mut body, &writing, &sender).await;
        drop(writing);
        if let Ok(ending) = fed {
            let last = if whole || ending == Ending::Interaction { Feed::End } else { Feed::Sync };
            // A thread that failed says so itself.
            let _ = sender.send(last).await;
        }
        drop(sender);
        if matches!(fed, Ok(Ending::Interaction)) {
            tokio::spawn(async move {
                let rest = async { while body.next().await.is_some() {} };
                let _ = tokio::time::timeout(LINGER, rest).await;
            });
        }
        let written = thread.await.map_err(|_| IngestError::Thread)?;
        let ending = fed?;
        match written {
            Ok(written) => Ok((written, ending)),
            Err(error) if error.is_full() => Err(IngestError::NoRoom { bytes: 0 }),
            Err(error) => Err(error.into()),
        }
    }

    /// Hands the body on until it ends, or the interaction has ended and the grace is over.
    async fn feed<S, E>(
        &self,
        body: &mut S,
        writing: &Writing,
        sender: &mpsc::Sender<Feed>,
    ) -> Result<Ending, IngestError>
    where
        S: Stream<Item = Result<Bytes, E>> + Unpin,
    {
        let settings = &self.ingest.settings;
        let idle = Duration::from_secs(settings.live_idle_s);
        let grace = Duration::from_millis(settings.live_grace_ms);
        let mut sync = tokio::time::interval(Duration::from_millis(settings.live_sync_ms));
        sync.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut told = writing.told.subscribe();
        let (mut received, mut dirty, mut until) = (self.offset, false, None);
        let mut silent_until = tokio::time::Instant::now() + idle;
        loop {
            let now = *told.borrow_and_update();
            match now {
                Told::GiveWay => return Err(IngestError::Broken { received }),
                Told::Ended if until.is_none() => {
                    until = Some(tokio::time::Instant::now() + grace);
                }
                Told::Ended | Told::GoOn => {}
            }
            tokio::select! {
                biased;
                () = sleep_until(until.unwrap_or(silent_until)), if until.is_some() => {
                    return Ok(Ending::Interaction);
                }
                _ = told.changed() => {}
                _ = sync.tick(), if dirty => {
                    dirty = false;
                    if sender.send(Feed::Sync).await.is_err() {
                        return Ok(Ending::Sender);
                    }
                }
                () = sleep_until(silent_until) => return Err(IngestError::Broken { received }),
                chunk = body.next() => {
                    let chunk = match chunk {
                        None => return Ok(Ending::Sender),
                        Some(Err(_)) => return Err(IngestError::Broken { received }),
                        Some(Ok(chunk)) => chunk,
                    };
                    received = received.saturating_add(chunk.len() as u64);
                    if received > settings.max_media_bytes {
                        return Err(IngestError::TooLarge { limit: settings.max_media_bytes });
                    }
                    writing.heard();
                    silent_until = tokio::time::Instant::now() + idle;
                    dirty = true;
                    if sender.send(Feed::Bytes(chunk)).await.is_err() {
                        return Ok(Ending::Sender);
                    }
                }
            }
        }
    }
}

/// Writes what comes. However the channel ends, what was taken is durable then.
fn write(
    hold: Hold,
    mut writer: Box<SpoolWriter>,
    mut feed: mpsc::Receiver<Feed>,
) -> Result<Written, SpoolError> {
    while let Some(next) = feed.blocking_recv() {
        match next {
            Feed::Bytes(bytes) => writer.write(&bytes)?,
            Feed::Sync => {
                writer.sync()?;
                hold.writing.durable.store(writer.bytes(), Ordering::Relaxed);
            }
            Feed::End => {
                let bytes = writer.bytes();
                return Ok(Written::Ended(hold, bytes, writer.finish()?));
            }
        }
    }
    writer.sync()?;
    hold.writing.durable.store(writer.bytes(), Ordering::Relaxed);
    Ok(Written::Open(writer.bytes()))
}
