//! What deletes: the removal of what was deleted from the stores, and retention by age and by space.
//!
//! A deletion is a change of rows, in one transaction (`catalog/deletions.rs`): from then on nobody
//! gets what was deleted. The [`Remover`] then takes the objects away, from the store and from the
//! archive, and tries until it did. The [`Sweeper`] decides what is deleted without anybody asking;
//! by default that is nothing.

mod remover;
mod settings;
mod sweeper;
#[cfg(test)]
mod tests;

pub use remover::Remover;
pub use settings::{RetentionSettings, TenantRetention, WhenFull};
pub use sweeper::{MAIL_SPACE, Sweeper};
