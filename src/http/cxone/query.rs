//! Query parameters of the CXone interfaces: two spellings of one name, unknown ones ignored.

use http::Uri;

use super::problem::Problem;

/// Longest query that is looked at, in bytes.
const MAX_QUERY_BYTES: usize = 8 * 1024;

/// The parameters of a request.
pub(in crate::http) struct Query(Vec<(String, String)>);

impl Query {
    /// Reads the query of an address.
    pub(in crate::http) fn of(uri: &Uri) -> Result<Self, Problem> {
        let query = uri.query().unwrap_or_default();
        if query.len() > MAX_QUERY_BYTES {
            let fault = format!("is longer than the limit of {MAX_QUERY_BYTES} bytes");
            return Err(Problem::parameter("the query", fault));
        }
        let pairs = url::form_urlencoded::parse(query.as_bytes());
        Ok(Self(pairs.map(|(name, value)| (name.into_owned(), value.into_owned())).collect()))
    }

    /// All values of a parameter under either spelling, without blanks around them.
    pub(in crate::http) fn all(&self, names: [&str; 2]) -> impl Iterator<Item = &str> {
        let named = move |(name, _): &&(String, String)| names.contains(&name.as_str());
        self.0.iter().filter(named).map(|(_, value)| value.trim())
    }

    /// The one value of a parameter under either spelling.
    pub(in crate::http) fn value(&self, names: [&str; 2]) -> Result<Option<&str>, Problem> {
        let [shown, _] = names;
        let mut values = self.all(names);
        let Some(first) = values.next() else { return Ok(None) };
        if values.any(|other| other != first) {
            return Err(Problem::parameter(shown, "is given twice with different values"));
        }
        if first.is_empty() {
            return Err(Problem::parameter(shown, "must not be empty"));
        }
        Ok(Some(first))
    }

    /// A truth value: `true` or `false` in any case.
    pub(in crate::http) fn truth(&self, names: [&str; 2]) -> Result<Option<bool>, Problem> {
        let [shown, _] = names;
        match self.value(names)? {
            None => Ok(None),
            Some(text) if text.eq_ignore_ascii_case("true") => Ok(Some(true)),
            Some(text) if text.eq_ignore_ascii_case("false") => Ok(Some(false)),
            Some(_) => Err(Problem::parameter(shown, "is neither true nor false")),
        }
    }
}
