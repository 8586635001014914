//! Contacts with several legs, and users in several calls.

use serde_json::json;

use super::desk::{DECLINE, MASK, START, STATUS, STOP, Scene, answered, done, plainly_refused};
use super::recorder::in_seconds;

fn pair(kind: &str, interaction: &str) -> (String, String) {
    (kind.to_owned(), interaction.to_owned())
}

#[test]
fn do_not_record_covers_all_legs_later_ones_and_no_other_contact() {
    let scene = Scene::new();
    for (interaction, contact, user) in
        [("i1", "100", "7"), ("i2", "100", "8"), ("i3", "200", "9"), ("i4", "300", "7")]
    {
        let mut body = scene.recorder.call_body(contact, &[]);
        // The user of two calls joined the one of contact 100 last.
        let joined = in_seconds(if contact == "300" { -60 } else { -30 });
        body["users"] = json!([{ "userId": user, "joinedAt": joined }]);
        body["startTime"] = json!(in_seconds(-60));
        assert_eq!(scene.recorder.announce(interaction, &body).status, 201);
    }
    done(&scene.desk.ask(DECLINE, "userId=7"), 200);
    let mut told = scene.recorder.told();
    told.sort_unstable();
    assert_eq!(told, [pair("do-not-record", "i1"), pair("do-not-record", "i2")]);
    for user in ["7", "8"] {
        scene.desk.is(user, "Stopped", "CustomerDisconsent");
    }
    scene.desk.is("9", "Recording", "Policy");

    // A leg that begins later is not recorded, and its recorder is told without a request.
    scene.recorder.forget();
    let later = scene.recorder.begin("i5", "100", &["10"]);
    assert_eq!(later["record"], false, "{later}");
    scene.recorder.wait_for(1);
    assert_eq!(scene.recorder.told(), [pair("do-not-record", "i5")]);
    scene.desk.is("10", "Stopped", "CustomerDisconsent");
    plainly_refused(&scene.desk.ask(START, "userId=10"), 409, "CONSENT_DECLINED");
    // Nobody holds the leg meanwhile.
    done(&scene.desk.ask(STOP, "userId=10"), 200);

    // When the leg is over, the other call of its user is as before.
    scene.recorder.tell("i1", "ended", &[]);
    scene.desk.is("7", "Recording", "Policy");
    done(&scene.desk.ask(START, "userId=7"), 200);
}

#[test]
fn do_not_record_outlives_all_legs_of_the_contact_and_no_longer() {
    let scene = Scene::new();
    scene.recorder.begin("i1", "100", &["7"]);
    done(&scene.desk.ask(DECLINE, "userId=7"), 200);
    scene.recorder.tell("i1", "ended", &[]);
    assert_eq!(scene.recorder.begin("i2", "100", &["7"])["record"], false);
    scene.recorder.tell("i2", "ended", &[]);
    // The same user and customer in a later contact.
    assert_eq!(scene.recorder.begin("i3", "101", &["7"])["record"], true);
    scene.desk.is("7", "Recording", "Policy");
    done(&scene.desk.ask(START, "userId=7"), 200);
}

#[test]
fn do_not_record_follows_a_transfer_a_consult_and_a_conference() {
    let scene = Scene::new();
    scene.recorder.begin("i1", "100", &["7"]);
    done(&scene.desk.ask(DECLINE, "userId=7"), 200);
    scene.recorder.tell("i1", "consulted", &["8"]);
    scene.recorder.tell("i1", "conferenced", &["9"]);
    scene.recorder.tell("i1", "transferred", &["7", "10"]);
    for user in ["8", "9", "10"] {
        scene.desk.is(user, "Stopped", "CustomerDisconsent");
        let query = format!("userId={user}");
        plainly_refused(&scene.desk.ask(START, &query), 409, "CONSENT_DECLINED");
    }
    plainly_refused(&scene.desk.ask(STATUS, "userId=7"), 404, "NO_ACTIVE_INTERACTION");
}

