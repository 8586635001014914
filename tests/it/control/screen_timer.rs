//! The timer of screen sessions: it stops them by itself, also after a crash, and a second start
//! does not move it.

use super::desk::{START_SCREEN, STATUS, STOP_SCREEN, Scene, done, plainly_refused};

const SHORT: &str = "userId=7&recordingDuration=5";
const LONG: &str = "userId=7&recordingDuration=13200";

#[test]
fn a_session_stops_by_itself_and_a_second_start_does_not_extend_it() {
    let scene = Scene::new();
    let contact = done(&scene.desk.ask(START_SCREEN, SHORT), 200)["contactId"].to_string();
    done(&scene.desk.ask(START_SCREEN, LONG), 200);
    let commands = scene.recorder.wait_for(2);
    assert_eq!(commands[1]["type"], "stop-screen");
    assert_eq!(commands[1]["contactId"], contact);
    plainly_refused(&scene.desk.ask(STATUS, "userId=7"), 404, "NO_ACTIVE_INTERACTION");
    let stop = format!("userId=7&contactId={contact}");
    plainly_refused(&scene.desk.ask(STOP_SCREEN, &stop), 404, "NO_ACTIVE_INTERACTION");
    assert_eq!(commands.len(), 2);
    // A new one can begin.
    let next = done(&scene.desk.ask(START_SCREEN, LONG), 200)["contactId"].to_string();
    assert_ne!(next, contact);
}

#[test]
fn the_timer_survives_a_crash() {
    let mut scene = Scene::new();
    let contact = done(&scene.desk.ask(START_SCREEN, SHORT), 200)["contactId"].to_string();
    scene.recorder.next();
    scene.crash();
    scene.recorder.listen();
    let command = scene.recorder.next();
    assert_eq!(command["type"], "stop-screen");
    assert_eq!(command["contactId"], contact);
    plainly_refused(&scene.desk.ask(STATUS, "userId=7"), 404, "NO_ACTIVE_INTERACTION");
}

#[test]
fn a_session_whose_time_passed_while_the_gateway_was_down_ends_at_the_start() {
    let mut scene = Scene::new();
    let begun = std::time::Instant::now();
    done(&scene.desk.ask(START_SCREEN, SHORT), 200);
    scene.recorder.next();
    scene.gateway.kill();
    crate::gateway::wait("the end of its time", || (begun.elapsed().as_secs() > 5).then_some(()));
    scene.gateway.restart();
    scene.recorder.follow(&scene.gateway);
    scene.recorder.listen();
    assert_eq!(scene.recorder.next()["type"], "stop-screen");
}

#[test]
fn a_long_session_survives_a_crash_too() {
    let mut scene = Scene::new();
    let contact = done(&scene.desk.ask(START_SCREEN, LONG), 200)["contactId"].to_string();
    scene.crash();
    scene.recorder.listen();
    scene.desk.is("7", "Recording", "RecordOnDemand");
    let again = done(&scene.desk.ask(START_SCREEN, SHORT), 200);
    assert_eq!(again["contactId"].to_string(), contact);
    done(&scene.desk.ask(STOP_SCREEN, &format!("userId=7&contactId={contact}")), 200);
}
