//! What can go wrong while sealing, opening and signing, grouped by who is at fault.

/// The generator gave no random bytes.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("the random generator failed")]
pub struct RandomError;

/// Why a seal was not made or not opened.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    // The operator's certificates, keys and settings.
    /// A PEM text does not hold what was asked for.
    #[error("pem: {what}")]
    Pem {
        /// What is wrong or missing.
        what: &'static str,
    },
    /// The certificate is not an RSA one; other key kinds cannot be recipients.
    #[error("the certificate's key is not rsa")]
    NotRsa,
    /// The RSA key is shorter than 2048 bits.
    #[error("the rsa key has {bits} bits, fewer than {min}")]
    ShortKey {
        /// Bits of the modulus.
        bits: usize,
        /// The limit.
        min: usize,
    },
    /// A key cannot be used.
    #[error("the key cannot be used: {detail}")]
    Key {
        /// Why.
        detail: String,
    },
    /// The private key does not belong to the certificate given with it.
    #[error("the private key does not belong to the certificate")]
    KeyMismatch,
    /// The recipients, the cipher and the envelope do not go together.
    #[error("cannot seal: {what}")]
    Policy {
        /// What does not fit.
        what: &'static str,
    },

    // The bytes that came in.
    /// The bytes break the format.
    #[error("malformed envelope at offset {offset}: {what}")]
    Malformed {
        /// Where, from the start of the envelope.
        offset: u64,
        /// What was expected.
        what: &'static str,
    },
    /// The bytes end before the envelope does.
    #[error("the envelope is truncated at offset {offset}")]
    Truncated {
        /// How many bytes there were.
        offset: u64,
    },
    /// Well formed, but not something that is opened here.
    #[error("unsupported envelope: {what}")]
    Unsupported {
        /// The feature.
        what: &'static str,
    },
    /// A named limit was met before the bytes were trusted any further.
    #[error("limit reached: {limit} is at most {max}")]
    LimitReached {
        /// The limit's name.
        limit: &'static str,
        /// Its value.
        max: u64,
    },
    /// No recipient of the envelope fits the private key.
    #[error("the private key fits none of the envelope's recipients")]
    NoRecipient,
    /// The content does not open: wrong key, or bytes that were changed.
    #[error("the content does not open: wrong key or changed bytes")]
    NotAuthentic,

    // The caller.
    /// Declared and actual length differ.
    #[error("declared {declared} bytes, saw {seen}")]
    LengthMismatch {
        /// What the constructor was told.
        declared: u64,
        /// What was pushed.
        seen: u64,
    },
    /// The object was used after it had failed.
    #[error("already failed")]
    AlreadyFailed,
    /// A signed text does not hold.
    #[error("signature refused: {what}")]
    Signature {
        /// Which check failed.
        what: &'static str,
    },

    // Ourselves.
    /// No randomness.
    #[error(transparent)]
    Random(#[from] RandomError),
    /// A primitive failed that cannot fail on correct input, or an envelope failed its own check.
    #[error("internal: {what}")]
    Internal {
        /// Which step.
        what: &'static str,
    },
}

impl SealError {
    /// Whether trying again with the same input can succeed.
    pub const fn is_transient(&self) -> bool {
        matches!(self, Self::Random(_))
    }
}
