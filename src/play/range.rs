//! Which bytes a request asks for (RFC 9110 section 14). The grammar is `http-range-header`'s.

use http_range_header::{EndPosition, StartPosition, parse_range_header};

/// Longest `Range` header that is looked at, in bytes.
const MAX_RANGE_BYTES: usize = 256;

/// What to answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Selected {
    /// Everything: no range, one that cannot be read, or several.
    Whole,
    /// The bytes `[from, to)`. Invariant: `from < to <= length`.
    Part {
        /// First byte.
        from: u64,
        /// Byte after the last.
        to: u64,
    },
    /// No byte of it exists: 416.
    Unsatisfiable,
}

/// Selects from a representation of `length` bytes. A header that breaks the grammar is ignored, as
/// RFC 9110 section 14.2 lets a server do; so are several ranges.
pub fn select(header: Option<&str>, length: u64) -> Selected {
    let Some(header) = header.filter(|header| header.len() <= MAX_RANGE_BYTES) else {
        return Selected::Whole;
    };
    let Ok(parsed) = parse_range_header(header) else { return Selected::Whole };
    let [range] = parsed.ranges.as_slice() else { return Selected::Whole };
    let (from, to) = match (range.start, range.end) {
        (StartPosition::FromLast(count), _) => (length.saturating_sub(count), length),
        (StartPosition::Index(from), EndPosition::LastByte) => (from, length),
        (StartPosition::Index(from), EndPosition::Index(last)) if last < from => {
            return Selected::Whole;
        }
        (StartPosition::Index(from), EndPosition::Index(last)) => {
            (from, last.saturating_add(1).min(length))
        }
    };
    if from < to { Selected::Part { from, to } } else { Selected::Unsatisfiable }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_of_rfc_9110() {
        let part = |from, to| Selected::Part { from, to };
        for (header, length, expected) in [
            (None, 10, Selected::Whole),
            (Some("bytes=0-0"), 10, part(0, 1)),
            (Some("bytes=2-"), 10, part(2, 10)),
            (Some("bytes=2-99"), 10, part(2, 10)),
            (Some("bytes=-3"), 10, part(7, 10)),
            (Some("bytes=-99"), 10, part(0, 10)),
            (Some("bytes=10-"), 10, Selected::Unsatisfiable),
            // The grammar of the library has no such suffix; a server may ignore a range.
            (Some("bytes=-0"), 10, Selected::Whole),
            (Some("bytes=0-"), 0, Selected::Unsatisfiable),
            (Some("bytes=5-2"), 10, Selected::Whole),
            (Some("bytes=0-1,3-4"), 10, Selected::Whole),
            (Some("lines=0-1"), 10, Selected::Whole),
            (Some("bytes=a-b"), 10, Selected::Whole),
            (Some("bytes=0-18446744073709551615"), 10, part(0, 10)),
            (None, 0, Selected::Whole),
        ] {
            assert_eq!(select(header, length), expected, "{header:?} of {length}");
        }
    }
}
