//! The date forms of `docs/gir.md` section 2, with and without a zone.

use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// A date as it was written: an instant, or a local time that needs a configured zone (R14).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WireTime {
    /// Written with `Z` or an offset.
    Instant(Timestamp),
    /// Written without; means nothing until a zone is known.
    Local(DateTime),
}

/// Why a text is not a usable date.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum StampError {
    /// Not one of the forms.
    #[error("is not an ISO 8601 date and time such as 2013-05-17T11:45:32.000-0800")]
    Form,
    /// No zone in the text, and none configured.
    #[error("has no time zone, and no mask.zone is configured")]
    NoZone,
    /// The local time happened twice or not at all in the configured zone.
    #[error("is ambiguous in the configured zone (daylight saving change)")]
    Ambiguous,
}

impl WireTime {
    /// Parses `yyyy-MM-ddTHH:mm:ss[.fraction][Z|±hhmm|±hh:mm]`.
    ///
    /// # Errors
    /// [`StampError::Form`] for everything else, three-digit seconds included.
    pub fn parse(text: &str) -> Result<Self, StampError> {
        let (civil, offset) = split_offset(text)?;
        if !civil_form(civil) {
            return Err(StampError::Form);
        }
        let local: DateTime = civil.parse().map_err(|_| StampError::Form)?;
        let Some(seconds) = offset else { return Ok(Self::Local(local)) };
        let utc = TimeZone::UTC.to_timestamp(local).map_err(|_| StampError::Form)?;
        let shifted = utc.checked_sub(SignedDuration::from_secs(seconds));
        Ok(Self::Instant(shifted.map_err(|_| StampError::Form)?))
    }

    /// The instant, reading a local time in `zone`.
    ///
    /// # Errors
    /// [`StampError::NoZone`] and [`StampError::Ambiguous`], for local times only.
    pub fn resolve(self, zone: Option<&TimeZone>) -> Result<Timestamp, StampError> {
        let local = match self {
            Self::Instant(instant) => return Ok(instant),
            Self::Local(local) => local,
        };
        let zone = zone.ok_or(StampError::NoZone)?;
        let found = zone.to_ambiguous_timestamp(local);
        match found.offset() {
            AmbiguousOffset::Unambiguous { .. } => {
                found.unambiguous().map_err(|_| StampError::Ambiguous)
            }
            AmbiguousOffset::Gap { .. } | AmbiguousOffset::Fold { .. } => {
                Err(StampError::Ambiguous)
            }
        }
    }
}

impl Serialize for WireTime {
    /// An instant in UTC with milliseconds; a local time as it was written.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Instant(instant) => serializer.collect_str(&utc_format(*instant)),
            Self::Local(local) => serializer.collect_str(local),
        }
    }
}

impl<'de> Deserialize<'de> for WireTime {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// `yyyy-MM-dd HH:mm:ss` with an optional fraction, in UTC: how the PBX interface writes an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GmtTime {
    /// The instant.
    pub at: Timestamp,
    /// Whether it was written without a fraction, and so stands for the whole second.
    pub whole_second: bool,
}

impl GmtTime {
    /// Parses the form; the blank may be a `T`.
    ///
    /// # Errors
    /// [`StampError::Form`].
    pub fn parse(text: &str) -> Result<Self, StampError> {
        let dashed = text.replacen(' ', "T", 1);
        if !civil_form(&dashed) {
            return Err(StampError::Form);
        }
        let local: DateTime = dashed.parse().map_err(|_| StampError::Form)?;
        let at = TimeZone::UTC.to_timestamp(local).map_err(|_| StampError::Form)?;
        Ok(Self { at, whole_second: !dashed.contains('.') })
    }

    /// The last instant that it stands for, to the microsecond.
    pub fn last(self) -> Timestamp {
        let rest = SignedDuration::from_micros(if self.whole_second { 999_999 } else { 0 });
        self.at.checked_add(rest).unwrap_or(Timestamp::MAX)
    }
}

