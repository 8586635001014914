//! What a token says.
//!
//! Clients read `tenantId` and `area` out of a token without verifying it, and one of them decodes it
//! with the alphabet of plain base64. So no value holds a character that could put a `-` or `_` into
//! base64url: of ASCII only `>`, `?`, `~` and DEL can, as the third byte of a group.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// How far clocks may differ, in seconds: an expired token is accepted so much longer, and one
/// issued in the future by so much.
const LEEWAY_S: i64 = 30;

/// Which of the two tokens it is; the `typ` of its header (RFC 9068 section 2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TokenKind {
    /// For calling interfaces.
    Access,
    /// About who signed in.
    Id,
}

impl TokenKind {
    /// Both.
    pub(super) const ALL: [Self; 2] = [Self::Access, Self::Id];

    pub(super) const fn typ(self) -> &'static str {
        match self {
            Self::Access => "at+jwt",
            Self::Id => "JWT",
        }
    }
}

/// The claims of both tokens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Claims {
    /// Who issued it.
    pub(super) iss: String,
    /// Login name of the principal.
    pub(super) sub: String,
    /// Whom it is for: the address of this gateway.
    pub(super) aud: String,
    /// Seconds since 1970-01-01 UTC, from which on it is void.
    pub(super) exp: i64,
    /// When it was issued.
    pub(super) iat: i64,
    /// A name of its own.
    pub(super) jti: String,
    /// Tenant.
    #[serde(rename = "tenantId")]
    pub(super) tenant_id: String,
    /// Login name again, as clients look for it.
    #[serde(rename = "userId")]
    pub(super) user_id: String,
    /// `identity.area`.
    pub(super) area: String,
    /// Login name, for showing.
    pub(super) name: String,
    /// The access key that it was issued for.
    pub(super) akid: String,
    /// Which secret of that key; a new secret voids what the old one brought.
    pub(super) akgen: i64,
    /// The application that it was issued to; then `akid` is empty, and `akgen` changes with the
    /// passwords.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) app: Option<String>,
    /// In an access token, the permissions at its issue. They inform the client; what a caller may
    /// do is read from the catalogue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) scope: Option<String>,
}

impl Claims {
    /// Whether the token is within its time at `now`.
    pub(super) fn is_current(&self, now: Timestamp) -> bool {
        let now = now.as_second();
        now.saturating_sub(LEEWAY_S) < self.exp && self.iat <= now.saturating_add(LEEWAY_S)
    }
}

/// Whether a text may stand in a token: printable ASCII without `>`, `?` and `~`.
pub fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| (b' '..=b'}').contains(&byte) && byte != b'>' && byte != b'?')
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

    use super::*;

    #[test]
    fn plain_text_has_one_base64_in_both_alphabets() {
        for byte in 0_u8..=255 {
            let texts = [[byte, b'a', b'a'], [b'a', byte, b'a'], [b'a', b'a', byte]];
            let same = texts
                .iter()
                .all(|text| STANDARD_NO_PAD.encode(text) == URL_SAFE_NO_PAD.encode(text));
            if let Some(text) = std::str::from_utf8(&[byte]).ok().filter(|text| is_plain(text)) {
                assert!(same, "{text:?} is not decoded by a plain alphabet");
            }
        }
        for text in ["a>", "?", "~", "\u{7f}", "\n", "\u{e9}"] {
            assert!(!is_plain(text), "{text:?}");
        }
        assert!(is_plain("https://recordings.example:8480/a_b-c {\"}"));
    }

    fn claims(iat: i64, exp: i64) -> Claims {
        Claims {
            iss: String::new(),
            sub: String::new(),
            aud: String::new(),
            exp,
            iat,
            jti: String::new(),
            tenant_id: String::new(),
            user_id: String::new(),
            area: String::new(),
            name: String::new(),
            akid: String::new(),
            akgen: 0,
            app: None,
            scope: None,
        }
    }

    #[test]
    fn a_token_is_current_from_its_issue_to_its_end_with_a_little_leeway() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let claims = claims(1000, 2000);
        for (second, current) in
            [(969, false), (970, true), (1999, true), (2029, true), (2030, false), (9999, false)]
        {
            assert_eq!(claims.is_current(at(second)), current, "{second}");
        }
    }
}
