//! The text of a letter before it is plain text and HTML: one source for both, so that they say the
//! same.

use jiff::Timestamp;

/// Style of the HTML part; mail programs read little more.
const STYLE: &str = "font-family:sans-serif;font-size:15px;line-height:1.5;color:#222";

/// Something that stands by itself in a letter.
pub(super) enum Block {
    /// A paragraph.
    Text(String),
    /// Rows of a name and a value.
    Facts(Vec<(&'static str, String)>),
    /// A link, with the words that the HTML part shows for it.
    Link(&'static str, String),
    /// A paragraph in small print, about the letter itself.
    Note(String),
}

/// A letter as it is read.
pub(super) struct Page {
    /// Subject, in one line.
    pub(super) subject: String,
    /// Language of the HTML part.
    pub(super) language: &'static str,
    /// From top to bottom.
    pub(super) blocks: Vec<Block>,
}

impl Page {
    /// The part that every mail program can show.
    pub(super) fn plain(&self) -> String {
        let blocks: Vec<String> = self.blocks.iter().map(plain).collect();
        let mut text = blocks.join("\r\n\r\n");
        text.push_str("\r\n");
        text
    }

    /// The same as HTML; everything in it is escaped.
    pub(super) fn html(&self) -> String {
        let blocks: String = self.blocks.iter().map(html).collect();
        let (language, subject) = (self.language, escape(&self.subject));
        format!(
            "<!DOCTYPE html>\r\n<html lang=\"{language}\"><head><meta charset=\"utf-8\">\
             <title>{subject}</title></head>\r\n<body style=\"{STYLE}\">\r\n{blocks}</body></html>\r\n"
        )
    }
}

fn plain(block: &Block) -> String {
    match block {
        Block::Text(text) => one_line(text),
        Block::Facts(rows) => {
            let lines: Vec<String> =
                rows.iter().map(|(name, value)| format!("{name}: {}", one_line(value))).collect();
            lines.join("\r\n")
        }
        Block::Link(_, url) => one_line(url),
        Block::Note(text) => format!("-- \r\n{}", one_line(text)),
    }
}

fn html(block: &Block) -> String {
    match block {
        Block::Text(text) => format!("<p>{}</p>\r\n", escape(text)),
        Block::Facts(rows) => {
            let cell = "padding:2px 16px 2px 0";
            let rows: String = rows
                .iter()
                .map(|(name, value)| {
                    let (name, value) = (escape(name), escape(value));
                    format!(
                        "<tr><td style=\"{cell};color:#666\">{name}</td>\
                         <td style=\"{cell}\">{value}</td></tr>\r\n"
                    )
                })
                .collect();
            format!("<table style=\"border-collapse:collapse\">\r\n{rows}</table>\r\n")
        }
        Block::Link(words, url) => {
            format!("<p><a href=\"{}\">{}</a></p>\r\n", escape(url), escape(words))
        }
        Block::Note(text) => {
            format!("<p style=\"color:#666;font-size:13px\">{}</p>\r\n", escape(text))
        }
    }
}

/// Line breaks of a value would look like lines of our own.
fn one_line(text: &str) -> String {
    text.split(|c: char| c.is_control())
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in one_line(text).chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

/// A time in UTC, and written so. The pattern is that of the language.
pub(super) fn utc(at: Timestamp, pattern: &str) -> String {
    at.strftime(pattern).to_string()
}

/// A length in the largest of `units` that it fills (each a thousand of the one before), with one
/// decimal above the first.
pub(super) fn size(bytes: u64, units: [&str; 5], comma: char) -> String {
    let mut exponent = 0_u32;
    // From 999,950 on one decimal would show a thousand of the unit.
    while exponent < 4 && bytes >= rounds_to_thousand(exponent) {
        exponent += 1;
    }
    let unit = usize::try_from(exponent).ok().and_then(|at| units.get(at)).unwrap_or(&"");
    if exponent == 0 {
        return format!("{bytes} {unit}");
    }
    let tenth = 1000_u64.pow(exponent) / 10;
    let tenths = bytes / tenth + u64::from(bytes % tenth >= tenth / 2);
    format!("{}{comma}{} {unit}", tenths / 10, tenths % 10)
}

/// From how many bytes on a length is shown in the unit after the one of `exponent`.
const fn rounds_to_thousand(exponent: u32) -> u64 {
    let thousand = 1000_u64.pow(exponent + 1);
    if exponent == 0 { thousand } else { thousand - 1000_u64.pow(exponent) / 20 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_readable() {
        let units = ["B", "kB", "MB", "GB", "TB"];
        for (bytes, shown) in [
            (0, "0 B"),
            (999, "999 B"),
            (1000, "1.0 kB"),
            (1049, "1.0 kB"),
            (1050, "1.1 kB"),
            (999_949, "999.9 kB"),
            (999_950, "1.0 MB"),
            (4_700_000_000, "4.7 GB"),
            (u64::MAX, "18446744.1 TB"),
        ] {
            assert_eq!(size(bytes, units, '.'), shown);
        }
    }

    #[test]
    fn nothing_of_a_value_is_markup_or_a_line_of_its_own() {
        let page = Page {
            subject: "a<b>".to_owned(),
            language: "en",
            blocks: vec![
                Block::Text("<script>\"&'\r\n.\r\nQUIT".to_owned()),
                Block::Link("get", "https://x.example/\"onclick=\"a".to_owned()),
            ],
        };
        let html = page.html();
        assert!(html.contains("<p>&lt;script&gt;&quot;&amp;&#39; . QUIT</p>"), "{html}");
        assert!(html.contains("href=\"https://x.example/&quot;onclick=&quot;a\""), "{html}");
        assert!(html.contains("<title>a&lt;b&gt;</title>"), "{html}");
        assert!(page.plain().starts_with("<script>\"&' . QUIT\r\n\r\nhttps://"));
    }
}
