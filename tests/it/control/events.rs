//! What recorders announce and report: repeated, early, late, out of order, and on their clocks.

use serde_json::{Value, json};

use super::desk::{MASK, STATUS, Scene, answered, done};
use super::recorder::{in_seconds, now};
use crate::bad_input::problem;

fn event(kind: &str, seconds: i64, id: &str) -> Value {
    json!({ "type": kind, "time": in_seconds(seconds), "eventId": id })
}

/// Reports what must be taken; the interaction afterwards.
fn taken(scene: &Scene, events: &Value) -> Value {
    let answer = scene.recorder.report("i1", events);
    assert_eq!(answer.status, 200, "{}", answer.json());
    answer.json()
}

/// A call that began a minute ago.
fn begun(users: &[&str]) -> Scene {
    let scene = Scene::new();
    let mut body = scene.recorder.call_body("100", users);
    body["startTime"] = json!(in_seconds(-60));
    assert_eq!(scene.recorder.announce("i1", &body).status, 201);
    scene
}

#[test]
fn a_registration_answers_what_the_gateway_knows() {
    let scene = Scene::new();
    scene.recorder.begin("i1", "100", &["7"]);
    scene.recorder.begin("i2", "200", &["8"]);
    let body = json!({
        "capabilities": ["voice", "voice", "stop"], "time": now(), "interactions": ["i1", "i9"],
        "unknown": 1,
    });
    let answer = scene.recorder.register(&body);
    assert_eq!(answer.status, 200);
    let answer = answer.json();
    assert_eq!(answer["recorderId"], "rec-1");
    assert_eq!(answer["expiresInS"], 3600);
    assert!(answer["clockOffsetMs"].is_i64(), "{answer}");
    assert_eq!(answer["interactions"], json!(["i1", "i2"]));
    scene.recorder.tell("i1", "ended", &[]);
    assert_eq!(scene.recorder.register(&body).json()["interactions"], json!(["i2"]));
}

#[test]
fn an_interaction_that_is_announced_again_takes_over_new_users_alone() {
    let scene = Scene::new();
    let first = scene.recorder.begin("i1", "100", &["7"]);
    let expected = json!({
        "interactionId": "i1", "contactId": "100", "segmentId": "i1", "record": true,
        "demand": "none", "masked": false, "held": false, "users": ["7"], "ended": null,
    });
    assert_eq!(first, expected);
    done(&scene.desk.ask(MASK, "userId=7"), 200);
    let mut body = scene.recorder.call_body("100", &["7", "8"]);
    body["policy"] = json!("none");
    let again = scene.recorder.announce("i1", &body);
    assert_eq!(again.status, 200);
    let again = again.json();
    assert_eq!(again["users"], json!(["7", "8"]));
    // What holds is not changed by it.
    assert_eq!((&again["record"], &again["masked"]), (&json!(true), &json!(true)));
    // Who left does not come back by it.
    scene.recorder.tell("i1", "left", &["8"]);
    assert_eq!(scene.recorder.announce("i1", &body).json()["users"], json!(["7"]));
}

#[test]
fn an_interaction_that_is_announced_differently_is_refused() {
    let scene = Scene::new();
    scene.recorder.begin("i1", "100", &["7"]);
    let answer = scene.recorder.announce("i1", &scene.recorder.call_body("101", &["8"]));
    problem(&answer, 409, "differs", "contactId");
    let second = super::recorder::Recorder::new(&scene.gateway, "rec-2");
    let answer = second.announce("i1", &second.call_body("100", &["8"]));
    problem(&answer, 409, "differs", "recorderId");
    scene.recorder.tell("i1", "ended", &[]);
    let answer = scene.recorder.announce("i1", &scene.recorder.call_body("100", &["7"]));
    problem(&answer, 409, "too_late", "i1");
    assert_eq!(scene.desk.ask(STATUS, "userId=8").status, 404);
}

#[test]
fn events_that_come_twice_count_once() {
    let scene = begun(&["7"]);
    let (held, back) = (event("held", -20, "e1"), event("retrieved", -10, "e2"));
    taken(&scene, &json!([held, back]));
    for repeated in [&held, &back, &held] {
        assert_eq!(taken(&scene, repeated)["held"], false);
        scene.desk.is("7", "Recording", "Policy");
    }
    let mut joined = event("joined", -9, "e3");
    joined["userId"] = json!("8");
    let mut left = event("left", -5, "e4");
    left["userId"] = json!("8");
    for repeated in [&joined, &left, &joined, &left, &joined] {
        taken(&scene, repeated);
    }
    assert_eq!(scene.desk.ask(STATUS, "userId=8").status, 404);
}

#[test]
fn events_out_of_order_count_by_their_time() {
    let scene = begun(&["7"]);
    // The end of a hold comes before its beginning.
    assert_eq!(taken(&scene, &event("retrieved", -10, "e2"))["held"], false);
    assert_eq!(taken(&scene, &event("held", -20, "e1"))["held"], false);
    scene.desk.is("7", "Recording", "Policy");
    // So does the end of a visit.
    let visit = |kind: &str, seconds: i64| {
        let mut visit = event(kind, seconds, &format!("{kind}{seconds}"));
        visit["userId"] = json!("8");
        visit
    };
    taken(&scene, &visit("left", -10));
    assert_eq!(taken(&scene, &visit("joined", -20))["users"], json!(["7"]));
    assert_eq!(taken(&scene, &visit("joined", -5))["users"], json!(["7", "8"]));
    // An older end does not end the newer visit.
    assert_eq!(taken(&scene, &visit("left", -7))["users"], json!(["7", "8"]));
    scene.desk.is("8", "Recording", "Policy");
}

