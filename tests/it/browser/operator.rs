//! The operator console in a browser.

use serde_json::{Value, json};

use super::driver::{ENTER, TAB};
use super::scene::{NOTICE, STATE, Scene, tones};
use crate::delivery::gateway_to;
use crate::gateway::Gateway;
use crate::identity::{Key, add_key};
use crate::peers::rws::{Fault, Rws, Script};

const HEADING: &str = "(document.querySelector('#view h2')?.textContent ?? '')";
const ROWS: &str = "document.querySelectorAll('#view tbody tr').length";
const SAID: &str = "document.querySelector('#said').textContent";
/// A name that would run as markup.
const HOSTILE: &str = "<img src=x onerror=\"window.ran = 1\">";

/// A scene whose user may administer, on this gateway.
fn scene(gateway: Gateway) -> Scene {
    let permissions = ["admin", "play", "play.any"];
    let key = add_key(&gateway, "default", "op", &permissions);
    Scene::on(gateway, key)
}

fn ready(scene: &Scene) {
    scene.browser.wait(&format!("{STATE} === 'ready'"));
}

fn hostile() -> Value {
    json!({
        "agent": { "userId": "agent-9", "name": HOSTILE }, "tags": [HOSTILE],
    })
}

/// A file that is held back until `mask.zone` is set.
fn hold(scene: &Scene, id: &str) {
    let document = json!({
        "id": id, "callerPhoneNumber": HOSTILE, "dialedPhoneNumber": "2", "region": HOSTILE,
        "mediaFiles": [{
            "callUUID": "u", "mediaId": format!("{id}.wav"), "type": "audio/wav",
            "startTime": "2026-03-04T09:15:00Z", "stopTime": "2026-03-04T09:15:12Z",
            "parameters": {}, "masks": [{ "time": "2026-03-04T09:15:04", "type": "paused" }],
        }],
    });
    assert_eq!(scene.gateway.declare(&document).status, 201);
    let bytes = crate::gateway::sample("wav_pcm16_8k_mono.wav");
    assert_eq!(scene.gateway.push(id, &format!("{id}.wav"), bytes).status, 201);
    assert_eq!(scene.gateway.settled(id)["state"], "quarantined");
}

#[test]
fn an_operator_signs_in_searches_and_opens_a_recording() {
    let scene = scene(Gateway::start(&[]));
    let page = &scene.browser;
    scene.record("mine", &[tones(4, Some((1, 2)))], &hostile());
    scene.record("other", &[tones(12, Some((4, 6)))], &json!({}));
    scene.open("/console");
    ready(&scene);
    assert_eq!(page.get("location.pathname"), "/console/");
    assert_eq!(page.number(ROWS), 2.0);
    assert!(page.text(SAID).starts_with("2 found"));
    // By the keyboard alone: from the field of the agent to the button.
    page.run("document.querySelector('#search-agent').focus()");
    page.press(&format!("agent-9{ENTER}"));
    page.wait(&format!("{ROWS} === 1"));
    assert!(page.text("location.hash").ends_with("?agent=agent-9"));
    page.screenshot("console-search");
    page.run("document.querySelector('#view tbody a').focus()");
    page.press(ENTER);
    page.wait(&format!("{HEADING} === 'Recording mine'"));
    ready(&scene);
    assert_eq!(page.text("document.activeElement.textContent"), "Recording mine");
    let text = page.text("document.querySelector('#view').innerText");
    for told in ["receiving", "spooled", "committing", "ready", "Receipt", "cms", "1 stretch"] {
        assert!(text.contains(told), "{told} is not in {text}");
    }
    assert!(text.contains(HOSTILE), "the name is shown as it is: {text}");
    // Kept as docs/console.png.
    page.run("location.hash = '#/recordings/other'");
    page.wait(&format!("{HEADING} === 'Recording other' && {STATE} === 'ready'"));
    page.screenshot("console");
    page.run("history.back()");
    page.wait(&format!("{HEADING} === 'Recording mine' && {STATE} === 'ready'"));
    // Back to what was searched, by the browser's own way.
    page.run("history.back()");
    page.wait(&format!("{ROWS} === 1 && {STATE} === 'ready'"));
    assert_eq!(page.text("document.querySelector('#search-agent').value"), "agent-9");
    page.run("history.forward()");
    page.wait(&format!("{HEADING} === 'Recording mine' && {STATE} === 'ready'"));
    page.click("#play-link");
    page.wait("location.pathname === '/player/'");
    page.wait(&format!("{STATE} === 'ready'"));
    assert!(page.get("window.ran").is_null());
    assert!(page.complaints().is_empty(), "{:?}", page.complaints());
}

#[test]
fn a_delivery_is_retried() {
    let rws = Rws::start(Script { faults: vec![Fault::Code(2)], ..Script::default() });
    let (gateway, _folder) = gateway_to(&rws, &[]);
    let scene = scene(gateway);
    let page = &scene.browser;
    let (recording, _) = scene.gateway.push_sample("wav_pcm16_8k_mono.wav");
    scene.gateway.delivered(&recording, "dead");
    scene.open("/console/#/deliveries?state=dead");
    ready(&scene);
    assert_eq!(page.number(ROWS), 1.0);
    let text = page.text("document.querySelector('#view tbody').innerText");
    assert!(text.contains("given up") && text.contains("refused"), "{text}");
    page.screenshot("console-deliveries");
    page.click("#view tbody button");
    page.wait(&format!("{SAID}.includes('tried again now')"));
    scene.gateway.delivered(&recording, "delivered");
    page.click("#tabs [data-tab='deliveries']");
    page.wait(&format!("{ROWS} === 1 && {STATE} === 'ready'"));
    page.wait("document.querySelector('#view [data-state=\"delivered\"]') !== null");
    assert!(page.complaints().is_empty(), "{:?}", page.complaints());
}

