//! Deletion never widens, and no hold is passed.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::json;

use super::{MARCH, Office, assert_problem, uuid};

const FILE: &str = "wav_pcm16_8k_mono.wav";

#[test]
fn one_record_is_deleted_once() {
    let office = Office::open(&[]);
    office.record(1, json!({}), FILE);
    office.record(2, json!({}), FILE);
    let records = office.march();
    let path = format!("/client/@me/record/{}", uuid(&records[0]));
    assert_eq!(office.call("DELETE", &path, "").status, 204);
    let again = office.call("DELETE", &path, "");
    assert_problem(&again, 404, "record_not_found");
    assert_eq!(again.json()["message"], "Record not found");
    assert_problem(&office.call("GET", &path, ""), 404, "record_not_found");
    let left: Vec<String> = office.march().iter().map(uuid).collect();
    assert_eq!(left, [uuid(&records[1])]);
    let audit = office.gateway.log();
    assert!(!audit.contains("+7495"), "a number is in the log");
}

#[test]
fn an_interval_is_deleted_and_nothing_beside_it() {
    let office = Office::open(&[]);
    for number in 1..=4 {
        let extension = if number == 3 { 120_999 } else { super::EXTENSION };
        office.record(number, json!({"extension_id": extension}), FILE);
    }
    let delete =
        |owner: &str, query: &str| office.call("DELETE", &format!("/{owner}/record/?{query}"), "");
    for (query, status) in [
        ("", "invalid_interval"),
        ("start_datetime=2026-03-04+00:00:00", "invalid_interval"),
        ("end_datetime=2026-03-04+00:00:00", "invalid_interval"),
        ("start_datetime=2026-03-04&end_datetime=2026-03-05", "invalid_interval"),
        ("start_datetime=&end_datetime=", "invalid_interval"),
        ("start_datetime=2026-03-05+00:00:00&end_datetime=2026-03-04+00:00:00", "invalid_interval"),
        ("start_datetime=2026-03-01+00:00:00&end_datetime=2027-03-04+00:00:00", "invalid_interval"),
        (&format!("{MARCH}&extension_id=120541"), "unknown_parameter"),
        (&format!("{MARCH}&min_duration=1"), "unknown_parameter"),
        (&format!("{MARCH}&page=1"), "unknown_parameter"),
        (&format!("{MARCH}&start_datetime=2026-03-04+00:00:00"), "invalid_interval"),
    ] {
        assert_problem(&delete("client/@me", query), 400, status);
    }
    assert_problem(&delete("client/2", MARCH), 404, "client_not_found");
    assert_eq!(office.march().len(), 4);
    let two = "start_datetime=2026-03-04+00:01:00&end_datetime=2026-03-04+00:03:00";
    let answer = delete("extension/120541", two);
    assert_eq!((answer.status.as_u16(), answer.body.len()), (204, 0));
    let left: Vec<String> = office
        .march()
        .iter()
        .map(|one| one["start_time_gmt"].as_str().unwrap()[14..16].to_owned())
        .collect();
    assert_eq!(left, ["03", "04"]);
    assert_eq!(delete("client/@me", MARCH).status, 204);
    assert_eq!(office.march().len(), 0);
    assert_eq!(delete("client/@me", MARCH).status, 204);
}

#[test]
fn a_hold_refuses_all_of_it() {
    let office = Office::open(&[]);
    office.record(1, json!({}), FILE);
    office.record(2, json!({}), FILE);
    let names: Vec<String> = office.march().iter().map(uuid).collect();
    let hold = format!("/client/@me/record/{}/hold/", names[1]);
    assert_eq!(office.call("GET", &hold, "").json(), json!({"hold": false}));
    assert_problem(&office.call("PUT", &hold, "{}"), 400, "invalid_parameter");
    let held = office.call("PUT", &hold, json!({"reason": "case 7"}).to_string());
    assert_eq!((held.status.as_u16(), &held.json()["reason"]), (200, &json!("case 7")));
    let interval = format!("/client/@me/record/?{MARCH}");
    assert_problem(&office.call("DELETE", &interval, ""), 409, "legal_hold");
    let one = format!("/client/@me/record/{}", names[1]);
    assert_problem(&office.call("DELETE", &one, ""), 409, "legal_hold");
    assert_eq!(office.march().len(), 2);
    for name in &names {
        assert_eq!(office.call("GET", &format!("/client/@me/record/{name}"), "").status, 200);
    }
    assert_eq!(office.call("DELETE", &hold, "").status, 204);
    assert_problem(&office.call("DELETE", &hold, ""), 404, "not_found");
    assert_eq!(office.call("DELETE", &interval, "").status, 204);
    assert_eq!(office.march().len(), 0);
}