#[test]
fn a_transfer_that_comes_twice_or_late_does_not_bring_anybody_back() {
    let scene = begun(&["7"]);
    let transfer = |seconds: i64, from: &str, to: &str| {
        let mut one = event("transferred", seconds, &format!("t{seconds}"));
        (one["userId"], one["toUserId"]) = (json!(from), json!(to));
        one
    };
    let (first, second) = (transfer(-2, "7", "8"), transfer(-1, "8", "9"));
    taken(&scene, &first);
    taken(&scene, &second);
    assert_eq!(taken(&scene, &first)["users"], json!(["9"]));
    assert_eq!(taken(&scene, &second)["users"], json!(["9"]));
}

#[test]
fn a_list_of_events_is_taken_whole_or_not_at_all() {
    let scene = begun(&["7"]);
    let events = json!([
        { "type": "joined", "time": now(), "userId": "8" },
        { "type": "joined", "time": now() },
        { "type": "ended", "time": now() },
    ]);
    problem(&scene.recorder.report("i1", &events), 422, "field_invalid", "userId");
    scene.desk.is("7", "Recording", "Policy");
    assert_eq!(scene.desk.ask(STATUS, "userId=8").status, 404);
    let all = json!([
        { "type": "joined", "time": now(), "userId": "8" },
        { "type": "left", "time": now(), "userId": "7" },
        { "type": "held", "time": now() },
    ]);
    taken(&scene, &all);
    scene.desk.is("8", "Recording", "Hold");
}

#[test]
fn after_the_end_only_what_may_still_matter_is_taken() {
    let scene = begun(&["7"]);
    let ended = taken(&scene, &event("ended", -1, "e1"))["ended"].clone();
    for (kind, id) in
        [("ended", "e1"), ("ended", "e2"), ("alive", "e3"), ("paused", "e4"), ("resumed", "e5")]
    {
        assert_eq!(taken(&scene, &event(kind, -2, id))["ended"], ended, "{kind}");
    }
    for kind in ["joined", "left", "transferred", "consulted", "conferenced", "held", "retrieved"] {
        let mut late = event(kind, -2, kind);
        (late["userId"], late["toUserId"]) = (json!("7"), json!("8"));
        problem(&scene.recorder.report("i1", &late), 409, "too_late", "i1");
    }
    for user in ["7", "8"] {
        assert_eq!(scene.desk.ask(STATUS, &format!("userId={user}")).status, 404);
    }
}

#[test]
fn the_end_is_not_before_the_beginning() {
    let scene = begun(&["7"]);
    let began: jiff::Timestamp = in_seconds(-120).parse().unwrap();
    let ended = taken(&scene, &event("ended", -120, "e1"))["ended"].clone();
    assert!(ended.as_str().unwrap().parse::<jiff::Timestamp>().unwrap() > began);
}

#[test]
fn a_recorder_whose_clock_is_wrong_is_understood() {
    let scene = Scene::new();
    let late = json!({ "capabilities": super::recorder::ALL, "time": in_seconds(-3600) });
    assert_eq!(scene.recorder.register(&late).status, 200);
    let mut body = scene.recorder.call_body("100", &[]);
    body["startTime"] = json!(in_seconds(-3660));
    body["users"] = json!([{ "userId": "7", "joinedAt": in_seconds(-3600) }]);
    assert_eq!(scene.recorder.announce("i1", &body).status, 201);
    // Another call of the user, by a recorder whose clock is right, joined a little earlier.
    let right = super::recorder::Recorder::new(&scene.gateway, "rec-2");
    let mut body = right.call_body("200", &[]);
    body["users"] = json!([{ "userId": "7", "joinedAt": in_seconds(-30) }]);
    assert_eq!(right.announce("i2", &body).status, 201);
    assert_eq!(answered(&scene.desk.ask(STATUS, "userId=7"), 200)["interactionId"], "i1");
    taken(&scene, &json!({ "type": "held", "time": in_seconds(-3600) }));
    scene.desk.is("7", "Recording", "Hold");
    // On its clock, now is an hour ahead.
    let early = scene.recorder.report("i1", &json!({ "type": "held", "time": now() }));
    problem(&early, 422, "field_invalid", "future");
    // What it says of a command is on its clock too.
    let answer = scene.in_flight(MASK, "userId=7", |command| {
        let body = json!({ "state": "done", "effectiveAt": in_seconds(-3600) });
        assert_eq!(scene.recorder.acknowledge(command, &body).status, 200);
    });
    let effect: jiff::Timestamp =
        done(&answer, 200)["effectiveTime"].as_str().unwrap().parse().unwrap();
    assert!(effect > in_seconds(-300).parse().unwrap(), "{effect}");
}
