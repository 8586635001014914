//! The data directory: keys and secrets of this node, made at the first start.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, bail};
use jiff::Timestamp;
use zeroize::Zeroizing;

use crate::config::{read_secret, require_private};
use crate::identity::TokenKey;
use crate::play::LinkKeys;
use crate::seal::{
    PrivateKey, Random, Recipient, SigningKey, generate_recipient, write_private_file,
};
use crate::spool::NodeKey;

/// Bearer token with every permission of the default tenant.
pub const OPERATOR_TOKEN: &str = "operator.token";
/// `user:password` of the insertion endpoint.
pub const OPS_CREDENTIALS: &str = "ops.credentials";

/// The data directory, locked for this process.
#[derive(Debug)]
pub struct DataDir {
    folder: PathBuf,
    #[expect(dead_code, reason = "held for its lock")]
    lock: Option<File>,
}

impl DataDir {
    /// Opens the directory, making it with mode 0700 if it is missing, and locks it.
    ///
    /// # Errors
    /// When another gateway uses it, or the disk fails.
    pub fn open(folder: &Path) -> anyhow::Result<Self> {
        use std::os::unix::fs::DirBuilderExt as _;

        let context = || format!("the data directory {} cannot be used", folder.display());
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true).mode(0o700).create(folder).with_context(context)?;
        let lock = File::create(folder.join("gateway.lock")).with_context(context)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { folder: folder.to_owned(), lock: Some(lock) }),
            Err(TryLockError::WouldBlock) => {
                bail!("the data directory {} is used by another gateway", folder.display())
            }
            Err(TryLockError::Error(error)) => Err(error).with_context(context),
        }
    }

    /// Names files of a directory that another process may be serving from; changes nothing.
    pub fn beside(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), lock: None }
    }

    /// A file of the directory.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// A file of secrets: refused when it is there and others can read it.
    fn private(&self, name: &str) -> anyhow::Result<PathBuf> {
        let path = self.file(name);
        if path.exists() {
            require_private(&path)?;
        }
        Ok(path)
    }

    /// The node key.
    ///
    /// # Errors
    /// When the file is damaged or the disk fails.
    pub fn node_key(&self, random: &dyn Random) -> anyhow::Result<Arc<NodeKey>> {
        let path = self.private("node.key")?;
        let spool = self.file("spool");
        let used = std::fs::read_dir(&spool).is_ok_and(|mut files| files.next().is_some());
        if used && !path.exists() {
            bail!(
                "{} is missing, and only it opens the files in {}; put it back",
                path.display(),
                spool.display()
            );
        }
        let key = NodeKey::load_or_create(&path, random);
        Ok(Arc::new(key.with_context(|| format!("{} cannot be used", path.display()))?))
    }

    /// The keys of links.
    ///
    /// # Errors
    /// When the file is damaged or the disk fails.
    pub fn link_keys(&self, random: &dyn Random) -> anyhow::Result<LinkKeys> {
        Ok(LinkKeys::load_or_create(&self.private("link.keys")?, random)?)
    }

    /// The key that signs receipts and manifests.
    ///
    /// # Errors
    /// When the file is damaged or the disk fails.
    pub fn signing_key(&self) -> anyhow::Result<SigningKey> {
        let path = self.private("signing.key")?;
        match std::fs::read(&path).map(Zeroizing::new) {
            Ok(bytes) => Ok(SigningKey::from_pkcs8(&bytes)?),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let (key, bytes) = SigningKey::generate()?;
                write_private_file(&path, &bytes)?;
                Ok(key)
            }
            Err(error) => Err(error).with_context(|| format!("{}", path.display())),
        }
    }

    /// The key that signs tokens.
    ///
    /// # Errors
    /// When the file is damaged, others can read it, or the disk fails.
    pub fn token_key(&self) -> anyhow::Result<TokenKey> {
        let path = self.private("token.key")?;
        match std::fs::read(&path).map(Zeroizing::new) {
            Ok(bytes) => {
                let key = TokenKey::from_pkcs8(&bytes);
                key.with_context(|| format!("{} cannot be used", path.display()))
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let (key, bytes) = TokenKey::generate()?;
                write_private_file(&path, &bytes)?;
                Ok(key)
            }
            Err(error) => Err(error).with_context(|| format!("{}", path.display())),
        }
    }

    /// The gateway's own recipient and the key that opens it.
    ///
    /// # Errors
    /// When a file is damaged or the disk fails.
    pub fn playback(&self, now: Timestamp) -> anyhow::Result<(Recipient, PrivateKey)> {
        let (key, certificate) = (self.file("playback.key.pem"), self.file("playback.cert.pem"));
        if !key.exists() {
            let made = generate_recipient("reelgate playback", now)?;
            write_private_file(&certificate, made.certificate_pem.as_bytes())?;
            // The key comes last: with it, the pair is whole.
            write_private_file(&key, made.private_key_pem.as_bytes())?;
        }
        let private = PrivateKey::from_pem(&read_secret(&key)?)?;
        let text = std::fs::read_to_string(&certificate)
            .with_context(|| format!("{}", certificate.display()))?;
        let (recipient, _) = Recipient::from_pem(&text, now)?;
        let private = private.with_certificate(&recipient)?;
        Ok((recipient, private))
    }

    /// Writes a secret that only the owner can read.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn write_secret(&self, name: &str, text: &str) -> anyhow::Result<()> {
        let path = self.file(name);
        write_private_file(&path, format!("{text}\n").as_bytes())
            .with_context(|| format!("{} cannot be written", path.display()))
    }

    /// Reads a secret of the directory.
    ///
    /// # Errors
    /// When it is missing, or others can read it.
    pub fn secret(&self, name: &str) -> anyhow::Result<Zeroizing<String>> {
        Ok(read_secret(&self.file(name))?)
    }
}
