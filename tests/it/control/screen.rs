//! Screen sessions: who gets one, what a second start does, and whose stop counts.

use serde_json::{Value, json};

use super::desk::{
    DECLINE, MASK, START_SCREEN, STATUS, STOP, STOP_SCREEN, Scene, answered, done, plainly_refused,
};
use super::recorder::Recorder;

/// Starts a session; the answer.
fn start(scene: &Scene, user: &str, seconds: u32) -> Value {
    let query = format!("userId={user}&recordingDuration={seconds}");
    done(&scene.desk.ask(START_SCREEN, &query), 200)
}

fn stop(user: &str, contact: &Value) -> String {
    format!("userId={user}&contactId={contact}")
}

#[test]
fn a_session_of_a_user_in_no_call_is_recorded_and_stopped() {
    let scene = Scene::new();
    let body = start(&scene, "7", 3000);
    assert!(body["contactId"].is_u64(), "{body}");
    let command = scene.recorder.next();
    assert_eq!(command["type"], "start-screen");
    assert_eq!(command["userId"], "7");
    assert_eq!(command["durationS"], 3000);
    assert_eq!(command["masked"], false);
    assert_eq!(command["interactionId"], body["interactionId"]);
    let status = answered(&scene.desk.ask(STATUS, "userId=7"), 200);
    assert_eq!(status["contactId"], body["contactId"]);
    scene.desk.is("7", "Recording", "RecordOnDemand");
    let stopped = done(&scene.desk.ask(STOP_SCREEN, &stop("7", &body["contactId"])), 200);
    assert_eq!(stopped["interactionId"], body["interactionId"]);
    assert_eq!(scene.recorder.next()["type"], "stop-screen");
    plainly_refused(&scene.desk.ask(STATUS, "userId=7"), 404, "NO_ACTIVE_INTERACTION");
}

#[test]
fn a_second_start_gives_the_running_session() {
    let scene = Scene::new();
    let first = start(&scene, "7", 3000);
    scene.recorder.next();
    for seconds in [3000, 5, 13_200] {
        let again = start(&scene, "7", seconds);
        for name in ["contactId", "interactionId", "segmentId"] {
            assert_eq!(again[name], first[name]);
        }
        assert_eq!(again["description"], "the screen is recorded already; nothing changed");
    }
    assert!(scene.recorder.taken().is_empty());
    done(&scene.desk.ask(STOP_SCREEN, &stop("7", &first["contactId"])), 200);
    let next = start(&scene, "7", 3000);
    assert_ne!(next["contactId"], first["contactId"]);
    assert_ne!(next["interactionId"], first["interactionId"]);
}

#[test]
fn a_call_and_a_session_have_different_contacts_and_orders() {
    let scene = Scene::new();
    scene.recorder.begin("i1", "100", &["7"]);
    let session = start(&scene, "7", 3000);
    let call = answered(&scene.desk.ask(STATUS, "userId=7"), 200);
    // The status is that of the call.
    assert_eq!(call["contactId"], 100);
    assert_ne!(session["contactId"], call["contactId"]);
    assert_ne!(session["interactionId"], call["interactionId"]);
    // Neither a stop nor a do-not-record of the call ends the session.
    done(&scene.desk.ask(STOP, "userId=7"), 200);
    done(&scene.desk.ask(DECLINE, "userId=7"), 200);
    // The call's contact id stops nothing.
    let wrong = scene.desk.ask(STOP_SCREEN, "userId=7&contactId=100");
    plainly_refused(&wrong, 404, "NO_ACTIVE_INTERACTION");
    scene.recorder.tell("i1", "ended", &[]);
    scene.desk.is("7", "Recording", "RecordOnDemand");
    done(&scene.desk.ask(STOP_SCREEN, &stop("7", &session["contactId"])), 200);
}

