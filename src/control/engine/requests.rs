//! What callers of the control interface ask for, and what they are answered.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use super::{ATTEMPTS, Caller, Control};
use crate::asset::{ContactId, InteractionId, TenantId, UserId};
use crate::catalog::{
    CommandRow, CommandState, InteractionKind, InteractionRow, LiveContact, NO_DEADLINE,
    Whereabouts,
};
use crate::control::ControlError;
use crate::control::machine::{At, NewSession, Order, Turn, Verdict};
use crate::control::status::{RecordingStatus, StatusReason, status_of};

/// How often a waiting request looks by itself.
const LOOK: Duration = Duration::from_millis(500);

/// A request that was decided, and may wait for recorders.
#[derive(Debug, Clone)]
pub struct Ticket {
    /// Names the request.
    pub request: String,
    /// The interaction as it was written.
    pub interaction: InteractionRow,
    /// What followed at once.
    pub verdict: Verdict,
}

/// How a request ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It holds.
    Done,
    /// It holds in the gateway, or the recorder is at it.
    Accepted,
    /// The recorder will not, and without it nothing changed.
    Refused,
    /// The recorder was silent past the deadline.
    TimedOut,
}

/// What a caller is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// How it ended.
    pub outcome: Outcome,
    /// In words.
    pub description: String,
    /// When it took effect.
    pub effect: Option<Timestamp>,
    /// Where in the media, in milliseconds, as the recorder says.
    pub media_ms: Option<i64>,
}

/// What of a user's interaction is recorded now.
#[derive(Debug, Clone)]
pub struct StatusView {
    /// The interaction.
    pub interaction: InteractionRow,
    /// Whether anything is recorded.
    pub status: RecordingStatus,
    /// Why.
    pub reason: StatusReason,
}

impl Control {
    /// Carries an order for the call that a user joined last.
    ///
    /// # Errors
    /// [`ControlError`]; nothing is changed then.
    pub async fn order(
        &self,
        caller: Caller<'_>,
        user: &UserId,
        order: Order,
    ) -> Result<Ticket, ControlError> {
        for _ in 0..ATTEMPTS {
            let place = self.place(caller.tenant, user, InteractionKind::Call).await?;
            let others = match order {
                Order::Mask | Order::Unmask => {
                    self.inner.catalog.companion_contacts(caller.tenant, &place.contact).await?
                }
                _ => Vec::new(),
            };
            let mut turn = self.turn(caller, &place.contact, &others).await?;
            let Some(at) = turn.find(&place.interaction) else { continue };
            let verdict = turn.order(order, at)?;
            let ticket = ticket(&turn, at, verdict);
            if self.commit(turn).await? {
                return Ok(ticket);
            }
        }
        Err(ControlError::Contended)
    }

    async fn place(
        &self,
        tenant: &TenantId,
        user: &UserId,
        kind: InteractionKind,
    ) -> Result<Whereabouts, ControlError> {
        let found = self.inner.catalog.whereabouts(tenant, user, kind).await?;
        let what = match kind {
            InteractionKind::Call => "call",
            InteractionKind::Screen => "screen session",
        };
        found.ok_or_else(|| ControlError::NotLive { what: format!("user {user} is in no {what}") })
    }

