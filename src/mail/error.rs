//! Why a letter or its relay cannot be made.

use super::AddressFault;

/// An error of this room; none of them holds an address, a password or a link.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    /// The recipient is not an address.
    #[error("the recipient {0}")]
    Recipient(AddressFault),
    /// A letter about an archive needs its link.
    #[error("the link of the archive is missing")]
    NoLink,
    /// The message cannot be put together.
    #[error("the message cannot be built")]
    Message(#[from] lettre::error::Error),
    /// `mail.relay` or `mail.from` is missing or cannot be used.
    #[error("{0} is missing or not usable")]
    Setting(&'static str),
    /// `mail.ca_file` holds no certificate, or there are none on this machine.
    #[error("TLS to the mail relay cannot be prepared")]
    Tls(#[source] lettre::transport::smtp::Error),
}
