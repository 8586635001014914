//! Argon2id, off the request's thread, and remembered briefly.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use zeroize::Zeroizing;

use super::IdentityError;
use crate::asset::{Digest, Hasher};

/// How long a verified password is not hashed again: machines sign in with every request.
const REMEMBERED: Duration = Duration::from_secs(60);
/// Most verified passwords kept.
const MAX_REMEMBERED: usize = 1024;

/// Hashes a password with a random salt.
pub(super) fn hash(password: &str) -> Result<String, IdentityError> {
    let hash = Argon2::default().hash_password(password.as_bytes());
    Ok(hash.map_err(|_| IdentityError::Hash)?.to_string())
}

/// Passwords that were verified lately, as digests over hash and password. A changed hash in the
/// catalogue changes the digest, so a new password works at once and an old one never longer.
#[derive(Clone, Default)]
pub(super) struct Recent(Arc<Mutex<HashMap<Digest, Instant>>>);

impl Recent {
    /// Whether `password` has this hash.
    pub(super) async fn check(
        &self,
        hash: String,
        password: Zeroizing<String>,
    ) -> Result<bool, IdentityError> {
        let mut digest = Hasher::default();
        digest.update(hash.as_bytes());
        digest.update(b"\n");
        digest.update(password.as_bytes());
        let digest = digest.finish();
        if self.remembers(digest) {
            return Ok(true);
        }
        let work = tokio::task::spawn_blocking(move || {
            PasswordHash::new(&hash).is_ok_and(|hash| {
                Argon2::default().verify_password(password.as_bytes(), &hash).is_ok()
            })
        });
        let good = work.await.map_err(|_| IdentityError::Hash)?;
        if good {
            self.remember(digest);
        }
        Ok(good)
    }

    fn remembers(&self, digest: Digest) -> bool {
        let recent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        recent.get(&digest).is_some_and(|at| at.elapsed() < REMEMBERED)
    }

    fn remember(&self, digest: Digest) {
        let mut recent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if recent.len() >= MAX_REMEMBERED {
            recent.retain(|_, at| at.elapsed() < REMEMBERED);
        }
        if recent.len() < MAX_REMEMBERED {
            recent.insert(digest, Instant::now());
        }
    }
}