/// Whatever a query says: it deletes nothing, or what both of its own bounds enclose.
#[test]
fn a_deletion_never_widens() {
    let office = Office::open(&[]);
    let token = office.token();
    let minutes: Vec<u32> = (0..12).map(|index| index * 5).collect();
    for minute in &minutes {
        office.record(*minute, json!({}), FILE);
    }
    let name = prop_oneof![
        Just("start_datetime"),
        Just("end_datetime"),
        Just("start_date"),
        Just("end"),
        Just("order"),
        Just("extension_id"),
        Just("START_DATETIME"),
        Just("start_datetime "),
        Just("all"),
    ];
    let value = prop_oneof![
        (0_u32..60).prop_map(|minute| format!("2026-03-04+00:{minute:02}:00")),
        Just(String::new()),
        Just("*".to_owned()),
        Just("null".to_owned()),
        Just("0".to_owned()),
        Just("2026-03-04".to_owned()),
        Just("9999-12-31+23:59:59".to_owned()),
        Just("2026-03-04+00:00:00%00".to_owned()),
    ];
    let anything = prop::collection::vec((name, value), 0..4);
    let good = (0_u32..60, 0_u32..60).prop_map(|(from, to)| {
        let at = |minute| format!("2026-03-04+00:{minute:02}:00");
        vec![("start_datetime", at(from)), ("end_datetime", at(to))]
    });
    let mixed = (good.clone(), anything.clone()).prop_map(|(mut good, more)| {
        good.extend(more.into_iter().take(1));
        good
    });
    let queries = prop_oneof![4 => anything, 2 => good, 2 => mixed];
    let (deletions, refusals) = (std::cell::Cell::new(0), std::cell::Cell::new(0));
    let mut runner =
        TestRunner::new(Config { cases: 300, failure_persistence: None, ..Config::default() });
    let listed = || -> Vec<String> {
        let list =
            office.call_as(&token, "GET", &format!("/client/@me/record/?{MARCH}&order=asc"), "");
        let starts = list.json();
        let start =
            |one: &serde_json::Value| one["init_time_gmt"].as_str().unwrap()[..19].to_owned();
        starts.as_array().unwrap().iter().map(start).collect()
    };
    runner
        .run(&queries, |parameters| {
            let query: Vec<String> = parameters
                .iter()
                .map(|(name, value)| format!("{}={value}", name.replace(' ', "+")))
                .collect();
            let before = listed();
            let path = format!("/client/@me/record/?{}", query.join("&"));
            let answer = office.call_as(&token, "DELETE", &path, "");
            let after = listed();
            if answer.status != 204 {
                refusals.set(refusals.get() + 1);
                prop_assert_eq!(answer.status.as_u16(), 400);
                prop_assert_eq!(before, after);
                return Ok(());
            }
            deletions.set(deletions.get() + 1);
            prop_assert_eq!(parameters.len(), 2, "{}", path);
            let bound = |name: &str| {
                let found: Vec<_> = parameters.iter().filter(|(known, _)| *known == name).collect();
                (found.len() == 1).then(|| found[0].1.replace('+', " "))
            };
            let (start, end) = (bound("start_datetime"), bound("end_datetime"));
            let (start, end) = (start.expect("a start"), end.expect("an end"));
            let kept: Vec<String> =
                before.into_iter().filter(|at| *at < start || *at > end).collect();
            prop_assert_eq!(kept, after);
            Ok(())
        })
        .unwrap();
    println!("{} deletions, {} refusals", deletions.get(), refusals.get());
    assert!(refusals.get() > 100 && deletions.get() > 0);
}
