//! Signed links: HMAC-SHA256 over everything the server sees of the URL.
//!
//! ```text
//! /media/v1/{asset id}/{file name}?issued=1767223800&expires=1767225600&key=k1f3&mode=inline&signature=BASE64URL
//! ```
//! The signature covers path and query as they are written, up to `&signature=`; there is one
//! spelling of a valid link and no other. It is compared as text in constant time. `GET` and `HEAD`
//! are both granted. A link that is bound to an address says `&client=1` before the signature, which
//! then covers the address too.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use jiff::{SignedDuration, Timestamp};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use super::PlayError;
use crate::asset::AssetId;
use crate::seal::Random;

/// Path that all links begin with.
pub const LINK_PATH: &str = "/media/v1/";
/// Keys kept after rotations; links of older ones are void.
const MAX_KEYS: usize = 8;
/// Longest link that is looked at, in bytes.
const MAX_LINK_BYTES: usize = 2048;
/// How a link says that it is bound to an address.
const BOUND: &str = "&client=1";
/// Characters of a signature that name its link in the audit trail: 72 bits.
const TAG_CHARS: usize = 12;
/// What the file-name part of a path keeps as it is.
const PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Whether a browser plays or saves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disposition {
    /// Plays.
    Inline,
    /// Saves.
    Attachment,
}

impl Disposition {
    /// The word in links and in `Content-Disposition`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Inline => "inline",
            Self::Attachment => "attachment",
        }
    }
}

/// What a link grants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinkTarget {
    /// The one asset.
    pub asset: AssetId,
    /// How it is offered.
    pub disposition: Disposition,
}

/// A link about to be made.
#[derive(Debug, Clone, Copy)]
pub struct Link<'l> {
    /// What it grants.
    pub target: LinkTarget,
    /// File name shown at the end of the path.
    pub file_name: &'l str,
    /// When it is made; links are taken back up to an instant.
    pub issued: Timestamp,
    /// First instant at which it is void.
    pub expires: Timestamp,
    /// The only address that it is good for, if it is bound to one.
    pub client: Option<IpAddr>,
}

/// What a good link says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// What it grants.
    pub target: LinkTarget,
    /// When it was made, to the second.
    pub issued: Timestamp,
    /// Names the link in the audit trail: the beginning of its signature.
    pub tag: String,
}

impl Link<'_> {
    /// When a link made at `now` to a recording of this length expires: max(`life_s`, length).
    pub fn expiry(now: Timestamp, duration_ms: u64, life_s: u64) -> Timestamp {
        let seconds = duration_ms.div_ceil(1000).max(life_s);
        let life = SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX));
        now.checked_add(life).unwrap_or(Timestamp::MAX)
    }
}

struct Key {
    id: String,
    secret: Zeroizing<Vec<u8>>,
}

/// The keys of links: one `id secret` a line, the newest first. A key that is removed from the
/// file voids its links.
pub struct LinkKeys {
    path: PathBuf,
    keys: RwLock<Vec<Key>>,
}

impl std::fmt::Debug for LinkKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LinkKeys")
    }
}

impl LinkKeys {
    /// Reads the key file at `path`, or makes it with one key.
    ///
    /// # Errors
    /// [`PlayError::Keys`].
    pub fn load_or_create(path: &Path, random: &dyn Random) -> Result<Self, PlayError> {
        let keys = Self { path: path.to_owned(), keys: RwLock::new(Vec::new()) };
        match std::fs::read_to_string(path).map(Zeroizing::new) {
            Ok(text) => keys.set(parse(&text).ok_or_else(|| fault("the file is not readable"))?),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => keys.rotate(random)?,
            Err(error) => return Err(fault(&error.to_string())),
        }
        Ok(keys)
    }

    /// Makes a new key for new links. Old links stay valid until they expire.
    ///
    /// # Errors
    /// [`PlayError::Keys`].
    pub fn rotate(&self, random: &dyn Random) -> Result<(), PlayError> {
        let mut bytes = Zeroizing::new([0_u8; 34]);
        random.fill(bytes.as_mut_slice()).map_err(|_| fault("no randomness"))?;
        let (id, secret) = bytes.split_at_checked(2).ok_or_else(|| fault("key length"))?;
        let id: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
        let old = std::fs::read_to_string(&self.path).map(Zeroizing::new).unwrap_or_default();
        let new = Zeroizing::new(format!("k{id} {}", URL_SAFE_NO_PAD.encode(secret)));
        let lines: Vec<&str> =
            std::iter::once(new.as_str()).chain(old.lines()).take(MAX_KEYS).collect();
        let text = Zeroizing::new(lines.join("\n") + "\n");
        crate::seal::write_private_file(&self.path, text.as_bytes())
            .map_err(|error| fault(&error.to_string()))?;
        self.set(parse(&text).ok_or_else(|| fault("the file is not readable"))?);
        Ok(())
    }

