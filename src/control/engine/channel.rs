//! The recorder channel: who records, what begins and ends, which commands wait, what was done.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::Notify;

use super::{ATTEMPTS, Caller, Control, recorder_bell};
use crate::asset::{InteractionId, RecorderId, TenantId, UserId};
use crate::catalog::{Capability, CommandRow, InteractionRow, RecorderRow};
use crate::control::ControlError;
use crate::control::machine::{Ack, Announcement, Event};

/// Farthest that a recorder's clock may be from ours.
const MAX_CLOCK_OFFSET: SignedDuration = SignedDuration::from_hours(24);

/// What a recorder says of itself.
#[derive(Debug, Clone)]
pub struct Registration {
    /// Its name.
    pub id: RecorderId,
    /// What it can do.
    pub capabilities: Vec<Capability>,
    /// The users whose screens it records; `None` for all.
    pub users: Option<Vec<UserId>>,
    /// What its clock shows.
    pub time: Option<Timestamp>,
    /// The interactions that it records now; `None` when it does not say.
    pub interactions: Option<Vec<InteractionId>>,
}

/// What became of reported events.
#[derive(Debug, Clone)]
pub struct Reported {
    /// The interaction afterwards.
    pub interaction: InteractionRow,
    /// Whether its bytes are kept.
    pub recorded: bool,
}

/// Events of each recorder in the current second.
#[derive(Debug, Default)]
pub(super) struct Flood(HashMap<String, (i64, u32)>);

impl Control {
    /// Takes over what a recorder says of itself; answers its row and the interactions that are
    /// live for it.
    ///
    /// # Errors
    /// [`ControlError::Foreign`], and a fault of `time`.
    pub async fn register(
        &self,
        caller: Caller<'_>,
        new: Registration,
    ) -> Result<(RecorderRow, Vec<InteractionId>), ControlError> {
        let (catalog, now) = (&self.inner.catalog, self.now());
        let offset = new.time.map_or(SignedDuration::ZERO, |time| time.duration_since(now));
        if offset.abs() > MAX_CLOCK_OFFSET {
            let message = format!("differs from the gateway's clock by {offset:#}");
            return Err(ControlError::field("time", message));
        }
        let row = RecorderRow {
            id: new.id,
            principal: caller.name.to_owned(),
            capabilities: new.capabilities,
            users: new.users,
            clock_offset: offset,
            seen: now,
        };
        if !catalog.put_recorder(caller.tenant, &row).await? {
            return Err(ControlError::Foreign { recorder: row.id.to_string() });
        }
        match &new.interactions {
            None => catalog.saw_interactions(caller.tenant, &row.id, now).await?,
            Some(named) => {
                for interaction in named {
                    let place = (&row.id, interaction);
                    catalog.saw_interaction(caller.tenant, place, now).await?;
                }
            }
        }
        let live = catalog.interactions_of(caller.tenant, &row.id).await?;
        Ok((row, live))
    }

    /// The recorder of this name, if the caller speaks for it.
    ///
    /// # Errors
    /// [`ControlError::Unknown`], also for one of another principal.
    pub async fn recorder(
        &self,
        caller: Caller<'_>,
        id: &RecorderId,
    ) -> Result<RecorderRow, ControlError> {
        let row = self.inner.catalog.recorder(caller.tenant, id).await?;
        let own = row.filter(|row| row.principal == caller.name);
        own.ok_or_else(|| ControlError::Unknown { what: format!("recorder {id}") })
    }

