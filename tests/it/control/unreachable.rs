//! Recorders that are away: start and stop are refused, what protects the customer is queued.

use super::desk::{
    DATA, DECLINE, MASK, START, START_SCREEN, STATUS, STOP, STOP_SCREEN, Scene, UNMASK, done,
    plainly_refused,
};

#[test]
fn start_and_stop_of_an_unreachable_recorder_are_409_and_change_nothing() {
    let mut scene = Scene::new();
    scene.recorder.begin("i1", "100", &["7"]);
    scene.lose_recorder("7");
    scene.desk.is("7", "RecordingFailure", "Policy");
    for (order, query) in
        [(START, "userId=7"), (START, "userId=7&mediaType=voiceAndScreen"), (STOP, "userId=7")]
    {
        plainly_refused(&scene.desk.ask(order, query), 409, "RECORDER_UNREACHABLE");
    }
    scene.desk.is("7", "RecordingFailure", "Policy");
    assert!(scene.recorder.waiting().is_empty());
    // Nothing is to be done for it: no recorder is needed.
    done(&scene.desk.ask(DATA, "userId=7"), 200);
    done(&scene.desk.ask(UNMASK, "userId=7"), 200);
}

#[test]
fn mask_and_do_not_record_are_202_and_reach_the_recorder_later() {
    let mut scene = Scene::new();
    scene.recorder.begin("i1", "100", &["7"]);
    scene.recorder.begin("i2", "200", &["8"]);
    scene.lose_recorder("7");
    for (order, user) in [(MASK, "7"), (UNMASK, "7"), (MASK, "7"), (DECLINE, "8")] {
        let body = done(&scene.desk.ask(order, &format!("userId={user}")), 202);
        let text = body["description"].as_str().expect("a text");
        assert_eq!(text, "the gateway does it; the recorder cannot be reached now");
        // It holds the interaction from the request on, and nobody waits.
        done(&scene.desk.ask(DATA, &format!("userId={user}")), 200);
    }
    scene.desk.is("8", "Stopped", "CustomerDisconsent");
    let kinds =
        |all: Vec<(String, String)>| all.into_iter().map(|(kind, _)| kind).collect::<Vec<_>>();
    scene.recorder.listen();
    scene.recorder.wait_for(4);
    assert_eq!(kinds(scene.recorder.told()), ["mask", "unmask", "mask", "do-not-record"]);
    // The recorder is there again: what it carried out changes nothing more.
    scene.recorder.can(&super::recorder::ALL);
    crate::gateway::wait("all answers", || scene.recorder.waiting().is_empty().then_some(()));
    assert_eq!(scene.recorder.tell("i1", "alive", &[])["masked"], true);
}

#[test]
fn no_reachable_recorder_means_no_screen_session() {
    let mut scene = Scene::new();
    scene.recorder.begin("i1", "100", &["8"]);
    let started = scene.desk.ask(START_SCREEN, "userId=7&recordingDuration=3000");
    let contact = done(&started, 200)["contactId"].to_string();
    scene.lose_recorder("8");
    let answer = scene.desk.ask(START_SCREEN, "userId=9&recordingDuration=60");
    plainly_refused(&answer, 404, "NO_ACTIVE_INTERACTION");
    scene.desk.is("7", "RecordingFailure", "RecordOnDemand");
    let stop = format!("userId=7&contactId={contact}");
    let body = done(&scene.desk.ask(STOP_SCREEN, &stop), 202);
    assert_eq!(body["contactId"].to_string(), contact);
    plainly_refused(&scene.desk.ask(STATUS, "userId=7"), 404, "NO_ACTIVE_INTERACTION");
    scene.recorder.forget();
    scene.recorder.listen();
    assert_eq!(scene.recorder.next()["type"], "stop-screen");
}

#[test]
fn a_recorder_is_there_after_it_registered_polled_or_opened_a_stream() {
    let mut scene = Scene::new();
    scene.recorder.begin("i1", "100", &["7"]);
    scene.lose_recorder_after(3, "7");
    let there_and_away = |scene: &Scene| {
        scene.desk.becomes("7", "Recording", "Policy");
        scene.desk.becomes("7", "RecordingFailure", "Policy");
    };
    scene.recorder.can(&super::recorder::ALL);
    there_and_away(&scene);
    assert!(scene.recorder.waiting().is_empty());
    there_and_away(&scene);
    // A stream that stays open shows nothing.
    scene.recorder.listen();
    there_and_away(&scene);
    // A long poll that waits does: it is asked again and again.
    scene.recorder.poll();
    scene.desk.becomes("7", "Recording", "Policy");
}
