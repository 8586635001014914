//! 400: parameters that are missing, empty, contradicting or out of range. Each answers in JSON,
//! names the parameter, and changes nothing.

use super::desk::{
    DATA, ENDPOINTS, START, START_SCREEN, STATUS, STOP_SCREEN, Scene, answered, done,
    plainly_refused,
};

/// Calls that must be refused because of this parameter.
fn refuses(scene: &Scene, endpoint: &str, parameter: &str, queries: &[String]) {
    for query in queries {
        let body = plainly_refused(&scene.desk.ask(endpoint, query), 400, "INVALID_PARAMETER");
        let message = body["message"].as_str().expect("a text");
        assert!(message.starts_with(parameter), "{endpoint}?{query}: {message}");
    }
}

#[test]
fn user_ids_that_are_missing_empty_or_contradicting_change_nothing() {
    let scene = Scene::new();
    scene.recorder.begin("i1", "100", &["7"]);
    scene.recorder.begin("i2", "101", &["8"]);
    let long = format!("userId={}", "7".repeat(201));
    for (endpoint, more) in ENDPOINTS {
        let queries = [
            "",
            "userId=",
            "user-id=",
            "userId=%20",
            "userId",
            "userId=7&userId=8",
            "userId=7&user-id=8",
            "user-id=7&user-id=",
            "userId=7/8",
            "userId=%00",
            "userId=..",
            "userid=7",
            "user_id=7",
            &long,
        ];
        let queries = queries.map(|query| format!("{query}{more}"));
        refuses(&scene, endpoint, "userId", &queries);
    }
    assert!(scene.recorder.taken().is_empty());
    for user in ["7", "8"] {
        scene.desk.is(user, "Recording", "Policy");
    }
}

#[test]
fn the_same_user_twice_is_no_contradiction() {
    let scene = Scene::new();
    scene.recorder.begin("i1", "100", &["7"]);
    for query in ["userId=7&userId=7", "userId=7&user-id=7", "user-id=%37"] {
        answered(&scene.desk.ask(STATUS, query), 200);
    }
}

#[test]
fn media_types_other_than_the_two_change_nothing() {
    let scene = Scene::new();
    scene.recorder.begin("i1", "100", &["7"]);
    let queries = [
        "mediaType=screen",
        "mediaType=Voice",
        "mediaType=voice-only",
        "mediaType=",
        "media-type=%20",
        "mediaType=voice&mediaType=voiceAndScreen",
        "mediaType=voice&media-type=voiceAndScreen",
        "mediaType=voice,voiceAndScreen",
    ];
    refuses(&scene, START, "mediaType", &queries.map(|query| format!("userId=7&{query}")));
    assert!(scene.recorder.taken().is_empty());
    scene.desk.is("7", "Recording", "Policy");
    // Where it means nothing it is an unknown parameter.
    answered(&scene.desk.ask(STATUS, "userId=7&mediaType=screen"), 200);
}

#[test]
fn both_media_types_reach_the_recorder() {
    let scene = Scene::new();
    let users = ["a", "b", "c", "d"];
    for (index, query) in ["", "&mediaType=voice", "&mediaType=voice&media-type=voice"]
        .into_iter()
        .chain(["&media-type=voiceAndScreen"])
        .enumerate()
    {
        let user = users[index];
        scene.recorder.begin(&format!("i-{user}"), &format!("10{index}"), &[user]);
        scene.recorder.forget();
        done(&scene.desk.ask(START, &format!("userId={user}{query}")), 200);
        let command = scene.recorder.next();
        let wanted = if index == 3 { "voiceAndScreen" } else { "voice" };
        assert_eq!(command["mediaType"], wanted, "{command}");
        assert_eq!(command["masked"], false, "{command}");
    }
}

#[test]
fn durations_out_of_range_start_no_screen_session() {
    let scene = Scene::new();
    let queries = [
        "",
        "recordingDuration=",
        "recordingDuration=4",
        "recordingDuration=0",
        "recordingDuration=-5",
        "recordingDuration=%2B5",
        "recordingDuration=13201",
        "recordingDuration=5.5",
        "recordingDuration=1e2",
        "recordingDuration=five",
        "recordingDuration=99999999999999999999",
        "recordingDuration=60&recordingDuration=61",
        "recordingDuration=60&recording-duration=61",
        "recordingduration=60",
        "duration=60",
    ];
    let queries = queries.map(|query| format!("userId=7&{query}"));
    refuses(&scene, START_SCREEN, "recordingDuration", &queries);
    assert!(scene.recorder.taken().is_empty());
    plainly_refused(&scene.desk.ask(STATUS, "userId=7"), 404, "NO_ACTIVE_INTERACTION");
}

#[test]
fn the_shortest_and_the_longest_duration_are_taken() {
    let scene = Scene::new();
    for (user, query, seconds) in [
        ("7", "recordingDuration=5", 5),
        ("8", "recording-duration=13200", 13_200),
        ("9", "recordingDuration=60&recording-duration=60", 60),
    ] {
        scene.recorder.forget();
        done(&scene.desk.ask(START_SCREEN, &format!("userId={user}&{query}")), 200);
        let command = scene.recorder.next();
        assert_eq!(command["type"], "start-screen");
        assert_eq!(command["durationS"], seconds, "{command}");
        assert_eq!(command["userId"], user, "{command}");
    }
}

#[test]
fn contact_ids_that_are_missing_or_contradicting_stop_no_screen_session() {
    let scene = Scene::new();
    let started = scene.desk.ask(START_SCREEN, "userId=7&recordingDuration=3000");
    let contact = done(&started, 200)["contactId"].to_string();
    scene.recorder.forget();
    let queries = [
        "userId=7".to_owned(),
        "userId=7&contactId=".to_owned(),
        "userId=7&contact-id=%20".to_owned(),
        format!("userId=7&contactId={contact}&contactId=1"),
        format!("userId=7&contactId={contact}&contact-id=1"),
        format!("userId=7&contactId={contact}/1"),
        format!("userId=7&contactid={contact}"),
    ];
    refuses(&scene, STOP_SCREEN, "contactId", &queries);
    assert!(scene.recorder.taken().is_empty());
    scene.desk.is("7", "Recording", "RecordOnDemand");
    let both = format!("user-id=7&contactId={contact}&contact-id={contact}");
    done(&scene.desk.ask(STOP_SCREEN, &both), 200);
}

#[test]
fn a_query_that_is_too_long_is_refused() {
    let scene = Scene::new();
    scene.recorder.begin("i1", "100", &["7"]);
    let filler = "x".repeat(8 * 1024);
    for (endpoint, more) in ENDPOINTS {
        let query = format!("userId=7{more}&x={filler}");
        plainly_refused(&scene.desk.ask(endpoint, &query), 400, "INVALID_PARAMETER");
    }
}

#[test]
fn business_data_must_be_a_list_of_objects() {
    let scene = Scene::new();
    scene.recorder.begin("i1", "100", &["7"]);
    let path = format!("/v1/interactions/{DATA}?userId=7");
    for body in ["", "{}", "[1]", r#"[{},"x"]"#, "[{]", "null", r#""[]""#] {
        let answer = scene.desk.send(("POST", &path), &[], body);
        plainly_refused(&answer, 400, "INVALID_BODY");
    }
    let large = format!(r#"[{{"value":"{}"}}]"#, "x".repeat(64 * 1024));
    let answer = scene.desk.send(("POST", &path), &[], &large);
    plainly_refused(&answer, 413, "TOO_LARGE");
}
