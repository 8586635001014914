//! Letters in English.

use jiff::Timestamp;

use super::page::{Block, Page, size, utc};
use super::{Content, MailError};

fn time(at: Timestamp) -> String {
    utc(at, "%Y-%m-%d %H:%M:%S UTC")
}

fn length(bytes: u64) -> String {
    size(bytes, ["B", "kB", "MB", "GB", "TB"], '.')
}

fn note() -> Block {
    Block::Note(
        "This message was sent automatically by the recording gateway. Replies are not read."
            .to_owned(),
    )
}

/// The letter in English.
///
/// # Errors
/// [`MailError::NoLink`] when it needs a link and there is none.
pub(super) fn page(content: &Content, link: Option<&str>) -> Result<Page, MailError> {
    let (subject, mut blocks) = match content {
        Content::ArchiveReady { records, bytes, from, to, expires, .. } => {
            let link = link.ok_or(MailError::NoLink)?.to_owned();
            let facts = vec![
                ("Period", format!("{} to {}", time(*from), time(*to))),
                ("Recordings", records.to_string()),
                ("Size", length(*bytes)),
                ("Link valid until", time(*expires)),
            ];
            let blocks = vec![
                Block::Text("The archive of recordings that you asked for is ready.".to_owned()),
                Block::Facts(facts),
                Block::Link("Download the archive", link),
                Block::Text(
                    "Whoever has this link can download the archive without signing in, so please \
                     do not forward this message."
                        .to_owned(),
                ),
            ];
            ("Your archive of recordings is ready".to_owned(), blocks)
        }
        Content::ArchiveFailed { from, to, reason } => {
            let facts = vec![
                ("Period", format!("{} to {}", time(*from), time(*to))),
                ("Reason", reason.clone()),
            ];
            let blocks = vec![
                Block::Text(
                    "The archive of recordings that you asked for could not be made.".to_owned(),
                ),
                Block::Facts(facts),
                Block::Text(
                    "You can ask for it again. If that fails too, please turn to your \
                     administrator."
                        .to_owned(),
                ),
            ];
            ("Your archive of recordings could not be made".to_owned(), blocks)
        }
        Content::SpaceWarning { tenant, used_bytes, quota_bytes, percent } => {
            let facts = vec![
                ("Tenant", tenant.clone()),
                ("Used", length(*used_bytes)),
                ("Limit", length(*quota_bytes)),
            ];
            let blocks = vec![
                Block::Text(format!("The recordings take up {percent}% of their storage space.")),
                Block::Facts(facts),
                Block::Text(
                    "Please delete recordings that are no longer needed, or raise the limit."
                        .to_owned(),
                ),
            ];
            (format!("Storage space for recordings: {percent}% used"), blocks)
        }
    };
    blocks.push(note());
    Ok(Page { subject, language: "en", blocks })
}
