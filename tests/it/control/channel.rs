//! The recorder channel: each command is delivered until it is acknowledged, in order.

use serde_json::{Value, json};

use super::desk::{DATA, DECLINE, MASK, START, STOP, Scene, UNMASK, done};
use super::recorder::{ALL, Conduct, Recorder, now};
use crate::bad_input::problem;
use crate::gateway::wait;

/// Three commands that wait for a recorder that is away.
fn queued() -> Scene {
    let mut scene = Scene::new();
    for (interaction, contact, user) in [("i1", "100", "7"), ("i2", "200", "8"), ("i3", "300", "9")]
    {
        scene.recorder.begin(interaction, contact, &[user]);
    }
    scene.lose_recorder("7");
    scene.recorder.conduct(Conduct::Silent);
    for (order, user) in [(MASK, "8"), (DECLINE, "7"), (MASK, "9")] {
        done(&scene.desk.ask(order, &format!("userId={user}")), 202);
    }
    scene
}

fn kinds(commands: &[Value]) -> Vec<&str> {
    commands.iter().map(|command| command["type"].as_str().expect("a text")).collect()
}

#[test]
fn a_command_has_its_members() {
    let scene = queued();
    let waiting = scene.recorder.waiting();
    let first = &waiting[0];
    let (id, issued) = (first["commandId"].clone(), first["issuedAt"].clone());
    let expected = json!({
        "commandId": id, "position": 1, "type": "mask", "interactionId": "i2",
        "contactId": "200", "state": "sent", "issuedAt": issued,
    });
    assert_eq!(*first, expected);
    issued.as_str().unwrap().parse::<jiff::Timestamp>().expect("an instant");
    uuid::Uuid::parse_str(id.as_str().unwrap()).expect("a UUID");
}

#[test]
fn commands_come_in_order_and_again_on_each_stream_until_they_are_acknowledged() {
    let mut scene = queued();
    for _ in 0..3 {
        scene.recorder.listen();
        let commands = scene.recorder.wait_for(3);
        assert_eq!(kinds(&commands), ["mask", "do-not-record", "mask"]);
        let positions: Vec<_> = commands.iter().map(|one| one["position"].clone()).collect();
        assert_eq!(positions, [1, 2, 3]);
        assert_eq!(scene.recorder.waiting(), commands);
        scene.recorder.hang_up();
        scene.recorder.forget();
    }
    // The one in the middle was carried out.
    let waiting = scene.recorder.waiting();
    scene.recorder.finish(&waiting[1]);
    scene.recorder.listen();
    let rest = scene.recorder.wait_for(2);
    assert_eq!(rest, [waiting[0].clone(), waiting[2].clone()]);
    for command in &rest {
        scene.recorder.finish(command);
    }
    assert!(scene.recorder.waiting().is_empty());
}

#[test]
fn a_stream_brings_each_command_once() {
    let scene = Scene::new();
    scene.recorder.begin("i1", "100", &["7"]);
    for _ in 0..5 {
        done(&scene.desk.ask(MASK, "userId=7"), 200);
        done(&scene.desk.ask(UNMASK, "userId=7"), 200);
    }
    let taken = scene.recorder.taken();
    let positions: Vec<i64> = taken.iter().map(|one| one["position"].as_i64().unwrap()).collect();
    assert_eq!(positions, (1..=10).collect::<Vec<_>>());
}

#[test]
fn two_streams_of_one_recorder_both_bring_a_command() {
    let scene = Scene::new();
    let mut second = Recorder::of(&scene.gateway, &scene.gateway.token(), scene.recorder.id());
    second.conduct(Conduct::Silent);
    second.listen();
    scene.recorder.begin("i1", "100", &["7"]);
    let answer = scene.in_flight(MASK, "userId=7", |command| {
        assert_eq!(second.next(), *command);
        scene.recorder.finish(command);
    });
    done(&answer, 200);
}

#[test]
fn a_long_poll_brings_commands_too() {
    let mut scene = Scene::new();
    scene.recorder.begin("i1", "100", &["7"]);
    scene.recorder.poll();
    for (order, kind) in [(MASK, "mask"), (UNMASK, "unmask"), (STOP, "stop"), (START, "start")] {
        scene.recorder.forget();
        done(&scene.desk.ask(order, "userId=7"), 200);
        assert_eq!(kinds(&scene.recorder.taken()), [kind]);
    }
}

#[test]
fn a_poll_with_a_bad_wait_is_refused() {
    let scene = Scene::new();
    for wait in ["", "-1", "61", "1.5", "long"] {
        let path = format!("/recorders/rec-1/commands?wait={wait}");
        problem(&scene.recorder.call("GET", &path, ""), 422, "parameter_invalid", "wait");
    }
    problem(
        &scene.recorder.call("GET", "/recorders/rec-9/commands", ""),
        404,
        "not_found",
        "rec-9",
    );
    problem(&scene.recorder.call("GET", "/recorders/a%2Fb/commands", ""), 400, "id_invalid", "");
}