#[test]
fn a_stop_needs_the_contact_and_the_user_and_counts_once() {
    let scene = Scene::new();
    let (seven, eight) = (start(&scene, "7", 3000), start(&scene, "8", 3000));
    assert_ne!(seven["contactId"], eight["contactId"]);
    let next = seven["contactId"].as_u64().unwrap() + 1;
    for query in [
        stop("7", &eight["contactId"]),
        stop("8", &seven["contactId"]),
        stop("9", &seven["contactId"]),
        stop("7", &json!(next)),
        format!("userId=7&contactId={}", seven["interactionId"].as_str().unwrap()),
    ] {
        plainly_refused(&scene.desk.ask(STOP_SCREEN, &query), 404, "NO_ACTIVE_INTERACTION");
    }
    for user in ["7", "8"] {
        scene.desk.is(user, "Recording", "RecordOnDemand");
    }
    let query = stop("7", &seven["contactId"]);
    done(&scene.desk.ask(STOP_SCREEN, &query), 200);
    plainly_refused(&scene.desk.ask(STOP_SCREEN, &query), 404, "NO_ACTIVE_INTERACTION");
    scene.desk.is("8", "Recording", "RecordOnDemand");
}

#[test]
fn a_session_of_another_tenant_is_not_there() {
    let scene = Scene::new();
    let session = start(&scene, "7", 3000);
    let token = scene.user("other", "other", &["record.screen", "recorder"]);
    let desk = super::desk::Desk::new(&scene.gateway, &token);
    let answer = desk.ask(STOP_SCREEN, &stop("7", &session["contactId"]));
    plainly_refused(&answer, 404, "NO_ACTIVE_INTERACTION");
    // The recorders of one tenant record no screens of another.
    let answer = desk.ask(START_SCREEN, "userId=7&recordingDuration=60");
    plainly_refused(&answer, 404, "NO_ACTIVE_INTERACTION");
    scene.desk.is("7", "Recording", "RecordOnDemand");
}

#[test]
fn the_recorder_that_names_the_user_records_the_screen() {
    let scene = Scene::new();
    let mut named = Recorder::new(&scene.gateway, "rec-2");
    named.listen();
    let body = json!({ "capabilities": ["screen"], "users": ["7", "8"] });
    assert_eq!(named.register(&body).status, 200);
    // It names 7; the other one records everybody's.
    start(&scene, "7", 3000);
    assert_eq!(named.next()["userId"], "7");
    start(&scene, "9", 3000);
    assert_eq!(scene.recorder.next()["userId"], "9");
    // Without the other one there is none for those whom it does not name.
    scene.recorder.can(&["voice", "pause", "stop"]);
    start(&scene, "8", 3000);
    assert_eq!(named.next()["userId"], "8");
    let answer = scene.desk.ask(START_SCREEN, "userId=10&recordingDuration=60");
    plainly_refused(&answer, 404, "NO_ACTIVE_INTERACTION");
}

#[test]
fn a_session_is_not_touched_by_events_of_its_recorder_about_calls() {
    let scene = Scene::new();
    let session = start(&scene, "7", 3000);
    scene.recorder.begin("i1", "100", &["7"]);
    scene.recorder.tell("i1", "left", &["7"]);
    scene.desk.is("7", "Recording", "RecordOnDemand");
    done(&scene.desk.ask(STOP_SCREEN, &stop("7", &session["contactId"])), 200);
}

#[test]
fn a_session_ends_when_its_recorder_says_so() {
    let scene = Scene::new();
    let session = start(&scene, "7", 3000);
    scene.recorder.tell(session["interactionId"].as_str().unwrap(), "ended", &[]);
    let answer = scene.desk.ask(STOP_SCREEN, &stop("7", &session["contactId"]));
    plainly_refused(&answer, 404, "NO_ACTIVE_INTERACTION");
    plainly_refused(&scene.desk.ask(MASK, "userId=7"), 404, "NO_ACTIVE_INTERACTION");
}
