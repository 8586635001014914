//! Lists and sums: `record/`, `record/stats/`, `records_stats/`, `call_history/{call_uuid}/`.

use axum::body::Body;
use axum::response::{IntoResponse as _, Response};
use bytes::{BufMut as _, Bytes, BytesMut};
use futures_util::stream;
use http::header::{CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::caller::Caller;
use super::problem::Problem;
use super::query::Query;
use crate::asset::{Digest, GmtTime};
use crate::catalog::{
    CallFilter, CallMonth, CallOrder, CallScope, CallTotals, CallsFrom, Catalog, CatalogError,
    ListedCall,
};
use crate::http::State;
use crate::pbx::Interval;

const TOTAL_COUNT: HeaderName = HeaderName::from_static("x-total-count");
/// Records read from the catalogue at a time.
const BATCH: u32 = 500;
/// Records of a page, where only its number is given.
const PER_PAGE: u64 = 100;
/// Most records of a page.
const MAX_PER_PAGE: u64 = 1000;
/// Highest number of a page.
const MAX_PAGE: u64 = 1_000_000_000;
/// Longest call that a filter may ask for, in seconds.
const MAX_DURATION_S: u64 = 1_000_000_000;

/// Which records a query asks for.
pub(super) fn filter(
    state: &State,
    caller: &Caller,
    scope: CallScope,
    query: &Query,
) -> Result<CallFilter, Problem> {
    let limited = state.pipeline.call_records.settings.interval_limit;
    let (start, end) = (query.values("start_datetime"), query.values("end_datetime"));
    let Interval { from, to } = Interval::parse(&start, &end, limited)?;
    let min_duration_s = query.number("min_duration", 0, MAX_DURATION_S)?.unwrap_or(0);
    let tenant = caller.principal.tenant.clone();
    Ok(CallFilter { tenant, scope, from, to, min_duration_s })
}

/// `record/`: a bare array, of a page or of everything.
pub(super) async fn records(
    state: &State,
    caller: &Caller,
    scope: CallScope,
    query: &Query,
    headers: &HeaderMap,
) -> Result<Response, Problem> {
    let filter = filter(state, caller, scope, query)?;
    let order = match query.value("order")? {
        None | Some("desc") => CallOrder::Descending,
        Some("asc") => CallOrder::Ascending,
        Some(_) => return Err(Problem::parameter("order", "must be asc or desc")),
    };
    let page = query.number("page", 1, MAX_PAGE)?;
    let per_page = query.number("per_page", 1, MAX_PER_PAGE)?;
    let totals = state.catalog.call_totals(&filter).await?;
    let tag = etag(&totals, query);
    let mut response = if headers.get(IF_NONE_MATCH) == Some(&tag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else if page.is_none() && per_page.is_none() {
        json_of(Body::from_stream(everything(state.catalog.clone(), filter, order)))
    } else {
        let per_page = per_page.unwrap_or(PER_PAGE);
        let offset = page.unwrap_or(1).saturating_sub(1).saturating_mul(per_page);
        let limit = u32::try_from(per_page).unwrap_or(u32::MAX);
        let from = CallsFrom::Offset(offset);
        let rows = state.catalog.call_records(&filter, order, &from, limit).await?;
        json_of(Body::from(array(&rows)))
    };
    let out = response.headers_mut();
    out.insert(ETAG, tag);
    out.insert(TOTAL_COUNT, HeaderValue::from(totals.count));
    Ok(response)
}

/// Changes with whatever is in the window, and with what is asked of it.
fn etag(totals: &CallTotals, query: &Query) -> HeaderValue {
    let asked: Vec<_> =
        ["start_datetime", "end_datetime", "order", "page", "per_page", "min_duration"]
            .iter()
            .map(|name| query.values(name).join("\n"))
            .collect();
    let text = format!("{totals:?}\n{}", asked.join("\n"));
    let digest = Digest::of(text.as_bytes()).to_string();
    let tag = format!("W/\"{}\"", digest.get(..32).unwrap_or_default());
    HeaderValue::try_from(tag).unwrap_or_else(|_| HeaderValue::from_static("\"\""))
}

fn array(rows: &[ListedCall]) -> String {
    let objects: Vec<&str> = rows.iter().map(|row| row.shown.as_str()).collect();
    format!("[{}]", objects.join(","))
}

/// Where a long list stands.
enum Reading {
    /// Before the first record.
    Beginning,
    /// After this one.
    After(i64, String),
    /// Everything is out.
    Over,
}

/// All records of a filter, read in batches: no answer holds a connection to the catalogue, or more
/// than a batch in memory, however slowly it is read.
fn everything(
    catalog: Catalog,
    filter: CallFilter,
    order: CallOrder,
) -> impl futures_util::Stream<Item = Result<Bytes, CatalogError>> {
    stream::try_unfold(Reading::Beginning, move |reading| {
        let (catalog, filter) = (catalog.clone(), filter.clone());
        async move {
            let read = batch(&catalog, &filter, order, reading).await;
            // The answer breaks off: what came is not taken for everything.
            read.inspect_err(|error| tracing::error!(?error, "a list of call records broke off"))
        }
    })
}

async fn batch(
    catalog: &Catalog,
    filter: &CallFilter,
    order: CallOrder,
    reading: Reading,
) -> Result<Option<(Bytes, Reading)>, CatalogError> {
    let (from, first) = match reading {
        Reading::Over => return Ok(None),
        Reading::Beginning => (CallsFrom::Offset(0), true),
        Reading::After(at, name) => (CallsFrom::After(at, name), false),
    };
    let rows = catalog.call_records(filter, order, &from, BATCH).await?;
    let mut out = BytesMut::new();
    for (index, row) in rows.iter().enumerate() {
        out.put_u8(if first && index == 0 { b'[' } else { b',' });
        out.put_slice(row.shown.as_bytes());
    }
    let next = match rows.last() {
        Some(last) if rows.len() >= BATCH as usize => {
            Reading::After(last.init_us, last.record_uuid.clone())
        }
        last => {
            out.put_slice(if first && last.is_none() { b"[]" } else { b"]" });
            Reading::Over
        }
    };
    Ok(Some((out.freeze(), next)))
}

/// `record/stats/`.
pub(super) async fn stats(
    state: &State,
    caller: &Caller,
    scope: CallScope,
    query: &Query,
) -> Result<Response, Problem> {
    let totals = state.catalog.call_totals(&filter(state, caller, scope, query)?).await?;
    Ok(json_of(Body::from(sums(totals.count, totals.bytes).to_string())))
}

fn sums(count: u64, bytes: u64) -> Value {
    json!({ "call_records_count": count, "call_records_size": bytes })
}

/// `records_stats/`: a line for each month in UTC.
pub(super) async fn months(
    state: &State,
    caller: &Caller,
    query: &Query,
) -> Result<Response, Problem> {
    let to = match query.value("end_datetime")? {
        None => Timestamp::MAX,
        Some(text) => last_instant(text.trim()).ok_or_else(|| {
            let rule = "must be YYYY-MM, YYYY-MM-DD or YYYY-MM-DD HH:MM:SS";
            Problem::parameter("end_datetime", rule)
        })?,
    };
    let months = state.catalog.call_months(&caller.principal.tenant, to).await?;
    let shown: Vec<Value> = months.iter().map(month).collect();
    Ok(json_of(Body::from(Value::from(shown).to_string())))
}

fn month(month: &CallMonth) -> Value {
    let mut shown = sums(month.count, month.bytes);
    let name = format!("{:04}-{:02}", month.month / 100, month.month % 100);
    if let Some(shown) = shown.as_object_mut() {
        shown.insert("year_month".to_owned(), name.into());
    }
    shown
}

/// The last instant of a month, a day or a second.
fn last_instant(text: &str) -> Option<Timestamp> {
    if let Ok(time) = GmtTime::parse(text) {
        return Some(time.last());
    }
    let date: Date = match text.len() {
        7 => format!("{text}-01").parse::<Date>().ok()?.last_of_month(),
        10 => text.parse().ok()?,
        _ => return None,
    };
    let night = date.at(23, 59, 59, 999_999_000);
    TimeZone::UTC.to_timestamp(night).ok()
}

/// `call_history/{call_uuid}/`: the call with its records.
pub(super) async fn call(
    state: &State,
    caller: &Caller,
    scope: CallScope,
    call_uuid: &str,
) -> Result<Response, Problem> {
    let plain: String = call_uuid.chars().filter(|c| *c != '-').collect();
    let plain = plain.to_ascii_uppercase();
    let rows = state.catalog.records_of_call(&caller.principal.tenant, scope, &plain).await?;
    let cdr: Vec<Value> = rows.iter().filter_map(|row| serde_json::from_str(row).ok()).collect();
    let Some(first) = cdr.first() else { return Err(Problem::not_found()) };
    let field = |name: &str| first.get(name).cloned().unwrap_or_default();
    let shown = json!({
        "call_uuid": plain, "flow": field("flow"), "init_time_gmt": field("init_time_gmt"),
        "result": field("result"), "cdr": cdr,
    });
    Ok(json_of(Body::from(shown.to_string())))
}

/// JSON, with status 200.
pub(super) fn json_of(body: Body) -> Response {
    let mut response = Response::new(body);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_has_three_precisions() {
        let read = |text: &str| last_instant(text).map(|at| at.to_string());
        assert_eq!(read("2024-02").as_deref(), Some("2024-02-29T23:59:59.999999Z"));
        assert_eq!(read("2024-02-03").as_deref(), Some("2024-02-03T23:59:59.999999Z"));
        assert_eq!(read("2024-02-03 04:05:06").as_deref(), Some("2024-02-03T04:05:06.999999Z"));
        for text in ["2024", "2024-13", "2024-02-30", "2024-02-03 04:05", "", "2024-0a"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
