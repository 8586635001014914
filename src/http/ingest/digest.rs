//! `Repr-Digest` and `Content-Digest` (RFC 9530), as far as SHA-256.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;

use super::problem::Problem;
use crate::asset::Digest;

/// Longest digest header that is looked at, in bytes.
const MAX_HEADER_BYTES: usize = 1024;

/// The SHA-256 that the headers promise, with the name of the header. Other algorithms are not
/// checked.
pub(super) fn promised(headers: &HeaderMap) -> Result<Option<(Digest, String)>, Problem> {
    read(headers, &["repr-digest", "content-digest"])
}

/// The same of the whole file only: `Content-Digest` is of the body at hand.
pub(super) fn promised_of_whole(headers: &HeaderMap) -> Result<Option<(Digest, String)>, Problem> {
    read(headers, &["repr-digest"])
}

fn read(headers: &HeaderMap, names: &[&str]) -> Result<Option<(Digest, String)>, Problem> {
    for name in names {
        let Some(value) = headers.get(*name) else { continue };
        let bad = || {
            let detail = format!("{name} must be of the form sha-256=:BASE64:");
            Problem::bad_request("digest_header", detail)
        };
        let text = value.to_str().ok().filter(|text| text.len() <= MAX_HEADER_BYTES);
        for member in text.ok_or_else(bad)?.split(',') {
            let (algorithm, value) = member.trim().split_once('=').ok_or_else(bad)?;
            if algorithm.eq_ignore_ascii_case("sha-256") {
                let inner = value.strip_prefix(':').and_then(|value| value.strip_suffix(':'));
                let bytes = STANDARD.decode(inner.ok_or_else(bad)?).map_err(|_| bad())?;
                let bytes: [u8; 32] = bytes.try_into().map_err(|_| bad())?;
                return Ok(Some((Digest::from_bytes(bytes), (*name).to_owned())));
            }
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sha_256_is_found_among_others() {
        let mut headers = HeaderMap::new();
        let text = "sha-512=:AAAA:, sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:";
        headers.insert("repr-digest", text.parse().unwrap());
        let (digest, name) = promised(&headers).unwrap().unwrap();
        assert_eq!((digest, name.as_str()), (Digest::of(b""), "repr-digest"));
        headers.insert("repr-digest", "sha-256=47DE".parse().unwrap());
        assert!(promised(&headers).is_err());
    }
}
