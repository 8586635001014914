//! Lists, sums, and what they are held to.

use serde_json::{Value, json};

use super::{EXTENSION, GROUP, MARCH, Office, assert_problem, uuid};
use crate::gateway::send;

/// The keys of a record, as the interface has always had them.
const KEYS: [&str; 32] = [
    "flow",
    "init_time_gmt",
    "start_time_gmt",
    "hangup_time_gmt",
    "duration",
    "extension_id",
    "extension_name",
    "extension_type",
    "extension_group_owner_id",
    "client_owner_id",
    "result",
    "from_username",
    "from_domain",
    "source_number",
    "source_domain",
    "to_username",
    "to_domain",
    "dest_number",
    "dest_domain",
    "did_number",
    "did_domain",
    "from_screen_name",
    "hangup_cause",
    "ext_number_reg",
    "application",
    "call_uuid",
    "hangup_disposition",
    "ani_number",
    "record_uuid",
    "record_file_size",
    "file_name",
    "record_transfer",
];

#[test]
fn a_record_has_all_its_keys() {
    let office = Office::open(&[]);
    let call = "0A1B2C3D00004000800000000000FFFF";
    let facts = json!({
        "flow": "out", "init_time_gmt": "2026-03-04 00:00:59.98", "duration": 11,
        "extension_type": "phone", "result": "answered", "from_username": "0541",
        "from_domain": "pbx.example", "source_number": "0541", "source_domain": "pbx.example",
        "to_username": "74950000002", "to_domain": "gw.example", "dest_number": "+74950000002",
        "did_number": "74950000009", "did_domain": "pbx.example", "from_screen_name": "Reception",
        "hangup_cause": "NORMAL_CLEARING", "ext_number_reg": "0541", "application": "callcenter",
        "call_uuid": call.to_lowercase(), "hangup_disposition": "callee_bye",
        "ani_number": "74950000001", "record_transfer": true,
    });
    office.record(1, facts, "mp3_8k_16kbit_mono.mp3");
    let record = &office.march()[0];
    let keys: Vec<&String> = record.as_object().expect("an object").keys().collect();
    assert_eq!(keys, KEYS);
    assert_eq!(record["init_time_gmt"], "2026-03-04 00:00:59.98");
    assert_eq!(record["start_time_gmt"], "2026-03-04 00:01:00");
    assert_eq!(record["hangup_time_gmt"], "2026-03-04 00:01:12");
    assert_eq!((&record["duration"], &record["extension_id"]), (&json!(11), &json!(EXTENSION)));
    assert_eq!(
        (&record["client_owner_id"], &record["extension_group_owner_id"]),
        (&json!(1), &json!(GROUP))
    );
    assert_eq!((&record["dest_domain"], &record["record_transfer"]), (&Value::Null, &json!(true)));
    assert_eq!((&record["call_uuid"], &record["flow"]), (&json!(call), &json!("out")));
    let name = uuid(record);
    assert_eq!((&name[..7], name.len()), ("120541-", 39));
    assert!(name[7..].bytes().all(|byte| byte.is_ascii_digit() || (b'A'..=b'F').contains(&byte)));
    let file = record["file_name"].as_str().expect("a name");
    assert!(
        file.starts_with("2026-03-04-00-01-00-UTC_out_0541_") && file.ends_with(".mp3"),
        "{file}"
    );
    let got = office.call("GET", &format!("/client/@me/record/{name}"), "");
    assert_eq!(record["record_file_size"].as_u64(), Some(got.body.len() as u64));
    // The call, with its records.
    let history =
        office.call("GET", &format!("/client/@me/call_history/{}", call.to_lowercase()), "");
    assert_eq!(history.json()["cdr"][0]["record_uuid"], record["record_uuid"]);
    assert_problem(&office.call("GET", "/client/@me/call_history/00", ""), 404, "not_found");
}

#[test]
fn order_pages_totals_and_sums() {
    let office = Office::open(&[]);
    for number in 0..5 {
        let file = if number % 2 == 0 { "wav_pcm16_8k_mono.wav" } else { "mp3_8k_16kbit_mono.mp3" };
        office.record(number, json!({"duration": number}), file);
    }
    let get = |more: &str| office.call("GET", &format!("/client/@me/record/?{MARCH}{more}"), "");
    let names = |answer: &crate::gateway::Answer| -> Vec<String> {
        answer.json().as_array().expect("an array").iter().map(uuid).collect()
    };
    let all = get("");
    let newest_first = names(&all);
    assert_eq!((newest_first.len(), all.header("x-total-count")), (5, "5"));
    let mut oldest_first = newest_first.clone();
    oldest_first.reverse();
    assert_eq!(names(&get("&order=asc&count=500&limit=1&scope=all")), oldest_first);
    for page in 1..=3 {
        let answer = get(&format!("&order=asc&page={page}&per_page=2"));
        let from = (page - 1) * 2;
        assert_eq!(names(&answer), oldest_first[from..(from + 2).min(5)]);
        assert_eq!(answer.header("x-total-count"), "5");
    }
    assert_eq!(names(&get("&page=1000000&per_page=1000")).len(), 0);
    assert_eq!(names(&get("&page=2")).len(), 0);
    assert_eq!(names(&get("&min_duration=1&order=asc")), oldest_first[1..]);
    for (more, name) in [
        ("&page=0", "page"),
        ("&page=-1", "page"),
        ("&per_page=1001", "per_page"),
        ("&per_page=0", "per_page"),
        ("&page=one", "page"),
        ("&order=up", "order"),
        ("&order=asc&order=desc", "order"),
        ("&min_duration=x", "min_duration"),
    ] {
        let answer = get(more);
        assert_problem(&answer, 400, "invalid_parameter");
        assert!(answer.json()["message"].as_str().unwrap().starts_with(name), "{more}");
    }
    // The sums are those of the list.
    let sizes: u64 = all
        .json()
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["record_file_size"].as_u64().unwrap())
        .sum();
    let stats = office.call("GET", &format!("/client/@me/record/stats/?{MARCH}"), "").json();
    assert_eq!(stats, json!({"call_records_count": 5, "call_records_size": sizes}));
    let months =
        |query: &str| office.call("GET", &format!("/client/@me/records_stats/{query}"), "");
    let month =
        json!([{"call_records_count": 5, "call_records_size": sizes, "year_month": "2026-03"}]);
    for query in [
        "",
        "?end_datetime=2026-03",
        "?end_datetime=2026-03-04",
        "?end_datetime=2026-03-04+00:04:00",
    ] {
        assert_eq!(months(query).json(), month, "{query}");
    }
    assert_eq!(months("?end_datetime=2026-03-04+00:03:59").json()[0]["call_records_count"], 4);
    assert_eq!(months("?end_datetime=2026-02").json(), json!([]));
    assert_problem(&months("?end_datetime=March"), 400, "invalid_parameter");
}

