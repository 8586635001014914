//! What successes say: both forms of a path, both spellings, and the members of an answer.

use std::io::Write as _;
use std::net::TcpStream;

use serde_json::json;

use super::desk::{
    DATA, DECLINE, ENDPOINTS, MASK, SERVICE, START, START_SCREEN, STATUS, STOP, STOP_SCREEN, Scene,
    UNMASK, answered, done, plainly_refused,
};
use super::recorder::{Conduct, media_ms};

#[test]
fn every_endpoint_answers_with_and_without_the_version_and_in_both_spellings() {
    let scene = Scene::new();
    // Nobody is in a call, and nobody records screens: each endpoint is there, and says so.
    scene.recorder.can(&["voice"]);
    for (endpoint, more) in ENDPOINTS {
        let method = if endpoint == STATUS { "GET" } else { "POST" };
        let body = if endpoint == DATA { "[]" } else { "" };
        let kebab = more.replace("recordingDuration", "recording-duration");
        let kebab = kebab.replace("contactId", "contact-id");
        for version in ["", "/v1"] {
            for query in [format!("userId=7{more}"), format!("user-id=7{kebab}")] {
                let path = format!("{version}/interactions/{endpoint}?{query}");
                let answer = scene.desk.send((method, &path), &[], body);
                plainly_refused(&answer, 404, "NO_ACTIVE_INTERACTION");
            }
        }
    }
}

