//! Live interactions and their ledger, written where the control engine writes them. The only
//! place of these tests that knows the rows.

use jiff::{SignedDuration, Timestamp};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions as _, Connection as _};

use crate::gateway::{Gateway, block_on};

/// When every call of these tests begins, on the recorder's clock.
pub(crate) const START: &str = "2026-03-04T09:15:00.000Z";

/// So many milliseconds after [`START`], in microseconds since 1970.
fn micros(after_ms: i64) -> i64 {
    let start: Timestamp = START.parse().expect("an instant");
    (start + SignedDuration::from_millis(after_ms)).as_microsecond()
}

async fn connect(gateway: &Gateway) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(gateway.data().join("catalog.sqlite"));
    let options = options.busy_timeout(std::time::Duration::from_secs(20));
    options.connect().await.expect("the catalogue")
}

/// A call begins.
pub(crate) fn begin(gateway: &Gateway, id: &str) {
    let sql = "INSERT INTO interactions (tenant, id, contact_id, segment_id, kind, internal, \
               recorder_id, policy, demand, masked, held, started_us, seen_us) VALUES \
               ('default', $1, 'contact', 'segment', 'call', 0, 'rec', 1, 'none', 0, 0, $2, $2)";
    block_on(async {
        let mut link = connect(gateway).await;
        let query = sqlx::query(sql).bind(id).bind(micros(0));
        query.execute(&mut link).await.expect("a row");
        link.close().await.expect("a closed link");
    });
}

/// The ledger says `kind` from so many milliseconds after the start on.
pub(crate) fn rule(gateway: &Gateway, id: &str, kind: &str, after_ms: i64) {
    let sql = "INSERT INTO ledger (tenant, interaction_id, position, kind, at_us, \
               recorder_at_us, source, cause, received_us) SELECT 'default', $1, \
               COUNT(*) + 1, $2, $3, $3, 'api', $4, $3 FROM ledger WHERE interaction_id = $1";
    block_on(async {
        let mut link = connect(gateway).await;
        let cause = format!("{kind}-{after_ms}");
        let query = sqlx::query(sql).bind(id).bind(kind).bind(micros(after_ms)).bind(cause);
        query.execute(&mut link).await.expect("a row");
        link.close().await.expect("a closed link");
    });
}

/// The call ends so many milliseconds after it began.
pub(crate) fn end(gateway: &Gateway, id: &str, after_ms: i64) {
    let sql = "UPDATE interactions SET ended_us = $2 WHERE id = $1";
    block_on(async {
        let mut link = connect(gateway).await;
        let query = sqlx::query(sql).bind(id).bind(micros(after_ms));
        query.execute(&mut link).await.expect("a row");
        link.close().await.expect("a closed link");
    });
}
