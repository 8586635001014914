//! `reelgate recorder-sim`: a reference recorder for tests and integrators.
//!
//! [`Recorder`] speaks the recorder channel (`docs/control.md`) as a recorder should: it registers
//! with its clock, announces calls, takes commands from the stream of server-sent events, answers
//! each with the media time at which it took effect, and uploads each call while it lasts. By
//! [`Behaviour`] it does what no recorder should, so that the gateway shows that it does not rely on
//! recorders. The command line is in `arguments.rs`, and nothing else depends on it.

mod arguments;
mod call;
mod channel;
mod clock;
mod feed;
mod recorder;
mod source;
mod step;
mod tape;
mod upload;

pub(super) use arguments::RecorderSim;
pub use call::Call;
pub use clock::MAX_SPEED;
pub use recorder::{Behaviour, LiveCall, Recorder, RecorderSettings};
pub use source::Source;
pub use step::{CallReport, Obeyed, Step, StepEvent, Steps};
