//! What time alone brings about: commands that nobody answered, screen sessions whose time is
//! over, interactions that nobody speaks of. All of it stands in rows, so a restart loses none.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;

use super::{ATTEMPTS, Caller, Control};
use crate::catalog::{CommandRow, DueInteraction, InteractionKind};
use crate::control::ControlError;

/// How often the clock is looked at.
const TICK: Duration = Duration::from_millis(250);
/// Who acts when nobody asked.
const TIMER: &str = "timer";

impl Control {
    /// Looks at the clock until `stop` says true.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        while !*stop.borrow() {
            if let Err(error) = self.tick().await {
                tracing::error!(error = ?error, "live control could not look at its clock");
            }
            tokio::select! {
                () = tokio::time::sleep(TICK) => {}
                _ = stop.changed() => {}
            }
        }
    }

    /// Carries out all that is due now.
    ///
    /// # Errors
    /// [`ControlError`].
    pub async fn tick(&self) -> Result<(), ControlError> {
        self.expire_commands().await?;
        let now = self.now();
        let silent = i64::try_from(self.settings().interaction_expiry_s).unwrap_or(i64::MAX);
        let before = now.checked_sub(SignedDuration::from_secs(silent));
        let before = before.unwrap_or(Timestamp::MIN);
        for due in self.inner.catalog.overdue_interactions(before, now).await? {
            self.end_overdue(&due, (before, now)).await?;
        }
        #[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
        metrics::gauge!("reelgate_live_interactions")
            .set(self.inner.catalog.live_count().await? as f64);
        Ok(())
    }

    /// Commands whose deadline is over: the requests that wait for them are answered, and the
    /// interactions are free.
    ///
    /// # Errors
    /// [`ControlError`].
    pub(super) async fn expire_commands(&self) -> Result<(), ControlError> {
        for command in self.inner.catalog.overdue_commands(self.now()).await? {
            self.expire_command(&command).await?;
        }
        Ok(())
    }

    async fn expire_command(&self, command: &CommandRow) -> Result<(), ControlError> {
        let caller = Caller { tenant: &command.tenant, name: TIMER };
        for _ in 0..ATTEMPTS {
            // The contact is read first: an answer that comes between makes the change conflict.
            let mut turn = self.turn(caller, &command.contact, &[]).await?;
            let read = self.inner.catalog.command(&command.tenant, &command.new.id).await?;
            let (Some(command), Some(at)) = (read, turn.find(&command.new.interaction)) else {
                return Ok(());
            };
            turn.expire(&command, at);
            if self.commit(turn).await? {
                return Ok(());
            }
        }
        Err(ControlError::Contended)
    }

    async fn end_overdue(
        &self,
        due: &DueInteraction,
        (before, now): (Timestamp, Timestamp),
    ) -> Result<(), ControlError> {
        let caller = Caller { tenant: &due.tenant, name: TIMER };
        for _ in 0..ATTEMPTS {
            let mut turn = self.turn(caller, &due.contact, &[]).await?;
            let Some(at) = turn.find(&due.interaction) else { return Ok(()) };
            let row = turn.row(at);
            let over = match row.until {
                Some(until) => until <= now,
                None => row.seen <= before,
            };
            if !row.is_live() || !over {
                return Ok(());
            }
            if row.kind == InteractionKind::Screen {
                // A start in flight is answered or expires first.
                if turn.stop_session(at, "screen.timeout").is_err() {
                    return Ok(());
                }
            } else {
                turn.abandon(at);
            }
            if self.commit(turn).await? {
                return Ok(());
            }
        }
        Err(ControlError::Contended)
    }
}
