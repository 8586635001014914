//! The interval of a list, and what it is held to (the PBX contract, sections 1.1 and 5).

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::asset::GmtTime;

/// What is wrong with an interval.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IntervalFault {
    /// A bound is not there, or there twice.
    #[error("{field} is required, once, as YYYY-MM-DD HH:MM:SS")]
    Missing {
        /// Which.
        field: &'static str,
    },
    /// A bound is no time.
    #[error("{field} must be YYYY-MM-DD HH:MM:SS")]
    Form {
        /// Which.
        field: &'static str,
    },
    /// The end comes before the start.
    #[error("end_datetime is before start_datetime")]
    Reversed,
    /// It is too long.
    #[error("end_datetime may not be after {limit}, the month after that of start_datetime")]
    TooLong {
        /// The last day that would do.
        limit: Date,
    },
}

/// From when to when calls began; both ends are inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interval {
    /// First instant.
    pub from: Timestamp,
    /// Last instant: where the text names a second, its last microsecond.
    pub to: Timestamp,
}

impl Interval {
    /// Reads `start_datetime` and `end_datetime`, each with the values that were given for it.
    /// `limited` holds it to two months.
    ///
    /// # Errors
    /// [`IntervalFault`].
    pub fn parse(start: &[&str], end: &[&str], limited: bool) -> Result<Self, IntervalFault> {
        let start = bound("start_datetime", start)?;
        let to = bound("end_datetime", end)?.last();
        let from = start.at;
        if to < from {
            return Err(IntervalFault::Reversed);
        }
        if limited {
            let date = |at: Timestamp| TimeZone::UTC.to_datetime(at).date();
            let next = date(from).first_of_month().saturating_add(jiff::Span::new().months(1));
            let limit = next.last_of_month();
            if date(to) > limit {
                return Err(IntervalFault::TooLong { limit });
            }
        }
        Ok(Self { from, to })
    }
}

fn bound(field: &'static str, values: &[&str]) -> Result<GmtTime, IntervalFault> {
    match values {
        [text] => GmtTime::parse(text.trim()).map_err(|_| IntervalFault::Form { field }),
        _ => Err(IntervalFault::Missing { field }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(start: &str, end: &str) -> Result<Interval, IntervalFault> {
        Interval::parse(&[start], &[end], true)
    }

    #[test]
    fn the_end_may_lie_in_the_next_month_and_no_later() {
        assert!(read("2021-01-31 00:00:00", "2021-02-28 23:59:59").is_ok());
        let limit = jiff::civil::date(2021, 2, 28);
        let late = read("2021-01-31 00:00:00", "2021-03-01 00:00:00");
        assert_eq!(late, Err(IntervalFault::TooLong { limit }));
        assert!(read("2023-12-01 00:00:00", "2024-01-31 23:59:59").is_ok());
        assert!(read("2023-12-01 00:00:00", "2024-02-01 00:00:00").is_err());
        let whole = Interval::parse(&["2000-01-01 00:00:00"], &["2030-01-01 00:00:00"], false);
        assert!(whole.is_ok());
    }

    #[test]
    fn the_last_second_is_inside() {
        let day = read("2021-01-01 00:00:00", "2021-01-01 23:59:59").unwrap();
        assert_eq!(day.to.as_microsecond() - day.from.as_microsecond(), 86_400_000_000 - 1);
        let now = read("2021-01-01 00:00:00", "2021-01-01 00:00:00").unwrap();
        assert_eq!(now.to.as_microsecond() - now.from.as_microsecond(), 999_999);
    }

    #[test]
    fn bad_bounds_are_named() {
        let field = "start_datetime";
        let good = ["2021-01-01 00:00:00"];
        assert_eq!(Interval::parse(&[], &good, true), Err(IntervalFault::Missing { field }));
        let twice = [good[0], good[0]];
        assert_eq!(Interval::parse(&twice, &good, true), Err(IntervalFault::Missing { field }));
        assert_eq!(read("2021-01-01", good[0]), Err(IntervalFault::Form { field }));
        assert_eq!(read("2021-01-02 00:00:00", good[0]), Err(IntervalFault::Reversed));
    }
}
