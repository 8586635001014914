//! Timed text that says nothing: what a sample of the same length looks like without its text.

/// The kinds of text that can be blanked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TextKind {
    /// 3GPP timed text and QuickTime text: 16-bit length, text, boxes that style it.
    Counted,
    /// WebVTT (ISO 14496-30): boxes.
    WebVtt,
    /// TTML (ISO 14496-30): an XML document.
    Xml,
    /// QuickTime closed captions: boxes.
    Captions,
}

impl TextKind {
    /// The kind of a sample entry.
    pub(super) const fn of(entry: [u8; 4]) -> Option<Self> {
        match &entry {
            b"tx3g" | b"text" => Some(Self::Counted),
            b"wvtt" => Some(Self::WebVtt),
            b"stpp" | b"sbtt" | b"stxt" => Some(Self::Xml),
            b"c608" | b"c708" => Some(Self::Captions),
            _ => None,
        }
    }

    /// A sample of `len` bytes without text.
    pub(super) fn blank(self, len: usize) -> Vec<u8> {
        let mut blank = match self {
            Self::Xml => return vec![b' '; len],
            Self::Counted => vec![0; len.min(2)],
            // An empty cue.
            Self::WebVtt if len == 8 || len >= 16 => b"\0\0\0\x08vtte".to_vec(),
            Self::WebVtt | Self::Captions => Vec::new(),
        };
        let rest = len.saturating_sub(blank.len());
        if let Some(size) = u32::try_from(rest).ok().filter(|size| *size >= 8) {
            blank.extend(size.to_be_bytes());
            blank.extend(if self == Self::WebVtt && blank.len() < 8 { b"vtte" } else { b"free" });
        }
        blank.resize(len, 0);
        blank
    }
}
