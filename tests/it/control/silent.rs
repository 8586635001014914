//! 504: the recorder was silent past the deadline, and the interaction is free again.

use serde_json::Value;

use super::desk::{
    DATA, DECLINE, MASK, START, START_SCREEN, STATUS, STOP, STOP_SCREEN, Scene, UNMASK, done,
    plainly_refused, refused,
};
use super::recorder::Conduct;

/// A recorder that can be reached, listens, and never answers, in a gateway that waits for it
/// briefly.
fn silent() -> Scene {
    let scene = Scene::with(&[("CONTROL__DEADLINE_MS", "200")]);
    scene.recorder.conduct(Conduct::Silent);
    scene
}

fn times_out(scene: &Scene, order: &str, user: &str) -> Value {
    let answer = scene.desk.ask(order, &format!("userId={user}"));
    let body = refused(&answer, 504, "RECORDER_SILENT");
    for name in ["contactId", "interactionId", "segmentId"] {
        assert!(!body[name].is_null(), "{body}");
    }
    body
}

#[test]
fn a_start_that_nobody_answers_does_not_hold_and_frees_the_interaction() {
    let scene = silent();
    scene.recorder.begin("i1", "100", &["7"]);
    for _ in 0..2 {
        let body = times_out(&scene, START, "7");
        let text = body["message"].as_str().expect("a text");
        assert_eq!(text, "the recorder did not answer in time; nothing changed");
        scene.desk.is("7", "Recording", "Policy");
        done(&scene.desk.ask(DATA, "userId=7"), 200);
    }
    // Nobody is to be told any more.
    assert!(scene.recorder.waiting().is_empty());
}

#[test]
fn what_restricts_holds_though_nobody_answers() {
    for (order, kind, reason) in [
        (STOP, "stop", "StopOnDemand"),
        (DECLINE, "do-not-record", "CustomerDisconsent"),
        (MASK, "mask", "Mask"),
    ] {
        let scene = silent();
        scene.recorder.begin("i1", "100", &["7"]);
        let body = times_out(&scene, order, "7");
        assert!(body["message"].as_str().unwrap().contains("the gateway does it"), "{body}");
        scene.desk.is("7", "Stopped", reason);
        done(&scene.desk.ask(DATA, "userId=7"), 200);
        // The recorder is still to be told.
        let waiting = scene.recorder.waiting();
        assert_eq!(waiting.len(), 1, "{waiting:?}");
        assert_eq!(waiting[0]["type"], kind);
        assert_eq!(waiting[0]["state"], "expired");
    }
}

#[test]
fn an_unmask_that_nobody_answers_leaves_the_mask() {
    let scene = silent();
    scene.recorder.begin("i1", "100", &["7"]);
    times_out(&scene, MASK, "7");
    for _ in 0..2 {
        times_out(&scene, UNMASK, "7");
        scene.desk.is("7", "Stopped", "Mask");
    }
}

#[test]
fn a_screen_session_that_nobody_answers_is_not_there() {
    let scene = silent();
    let start = "userId=7&recordingDuration=3000";
    let mut contacts = Vec::new();
    for _ in 0..2 {
        let body = refused(&scene.desk.ask(START_SCREEN, start), 504, "RECORDER_SILENT");
        plainly_refused(&scene.desk.ask(STATUS, "userId=7"), 404, "NO_ACTIVE_INTERACTION");
        let stop = format!("userId=7&contactId={}", body["contactId"]);
        plainly_refused(&scene.desk.ask(STOP_SCREEN, &stop), 404, "NO_ACTIVE_INTERACTION");
        contacts.push(body["contactId"].clone());
    }
    assert_ne!(contacts[0], contacts[1]);
}

#[test]
fn a_stop_of_a_screen_session_that_nobody_answers_ends_it() {
    let scene = Scene::new();
    let started = scene.desk.ask(START_SCREEN, "userId=7&recordingDuration=3000");
    let stop = format!("userId=7&contactId={}", done(&started, 200)["contactId"]);
    let mut scene = scene;
    scene.gateway.set("CONTROL__DEADLINE_MS", "200");
    scene.crash();
    refused(&scene.desk.ask(STOP_SCREEN, &stop), 504, "RECORDER_SILENT");
    plainly_refused(&scene.desk.ask(STOP_SCREEN, &stop), 404, "NO_ACTIVE_INTERACTION");
    assert_eq!(scene.recorder.waiting()[0]["type"], "stop-screen");
}

#[test]
fn one_silent_leg_times_the_request_out_and_the_other_is_told() {
    let scene = Scene::with(&[("CONTROL__DEADLINE_MS", "1000")]);
    scene.recorder.begin("i1", "100", &["7"]);
    let mute = super::recorder::Recorder::new(&scene.gateway, "rec-2");
    mute.begin("i2", "100", &["8"]);
    times_out(&scene, DECLINE, "7");
    for user in ["7", "8"] {
        scene.desk.is(user, "Stopped", "CustomerDisconsent");
        done(&scene.desk.ask(DATA, &format!("userId={user}")), 200);
    }
    assert_eq!(scene.recorder.told(), [("do-not-record".to_owned(), "i1".to_owned())]);
    assert_eq!(mute.waiting().len(), 1);
}
