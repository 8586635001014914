//! Times and spans as an operator types them: `3.5s`, `3500ms`, `00:00:03.5`, `3s..end`.

use crate::asset::{MediaTime, Span, SpanReason};

/// Why a text is not a time or a span.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum NotationError {
    /// Not one of the forms of a time.
    #[error("{0:?} is not a time such as 3.5s, 3500ms or 00:00:03.5")]
    Time(String),
    /// No `..` between two times.
    #[error("{0:?} is not a span such as 3.5s..8s or 00:01:00..end")]
    Span(String),
    /// The end is not after the beginning.
    #[error("the span {0:?} does not end after it begins")]
    Order(String),
}

/// Reads `3.5s`, `3500ms` or `hh:mm:ss.fraction`, down to a microsecond.
///
/// # Errors
/// [`NotationError::Time`] for everything else, finer fractions included.
pub fn parse_media_time(text: &str) -> Result<MediaTime, NotationError> {
    let micros = if let Some(millis) = text.strip_suffix("ms") {
        decimal(millis, 3)
    } else if let Some(seconds) = text.strip_suffix('s') {
        decimal(seconds, 6)
    } else {
        clock(text)
    };
    micros.map(MediaTime::from_micros).ok_or_else(|| NotationError::Time(text.to_owned()))
}

/// Reads `FROM..TO`; `TO` may be `end`. The end of the file is not known here, so `end` is as late
/// as can be; the plan cuts it.
///
/// # Errors
/// [`NotationError`].
pub fn parse_span(text: &str) -> Result<Span, NotationError> {
    let (from, to) = text.split_once("..").ok_or_else(|| NotationError::Span(text.to_owned()))?;
    let from = parse_media_time(from)?;
    let to = match to {
        "end" => MediaTime::MAX,
        time => parse_media_time(time)?,
    };
    Span::new(from, to, SpanReason::Redacted).ok_or_else(|| NotationError::Order(text.to_owned()))
}

/// `hh:mm:ss` with an optional fraction; hours may have more digits.
fn clock(text: &str) -> Option<u64> {
    let (hours, rest) = text.split_once(':')?;
    let (minutes, seconds) = rest.split_once(':')?;
    let whole = seconds.split_once('.').map_or(seconds, |(whole, _)| whole);
    if hours.len() < 2 || minutes.len() != 2 || whole.len() != 2 {
        return None;
    }
    let (hours, minutes) = (decimal(hours, 0)?, decimal(minutes, 0)?);
    let micros = decimal(seconds, 6)?;
    if minutes >= 60 || micros >= 60_000_000 {
        return None;
    }
    let minutes = hours.checked_mul(60)?.checked_add(minutes)?;
    minutes.checked_mul(60_000_000)?.checked_add(micros)
}

/// A decimal number times ten to the `scale`, with at most `scale` digits after the point.
fn decimal(text: &str, scale: usize) -> Option<u64> {
    let (whole, fraction) = match text.split_once('.') {
        Some((_, "")) => return None,
        Some(parts) => parts,
        None => (text, ""),
    };
    if whole.is_empty() || fraction.len() > scale {
        return None;
    }
    let digits = format!("{whole}{fraction:0<scale$}");
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_forms_mean_the_same() {
        for text in ["3.5s", "3500ms", "00:00:03.5", "3.500000s", "3500.000ms"] {
            assert_eq!(parse_media_time(text), Ok(MediaTime::from_millis(3500)), "{text}");
        }
        assert_eq!(parse_media_time("100:01:02"), Ok(MediaTime::from_millis(360_062_000)));
        assert_eq!(parse_media_time("0s"), Ok(MediaTime::ZERO));
    }

    #[test]
    fn other_forms_are_refused() {
        for text in [
            "",
            "s",
            "ms",
            "3",
            "-1s",
            "+1s",
            "1e3s",
            "3.s",
            ".5s",
            "3.0000001s",
            "1.5.5s",
            "1:2:3",
            "00:60:00",
            "00:00:60",
            "00:00",
            "99999999999999999999s",
            "99999999999999:00:00",
            " 3s",
        ] {
            assert_eq!(parse_media_time(text), Err(NotationError::Time(text.to_owned())), "{text}");
        }
    }

    #[test]
    fn spans_have_two_ends_in_order() {
        let span = parse_span("3.5s..00:00:08").unwrap();
        assert_eq!((span.from.as_millis(), span.to.as_millis()), (3500, 8000));
        assert_eq!(span.reason, SpanReason::Redacted);
        assert_eq!(parse_span("0s..end").unwrap().to, MediaTime::MAX);
        assert!(matches!(parse_span("3s..3s"), Err(NotationError::Order(_))));
        assert!(matches!(parse_span("8s..3s"), Err(NotationError::Order(_))));
        assert!(matches!(parse_span("3s-8s"), Err(NotationError::Span(_))));
        assert!(matches!(parse_span("3s..later"), Err(NotationError::Time(_))));
        assert!(matches!(parse_span("end..3s"), Err(NotationError::Time(_))));
    }
}