    /// Starts a screen session. A user who has one gets that one, unchanged.
    ///
    /// # Errors
    /// [`ControlError`].
    pub async fn start_screen(
        &self,
        caller: Caller<'_>,
        user: &UserId,
        seconds: u32,
    ) -> Result<Ticket, ControlError> {
        for _ in 0..ATTEMPTS {
            let tenant = caller.tenant;
            let contacts = self.inner.catalog.contacts_with(tenant, user).await?;
            let mut all: Vec<LiveContact> = Vec::new();
            for contact in &contacts {
                all.extend(self.inner.catalog.live_contact(tenant, contact).await?);
            }
            let recorders = self.inner.catalog.recorders(tenant).await?;
            let (who, settings) = ((tenant, caller.name), &self.inner.settings);
            let mut turn = Turn::new(who, settings, recorders, all, self.now());
            if let Some(at) = running_session(&turn, user) {
                turn.require_unlocked(at)?;
                let verdict = Verdict::Holds("the screen is recorded already; nothing changed");
                return Ok(ticket(&turn, at, verdict));
            }
            let interaction = uuid::Uuid::now_v7().to_string();
            let new = NewSession {
                contact: screen_contact(self.now())?,
                interaction: InteractionId::parse(&interaction)
                    .map_err(|_| ControlError::Contended)?,
                user: user.clone(),
                seconds,
            };
            let verdict = turn.start_session(&new)?;
            let Some(at) = turn.find(&new.interaction) else { continue };
            let ticket = ticket(&turn, at, verdict);
            if self.commit(turn).await? {
                return Ok(ticket);
            }
        }
        Err(ControlError::Contended)
    }

    /// Ends the screen session of a user that has this contact id.
    ///
    /// # Errors
    /// [`ControlError::NotLive`] too when the contact is another user's, or has ended.
    pub async fn stop_screen(
        &self,
        caller: Caller<'_>,
        user: &UserId,
        contact: &ContactId,
    ) -> Result<Ticket, ControlError> {
        for _ in 0..ATTEMPTS {
            let mut turn = self.turn(caller, contact, &[]).await?;
            let at = running_session(&turn, user).ok_or_else(|| ControlError::NotLive {
                what: format!("user {user} has no screen session {contact}"),
            })?;
            let verdict = turn.stop_session(at, "screen.stop")?;
            let ticket = ticket(&turn, at, verdict);
            if self.commit(turn).await? {
                return Ok(ticket);
            }
        }
        Err(ControlError::Contended)
    }

    /// Keeps business data with the call of a user; `data` is what was sent.
    ///
    /// # Errors
    /// [`ControlError`].
    pub async fn business_data(
        &self,
        caller: Caller<'_>,
        user: &UserId,
        data: &Value,
    ) -> Result<Ticket, ControlError> {
        for _ in 0..ATTEMPTS {
            let place = self.place(caller.tenant, user, InteractionKind::Call).await?;
            let mut turn = self.turn(caller, &place.contact, &[]).await?;
            let Some(at) = turn.find(&place.interaction) else { continue };
            turn.require_unlocked(at)?;
            turn.keep_business_data(at, data);
            let ticket = ticket(&turn, at, Verdict::Holds("the business data is kept"));
            if self.commit(turn).await? {
                return Ok(ticket);
            }
        }
        Err(ControlError::Contended)
    }

    /// What of the interaction of a user is recorded now: of the call joined last, else of the
    /// screen session.
    ///
    /// # Errors
    /// [`ControlError::NotLive`] when there is neither.
    pub async fn status(
        &self,
        tenant: &TenantId,
        user: &UserId,
    ) -> Result<StatusView, ControlError> {
        let place = match self.place(tenant, user, InteractionKind::Call).await {
            Err(ControlError::NotLive { .. }) => {
                self.place(tenant, user, InteractionKind::Screen).await?
            }
            place => place?,
        };
        let turn = self.turn(Caller { tenant, name: "" }, &place.contact, &[]).await?;
        let gone = || ControlError::NotLive { what: format!("user {user} is in no call") };
        let at = turn.find(&place.interaction).ok_or_else(gone)?;
        let row = turn.row(at).clone();
        let contact = turn.contacts.first().map(|live| live.contact.clone()).ok_or_else(gone)?;
        let (status, reason) = status_of(&contact, &row, turn.is_alive(&row.recorder));
        Ok(StatusView { interaction: row, status, reason })
    }

    /// The answer to a request, as soon as its recorders have answered or their time is over.
    ///
    /// # Errors
    /// [`ControlError::Catalog`].
    pub async fn answer(&self, ticket: &Ticket) -> Result<Answer, ControlError> {
        let bell = self.inner.wakes.bell(&ticket.request);
        loop {
            let rung = bell.notified();
            tokio::pin!(rung);
            rung.as_mut().enable();
            if let Some(answer) = self.outcome(ticket).await? {
                return Ok(answer);
            }
            let wait = self.time_left(ticket).map_or(LOOK, |left| left.min(LOOK));
            if tokio::time::timeout(wait, rung).await.is_err() {
                self.expire_commands().await?;
            }
        }
    }

