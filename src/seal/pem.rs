//! Text armour (RFC 7468), read leniently and written strictly.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use zeroize::Zeroizing;

use super::error::SealError;

/// No certificate, key or envelope of ours comes near this size; larger texts are not decoded.
const MAX_PEM_BYTES: usize = 1 << 20;
const COLUMNS: usize = 64;

/// One armoured block. The bytes may be a key, so they are wiped.
pub(super) struct Block {
    pub(super) label: String,
    pub(super) bytes: Zeroizing<Vec<u8>>,
}

/// Every block of `text`, in order. Any column width and either line end is accepted, and text
/// outside the blocks is ignored, as tools write explanations there.
pub(super) fn blocks(text: &str) -> Result<Vec<Block>, SealError> {
    if text.len() > MAX_PEM_BYTES {
        return Err(SealError::LimitReached { limit: "pem bytes", max: MAX_PEM_BYTES as u64 });
    }
    let mut blocks = Vec::new();
    let mut open: Option<(String, Zeroizing<String>)> = None;
    for line in text.lines().map(str::trim) {
        if let Some(label) = marker(line, "-----BEGIN ") {
            if open.is_some() {
                return Err(SealError::Pem { what: "a block begins inside another" });
            }
            let body = Zeroizing::new(String::with_capacity(text.len()));
            open = Some((label.to_owned(), body));
        } else if let Some(label) = marker(line, "-----END ") {
            let Some((begun, body)) = open.take().filter(|(begun, _)| begun == label) else {
                return Err(SealError::Pem { what: "a block ends that did not begin" });
            };
            let bytes = STANDARD
                .decode(body.as_bytes())
                .map_err(|_| SealError::Pem { what: "the base64 is broken" })?;
            blocks.push(Block { label: begun, bytes: Zeroizing::new(bytes) });
        } else if let Some((_, body)) = &mut open {
            body.extend(line.chars().filter(|character| !character.is_ascii_whitespace()));
        }
    }
    if open.is_some() {
        return Err(SealError::Pem { what: "a block does not end" });
    }
    Ok(blocks)
}

fn marker<'a>(line: &'a str, start: &str) -> Option<&'a str> {
    line.strip_prefix(start)?.strip_suffix("-----")
}

/// Armours `der`: 64 columns, LF, a trailing newline.
pub(super) fn armour(label: &str, der: &[u8]) -> Zeroizing<String> {
    let body = Zeroizing::new(STANDARD.encode(der));
    let mut out = Zeroizing::new(String::with_capacity(body.len() + body.len() / COLUMNS + 96));
    out.push_str(&format!("-----BEGIN {label}-----\n"));
    let mut rest = body.as_str();
    while !rest.is_empty() {
        let (line, next) = rest.split_at_checked(COLUMNS).unwrap_or((rest, ""));
        out.push_str(line);
        out.push('\n');
        rest = next;
    }
    out.push_str(&format!("-----END {label}-----\n"));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_width_and_line_end_reads_back() {
        let der: Vec<u8> = (0..=255).collect();
        let text = armour("PKCS7", &der);
        assert!(text.lines().all(|line| line.len() <= 64) && text.ends_with("-----\n"));
        let body: String = text.lines().filter(|line| !line.starts_with('-')).collect();
        let (first, second) = body.split_at(76);
        let wide = format!(
            "note\r\n-----BEGIN PKCS7-----\r\n{first}\r\n{second}\r\n-----END PKCS7-----\r\n"
        );
        for text in [text.as_str(), &wide] {
            let found = blocks(text).unwrap();
            assert_eq!((found.len(), found[0].label.as_str()), (1, "PKCS7"));
            assert_eq!(*found[0].bytes, der);
        }
    }

    #[test]
    fn broken_armour_is_refused() {
        assert!(blocks("-----BEGIN A-----\nAAAA\n").is_err());
        assert!(blocks("-----BEGIN A-----\nAAAA\n-----END B-----\n").is_err());
        assert!(blocks("-----BEGIN A-----\n?\n-----END A-----\n").is_err());
        assert!(blocks("").unwrap().is_empty());
    }
}
