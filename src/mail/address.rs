//! One plain mail address, as callers and delivery rows give it.

use lettre::Address;

/// Longest address in bytes (RFC 5321, section 4.5.3.1.3, without the angle brackets).
pub const MAX_ADDRESS_BYTES: usize = 254;

/// Why a text is not used as an address. The text itself is in none of the messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AddressFault {
    /// Nothing is there.
    #[error("must not be empty")]
    Empty,
    /// Longer than any mailbox is.
    #[error("is {bytes} bytes long; the limit is {MAX_ADDRESS_BYTES}")]
    TooLong {
        /// Length found, in bytes.
        bytes: usize,
    },
    /// White space or a control character: a line break could add headers and recipients.
    #[error("has white space or a control character at byte {offset}")]
    Blank {
        /// Byte offset of the first one.
        offset: usize,
    },
    /// A character of names and lists.
    #[error("has a character of a name or a list at byte {offset}; one plain address is wanted")]
    NotPlain {
        /// Byte offset of the first one.
        offset: usize,
    },
    /// A character beyond ASCII, which few relays take.
    #[error(
        "has a character beyond ASCII at byte {offset}; write the domain in its xn-- form instead"
    )]
    NotAscii {
        /// Byte offset of the first one.
        offset: usize,
    },
    /// No `@`, or a part beside it that cannot be.
    #[error("is not an address such as name@example.com")]
    Form,
}

/// Reads one plain address: no name before it, no angle brackets, no quotes, no list.
///
/// # Errors
/// [`AddressFault`] says why; its text is written to follow the name of a parameter.
pub fn parse_address(text: &str) -> Result<Address, AddressFault> {
    if text.is_empty() {
        return Err(AddressFault::Empty);
    }
    if text.len() > MAX_ADDRESS_BYTES {
        return Err(AddressFault::TooLong { bytes: text.len() });
    }
    for (offset, character) in text.char_indices() {
        if character.is_whitespace() || character.is_control() {
            return Err(AddressFault::Blank { offset });
        }
        if !character.is_ascii() {
            return Err(AddressFault::NotAscii { offset });
        }
        if "<>(),;\"\\".contains(character) {
            return Err(AddressFault::NotPlain { offset });
        }
    }
    text.parse().map_err(|_| AddressFault::Form)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_addresses_are_read() {
        for text in ["a@example.com", "first.last+tag@mail.example.com", "o'neil@xn--e1afmkfd.ru"] {
            assert_eq!(parse_address(text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn everything_else_is_refused_by_name() {
        for (text, fault) in [
            ("", AddressFault::Empty),
            ("a@example.com\r\nBcc: b@example.com", AddressFault::Blank { offset: 13 }),
            ("a@example.com\n", AddressFault::Blank { offset: 13 }),
            (" a@example.com", AddressFault::Blank { offset: 0 }),
            ("a\u{2028}@example.com", AddressFault::Blank { offset: 1 }),
            ("a\0@example.com", AddressFault::Blank { offset: 1 }),
            ("Ann<a@example.com>", AddressFault::NotPlain { offset: 3 }),
            ("a@example.com,b@example.com", AddressFault::NotPlain { offset: 13 }),
            ("\"a\"@example.com", AddressFault::NotPlain { offset: 0 }),
            ("почта@example.com", AddressFault::NotAscii { offset: 0 }),
            ("example.com", AddressFault::Form),
            ("@example.com", AddressFault::Form),
            ("a@", AddressFault::Form),
            ("a@b@example.com", AddressFault::Form),
            ("a@-example-.com", AddressFault::Form),
        ] {
            assert_eq!(parse_address(text), Err(fault), "{text:?}");
        }
        let long = format!("{}@example.com", "a".repeat(250));
        assert_eq!(parse_address(&long), Err(AddressFault::TooLong { bytes: 262 }));
    }
}
