//! 401, 403 and 404: who may not ask, and for whom there is nothing to ask.

use super::desk::{
    DATA, DECLINE, Desk, ENDPOINTS, MASK, START, START_SCREEN, STATUS, STOP, STOP_SCREEN, Scene,
    UNMASK, done, plainly_refused,
};
use super::recorder::Recorder;
use crate::bad_input::problem;

/// Every permission but one.
fn all_but(one: &str) -> Vec<&'static str> {
    let all = [
        "ingest.write",
        "ingest.read",
        "records.insert",
        "store.read",
        "admin",
        "play",
        "record.on_demand",
        "record.mask",
        "record.screen",
        "recorder",
        "events.read",
        "keys.manage",
        "keys.own",
        "audit.read",
    ];
    all.into_iter().filter(|name| *name != one).collect()
}

/// The permission that each order needs.
const NEEDED: [(&str, &str, &str); 8] = [
    (START, "", "record.on_demand"),
    (STOP, "", "record.on_demand"),
    (DECLINE, "", "record.on_demand"),
    (DATA, "", "record.on_demand"),
    (MASK, "", "record.mask"),
    (UNMASK, "", "record.mask"),
    (START_SCREEN, "&recordingDuration=3000", "record.screen"),
    (STOP_SCREEN, "&contactId=4711", "record.screen"),
];

#[test]
fn callers_without_a_valid_token_are_told_401_and_change_nothing() {
    let scene = Scene::new();
    scene.recorder.begin("i1", "100", &["7"]);
    let token = scene.gateway.token();
    let forged =
        format!("{}{}", &token[..token.len() - 1], if token.ends_with('A') { 'B' } else { 'A' });
    let removed = scene.user("default", "gone", &["record.on_demand"]);
    let mut command = std::process::Command::new(crate::gateway::PROGRAM);
    command.args(["user", "remove", "gone", "--data-dir"]).arg(scene.gateway.data());
    assert!(command.output().expect("the program").status.success());
    for (endpoint, more) in ENDPOINTS {
        for credential in [
            "",
            "Bearer",
            "Bearer ",
            "Bearer x",
            &forged,
            &removed,
            // A signed token without a signature, for a tenant that is there.
            "Bearer eyJhbGciOiJub25lIn0.eyJ0ZW5hbnRJZCI6ImRlZmF1bHQifQ.",
            "Basic b3BlcmF0b3I6eA==",
            "Digest x",
        ] {
            let desk = Desk::new(&scene.gateway, credential);
            let answer = desk.ask(endpoint, &format!("userId=7{more}"));
            plainly_refused(&answer, 401, "UNAUTHORIZED");
            assert!(answer.header("www-authenticate").starts_with("Bearer"));
        }
    }
    assert!(scene.recorder.taken().is_empty());
    scene.desk.is("7", "Recording", "Policy");
}

#[test]
fn a_signed_token_of_an_access_key_is_as_good_and_an_altered_one_is_not() {
    let scene = Scene::new();
    scene.recorder.begin("i1", "100", &["7"]);
    scene.user("default", "desk", &["record.mask"]);
    let mut command = std::process::Command::new(crate::gateway::PROGRAM);
    command.args(["access-key", "add", "desk", "--json", "--data-dir"]).arg(scene.gateway.data());
    let key: serde_json::Value =
        serde_json::from_slice(&command.output().expect("the program").stdout).expect("JSON");
    let url = format!("{}/authentication/v1/token/access-key", scene.gateway.url);
    let body = serde_json::json!({
        "accessKeyId": key["accessKeyId"], "accessKeySecret": key["accessKeySecret"],
    });
    let tokens = crate::gateway::send("POST", &url, &[], body.to_string()).json();
    let token = format!("Bearer {}", tokens["access_token"].as_str().expect("a token"));
    done(&Desk::new(&scene.gateway, &token).ask(MASK, "userId=7"), 200);
    plainly_refused(&Desk::new(&scene.gateway, &token).ask(STOP, "userId=7"), 403, "FORBIDDEN");
    // One character of the claims.
    let (head, tail) = token.split_at(token.find('.').expect("a JWT") + 5);
    let other = if tail.starts_with('A') { "B" } else { "A" };
    let altered = format!("{head}{other}{}", &tail[1..]);
    let answer = Desk::new(&scene.gateway, &altered).ask(UNMASK, "userId=7");
    plainly_refused(&answer, 401, "UNAUTHORIZED");
    scene.desk.is("7", "Stopped", "Mask");
}

#[test]
fn each_order_needs_its_permission_and_no_other() {
    let scene = Scene::new();
    scene.recorder.begin("i1", "100", &["7"]);
    let permissions = ["record.on_demand", "record.mask", "record.screen"];
    let without = permissions.map(|one| (one, scene.user("default", one, &all_but(one))));
    let only = permissions.map(|one| (one, scene.user("default", &format!("only-{one}"), &[one])));
    let token = |list: &[(&str, String); 3], name: &str| {
        list.iter().find(|(one, _)| *one == name).expect("a user").1.clone()
    };
    for (endpoint, more, needed) in NEEDED {
        let desk = Desk::new(&scene.gateway, &token(&without, needed));
        let answer = desk.ask(endpoint, &format!("userId=7{more}"));
        let body = plainly_refused(&answer, 403, "FORBIDDEN");
        assert!(body["message"].as_str().unwrap().contains(needed), "{body}");
        // With it alone the request is looked at: nobody of this name is in a call.
        scene.recorder.can(&["voice", "pause", "stop"]);
        let desk = Desk::new(&scene.gateway, &token(&only, needed));
        let answer = desk.ask(endpoint, &format!("userId=nobody{more}"));
        plainly_refused(&answer, 404, "NO_ACTIVE_INTERACTION");
    }
    assert!(scene.recorder.taken().is_empty());
    scene.desk.is("7", "Recording", "Policy");
}

