//! Registrations, announcements and events that are refused; each refusal changes nothing.

use serde_json::{Value, json};

use super::desk::{STATUS, Scene};
use super::recorder::{Recorder, in_seconds, now};
use crate::bad_input::problem;
use crate::gateway::wait;

#[test]
fn registrations_that_cannot_be_read_are_refused() {
    let scene = Scene::new();
    let wrong = in_seconds(90_000);
    for (body, names) in [
        (json!({}), "capabilities"),
        (json!({ "capabilities": "voice" }), "capabilities"),
        (json!({ "capabilities": ["voice", "fly"] }), "capabilities[1]"),
        (json!({ "capabilities": [], "users": ["7/8"] }), "users[0]"),
        (json!({ "capabilities": [], "interactions": [""] }), "interactions[0]"),
        (json!({ "capabilities": [], "time": "now" }), "time"),
        (json!({ "capabilities": [], "time": wrong }), "time"),
        (json!([]), ""),
    ] {
        let recorder = Recorder::of(&scene.gateway, &scene.gateway.token(), "rec-2");
        problem(&recorder.register(&body), 422, "field_invalid", names);
        problem(&recorder.call("GET", "/recorders/rec-2/commands", ""), 404, "not_found", "rec-2");
    }
    problem(&scene.recorder.call("PUT", "/recorders/rec-2", "{"), 400, "document_not_json", "");
    for name in ["a%2Fb", ".hidden", "%ff", &"x".repeat(201)] {
        let answer = scene.recorder.call("PUT", &format!("/recorders/{name}"), "{}");
        problem(&answer, 400, "id_invalid", "");
    }
}

/// A body that differs in one member.
fn with(scene: &Scene, name: &str, value: Value) -> Value {
    let mut body = scene.recorder.call_body("100", &["7"]);
    body[name] = value;
    body
}

#[test]
fn announcements_that_cannot_be_read_are_refused() {
    let scene = Scene::new();
    let many: Vec<Value> = (0..201).map(|user| json!({ "userId": user.to_string() })).collect();
    for (name, value) in [
        ("contactId", json!(100)),
        ("contactId", json!("")),
        ("contactId", Value::Null),
        ("segmentId", json!("")),
        ("segmentId", json!("x".repeat(201))),
        ("recorderId", json!("rec-9")),
        ("direction", json!("sideways")),
        ("policy", json!("maybe")),
        ("users", json!(many)),
        ("users[0].userId", json!([{ "userId": "7/8" }])),
        ("users[0].joinedAt", json!([{ "userId": "7", "joinedAt": "noon" }])),
        ("startTime", json!("2026-11-28 10:00")),
        ("startTime", json!(in_seconds(3600))),
    ] {
        let member = name.split('[').next().unwrap();
        let answer = scene.recorder.announce("i1", &with(&scene, member, value));
        problem(&answer, 422, "field_invalid", name);
    }
    let late = json!([{ "userId": "7", "joinedAt": in_seconds(3600) }]);
    let answer = scene.recorder.announce("i1", &with(&scene, "users", late));
    problem(&answer, 422, "field_invalid", "joinedAt");
    problem(&scene.recorder.call("PUT", "/interactions/i1", ""), 400, "document_not_json", "");
    let body = scene.recorder.call_body("100", &["7"]).to_string();
    let answer = scene.recorder.call("PUT", "/interactions/a%2Fb", body);
    problem(&answer, 400, "id_invalid", "interactionId");
    assert_eq!(scene.desk.ask(STATUS, "userId=7").status, 404);
    assert_eq!(scene.recorder.begin("i1", "100", &["7"])["record"], true);
}

#[test]
fn events_that_cannot_be_read_are_refused() {
    let scene = Scene::new();
    scene.recorder.begin("i1", "100", &["7"]);
    let time = now();
    for (body, names) in [
        (json!([]), ""),
        (json!([{}]), "[0]"),
        (json!([1]), "[0]"),
        (json!({ "type": "flew", "time": time }), "[0].type"),
        (json!({ "type": "Ended", "time": time }), "[0].type"),
        (json!({ "type": "ended" }), "time"),
        (json!({ "type": "ended", "time": "later" }), "[0].time"),
        (json!({ "type": "ended", "time": 17 }), "[0].time"),
        (json!({ "type": "ended", "time": time, "eventId": "" }), "[0].eventId"),
        (json!({ "type": "ended", "time": time, "eventId": "x".repeat(201) }), "[0].eventId"),
        (json!([{ "type": "alive", "time": time }, { "type": "ended", "time": 1 }]), "[1].time"),
        (json!({ "type": "joined", "time": time, "userId": "7/8" }), "[0].userId"),
        (json!({ "type": "joined", "time": time }), "userId"),
        (json!({ "type": "left", "time": time }), "userId"),
        (json!({ "type": "consulted", "time": time }), "userId"),
        (json!({ "type": "conferenced", "time": time }), "userId"),
        (json!({ "type": "transferred", "time": time, "userId": "7" }), "toUserId"),
        (json!({ "type": "transferred", "time": time, "toUserId": "8" }), "userId"),
    ] {
        problem(&scene.recorder.report("i1", &body), 422, "field_invalid", names);
    }
    let many: Vec<Value> = (0..1001).map(|_| json!({ "type": "alive", "time": time })).collect();
    problem(&scene.recorder.report("i1", &json!(many)), 422, "field_invalid", "1000");
    let answer = scene.recorder.call("POST", "/interactions/i1/events", "[{");
    problem(&answer, 400, "document_not_json", "");
    let large = format!("[{{\"x\":\"{}\"}}]", "x".repeat(256 * 1024));
    let answer = scene.recorder.call("POST", "/interactions/i1/events", large);
    problem(&answer, 413, "document_too_large", "");
    scene.desk.is("7", "Recording", "Policy");
}