#[test]
fn intervals_are_held_to_their_rules() {
    let office = Office::open(&[]);
    office.record(1, json!({"init_time_gmt": "2026-03-04 23:59:59.98"}), "wav_pcm16_8k_mono.wav");
    let get = |query: &str| office.call("GET", &format!("/client/@me/record/?{query}"), "");
    for query in [
        "",
        "start_datetime=2026-03-01+00:00:00",
        "end_datetime=2026-03-01+00:00:00",
        "start_datetime=2026-03-01&end_datetime=2026-03-02+00:00:00",
        "start_datetime=2026-03-02+00:00:00&end_datetime=2026-03-01+00:00:00",
        "start_datetime=2026-03-02+00:00:00&end_datetime=2026-05-01+00:00:00",
        "start_datetime=x&end_datetime=y",
        "start_datetime=2026-02-30+00:00:00&end_datetime=2026-03-01+00:00:00",
        "start_datetime=2026-03-01+00:00:00&start_datetime=2026-01-01+00:00:00&end_datetime=2026-03-02+00:00:00",
    ] {
        for path in ["record/", "record/stats/"] {
            let answer = office.call("GET", &format!("/client/@me/{path}?{query}"), "");
            assert_problem(&answer, 400, "invalid_interval");
        }
    }
    // Both ends are inside, and an end without a fraction is the whole second.
    for (query, count) in [
        ("start_datetime=2026-03-04+23:59:59.98&end_datetime=2026-03-04+23:59:59.98", 1),
        ("start_datetime=2026-03-04%2023:59:59&end_datetime=2026-03-04%2023:59:59", 1),
        ("start_datetime=2026-03-04+00:00:00&end_datetime=2026-03-04+23:59:58", 0),
        ("start_datetime=2026-03-04T23:59:59.99&end_datetime=2026-04-30T23:59:59", 0),
    ] {
        assert_eq!(get(query).json().as_array().expect("an array").len(), count, "{query}");
    }
}

#[test]
fn slashes_content_types_and_compression_do_not_matter() {
    let office = Office::open(&[]);
    office.record(1, json!({}), "wav_pcm16_8k_mono.wav");
    let token = office.token();
    let url = &office.gateway.url;
    let bearer = format!("Bearer {token}");
    let plain = send(
        "GET",
        &format!("{url}/api/ver1.0/client/1/record/?{MARCH}"),
        &[("authorization", &bearer)],
        "",
    );
    for path in [
        "/api/ver1.0/client/1/record",
        "//api/ver1.0//client/1//record/",
        "/api/ver1.0/client/%40me/record//",
        "/api//ver1.0/client/@me/record/",
    ] {
        let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
        let answer = send("GET", &format!("{url}{path}?{MARCH}"), &headers, "");
        assert_eq!((answer.status.as_u16(), answer.json()), (200, plain.json()), "{path}");
    }
    // The token in the query.
    let answer = send("GET", &format!("{url}/api/ver1.0/user?access_token={token}"), &[], "");
    assert_eq!(answer.status, 200);
    // JSON is compressed for who asks for it, sound is not.
    let headers = [("authorization", bearer.as_str()), ("accept-encoding", "gzip")];
    let answer = send("GET", &format!("{url}/api/ver1.0/client/1/record/?{MARCH}"), &headers, "");
    assert_eq!(answer.header("content-encoding"), "gzip");
    assert_eq!(answer.body[..2], [0x1F, 0x8B]);
    let name = uuid(&plain.json()[0]);
    let answer = send("GET", &format!("{url}/api/ver1.0/client/1/record/{name}"), &headers, "");
    assert_eq!(
        (answer.header("content-encoding"), answer.header("content-type")),
        ("", "audio/wav")
    );
    // The page is known by its tag.
    let tag = plain.header("etag").to_owned();
    let headers = [("authorization", bearer.as_str()), ("if-none-match", tag.as_str())];
    let again = send("GET", &format!("{url}/api/ver1.0/client/1/record/?{MARCH}"), &headers, "");
    assert_eq!(
        (again.status.as_u16(), again.body.len(), again.header("etag")),
        (304, 0, tag.as_str())
    );
    office.record(2, json!({}), "wav_pcm16_8k_mono.wav");
    let again = send("GET", &format!("{url}/api/ver1.0/client/1/record/?{MARCH}"), &headers, "");
    assert_eq!(again.json().as_array().expect("an array").len(), 2);
    for path in ["/api/ver1.0", "/api/ver1.0/client/1", "/api/ver1.0/nothing"] {
        assert_problem(&send("GET", &format!("{url}{path}"), &headers, ""), 404, "not_found");
    }
}
