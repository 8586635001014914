//! kill -9 and a new start: interactions, locks, commands and what was asked for are as before.

use serde_json::json;

use super::desk::{DATA, DECLINE, MASK, START, STOP, Scene, UNMASK, done, locked, plainly_refused};
use super::recorder::Conduct;

#[test]
fn interactions_and_what_holds_survive_a_crash() {
    let mut scene = Scene::new();
    for (interaction, contact, user) in
        [("i1", "100", "7"), ("i2", "200", "8"), ("i3", "300", "9"), ("i4", "400", "10")]
    {
        scene.recorder.begin(interaction, contact, &[user]);
    }
    done(&scene.desk.ask(START, "userId=7"), 200);
    done(&scene.desk.ask(STOP, "userId=8"), 200);
    done(&scene.desk.ask(DECLINE, "userId=9"), 200);
    done(&scene.desk.ask(MASK, "userId=10"), 200);
    scene.recorder.tell("i1", "held", &[]);
    scene.crash();
    scene.recorder.listen();
    scene.desk.is("7", "Recording", "Hold");
    scene.desk.is("8", "Stopped", "StopOnDemand");
    scene.desk.is("9", "Stopped", "CustomerDisconsent");
    scene.desk.is("10", "Stopped", "Mask");
    assert!(scene.recorder.waiting().is_empty());
    // And go on: each order as before.
    scene.recorder.tell("i1", "retrieved", &[]);
    scene.desk.is("7", "Recording", "RecordOnDemand");
    plainly_refused(&scene.desk.ask(START, "userId=9"), 409, "CONSENT_DECLINED");
    assert_eq!(scene.recorder.begin("i5", "300", &["11"])["record"], false);
    done(&scene.desk.ask(UNMASK, "userId=10"), 200);
    scene.desk.is("10", "Recording", "Policy");
    let all = scene.recorder.register(&json!({ "capabilities": super::recorder::ALL })).json();
    assert_eq!(all["interactions"], json!(["i1", "i2", "i3", "i4", "i5"]));
}

#[test]
fn a_command_in_flight_survives_a_crash_with_its_lock() {
    for (order, status, reason) in
        [(START, "Recording", "RecordOnDemand"), (MASK, "Stopped", "Mask")]
    {
        let mut scene = Scene::new();
        scene.recorder.begin("i1", "100", &["7"]);
        scene.recorder.conduct(Conduct::Silent);
        let desk = scene.desk.clone();
        let asked = std::thread::spawn(move || desk.try_ask(order, "userId=7"));
        let command = scene.recorder.next();
        scene.crash();
        // The caller never heard.
        assert!(asked.join().expect("an end").is_none());
        for order in [START, STOP, MASK, UNMASK, DECLINE, DATA] {
            locked(&scene.desk.ask(order, "userId=7"));
        }
        // The recorder is told again, and the command takes effect once.
        scene.recorder.listen();
        assert_eq!(scene.recorder.next(), command);
        scene.recorder.finish(&command);
        scene.recorder.finish(&command);
        scene.desk.is("7", status, reason);
        done(&scene.desk.ask(DATA, "userId=7"), 200);
        assert!(scene.recorder.waiting().is_empty());
    }
}

#[test]
fn a_deadline_that_passes_while_the_gateway_is_down_frees_the_interaction() {
    let mut scene = Scene::new();
    scene.recorder.begin("i1", "100", &["7"]);
    scene.gateway.set("CONTROL__DEADLINE_MS", "1000");
    scene.crash();
    scene.recorder.conduct(Conduct::Silent);
    scene.recorder.listen();
    let desk = scene.desk.clone();
    let asked = std::thread::spawn(move || desk.try_ask(START, "userId=7"));
    scene.recorder.next();
    scene.crash();
    let _ = asked.join();
    crate::gateway::wait("the end of the lock", || {
        (scene.desk.ask(DATA, "userId=7").status == 200).then_some(())
    });
    scene.desk.is("7", "Recording", "Policy");
    crate::gateway::wait("no command", || scene.recorder.waiting().is_empty().then_some(()));
}

#[test]
fn commands_for_a_recorder_that_is_away_survive_a_crash_in_order() {
    let mut scene = Scene::new();
    scene.recorder.begin("i1", "100", &["7"]);
    scene.lose_recorder("7");
    for order in [MASK, UNMASK, DECLINE] {
        done(&scene.desk.ask(order, "userId=7"), 202);
    }
    let before = scene.recorder.waiting();
    scene.crash();
    assert_eq!(scene.recorder.waiting(), before);
    scene.recorder.listen();
    assert_eq!(scene.recorder.wait_for(3), before);
    crate::gateway::wait("all answers", || scene.recorder.waiting().is_empty().then_some(()));
    // New commands come after them.
    scene.recorder.begin("i2", "200", &["8"]);
    scene.recorder.can(&super::recorder::ALL);
    scene.gateway.set("CONTROL__RECORDER_EXPIRY_S", "3600");
    scene.crash();
    scene.recorder.forget();
    scene.recorder.listen();
    done(&scene.desk.ask(STOP, "userId=8"), 200);
    assert_eq!(scene.recorder.next()["position"], 4);
}

#[test]
fn an_accepted_command_survives_a_crash() {
    let mut scene = Scene::new();
    scene.recorder.begin("i1", "100", &["7"]);
    scene.recorder.conduct(Conduct::Begins);
    done(&scene.desk.ask(START, "userId=7"), 202);
    scene.crash();
    locked(&scene.desk.ask(STOP, "userId=7"));
    // The recorder is reminded of what it has begun.
    let waiting = scene.recorder.waiting();
    assert_eq!(waiting[0]["state"], "accepted");
    scene.recorder.finish(&waiting[0]);
    scene.desk.is("7", "Recording", "RecordOnDemand");
    done(&scene.desk.ask(DATA, "userId=7"), 200);
}
