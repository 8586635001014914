//! Names inside a store. A key is a clear relative path; encoding it for a URL is the driver's work.

use std::fmt;

use jiff::civil::Date;

use crate::asset::{AssetId, TenantId};

/// Longest folder or file name, in bytes. With [`MAX_ATTEMPT_BYTES`] and the marks of a temporary
/// name around it, it fills the 255 bytes that common file systems allow.
pub const MAX_NAME_BYTES: usize = 212;

/// Longest attempt name, in bytes: a hyphenated UUID.
pub const MAX_ATTEMPT_BYTES: usize = 36;

/// Longest key, in bytes; well under the request line that every server takes.
pub const MAX_KEY_BYTES: usize = 1024;

/// File name of the manifest beside each asset.
pub const MANIFEST_NAME: &str = "manifest.json";

const PART_SUFFIX: &str = ".part";

/// Why a text names nothing in a store.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum KeyError {
    /// A name between two slashes, or the whole key, has no characters.
    #[error("a name in a store must not be empty")]
    Empty,
    /// A name is longer than [`MAX_NAME_BYTES`].
    #[error("a name in a store is {bytes} bytes long; the limit is {MAX_NAME_BYTES}")]
    NameTooLong {
        /// Length found, in bytes.
        bytes: usize,
    },
    /// The whole key is longer than [`MAX_KEY_BYTES`].
    #[error("a key is {bytes} bytes long; the limit is {MAX_KEY_BYTES}")]
    KeyTooLong {
        /// Length found, in bytes.
        bytes: usize,
    },
    /// A name begins with a dot: a path step, or the store's own temporary name.
    #[error("a name in a store must not begin with a dot")]
    Dot,
    /// A slash, backslash or control character inside a name.
    #[error("a name in a store must not hold the character at byte {offset}")]
    Character {
        /// Byte offset inside the name.
        offset: usize,
    },
    /// The file name that belongs to the manifest.
    #[error("the file name {MANIFEST_NAME} is reserved")]
    Reserved,
    /// An attempt that is not 1 to [`MAX_ATTEMPT_BYTES`] letters, digits, `-` or `_`.
    #[error("an attempt is 1 to {MAX_ATTEMPT_BYTES} letters, digits, hyphens and underscores")]
    Attempt,
}

fn check_name(name: &str) -> Result<(), KeyError> {
    if name.is_empty() {
        return Err(KeyError::Empty);
    }
    if name.len() > MAX_NAME_BYTES {
        return Err(KeyError::NameTooLong { bytes: name.len() });
    }
    if name.starts_with('.') {
        return Err(KeyError::Dot);
    }
    let refused = |c: char| c == '/' || c == '\\' || c.is_control();
    match name.find(refused) {
        Some(offset) => Err(KeyError::Character { offset }),
        None => Ok(()),
    }
}

fn check_path(path: &str) -> Result<(), KeyError> {
    if path.len() > MAX_KEY_BYTES {
        return Err(KeyError::KeyTooLong { bytes: path.len() });
    }
    path.split('/').try_for_each(check_name)
}

/// The name of one stored object: folders and a file name, joined by slashes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectKey(
    /// Invariant: 1 to [`MAX_KEY_BYTES`] bytes; no slash at either end.
    /// Invariant: each name has 1 to [`MAX_NAME_BYTES`] bytes and no leading dot.
    /// Invariant: no backslash, no control character.
    String,
);

impl ObjectKey {
    /// `{tenant}/{yyyy}/{mm}/{dd}/{asset}/{file_name}`.
    ///
    /// # Errors
    /// [`KeyError`] for a file name that breaks an invariant or is the manifest's.
    pub fn asset(
        tenant: &TenantId,
        date: Date,
        asset: AssetId,
        file_name: &str,
    ) -> Result<Self, KeyError> {
        check_name(file_name)?;
        if file_name.eq_ignore_ascii_case(MANIFEST_NAME) {
            return Err(KeyError::Reserved);
        }
        let (year, month, day) = (date.year(), date.month(), date.day());
        Self::parse(&format!("{tenant}/{year:04}/{month:02}/{day:02}/{asset}/{file_name}"))
    }

    /// Reads back a key that [`ObjectKey::as_str`] gave.
    ///
    /// # Errors
    /// [`KeyError`] names the broken invariant.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        check_path(text)?;
        Ok(Self(text.to_owned()))
    }

    /// The manifest beside this object.
    #[must_use]
    pub fn manifest(&self) -> Self {
        let folder = self.folder();
        Self(folder.join(MANIFEST_NAME))
    }

    /// The folder that holds this object.
    pub fn folder(&self) -> Folder {
        Folder(self.0.rsplit_once('/').map_or_else(String::new, |(folder, _)| folder.to_owned()))
    }

    /// The last name.
    pub fn file_name(&self) -> &str {
        self.0.rsplit_once('/').map_or(self.0.as_str(), |(_, name)| name)
    }

    /// The clear path, as given.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A folder of a store, or its root.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Folder(
    /// Invariant: empty for the root, else the invariants of [`ObjectKey`].
    String,
);

impl Folder {
    /// The folder that holds all others.
    pub const fn root() -> Self {
        Self(String::new())
    }

    /// The folder of one tenant.
    pub fn tenant(tenant: &TenantId) -> Self {
        Self(tenant.to_string())
    }

