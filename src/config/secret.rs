//! Secret files: read only when nobody else can.

use std::path::Path;

use zeroize::Zeroizing;

/// Largest secret file in bytes.
const MAX_SECRET_BYTES: u64 = 64 * 1024;

/// Why a secret file is not used.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// It cannot be opened or read.
    #[error("{path} cannot be read")]
    Read {
        /// The file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// Others on the machine can read it.
    #[error("{path} can be read by others (mode {mode:03o}); run: chmod 600 {path}")]
    Open {
        /// The file.
        path: String,
        /// Its permission bits.
        mode: u32,
    },
    /// It is too long to be a secret.
    #[error("{path} is longer than {MAX_SECRET_BYTES} bytes")]
    Size {
        /// The file.
        path: String,
    },
}

/// Refuses a secret file that others on the machine can read.
///
/// # Errors
/// [`SecretError::Open`], and [`SecretError::Read`] when there is no such file.
pub fn require_private(path: &Path) -> Result<(), SecretError> {
    use std::os::unix::fs::PermissionsExt as _;

    let shown = || path.display().to_string();
    let facts = std::fs::metadata(path);
    let facts = facts.map_err(|source| SecretError::Read { path: shown(), source })?;
    let mode = facts.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(SecretError::Open { path: shown(), mode });
    }
    if facts.len() > MAX_SECRET_BYTES {
        return Err(SecretError::Size { path: shown() });
    }
    Ok(())
}

/// Reads a secret; white space at its end is not part of it.
///
/// # Errors
/// [`SecretError`] when the file is missing, too long, or open to others.
pub fn read_secret(path: &Path) -> Result<Zeroizing<String>, SecretError> {
    require_private(path)?;
    let read = |source| SecretError::Read { path: path.display().to_string(), source };
    let text = Zeroizing::new(std::fs::read_to_string(path).map_err(read)?);
    Ok(Zeroizing::new(text.trim_end().to_owned()))
}