    fn set(&self, keys: Vec<Key>) {
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = keys;
    }

    /// How many keys there are: the newest signs, all verify.
    pub fn count(&self) -> usize {
        self.keys.read().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// The path and query of a link.
    ///
    /// # Errors
    /// [`PlayError::Keys`] when there is no key.
    pub fn sign(&self, link: &Link<'_>) -> Result<String, PlayError> {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        let key = keys.first().ok_or_else(|| fault("there is no key"))?;
        let name = utf8_percent_encode(link.file_name, PATH);
        let covered = format!(
            "{LINK_PATH}{}/{name}?issued={}&expires={}&key={}&mode={}{}",
            link.target.asset,
            link.issued.as_second(),
            link.expires.as_second(),
            key.id,
            link.target.disposition.name(),
            if link.client.is_some() { BOUND } else { "" },
        );
        let signature = mac(&key.secret, &covered, link.client)?;
        Ok(format!("{covered}&signature={signature}"))
    }

    /// HMAC of a text under a key, with the key's id: the newest key when none is named; nothing when
    /// the named one is not there any more.
    pub(super) fn mac_with(
        &self,
        key: Option<&str>,
        covered: &str,
    ) -> Result<Option<(String, String)>, PlayError> {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        let found = match key {
            Some(id) => keys.iter().find(|key| key.id == id),
            None => Some(keys.first().ok_or_else(|| fault("there is no key"))?),
        };
        let Some(key) = found else { return Ok(None) };
        Ok(Some((key.id.clone(), mac(&key.secret, covered, None)?)))
    }

    /// The name of a link in the audit trail; nothing for a text that is no link.
    pub fn tag(link: &str) -> Option<&str> {
        link.rsplit_once("&signature=").and_then(|(_, signature)| signature.get(..TAG_CHARS))
    }

    /// Verifies the path and query of a request from `client`.
    ///
    /// # Errors
    /// [`PlayError::Altered`] for anything but a link that was signed here, and
    /// [`PlayError::Expired`] for one whose time is over.
    pub fn verify(
        &self,
        path_and_query: &str,
        client: IpAddr,
        now: Timestamp,
    ) -> Result<Grant, PlayError> {
        if path_and_query.len() > MAX_LINK_BYTES {
            return Err(PlayError::Altered);
        }
        let parts = split(path_and_query).ok_or(PlayError::Altered)?;
        let expected = {
            let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
            let key = keys.iter().find(|key| key.id == parts.key).ok_or(PlayError::Altered)?;
            mac(&key.secret, parts.covered, parts.bound.then_some(client))?
        };
        if !bool::from(expected.as_bytes().ct_eq(parts.signature.as_bytes())) {
            return Err(PlayError::Altered);
        }
        if now.as_second() >= parts.expires {
            return Err(PlayError::Expired);
        }
        let issued = Timestamp::from_second(parts.issued).map_err(|_| PlayError::Altered)?;
        let tag = parts.signature.get(..TAG_CHARS).unwrap_or_default().to_owned();
        Ok(Grant { target: parts.target, issued, tag })
    }
}

struct Parts<'l> {
    covered: &'l str,
    signature: &'l str,
    key: &'l str,
    issued: i64,
    expires: i64,
    bound: bool,
    target: LinkTarget,
}

fn split(link: &str) -> Option<Parts<'_>> {
    let (covered, signature) = link.rsplit_once("&signature=")?;
    let (path, query) = covered.split_once('?')?;
    let (asset, _name) = path.strip_prefix(LINK_PATH)?.split_once('/')?;
    let (issued, rest) = query.strip_prefix("issued=")?.split_once("&expires=")?;
    let (expires, rest) = rest.split_once("&key=")?;
    let (key, mode) = rest.split_once("&mode=")?;
    let (mode, bound) = mode.strip_suffix(BOUND).map_or((mode, false), |mode| (mode, true));
    let disposition = match mode {
        "inline" => Disposition::Inline,
        "attachment" => Disposition::Attachment,
        _ => return None,
    };
    let target = LinkTarget { asset: AssetId::parse(asset)?, disposition };
    let (issued, expires) = (issued.parse().ok()?, expires.parse().ok()?);
    Some(Parts { covered, signature, key, issued, expires, bound, target })
}

