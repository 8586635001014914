//! Who may use the console, and of whom they learn.

use super::{API, add_user, call, declare, document, get, post, push, quarantine, refused};
use crate::gateway::{Gateway, send};

/// Every path, with an id that nothing has.
const PATHS: [(&str, &str); 8] = [
    ("GET", "/recordings"),
    ("GET", "/recordings/none"),
    ("GET", "/deliveries"),
    ("POST", "/deliveries/01a1fe0d-0000-7000-8000-000000000000/retry"),
    ("GET", "/quarantine"),
    ("POST", "/quarantine/01a1fe0d-0000-7000-8000-000000000000/retry"),
    ("POST", "/quarantine/01a1fe0d-0000-7000-8000-000000000000/erase"),
    ("GET", "/health"),
];

#[test]
fn without_credentials_401_and_without_admin_403() {
    let gateway = Gateway::start(&[]);
    let other = add_user(&gateway, "default", "lee", "ingest.read");
    for (method, path) in PATHS {
        let url = format!("{}{API}{path}", gateway.url);
        for headers in [&[][..], &[("authorization", "Bearer nonsense")]] {
            let answer = send(method, &url, headers, "");
            refused(&answer, 401, "UNAUTHORIZED", "token");
            assert!(!answer.header("www-authenticate").is_empty());
        }
        refused(&call(&gateway, &other, method, path), 403, "FORBIDDEN", "admin");
    }
}

#[test]
fn unknown_names_paths_and_methods_are_answered_in_json() {
    let gateway = Gateway::start(&[]);
    for (method, path) in PATHS.into_iter().filter(|(_, path)| path.contains("0000")) {
        refused(&gateway.call(method, &format!("{API}{path}"), ""), 404, "NOT_FOUND", "no such");
    }
    for (method, path, status, code) in [
        ("GET", "/recordings/none", 404, "NOT_FOUND"),
        ("GET", "/recordings/a%2Fb", 400, "INVALID_PARAMETER"),
        ("GET", "/recordings/%ff", 400, "INVALID_PARAMETER"),
        ("POST", "/deliveries/none/retry", 404, "NOT_FOUND"),
        ("POST", "/quarantine/none/erase", 404, "NOT_FOUND"),
        ("GET", "/nothing", 404, "NOT_FOUND"),
        ("DELETE", "/recordings", 405, "METHOD"),
        ("GET", "/deliveries/x/retry", 405, "METHOD"),
        ("GET", "/deliveries?state=lost", 400, "INVALID_PARAMETER"),
        ("GET", "/deliveries?limit=0", 400, "INVALID_PARAMETER"),
        ("GET", "/deliveries?after=1.x", 400, "INVALID_PARAMETER"),
        ("GET", "/quarantine?after=1", 400, "INVALID_PARAMETER"),
        ("GET", "/quarantine?limit=201", 400, "INVALID_PARAMETER"),
    ] {
        refused(&gateway.call(method, &format!("{API}{path}"), ""), status, code, "");
    }
}

#[test]
fn another_tenants_things_are_not_there() {
    let gateway = Gateway::start(&[]);
    declare(&gateway, &document("one", 0));
    push(&gateway, "one");
    gateway.delivered("one", "delivered");
    let asset = quarantine(&gateway, "held");
    let foreign = add_user(&gateway, "elsewhere", "foreigner", "admin");
    let asked = |path: &str| call(&gateway, &foreign, "GET", path).json();
    let delivery = get(&gateway, "/deliveries")["deliveries"][0]["deliveryId"].clone();
    let delivery = delivery.as_str().unwrap();
    for path in ["/recordings", "/recordings?text=one", "/recordings?state=quarantined"] {
        assert_eq!(asked(path)["recordings"].as_array().unwrap().len(), 0, "{path}");
    }
    assert_eq!(asked("/deliveries")["deliveries"].as_array().unwrap().len(), 0);
    assert_eq!(asked("/quarantine")["assets"].as_array().unwrap().len(), 0);
    let health = asked("/health");
    for part in ["media", "deliveries", "renditions"] {
        assert_eq!(health[part]["counts"].as_object().unwrap().len(), 0, "{part}");
    }
    for (method, path) in [
        ("GET", "/recordings/one".to_owned()),
        ("POST", format!("/deliveries/{delivery}/retry")),
        ("POST", format!("/quarantine/{asset}/retry")),
        ("POST", format!("/quarantine/{asset}/erase")),
    ] {
        refused(&call(&gateway, &foreign, method, &path), 404, "NOT_FOUND", "no such");
    }
    // For the own operator all of it is.
    assert_eq!(get(&gateway, "/recordings")["recordings"].as_array().unwrap().len(), 2);
    assert_eq!(post(&gateway, &format!("/quarantine/{asset}/erase")).status, 200);
}
