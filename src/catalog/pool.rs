//! Connections to either database, and the one place that knows which it is.

use std::path::Path;
use std::str::FromStr as _;
use std::time::Duration;

use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::postgres::{PgPool, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{SqlSafeStr as _, SqlitePool};

use super::CatalogError;

/// Number, name and text of every migration; one text serves both databases.
const MIGRATIONS: &[(i64, &str, &str)] = &[
    (1, "records", include_str!("../../migrations/0001_records.sql")),
    (2, "control", include_str!("../../migrations/0002_control.sql")),
    (3, "identity", include_str!("../../migrations/0003_identity.sql")),
    (4, "live", include_str!("../../migrations/0004_live.sql")),
    (5, "playback", include_str!("../../migrations/0005_playback.sql")),
    (6, "bundles", include_str!("../../migrations/0006_bundles.sql")),
    (7, "console", include_str!("../../migrations/0007_console.sql")),
    (8, "archive", include_str!("../../migrations/0008_archive.sql")),
    (9, "call records", include_str!("../../migrations/0009_call_records.sql")),
    (10, "removals", include_str!("../../migrations/0010_removals.sql")),
];

/// How long a statement waits for another process's write lock.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// PostgreSQL connections of one node.
const POSTGRES_CONNECTIONS: u32 = 8;
/// Readers beside the one SQLite writer.
const SQLITE_READERS: u32 = 4;

/// The catalogue. Cheap to clone; all clones share the connections.
#[derive(Clone)]
pub struct Catalog {
    pub(super) pool: Pool,
}

#[derive(Clone)]
pub(super) enum Pool {
    /// SQLite: one writer, so that a write transaction never meets a rival in this process.
    Sqlite {
        /// The only connection that writes.
        write: SqlitePool,
        /// Connections that read.
        read: SqlitePool,
    },
    /// PostgreSQL.
    Postgres(PgPool),
}

/// Runs one body of code against whichever database is there. `$pool` is the writing pool,
/// `$lock` the text that makes a sub-select skip rows that another node has locked.
macro_rules! on_write {
    ($self:expr, |$pool:ident, $begin:ident, $lock:ident| $body:expr) => {
        match &$self.pool {
            $crate::catalog::pool::Pool::Sqlite { write: $pool, .. } => {
                let ($begin, $lock) = ("BEGIN IMMEDIATE", "");
                let _ = ($begin, $lock);
                $body
            }
            $crate::catalog::pool::Pool::Postgres($pool) => {
                let ($begin, $lock) = ("BEGIN", " FOR UPDATE SKIP LOCKED");
                let _ = ($begin, $lock);
                $body
            }
        }
    };
}

/// The same for code that only reads.
macro_rules! on_read {
    ($self:expr, |$pool:ident| $body:expr) => {
        match &$self.pool {
            $crate::catalog::pool::Pool::Sqlite { read: $pool, .. } => $body,
            $crate::catalog::pool::Pool::Postgres($pool) => $body,
        }
    };
}

pub(super) use {on_read, on_write};

impl std::fmt::Debug for Catalog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kind = match self.pool {
            Pool::Sqlite { .. } => "sqlite",
            Pool::Postgres(_) => "postgres",
        };
        f.debug_tuple("Catalog").field(&kind).finish()
    }
}

fn migrator() -> Migrator {
    let migration = |(version, name, sql): &(i64, &'static str, &'static str)| {
        let kind = MigrationType::Simple;
        Migration::new(*version, (*name).into(), kind, (*sql).into_sql_str(), false)
    };
    Migrator::with_migrations(MIGRATIONS.iter().map(migration).collect())
}

impl Catalog {
    /// Opens the database and brings its schema up to date.
    ///
    /// # Errors
    /// [`CatalogError`] when it cannot be reached, or its schema is newer than this version.
    pub async fn open(url: &str) -> Result<Self, CatalogError> {
        let pool = if url.starts_with("postgres:") || url.starts_with("postgresql:") {
            let pool =
                PgPoolOptions::new().max_connections(POSTGRES_CONNECTIONS).connect(url).await?;
            migrator().run(&pool).await?;
            Pool::Postgres(pool)
        } else if url.starts_with("sqlite:") {
            Self::open_sqlite(url).await?
        } else {
            return Err(CatalogError::Url);
        };
        Ok(Self { pool })
    }

    /// The URL of a SQLite catalogue at `path`.
    pub fn sqlite_url(path: &Path) -> String {
        format!("sqlite:{}", path.display())
    }

    async fn open_sqlite(url: &str) -> Result<Pool, CatalogError> {
        let options = SqliteConnectOptions::from_str(url)?
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            // An acknowledged upload must survive a power cut, so commits reach the disk.
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(BUSY_TIMEOUT)
            .foreign_keys(true);
        let write = SqlitePoolOptions::new().max_connections(1);
        let write = write.connect_with(options.clone()).await?;
        migrator().run(&write).await?;
        let read = SqlitePoolOptions::new().max_connections(SQLITE_READERS);
        let read = read.connect_with(options.read_only(true)).await?;
        Ok(Pool::Sqlite { write, read })
    }

    /// Answers whether the database still answers.
    ///
    /// # Errors
    /// [`CatalogError::Database`] when it does not.
    pub async fn ping(&self) -> Result<(), CatalogError> {
        on_write!(self, |pool, _begin, _lock| {
            sqlx::query("SELECT 1").execute(pool).await?;
        });
        Ok(())
    }

    /// Closes all connections; SQLite checkpoints its log.
    pub async fn close(&self) {
        match &self.pool {
            Pool::Sqlite { write, read } => {
                read.close().await;
                write.close().await;
            }
            Pool::Postgres(pool) => pool.close().await,
        }
    }
}
