//! What a media file is.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What an asset holds (`docs/api.md`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MediaKind {
    /// A call's sound.
    Voice,
    /// A desktop's picture, with or without sound.
    Screen,
    /// A chat transcript's attachment.
    Chat,
    /// An e-mail's attachment.
    Email,
}

/// The media types that are taken in; anything else is answered with 415.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MediaType {
    /// `audio/wav`: RIFF, RF64.
    Wav,
    /// `audio/mp3`, the spelling that GIR uses (R17).
    Mp3,
    /// `audio/mp4`.
    M4a,
    /// `audio/aac`: ADTS.
    Aac,
    /// `audio/ogg`: Opus, Vorbis.
    Ogg,
    /// `audio/flac`.
    Flac,
    /// `audio/amr`.
    Amr,
    /// `audio/gsm`: frames of GSM 06.10.
    Gsm,
    /// `video/mp4`.
    Mp4,
    /// `video/webm`.
    Webm,
    /// `video/x-matroska`.
    Matroska,
}

impl MediaType {
    /// Recognises a MIME type by its essence; parameters and case do not matter.
    pub fn from_mime(text: &str) -> Option<Self> {
        let essence = text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        Some(match essence.as_str() {
            "audio/wav" | "audio/x-wav" | "audio/wave" | "audio/vnd.wave" => Self::Wav,
            "audio/mp3" | "audio/mpeg" | "audio/mpeg3" | "audio/x-mpeg-3" => Self::Mp3,
            "audio/mp4" | "audio/m4a" | "audio/x-m4a" => Self::M4a,
            "audio/aac" | "audio/aacp" => Self::Aac,
            "audio/ogg" | "audio/opus" | "audio/vorbis" => Self::Ogg,
            "audio/flac" | "audio/x-flac" => Self::Flac,
            "audio/amr" | "audio/amr-wb" => Self::Amr,
            "audio/gsm" | "audio/x-gsm" => Self::Gsm,
            "video/mp4" => Self::Mp4,
            "video/webm" | "audio/webm" => Self::Webm,
            "video/x-matroska" | "audio/x-matroska" => Self::Matroska,
            _ => return None,
        })
    }

    /// The canonical spelling, as GIR wants it (`audio/mp3`, not `audio/mpeg`).
    pub const fn mime(self) -> &'static str {
        match self {
            Self::Wav => "audio/wav",
            Self::Mp3 => "audio/mp3",
            Self::M4a => "audio/mp4",
            Self::Aac => "audio/aac",
            Self::Ogg => "audio/ogg",
            Self::Flac => "audio/flac",
            Self::Amr => "audio/amr",
            Self::Gsm => "audio/gsm",
            Self::Mp4 => "video/mp4",
            Self::Webm => "video/webm",
            Self::Matroska => "video/x-matroska",
        }
    }

    /// The `Content-Type` for a listener: the registered name where GIR's differs.
    pub const fn http_mime(self) -> &'static str {
        match self {
            Self::Mp3 => "audio/mpeg",
            other => other.mime(),
        }
    }

    /// File name extension without the dot.
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Wav => "wav",
            Self::Mp3 => "mp3",
            Self::M4a => "m4a",
            Self::Aac => "aac",
            Self::Ogg => "ogg",
            Self::Flac => "flac",
            Self::Amr => "amr",
            Self::Gsm => "gsm",
            Self::Mp4 => "mp4",
            Self::Webm => "webm",
            Self::Matroska => "mkv",
        }
    }

    /// What such a file holds when the document does not say.
    pub const fn default_kind(self) -> MediaKind {
        match self {
            Self::Mp4 | Self::Webm | Self::Matroska => MediaKind::Screen,
            _ => MediaKind::Voice,
        }
    }

    /// Whether it holds sound only.
    pub const fn is_sound(self) -> bool {
        !matches!(self, Self::Mp4 | Self::Webm | Self::Matroska)
    }
}

impl fmt::Display for MediaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.mime())
    }
}