    /// Reads names joined by slashes; the empty text is the root.
    ///
    /// # Errors
    /// [`KeyError`] names the broken invariant.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        if !text.is_empty() {
            check_path(text)?;
        }
        Ok(Self(text.to_owned()))
    }

    /// The folder `name` in this one.
    ///
    /// # Errors
    /// [`KeyError`] names the broken invariant.
    pub fn child(&self, name: &str) -> Result<Self, KeyError> {
        check_name(name)?;
        Self::parse(&self.join(name))
    }

    /// The object `name` in this folder.
    ///
    /// # Errors
    /// [`KeyError`] names the broken invariant.
    pub fn object(&self, name: &str) -> Result<ObjectKey, KeyError> {
        check_name(name)?;
        ObjectKey::parse(&self.join(name))
    }

    /// The temporary object called `name` in this folder; `None` if `name` is no such name.
    pub fn part(&self, name: &str) -> Option<Part> {
        let inner = name.strip_prefix('.')?.strip_suffix(PART_SUFFIX)?;
        let (file_name, attempt) = inner.rsplit_once('.')?;
        Part::new(self.object(file_name).ok()?, attempt).ok()
    }

    /// The clear path; empty for the root.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn join(&self, name: &str) -> String {
        if self.0.is_empty() { name.to_owned() } else { format!("{}/{name}", self.0) }
    }
}

impl fmt::Display for Folder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/", self.0)
    }
}

/// One attempt to write an object: the temporary sibling `.{file}.{attempt}.part` of its key.
///
/// Two attempts at the same key never share a temporary name, so a late writer of the first cannot
/// change what the second has verified.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Part {
    key: ObjectKey,
    /// Invariant: 1 to [`MAX_ATTEMPT_BYTES`] ASCII letters, digits, `-` or `_`.
    attempt: String,
}

impl Part {
    /// The attempt called `attempt` at `key`.
    ///
    /// # Errors
    /// [`KeyError::Attempt`] for any other attempt name.
    pub fn new(key: ObjectKey, attempt: &str) -> Result<Self, KeyError> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        let right_length = (1..=MAX_ATTEMPT_BYTES).contains(&attempt.len());
        if !right_length || !attempt.bytes().all(allowed) {
            return Err(KeyError::Attempt);
        }
        Ok(Self { key, attempt: attempt.to_owned() })
    }

    /// What the attempt will become.
    pub const fn key(&self) -> &ObjectKey {
        &self.key
    }

    /// The name of the attempt.
    pub fn attempt(&self) -> &str {
        &self.attempt
    }

    /// The clear path of the temporary object.
    pub fn path(&self) -> String {
        let name = format!(".{}.{}{PART_SUFFIX}", self.key.file_name(), self.attempt);
        self.key.folder().join(&name)
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0197a5c2-7d3e-7c11-9b52-0242ac120002";

    fn key(file_name: &str) -> Result<ObjectKey, KeyError> {
        let (tenant, asset) = (TenantId::parse("acme").unwrap(), AssetId::parse(ID).unwrap());
        ObjectKey::asset(&tenant, Date::constant(2026, 3, 9), asset, file_name)
    }

    #[test]
    fn asset_keys_have_one_layout() {
        let key = key("call 1+2.wav").unwrap();
        assert_eq!(key.as_str(), format!("acme/2026/03/09/{ID}/call 1+2.wav"));
        assert_eq!(key.manifest().as_str(), format!("acme/2026/03/09/{ID}/manifest.json"));
        assert_eq!(key.file_name(), "call 1+2.wav");
        assert_eq!(ObjectKey::parse(key.as_str()), Ok(key));
    }

    #[test]
    fn path_tricks_are_refused() {
        for (name, expected) in [
            ("", KeyError::Empty),
            ("..", KeyError::Dot),
            (".x.wav", KeyError::Dot),
            ("a/b", KeyError::Character { offset: 1 }),
            ("ab\\c", KeyError::Character { offset: 2 }),
            ("a\0", KeyError::Character { offset: 1 }),
            ("Manifest.json", KeyError::Reserved),
        ] {
            assert_eq!(key(name), Err(expected), "{name:?}");
        }
        assert_eq!(key(&"a".repeat(213)), Err(KeyError::NameTooLong { bytes: 213 }));
        assert_eq!(ObjectKey::parse("a//b"), Err(KeyError::Empty));
        assert_eq!(ObjectKey::parse("/a"), Err(KeyError::Empty));
        assert_eq!(ObjectKey::parse("a/../b"), Err(KeyError::Dot));
        let long = format!("{}b", "a/".repeat(600));
        assert_eq!(ObjectKey::parse(&long), Err(KeyError::KeyTooLong { bytes: 1201 }));
    }

    #[test]
    fn temporary_names_are_siblings_and_read_back() {
        let part = Part::new(key("a.b.wav").unwrap(), "7-x").unwrap();
        assert!(part.path().ends_with(&format!("{ID}/.a.b.wav.7-x.part")));
        assert_eq!(part.key().folder().part(".a.b.wav.7-x.part"), Some(part));
        for name in ["a.wav", ".part", ".a.wav", ".a.b c.part", "..x.part"] {
            assert_eq!(Folder::root().part(name), None, "{name}");
        }
        let longest = Part::new(key(&"a".repeat(212)).unwrap(), ID).unwrap();
        assert_eq!(longest.path().rsplit_once('/').unwrap().1.len(), 255);
        for attempt in ["", "a.b", "a/b", &"a".repeat(37)] {
            assert_eq!(Part::new(key("a").unwrap(), attempt), Err(KeyError::Attempt), "{attempt}");
        }
    }
}
