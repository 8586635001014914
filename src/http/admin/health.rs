//! `GET /admin/v1/health`: the parts of this node, and the work of the tenant.

use std::time::{Duration, Instant};

use axum::Json;
use axum::extract::State as Shared;
use http::HeaderMap;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::operator;
use crate::asset::{TenantId, utc_format};
use crate::catalog::{CatalogError, StateCount};
use crate::http::State;
use crate::http::cxone::Problem;
use crate::seal::{Recipient, SealMode};
use crate::store::ObjectKey;

/// Longest wait for the store.
const STORE_WAIT: Duration = Duration::from_secs(3);
/// A certificate that ends sooner than this is warned about, in days.
const WARN_DAYS: i64 = 30;
const DAY_S: i64 = 24 * 60 * 60;

/// How a part is, from good to bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
enum Word {
    Ok,
    Warning,
    Failing,
}

/// Everything at once. The answer is 200 whatever it tells: `state` is the worst of it.
pub(super) async fn show(
    Shared(state): Shared<State>,
    headers: HeaderMap,
) -> Result<Json<Value>, Problem> {
    let principal = operator(&state, &headers).await?;
    let (tenant, now) = (&principal.tenant, state.clock.now());
    let (store, parts) = tokio::join!(store(&state, tenant), near(&state));
    let work = work(&state, tenant, now).await?;
    let all = parts.into_iter().chain([store, certificates(&state, now)]).chain(work);
    let (mut answer, mut worst) = (Map::new(), Word::Ok);
    answer.insert("state".to_owned(), Value::Null);
    answer.insert("time".to_owned(), utc_format(now).into());
    answer.insert("node".to_owned(), state.pipeline.spool.node().into());
    answer.insert("version".to_owned(), env!("CARGO_PKG_VERSION").into());
    for (name, word, facts) in all {
        worst = worst.max(word);
        let mut part = Map::from_iter([("state".to_owned(), json!(word))]);
        part.extend(facts.as_object().cloned().unwrap_or_default());
        answer.insert(name.to_owned(), part.into());
    }
    answer.insert("state".to_owned(), json!(worst));
    Ok(Json(answer.into()))
}

/// A part: its name, how it is, and what is known of it.
type Part = (&'static str, Word, Value);

/// Catalogue, spool and keys: what needs no other machine but the database.
async fn near(state: &State) -> Vec<Part> {
    let begun = Instant::now();
    let catalog = if state.catalog.ping().await.is_ok() { Word::Ok } else { Word::Failing };
    let took = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    let spool = state.pipeline.spool.clone();
    let seen = tokio::task::spawn_blocking(move || {
        (spool.free_bytes().ok(), spool.list().map(|files| files.len()).ok())
    });
    let (free, files) = seen.await.unwrap_or_default();
    let room = state.ingest.admit(0).is_ok() && files.is_some();
    let needed = state.pipeline.seal.mode != SealMode::None;
    let key = state.player.key.is_some();
    let links = state.links.keys.count();
    let reserve = state.ingest.settings.reserve_bytes;
    vec![
        ("catalog", catalog, json!({ "milliseconds": took })),
        (
            "spool",
            if room { Word::Ok } else { Word::Failing },
            json!({ "freeBytes": free, "reserveBytes": reserve, "files": files }),
        ),
        // Without it the owner opens the files, and nobody here plays them: a choice, not a fault.
        ("playbackKey", Word::Ok, json!({ "present": key, "needed": needed })),
        ("linkKeys", if links > 0 { Word::Ok } else { Word::Failing }, json!({ "count": links })),
    ]
}

/// Asks the store for an object that is not there: an answer means that it can be reached, and that
/// it lets the gateway in.
async fn store(state: &State, tenant: &TenantId) -> Part {
    let Ok(key) = ObjectKey::parse(&format!("{tenant}/health/none")) else {
        return ("store", Word::Failing, json!({ "error": "there is no name to ask for" }));
    };
    let begun = Instant::now();
    let asked = tokio::time::timeout(STORE_WAIT, state.player.store.head(&key)).await;
    let took = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    let error = match asked {
        Ok(Ok(_)) => None,
        Ok(Err(error)) => Some(error.to_string()),
        Err(_) => Some(format!("no answer in {} seconds", STORE_WAIT.as_secs())),
    };
    let word = if error.is_some() { Word::Failing } else { Word::Ok };
    ("store", word, json!({ "milliseconds": took, "error": error }))
}

/// The certificates that files are sealed for. An expired one still works, but its owner may not
/// keep the key much longer.
fn certificates(state: &State, now: Timestamp) -> Part {
    let seal = &state.pipeline.seal;
    let (mut worst, mut list) = (Word::Ok, Vec::new());
    let own = seal.playback.iter().map(|recipient| (recipient, "playback"));
    let others = seal.recipients.iter().map(|recipient| (recipient, "recipient"));
    for (recipient, role) in others.chain(own) {
        let days = days_left(recipient, now);
        let word = if days < WARN_DAYS { Word::Warning } else { Word::Ok };
        worst = worst.max(word);
        list.push(json!({
            "role": role,
            "issuer": recipient.issuer_dn(),
            "serial": recipient.serial(),
            "expires": utc_format(recipient.expires()),
            "daysLeft": days,
            "state": word,
        }));
    }
    ("certificates", worst, json!({ "sealing": seal.mode.to_string(), "list": list }))
}

/// Whole days; negative when it expired.
fn days_left(recipient: &Recipient, now: Timestamp) -> i64 {
    recipient.expires().as_second().saturating_sub(now.as_second()).div_euclid(DAY_S)
}

/// Jobs, deliveries, renditions and media files of the tenant.
async fn work(state: &State, tenant: &TenantId, now: Timestamp) -> Result<Vec<Part>, CatalogError> {
    let jobs = state.catalog.job_counts(tenant, now).await?;
    let deliveries = state.catalog.delivery_counts(tenant, now).await?;
    let renditions = state.catalog.rendition_counts(tenant, now).await?;
    let media = state.catalog.tenant_media_counts(tenant).await?;
    let warn = |bad: bool| if bad { Word::Warning } else { Word::Ok };
    let has = |rows: &[StateCount], state: &str| {
        rows.iter().any(|row| row.state == state && row.count > 0)
    };
    Ok(vec![
        ("jobs", warn(jobs.failed > 0), json!(jobs)),
        ("deliveries", warn(has(&deliveries, "dead")), counted(&deliveries)),
        ("renditions", warn(has(&renditions, "failed")), counted(&renditions)),
        ("media", warn(has(&media, "quarantined")), json!({ "counts": named(&media) })),
    ])
}

fn named(rows: &[StateCount]) -> Map<String, Value> {
    rows.iter().map(|row| (row.state.clone(), row.count.into())).collect()
}

/// Counts by state, and how many of those that wait are due.
fn counted(rows: &[StateCount]) -> Value {
    let waits = rows.iter().filter(|row| ["pending", "doubtful", "wanted"].contains(&&*row.state));
    let due: i64 = waits.map(|row| row.due).sum();
    json!({ "counts": named(rows), "due": due })
}
