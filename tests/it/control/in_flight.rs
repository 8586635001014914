//! 202 and 425: a command in flight holds the interaction until the recorder is done.

use super::desk::{
    DATA, DECLINE, MASK, START, START_SCREEN, STATUS, STOP, STOP_SCREEN, Scene, UNMASK, answered,
    done, locked,
};
use super::recorder::Conduct;

const ORDERS: [&str; 5] = [START, STOP, DECLINE, MASK, UNMASK];

/// A call of user 7 for which this order gives the recorder something to do.
fn ready_for(scene: &Scene, order: &str) {
    scene.recorder.begin("i1", "100", &["7"]);
    if order == UNMASK {
        done(&scene.desk.ask(MASK, "userId=7"), 200);
    }
}

/// All orders of user 7, and more, are refused; what only asks is answered.
fn holds(scene: &Scene) {
    for order in ORDERS.into_iter().chain([DATA]) {
        locked(&scene.desk.ask(order, "userId=7"));
    }
    answered(&scene.desk.ask(STATUS, "userId=7"), 200);
}

#[test]
fn each_order_in_flight_holds_the_interaction_and_frees_it() {
    for order in ORDERS {
        let scene = Scene::new();
        ready_for(&scene, order);
        // Another contact is not held.
        scene.recorder.begin("i2", "200", &["8"]);
        let answer = scene.in_flight(order, "userId=7", |command| {
            holds(&scene);
            done(&scene.desk.ask(DATA, "userId=8"), 200);
            scene.recorder.finish(command);
        });
        done(&answer, 200);
        done(&scene.desk.ask(DATA, "userId=7"), 200);
        done(&scene.desk.ask(STOP, "userId=7"), 200);
    }
}

#[test]
fn an_order_that_the_recorder_accepted_is_202_and_holds_until_it_is_done() {
    for (order, status, reason) in [
        (START, "Recording", "RecordOnDemand"),
        (STOP, "Stopped", "StopOnDemand"),
        (DECLINE, "Stopped", "CustomerDisconsent"),
        (MASK, "Stopped", "Mask"),
        (UNMASK, "Recording", "Policy"),
    ] {
        let scene = Scene::new();
        ready_for(&scene, order);
        scene.recorder.conduct(Conduct::Begins);
        scene.recorder.forget();
        let body = done(&scene.desk.ask(order, "userId=7"), 202);
        assert_eq!(body["description"], "the recorder is at it");
        assert!(body.get("effectiveTime").is_none(), "{body}");
        holds(&scene);
        // What permits does not hold yet; what restricts does.
        match order {
            START => scene.desk.is("7", "Recording", "Policy"),
            UNMASK => scene.desk.is("7", "Stopped", "Mask"),
            _ => scene.desk.is("7", status, reason),
        }
        scene.recorder.finish(&scene.recorder.next());
        done(&scene.desk.ask(DATA, "userId=7"), 200);
        scene.desk.is("7", status, reason);
    }
}

#[test]
fn a_refusal_after_acceptance_frees_the_interaction() {
    let scene = Scene::new();
    scene.recorder.begin("i1", "100", &["7"]);
    scene.recorder.conduct(Conduct::Begins);
    done(&scene.desk.ask(START, "userId=7"), 202);
    let body = serde_json::json!({ "state": "refused", "reason": "no licence" });
    assert_eq!(scene.recorder.acknowledge(&scene.recorder.next(), &body).status, 200);
    scene.desk.is("7", "Recording", "Policy");
    done(&scene.desk.ask(DATA, "userId=7"), 200);
}

#[test]
fn acceptance_without_an_end_frees_the_interaction_when_its_time_is_over() {
    let scene = Scene::with(&[("CONTROL__COMPLETION_MS", "300")]);
    scene.recorder.begin("i1", "100", &["7"]);
    scene.recorder.conduct(Conduct::Begins);
    done(&scene.desk.ask(START, "userId=7"), 202);
    crate::gateway::wait("the end of the lock", || {
        (scene.desk.ask(DATA, "userId=7").status == 200).then_some(())
    });
    scene.desk.is("7", "Recording", "Policy");
}

#[test]
fn do_not_record_is_held_by_any_leg_and_holds_all() {
    let scene = Scene::new();
    scene.recorder.begin("i1", "100", &["7"]);
    scene.recorder.begin("i2", "100", &["8"]);
    let answer = scene.in_flight(MASK, "userId=8", |command| {
        locked(&scene.desk.ask(DECLINE, "userId=7"));
        // Orders for one leg are not held by the other.
        done(&scene.desk.ask(DATA, "userId=7"), 200);
        scene.recorder.finish(command);
    });
    done(&answer, 200);
    let answer = scene.in_flight(DECLINE, "userId=7", |first| {
        let second = scene.recorder.next();
        for user in ["7", "8"] {
            locked(&scene.desk.ask(MASK, &format!("userId={user}")));
        }
        // One leg done: it is free, and the request waits for the other.
        scene.recorder.finish(first);
        let user = if first["interactionId"] == "i1" { "7" } else { "8" };
        done(&scene.desk.ask(DATA, &format!("userId={user}")), 200);
        scene.recorder.finish(&second);
    });
    done(&answer, 200);
    for user in ["7", "8"] {
        done(&scene.desk.ask(DATA, &format!("userId={user}")), 200);
    }
}

#[test]
fn a_screen_session_in_flight_is_held_too() {
    let scene = Scene::new();
    let start = "userId=7&recordingDuration=3000";
    let mut stop = String::new();
    let answer = scene.in_flight(START_SCREEN, start, |command| {
        locked(&scene.desk.ask(START_SCREEN, start));
        stop = format!("userId=7&contactId={}", command["contactId"].as_str().unwrap());
        locked(&scene.desk.ask(STOP_SCREEN, &stop));
        scene.desk.is("7", "NoRecording", "Policy");
        // Another user is not held.
        scene.recorder.conduct(Conduct::Obeys);
        done(&scene.desk.ask(START_SCREEN, "userId=8&recordingDuration=3000"), 200);
        scene.recorder.finish(command);
    });
    done(&answer, 200);
    scene.desk.is("7", "Recording", "RecordOnDemand");
    done(&scene.desk.ask(START_SCREEN, start), 200);
    done(&scene.desk.ask(STOP_SCREEN, &stop), 200);
}

#[test]
fn a_screen_session_that_the_recorder_accepted_is_202() {
    let scene = Scene::new();
    scene.recorder.conduct(Conduct::Begins);
    let start = "userId=7&recordingDuration=3000";
    let body = done(&scene.desk.ask(START_SCREEN, start), 202);
    assert!(body["contactId"].is_u64(), "{body}");
    let stop = format!("userId=7&contactId={}", body["contactId"]);
    locked(&scene.desk.ask(START_SCREEN, start));
    locked(&scene.desk.ask(STOP_SCREEN, &stop));
    let command = scene.recorder.next();
    assert_eq!(command["contactId"], body["contactId"].to_string());
    scene.recorder.finish(&command);
    scene.desk.is("7", "Recording", "RecordOnDemand");
    let again = done(&scene.desk.ask(START_SCREEN, start), 200);
    assert_eq!(again["contactId"], body["contactId"]);
    done(&scene.desk.ask(STOP_SCREEN, &stop), 202);
}
