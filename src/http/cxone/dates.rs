//! Dates and instants in bodies.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::problem::Problem;

/// The instant that a text names; a date stands for its beginning in UTC, or for its end.
pub(in crate::http) fn instant(name: &str, text: &str, end: bool) -> Result<Timestamp, Problem> {
    let fault = || Problem::parameter(name, "is neither a date nor an instant (ISO 8601)");
    if let Ok(instant) = text.parse::<Timestamp>() {
        return Ok(instant);
    }
    let date: Date = text.parse().map_err(|_| fault())?;
    let date = if end { date.tomorrow().map_err(|_| fault())? } else { date };
    let begins = date.to_zoned(TimeZone::UTC).map_err(|_| fault())?;
    Ok(begins.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_stand_for_whole_days_in_utc() {
        let at = |text: &str, end| instant("x", text, end).map(|at| at.to_string()).ok();
        assert_eq!(at("2026-03-04", false).unwrap(), "2026-03-04T00:00:00Z");
        assert_eq!(at("2026-03-04", true).unwrap(), "2026-03-05T00:00:00Z");
        assert_eq!(at("2026-03-04T10:00:00+02:00", true).unwrap(), "2026-03-04T08:00:00Z");
        for bad in ["", "yesterday", "2026-13-01", "04/03/2026"] {
            assert!(at(bad, false).is_none(), "{bad}");
        }
    }
}
