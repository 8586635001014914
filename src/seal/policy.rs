//! Who can open what this gateway seals, and how it is sealed.

use std::sync::Arc;

use super::{Cipher, KeyTransport, Random, Recipient, SealError, SealMode, Sealer};

/// How this gateway seals: mode, ciphers, recipients.
pub struct SealPolicy {
    /// `none`, `cms` or `gir`.
    pub mode: SealMode,
    /// Content cipher of `cms`.
    pub cipher: Cipher,
    /// Content cipher of `gir`.
    pub gir_cipher: Cipher,
    /// How content keys reach recipients of `cms`.
    pub key_transport: KeyTransport,
    /// Configured recipients.
    pub recipients: Vec<Recipient>,
    /// The gateway's own recipient, whose key plays sealed files.
    pub playback: Option<Recipient>,
    /// Alias of each configured recipient (R3).
    pub aliases: Vec<String>,
    /// Randomness.
    pub random: Arc<dyn Random>,
}

impl std::fmt::Debug for SealPolicy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SealPolicy").field("mode", &self.mode).finish_non_exhaustive()
    }
}

impl SealPolicy {
    /// A sealer for a file of `bytes` bytes.
    ///
    /// # Errors
    /// [`SealError`] when there is no recipient or no randomness.
    pub fn sealer(&self, bytes: u64) -> Result<Sealer, SealError> {
        let random = self.random.as_ref();
        match self.mode {
            SealMode::None => Ok(Sealer::leave_clear(bytes)),
            SealMode::Cms => {
                let all: Vec<&Recipient> =
                    self.recipients.iter().chain(self.playback.as_ref()).collect();
                Sealer::cms(&all, self.cipher, self.key_transport, bytes, random)
            }
            SealMode::Gir => {
                let all: Vec<&Recipient> = self.recipients.iter().collect();
                Sealer::gir(&all, self.playback.as_ref(), self.gir_cipher, bytes, random)
            }
        }
    }
}
