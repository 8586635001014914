//! Parameters of small bodies: a JSON object, or a form. What is not asked for is passed over.

use serde_json::{Map, Value};

use super::problem::Problem;

/// Longest body that is read for parameters, in bytes.
pub(in crate::http) const MAX_BODY_BYTES: usize = 16 * 1024;

/// What a body says. Not printable: secrets are among it.
pub(in crate::http) struct Parameters {
    values: Map<String, Value>,
    /// Names that a form gave twice: RFC 6749 section 3.2 forbids it, and two readers could
    /// understand two things.
    twice: Vec<String>,
}

impl Parameters {
    /// The members of a JSON object. Without a body there are none.
    pub(in crate::http) fn json(bytes: &[u8]) -> Result<Self, Problem> {
        if bytes.is_empty() {
            return Ok(Self { values: Map::new(), twice: Vec::new() });
        }
        // The position alone: the text of the error could repeat what was sent.
        let read = serde_json::from_slice::<Value>(bytes).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            Problem::body(format!("the body is no JSON (line {line}, column {column})"))
        })?;
        match read {
            Value::Object(values) => Ok(Self { values, twice: Vec::new() }),
            _ => Err(Problem::body("the body is no JSON object")),
        }
    }

    /// The fields of `application/x-www-form-urlencoded`.
    pub(in crate::http) fn form(bytes: &[u8]) -> Result<Self, Problem> {
        let text = std::str::from_utf8(bytes)
            .map_err(|error| {
                Problem::body(format!("the form is no text at byte {}", error.valid_up_to()))
            })?
            .trim();
        let (mut values, mut twice) = (Map::new(), Vec::new());
        for (name, value) in url::form_urlencoded::parse(text.as_bytes()) {
            if value.contains('\u{fffd}') {
                return Err(Problem::parameter(&plain(&name), "is not UTF-8"));
            }
            if values.insert(name.to_string(), Value::String(value.into_owned())).is_some() {
                twice.push(name.into_owned());
            }
        }
        Ok(Self { values, twice })
    }

    /// A text; nothing when it is absent or null.
    pub(in crate::http) fn text(&self, name: &str) -> Result<Option<&str>, Problem> {
        if self.twice.iter().any(|twice| twice == name) {
            return Err(Problem::parameter(name, "is given twice"));
        }
        match self.values.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) if text.is_empty() => {
                Err(Problem::parameter(name, "must not be empty"))
            }
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(Problem::parameter(name, "is not a text")),
        }
    }

    /// A text that must be there.
    pub(in crate::http) fn required(&self, name: &str) -> Result<&str, Problem> {
        self.text(name)?.ok_or_else(|| Problem::parameter(name, "is missing"))
    }

    /// Whether something is said under this name.
    pub(in crate::http) fn has(&self, name: &str) -> bool {
        self.values.get(name).is_some_and(|value| !value.is_null())
    }

    /// The members of an object that must be there.
    pub(in crate::http) fn object(&self, name: &str) -> Result<Self, Problem> {
        match self.values.get(name) {
            Some(Value::Object(values)) => Ok(Self { values: values.clone(), twice: Vec::new() }),
            _ => Err(Problem::parameter(name, "is not an object")),
        }
    }

    /// A list of at most `limit` texts that must be there.
    pub(in crate::http) fn list(&self, name: &str, limit: usize) -> Result<Vec<&str>, Problem> {
        let values = match self.values.get(name) {
            None | Some(Value::Null) => return Err(Problem::parameter(name, "is missing")),
            Some(Value::Array(values)) => values,
            Some(_) => return Err(Problem::parameter(name, "is not a list")),
        };
        if values.len() > limit {
            let fault = format!("has {} entries; the limit is {limit}", values.len());
            return Err(Problem::parameter(name, fault));
        }
        let texts = values.iter().enumerate().map(|(index, value)| {
            let fault = || Problem::parameter(&format!("{name}[{index}]"), "is not a text");
            value.as_str().ok_or_else(fault)
        });
        texts.collect()
    }

    /// A whole number from 0, also as text.
    pub(in crate::http) fn number(&self, name: &str) -> Result<Option<u64>, Problem> {
        let fault = || Problem::parameter(name, "is not a whole number");
        match self.values.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Number(number)) => number.as_u64().map(Some).ok_or_else(fault),
            Some(Value::String(text)) => text.trim().parse().map(Some).map_err(|_| fault()),
            Some(_) => Err(fault()),
        }
    }

    /// A truth value, also as the text `true` or `false` in any case.
    pub(in crate::http) fn truth(&self, name: &str) -> Result<Option<bool>, Problem> {
        match self.values.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Bool(value)) => Ok(Some(*value)),
            Some(Value::String(text)) if text.eq_ignore_ascii_case("true") => Ok(Some(true)),
            Some(Value::String(text)) if text.eq_ignore_ascii_case("false") => Ok(Some(false)),
            Some(_) => Err(Problem::parameter(name, "is neither true nor false")),
        }
    }
}

/// A name that came from outside, fit for a message.
fn plain(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "_-.".contains(c) { c } else { '_' };
    name.chars().take(40).map(plain).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_read_and_faults_name_the_field() {
        let form = Parameters::form(b"a=1%2B+2&b=&c=x&c=y&%C3%A9=1\r\n").ok().unwrap();
        assert_eq!(form.text("a").unwrap(), Some("1+ 2"));
        assert_eq!(form.text("d").unwrap(), None);
        for name in ["b", "c"] {
            assert!(format!("{:?}", form.text(name).unwrap_err()).contains(&format!("{name} ")));
        }
        assert!(format!("{:?}", form.required("d").unwrap_err()).contains("d is missing"));
        for bad in [b"a=%ff".as_slice(), b"a=\xff"] {
            assert!(Parameters::form(bad).is_err());
        }
    }

    #[test]
    fn json_is_read_and_nothing_sent_is_repeated() {
        let json = Parameters::json(br#"{"a":"x","b":1,"t":"TRUE","f":false,"n":null}"#).ok();
        let json = json.unwrap();
        assert_eq!(json.text("a").unwrap(), Some("x"));
        assert!(json.text("b").is_err() && json.truth("b").is_err());
        assert_eq!((json.truth("t").unwrap(), json.truth("f").unwrap()), (Some(true), Some(false)));
        assert_eq!((json.text("n").unwrap(), json.truth("n").unwrap()), (None, None));
        assert!(Parameters::json(b"").is_ok());
        for bad in [b"[]".as_slice(), b"\"hush\"", b"{hush", b"{\"a\":hush}"] {
            let fault = Parameters::json(bad).err().unwrap();
            assert!(!format!("{fault:?}").contains("hush"));
        }
    }
}
