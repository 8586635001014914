//! Definite-length DER, with lengths of any size that fits 64 bits (X.690 section 8.1.3).

use const_oid::ObjectIdentifier;

pub(super) const INTEGER: u8 = 0x02;
pub(super) const OCTET_STRING: u8 = 0x04;
pub(super) const NULL: u8 = 0x05;
pub(super) const OBJECT_IDENTIFIER: u8 = 0x06;
pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const SET: u8 = 0x31;
/// `[0]` as a container.
pub(super) const CONTEXT_0: u8 = 0xa0;
/// `[1]` as a container.
pub(super) const CONTEXT_1: u8 = 0xa1;
/// `[2]` as a container.
pub(super) const CONTEXT_2: u8 = 0xa2;
/// `[0]` in place of a primitive type.
pub(super) const CONTEXT_0_PRIMITIVE: u8 = 0x80;

/// Tag and length of a value of `len` bytes that follows elsewhere.
pub(super) fn head(tag: u8, len: u64) -> Vec<u8> {
    let mut out = vec![tag];
    match u8::try_from(len) {
        Ok(short) if short < 0x80 => out.push(short),
        _ => {
            let digits = len.to_be_bytes().into_iter().skip_while(|byte| *byte == 0);
            let digits: Vec<u8> = digits.collect();
            // At most eight digits, so the count always fits the low seven bits.
            out.push(0x80 | digits.len() as u8);
            out.extend(digits);
        }
    }
    out
}

/// One whole element.
pub(super) fn element(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let len: usize = parts.iter().map(|part| part.len()).sum();
    let mut out = head(tag, len as u64);
    parts.iter().for_each(|part| out.extend_from_slice(part));
    out
}

/// A SEQUENCE of elements that are already encoded.
pub(super) fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    element(SEQUENCE, parts)
}

/// A SET OF, its elements in the ascending order that DER asks for (X.690 section 11.6).
pub(super) fn set_of(mut parts: Vec<Vec<u8>>) -> Vec<u8> {
    parts.sort();
    let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
    element(SET, &parts)
}

/// An OBJECT IDENTIFIER.
pub(super) fn identifier(oid: &ObjectIdentifier) -> Vec<u8> {
    element(OBJECT_IDENTIFIER, &[oid.as_bytes()])
}

/// An INTEGER from 0 to 127.
pub(super) fn small_integer(value: u8) -> Vec<u8> {
    element(INTEGER, &[&[value & 0x7f]])
}

/// An OCTET STRING.
pub(super) fn octets(bytes: &[u8]) -> Vec<u8> {
    element(OCTET_STRING, &[bytes])
}

/// NULL.
pub(super) fn null() -> Vec<u8> {
    element(NULL, &[])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_take_as_few_digits_as_possible() {
        assert_eq!(head(0x30, 0), [0x30, 0]);
        assert_eq!(head(0x30, 127), [0x30, 127]);
        assert_eq!(head(0x30, 128), [0x30, 0x81, 128]);
        assert_eq!(head(0x30, 256), [0x30, 0x82, 1, 0]);
        assert_eq!(head(0x80, 5 << 30), [0x80, 0x85, 1, 0x40, 0, 0, 0]);
    }

    #[test]
    fn a_set_is_sorted() {
        let set = set_of(vec![small_integer(9), small_integer(3)]);
        assert_eq!(set, [0x31, 6, 2, 1, 3, 2, 1, 9]);
    }
}