impl<'de> Deserialize<'de> for GmtTime {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

/// `yyyy-MM-dd HH:mm:ss`, cut to the second.
pub fn gmt_seconds(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// `yyyy-MM-dd HH:mm:ss.SS`, cut to hundredths.
pub fn gmt_hundredths(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S.%2f").to_string()
}

/// `yyyy-MM-ddTHH:mm:ss.SSSZ`: how the CXone interfaces write an instant.
pub fn utc_format(instant: Timestamp) -> String {
    instant.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}

/// `yyyy-MM-ddTHH:mm:ss` with an optional fraction of one to nine digits.
fn civil_form(text: &str) -> bool {
    let (whole, fraction) = text.split_once('.').map_or((text, "0"), |(a, b)| (a, b));
    let pattern = b"dddd-dd-ddTdd:dd:dd";
    whole.len() == pattern.len()
        && whole.bytes().zip(pattern).all(|(byte, want)| match want {
            b'd' => byte.is_ascii_digit(),
            other => byte == *other,
        })
        && (1..=9).contains(&fraction.len())
        && fraction.bytes().all(|byte| byte.is_ascii_digit())
}

/// Splits off the zone; its offset is in seconds east of UTC.
fn split_offset(text: &str) -> Result<(&str, Option<i64>), StampError> {
    if let Some(civil) = text.strip_suffix('Z') {
        return Ok((civil, Some(0)));
    }
    let Some(at) = text.rfind(['+', '-']).filter(|at| *at > 10) else { return Ok((text, None)) };
    let (civil, zone) = text.split_at_checked(at).ok_or(StampError::Form)?;
    let digits: String = match zone.len() {
        5 => zone.chars().skip(1).collect(),
        6 if zone.as_bytes().get(3) == Some(&b':') => {
            zone.chars().skip(1).filter(|c| *c != ':').collect()
        }
        _ => return Err(StampError::Form),
    };
    if digits.len() != 4 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(StampError::Form);
    }
    let number: i64 = digits.parse().map_err(|_| StampError::Form)?;
    let (hours, minutes) = (number / 100, number % 100);
    if hours > 18 || minutes > 59 {
        return Err(StampError::Form);
    }
    let seconds = hours * 3600 + minutes * 60;
    Ok((civil, Some(if zone.starts_with('-') { -seconds } else { seconds })))
}

/// `yyyy-MM-ddTHH:mm:ss.SSS+0000`: what RWS itself returns (R14).
pub fn gir_format(instant: Timestamp) -> String {
    instant.strftime("%Y-%m-%dT%H:%M:%S.%3f+0000").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_the_contract_is_read() {
        let instant = |text: &str| match WireTime::parse(text).unwrap() {
            WireTime::Instant(instant) => instant.to_string(),
            WireTime::Local(local) => format!("local {local}"),
        };
        assert_eq!(instant("2013-05-17T11:45:32.000-0800"), "2013-05-17T19:45:32Z");
        assert_eq!(instant("2013-05-17T11:45:32-08:00"), "2013-05-17T19:45:32Z");
        assert_eq!(instant("2015-06-15T23:59:00.000"), "local 2015-06-15T23:59:00");
        assert_eq!(instant("2013-02-06T10:23:10.034Z"), "2013-02-06T10:23:10.034Z");
        assert_eq!(instant("2015-09-10T16:58:22.000+0000"), "2015-09-10T16:58:22Z");
        assert_eq!(instant("2014-12-03T18:31:26Z"), "2014-12-03T18:31:26Z");
    }

    #[test]
    fn other_forms_are_refused() {
        for text in [
            "2012-12-18T13:45:032.000Z",
            "2012-12-18",
            "2012-12-18 13:45:32Z",
            "2012-02-30T13:45:32Z",
            "2012-12-18T13:45:32+99:00",
            "2012-12-18T13:45:32+0860",
            "1355838332000",
            "",
        ] {
            assert_eq!(WireTime::parse(text), Err(StampError::Form), "{text}");
        }
    }

    #[test]
    fn times_of_the_pbx_are_read_and_written() {
        let read = |text: &str| GmtTime::parse(text).map(|time| gmt_hundredths(time.at));
        assert_eq!(read("2021-01-01 00:00:05.98").unwrap(), "2021-01-01 00:00:05.98");
        assert_eq!(read("2021-01-01T00:00:05").unwrap(), "2021-01-01 00:00:05.00");
        let whole = GmtTime::parse("2021-01-01 23:59:59").unwrap();
        assert_eq!(gmt_hundredths(whole.last()), "2021-01-01 23:59:59.99");
        assert_eq!(gmt_seconds(whole.last()), "2021-01-01 23:59:59");
        for text in [
            "2021-01-01",
            "2021-01-01 00:00",
            "2021-02-30 00:00:00",
            "now",
            "1609459200",
            "2021-01-01 00:00:05Z",
            "2021-01-01  00:00:05",
            "2021-01-01 24:00:00",
            "",
        ] {
            assert_eq!(read(text), Err(StampError::Form), "{text}");
        }
    }

    #[test]
    fn local_times_need_a_zone_and_one_meaning() {
        let zone = TimeZone::get("America/New_York").unwrap();
        let read = |text: &str| WireTime::parse(text).unwrap();
        assert_eq!(read("2024-01-01T00:00:00").resolve(None), Err(StampError::NoZone));
        assert_eq!(read("2024-03-10T02:30:00").resolve(Some(&zone)), Err(StampError::Ambiguous));
        assert_eq!(read("2024-11-03T01:30:00").resolve(Some(&zone)), Err(StampError::Ambiguous));
        let found = read("2024-01-01T00:00:00").resolve(Some(&zone)).unwrap();
        assert_eq!(gir_format(found), "2024-01-01T05:00:00.000+0000");
    }
}
