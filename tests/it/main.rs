//! The integration tests: one binary, a module for each promise, real peers.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on must stop"
)]

mod corpus;
mod gateway;
mod masking;
mod peers;
mod pipeline_masked;
mod playback;
mod seal_interop;
mod store_behaviour;
mod store_faults;

#[path = "../layers.rs"]
mod layers;
