//! Names of things. Parsed once at the edge; a value of these types is safe in a log line, and
//! never a path: `store` and `spool` build their names from [`AssetId`] and digests only.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Longest id accepted from outside, in bytes. GIR call ids are 32, media ids under 120.
pub const MAX_ID_BYTES: usize = 200;

/// Why a text is not an id.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum IdError {
    /// The text has no characters.
    #[error("must not be empty")]
    Empty,
    /// The text is longer than [`MAX_ID_BYTES`].
    #[error("is {bytes} bytes long; the limit is {MAX_ID_BYTES}")]
    TooLong {
        /// Length found, in bytes.
        bytes: usize,
    },
    /// A character outside the allowed set.
    #[error(
        "has a character at byte {offset} that is not a letter, digit or one of . _ - : @ + = ~ ,"
    )]
    Character {
        /// Byte offset of the first refused character.
        offset: usize,
    },
    /// A name that file systems and URLs read as a direction.
    #[error("must not be or contain a path step")]
    PathStep,
}

fn check(text: &str) -> Result<(), IdError> {
    if text.is_empty() {
        return Err(IdError::Empty);
    }
    if text.len() > MAX_ID_BYTES {
        return Err(IdError::TooLong { bytes: text.len() });
    }
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-:@+=~,".contains(&byte);
    if let Some(offset) = text.bytes().position(|byte| !allowed(byte)) {
        return Err(IdError::Character { offset });
    }
    if text.starts_with('.') || text.contains("..") {
        return Err(IdError::PathStep);
    }
    Ok(())
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
        #[serde(transparent)]
        pub struct $name(
            /// Invariant: 1 to [`MAX_ID_BYTES`] bytes of the allowed characters, no path step.
            String,
        );

        impl $name {
            /// Checks `text` and keeps it unchanged.
            ///
            /// # Errors
            /// [`IdError`] says what is wrong and where.
            pub fn parse(text: &str) -> Result<Self, IdError> {
                check(text)?;
                Ok(Self(text.to_owned()))
            }

            /// The text as given.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                Self::parse(&text).map_err(serde::de::Error::custom)
            }
        }
    };
}

text_id! {
    /// The isolation boundary that every row, key, path and token belongs to.
    TenantId
}
text_id! {
    /// `id` of the insertion record: the call or contact.
    RecordingId
}
text_id! {
    /// `mediaFiles[].mediaId`: one media file, unique within a tenant.
    MediaId
}

text_id! {
    /// The whole conversation with a customer; the ACD call id where the ACD made it.
    ContactId
}
text_id! {
    /// One part of a contact: one agent's leg.
    SegmentId
}
text_id! {
    /// A part of a segment that can be asked for alone.
    StatementId
}
text_id! {
    /// A live call or screen session.
    InteractionId
}
text_id! {
    /// An appliance on the recorder channel.
    RecorderId
}
text_id! {
    /// An agent, as the CXone interfaces name one.
    UserId
}

impl TenantId {
    /// The tenant that exists without settings.
    pub fn default_tenant() -> Self {
        Self("default".to_owned())
    }
}

/// The gateway's own name of one asset: a UUID version 7, so that ids sort by time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AssetId(Uuid);

impl AssetId {
    /// A new id.
    pub fn generate() -> Self {
        Self(Uuid::now_v7())
    }

    /// Parses the hyphenated lower-case form, and no other.
    pub fn parse(text: &str) -> Option<Self> {
        let id = Uuid::try_parse(text).ok()?;
        (id.to_string() == text).then_some(Self(id))
    }

    /// Parses 32 hexadecimal digits.
    pub fn from_digits(text: &str) -> Option<Self> {
        let digits = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        Uuid::try_parse(text).ok().filter(|_| digits).map(Self)
    }

    /// As 32 hexadecimal digits in upper case.
    pub fn to_digits(&self) -> String {
        format!("{:X}", self.0.simple())
    }

    /// The 16 raw bytes.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }
}

impl fmt::Display for AssetId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn path_tricks_are_refused() {
        for (text, expected) in [
            ("", IdError::Empty),
            ("../etc", IdError::Character { offset: 2 }),
            ("..", IdError::PathStep),
            (".hidden", IdError::PathStep),
            ("a..b", IdError::PathStep),
            ("%2e%2e", IdError::Character { offset: 0 }),
            ("a\0b", IdError::Character { offset: 1 }),
            ("a/b", IdError::Character { offset: 1 }),
        ] {
            assert_eq!(MediaId::parse(text), Err(expected), "{text:?}");
        }
        assert_eq!(MediaId::parse(&"a".repeat(4096)), Err(IdError::TooLong { bytes: 4096 }));
        assert!(MediaId::parse("0A1B_2021-03-04_09-15-00-gw01.mp3").is_ok());
    }
}
