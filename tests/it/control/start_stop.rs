//! The truth table of start and stop: policy before nothing, on demand before policy,
//! do-not-record before both; and recorders that cannot or will not.

use serde_json::json;

use super::desk::{
    DECLINE, MASK, START, START_SCREEN, STATUS, STOP, STOP_SCREEN, Scene, UNMASK, done,
    plainly_refused, refused,
};
use super::recorder::Conduct;

/// A call that the policy does not record.
fn unrecorded(scene: &Scene, interaction: &str, contact: &str, user: &str) {
    let mut body = scene.recorder.call_body(contact, &[user]);
    body["policy"] = json!("none");
    let answer = scene.recorder.announce(interaction, &body);
    assert_eq!(answer.status, 201, "{}", answer.json());
    assert_eq!(answer.json()["record"], false, "{}", answer.json());
}

#[test]
fn a_start_records_what_the_policy_does_not() {
    let scene = Scene::new();
    unrecorded(&scene, "i1", "100", "7");
    scene.desk.is("7", "NoRecording", "Policy");
    done(&scene.desk.ask(START, "userId=7"), 200);
    scene.desk.is("7", "Recording", "RecordOnDemand");
    assert_eq!(scene.recorder.tell("i1", "alive", &[])["record"], true);
}

#[test]
fn a_start_takes_over_from_the_policy() {
    let scene = Scene::new();
    scene.recorder.begin("i1", "100", &["7"]);
    done(&scene.desk.ask(START, "userId=7"), 200);
    scene.desk.is("7", "Recording", "RecordOnDemand");
}

#[test]
fn a_second_start_changes_nothing() {
    let scene = Scene::new();
    scene.recorder.begin("i1", "100", &["7"]);
    for (first, second) in [("voice", "voice"), ("voiceAndScreen", "voice")] {
        done(&scene.desk.ask(START, &format!("userId=7&mediaType={first}")), 200);
        scene.recorder.forget();
        let body = done(&scene.desk.ask(START, &format!("userId=7&mediaType={second}")), 200);
        assert_eq!(body["description"], "it is recorded on demand already");
        assert!(scene.recorder.taken().is_empty());
        scene.desk.is("7", "Recording", "RecordOnDemand");
    }
}

#[test]
fn a_start_with_screen_adds_the_screen_to_the_voice() {
    let scene = Scene::new();
    scene.recorder.begin("i1", "100", &["7"]);
    done(&scene.desk.ask(START, "userId=7"), 200);
    scene.recorder.forget();
    done(&scene.desk.ask(START, "userId=7&mediaType=voiceAndScreen"), 200);
    assert_eq!(scene.recorder.next()["mediaType"], "voiceAndScreen");
    assert_eq!(scene.recorder.tell("i1", "alive", &[])["demand"], "voiceAndScreen");
}

#[test]
fn a_stop_goes_before_the_policy_and_only_a_start_resumes() {
    let scene = Scene::new();
    scene.recorder.begin("i1", "100", &["7"]);
    done(&scene.desk.ask(STOP, "userId=7"), 200);
    scene.desk.is("7", "Stopped", "StopOnDemand");
    // Neither an unmask nor what the recorder reports resumes it.
    done(&scene.desk.ask(UNMASK, "userId=7"), 200);
    scene.recorder.tell("i1", "resumed", &[]);
    assert_eq!(scene.recorder.announce("i1", &scene.recorder.call_body("100", &["7"])).status, 200);
    scene.desk.is("7", "Stopped", "StopOnDemand");
    done(&scene.desk.ask(START, "userId=7"), 200);
    scene.desk.is("7", "Recording", "RecordOnDemand");
    done(&scene.desk.ask(STOP, "userId=7"), 200);
    scene.desk.is("7", "Stopped", "StopOnDemand");
}

#[test]
fn a_stop_where_nothing_is_recorded_changes_nothing() {
    let scene = Scene::new();
    unrecorded(&scene, "i1", "100", "7");
    let body = done(&scene.desk.ask(STOP, "userId=7"), 200);
    assert_eq!(body["description"], "nothing is recorded");
    scene.desk.is("7", "NoRecording", "Policy");
    assert!(scene.recorder.taken().is_empty());
}

#[test]
fn do_not_record_goes_before_all_and_stays() {
    let scene = Scene::new();
    scene.recorder.begin("i1", "100", &["7"]);
    done(&scene.desk.ask(START, "userId=7"), 200);
    done(&scene.desk.ask(DECLINE, "userId=7"), 200);
    scene.recorder.forget();
    scene.desk.is("7", "Stopped", "CustomerDisconsent");
    for query in ["userId=7", "userId=7&mediaType=voiceAndScreen"] {
        plainly_refused(&scene.desk.ask(START, query), 409, "CONSENT_DECLINED");
    }
    for endpoint in [STOP, MASK, UNMASK, DECLINE] {
        done(&scene.desk.ask(endpoint, "userId=7"), 200);
        scene.desk.is("7", "Stopped", "CustomerDisconsent");
    }
    assert!(scene.recorder.taken().is_empty());
    assert_eq!(scene.recorder.tell("i1", "alive", &[])["record"], false);
}