    /// Takes an interaction in; the instants of `new` are on the recorder's clock. Answers
    /// whether it is new.
    ///
    /// # Errors
    /// [`ControlError`].
    pub async fn announce(
        &self,
        caller: Caller<'_>,
        mut new: Announcement,
    ) -> Result<(bool, Reported), ControlError> {
        let recorder = self.recorder(caller, &new.recorder).await.map_err(|error| match error {
            ControlError::Unknown { .. } => {
                ControlError::field("recorderId", "is not a recorder that the caller registered")
            }
            error => error,
        })?;
        new.started = self.ours(&recorder, new.started, "startTime")?;
        for (_, joined) in &mut new.users {
            let known = joined.map(|at| self.ours(&recorder, at, "users[].joinedAt"));
            *joined = known.transpose()?;
        }
        for _ in 0..ATTEMPTS {
            match self.inner.catalog.contact_of(caller.tenant, &new.interaction).await? {
                Some(contact) if contact != new.contact => {
                    return Err(ControlError::Differs { field: "contactId" });
                }
                Some(_) => {}
                None => self.require_room(caller.tenant).await?,
            }
            let mut turn = self.turn(caller, &new.contact, &[]).await?;
            if !turn.recorders.iter().any(|row| row.id == recorder.id) {
                turn.recorders.push(recorder.clone());
            }
            let created = turn.announce(&new)?;
            let Some(at) = turn.find(&new.interaction) else { continue };
            let interaction = turn.row(at).clone();
            let reported = Reported { recorded: turn.is_recorded(at), interaction };
            if self.commit(turn).await? {
                return Ok((created, reported));
            }
        }
        Err(ControlError::Contended)
    }

    /// One more interaction of this tenant may begin.
    async fn require_room(&self, tenant: &TenantId) -> Result<(), ControlError> {
        let limit = self.settings().max_interactions;
        let live = self.inner.catalog.live_count_of(tenant).await?;
        if u64::try_from(live).unwrap_or(0) >= limit {
            return Err(ControlError::TooMany { what: "live interactions", limit });
        }
        Ok(())
    }

    /// An instant of a recorder's clock on ours.
    fn ours(
        &self,
        recorder: &RecorderRow,
        at: Timestamp,
        field: &str,
    ) -> Result<Timestamp, ControlError> {
        let fault = || ControlError::field(field, "is no instant of this century");
        let ours = at.checked_sub(recorder.clock_offset).map_err(|_| fault())?;
        let skew = i64::try_from(self.settings().max_skew_s).unwrap_or(i64::MAX);
        if ours.duration_since(self.now()) > SignedDuration::from_secs(skew) {
            let message = format!("lies more than {skew} s in the future");
            return Err(ControlError::field(field, message));
        }
        // As it is kept: what is compared with a row later must be the same instant.
        Timestamp::from_microsecond(ours.as_microsecond()).map_err(|_| fault())
    }

    /// Takes events of an interaction in, in their order; their instants are on the recorder's
    /// clock. All of them, or none.
    ///
    /// # Errors
    /// [`ControlError`].
    pub async fn report(
        &self,
        caller: Caller<'_>,
        id: &InteractionId,
        events: &[Event],
    ) -> Result<Reported, ControlError> {
        let unknown = || ControlError::Unknown { what: format!("interaction {id}") };
        let mut admitted = false;
        for _ in 0..ATTEMPTS {
            let contact = self.inner.catalog.contact_of(caller.tenant, id).await?;
            let mut turn = self.turn(caller, &contact.ok_or_else(unknown)?, &[]).await?;
            let at = turn.find(id).ok_or_else(unknown)?;
            let name = turn.row(at).recorder.clone();
            // Another's interaction is not there for the caller.
            let recorder = self.recorder(caller, &name).await.map_err(|_| unknown())?;
            if !admitted {
                self.admit(caller.tenant, &name, events.len())?;
                admitted = true;
            }
            if !turn.recorders.iter().any(|row| row.id == name) {
                turn.recorders.push(recorder.clone());
            }
            for (index, event) in events.iter().enumerate() {
                let field = format!("[{index}].time");
                let mut event = event.clone();
                event.at = self.ours(&recorder, event.at, &field)?;
                self.not_long_before(turn.row(at).started, event.at, field)?;
                turn.report(at, &event)?;
            }
            let interaction = turn.row(at).clone();
            let reported = Reported { recorded: turn.is_recorded(at), interaction };
            if self.commit(turn).await? {
                return Ok(reported);
            }
        }
        Err(ControlError::Contended)
    }

