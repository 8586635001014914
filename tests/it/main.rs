//! The integration tests: one binary, a module for each promise, real peers.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on must stop"
)]

mod archive;
mod bad_input;
mod browser;
mod bundles;
mod catalogue;
mod cli;
mod console;
mod control;
mod control_model;
mod corpus;
mod crash;
mod delivery;
mod deploy_example;
mod formats;
mod gateway;
mod identity;
mod ingest_contract;
mod live;
mod live_call;
mod mail;
mod masking;
mod memory;
mod pbx;
mod peers;
mod pipeline_formats;
mod pipeline_masked;
mod playback;
mod playback_api;
mod renditions;
mod retention;
mod seal_interop;
mod store_behaviour;
mod store_faults;
mod store_peers;

#[path = "../layers.rs"]
mod layers;
