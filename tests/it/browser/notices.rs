//! What the pages say when there is nothing to play.

use std::fs;
use std::path::Path;

use serde_json::json;

use super::scene::{NOTICE, STATE, Scene, player, tones};
use crate::gateway::send;
use crate::identity::{Key, add_key};

const DOWNLOAD: &str = "/media-download/#/acd-contacts?acdContactId=nobody&isDownload=true";

#[test]
fn a_refusal_says_what_is_so_and_what_to_do() {
    let scene = Scene::new(&[]);
    let page = &scene.browser;
    let told = scene.refused(&player("nobody"), "not-found");
    assert!(told.contains("There is no such recording") && told.contains("Check the id"), "{told}");
    let told = scene.refused(DOWNLOAD, "not-found");
    assert!(told.contains("There is no such recording"), "{told}");
    for place in ["/player/", "/player/#/elsewhere", "/media-download/#/acd-contacts"] {
        let told = scene.refused(place, "bad-address");
        assert!(told.contains("names no recording"), "{told}");
    }
    // Somebody who may not play: another sign-in is offered, and the address is kept.
    scene.record("mine", &[tones(2, None)], &json!({}));
    let other = add_key(&scene.gateway, "default", "lee", &["ingest.read"]);
    scene.refused(&player("nobody"), "not-found");
    page.click("#sign-out");
    page.run("location.hash = '#/cxone-player/acd-contacts/mine'");
    page.wait(&format!("{STATE} === 'sign-in'"));
    scene.type_key(&other);
    page.wait(&format!("{NOTICE} === 'forbidden'"));
    page.screenshot("notice-forbidden");
    let told = page.text("document.querySelector('#notice').innerText");
    assert!(told.contains("You may not open this recording"), "{told}");
    page.click("#notice button:last-of-type");
    scene.sign_in();
    page.wait(&format!("{STATE} === 'ready'"));
    assert!(page.complaints().is_empty(), "{:?}", page.complaints());
}

#[test]
fn a_wrong_access_key_is_explained() {
    let scene = Scene::new(&[]);
    let page = &scene.browser;
    let problem = "document.querySelector('#sign-in-problem').textContent";
    page.open(&format!("{}{}", scene.gateway.url, player("nobody")));
    page.wait("document.activeElement.id === 'access-key-id'");
    page.click("#sign-in-button");
    page.wait(&format!("{problem}.startsWith('Give both')"));
    scene.type_key(&Key { id: "nobody".to_owned(), secret: "wrong".to_owned() });
    page.wait(&format!("{problem}.includes('do not belong together')"));
    assert_eq!(page.text("document.activeElement.id"), "access-key-secret");
    page.screenshot("sign-in-wrong");
    assert_eq!(page.get("location.search"), "", "no secret in the address");
}

/// Changes a byte in the middle of every stored object.
fn damage(folder: &Path) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            damage(&path);
        } else if path.extension().is_some_and(|ending| ending == "p7m") {
            let mut bytes = fs::read(&path).unwrap();
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            fs::write(&path, bytes).unwrap();
        }
    }
}

#[test]
fn a_damaged_file_is_called_damaged() {
    // What was verified a moment ago would be played from memory, as it was.
    let scene = Scene::new(&[("PLAY__CACHE_BYTES", "0")]);
    scene.record("damaged", &[tones(30, None)], &json!({}));
    // Played once, so that everything that is played is stored.
    scene.play("damaged");
    damage(&scene.gateway.data().join("store"));
    scene.open(&player("damaged"));
    let page = &scene.browser;
    page.wait(&format!("{STATE} === 'ready'"));
    // A little before the damage.
    page.press("4");
    page.press("k");
    page.wait(&format!("{NOTICE} === 'corrupt'"));
    let told = page.text("document.querySelector('#notice').innerText");
    assert!(told.contains("cannot be played") && told.contains("damaged"), "{told}");
    page.screenshot("notice-corrupt");
}

#[test]
fn the_pages_are_served_strictly() {
    let gateway = crate::gateway::Gateway::start(&[]);
    let get = |path: &str, headers: &[(&str, &str)]| {
        send("GET", &format!("{}{path}", gateway.url), headers, "")
    };
    for (path, mime) in [
        ("/player/", "text/html; charset=utf-8"),
        ("/media-download/", "text/html; charset=utf-8"),
        ("/console/", "text/html; charset=utf-8"),
        ("/pages/console.js", "text/javascript; charset=utf-8"),
        ("/pages/console.css", "text/css; charset=utf-8"),
        ("/pages/player.js", "text/javascript; charset=utf-8"),
        ("/pages/style.css", "text/css; charset=utf-8"),
        ("/pages/icon.svg", "image/svg+xml"),
    ] {
        let answer = get(path, &[]);
        assert_eq!((answer.status.as_u16(), answer.header("content-type")), (200, mime), "{path}");
        let policy = answer.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'; script-src 'self';"), "{policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("referrer-policy"), "no-referrer");
        assert_eq!(answer.header("cache-control"), "no-cache");
        let known = get(path, &[("if-none-match", answer.header("etag"))]);
        assert_eq!((known.status.as_u16(), known.body.len()), (304, 0), "{path}");
        let text = String::from_utf8(answer.body).unwrap();
        let remote = text.replace("http://www.w3.org/2000/svg", "").contains("://");
        assert!(!remote, "{path} names another host");
    }
    assert_eq!(get("/pages/nothing.js", &[]).status, 404);
}
