//! What recorders are told.

use jiff::Timestamp;
use sqlx::Row as _;

use crate::asset::{ContactId, InteractionId, RecorderId, TenantId};
use crate::catalog::pool::on_read;
use crate::catalog::{Catalog, CatalogError, instant, micros};

/// The deadline of a command that waits for a recorder that is away: the year 3000.
pub const NO_DEADLINE: Timestamp = Timestamp::constant(32_503_680_000, 0);

/// What a recorder is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommandKind {
    /// Record.
    Start,
    /// Record no longer, until a start.
    Stop,
    /// Leave the media out until an unmask.
    Mask,
    /// Record again what is heard.
    Unmask,
    /// The customer declined: record nothing more of this contact.
    DoNotRecord,
    /// Record the screen of a user.
    StartScreen,
    /// End that.
    StopScreen,
}

impl CommandKind {
    const ALL: [Self; 7] = [
        Self::Start,
        Self::Stop,
        Self::Mask,
        Self::Unmask,
        Self::DoNotRecord,
        Self::StartScreen,
        Self::StopScreen,
    ];

    /// The name in rows and on the channel.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Stop => "stop",
            Self::Mask => "mask",
            Self::Unmask => "unmask",
            Self::DoNotRecord => "do-not-record",
            Self::StartScreen => "start-screen",
            Self::StopScreen => "stop-screen",
        }
    }

    /// Whether it takes effect only when the recorder did it. The others hold from the request
    /// on, because the gateway itself silences or drops the bytes.
    pub const fn permits(self) -> bool {
        matches!(self, Self::Start | Self::Unmask | Self::StartScreen)
    }

    fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == text)
    }
}

/// How far a command is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommandState {
    /// The recorder is to be told, or was.
    Sent,
    /// It began.
    Accepted,
    /// It did it.
    Done,
    /// It will not.
    Refused,
    /// It was silent past the deadline.
    Expired,
}

impl CommandState {
    const ALL: [Self; 5] = [Self::Sent, Self::Accepted, Self::Done, Self::Refused, Self::Expired];

    /// The name in rows and on the channel.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Accepted => "accepted",
            Self::Done => "done",
            Self::Refused => "refused",
            Self::Expired => "expired",
        }
    }

    /// The state of this name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == text)
    }

    /// Whether the request still waits for it.
    pub const fn is_in_flight(self) -> bool {
        matches!(self, Self::Sent | Self::Accepted)
    }
}

/// A command about to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCommand {
    /// Its name.
    pub id: String,
    /// Whom it tells.
    pub recorder: RecorderId,
    /// What it is about.
    pub interaction: InteractionId,
    /// The request that caused it.
    pub request: String,
    /// What is to be done.
    pub kind: CommandKind,
    /// What else the recorder must know, as a JSON object.
    pub argument: Option<String>,
    /// When it must have been answered.
    pub deadline: Timestamp,
}

/// A command as a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandRow {
    /// What was written.
    pub new: NewCommand,
    /// Tenant.
    pub tenant: TenantId,
    /// The contact of its interaction.
    pub contact: ContactId,
    /// Its place among the commands of its recorder, from 1.
    pub position: i64,
    /// How far it is.
    pub state: CommandState,
    /// Whether the recorder is to be told.
    pub open: bool,
    /// When it was asked for.
    pub issued: Timestamp,
    /// When it took effect, on the gateway's clock.
    pub effect: Option<Timestamp>,
    /// Where in the media that was, in milliseconds.
    pub media_ms: Option<i64>,
    /// Why it was refused.
    pub detail: Option<String>,
}

const COLUMNS: &str = "SELECT c.id, c.tenant, c.recorder_id, c.position, c.interaction_id, \
                       i.contact_id, c.request_id, c.kind, c.argument, c.state, c.open, \
                       c.issued_us, c.deadline_us, c.effect_us, c.media_ms, c.detail \
                       FROM commands c CROSS JOIN interactions i \
                       WHERE i.tenant = c.tenant AND i.id = c.interaction_id";

macro_rules! command_row {
    ($row:expr) => {{
        let row = $row;
        let id: String = row.try_get("id")?;
        let text = |name: &str| -> Result<String, sqlx::Error> { row.try_get(name) };
        let at = |name: &str| -> Result<Timestamp, sqlx::Error> {
            row.try_get::<i64, _>(name).map(instant)
        };
        let bad = |detail: &str| CatalogError::row(&id, detail);
        let effect: Option<i64> = row.try_get("effect_us")?;
        Ok::<CommandRow, CatalogError>(CommandRow {
            tenant: TenantId::parse(&text("tenant")?).map_err(|_| bad("tenant"))?,
            contact: ContactId::parse(&text("contact_id")?).map_err(|_| bad("contact"))?,
            position: row.try_get("position")?,
            state: CommandState::parse(&text("state")?).ok_or_else(|| bad("state"))?,
            open: row.try_get::<i64, _>("open")? != 0,
            issued: at("issued_us")?,
            effect: effect.map(instant),
            media_ms: row.try_get("media_ms")?,
            detail: row.try_get("detail")?,
            new: NewCommand {
                recorder: RecorderId::parse(&text("recorder_id")?).map_err(|_| bad("recorder"))?,
                interaction: InteractionId::parse(&text("interaction_id")?)
                    .map_err(|_| bad("interaction"))?,
                request: text("request_id")?,
                kind: CommandKind::parse(&text("kind")?).ok_or_else(|| bad("kind"))?,
                argument: row.try_get("argument")?,
                deadline: at("deadline_us")?,
                id,
            },
        })
    }};
}

/// Runs a query for commands with texts as its arguments.
macro_rules! commands {
    ($self:expr, $tail:expr, $($value:expr),*) => {{
        let sql = sqlx::AssertSqlSafe(format!("{COLUMNS} {}", $tail));
        on_read!($self, |pool| {
            let rows = sqlx::query(sql)$(.bind($value))*.fetch_all(pool).await?;
            rows.iter().map(|row| command_row!(row)).collect::<Result<Vec<_>, _>>()
        })
    }};
}

impl Catalog {
    /// The commands that a recorder has not acknowledged, in order.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn open_commands(
        &self,
        tenant: &TenantId,
        recorder: &RecorderId,
    ) -> Result<Vec<CommandRow>, CatalogError> {
        let tail = "AND c.tenant = $1 AND c.recorder_id = $2 AND c.open = 1 ORDER BY c.position";
        commands!(self, tail, tenant.as_str(), recorder.as_str())
    }

    /// One command.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn command(
        &self,
        tenant: &TenantId,
        id: &str,
    ) -> Result<Option<CommandRow>, CatalogError> {
        let tail = "AND c.tenant = $1 AND c.id = $2";
        Ok(commands!(self, tail, tenant.as_str(), id)?.pop())
    }

    /// The commands of one request.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn commands_of(&self, request: &str) -> Result<Vec<CommandRow>, CatalogError> {
        commands!(self, "AND c.request_id = $1 ORDER BY c.position", request)
    }

    /// The commands whose deadline is over and whose requests still wait.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn overdue_commands(&self, now: Timestamp) -> Result<Vec<CommandRow>, CatalogError> {
        let tail = "AND c.state IN ('sent', 'accepted') AND c.deadline_us <= $1 \
                    ORDER BY c.deadline_us LIMIT 500";
        commands!(self, tail, micros(now))
    }
}
