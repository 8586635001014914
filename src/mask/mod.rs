//! Turns control events into spans of silence, and writes the silence into the bytes.
//!
//! A [`MaskPlan`] says what must not be heard. A file is a row of coded units (frames, packets,
//! blocks); `unit.rs` says how one codec's units are silenced, whatever container holds them.
//! [`open_silencer`] gives the rewriter for a file's container, which takes the file chunk by chunk
//! and returns as many bytes as it was given; [`open_recheck`] reads source and result again and
//! decides anew; [`Masker`] runs both, so that nothing leaves unchecked.
//!
//! A new codec is one `Coding` and an arm in each container that may hold it; a new container is one
//! folder and an arm in `silence.rs` and `check.rs`. How each format is silenced, and how far its
//! guard reaches, stands in `docs/masking.md`.
//!
//! Nothing here does I/O of its own. In doubt there is more silence, or the file is held back with
//! a [`QuarantineReason`]; never less silence.

mod aac;
mod adpcm;
mod amr;
mod certificate;
mod check;
mod constant;
mod cut;
mod digests;
mod error;
mod events;
mod flac;
mod framed;
mod g722;
mod gsm;
mod hidden;
mod key_picture;
mod line;
mod masker;
mod matroska;
mod mp3;
mod mp4;
mod notation;
mod ogg;
mod opus;
mod patch;
mod plan;
mod settings;
mod silence;
mod survey;
mod ticks;
mod timeline;
mod track;
#[cfg(test)]
mod trial;
mod unit;
mod vorbis;
mod wav;

pub use certificate::{Certificate, CutAccount, Ending, SampledSpan};
pub use check::{Recheck, open_recheck, recheck_files};
pub use cut::{Cut, CutFound, CutReader, find_cut};
pub use error::{MaskError, QuarantineReason};
pub use events::{ControlEvent, ControlKind, MAX_EVENTS, resolve_time, wall_spans};
pub use masker::Masker;
pub use notation::{NotationError, parse_media_time, parse_span};
pub use plan::{DEFAULT_GUARD, MaskPlan, MaskWarning, WarningCode};
pub use settings::{DECODED_GUARD, Fallback, MAX_GUARD_MS, MAX_WAIT_S, MaskSettings};
pub use silence::{Silencer, open_silencer};
pub use survey::survey;
pub use timeline::{Companions, Timeline, WallSpan};
