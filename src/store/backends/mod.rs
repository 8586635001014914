//! One file or folder per kind of store.

pub mod memory;
pub mod webdav;
