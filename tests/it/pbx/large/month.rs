//! A month of 100,000 records: a stream, whose sums are those of the statistics.

use std::time::{Duration, Instant};

use reqwest::{Client, Response};
use serde::Deserialize;
use serde_json::json;

use super::{MIB, forget_peak, peak, python};
use crate::gateway::{Answer, Gateway, block_on};
use crate::pbx::{MARCH, Office};

/// Records of the month.
const RECORDS: usize = 100_000;
/// Records that the gateway reads from its catalogue at a time, and those of the largest page.
const BATCH: usize = 500;
const PAGE: usize = 1000;
/// Memory that lists may take beside what the gateway holds: two batches in flight for each of two
/// readers are 3 MiB; the rest is SQLite's cache, and what the allocator keeps. The list has 90 MB.
const LIST_MEMORY: u64 = 24 * MIB;
/// How much of the list a slow reader takes before they pause.
const FIRST_PART: usize = 1 << 20;

/// What is filled in: the bytes of the files of March, of February, of April.
fn fill(gateway: &Gateway) -> [u64; 3] {
    let sums = python(include_str!("fill_month.py"), gateway, &RECORDS.to_string());
    ["month", "before", "after"].map(|name| sums[name].as_u64().expect("a sum"))
}

/// A list that is read as it comes.
struct Reader {
    begun: Instant,
    answer: Response,
    read: Vec<u8>,
    first: Option<Duration>,
}

impl Reader {
    fn ask(office: &Office, order: &str) -> Self {
        let path = format!("/api/ver1.0/client/@me/record/?{MARCH}&order={order}");
        let (url, token) = (format!("{}{path}", office.gateway.url), office.token());
        let begun = Instant::now();
        let answer = block_on(Client::new().get(url).bearer_auth(token).send()).expect("an answer");
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["x-total-count"], RECORDS.to_string().as_str());
        assert!(answer.content_length().is_none(), "a stream has no length");
        Self { begun, answer, read: Vec::new(), first: None }
    }

    /// Reads until it has this much, or everything.
    fn read_to(&mut self, length: usize) {
        block_on(async {
            while self.read.len() < length {
                let Some(chunk) = self.answer.chunk().await.expect("a chunk") else { return };
                self.first.get_or_insert_with(|| self.begun.elapsed());
                self.read.extend_from_slice(&chunk);
            }
        });
    }

    fn finish(mut self, gateway: &Gateway, base: u64) -> Vec<u8> {
        self.read_to(usize::MAX);
        println!(
            "{RECORDS} records, {:.1} MB: first byte {:?}, total {:?}, memory at the peak {:.1} MiB, \
             {:.1} before",
            self.read.len() as f64 / 1e6,
            self.first.expect("a first byte"),
            self.begun.elapsed(),
            peak(gateway) as f64 / MIB as f64,
            base as f64 / MIB as f64
        );
        self.read
    }
}

#[derive(Deserialize)]
struct Listed<'l> {
    init_time_gmt: &'l str,
    record_uuid: &'l str,
    record_file_size: u64,
}

fn parse(list: &[u8]) -> Vec<Listed<'_>> {
    serde_json::from_slice(list).expect("an array of records")
}

/// Whether the last of one batch and the first of the next began at the same instant somewhere.
fn edges_share_instants(list: &[Listed<'_>], batch: usize) -> bool {
    let edge = |at: usize| list[at - 1].init_time_gmt == list[at].init_time_gmt;
    (batch..list.len()).step_by(batch).any(edge)
}

#[test]
fn a_month_of_100_000_records_is_a_stream() {
    let office = Office::open(&[("OBSERVE__LOG", "warn")]);
    let [bytes, before, after] = fill(&office.gateway);
    let get = |path: &str| {
        let answer = office.call("GET", &format!("/client/@me/{path}"), "");
        assert_eq!(answer.status, 200, "{path}: {}", String::from_utf8_lossy(&answer.body));
        answer
    };
    // The sums. What they and a first page need is the base.
    let begun = Instant::now();
    let stats = get(&format!("record/stats/?{MARCH}")).json();
    println!("record/stats/: {:?}", begun.elapsed());
    assert_eq!(stats, json!({"call_records_count": RECORDS, "call_records_size": bytes}));
    let begun = Instant::now();
    let months = get("records_stats/").json();
    println!("records_stats/: {:?}", begun.elapsed());
    let month = |count: usize, bytes: u64, name: &str| json!({"call_records_count": count, "call_records_size": bytes, "year_month": name});
    let expected = [(1, before, "2026-02"), (RECORDS, bytes, "2026-03"), (1, after, "2026-04")];
    let expected = expected.map(|(count, bytes, name)| month(count, bytes, name));
    assert_eq!(months, json!(expected));
    get(&format!("record/?{MARCH}&page=1&per_page=1000"));
    let gateway = &office.gateway;
    let base = forget_peak(gateway);

    let whole = Reader::ask(&office, "desc").finish(gateway, base);
    // A slow reader: somebody else gets everything while they pause, and sums and tokens are served.
    let mut slow = Reader::ask(&office, "desc");
    slow.read_to(FIRST_PART);
    let other = Reader::ask(&office, "asc").finish(gateway, base);
    assert_eq!(get(&format!("record/stats/?{MARCH}")).json(), stats);
    let slow = slow.finish(gateway, base);
    let grown = peak(gateway) - base;
    assert!(grown <= LIST_MEMORY, "lists took {grown} bytes of memory, the limit is {LIST_MEMORY}");
    assert!(slow == whole, "the slow reader got another list");

    let list = parse(&whole);
    let sum: u64 = list.iter().map(|record| record.record_file_size).sum();
    assert_eq!((list.len(), sum), (RECORDS, bytes));
    let key =
        |record: &Listed<'_>| (record.init_time_gmt.to_owned(), record.record_uuid.to_owned());
    assert!(list.is_sorted_by(|one, next| key(one) > key(next)), "not the newest first");
    assert!(edges_share_instants(&list, BATCH) && edges_share_instants(&list, PAGE));
    let backwards = parse(&other);
    assert!(backwards.iter().rev().map(key).eq(list.iter().map(key)), "not the same backwards");
    pages_are_the_list(&get, &whole);
}

/// Walks the list in pages.
fn pages_are_the_list(get: &dyn Fn(&str) -> Answer, whole: &[u8]) {
    let mut walked = b"[".to_vec();
    for page in 1.. {
        let answer = get(&format!("record/?{MARCH}&page={page}&per_page={PAGE}"));
        let Some(inner) = answer.body[1..].strip_suffix(b"]").filter(|inner| !inner.is_empty())
        else {
            assert_eq!(page, RECORDS / PAGE + 1, "pages");
            break;
        };
        if page > 1 {
            walked.push(b',');
        }
        walked.extend_from_slice(inner);
    }
    walked.push(b']');
    assert!(walked == whole, "pages and stream differ");
}
