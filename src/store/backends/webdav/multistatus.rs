//! The answer to PROPFIND (RFC 4918 section 14.16), read without trusting it.

use jiff::Timestamp;
use jiff::fmt::rfc2822;
use percent_encoding::percent_decode_str;
use quick_xml::NsReader;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesRef, Event};
use quick_xml::name::{Namespace, ResolveResult};
use url::Url;

/// Longest answer that is read; without it a hostile server fills the memory. Some 40,000 entries.
pub(super) const MAX_MULTISTATUS_BYTES: usize = 16 * 1024 * 1024;

const DAV: ResolveResult<'static> = ResolveResult::Bound(Namespace(b"DAV:"));

/// One resource of the answer.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// Decoded names of the path, from the root of the server.
    pub(super) names: Vec<String>,
    /// Whether it is a collection.
    pub(super) folder: bool,
    /// `getcontentlength`.
    pub(super) len: Option<u64>,
    /// `getetag`.
    pub(super) etag: Option<String>,
    /// `getlastmodified`.
    pub(super) modified: Option<Timestamp>,
}

/// Why an answer cannot be read.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(super) enum MultistatusError {
    /// Not well-formed XML, or cut short.
    #[error("the listing is not well-formed at byte {offset}")]
    Malformed {
        /// Where reading stopped.
        offset: u64,
    },
    /// Well-formed, but not a multistatus with a path in each response.
    #[error("the listing has no {element}")]
    Missing {
        /// The element that should be there.
        element: &'static str,
    },
}

/// Reads all entries. Those whose path is not UTF-8 are left out: no key is spelled so.
pub(super) fn parse(body: &[u8]) -> Result<Vec<Entry>, MultistatusError> {
    let mut reader = NsReader::from_reader(body);
    let mut parser = Parser::default();
    loop {
        let (space, event) = match reader.read_resolved_event() {
            Ok(next) => next,
            Err(_) => return Err(MultistatusError::Malformed { offset: reader.error_position() }),
        };
        let known = space == DAV;
        match event {
            Event::Start(tag) if known => parser.open(tag.local_name().as_ref()),
            Event::Empty(tag) if known => parser.open(tag.local_name().as_ref()),
            Event::End(tag) if known => parser.close(tag.local_name().as_ref())?,
            Event::Text(text) => parser.text.push_str(&text.decode().unwrap_or_default()),
            Event::CData(text) => parser.text.push_str(&text.decode().unwrap_or_default()),
            Event::GeneralRef(entity) => parser.refer(&entity),
            Event::Eof if parser.complete => return Ok(parser.entries),
            Event::Eof => {
                return Err(MultistatusError::Malformed { offset: reader.buffer_position() });
            }
            _ => {}
        }
    }
}

#[derive(Default)]
struct Parser {
    entries: Vec<Entry>,
    /// Path of the open response.
    href: Option<String>,
    /// Properties found in the open response.
    found: Entry,
    /// Properties of the open propstat; they count if its status is 2xx.
    pending: Entry,
    refused: bool,
    text: String,
    complete: bool,
}

impl Parser {
    fn open(&mut self, element: &[u8]) {
        match element {
            b"response" => {
                self.href = None;
                self.found = Entry::default();
            }
            b"propstat" => {
                self.pending = Entry::default();
                self.refused = false;
            }
            b"collection" => self.pending.folder = true,
            _ => {}
        }
        self.text.clear();
    }

    fn close(&mut self, element: &[u8]) -> Result<(), MultistatusError> {
        let text = self.text.trim();
        match element {
            // Later ones belong to properties such as `lockroot`.
            b"href" if self.href.is_none() => self.href = Some(text.to_owned()),
            b"getcontentlength" => self.pending.len = text.parse().ok(),
            b"getetag" => self.pending.etag = Some(text.to_owned()),
            b"getlastmodified" => self.pending.modified = http_date(text),
            b"status" => {
                let code = text.split_ascii_whitespace().nth(1).unwrap_or_default();
                self.refused = !code.starts_with('2');
            }
            b"propstat" if !self.refused => {
                self.found = std::mem::take(&mut self.pending);
            }
            b"response" => self.close_response()?,
            b"multistatus" => self.complete = true,
            _ => {}
        }
        self.text.clear();
        Ok(())
    }