    fn not_long_before(
        &self,
        started: Timestamp,
        at: Timestamp,
        field: String,
    ) -> Result<(), ControlError> {
        let skew = i64::try_from(self.settings().max_skew_s).unwrap_or(i64::MAX);
        if started.duration_since(at) > SignedDuration::from_secs(skew) {
            let message = format!("lies more than {skew} s before the interaction");
            return Err(ControlError::field(field, message));
        }
        Ok(())
    }

    /// Counts the events of a recorder in this second.
    fn admit(
        &self,
        tenant: &TenantId,
        recorder: &RecorderId,
        events: usize,
    ) -> Result<(), ControlError> {
        let (second, limit) = (self.now().as_second(), self.settings().max_events_per_s);
        let mut flood = self.inner.flood.lock().unwrap_or_else(PoisonError::into_inner);
        flood.0.retain(|_, (at, _)| *at == second);
        let entry = flood.0.entry(recorder_bell(tenant, recorder)).or_insert((second, 0));
        entry.1 = entry.1.saturating_add(u32::try_from(events).unwrap_or(u32::MAX));
        if entry.1 > limit {
            let what = "events of one recorder in a second";
            return Err(ControlError::TooMany { what, limit: u64::from(limit) });
        }
        Ok(())
    }

    /// The commands that a recorder has not acknowledged, in order.
    ///
    /// # Errors
    /// [`ControlError::Unknown`].
    pub async fn commands(
        &self,
        caller: Caller<'_>,
        id: &RecorderId,
    ) -> Result<Vec<CommandRow>, ControlError> {
        self.recorder(caller, id).await?;
        Ok(self.inner.catalog.open_commands(caller.tenant, id).await?)
    }

    /// Notes that a recorder is there.
    ///
    /// # Errors
    /// [`ControlError::Catalog`].
    pub async fn saw(&self, caller: Caller<'_>, id: &RecorderId) -> Result<(), ControlError> {
        Ok(self.inner.catalog.saw_recorder(caller.tenant, id, self.now()).await?)
    }

    /// Rung when a recorder has a new command.
    pub fn command_bell(&self, tenant: &TenantId, id: &RecorderId) -> Arc<Notify> {
        self.inner.wakes.bell(&recorder_bell(tenant, id))
    }

    /// Takes a recorder's answer to a command in; answers the command as it is now.
    ///
    /// # Errors
    /// [`ControlError`].
    pub async fn acknowledge(
        &self,
        caller: Caller<'_>,
        id: &str,
        ack: &Ack,
    ) -> Result<CommandRow, ControlError> {
        let unknown = || ControlError::Unknown { what: format!("command {id}") };
        for _ in 0..ATTEMPTS {
            let command = self.inner.catalog.command(caller.tenant, id).await?;
            let command = command.ok_or_else(unknown)?;
            // Another's command is not there for the caller.
            let recorder = self.recorder(caller, &command.new.recorder).await;
            let recorder = recorder.map_err(|_| unknown())?;
            let mut turn = self.turn(caller, &command.contact, &[]).await?;
            if !turn.recorders.iter().any(|row| row.id == recorder.id) {
                turn.recorders.push(recorder);
            }
            // Read anew, after the contact: what changes from here on makes the change conflict.
            let command = self.inner.catalog.command(caller.tenant, id).await?;
            let command = command.ok_or_else(unknown)?;
            let at = turn.find(&command.new.interaction).ok_or_else(unknown)?;
            let news = turn.acknowledge(&command, at, ack)?;
            if !news {
                return Ok(command);
            }
            if self.commit(turn).await? {
                let now = self.inner.catalog.command(caller.tenant, id).await?;
                return now.ok_or_else(unknown);
            }
        }
        Err(ControlError::Contended)
    }
}
