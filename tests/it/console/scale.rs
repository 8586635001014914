//! A search among 100,000 recordings does not read them all.

use std::time::{Duration, Instant};

use super::{get, sql};
use crate::gateway::Gateway;

/// Longest time of one search, without optimisation, on a machine that does other things too.
const LONGEST: Duration = Duration::from_secs(1);

/// Numbers from 1 on, as a table `n` of one column `i`.
const NUMBERS: &str = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n \
                       WHERE i < 100000)";

fn fill(gateway: &Gateway) {
    sql(
        gateway,
        &format!(
            "INSERT INTO recordings (tenant, id, document, masks_complete, created_us, contact_id, \
             segment_id, started_us, caller_number, agent_name) {NUMBERS} SELECT 'default', \
             'bulk-' || i, '{{}}', 1, i, 'contact-' || i, 'segment-' || i, i * 1000000, \
             '1555' || i, 'Agent ' || (i % 1000) FROM n"
        ),
    );
    sql(
        gateway,
        &format!(
            "INSERT INTO media (asset_id, tenant, recording_id, media_id, position, state, \
             created_us) {NUMBERS} SELECT 'asset-' || i, 'default', 'bulk-' || i, 'media-' || i, \
             0, CASE i % 25000 WHEN 7 THEN 'quarantined' ELSE 'ready' END, i FROM n"
        ),
    );
    for (kind, term) in [
        ("agent", "'agent ' || (i % 1000)"),
        ("number", "'1555' || i"),
        ("word", "'bulk-' || i"),
        ("word", "'north'"),
    ] {
        sql(
            gateway,
            &format!(
                "INSERT INTO recording_terms (tenant, kind, term, recording_id) {NUMBERS} \
                 SELECT 'default', '{kind}', CAST({term} AS BLOB), 'bulk-' || i FROM n"
            ),
        );
    }
}

#[test]
fn a_search_of_100_000_recordings_is_quick() {
    let gateway = Gateway::start(&[]);
    fill(&gateway);
    for (query, count) in [
        ("limit=50", 50),
        ("from=1970-01-01T05:00:00Z&to=1970-01-01T05:00:20Z", 20),
        ("limit=50&after=50000000000.bulk-50000", 50),
        ("agent=agent+77", 50),
        ("agent=agent+777", 50),
        ("agent=agent", 50),
        ("number=155599999", 1),
        ("number=1555", 50),
        ("contact=contact-4711", 1),
        ("text=bulk-77777", 1),
        ("text=north", 50),
        ("text=north+bulk-123", 50),
        ("state=ready", 50),
        ("state=quarantined", 4),
        ("state=erased", 0),
        ("agent=agent+7&number=1555&text=north&state=ready", 50),
        ("agent=nobody", 0),
    ] {
        let begun = Instant::now();
        let answer = get(&gateway, &format!("/recordings?{query}"));
        let took = begun.elapsed();
        println!("{took:>12?}  {query}");
        assert_eq!(answer["recordings"].as_array().unwrap().len(), count, "{query}");
        assert!(took < LONGEST, "{query} took {took:?}");
    }
}