#[test]
fn events_of_the_future_or_of_long_before_are_refused() {
    let scene = Scene::with(&[("CONTROL__MAX_SKEW_S", "60")]);
    scene.recorder.begin("i1", "100", &["7"]);
    for (seconds, names) in [(3600, "[0].time"), (1_000_000_000, "[0].time"), (-3600, "[0].time")] {
        for kind in ["held", "ended", "paused"] {
            let event = json!({ "type": kind, "time": in_seconds(seconds) });
            problem(&scene.recorder.report("i1", &event), 422, "field_invalid", names);
        }
    }
    for time in ["1970-01-01T00:00:00Z", "-009999-01-01T00:00:00Z", "9999-12-30T00:00:00Z"] {
        let event = json!([{ "type": "alive", "time": now() }, { "type": "ended", "time": time }]);
        problem(&scene.recorder.report("i1", &event), 422, "field_invalid", "[1].time");
    }
    scene.desk.is("7", "Recording", "Policy");
    // A little of both is the network, or two clocks.
    for seconds in [30, -30] {
        let event = json!({ "type": "held", "time": in_seconds(seconds) });
        assert_eq!(scene.recorder.report("i1", &event).status, 200);
    }
}

#[test]
fn events_of_an_unknown_interaction_are_refused() {
    let scene = Scene::new();
    scene.recorder.begin("i1", "100", &["7"]);
    let event = json!({ "type": "ended", "time": now() });
    problem(&scene.recorder.report("i9", &event), 404, "not_found", "i9");
    let token = scene.user("other", "other", &["recorder"]);
    let foreign = Recorder::of(&scene.gateway, &token, "rec-1");
    foreign.can(&["voice"]);
    problem(&foreign.report("i1", &event), 404, "not_found", "i1");
    scene.desk.is("7", "Recording", "Policy");
}

#[test]
fn a_recorder_that_floods_is_slowed_down_and_another_is_not() {
    let scene = Scene::with(&[("CONTROL__MAX_EVENTS_PER_S", "5")]);
    scene.recorder.begin("i1", "100", &["7"]);
    let second = Recorder::new(&scene.gateway, "rec-2");
    second.begin("i2", "200", &["8"]);
    let mut events: Vec<Value> = vec![json!({ "type": "alive", "time": now() }); 5];
    events.push(json!({ "type": "ended", "time": now() }));
    let answer = scene.recorder.report("i1", &json!(events));
    problem(&answer, 429, "too_many", "5");
    assert_eq!(answer.header("retry-after"), "1");
    scene.desk.is("7", "Recording", "Policy");
    second.tell("i2", "held", &[]);
    events.remove(0);
    wait("the next second", || {
        (scene.recorder.report("i1", &json!(events)).status == 200).then_some(())
    });
    assert_eq!(scene.desk.ask(STATUS, "userId=7").status, 404);
}

#[test]
fn more_interactions_than_the_limit_are_refused_and_known_ones_are_not() {
    let scene = Scene::with(&[("CONTROL__MAX_INTERACTIONS", "2")]);
    scene.recorder.begin("i1", "100", &["7"]);
    scene.recorder.begin("i2", "200", &["8"]);
    let answer = scene.recorder.announce("i3", &scene.recorder.call_body("300", &["9"]));
    problem(&answer, 429, "too_many", "2");
    let again = scene.recorder.announce("i2", &scene.recorder.call_body("200", &["8"]));
    assert_eq!(again.status, 200);
    // Another tenant has its own share.
    let token = scene.user("other", "other", &["recorder"]);
    let other = Recorder::of(&scene.gateway, &token, "rec-1");
    other.can(&["voice"]);
    other.begin("i1", "100", &["7"]);
    scene.recorder.tell("i1", "ended", &[]);
    scene.recorder.begin("i3", "300", &["9"]);
}

#[test]
fn unknown_paths_and_methods_of_the_channel_are_problems() {
    let scene = Scene::new();
    for (method, path, status) in [
        ("GET", "/fly", 404),
        ("POST", "/recorders/rec-1", 405),
        ("GET", "/interactions/i1", 405),
        ("PUT", "/recorders/rec-1/commands", 405),
    ] {
        let answer = scene.recorder.call(method, path, "");
        assert_eq!(answer.status, status, "{method} {path}");
        assert_eq!(answer.header("content-type"), "application/problem+json");
    }
}
