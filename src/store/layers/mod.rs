//! Wrappers that keep the [`Store`](super::Store) contract and add to it.

mod metrics;
mod retry;

pub use metrics::Metrics;
pub use retry::{Retry, RetryPolicy};