#[test]
fn an_answer_that_comes_twice_counts_once() {
    let scene = queued();
    let command = &scene.recorder.waiting()[0];
    for state in ["accepted", "accepted", "done", "done"] {
        let body = json!({ "state": state, "effectiveAt": now(), "mediaTimeMs": 4000 });
        let answer = scene.recorder.acknowledge(command, &body);
        assert_eq!(answer.status, 200, "{}", answer.json());
        assert_eq!(answer.json()["state"], state);
        assert_eq!(answer.json()["commandId"], command["commandId"]);
    }
}

#[test]
fn an_answer_that_contradicts_an_earlier_one_is_refused() {
    let scene = queued();
    let waiting = scene.recorder.waiting();
    for (first, others) in [("done", ["refused", "accepted"]), ("refused", ["done", "accepted"])] {
        let command = &waiting[usize::from(first == "refused")];
        let answer = scene.recorder.acknowledge(command, &json!({ "state": first }));
        assert_eq!(answer.status, 200);
        for other in others {
            let answer = scene.recorder.acknowledge(command, &json!({ "state": other }));
            let id = command["commandId"].as_str().unwrap();
            problem(&answer, 409, "too_late", id);
        }
    }
    assert_eq!(scene.recorder.waiting().len(), 1);
}

#[test]
fn a_command_of_another_recorder_is_not_there() {
    let scene = queued();
    let command = &scene.recorder.waiting()[0];
    let done = json!({ "state": "done" });
    for (tenant, name) in [("default", "second"), ("other", "third")] {
        let token = scene.user(tenant, name, &["recorder"]);
        let other = Recorder::of(&scene.gateway, &token, &format!("rec-{name}"));
        other.can(&ALL);
        let id = command["commandId"].as_str().unwrap();
        problem(&other.acknowledge(command, &done), 404, "not_found", id);
        assert!(other.waiting().is_empty());
    }
    let nothing = json!({ "commandId": "nothing" });
    problem(&scene.recorder.acknowledge(&nothing, &done), 404, "not_found", "nothing");
    assert_eq!(scene.recorder.waiting().len(), 3);
}

#[test]
fn answers_that_cannot_be_read_change_nothing() {
    let scene = queued();
    let command = &scene.recorder.waiting()[0];
    let path = format!("/commands/{}/ack", command["commandId"].as_str().unwrap());
    for (body, status, code) in [
        ("", 400, "document_not_json"),
        ("{", 400, "document_not_json"),
        ("{}", 422, "field_invalid"),
        ("[]", 422, "field_invalid"),
        (r#"{"state":"Done"}"#, 422, "field_invalid"),
        (r#"{"state":"sent"}"#, 422, "field_invalid"),
        (r#"{"state":"done","mediaTimeMs":-1}"#, 422, "field_invalid"),
        (r#"{"state":"done","mediaTimeMs":1.5}"#, 422, "field_invalid"),
        (r#"{"state":"done","effectiveAt":"yesterday"}"#, 422, "field_invalid"),
    ] {
        problem(&scene.recorder.call("POST", &path, body), status, code, "");
    }
    assert_eq!(scene.recorder.waiting().len(), 3);
}

#[test]
fn what_a_recorder_says_of_the_time_is_held_to_what_can_be() {
    let scene = Scene::new();
    scene.recorder.begin("i1", "100", &["7"]);
    for told in ["1999-01-01T00:00:00Z", "2099-01-01T00:00:00Z"] {
        let mut issued = String::new();
        let answer = scene.in_flight(MASK, "userId=7", |command| {
            issued = command["issuedAt"].as_str().unwrap().to_owned();
            let body = json!({ "state": "done", "effectiveAt": told, "mediaTimeMs": 0 });
            assert_eq!(scene.recorder.acknowledge(command, &body).status, 200);
        });
        let body = done(&answer, 200);
        let effect: jiff::Timestamp = body["effectiveTime"].as_str().unwrap().parse().unwrap();
        assert!(effect >= issued.parse().unwrap() && effect <= jiff::Timestamp::now(), "{body}");
        assert_eq!(body["mediaTimeMs"], 0);
        done(&scene.desk.ask(UNMASK, "userId=7"), 200);
    }
}

#[test]
fn a_stream_ends_when_the_gateway_stops() {
    let mut scene = Scene::new();
    scene.recorder.begin("i1", "100", &["7"]);
    done(&scene.desk.ask(DATA, "userId=7"), 200);
    // The stop would wait for the stream otherwise.
    assert_eq!(scene.gateway.terminate(), Some(0));
    wait("the end of the stream", || scene.recorder.is_cut_off().then_some(()));
}
