//! The gateway's own waiting room: encrypted files that survive a power cut.
//!
//! # The file
//! ```text
//! "RGSPOOL1"  u16 length of the wrapped key  wrapped key
//! frame*      u32: bit 31 marks the last frame, bit 30 a mark, the others the plaintext length (at
//!             most 64 KiB); ciphertext, 16-byte tag
//! ```
//! Numbers are big endian. Each file has a key of its own, wrapped by the node key with the asset
//! id as associated data; each frame is AES-256-GCM with its number as nonce, so frames cannot be
//! swapped, dropped or repeated. A file is whole when its last frame is marked. A torn tail is
//! never read: what was acknowledged was fsynced before.
//!
//! A file that was not ended can be gone on with. What a crash left of its last frame is cut off,
//! and since that frame may have been written with its number, no number is used a second time: an
//! empty frame, the mark, begins a new row of numbers 2^40 above.
//!
//! To destroy a file its wrapped key is overwritten first, then the name is removed.

mod error;
mod node_key;
mod reader;
mod resume;
mod writer;

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use error::SpoolError;
pub use node_key::NodeKey;
pub use reader::SpoolReader;
pub use resume::Resumed;
pub use writer::SpoolWriter;

use crate::asset::AssetId;
use crate::seal::Random;

/// Plaintext of a full frame, in bytes.
pub const FRAME_BYTES: usize = 64 * 1024;
const MAGIC: &[u8; 8] = b"RGSPOOL1";
/// Longest wrapped key that is read, in bytes.
const MAX_WRAPPED_KEY_BYTES: usize = 256;
const LAST_FRAME: u32 = 1 << 31;
/// An empty frame that begins a new row of numbers.
const MARK: u32 = 1 << 30;
/// How many frames a row can have.
const ROW: u64 = 1 << 40;

/// The folder that holds the spool files of this node.
#[derive(Clone)]
pub struct Spool {
    folder: PathBuf,
    key: Arc<NodeKey>,
    random: Arc<dyn Random>,
}

impl std::fmt::Debug for Spool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Spool").field("folder", &self.folder).finish_non_exhaustive()
    }
}

impl Spool {
    /// Opens the folder, making it with mode 0700 if it is missing.
    ///
    /// # Errors
    /// [`SpoolError::Io`].
    pub fn open(
        folder: &Path,
        key: Arc<NodeKey>,
        random: Arc<dyn Random>,
    ) -> Result<Self, SpoolError> {
        use std::os::unix::fs::DirBuilderExt as _;

        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        Ok(Self { folder: folder.to_owned(), key, random })
    }

    /// The name that this node's rows carry.
    pub fn node(&self) -> &str {
        self.key.node()
    }

    /// Begins the file of an asset; its name is durable when this returns. What an interrupted
    /// upload left under the same name is destroyed.
    ///
    /// # Errors
    /// [`SpoolError`].
    pub fn create(&self, asset: AssetId) -> Result<SpoolWriter, SpoolError> {
        self.destroy(asset)?;
        let file_key = crate::seal::FileKey::generate(self.random.as_ref())?;
        let wrapped = self.key.wrap(&file_key, asset, self.random.as_ref())?;
        let path = self.path(asset);
        let mut options = OpenOptions::new();
        let mut file = options.write(true).create_new(true).mode(0o600).open(path)?;
        let length = u16::try_from(wrapped.len()).map_err(|_| SpoolError::damaged(0))?;
        file.write_all(MAGIC)?;
        file.write_all(&length.to_be_bytes())?;
        file.write_all(&wrapped)?;
        self.sync_folder()?;
        Ok(SpoolWriter::new(file, &file_key))
    }

    /// Opens the whole file of an asset.
    ///
    /// # Errors
    /// [`SpoolError::Missing`] when there is none; [`SpoolError::Damaged`] for an unfinished one.
    pub fn reader(&self, asset: AssetId) -> Result<SpoolReader, SpoolError> {
        let file = match File::open(self.path(asset)) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(SpoolError::Missing { asset });
            }
            Err(error) => return Err(error.into()),
        };
        SpoolReader::open(file, asset, &self.key)
    }

    /// Goes on with the file of an asset that was not ended: reads back what is whole of it, cuts off
    /// a torn tail, and makes that durable. `None` when there is no file, or not even its head.
    ///
    /// # Errors
    /// [`SpoolError`].
    pub fn resume(&self, asset: AssetId) -> Result<Option<Resumed>, SpoolError> {
        let mut options = OpenOptions::new();
        match options.read(true).write(true).open(self.path(asset)) {
            Ok(file) => resume::resume(file, asset, &self.key),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Destroys the file of an asset and its key; one that is not there is fine.
    ///
    /// # Errors
    /// [`SpoolError::Io`].
    pub fn destroy(&self, asset: AssetId) -> Result<(), SpoolError> {
        let path = self.path(asset);
        let mut file = match OpenOptions::new().write(true).open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        file.write_all(&[0_u8; MAGIC.len() + 2 + MAX_WRAPPED_KEY_BYTES])?;
        file.sync_data()?;
        std::fs::remove_file(&path)?;
        self.sync_folder()
    }

    /// The assets that have a file here.
    ///
    /// # Errors
    /// [`SpoolError::Io`].
    pub fn list(&self) -> Result<Vec<AssetId>, SpoolError> {
        let mut found = Vec::new();
        for entry in std::fs::read_dir(&self.folder)? {
            let name = entry?.file_name();
            let stem = name.to_str().and_then(|name| name.strip_suffix(".spool"));
            found.extend(stem.and_then(AssetId::parse));
        }
        Ok(found)
    }

    /// Bytes that the disk of the spool can still take.
    ///
    /// # Errors
    /// [`SpoolError::Io`].
    pub fn free_bytes(&self) -> Result<u64, SpoolError> {
        let facts = rustix::fs::statvfs(&self.folder).map_err(std::io::Error::from)?;
        Ok(facts.f_bavail.saturating_mul(facts.f_frsize))
    }

    fn path(&self, asset: AssetId) -> PathBuf {
        self.folder.join(format!("{asset}.spool"))
    }

    fn sync_folder(&self) -> Result<(), SpoolError> {
        Ok(File::open(&self.folder)?.sync_all()?)
    }
}

#[cfg(test)]
mod tests;
