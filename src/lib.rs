//! Reelgate: a media ingestion and WebDAV storage gateway for call and screen recordings.
//!
//! The rooms, and the one direction in which bytes flow, are in `docs/architecture.md`.

pub mod archive;
pub mod asset;
pub mod bundle;
pub mod catalog;
pub mod cli;
pub mod config;
pub mod control;
pub mod deliver;
pub mod gir;
pub mod http;
pub mod identity;
pub mod ingest;
pub mod mail;
pub mod mask;
pub mod media;
pub mod observe;
pub mod pbx;
pub mod pipeline;
pub mod play;
pub mod retention;
pub mod seal;
pub mod serve;
pub mod spool;
pub mod store;
