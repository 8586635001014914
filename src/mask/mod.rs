//! Turns control events into spans of silence, and writes the silence into the bytes.
//!
//! A [`MaskPlan`] says what must not be heard; [`open_silencer`] gives the rewriter for a file's
//! container, which takes the file chunk by chunk and returns as many bytes as it was given; a
//! [`Recheck`] reads source and result again, without the rewriter's arithmetic. A new format is
//! one file and an arm in `silence.rs`.
//!
//! Nothing here does I/O of its own. In doubt there is more silence, or the file is held back with
//! a [`QuarantineReason`]; never less silence.

mod aac;
mod adpcm;
mod amr;
mod certificate;
mod check;
mod constant;
mod error;
mod events;
mod flac;
mod framed;
mod g722;
mod gsm;
mod hidden;
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

pub use certificate::{Certificate, SampledSpan};
pub use check::{Recheck, open_recheck, recheck_files};
pub use error::{MaskError, QuarantineReason};
pub use events::{ControlEvent, ControlKind, MAX_EVENTS, resolve_time, wall_spans};
pub use masker::Masker;
pub use notation::{NotationError, parse_media_time, parse_span};
pub use plan::{DEFAULT_GUARD, MaskPlan, MaskWarning, WarningCode};
pub use settings::{DECODED_GUARD, Fallback, MAX_GUARD_MS, MAX_WAIT_S, MaskSettings};
pub use silence::{Silencer, open_silencer};
pub use survey::survey;
pub use timeline::{Timeline, WallSpan};
