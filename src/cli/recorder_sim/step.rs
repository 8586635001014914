//! What a recorder tells of itself.

use std::sync::Arc;

use serde::Serialize;

/// Takes each step as it happens.
pub type Steps = Arc<dyn Fn(&Step) + Send + Sync>;

/// One thing that a recorder did, or that happened to it.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    /// When, on the recorder's clock.
    pub time: String,
    /// Where in the media of the call, in milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub media_time_ms: Option<u64>,
    /// What.
    #[serde(flatten)]
    pub event: StepEvent,
}

/// What happened.
#[derive(Debug, Clone, Serialize)]
#[serde(tag = "step", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum StepEvent {
    /// The gateway knows the recorder and its clock.
    Registered {
        /// The recorder's clock minus the gateway's, as the gateway sees it.
        clock_offset_ms: i64,
        /// How long the request took: the offset is wrong by this at most.
        round_trip_ms: u64,
    },
    /// The gateway knows the interaction.
    Announced {
        /// Which.
        interaction: String,
        /// Whether the gateway keeps its bytes.
        record: bool,
    },
    /// The recording is declared.
    Declared {
        /// Which.
        recording: String,
        /// Its media file.
        media: String,
    },
    /// A command came.
    Commanded {
        /// Its id.
        command: String,
        /// What is asked for.
        kind: String,
        /// Of which interaction.
        interaction: String,
    },
    /// The gateway took the answer to a command.
    Acknowledged {
        /// Its id.
        command: String,
        /// What was asked for.
        kind: String,
        /// `done` or `refused`.
        state: &'static str,
        /// How long it took from the command to the gateway's answer.
        round_trip_ms: u64,
    },
    /// A command is left without an answer.
    Ignored {
        /// Its id.
        command: String,
        /// What was asked for.
        kind: String,
    },
    /// The gateway did not take the answer: what was done is undone.
    Withdrawn {
        /// Its id.
        command: String,
        /// Why.
        detail: String,
    },
    /// The upload broke.
    Broken {
        /// How.
        detail: String,
    },
    /// It goes on.
    Continued {
        /// From this byte on.
        offset: u64,
    },
    /// The gateway acknowledged the media file.
    Uploaded {
        /// Its length.
        bytes: u64,
    },
    /// The interaction ended.
    Ended {
        /// Which.
        interaction: String,
    },
    /// Something failed, and will be tried again.
    Trouble {
        /// What.
        detail: String,
    },
}

impl Step {
    /// As a line for people.
    pub fn line(&self) -> String {
        let media = match self.media_time_ms {
            Some(ms) => format!("{:>4}.{:03}", ms / 1000, ms % 1000),
            None => " ".repeat(8),
        };
        format!("{media}  {}", self.event.text())
    }
}

impl StepEvent {
    fn text(&self) -> String {
        match self {
            Self::Registered { clock_offset_ms, round_trip_ms } => {
                format!("registered: clock {clock_offset_ms:+} ms, answer after {round_trip_ms} ms")
            }
            Self::Announced { interaction, record } => {
                let kept = if *record { "recorded" } else { "not recorded" };
                format!("announced {interaction}: {kept}")
            }
            Self::Declared { recording, media } => format!("declared {recording}: {media}"),
            Self::Commanded { kind, interaction, .. } => format!("{kind} of {interaction}"),
            Self::Acknowledged { kind, state, .. } => format!("{kind} {state}"),
            Self::Ignored { kind, .. } => format!("{kind} left without an answer"),
            Self::Withdrawn { detail, .. } => format!("answer not taken, undone: {detail}"),
            Self::Broken { detail } => format!("upload broken: {detail}"),
            Self::Continued { offset } => format!("upload goes on at byte {offset}"),
            Self::Uploaded { bytes } => format!("{bytes} bytes acknowledged"),
            Self::Ended { interaction } => format!("ended {interaction}"),
            Self::Trouble { detail } => format!("trouble: {detail}"),
        }
    }
}

/// What became of a call.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CallReport {
    /// The interaction.
    pub interaction: String,
    /// The recording.
    pub recording: String,
    /// Its media file.
    pub media: String,
    /// When the media begins, on the recorder's clock.
    pub start_time: String,
    /// How long the media is that was recorded, in milliseconds.
    pub duration_ms: u64,
    /// Its length.
    pub bytes: u64,
    /// How often the upload broke and went on.
    pub continued: u32,
    /// The commands that came, in order.
    pub commands: Vec<Obeyed>,
}

/// A command, and what was made of it.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Obeyed {
    /// What was asked for.
    pub kind: String,
    /// Where in the media the recorder was, in milliseconds: what comes after this is as asked
    /// for, if it was obeyed.
    pub media_time_ms: u64,
    /// Whether it was.
    pub obeyed: bool,
}