    fn time_left(&self, ticket: &Ticket) -> Option<Duration> {
        let until = ticket.interaction.lock.as_ref()?.until;
        let left = until.duration_since(self.now());
        // A little later, so that the deadline is over then.
        Duration::try_from(left).ok().map(|left| left + Duration::from_millis(1))
    }

    /// The answer, if it is there already.
    ///
    /// # Errors
    /// [`ControlError::Catalog`].
    pub async fn outcome(&self, ticket: &Ticket) -> Result<Option<Answer>, ControlError> {
        let (outcome, text) = match ticket.verdict {
            Verdict::Holds(text) => (Outcome::Done, text),
            Verdict::Queued(text) => (Outcome::Accepted, text),
            Verdict::InFlight => {
                let commands = self.inner.catalog.commands_of(&ticket.request).await?;
                return Ok(judge(&commands, &ticket.interaction.id));
            }
        };
        let description = text.to_owned();
        Ok(Some(Answer { outcome, description, effect: None, media_ms: None }))
    }
}

fn ticket(turn: &Turn<'_>, at: At, verdict: Verdict) -> Ticket {
    Ticket { request: turn.request.clone(), interaction: turn.row(at).clone(), verdict }
}

fn running_session(turn: &Turn<'_>, user: &UserId) -> Option<At> {
    let mut rows = turn.contacts.iter().flat_map(|live| &live.interactions);
    let row =
        rows.find(|row| row.kind == InteractionKind::Screen && row.is_live() && row.has(user))?;
    turn.find(&row.id)
}

/// A contact id for a screen session: a whole number that every JSON reader keeps (below 2^53),
/// made of the time and three random digits.
fn screen_contact(now: Timestamp) -> Result<ContactId, ControlError> {
    let random = u64::from(uuid::Uuid::new_v4().as_fields().0) % 1000;
    let millis = u64::try_from(now.as_millisecond()).unwrap_or(0);
    let number = millis.saturating_mul(1000).saturating_add(random);
    ContactId::parse(&number.to_string()).map_err(|_| ControlError::Contended)
}

/// What the answers of all recorders come to; `None` while one may still come.
fn judge(commands: &[CommandRow], interaction: &InteractionId) -> Option<Answer> {
    // One without a deadline waits for a recorder that is away, and nobody waits for it.
    let told = commands.iter().filter(|command| command.new.deadline < NO_DEADLINE);
    let told: Vec<&CommandRow> = told.collect();
    if told.iter().any(|command| command.state == CommandState::Sent) {
        return None;
    }
    let has = |state| told.iter().find(|command| command.state == state);
    let own = told.iter().find(|command| command.new.interaction == *interaction);
    let (outcome, description) = if let Some(silent) = has(CommandState::Expired) {
        let kind = silent.new.kind;
        let rest = if kind.permits() {
            "nothing changed"
        } else {
            "the gateway does it all the same, and the recorder is still to be told"
        };
        let text = format!("the recorder did not answer in time; {rest}");
        (Outcome::TimedOut, text)
    } else if has(CommandState::Accepted).is_some() {
        (Outcome::Accepted, "the recorder is at it".to_owned())
    } else if let Some(refused) = has(CommandState::Refused) {
        let reason = refused.detail.as_deref().unwrap_or("no reason given");
        if refused.new.kind.permits() {
            (Outcome::Refused, format!("the recorder refused: {reason}"))
        } else {
            let text = format!("the recorder refused ({reason}); the gateway does it");
            (Outcome::Done, text)
        }
    } else {
        (Outcome::Done, "the recorder did it".to_owned())
    };
    Some(Answer {
        outcome,
        description,
        effect: own.and_then(|command| command.effect),
        media_ms: own.and_then(|command| command.media_ms),
    })
}
