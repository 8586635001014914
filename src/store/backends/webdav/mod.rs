//! Objects on a WebDAV server (RFC 4918): Apache, nginx, Nextcloud, rclone, the embedded endpoint.
//!
//! Stands on the request layer of `reqwest_dav` and adds what servers differ in (measured with
//! Apache 2.4, nginx 1.22 and dav-server 0.11, 2026-11):
//!
//! - Paths are encoded here, octet by octet; the request layer would paste them in as they are.
//! - Folders are made before the PUT: nginx answers 500 to a PUT into a missing folder. MKCOL has a
//!   trailing slash for nginx, and its failure means nothing until PROPFIND says what is there.
//! - `If-None-Match: *` is not relied on, since nginx overwrites all the same. A commit is MOVE
//!   with `Overwrite: F` and, for Apache, an absolute `Destination`.
//! - Bodies have a `Content-Length`: behind PHP-FPM, Nextcloud stores an empty file for a chunked
//!   body and answers 2xx.
//! - PROPFIND asks for depth 0 or 1 only; most servers refuse infinity.
//! - A range answered with 200 is cut out of the whole answer.
//! - Redirects are not followed: a redirected PUT has lost its body.

mod client;
mod driver;
mod folders;
mod multistatus;
mod read;
mod upload;

pub use client::{Auth, Credentials, WebDav, WebDavOptions};
