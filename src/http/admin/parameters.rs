//! What the console asks for: limits, instants, and where a page goes on.

use jiff::Timestamp;

use crate::http::cxone::{Problem, Query};

/// Rows of a page when nobody says how many.
const DEFAULT_LIMIT: u32 = 50;
/// Most rows of a page.
pub(super) const MAX_LIMIT: u32 = 200;
/// Longest text of a parameter, in bytes.
const MAX_TEXT_BYTES: usize = 200;
/// What `after` must be.
const AFTER_RULE: &str = "must be the next of an earlier answer";

/// `limit`: 1 to [`MAX_LIMIT`].
pub(super) fn limit(query: &Query) -> Result<u32, Problem> {
    let Some(text) = query.value(["limit", "limit"])? else { return Ok(DEFAULT_LIMIT) };
    let limit = text.parse().ok().filter(|limit| (1..=MAX_LIMIT).contains(limit));
    limit.ok_or_else(|| Problem::parameter("limit", format!("must be 1 to {MAX_LIMIT}")))
}

/// A text of bounded length.
pub(super) fn text<'q>(query: &'q Query, name: &str) -> Result<Option<&'q str>, Problem> {
    let text = query.value([name, name])?;
    if text.is_some_and(|text| text.len() > MAX_TEXT_BYTES) {
        let fault = format!("is longer than the limit of {MAX_TEXT_BYTES} bytes");
        return Err(Problem::parameter(name, fault));
    }
    if text.is_some_and(|text| text.contains(char::is_control)) {
        return Err(Problem::parameter(name, "has a control character"));
    }
    Ok(text)
}

/// An instant with its zone.
pub(super) fn instant(query: &Query, name: &str) -> Result<Option<Timestamp>, Problem> {
    let rule = "must be an instant such as 2026-03-04T09:15:00Z";
    let text = query.value([name, name])?;
    // A plus in a query is a blank unless it is escaped.
    let read = |text: &str| text.replace(' ', "+").parse().ok();
    text.map(|text| read(text).ok_or_else(|| Problem::parameter(name, rule))).transpose()
}

/// `after`, in two parts: a time in microseconds, and an id that `parse` knows.
pub(super) fn after<T>(
    query: &Query,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<Option<(i64, T)>, Problem> {
    let Some(text) = query.value(["after", "after"])? else { return Ok(None) };
    let parts = text.split_once('.').and_then(|(time, id)| Some((time.parse().ok()?, parse(id)?)));
    parts.map(Some).ok_or_else(|| Problem::parameter("after", AFTER_RULE))
}

/// `after` where it is an id alone.
pub(super) fn after_id<T>(
    query: &Query,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<Option<T>, Problem> {
    let Some(text) = query.value(["after", "after"])? else { return Ok(None) };
    parse(text).map(Some).ok_or_else(|| Problem::parameter("after", AFTER_RULE))
}

/// Drops the row that was read to know whether there is another page; answers whether there is.
pub(super) fn cut<T>(rows: &mut Vec<T>, limit: u32) -> bool {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = rows.len() > limit;
    rows.truncate(limit);
    more
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(text: &str) -> Query {
        Query::of(&format!("/x?{text}").parse().unwrap()).unwrap()
    }

    #[test]
    fn limits_and_instants_are_held() {
        assert_eq!(limit(&query("")).unwrap(), DEFAULT_LIMIT);
        assert_eq!(limit(&query("limit=200")).unwrap(), 200);
        for bad in ["limit=0", "limit=201", "limit=-1", "limit=x", "limit="] {
            assert!(limit(&query(bad)).is_err(), "{bad}");
        }
        let at = |text: &str| instant(&query(&format!("from={text}")), "from");
        let expected = "2026-03-04T09:15:00Z".parse().unwrap();
        assert_eq!(at("2026-03-04T10:15:00+01:00").unwrap(), Some(expected));
        assert_eq!(at("2026-03-04T09:15:00Z").unwrap(), Some(expected));
        assert!(at("2026-03-04").is_err() && at("now").is_err());
        assert!(text(&query(&format!("text={}", "x".repeat(201))), "text").is_err());
        assert!(text(&query("text=a%00b"), "text").is_err());
    }

    #[test]
    fn a_place_is_read_back_or_refused() {
        let parse = |text: &str| text.parse::<u8>().ok();
        assert_eq!(after(&query("after=-12.7"), parse).unwrap(), Some((-12, 7)));
        for bad in ["after=12", "after=.7", "after=12.x", "after="] {
            assert!(after(&query(bad), parse).is_err(), "{bad}");
        }
        let mut rows = vec![1, 2, 3];
        assert!(cut(&mut rows, 2) && rows == [1, 2] && !cut(&mut rows, 2));
    }
}
