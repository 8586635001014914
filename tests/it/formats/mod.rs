//! Promise: what is masked is silent and gone, what is kept is kept, in every format.
//!
//! Written from the standards and the published guards alone. Foreign encoders make the files,
//! foreign decoders judge them. `REELGATE_SEED` repeats a run, `REELGATE_VARIANT` narrows it to
//! the variants whose name contains it.

/// Prints a line whether the test passes or not: the test runner holds back `println!` alone.
macro_rules! say {
    ($($part:tt)*) => {{
        use std::io::Write as _;
        writeln!(std::io::stdout(), $($part)*).expect("standard output")
    }};
}

mod aac;
mod adts;
mod free;
mod granules;
mod harness;
mod judge;
mod leak;
mod masked;
mod mp3;
mod ogg;
mod opus;
mod opus_packet;
mod pcm;
mod probe;
pub(crate) mod signal;
mod streaming;
mod telephony;
pub(crate) mod tools;
mod video;
