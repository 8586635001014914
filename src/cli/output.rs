//! What a command says: lines for people, or one JSON object for machines.

use std::io::{self, Write as _};

use serde_json::{Value, json};

/// Where results go.
#[derive(Debug, Clone, Copy)]
pub(super) struct Output {
    json: bool,
}

impl Output {
    pub(super) const fn new(json: bool) -> Self {
        Self { json }
    }

    /// Whether results go to a machine.
    pub(super) const fn is_json(&self) -> bool {
        self.json
    }

    /// A line for people only.
    pub(super) fn line(&self, text: impl AsRef<str>) {
        if !self.json {
            print(text.as_ref());
        }
    }

    /// The result: as JSON, or the lines for people.
    pub(super) fn result(&self, value: &Value, text: &str) {
        if self.json {
            print(&value.to_string());
        } else if !text.is_empty() {
            print(text);
        }
    }

    /// The result where standard output carries the data itself: on standard error.
    pub(super) fn aside(&self, value: &Value, text: &str) {
        let text = if self.json { value.to_string() } else { text.to_owned() };
        // As for a failure.
        let _ = writeln!(io::stderr(), "{text}");
    }

    /// The error, with its causes.
    pub(super) fn failure(&self, error: &anyhow::Error) {
        let text = format!("{error:#}");
        if self.json {
            print(&json!({ "error": text }).to_string());
        }
        // Nobody is left to tell when standard error is closed.
        let _ = writeln!(io::stderr(), "reelgate: {text}");
    }
}

/// A closed pipe ends the output, not the work.
fn print(text: &str) {
    let mut out = io::stdout().lock();
    let _ = writeln!(out, "{text}");
    let _ = out.flush();
}
