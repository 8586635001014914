//! A letter as a message of Internet mail (RFC 5322): `multipart/alternative` of plain text and HTML.

use std::time::SystemTime;

use jiff::Timestamp;
use lettre::Message;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};

use super::{Language, Letter, MailError, english, parse_address, russian};

/// What makes every try of a delivery the same message.
#[derive(Debug, Clone, Copy)]
pub struct Stamp<'a> {
    /// The delivery, in the `Message-ID`: a mailbox that gets a letter twice can tell.
    pub delivery: &'a str,
    /// Since when the letter is owed: its `Date`.
    pub created: Timestamp,
}

/// Writes a letter out. `link` is that of its archive ([`super::Content::archive`]).
///
/// # Errors
/// [`MailError`]: the recipient is no address, or the link is missing.
pub fn compose(
    letter: &Letter,
    from: &Mailbox,
    stamp: Stamp<'_>,
    link: Option<&str>,
) -> Result<Message, MailError> {
    let to = parse_address(&letter.to).map_err(MailError::Recipient)?;
    let page = match letter.language {
        Language::En => english::page(&letter.content, link)?,
        Language::Ru => russian::page(&letter.content, link)?,
    };
    let message_id = format!("<{}@{}>", stamp.delivery, from.email.domain());
    // RFC 3834: nobody's holiday notice answers it.
    let automatic = HeaderName::new_from_ascii_str("Auto-Submitted");
    let message = Message::builder()
        .message_id(Some(message_id))
        .date(SystemTime::from(stamp.created))
        .from(from.clone())
        .to(Mailbox::new(None, to))
        .subject(&page.subject)
        .raw_header(HeaderValue::new(automatic, "auto-generated".to_owned()))
        .multipart(MultiPart::alternative_plain_html(page.plain(), page.html()))?;
    Ok(message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asset::AssetId;
    use crate::mail::Content;

    fn message(language: Language, link: Option<&str>) -> Result<Message, MailError> {
        let at = |text: &str| text.parse().unwrap();
        let content = Content::ArchiveReady {
            asset: AssetId::generate(),
            records: 2,
            bytes: 4_700_000_000,
            from: at("2026-10-01T00:00:00Z"),
            to: at("2026-10-31T23:59:59Z"),
            expires: at("2026-11-02T09:30:00Z"),
        };
        let letter = Letter { to: "ann@example.com".to_owned(), language, content };
        let from = "Reelgate <reelgate@example.com>".parse().unwrap();
        let stamp = Stamp { delivery: "d1", created: at("2026-11-01T21:30:00.5Z") };
        compose(&letter, &from, stamp, link)
    }

    #[test]
    fn the_headers_are_those_of_an_automatic_message() {
        let link = "https://r.example/archive/t";
        let text =
            String::from_utf8(message(Language::En, Some(link)).unwrap().formatted()).unwrap();
        for line in [
            "Message-ID: <d1@example.com>",
            "Date: Sun, 01 Nov 2026 21:30:00 +0000",
            "From: Reelgate <reelgate@example.com>",
            "To: ann@example.com",
            "Subject: Your archive of recordings is ready",
            "Auto-Submitted: auto-generated",
            "MIME-Version: 1.0",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
        }
        assert!(text.contains("multipart/alternative"));
        assert!(text.contains(link) && text.contains("4.7 GB"), "{text}");
        assert!(text.contains("2026-11-02 09:30:00 UTC"), "{text}");
    }

    #[test]
    fn every_line_is_ascii_and_short_in_both_languages() {
        let link = format!("https://r.example/archive/{}", "t".repeat(1200));
        for language in [Language::En, Language::Ru] {
            let message = message(language, Some(&link)).unwrap().formatted();
            assert!(message.is_ascii());
            let text = String::from_utf8(message).unwrap();
            assert!(text.split("\r\n").all(|line| line.len() <= 998));
        }
    }

    #[test]
    fn an_archive_without_its_link_is_no_letter() {
        assert!(matches!(message(Language::Ru, None), Err(MailError::NoLink)));
    }
}
