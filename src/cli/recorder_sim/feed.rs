//! The stream of commands, opened again whenever it ends.

use std::time::Duration;

use futures_util::StreamExt as _;
use sse_stream::SseByteStream;

use super::channel::{Channel, Command};

/// The wait before a stream is opened again; it doubles up to the longest.
const FIRST_WAIT: Duration = Duration::from_millis(100);
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// What came.
pub(super) enum News {
    /// A command; perhaps one that came before.
    Command(Command),
    /// An event without data.
    Nothing,
    /// The stream ended, or could not be opened; it will be.
    Lost(String),
}

/// The commands of a recorder.
pub(super) struct Feed<'f> {
    channel: &'f Channel,
    recorder: &'f str,
    stream: Option<Opened>,
    /// The id of the last event, which the gateway is told of.
    last: Option<String>,
    wait: Duration,
}

type Opened = std::pin::Pin<
    Box<dyn futures_util::Stream<Item = Result<sse_stream::Sse, sse_stream::Error>> + Send>,
>;

impl<'f> Feed<'f> {
    pub(super) fn new(channel: &'f Channel, recorder: &'f str) -> Self {
        Self { channel, recorder, stream: None, last: None, wait: Duration::ZERO }
    }

    /// What comes next.
    ///
    /// # Errors
    /// When the gateway refuses the stream for good.
    pub(super) async fn next(&mut self) -> anyhow::Result<News> {
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => match self.open().await {
                Ok(opened) => opened?,
                Err(error) => return Ok(News::Lost(format!("{error:#}"))),
            },
        };
        match stream.next().await {
            Some(Ok(event)) => {
                self.stream = Some(stream);
                self.last = event.id.or(self.last.take());
                self.wait = Duration::ZERO;
                let Some(command) = event.data else { return Ok(News::Nothing) };
                match serde_json::from_str(&command) {
                    Ok(command) => Ok(News::Command(command)),
                    Err(error) => Ok(News::Lost(format!("an event is no command: {error}"))),
                }
            }
            Some(Err(error)) => Ok(News::Lost(format!("the commands broke off: {error}"))),
            None => Ok(News::Lost("the commands ended".to_owned())),
        }
    }

    /// Opens the stream. The inner error is a refusal for good.
    async fn open(&mut self) -> anyhow::Result<anyhow::Result<Opened>> {
        tokio::time::sleep(self.wait).await;
        self.wait = self.wait.saturating_mul(2).clamp(FIRST_WAIT, LONGEST_WAIT);
        let opened = self.channel.commands(self.recorder, self.last.as_deref()).await?;
        let opened = opened.map_err(anyhow::Error::msg);
        Ok(opened.map(|answer| Box::pin(SseByteStream::new(answer.bytes_stream())) as Opened))
    }
}
