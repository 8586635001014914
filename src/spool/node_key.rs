//! The key of this node: wraps the key of every spool file, and names the node.

use std::path::Path;

use zeroize::Zeroizing;

use super::SpoolError;
use crate::asset::{AssetId, Hasher};
use crate::seal::{FileKey, Random, WrapKey};

/// The node key. Lost, the spool is lost; so it lies beside the spool, readable by its owner only.
pub struct NodeKey {
    wrap: WrapKey,
    node: String,
}

impl NodeKey {
    /// From 32 raw bytes.
    pub fn from_bytes(bytes: &Zeroizing<[u8; 32]>) -> Self {
        let mut hasher = Hasher::default();
        hasher.update(b"reelgate node name\n");
        hasher.update(bytes.as_slice());
        let node = hasher.finish().to_string().chars().take(16).collect();
        Self { wrap: WrapKey::from_bytes(bytes), node }
    }

    /// Reads the key file at `path`, or makes it with mode 0600.
    ///
    /// # Errors
    /// [`SpoolError`] when the file is not 32 bytes, or the disk fails.
    pub fn load_or_create(path: &Path, random: &dyn Random) -> Result<Self, SpoolError> {
        let mut bytes = Zeroizing::new([0_u8; 32]);
        match std::fs::read(path).map(Zeroizing::new) {
            Ok(found) if found.len() == bytes.len() => bytes.copy_from_slice(&found),
            Ok(found) => return Err(SpoolError::damaged(found.len() as u64)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                random.fill(bytes.as_mut_slice())?;
                crate::seal::write_private_file(path, bytes.as_slice())?;
            }
            Err(error) => return Err(error.into()),
        }
        Ok(Self::from_bytes(&bytes))
    }

    pub(super) fn node(&self) -> &str {
        &self.node
    }

    pub(super) fn wrap(
        &self,
        key: &FileKey,
        asset: AssetId,
        random: &dyn Random,
    ) -> Result<Vec<u8>, SpoolError> {
        Ok(self.wrap.wrap(key, asset.as_bytes(), random)?)
    }

    pub(super) fn unwrap(&self, wrapped: &[u8], asset: AssetId) -> Result<FileKey, SpoolError> {
        Ok(self.wrap.unwrap(wrapped, asset.as_bytes())?)
    }
}
