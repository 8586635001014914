//! Masks: independent of what is recorded, for every participant, and over screen sessions too.

use serde_json::{Value, json};

use super::desk::{
    DECLINE, MASK, START, START_SCREEN, STATUS, STOP, STOP_SCREEN, Scene, UNMASK, answered, done,
    plainly_refused,
};

/// Starts a screen session; its interaction.
fn session(scene: &Scene, user: &str) -> String {
    let query = format!("userId={user}&recordingDuration=3000");
    let body = done(&scene.desk.ask(START_SCREEN, &query), 200);
    body["interactionId"].as_str().expect("an id").to_owned()
}

/// An order that must succeed; what the recorder was told, sorted.
fn told(scene: &Scene, order: &str, user: &str) -> Vec<(String, String)> {
    scene.recorder.forget();
    done(&scene.desk.ask(order, &format!("userId={user}")), 200);
    let mut told = scene.recorder.told();
    told.sort_unstable();
    told
}

fn both(kind: &str, interactions: [&str; 2]) -> Vec<(String, String)> {
    let mut all = interactions.map(|one| (kind.to_owned(), one.to_owned())).to_vec();
    all.sort_unstable();
    all
}

fn one(kind: &str, interaction: &str) -> Vec<(String, String)> {
    vec![(kind.to_owned(), interaction.to_owned())]
}

/// An order that changes nothing, and says why.
fn nothing(scene: &Scene, order: &str, why: &str) {
    scene.recorder.forget();
    let body = done(&scene.desk.ask(order, "userId=7"), 200);
    assert_eq!(body["description"], why);
    assert!(scene.recorder.taken().is_empty());
}

#[test]
fn a_mask_holds_until_the_unmask() {
    let scene = Scene::new();
    scene.recorder.begin("i1", "100", &["7"]);
    for _ in 0..2 {
        assert_eq!(told(&scene, MASK, "7"), one("mask", "i1"));
        scene.desk.is("7", "Stopped", "Mask");
        assert_eq!(told(&scene, UNMASK, "7"), one("unmask", "i1"));
        scene.desk.is("7", "Recording", "Policy");
    }
}

#[test]
fn masks_and_unmasks_that_have_nothing_to_do_are_200() {
    let scene = Scene::new();
    let mut body = scene.recorder.call_body("100", &["7"]);
    body["policy"] = json!("none");
    assert_eq!(scene.recorder.announce("i1", &body).status, 201);
    nothing(&scene, MASK, "nothing is recorded: no action");
    nothing(&scene, UNMASK, "it is not masked: no action");
    scene.desk.is("7", "NoRecording", "Policy");
    done(&scene.desk.ask(START, "userId=7"), 200);
    nothing(&scene, UNMASK, "it is not masked: no action");
    done(&scene.desk.ask(MASK, "userId=7"), 200);
    nothing(&scene, MASK, "it is masked already");
    scene.desk.is("7", "Stopped", "Mask");
    done(&scene.desk.ask(UNMASK, "userId=7"), 200);
    done(&scene.desk.ask(STOP, "userId=7"), 200);
    nothing(&scene, MASK, "nothing is recorded: no action");
    done(&scene.desk.ask(DECLINE, "userId=7"), 200);
    nothing(&scene, MASK, "nothing is recorded: no action");
    nothing(&scene, UNMASK, "it is not masked: no action");
}

#[test]
fn an_unmask_after_a_stop_lifts_the_mask_and_resumes_nothing() {
    let scene = Scene::new();
    scene.recorder.begin("i1", "100", &["7"]);
    done(&scene.desk.ask(MASK, "userId=7"), 200);
    done(&scene.desk.ask(STOP, "userId=7"), 200);
    scene.desk.is("7", "Stopped", "StopOnDemand");
    nothing(&scene, UNMASK, "it is not masked any more, and nothing is recorded");
    scene.desk.is("7", "Stopped", "StopOnDemand");
    done(&scene.desk.ask(START, "userId=7"), 200);
    scene.desk.is("7", "Recording", "RecordOnDemand");
}

#[test]
fn a_mask_outlives_a_stop_and_a_start() {
    let scene = Scene::new();
    scene.recorder.begin("i1", "100", &["7"]);
    done(&scene.desk.ask(MASK, "userId=7"), 200);
    done(&scene.desk.ask(STOP, "userId=7"), 200);
    scene.recorder.forget();
    done(&scene.desk.ask(START, "userId=7"), 200);
    // The recorder is told that it begins masked.
    assert_eq!(scene.recorder.next()["masked"], true);
    scene.desk.is("7", "Stopped", "Mask");
}

#[test]
fn internal_calls_are_not_masked() {
    let scene = Scene::new();
    let mut body = scene.recorder.call_body("100", &["7"]);
    body["direction"] = json!("internal");
    assert_eq!(scene.recorder.announce("i1", &body).status, 201);
    plainly_refused(&scene.desk.ask(MASK, "userId=7"), 422, "INTERNAL_CALL");
    nothing(&scene, UNMASK, "it is not masked: no action");
    scene.desk.is("7", "Recording", "Policy");
    // The other orders are for internal calls as well.
    done(&scene.desk.ask(STOP, "userId=7"), 200);
    plainly_refused(&scene.desk.ask(MASK, "userId=7"), 422, "INTERNAL_CALL");
}