#[test]
fn unknown_parameters_and_a_content_type_are_ignored_and_the_correlation_id_comes_back() {
    let scene = Scene::new();
    scene.recorder.begin("i1", "100", &["7"]);
    let headers = [("content-type", "text/plain"), ("correlationid", "abc 1")];
    let path = format!("/interactions/{STATUS}?userId=7&lang=nl&lang=fr");
    let answer = scene.desk.send(("GET", &path), &headers, "");
    answered(&answer, 200);
    assert_eq!(answer.header("correlationid"), "abc 1");
    let path = format!("/interactions/{MASK}?user-id=7&userId=7&x=");
    done(&scene.desk.send(("POST", &path), &headers, r#"{"any":"thing"}"#), 200);
}

#[test]
fn unknown_paths_and_methods_are_json_too() {
    let scene = Scene::new();
    for (request, status) in [
        (("GET", "/interactions/mask?userId=7"), 405),
        (("POST", "/v1/interactions/get-recording-status?userId=7"), 405),
        (("POST", "/v1/interactions/fly?userId=7"), 404),
        (("POST", "/v2/interactions/mask?userId=7"), 404),
    ] {
        let body = answered(&scene.desk.send(request, &[], ""), status);
        assert!(body["internalCode"].is_string() && body["message"].is_string(), "{body}");
    }
}

/// An order that a recorder carried out: its members, and that they are the recorder's words.
fn carried_out(scene: &Scene, endpoint: &str, query: &str, kind: &str) {
    scene.recorder.forget();
    let body = done(&scene.desk.ask(endpoint, query), 200);
    let command = scene.recorder.next();
    assert_eq!(command["type"], kind, "{command}");
    assert_eq!(command["interactionId"], body["interactionId"]);
    assert_eq!(command["contactId"], body["contactId"].to_string().trim_matches('"'));
    assert_eq!(command["state"], "sent");
    assert_eq!(body["description"], "the recorder did it");
    assert_eq!(body["mediaTimeMs"], media_ms(&command), "{body}");
    let effect: jiff::Timestamp = body["effectiveTime"].as_str().unwrap().parse().unwrap();
    let issued: jiff::Timestamp = command["issuedAt"].as_str().unwrap().parse().unwrap();
    assert!(effect >= issued && effect <= jiff::Timestamp::now(), "{body} {command}");
}

#[test]
fn an_order_that_the_recorder_carried_out_is_200_with_the_time_of_its_effect() {
    let scene = Scene::new();
    scene.recorder.begin("i1", "100", &["7"]);
    for (endpoint, kind) in [
        (MASK, "mask"),
        (UNMASK, "unmask"),
        (STOP, "stop"),
        (START, "start"),
        (DECLINE, "do-not-record"),
    ] {
        carried_out(&scene, endpoint, "userId=7", kind);
    }
    carried_out(&scene, START_SCREEN, "userId=9&recordingDuration=3000", "start-screen");
    let contact = answered(&scene.desk.ask(STATUS, "userId=9"), 200)["contactId"].to_string();
    let query = format!("userId=9&contactId={contact}");
    carried_out(&scene, STOP_SCREEN, &query, "stop-screen");
}

#[test]
fn answers_name_the_interaction_exactly() {
    let scene = Scene::new();
    let mut body = scene.recorder.call_body("4711", &["7"]);
    body["segmentId"] = json!("seg-1");
    assert_eq!(scene.recorder.announce("i1", &body).status, 201);
    let answer = done(&scene.desk.ask(STOP, "userId=7"), 200);
    assert_eq!(answer["contactId"], 4711);
    assert_eq!(answer["interactionId"], "i1");
    assert_eq!(answer["segmentId"], "seg-1");
    let status = answered(&scene.desk.ask(STATUS, "userId=7"), 200);
    assert_eq!(
        status,
        json!({
            "contactId": 4711, "segmentId": "seg-1", "interactionId": "i1",
            "statusReason": "StopOnDemand", "recordingStatusToAgent": "Stopped",
            "recordingStatusFromAgent": "Stopped",
        })
    );
    // Nothing took effect at the recorder: there is no time of it.
    let again = done(&scene.desk.ask(STOP, "userId=7"), 200);
    assert_eq!(again["description"], "nothing is recorded");
    assert!(again.get("effectiveTime").is_none() && again.get("mediaTimeMs").is_none(), "{again}");
}

#[test]
fn a_segment_without_a_name_is_the_interaction() {
    let scene = Scene::new();
    scene.recorder.begin("i1", "100", &["7"]);
    assert_eq!(answered(&scene.desk.ask(STATUS, "userId=7"), 200)["segmentId"], "i1");
}

#[test]
fn contact_ids_are_numbers_only_where_every_reader_keeps_them() {
    let scene = Scene::new();
    for (contact, expected) in [
        ("100", json!(100)),
        ("9007199254740991", json!(9_007_199_254_740_991_u64)),
        ("9007199254740992", json!("9007199254740992")),
        ("007", json!("007")),
        ("f3c1-aa", json!("f3c1-aa")),
    ] {
        let (interaction, user) = (format!("i-{contact}"), format!("u-{contact}"));
        scene.recorder.begin(&interaction, contact, &[&user]);
        let query = format!("userId={user}");
        assert_eq!(answered(&scene.desk.ask(STATUS, &query), 200)["contactId"], expected);
        assert_eq!(done(&scene.desk.ask(MASK, &query), 200)["contactId"], expected);
    }
}

#[test]
fn contact_ids_are_texts_where_the_settings_say_so() {
    let scene = Scene::with(&[("CONTROL__CONTACT_ID", "string")]);
    scene.recorder.begin("i1", "100", &["7"]);
    assert_eq!(answered(&scene.desk.ask(STATUS, "userId=7"), 200)["contactId"], "100");
    assert_eq!(done(&scene.desk.ask(MASK, "userId=7"), 200)["contactId"], "100");
    let screen = scene.desk.ask(START_SCREEN, "userId=9&recordingDuration=3000");
    let contact = done(&screen, 200)["contactId"].as_str().expect("a text").to_owned();
    let query = format!("userId=9&contactId={contact}");
    assert_eq!(done(&scene.desk.ask(STOP_SCREEN, &query), 200)["contactId"], contact);
}

#[test]
fn business_data_is_kept_with_the_call() {
    let scene = Scene::new();
    scene.recorder.begin("i1", "100", &["7"]);
    for body in ["[]", r#"[{"id":"order","value":"4711"},{"any":{"deep":[1]}}]"#] {
        let path = format!("/v1/interactions/{DATA}?userId=7");
        let answer = done(&scene.desk.send(("POST", &path), &[], body), 200);
        assert_eq!(answer["interactionId"], "i1");
    }
    assert!(scene.recorder.taken().is_empty());
}

#[test]
fn a_request_whose_caller_went_away_is_carried_out_all_the_same() {
    let scene = Scene::new();
    scene.recorder.begin("i1", "100", &["7"]);
    scene.recorder.conduct(Conduct::Silent);
    let mut caller = TcpStream::connect(scene.gateway.url.trim_start_matches("http://")).unwrap();
    let token = scene.gateway.token();
    let request = format!(
        "POST {SERVICE}/interactions/{START}?userId=7 HTTP/1.1\r\nhost: x\r\n\
         authorization: {token}\r\ncontent-length: 0\r\n\r\n"
    );
    caller.write_all(request.as_bytes()).unwrap();
    let command = scene.recorder.next();
    drop(caller);
    scene.recorder.finish(&command);
    scene.desk.is("7", "Recording", "RecordOnDemand");
}