#[test]
fn a_file_is_erased_from_quarantine_after_a_question() {
    let scene = scene(Gateway::start(&[]));
    let page = &scene.browser;
    hold(&scene, "held");
    scene.open("/console/#/quarantine");
    ready(&scene);
    let text = page.text("document.querySelector('#view').innerText");
    assert!(text.contains("mask_needs_zone") && text.contains("Set mask.zone"), "{text}");
    let open = "document.querySelector('#confirm').open";
    // The question names what is lost, and the key Escape keeps it.
    page.run("document.querySelector('#view .danger-quiet').focus()");
    page.press(ENTER);
    page.wait(open);
    let asked = page.text("document.querySelector('#confirm').innerText");
    assert!(asked.contains("held.wav") && asked.contains("recording held"), "{asked}");
    assert_eq!(page.text("document.activeElement.id"), "confirm-no");
    page.screenshot("console-erase");
    page.press("\u{E00C}");
    page.wait(&format!("!{open}"));
    assert!(page.text("document.activeElement.className").contains("danger-quiet"));
    assert_eq!(scene.gateway.status("held")["state"], "quarantined");
    page.press(ENTER);
    page.wait(open);
    page.press(&format!("{TAB}{ENTER}"));
    page.wait(&format!("{SAID}.includes('held.wav is erased')"));
    page.wait(&format!("{STATE} === 'ready' && {ROWS} === 0"));
    assert_eq!(scene.gateway.status("held")["state"], "erased");
    let left = std::fs::read_dir(scene.gateway.data().join("spool")).unwrap().count();
    assert_eq!(left, 0);
    assert!(page.get("window.ran").is_null());
    assert!(page.complaints().is_empty(), "{:?}", page.complaints());
}

#[test]
fn whoever_may_not_is_told_and_a_token_that_ended_asks_again() {
    let gateway = Gateway::start(&[]);
    let lee = add_key(&gateway, "default", "lee", &["play"]);
    let scene = scene(gateway);
    let page = &scene.browser;
    page.open(&format!("{}/console/#/health", scene.gateway.url));
    scene.type_key(&lee);
    page.wait(&format!("{NOTICE} === 'forbidden'"));
    let told = page.text("document.querySelector('#notice').innerText");
    assert!(told.contains("admin"), "{told}");
    page.click("#notice button:last-of-type");
    scene.sign_in();
    ready(&scene);
    page.wait("document.querySelectorAll('#view [data-part]').length === 10");
    page.screenshot("console-health");
    // Every token is void now.
    let key: Key = scene.rotate_key();
    page.click("#tabs [data-tab='quarantine']");
    page.wait(&format!("{STATE} === 'sign-in'"));
    assert_eq!(page.text("document.querySelector('#view').textContent"), "");
    scene.type_key(&key);
    ready(&scene);
    assert!(page.text("location.hash").ends_with("quarantine"));
    for place in ["#/nowhere", "#/recordings/none"] {
        page.run(&format!("location.hash = '{place}'"));
        page.wait(&format!("{STATE} === 'problem'"));
    }
    assert_eq!(page.text(NOTICE), "not-found");
    assert!(page.complaints().is_empty(), "{:?}", page.complaints());
}

#[test]
fn the_console_fits_a_narrow_window_and_the_dark() {
    let scene = scene(Gateway::start(&[]));
    let page = &scene.browser;
    scene.record("narrow-recording-with-a-long-name-0001", &[tones(2, None)], &hostile());
    hold(&scene, "held");
    let size = json!({ "width": 360, "height": 800, "deviceScaleFactor": 1, "mobile": false });
    page.devtools("Emulation.setDeviceMetricsOverride", &size);
    let dark = json!({ "features": [{ "name": "prefers-color-scheme", "value": "dark" }] });
    page.devtools("Emulation.setEmulatedMedia", &dark);
    scene.open("/console/");
    for place in [
        "#/recordings",
        "#/recordings/narrow-recording-with-a-long-name-0001",
        "#/deliveries",
        "#/quarantine",
        "#/health",
    ] {
        page.run(&format!("location.hash = '{place}'"));
        page.wait(&format!(
            "{STATE} === 'ready' && document.querySelector('#view').childElementCount > 0"
        ));
        let over = "document.documentElement.scrollWidth - innerWidth";
        assert!(page.number(over) <= 0.0, "{place} is wider than the window");
        let name: String = place.chars().filter(char::is_ascii_alphanumeric).take(12).collect();
        page.screenshot(&format!("console-narrow-{name}"));
    }
    // Every field and every cell has a name.
    page.run("location.hash = '#/recordings'");
    page.wait(&format!("{STATE} === 'ready' && {ROWS} > 0"));
    let unnamed = "[...document.querySelectorAll('#search-form input, #search-form select')]
        .filter((field) => !field.labels.length).length";
    assert_eq!(page.number(unnamed), 0.0);
    assert_eq!(page.number("document.querySelectorAll('#view th:not([scope])').length"), 0.0);
    assert!(page.get("window.ran").is_null());
}
