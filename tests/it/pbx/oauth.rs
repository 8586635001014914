//! `/oauth/token`, and who a token stands for.

use serde_json::json;

use super::{EXTENSION, GROUP, MARCH, Office, add, assert_problem};
use crate::gateway::{Answer, send};

fn body(answer: &Answer) -> serde_json::Value {
    assert_eq!(answer.header("cache-control"), "no-store");
    answer.json()
}

#[test]
fn parameters_may_stand_in_query_form_and_multipart() {
    let office = Office::open(&[]);
    let (id, secret) = &office.application;
    let form = format!("grant_type=client_credentials&client_id={id}&client_secret={secret}");
    let boundary = "multipart/form-data; boundary=XX";
    let part = |name: &str, value: &str| {
        format!("--XX\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    let parts = [
        part("grant_type", "client_credentials"),
        part("client_id", id),
        part("client_secret", secret),
    ];
    let multipart = format!("{}--XX--\r\n", parts.concat());
    let url = &office.gateway.url;
    let answers = [
        office.token_request("", &form),
        office.token_request(&format!("?{form}"), ""),
        office.token_request(&format!("?{form}"), &form),
        send("POST", &format!("{url}/oauth/token/"), &[("content-type", boundary)], multipart),
        send("POST", &format!("{url}//oauth//token?{form}"), &[], ""),
    ];
    let mut tokens = Vec::new();
    for answer in &answers {
        assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
        let body = body(answer);
        assert_eq!((&body["token_type"], &body["scope"]), (&json!("Bearer"), &json!("all")));
        assert!(body["expires_in"].as_u64().is_some_and(|seconds| seconds > 400));
        tokens.push(body["access_token"].as_str().expect("a token").to_owned());
    }
    // A new token voids none.
    for token in &tokens {
        assert_eq!(office.call_as(token, "GET", "/user/", "").status, 200);
    }
}

#[test]
fn refusals_are_those_of_oauth_and_say_which_parameter() {
    let office = Office::open(&[]);
    let (id, secret) = &office.application;
    let plain = ["--permission", "records.read", "--grant", "client_credentials"];
    let narrow = add(&office.gateway, "narrow", "application", &plain);
    let good = format!("client_id={id}&client_secret={secret}");
    for (form, code, error, names) in [
        (good.clone(), 400, "invalid_request", "grant_type"),
        (format!("grant_type=magic&{good}"), 400, "unsupported_grant_type", "grant_type"),
        (
            "grant_type=client_credentials&client_id=x".to_owned(),
            400,
            "invalid_request",
            "client_secret",
        ),
        (format!("grant_type=password&{good}&username=u"), 400, "invalid_request", "password"),
        (
            format!("grant_type=password&{good}&username=u&password=p"),
            400,
            "invalid_grant",
            "password",
        ),
        (
            format!("grant_type=client_credentials&client_id={id}&client_secret=no"),
            401,
            "invalid_client",
            "client_secret",
        ),
        (
            "grant_type=client_credentials&client_id=nobody&client_secret=no".to_owned(),
            401,
            "invalid_client",
            "client_id",
        ),
        (
            format!(
                "grant_type=password&client_id=narrow&client_secret={narrow}&username=u&password=p"
            ),
            400,
            "unauthorized_client",
            "grant_type",
        ),
        (
            format!("grant_type=client_credentials&client_id=a&{good}"),
            400,
            "invalid_request",
            "client_id",
        ),
    ] {
        let answer = office.token_request("", &form);
        let body = body(&answer);
        assert_eq!(
            (answer.status.as_u16(), &body["error"]),
            (code, &json!(error)),
            "{form} {body}"
        );
        let description = body["error_description"].as_str().expect("a description");
        assert!(
            description.contains(names) && body["message"] == body["error_description"],
            "{body}"
        );
    }
    let get = send("GET", &format!("{}/oauth/token", office.gateway.url), &[], "");
    assert_problem(&get, 405, "method_not_allowed");
    assert_eq!(get.header("allow"), "POST");
}

/// A user with an extension of its own; its token through the application.
fn user_token(office: &Office, name: &str, more: &[&str]) -> String {
    let password = add(&office.gateway, name, "user", more);
    let (id, secret) = &office.application;
    let name: String = url::form_urlencoded::byte_serialize(name.as_bytes()).collect();
    let form = format!(
        "grant_type=password&client_id={id}&client_secret={secret}&username={name}&password={password}"
    );
    let answer = office.token_request("", &form);
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    answer.json()["access_token"].as_str().expect("a token").to_owned()
}

#[test]
fn a_user_sees_what_is_its_own() {
    let office = Office::open(&[]);
    office.record(1, json!({}), "wav_pcm16_8k_mono.wav");
    office.record(2, json!({"extension_id": 120_999}), "wav_pcm16_8k_mono.wav");
    let extension = EXTENSION.to_string();
    let group = GROUP.to_string();
    let own = user_token(
        &office,
        "01874*0541@pbx.example",
        &["--permission", "records.read", "--extension", &extension, "--timezone", "Europe/Moscow"],
    );
    let me = office.call_as(&own, "GET", "/user/", "");
    assert_eq!(me.status, 200);
    let me = me.json();
    assert_eq!(me["login"], "01874*0541@pbx.example");
    assert_eq!((&me["extension_id"], &me["client_id"]), (&json!(EXTENSION), &json!(1)));
    assert_eq!(
        (&me["admin"], &me["dealer_id"], &me["timezone"]),
        (&json!(false), &json!(null), &json!("Europe/Moscow"))
    );
    assert!(
        me["id"].as_u64().is_some() && me["access"] == "all" && me["extension_group_id"].is_null()
    );
    let list = |token: &str, owner: &str| {
        office.call_as(token, "GET", &format!("/{owner}/record/?{MARCH}"), "")
    };
    for owner in ["extension/@me", &format!("extension/{EXTENSION}")] {
        let answer = list(&own, owner);
        assert_eq!(
            (answer.status.as_u16(), answer.json().as_array().unwrap().len()),
            (200, 1),
            "{owner}"
        );
    }
    assert_problem(&list(&own, "client/@me"), 403, "access_denied");
    assert_problem(&list(&own, "extension/120999"), 403, "access_denied");
    assert_problem(&list(&own, &format!("extension_group/{GROUP}")), 403, "access_denied");
    let grouped =
        user_token(&office, "head", &["--permission", "records.read", "--extension-group", &group]);
    assert_eq!(list(&grouped, "extension_group/@me").json().as_array().unwrap().len(), 2);
    assert_eq!(list(&grouped, "extension/120999").json().as_array().unwrap().len(), 1);
    assert_problem(&list(&grouped, "extension_group/78"), 403, "access_denied");
    // The application itself sees everything of its client, and nothing of another.
    let all = office.token();
    assert_eq!(list(&all, "client/1").json().as_array().unwrap().len(), 2);
    assert_problem(&list(&all, "client/2"), 404, "client_not_found");
    assert_problem(&list(&all, "extension/555555"), 404, "not_found");
    assert_problem(&list(&all, "extension_group/5"), 404, "not_found");
    // A record of another extension is not there under one's own.
    let other =
        list(&all, "extension/120999").json()[0]["record_uuid"].as_str().unwrap().to_owned();
    let answer = office.call_as(&own, "GET", &format!("/extension/@me/record/{other}"), "");
    assert_problem(&answer, 404, "record_not_found");
}

#[test]
fn access_levels_and_permissions_are_told_apart() {
    let office = Office::open(&[]);
    let grant = [
        "--permission",
        "records.delete",
        "--permission",
        "records.read",
        "--grant",
        "client_credentials",
    ];
    let reader = add(&office.gateway, "reader", "application", &grant);
    let none = add(
        &office.gateway,
        "none",
        "application",
        &["--permission", "play", "--grant", "client_credentials", "--access", "all"],
    );
    let token = |name: &str, secret: &str| {
        let form = format!("grant_type=client_credentials&client_id={name}&client_secret={secret}");
        office.token_request("", &form).json()["access_token"].as_str().expect("a token").to_owned()
    };
    let path = format!("/client/@me/record/?{MARCH}");
    let reader = token("reader", &reader);
    assert_eq!(office.call_as(&reader, "GET", &path, "").status, 200);
    assert_problem(&office.call_as(&reader, "DELETE", &path, ""), 403, "app_access_type_deny");
    let none = token("none", &none);
    assert_problem(&office.call_as(&none, "GET", &path, ""), 403, "user_access_type_deny");
}

#[test]
fn a_token_ends_with_the_secret_that_it_came_from() {
    let office = Office::open(&[]);
    let token = office.token();
    assert_eq!(office.call_as(&token, "GET", "/user", "").status, 200);
    let altered = format!("{}x", &token[..token.len() - 1]);
    for bad in [altered.as_str(), "", "rgt_no", "a.b.c"] {
        let answer = office.call_as(bad, "GET", "/user", "");
        assert_problem(&answer, 401, "401");
        assert_eq!(answer.json()["message"], "Unauthorized");
        assert!(answer.header("www-authenticate").starts_with("Bearer"), "{bad}");
    }
    let more: Vec<&str> = super::ALL.into_iter().chain(["--grant", "client_credentials"]).collect();
    add(&office.gateway, "crm-app", "application", &more);
    assert_problem(&office.call_as(&token, "GET", "/user", ""), 401, "401");
}