#[test]
fn outbound_calls_are_masked() {
    let scene = Scene::new();
    let mut body = scene.recorder.call_body("100", &["7"]);
    body["direction"] = json!("outbound");
    assert_eq!(scene.recorder.announce("i1", &body).status, 201);
    done(&scene.desk.ask(MASK, "userId=7"), 200);
    scene.desk.is("7", "Stopped", "Mask");
}

#[test]
fn a_masked_call_masks_the_screen_sessions_of_all_its_users() {
    let scene = Scene::new();
    scene.recorder.begin("i1", "100", &["7", "8"]);
    let (seven, nine) = (session(&scene, "8"), session(&scene, "9"));
    assert_eq!(told(&scene, MASK, "7"), both("mask", ["i1", &seven]));
    assert_eq!(told(&scene, UNMASK, "7"), both("unmask", ["i1", &seven]));
    // The session of somebody who is not in the call is left alone.
    scene.desk.is("9", "Recording", "RecordOnDemand");
    assert_ne!(seven, nine);
}

#[test]
fn a_session_that_begins_during_a_mask_begins_masked() {
    let scene = Scene::new();
    scene.recorder.begin("i1", "100", &["7"]);
    done(&scene.desk.ask(MASK, "userId=7"), 200);
    scene.recorder.forget();
    let screen = session(&scene, "7");
    let command: Value = scene.recorder.next();
    assert_eq!(command["type"], "start-screen");
    assert_eq!(command["masked"], true, "{command}");
    assert_eq!(told(&scene, UNMASK, "7"), both("unmask", ["i1", &screen]));
    scene.recorder.tell("i1", "ended", &[]);
    scene.desk.is("7", "Recording", "RecordOnDemand");
}

#[test]
fn a_session_stays_masked_while_another_masked_call_covers_its_user() {
    let scene = Scene::new();
    scene.recorder.begin("i1", "100", &["7"]);
    let screen = session(&scene, "7");
    assert_eq!(told(&scene, MASK, "7"), both("mask", ["i1", &screen]));
    scene.recorder.begin("i2", "200", &["7"]);
    // The session is masked already.
    assert_eq!(told(&scene, MASK, "7"), one("mask", "i2"));
    assert_eq!(told(&scene, UNMASK, "7"), one("unmask", "i2"));
    scene.recorder.tell("i2", "left", &["7"]);
    assert_eq!(told(&scene, UNMASK, "7"), both("unmask", ["i1", &screen]));
}

#[test]
fn a_call_that_is_not_masked_covers_no_session() {
    let scene = Scene::new();
    scene.recorder.begin("i1", "100", &["7"]);
    scene.recorder.begin("i2", "200", &["8"]);
    let screen = session(&scene, "7");
    assert_eq!(told(&scene, MASK, "8"), one("mask", "i2"));
    assert_eq!(told(&scene, MASK, "7"), both("mask", ["i1", &screen]));
    // The masked call of somebody else does not cover it.
    assert_eq!(told(&scene, UNMASK, "7"), both("unmask", ["i1", &screen]));
    scene.desk.is("8", "Stopped", "Mask");
}

#[test]
fn a_masked_session_is_stopped_like_another() {
    let scene = Scene::new();
    scene.recorder.begin("i1", "100", &["7"]);
    let query = "userId=7&recordingDuration=3000";
    let contact = done(&scene.desk.ask(START_SCREEN, query), 200)["contactId"].to_string();
    done(&scene.desk.ask(MASK, "userId=7"), 200);
    scene.recorder.forget();
    let stop = format!("userId=7&contactId={contact}");
    done(&scene.desk.ask(STOP_SCREEN, &stop), 200);
    assert_eq!(scene.recorder.next()["type"], "stop-screen");
    assert_eq!(told(&scene, UNMASK, "7"), one("unmask", "i1"));
}

#[test]
fn a_mask_is_an_order_for_calls_and_not_for_screen_sessions_alone() {
    let scene = Scene::new();
    session(&scene, "7");
    for order in [MASK, UNMASK, START, STOP, DECLINE] {
        plainly_refused(&scene.desk.ask(order, "userId=7"), 404, "NO_ACTIVE_INTERACTION");
    }
    let status = answered(&scene.desk.ask(STATUS, "userId=7"), 200);
    assert_eq!(status["recordingStatusToAgent"], "Recording");
}

#[test]
fn a_mask_left_open_is_told_as_an_alarm() {
    let scene = Scene::new();
    scene.recorder.begin("i1", "100", &["7"]);
    done(&scene.desk.ask(MASK, "userId=7"), 200);
    scene.recorder.tell("i1", "ended", &[]);
    plainly_refused(&scene.desk.ask(UNMASK, "userId=7"), 404, "NO_ACTIVE_INTERACTION");
    let metrics = scene.gateway.call("GET", "/metrics", "");
    let text = String::from_utf8_lossy(&metrics.body).into_owned();
    let line = "reelgate_control_alarms_total{kind=\"mask_left_open\"} 1";
    assert!(text.contains(line), "{text}");
    assert!(scene.gateway.log().contains("ended while masked"));
}
