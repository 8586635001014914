//! The parameters of a query: in any order, unknown ones passed over, `+` for a blank.

use super::problem::Problem;

/// Longest query that is read, in bytes.
const MAX_QUERY_BYTES: usize = 8 * 1024;
/// How a token may stand in a query.
pub(super) const ACCESS_TOKEN: &str = "access_token";

/// Names and values as they came, decoded. Not printable: secrets are among them.
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    /// Reads a query, or a form.
    pub(super) fn read(text: &str) -> Result<Self, Problem> {
        if text.len() > MAX_QUERY_BYTES {
            let fault = format!("is {} bytes long; the limit is {MAX_QUERY_BYTES}", text.len());
            return Err(Problem::parameter("the query", fault));
        }
        let pairs = url::form_urlencoded::parse(text.as_bytes());
        let pairs = pairs.map(|(name, value)| (name.into_owned(), value.into_owned()));
        Ok(Self(pairs.collect()))
    }

    /// One more parameter, from elsewhere.
    pub(super) fn push(&mut self, name: String, value: String) {
        self.0.push((name, value));
    }

    /// Those of another.
    pub(super) fn append(&mut self, mut other: Self) {
        self.0.append(&mut other.0);
    }

    /// The values under a name.
    pub(super) fn values(&self, name: &str) -> Vec<&str> {
        self.0.iter().filter(|(known, _)| known == name).map(|(_, value)| value.as_str()).collect()
    }

    /// The value under a name that may stand there once.
    pub(super) fn value(&self, name: &str) -> Result<Option<&str>, Problem> {
        match self.values(name).as_slice() {
            [] => Ok(None),
            [value] => Ok(Some(value)),
            _ => Err(Problem::parameter(name, "is given twice")),
        }
    }

    /// A whole number within limits.
    pub(super) fn number(&self, name: &str, least: u64, most: u64) -> Result<Option<u64>, Problem> {
        let Some(text) = self.value(name)? else { return Ok(None) };
        let number = text.trim().parse().ok().filter(|number| (least..=most).contains(number));
        let fault = || Problem::parameter(name, format!("must be a number from {least} to {most}"));
        number.map(Some).ok_or_else(fault)
    }

    /// The first name that is not among these.
    pub(super) fn unknown(&self, known: &[&str]) -> Option<&str> {
        self.0.iter().map(|(name, _)| name.as_str()).find(|name| !known.contains(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_repetitions_and_limits() {
        let query = Query::read("a=2021-01-01+00:00:00&b=x%20y&c=1&c=2&n=7&").ok().unwrap();
        assert_eq!(query.value("a").unwrap(), Some("2021-01-01 00:00:00"));
        assert_eq!(query.value("b").unwrap(), Some("x y"));
        assert!(query.value("c").is_err());
        assert_eq!(query.number("n", 1, 7).unwrap(), Some(7));
        assert!(query.number("n", 1, 6).is_err() && query.number("b", 0, 9).is_err());
        assert_eq!(query.unknown(&["a", "b", "c"]), Some("n"));
        assert!(Query::read(&"a".repeat(MAX_QUERY_BYTES + 1)).is_err());
    }
}