#[test]
fn do_not_record_reaches_every_recorder_of_the_contact() {
    let scene = Scene::new();
    scene.recorder.begin("i1", "100", &["7"]);
    let mut second = super::recorder::Recorder::new(&scene.gateway, "rec-2");
    second.listen();
    second.begin("i2", "100", &["8"]);
    done(&scene.desk.ask(DECLINE, "userId=8"), 200);
    assert_eq!(scene.recorder.told(), [pair("do-not-record", "i1")]);
    assert_eq!(second.told(), [pair("do-not-record", "i2")]);
}

#[test]
fn start_stop_and_mask_are_for_one_leg() {
    let scene = Scene::new();
    scene.recorder.begin("i1", "100", &["7"]);
    scene.recorder.begin("i2", "100", &["8"]);
    done(&scene.desk.ask(STOP, "userId=7"), 200);
    done(&scene.desk.ask(MASK, "userId=8"), 200);
    assert_eq!(scene.recorder.told(), [pair("stop", "i1"), pair("mask", "i2")]);
    scene.desk.is("7", "Stopped", "StopOnDemand");
    scene.desk.is("8", "Stopped", "Mask");
}

#[test]
fn an_order_affects_every_user_of_the_call() {
    let scene = Scene::new();
    scene.recorder.begin("i1", "100", &["7", "8"]);
    done(&scene.desk.ask(MASK, "userId=7"), 200);
    scene.desk.is("8", "Stopped", "Mask");
}

#[test]
fn of_several_calls_the_one_joined_last_is_meant() {
    let scene = Scene::new();
    let begin = |interaction: &str, contact: &str, seconds: i64| {
        let mut body = scene.recorder.call_body(contact, &[]);
        body["startTime"] = json!(in_seconds(-60));
        body["users"] = json!([{ "userId": "7", "joinedAt": in_seconds(seconds) }]);
        assert_eq!(scene.recorder.announce(interaction, &body).status, 201);
    };
    let meant = || answered(&scene.desk.ask(STATUS, "userId=7"), 200)["interactionId"].clone();
    // The order in which the calls are announced does not matter.
    begin("i2", "200", -20);
    begin("i1", "100", -30);
    assert_eq!(meant(), "i2");
    let body = done(&scene.desk.ask(MASK, "userId=7"), 200);
    assert_eq!(body["interactionId"], "i2");
    assert_eq!(scene.recorder.told(), [pair("mask", "i2")]);
    scene.recorder.tell("i2", "left", &["7"]);
    assert_eq!(meant(), "i1");
    scene.desk.is("7", "Recording", "Policy");
    // Who joins again joined last; so does who joins a third call.
    scene.recorder.tell("i2", "joined", &["7"]);
    assert_eq!(meant(), "i2");
    scene.recorder.begin("i3", "300", &["7"]);
    assert_eq!(meant(), "i3");
    scene.recorder.tell("i3", "ended", &[]);
    assert_eq!(meant(), "i2");
}

#[test]
fn users_are_told_apart_by_every_character() {
    let scene = Scene::new();
    scene.recorder.begin("i1", "100", &["agent"]);
    scene.recorder.begin("i2", "200", &["Agent"]);
    scene.recorder.begin("i3", "300", &["agent@example.com"]);
    for (user, interaction) in [("agent", "i1"), ("Agent", "i2"), ("agent%40example.com", "i3")] {
        let status = answered(&scene.desk.ask(STATUS, &format!("userId={user}")), 200);
        assert_eq!(status["interactionId"], interaction);
    }
}

#[test]
fn a_transfer_moves_the_call_to_the_other_user() {
    let scene = Scene::new();
    scene.recorder.begin("i1", "100", &["7"]);
    done(&scene.desk.ask(MASK, "userId=7"), 200);
    let users = scene.recorder.tell("i1", "transferred", &["7", "8"])["users"].clone();
    assert_eq!(users, json!(["8"]));
    for order in [MASK, START, STOP] {
        plainly_refused(&scene.desk.ask(order, "userId=7"), 404, "NO_ACTIVE_INTERACTION");
    }
    // What was asked for holds on.
    scene.desk.is("8", "Stopped", "Mask");
}