    fn close_response(&mut self) -> Result<(), MultistatusError> {
        let href = self.href.take().ok_or(MultistatusError::Missing { element: "href" })?;
        let mut entry = std::mem::take(&mut self.found);
        if let Some(names) = names(&href) {
            entry.names = names;
            self.entries.push(entry);
        }
        Ok(())
    }

    fn refer(&mut self, entity: &BytesRef<'_>) {
        if let Ok(Some(character)) = entity.resolve_char_ref() {
            self.text.push(character);
        } else if let Ok(name) = entity.decode() {
            self.text.push_str(resolve_predefined_entity(&name).unwrap_or_default());
        }
    }
}

/// The decoded names of a `href`, which may be a URL or only its path.
fn names(href: &str) -> Option<Vec<String>> {
    let url = Url::parse(href).ok();
    let path = url.as_ref().map_or(href, Url::path);
    path.split('/')
        .filter(|name| !name.is_empty())
        .map(|name| percent_decode_str(name).decode_utf8().ok().map(String::from))
        .collect()
}

/// An IMF-fixdate of RFC 9110 section 5.6.7.
pub(super) fn http_date(text: &str) -> Option<Timestamp> {
    rfc2822::DateTimeParser::new().parse_timestamp(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const APACHE: &str = r#"<?xml version="1.0" encoding="utf-8"?>
<D:multistatus xmlns:D="DAV:" xmlns:ns0="DAV:">
<D:response xmlns:lp1="DAV:"><D:href>/dav/a%20b/</D:href>
<D:propstat><D:prop><lp1:resourcetype><D:collection/></lp1:resourcetype>
<lp1:getlastmodified>Sun, 06 Nov 1994 08:49:37 GMT</lp1:getlastmodified></D:prop>
<D:status>HTTP/1.1 200 OK</D:status></D:propstat>
<D:propstat><D:prop><D:getcontentlength/></D:prop>
<D:status>HTTP/1.1 404 Not Found</D:status></D:propstat></D:response>
<D:response><D:href>/dav/a%20b/x&amp;y%23.wav</D:href>
<D:propstat><D:prop><D:resourcetype/><D:getcontentlength>12</D:getcontentlength>
<D:getetag>"1-2"</D:getetag></D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat>
</D:response></D:multistatus>"#;

    #[test]
    fn folders_and_files_are_told_apart() {
        let entries = parse(APACHE.as_bytes()).unwrap();
        assert_eq!(entries.len(), 2);
        assert_eq!(entries[0].names, ["dav", "a b"]);
        assert!(entries[0].folder && entries[0].len.is_none());
        assert_eq!(entries[0].modified.unwrap().to_string(), "1994-11-06T08:49:37Z");
        assert_eq!(entries[1].names, ["dav", "a b", "x&y#.wav"]);
        assert_eq!((entries[1].folder, entries[1].len), (false, Some(12)));
        assert_eq!(entries[1].etag.as_deref(), Some("\"1-2\""));
    }

    #[test]
    fn a_cut_listing_is_refused_wherever_it_is_cut() {
        for end in 0..APACHE.len() - 1 {
            assert!(parse(&APACHE.as_bytes()[..end]).is_err(), "{end}");
        }
    }

    #[test]
    fn foreign_elements_count_for_nothing() {
        let xml = r#"<multistatus xmlns="DAV:" xmlns:o="urn:o"><response><href>http://h/d/f</href>
            <propstat><prop><o:collection/><o:getcontentlength>9</o:getcontentlength>
            <lockroot><href>/other</href></lockroot></prop></propstat></response></multistatus>"#;
        let entries = parse(xml.as_bytes()).unwrap();
        assert_eq!(entries, [Entry { names: vec!["d".into(), "f".into()], ..Entry::default() }]);
    }

    #[test]
    fn an_answer_without_a_path_is_refused() {
        let xml = r#"<multistatus xmlns="DAV:"><response></response></multistatus>"#;
        let missing = MultistatusError::Missing { element: "href" };
        assert_eq!(parse(xml.as_bytes()), Err(missing));
    }
}
