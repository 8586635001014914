//! Answers that come after the deadline: what permits is withdrawn, what restricts is taken note
//! of.

use serde_json::{Value, json};

use super::desk::{DECLINE, MASK, START, STOP, Scene, UNMASK, done, refused};
use super::recorder::Conduct;
use crate::bad_input::problem;

/// A call of user 7, and an order that its recorder was silent about; the command.
fn expired(scene: &Scene, order: &str) -> Value {
    scene.recorder.conduct(Conduct::Silent);
    scene.recorder.forget();
    refused(&scene.desk.ask(order, "userId=7"), 504, "RECORDER_SILENT");
    scene.recorder.next()
}

fn scene() -> Scene {
    let scene = Scene::with(&[("CONTROL__DEADLINE_MS", "500")]);
    scene.recorder.begin("i1", "100", &["7"]);
    scene
}

#[test]
fn a_start_or_unmask_that_expired_is_not_taken_any_more() {
    let scene = scene();
    let start = expired(&scene, START);
    for state in ["accepted", "done", "refused"] {
        let answer = scene.recorder.acknowledge(&start, &json!({ "state": state }));
        let body = problem(&answer, 409, "too_late", start["commandId"].as_str().unwrap());
        // The recorder is told what to do about it.
        assert!(body["detail"].as_str().unwrap().contains("undo"), "{body}");
    }
    scene.desk.is("7", "Recording", "Policy");
    expired(&scene, MASK);
    let unmask = expired(&scene, UNMASK);
    let answer = scene.recorder.acknowledge(&unmask, &json!({ "state": "done" }));
    problem(&answer, 409, "too_late", "undo");
    scene.desk.is("7", "Stopped", "Mask");
}

#[test]
fn what_restricts_is_taken_late() {
    for (order, reason) in [(MASK, "Mask"), (STOP, "StopOnDemand"), (DECLINE, "CustomerDisconsent")]
    {
        let scene = scene();
        let command = expired(&scene, order);
        scene.desk.is("7", "Stopped", reason);
        let body = json!({ "state": "done", "mediaTimeMs": 9000 });
        let answer = scene.recorder.acknowledge(&command, &body);
        assert_eq!(answer.status, 200, "{}", answer.json());
        assert_eq!(answer.json()["state"], "done");
        assert!(scene.recorder.waiting().is_empty());
        scene.desk.is("7", "Stopped", reason);
    }
}

#[test]
fn a_late_answer_does_not_free_what_a_later_request_holds() {
    let scene = Scene::with(&[("CONTROL__DEADLINE_MS", "60000")]);
    scene.recorder.begin("i1", "100", &["7"]);
    let mut scene = scene;
    scene.gateway.set("CONTROL__DEADLINE_MS", "500");
    scene.crash();
    scene.recorder.listen();
    let mask = expired(&scene, MASK);
    scene.gateway.set("CONTROL__DEADLINE_MS", "60000");
    scene.crash();
    scene.recorder.listen();
    // The mask is still to be told.
    assert_eq!(scene.recorder.next()["commandId"], mask["commandId"]);
    let answer = scene.in_flight(UNMASK, "userId=7", |unmask| {
        scene.recorder.finish(&mask);
        super::desk::locked(&scene.desk.ask(STOP, "userId=7"));
        scene.recorder.finish(unmask);
    });
    done(&answer, 200);
    scene.desk.is("7", "Recording", "Policy");
}

#[test]
fn a_start_that_is_done_after_the_end_of_the_call_changes_nothing() {
    let scene = Scene::new();
    scene.recorder.begin("i1", "100", &["7"]);
    let answer = scene.in_flight(START, "userId=7", |command| {
        scene.recorder.tell("i1", "ended", &[]);
        scene.recorder.finish(command);
    });
    done(&answer, 200);
    assert_eq!(scene.desk.ask(super::desk::STATUS, "userId=7").status, 404);
}
