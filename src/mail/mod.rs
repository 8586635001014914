//! Letters: what they say, in which language, and the relay that takes them.
//!
//! A [`Letter`] is what a delivery row holds: facts and a recipient, no text and no link. It becomes
//! a message ([`compose`]) when it is sent. The [`Relay`] tells a letter that surely did not arrive
//! from one that may have: only the second must not be sent again.

mod address;
mod english;
mod error;
mod letter;
mod message;
mod page;
mod relay;
mod russian;
mod settings;

pub use address::{AddressFault, MAX_ADDRESS_BYTES, parse_address};
pub use error::MailError;
pub use letter::{Content, Language, Letter};
pub use message::{Stamp, compose};
pub use relay::{Login, Ready, Relay, Sent};
pub use settings::{MailSettings, RelayTls};
