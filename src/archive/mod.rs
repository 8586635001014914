//! The archive: a second store. Recordings move there by age, and come back for a time when
//! somebody asks for them.
//!
//! A move copies, compares what arrived with what was stored once, changes the rows, and only then
//! removes: at any instant at least one store holds the whole recording, and the rows name it.

mod copy;
mod mover;

pub use mover::Mover;