#[test]
fn the_status_is_for_all_who_may_change_it_or_hear_of_it() {
    let scene = Scene::new();
    scene.recorder.begin("i1", "100", &["7"]);
    for one in ["record.on_demand", "record.mask", "record.screen", "events.read"] {
        let desk = Desk::new(&scene.gateway, &scene.user("default", one, &[one]));
        desk.is("7", "Recording", "Policy");
    }
    let others = ["ingest.write", "ingest.read", "store.read", "admin", "play", "recorder"];
    let desk = Desk::new(&scene.gateway, &scene.user("default", "others", &others));
    plainly_refused(&desk.ask(STATUS, "userId=7"), 403, "FORBIDDEN");
}

#[test]
fn the_role_tree_names_of_permissions_are_as_good() {
    let scene = Scene::new();
    scene.recorder.begin("i1", "100", &["7"]);
    for (place, endpoint) in [
        ("Search & Playback > API > Multi-ACD Record on Demand API", START),
        ("Interactions Hub > API > Multi-ACD Masking API", MASK),
    ] {
        let desk = Desk::new(&scene.gateway, &scene.user("default", "placed", &[place]));
        done(&desk.ask(endpoint, "userId=7"), 200);
    }
}

#[test]
fn users_in_no_call_of_the_tenant_are_told_404() {
    let scene = Scene::new();
    scene.recorder.begin("i1", "100", &["left"]);
    scene.recorder.tell("i1", "joined", &["stays"]);
    scene.recorder.tell("i1", "left", &["left"]);
    scene.recorder.begin("i2", "101", &["ended"]);
    scene.recorder.tell("i2", "ended", &[]);
    let token = scene.user("other", "rec-other", &["recorder", "record.on_demand"]);
    let other = Recorder::of(&scene.gateway, &token, "rec-other");
    other.can(&["voice", "pause", "stop"]);
    other.begin("i1", "100", &["foreign"]);
    scene.recorder.can(&["voice", "pause", "stop"]);
    for (endpoint, more) in ENDPOINTS {
        for user in ["idle", "left", "ended", "foreign"] {
            let answer = scene.desk.ask(endpoint, &format!("userId={user}{more}"));
            plainly_refused(&answer, 404, "NO_ACTIVE_INTERACTION");
        }
    }
    let foreign = Desk::new(&scene.gateway, &token);
    for (user, status) in [("foreign", 200), ("stays", 404)] {
        let answer = foreign.ask(STATUS, &format!("userId={user}"));
        assert_eq!(answer.status, status, "{user}");
    }
    assert!(scene.recorder.taken().is_empty());
    scene.desk.is("stays", "Recording", "Policy");
}

#[test]
fn the_channel_is_for_recorders_alone() {
    let scene = Scene::new();
    scene.recorder.begin("i1", "100", &["7"]);
    let token = scene.user("default", "no-recorder", &all_but("recorder"));
    let (forbidden, nobody) = (
        Recorder::of(&scene.gateway, &token, "rec-1"),
        Recorder::of(&scene.gateway, "Bearer rgt_nobody", "rec-1"),
    );
    for (method, path, body) in [
        ("PUT", "/recorders/rec-1", r#"{"capabilities":[]}"#),
        ("GET", "/recorders/rec-1/commands", ""),
        ("PUT", "/interactions/i1", "{}"),
        ("POST", "/interactions/i1/events", "[]"),
        ("POST", "/commands/c1/ack", r#"{"state":"done"}"#),
    ] {
        problem(&forbidden.call(method, path, body), 403, "forbidden", "recorder");
        problem(&nobody.call(method, path, body), 401, "unauthenticated", "");
    }
}

#[test]
fn a_recorder_belongs_to_the_principal_that_registered_it() {
    let scene = Scene::new();
    scene.recorder.begin("i1", "100", &["7"]);
    let token = scene.user("default", "second", &["recorder"]);
    let thief = Recorder::of(&scene.gateway, &token, "rec-1");
    let body = serde_json::json!({ "capabilities": [] });
    problem(&thief.register(&body), 403, "recorder_foreign", "rec-1");
    problem(&thief.call("GET", "/recorders/rec-1/commands", ""), 404, "not_found", "rec-1");
    let event = serde_json::json!({ "type": "ended", "time": super::recorder::now() });
    problem(&thief.report("i1", &event), 404, "not_found", "i1");
    let own = Recorder::of(&scene.gateway, &token, "rec-2");
    own.can(&["voice"]);
    // Neither another's recorder, nor another's interaction with one's own.
    let named = thief.announce("i2", &thief.call_body("101", &["8"]));
    problem(&named, 422, "field_invalid", "recorderId");
    let taken = own.announce("i1", &own.call_body("100", &["7"]));
    problem(&taken, 409, "differs", "recorderId");
    // The same name in another tenant is another recorder.
    let token = scene.user("other", "third", &["recorder"]);
    Recorder::of(&scene.gateway, &token, "rec-1").can(&["voice"]);
    scene.desk.is("7", "Recording", "Policy");
    done(&scene.desk.ask(MASK, "userId=7"), 200);
}
