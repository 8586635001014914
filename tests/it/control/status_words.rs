//! `get-recording-status`: the words for each state.

use serde_json::json;

use super::desk::{DECLINE, MASK, START, STOP, Scene, UNMASK, done};

#[test]
fn the_words_follow_what_is_asked_for() {
    let scene = Scene::new();
    scene.recorder.begin("i1", "100", &["7"]);
    scene.desk.is("7", "Recording", "Policy");
    for (order, status, reason) in [
        (MASK, "Stopped", "Mask"),
        (UNMASK, "Recording", "Policy"),
        (START, "Recording", "RecordOnDemand"),
        (MASK, "Stopped", "Mask"),
        (STOP, "Stopped", "StopOnDemand"),
        (UNMASK, "Stopped", "StopOnDemand"),
        (START, "Recording", "RecordOnDemand"),
        (DECLINE, "Stopped", "CustomerDisconsent"),
    ] {
        done(&scene.desk.ask(order, "userId=7"), 200);
        scene.desk.is("7", status, reason);
    }
}

#[test]
fn what_nobody_asked_for_is_no_recording() {
    let scene = Scene::new();
    let mut body = scene.recorder.call_body("100", &["7"]);
    body["policy"] = json!("none");
    assert_eq!(scene.recorder.announce("i1", &body).status, 201);
    scene.desk.is("7", "NoRecording", "Policy");
    // A hold changes nothing where nothing is recorded.
    scene.recorder.tell("i1", "held", &[]);
    scene.desk.is("7", "NoRecording", "Policy");
    scene.recorder.tell("i1", "retrieved", &[]);
    done(&scene.desk.ask(STOP, "userId=7"), 200);
    scene.desk.is("7", "NoRecording", "Policy");
    done(&scene.desk.ask(DECLINE, "userId=7"), 200);
    scene.desk.is("7", "Stopped", "CustomerDisconsent");
}

#[test]
fn a_call_on_hold_is_recorded_and_says_so() {
    let scene = Scene::new();
    scene.recorder.begin("i1", "100", &["7"]);
    scene.recorder.tell("i1", "held", &[]);
    scene.desk.is("7", "Recording", "Hold");
    // A mask goes before a hold.
    done(&scene.desk.ask(MASK, "userId=7"), 200);
    scene.desk.is("7", "Stopped", "Mask");
    done(&scene.desk.ask(UNMASK, "userId=7"), 200);
    scene.desk.is("7", "Recording", "Hold");
    scene.recorder.tell("i1", "retrieved", &[]);
    scene.desk.is("7", "Recording", "Policy");
    done(&scene.desk.ask(START, "userId=7"), 200);
    scene.recorder.tell("i1", "held", &[]);
    scene.desk.is("7", "Recording", "Hold");
    done(&scene.desk.ask(STOP, "userId=7"), 200);
    scene.desk.is("7", "Stopped", "StopOnDemand");
}

#[test]
fn what_should_be_recorded_and_cannot_be_is_a_failure() {
    let mut scene = Scene::new();
    scene.recorder.begin("i1", "100", &["7"]);
    scene.recorder.begin("i2", "200", &["8"]);
    scene.recorder.begin("i3", "300", &["9"]);
    scene.recorder.begin("i4", "400", &["10"]);
    done(&scene.desk.ask(START, "userId=8"), 200);
    done(&scene.desk.ask(STOP, "userId=9"), 200);
    done(&scene.desk.ask(MASK, "userId=10"), 200);
    scene.lose_recorder("7");
    scene.desk.is("7", "RecordingFailure", "Policy");
    scene.desk.is("8", "RecordingFailure", "RecordOnDemand");
    // What is not to be recorded does not fail.
    scene.desk.is("9", "Stopped", "StopOnDemand");
    scene.desk.is("10", "RecordingFailure", "Policy");
}

#[test]
fn an_interaction_that_nobody_speaks_of_has_ended() {
    let mut scene = Scene::new();
    scene.recorder.begin("i1", "100", &["7"]);
    scene.recorder.begin("i2", "200", &["8"]);
    scene.recorder.hang_up();
    scene.gateway.set("CONTROL__INTERACTION_EXPIRY_S", "1");
    scene.crash();
    for user in ["7", "8"] {
        crate::gateway::wait("the end", || {
            let answer = scene.desk.ask(super::desk::STATUS, &format!("userId={user}"));
            (answer.status == 404).then_some(())
        });
    }
    // One that its recorder speaks of in time goes on.
    scene.gateway.set("CONTROL__INTERACTION_EXPIRY_S", "86400");
    scene.crash();
    let late = scene.recorder.announce("i1", &scene.recorder.call_body("100", &["7"]));
    crate::bad_input::problem(&late, 409, "too_late", "i1");
    scene.recorder.begin("i3", "300", &["7"]);
    scene.desk.is("7", "Recording", "Policy");
}

#[test]
fn the_end_of_a_user_and_of_a_call_are_told_apart() {
    let scene = Scene::new();
    scene.recorder.begin("i1", "100", &["7", "8"]);
    scene.recorder.tell("i1", "left", &["7"]);
    assert_eq!(scene.desk.ask(super::desk::STATUS, "userId=7").status, 404);
    scene.desk.is("8", "Recording", "Policy");
    scene.recorder.tell("i1", "ended", &[]);
    assert_eq!(scene.desk.ask(super::desk::STATUS, "userId=8").status, 404);
}
