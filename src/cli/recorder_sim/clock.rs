//! A recorder's clock.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use crate::asset::MediaTime;

/// Fastest clock.
pub const MAX_SPEED: u32 = 20;

/// A clock that may be wrong, and may run fast: then the media plays faster too, and the gateway
/// learns of it by every heartbeat.
#[derive(Debug, Clone, Copy)]
pub(super) struct RecorderClock {
    began: Instant,
    showed: Timestamp,
    speed: u32,
}

impl RecorderClock {
    /// Shows the time of this machine plus `offset`, and goes `speed` times as fast from here.
    pub(super) fn start(offset: SignedDuration, speed: u32) -> Self {
        let now = Timestamp::now();
        Self {
            began: Instant::now(),
            showed: now.checked_add(offset).unwrap_or(now),
            speed: speed.clamp(1, MAX_SPEED),
        }
    }

    /// What it shows.
    pub(super) fn now(&self) -> Timestamp {
        let shown = self.began.elapsed().saturating_mul(self.speed);
        self.showed.checked_add(shown).unwrap_or(self.showed)
    }

    /// How long it takes until it shows so much more.
    pub(super) fn takes(&self, media: MediaTime) -> Duration {
        Duration::from_micros(media.as_micros()) / self.speed
    }

    /// How much more it shows since `from`.
    pub(super) fn since(&self, from: Instant) -> MediaTime {
        let shown = from.elapsed().saturating_mul(self.speed);
        MediaTime::from_micros(u64::try_from(shown.as_micros()).unwrap_or(u64::MAX))
    }

    /// How long the gateway may go without hearing what it shows: a fast clock is then 250 ms
    /// further than the gateway thinks.
    pub(super) fn heartbeat(&self) -> Duration {
        match self.speed.checked_sub(1) {
            None | Some(0) => Duration::from_secs(5),
            Some(ahead) => Duration::from_millis(250) / ahead,
        }
    }
}