#[test]
fn a_recorder_that_cannot_record_screens_or_voice_starts_neither() {
    let scene = Scene::new();
    unrecorded(&scene, "i1", "100", "7");
    scene.recorder.can(&["voice", "pause", "stop"]);
    let both = scene.desk.ask(START, "userId=7&mediaType=voiceAndScreen");
    let body = plainly_refused(&both, 409, "RECORDER_UNABLE");
    assert!(body["message"].as_str().unwrap().contains("screen"), "{body}");
    scene.recorder.can(&["screen", "pause", "stop"]);
    for query in ["userId=7", "userId=7&mediaType=voiceAndScreen"] {
        let body = plainly_refused(&scene.desk.ask(START, query), 409, "RECORDER_UNABLE");
        assert!(body["message"].as_str().unwrap().contains("voice"), "{body}");
    }
    assert!(scene.recorder.taken().is_empty());
    scene.desk.is("7", "NoRecording", "Policy");
}

#[test]
fn a_recorder_that_cannot_stop_or_pause_is_not_told_and_the_gateway_does_it() {
    let scene = Scene::new();
    unrecorded(&scene, "i1", "100", "7");
    scene.recorder.can(&["voice", "screen"]);
    for (endpoint, status, reason) in [
        (START, "Recording", "RecordOnDemand"),
        (MASK, "Stopped", "Mask"),
        (UNMASK, "Recording", "RecordOnDemand"),
        (STOP, "Stopped", "StopOnDemand"),
        (START, "Recording", "RecordOnDemand"),
        (DECLINE, "Stopped", "CustomerDisconsent"),
    ] {
        let body = done(&scene.desk.ask(endpoint, "userId=7"), 200);
        assert!(body.get("mediaTimeMs").is_none(), "{body}");
        scene.desk.is("7", status, reason);
    }
    assert!(scene.recorder.taken().is_empty());
}

/// A refusal of the recorder where the order holds only when the recorder did it.
fn is_refused(scene: &Scene, endpoint: &str) {
    let body = refused(&scene.desk.ask(endpoint, "userId=7"), 409, "RECORDER_REFUSED");
    let message = body["message"].as_str().expect("a text");
    assert_eq!(message, "the recorder refused: the disk is full");
    assert_eq!(body["interactionId"], "i1");
    assert_eq!(body["contactId"], 100);
}

#[test]
fn what_the_recorder_refuses_to_permit_does_not_hold() {
    let scene = Scene::new();
    unrecorded(&scene, "i1", "100", "7");
    scene.recorder.conduct(Conduct::Refuses);
    is_refused(&scene, START);
    scene.desk.is("7", "NoRecording", "Policy");
    scene.recorder.conduct(Conduct::Obeys);
    done(&scene.desk.ask(START, "userId=7"), 200);
    done(&scene.desk.ask(MASK, "userId=7"), 200);
    scene.recorder.conduct(Conduct::Refuses);
    is_refused(&scene, UNMASK);
    scene.desk.is("7", "Stopped", "Mask");
    scene.recorder.conduct(Conduct::Obeys);
    done(&scene.desk.ask(UNMASK, "userId=7"), 200);
}

#[test]
fn what_the_recorder_refuses_to_restrict_holds_all_the_same() {
    let scene = Scene::new();
    scene.recorder.begin("i1", "100", &["7"]);
    for (endpoint, reason) in [(MASK, "Mask"), (STOP, "StopOnDemand")] {
        scene.recorder.conduct(Conduct::Refuses);
        let body = done(&scene.desk.ask(endpoint, "userId=7"), 200);
        let text = body["description"].as_str().expect("a text");
        assert_eq!(text, "the recorder refused (the disk is full); the gateway does it");
        scene.desk.is("7", "Stopped", reason);
    }
    scene.recorder.begin("i2", "200", &["8"]);
    done(&scene.desk.ask(DECLINE, "userId=8"), 200);
    scene.desk.is("8", "Stopped", "CustomerDisconsent");
}

#[test]
fn a_screen_session_that_the_recorder_refuses_is_not_there() {
    let scene = Scene::new();
    scene.recorder.conduct(Conduct::Refuses);
    let answer = scene.desk.ask(START_SCREEN, "userId=7&recordingDuration=60");
    // The screen interface lists no 409.
    let body = refused(&answer, 404, "RECORDER_REFUSED");
    plainly_refused(&scene.desk.ask(STATUS, "userId=7"), 404, "NO_ACTIVE_INTERACTION");
    let query = format!("userId=7&contactId={}", body["contactId"]);
    plainly_refused(&scene.desk.ask(STOP_SCREEN, &query), 404, "NO_ACTIVE_INTERACTION");
    scene.recorder.conduct(Conduct::Obeys);
    done(&scene.desk.ask(START_SCREEN, "userId=7&recordingDuration=60"), 200);
}

#[test]
fn a_screen_session_ends_though_the_recorder_refuses() {
    let scene = Scene::new();
    let started = scene.desk.ask(START_SCREEN, "userId=7&recordingDuration=60");
    let query = format!("userId=7&contactId={}", done(&started, 200)["contactId"]);
    scene.recorder.conduct(Conduct::Refuses);
    done(&scene.desk.ask(STOP_SCREEN, &query), 200);
    plainly_refused(&scene.desk.ask(STATUS, "userId=7"), 404, "NO_ACTIVE_INTERACTION");
}

#[test]
fn a_recorder_that_disobeys_changes_no_status() {
    let scene = Scene::new();
    scene.recorder.begin("i1", "100", &["7"]);
    scene.recorder.conduct(Conduct::Disobeys);
    for (endpoint, reason) in
        [(MASK, "Mask"), (STOP, "StopOnDemand"), (DECLINE, "CustomerDisconsent")]
    {
        done(&scene.desk.ask(endpoint, "userId=7"), 200);
        scene.desk.is("7", "Stopped", reason);
    }
}
