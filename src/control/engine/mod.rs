//! Carries requests, events and timers out: reads the contact, asks the machine, writes the
//! change, and wakes those who wait. The rows are the truth; nothing is kept in memory that a
//! restart would lose.

mod channel;
mod clockwork;
mod requests;
mod wakes;

use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use tokio::sync::{Notify, broadcast};

use self::channel::Flood;
use self::wakes::Wakes;
use super::machine::Turn;
use super::settings::ControlSettings;
use super::status::StatusEvent;
use super::{ControlError, WEBHOOK};
use crate::asset::{Clock, ContactId, RecorderId, RecordingId, TenantId};
use crate::catalog::{Catalog, Changed, InteractionRow, LiveContact, Owed, RecorderRow};

pub use channel::{Registration, Reported};
pub use requests::{Answer, Outcome, StatusView, Ticket};

/// How often a decision is made anew when others changed the same contact meanwhile.
const ATTEMPTS: usize = 50;
/// Status changes that a slow subscriber may be behind.
const SUBSCRIBER_EVENTS: usize = 1024;

/// Who asks.
#[derive(Debug, Clone, Copy)]
pub struct Caller<'c> {
    /// Tenant.
    pub tenant: &'c TenantId,
    /// Login name.
    pub name: &'c str,
}

/// Live control. Cheap to clone.
#[derive(Clone)]
pub struct Control {
    inner: Arc<Inner>,
}

struct Inner {
    catalog: Catalog,
    settings: ControlSettings,
    clock: Arc<dyn Clock>,
    /// Rung when an interaction ended.
    ended: Arc<Notify>,
    /// Rung when a delivery is owed.
    deliveries: Arc<Notify>,
    wakes: Wakes,
    events: broadcast::Sender<Arc<StatusEvent>>,
    flood: Mutex<Flood>,
}

impl std::fmt::Debug for Control {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Control").field("settings", &self.inner.settings).finish_non_exhaustive()
    }
}

impl Control {
    /// Over the rows of `catalog`. `ended` is rung when an interaction ended, `deliveries` when a
    /// webhook is owed.
    pub fn new(
        catalog: Catalog,
        settings: ControlSettings,
        clock: Arc<dyn Clock>,
        ended: Arc<Notify>,
        deliveries: Arc<Notify>,
    ) -> Self {
        let (events, _) = broadcast::channel(SUBSCRIBER_EVENTS);
        let (wakes, flood) = (Wakes::default(), Mutex::default());
        let inner = Inner { catalog, settings, clock, ended, deliveries, wakes, events, flood };
        Self { inner: Arc::new(inner) }
    }

    /// `[control]`.
    pub fn settings(&self) -> &ControlSettings {
        &self.inner.settings
    }

    /// Changes of status on this node from now on, of all tenants.
    pub fn subscribe(&self) -> broadcast::Receiver<Arc<StatusEvent>> {
        self.inner.events.subscribe()
    }

    fn now(&self) -> Timestamp {
        self.inner.clock.now()
    }

    /// A turn over a contact, and over `others` if they are there.
    async fn turn<'t>(
        &'t self,
        caller: Caller<'t>,
        contact: &ContactId,
        others: &[ContactId],
    ) -> Result<Turn<'t>, ControlError> {
        let mut contacts: Vec<LiveContact> = Vec::new();
        for id in std::iter::once(contact).chain(others) {
            contacts.extend(self.inner.catalog.live_contact(caller.tenant, id).await?);
        }
        let recorders = self.recorders_of(caller.tenant, &contacts, None).await?;
        let (who, settings) = ((caller.tenant, caller.name), &self.inner.settings);
        Ok(Turn::new(who, settings, recorders, contacts, self.now()))
    }

    /// The recorders of all live interactions, and one more.
    async fn recorders_of(
        &self,
        tenant: &TenantId,
        contacts: &[LiveContact],
        more: Option<&RecorderId>,
    ) -> Result<Vec<RecorderRow>, ControlError> {
        let rows = contacts.iter().flat_map(|live| &live.interactions);
        let mut names: Vec<&RecorderId> =
            rows.filter(|row| row.is_live()).map(|row| &row.recorder).chain(more).collect();
        names.sort_unstable();
        names.dedup();
        let mut recorders = Vec::with_capacity(names.len());
        for name in names {
            recorders.extend(self.inner.catalog.recorder(tenant, name).await?);
        }
        Ok(recorders)
    }

    /// Writes what a turn changed, and tells those who wait; false when it must be decided anew.
    async fn commit(&self, turn: Turn<'_>) -> Result<bool, ControlError> {
        let inner = &self.inner;
        let (tenant, now) = (turn.tenant, turn.now);
        let (mut change, events) = turn.finish();
        self.owe_webhooks(tenant, &events, &mut change.owed);
        match inner.catalog.change(tenant, &change, now).await? {
            Changed::Done => {}
            Changed::Conflict => return Ok(false),
            Changed::TooLate => {
                let what = "media of the interaction is being processed or done".to_owned();
                return Err(ControlError::TooLate { what });
            }
        }
        for command in &change.commands {
            inner.wakes.ring(&recorder_bell(tenant, &command.recorder));
        }
        for request in change.requests() {
            inner.wakes.ring(request);
        }
        if change.interactions.iter().any(|row: &InteractionRow| !row.is_live()) {
            inner.ended.notify_waiters();
        }
        if !change.owed.is_empty() {
            inner.deliveries.notify_one();
        }
        for event in events {
            // Without subscribers nobody hears it.
            let _ = inner.events.send(Arc::new(event));
        }
        Ok(true)
    }

    /// A row for each receiver and each change of status, written with the change itself.
    fn owe_webhooks(&self, tenant: &TenantId, events: &[StatusEvent], owed: &mut Vec<Owed>) {
        for event in events {
            for hook in &self.inner.settings.webhooks {
                let subject = RecordingId::parse(&event.id);
                if let (true, Ok(subject)) = (hook.tenant == tenant.as_str(), subject) {
                    let target = format!("{WEBHOOK}{}", hook.name);
                    let body = event.message("ToAgent").to_string();
                    owed.push(Owed { target, subject, body });
                }
            }
        }
    }
}

/// The bell of a recorder's channel.
fn recorder_bell(tenant: &TenantId, recorder: &RecorderId) -> String {
    format!("{tenant}/{recorder}")
}