fn mac(secret: &[u8], covered: &str, client: Option<IpAddr>) -> Result<String, PlayError> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).map_err(|_| fault("key length"))?;
    mac.update(b"reelgate link v2\n");
    mac.update(covered.as_bytes());
    if let Some(client) = client {
        mac.update(format!("\n{client}").as_bytes());
    }
    Ok(URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
}

fn parse(text: &str) -> Option<Vec<Key>> {
    let keys: Option<Vec<Key>> = text
        .lines()
        .map(|line| {
            let (id, secret) = line.split_once(' ')?;
            let secret = Zeroizing::new(URL_SAFE_NO_PAD.decode(secret).ok()?);
            (secret.len() == 32).then(|| Key { id: id.to_owned(), secret })
        })
        .collect();
    keys.filter(|keys| !keys.is_empty())
}

fn fault(detail: &str) -> PlayError {
    PlayError::Keys { detail: detail.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seal::SystemRandom;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    fn link(asset: AssetId, expires: Timestamp) -> Link<'static> {
        let target = LinkTarget { asset, disposition: Disposition::Inline };
        let issued = Timestamp::from_second(1_799_999_999).unwrap();
        let file_name = "CXone recording_Kim Lee_[UTC]_1.wav";
        Link { target, file_name, issued, expires, client: None }
    }

    #[test]
    fn every_changed_character_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let keys =
            LinkKeys::load_or_create(&folder.path().join("link.keys"), &SystemRandom).unwrap();
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let asset = AssetId::generate();
        let expires = Link::expiry(now, 0, 1800);
        let signed = keys.sign(&link(asset, expires)).unwrap();
        assert_eq!(keys.verify(&signed, HERE, now).unwrap().target.asset, asset);
        for at in 0..signed.len() {
            for replacement in ["A", "a", "0", "1", "-", "&", "=", "?", "/", "%"] {
                if &signed[at..=at] == replacement {
                    continue;
                }
                let mut altered = signed.clone();
                altered.replace_range(at..=at, replacement);
                assert!(
                    matches!(keys.verify(&altered, HERE, now), Err(PlayError::Altered)),
                    "{altered}"
                );
            }
        }
        assert!(matches!(keys.verify(&signed, HERE, expires), Err(PlayError::Expired)));
    }

    #[test]
    fn links_outlive_a_rotation_and_a_restart_but_not_their_key() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("link.keys");
        let keys = LinkKeys::load_or_create(&path, &SystemRandom).unwrap();
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let expires = Link::expiry(now, 7_200_000, 1800);
        assert_eq!(expires.as_second(), 1_800_007_200);
        let signed = keys.sign(&link(AssetId::generate(), expires)).unwrap();
        keys.rotate(&SystemRandom).unwrap();
        let keys = LinkKeys::load_or_create(&path, &SystemRandom).unwrap();
        assert!(keys.verify(&signed, HERE, now).is_ok());
        for _ in 0..MAX_KEYS {
            keys.rotate(&SystemRandom).unwrap();
        }
        assert!(matches!(keys.verify(&signed, HERE, now), Err(PlayError::Altered)));
    }

    #[test]
    fn a_bound_link_is_good_for_its_address_only() {
        let folder = tempfile::tempdir().unwrap();
        let keys =
            LinkKeys::load_or_create(&folder.path().join("link.keys"), &SystemRandom).unwrap();
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let expires = Link::expiry(now, 0, 1800);
        let bound = Link { client: Some(HERE), ..link(AssetId::generate(), expires) };
        let signed = keys.sign(&bound).unwrap();
        let grant = keys.verify(&signed, HERE, now).unwrap();
        assert_eq!(LinkKeys::tag(&signed), Some(grant.tag.as_str()));
        assert_eq!(grant.issued.as_second(), 1_799_999_999);
        let other = "192.0.2.7".parse().unwrap();
        assert!(matches!(keys.verify(&signed, other, now), Err(PlayError::Altered)));
        let freed = signed.replace(BOUND, "");
        assert!(matches!(keys.verify(&freed, HERE, now), Err(PlayError::Altered)));
    }
}
