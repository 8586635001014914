//! What is in the archive, or on its way there or back, is deleted from both stores.

use std::fs;

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::{delete, emptied, files, keeper, sql, stored};
use crate::gateway::{Gateway, send, wait};
use crate::peers::Apache;
use crate::playback_api::{push_call, sign_in, start};

fn archiving(apache: &Apache, days: &str) -> Gateway {
    let password = apache.root.parent().unwrap().join("password");
    fs::write(&password, apache.password).unwrap();
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(&password, fs::Permissions::from_mode(0o600)).unwrap();
    start(&[
        ("ARCHIVE__URL", &apache.url),
        ("ARCHIVE__USERNAME", apache.user),
        ("ARCHIVE__PASSWORD_FILE", password.to_str().unwrap()),
        ("ARCHIVE__RETRIES", "0"),
        ("RETENTION__ARCHIVE_AFTER_DAYS", days),
    ])
}

fn tier(gateway: &Gateway, id: &str, name: &str) {
    wait("a tier", || {
        let found = sql(gateway, &format!("SELECT tier FROM recordings WHERE id = '{id}'"));
        (found[0][0] == name).then_some(())
    });
}

fn gone(gateway: &Gateway, apache: &Apache) {
    emptied(gateway);
    wait("an empty archive", || files(&apache.root).is_empty().then_some(()));
    // A rendition that was being made is looked for once more when its lease is over.
    let left = "SELECT COUNT(*) FROM removals WHERE kind <> 'begun'";
    wait("no removal", || (sql(gateway, left) == json!([[0]])).then_some(()));
    // And nothing comes back.
    std::thread::sleep(std::time::Duration::from_secs(2));
    assert_eq!((stored(gateway), files(&apache.root)), (Vec::new(), Vec::new()));
}

#[test]
fn what_is_archived_is_deleted_there() {
    let apache = Apache::start();
    let gateway = archiving(&apache, "0");
    let keeper = keeper(&gateway);
    push_call(&gateway, "one");
    tier(&gateway, "one", "archived");
    assert_eq!(files(&apache.root).len(), 2);
    assert_eq!(delete(&gateway, &keeper, "one").status, 204);
    gone(&gateway, &apache);
}

#[test]
fn what_came_back_is_deleted_in_both() {
    let apache = Apache::start();
    let gateway = archiving(&apache, "0");
    let keeper = keeper(&gateway);
    let token = sign_in(&gateway, "default", "clerk", &["archive.retrieve"]);
    push_call(&gateway, "one");
    tier(&gateway, "one", "archived");
    let until = Timestamp::now().checked_add(SignedDuration::from_secs(600)).unwrap();
    let body = json!({ "segmentIds": ["segment-one"], "returnDate": until.to_string() });
    let headers = [("authorization", token.as_str()), ("content-type", "application/json")];
    let jobs = format!("{}/archive-retrieval/v1/jobs", gateway.url);
    assert_eq!(send("POST", &jobs, &headers, body.to_string()).status, 201);
    tier(&gateway, "one", "returned");
    assert!(stored(&gateway).len() >= 2 && files(&apache.root).len() == 2);
    assert_eq!(delete(&gateway, &keeper, "one").status, 204);
    gone(&gateway, &apache);
    let listed = send("GET", &jobs, &headers[..1], "");
    assert_eq!(listed.status, 200, "{}", listed.json());
}

/// Deleted at whatever place of a move the deletion meets it, and killed there every other time.
#[test]
fn a_move_under_way_brings_nothing_back() {
    let apache = Apache::start();
    let mut gateway = archiving(&apache, "0");
    for round in 0..8_u64 {
        let id = format!("call{round}");
        push_call(&gateway, &id);
        wait("a move", || {
            let tier = sql(&gateway, &format!("SELECT tier FROM recordings WHERE id = '{id}'"));
            (tier[0][0] != "active").then_some(())
        });
        std::thread::sleep(std::time::Duration::from_millis(round * 15));
        assert_eq!(delete(&gateway, &gateway.token(), &id).status, 204);
        if round % 2 == 1 {
            gateway.kill();
            gateway.restart();
        }
    }
    gone(&gateway, &apache);
}

#[test]
fn a_removal_waits_for_an_archive_that_is_not_configured() {
    let apache = Apache::start();
    let mut gateway = archiving(&apache, "0");
    push_call(&gateway, "one");
    tier(&gateway, "one", "archived");
    gateway.kill();
    for name in ["URL", "USERNAME", "PASSWORD_FILE", "RETRIES"] {
        gateway.unset(&format!("ARCHIVE__{name}"));
    }
    gateway.unset("RETENTION__ARCHIVE_AFTER_DAYS");
    gateway.restart();
    assert_eq!(delete(&gateway, &gateway.token(), "one").status, 204);
    wait("a removal that waits", || gateway.log().contains("none is configured").then_some(()));
    assert_eq!(files(&apache.root).len(), 2);
    gateway.kill();
    let password = apache.root.parent().unwrap().join("password");
    gateway.set("ARCHIVE__URL", &apache.url);
    gateway.set("ARCHIVE__USERNAME", apache.user);
    gateway.set("ARCHIVE__PASSWORD_FILE", password.to_str().unwrap());
    gateway.restart();
    gone(&gateway, &apache);
}
