//! Reading an object, or a range of it, as a checked stream.

use std::ops::Range;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream;
use http::{HeaderMap, StatusCode};
use reqwest::Response;

use super::client::{Call, text};
use crate::store::{ByteStream, Operation, StoreError};

/// Which bytes of an answer's body are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Window {
    /// Bytes to pass over.
    skip: u64,
    /// Bytes to give; `None` if the server does not say how many there are.
    take: Option<u64>,
}

/// Finds the wanted bytes in an answer to `range`; `None` if its headers contradict the request.
/// A range that begins after the end gives a window of no bytes.
pub(super) fn window(
    status: StatusCode,
    headers: &HeaderMap,
    range: Option<&Range<u64>>,
) -> Option<Window> {
    let length: Option<u64> = text(headers, "content-length").and_then(|text| text.parse().ok());
    match (status, range) {
        (StatusCode::OK, None) => Some(Window { skip: 0, take: length }),
        (StatusCode::OK, Some(range)) => {
            // The server ignores ranges; the length of the whole says how much of ours there is.
            let end = range.end.min(length?);
            Some(Window { skip: range.start, take: Some(end.saturating_sub(range.start)) })
        }
        (StatusCode::PARTIAL_CONTENT, Some(range)) => {
            let (first, last, total) = content_range(text(headers, "content-range")?)?;
            let end = total.map_or(range.end, |total| total.min(range.end));
            let take = end.checked_sub(range.start)?;
            let fits = first == range.start && last.checked_add(1) == Some(end);
            (fits && length.is_none_or(|length| length == take))
                .then_some(Window { skip: 0, take: Some(take) })
        }
        _ => None,
    }
}

/// `bytes first-last/total` of RFC 9110 section 14.4; the total may be `*`.
fn content_range(text: &str) -> Option<(u64, u64, Option<u64>)> {
    let (span, total) = text.strip_prefix("bytes ")?.trim().split_once('/')?;
    let (first, last) = span.split_once('-')?;
    let total = if total == "*" { None } else { Some(total.parse().ok()?) };
    Some((first.parse().ok()?, last.parse().ok()?, total))
}

impl Window {
    /// Whether there is nothing to give.
    pub(super) const fn is_empty(&self) -> bool {
        matches!(self.take, Some(0))
    }

    /// Streams the wanted bytes of `answer`. `limit` is the longest silence between two chunks.
    pub(super) fn stream(
        self,
        operation: Operation,
        name: String,
        answer: Response,
        limit: Duration,
    ) -> ByteStream {
        let reading =
            Reading { operation, name, answer, limit, window: self, given: 0, failed: false };
        stream::unfold(reading, |mut reading| async {
            let next = reading.next().await;
            reading.failed = next.is_err();
            next.transpose().map(|item| (item, reading))
        })
        .boxed()
    }
}

struct Reading {
    operation: Operation,
    name: String,
    answer: Response,
    limit: Duration,
    window: Window,
    given: u64,
    /// Invariant: after an error there is no further item.
    failed: bool,
}

impl Reading {
    async fn next(&mut self) -> Result<Option<Bytes>, StoreError> {
        loop {
            let left = self.window.take.map(|take| take.saturating_sub(self.given));
            if self.failed || left == Some(0) {
                return Ok(None);
            }
            let Some(mut chunk) = self.chunk().await? else {
                return match self.window.take {
                    None => Ok(None),
                    Some(expected) => Err(StoreError::LengthMismatch {
                        name: self.name.clone(),
                        expected,
                        found: self.given,
                    }),
                };
            };
            let skipped = usize::try_from(self.window.skip).unwrap_or(usize::MAX).min(chunk.len());
            self.window.skip = self.window.skip.saturating_sub(skipped as u64);
            let mut wanted = chunk.split_off(skipped);
            if let Some(left) = left {
                wanted.truncate(usize::try_from(left).unwrap_or(usize::MAX));
            }
            if !wanted.is_empty() {
                self.given = self.given.saturating_add(wanted.len() as u64);
                return Ok(Some(wanted));
            }
        }
    }

    async fn chunk(&mut self) -> Result<Option<Bytes>, StoreError> {
        let (limit, next) = (self.limit, self.answer.chunk());
        let next = tokio::time::timeout(limit, next).await;
        let call = Call { operation: self.operation, name: &self.name, path: "" };
        next.map_err(|_| call.silent(limit))?.map_err(|error| call.broken(error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(status: u16, headers: &[(&'static str, &str)], range: Range<u64>) -> Option<Window> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, value.parse().unwrap());
        }
        window(StatusCode::from_u16(status).unwrap(), &map, Some(&range))
    }

    #[test]
    fn a_partial_answer_must_be_the_range_asked_for() {
        let partial = |value| found(206, &[("content-range", value)], 10..20);
        assert_eq!(partial("bytes 10-19/100"), Some(Window { skip: 0, take: Some(10) }));
        assert_eq!(partial("bytes 10-14/15"), Some(Window { skip: 0, take: Some(5) }));
        assert_eq!(partial("bytes 10-19/*"), Some(Window { skip: 0, take: Some(10) }));
        for other in ["bytes 0-9/100", "bytes 10-18/100", "bytes 11-19/100", "bytes */100", "10-19"]
        {
            assert_eq!(partial(other), None, "{other}");
        }
        let headers = [("content-range", "bytes 10-19/100"), ("content-length", "9")];
        assert_eq!(found(206, &headers, 10..20), None);
        assert_eq!(found(206, &[], 10..20), None);
    }

    #[test]
    fn a_whole_answer_is_cut_to_the_range() {
        let whole = |length| found(200, &[("content-length", length)], 10..20);
        assert_eq!(whole("100"), Some(Window { skip: 10, take: Some(10) }));
        assert_eq!(whole("15"), Some(Window { skip: 10, take: Some(5) }));
        assert!(whole("9").unwrap().is_empty());
        assert_eq!(found(404, &[], 0..1), None);
    }
}
