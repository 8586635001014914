//! Playing, finding one's way with keys and pointer, and what is shown beside.

use serde_json::{Value, json};

use super::driver::{DOWN, ENTER, LEFT, RIGHT, TAB};
use super::scene::{ACTIVE, STATE, Scene, instant, player, tones};
use std::time::Duration;

/// Markup that would run, were it markup.
const MARKUP: &str = "<img src=x onerror='window.ran = true'><script>window.ran = true</script>";

fn message(side: &str, after_ms: u64, text: &str) -> Value {
    let time = instant(Duration::from_millis(after_ms));
    json!({ "participantType": side, "participantName": MARKUP, "text": text, "timeStamp": time })
}

#[test]
fn a_recording_plays_from_its_start() {
    let scene = Scene::new(&[]);
    scene.record("plays", &[tones(12, Some((4, 6)))], &json!({}));
    scene.play("plays");
    let page = &scene.browser;
    assert!(scene.time() < 0.01, "it begins at {}", scene.time());
    assert_eq!(page.get(&format!("{ACTIVE}.paused")), true, "nothing plays by itself");
    page.screenshot("player");
    page.click("#play");
    page.wait(&format!("{ACTIVE}.currentTime > 1"));
    assert_eq!(page.get(&format!("{ACTIVE}.error")), Value::Null);
    assert_eq!(page.text("document.querySelector('#play').ariaLabel"), "Pause");
    page.wait("document.querySelector('#at').textContent === '0:02'");
    assert_eq!(page.text("document.querySelector('#whole').textContent"), "0:12");
    assert_eq!(page.text("document.querySelector('#who').textContent"), "Kim Lee");
    assert_eq!(page.text("document.querySelector('#position').dataset.drawn"), "1000");
    let spans = page.text("document.querySelector('#span-list').innerText");
    assert!(spans.starts_with("Silenced from 0:0"), "{spans}");
    // To the end, faster.
    page.run(
        "const speed = document.querySelector('#speed'); speed.value = '3';
              speed.dispatchEvent(new Event('change'));",
    );
    page.wait(&format!("{ACTIVE}.ended"));
    assert_eq!(page.text("document.querySelector('#play').ariaLabel"), "Play");
    assert!(page.complaints().is_empty(), "{:?}", page.complaints());
}

#[test]
fn keys_and_clicks_find_every_place() {
    let scene = Scene::new(&[]);
    scene.record("seek", &[tones(60, None)], &json!({}));
    scene.play("seek");
    let page = &scene.browser;
    let near = |seconds: f64| scene.wait_for(seconds - 0.1, seconds + 0.1);
    page.press(RIGHT);
    near(5.0);
    page.press_with_shift(RIGHT);
    near(35.0);
    page.press(LEFT);
    near(30.0);
    page.press("l");
    near(40.0);
    page.press("jj");
    near(20.0);
    page.press("7");
    near(42.0);
    page.press("0");
    near(0.0);
    page.press("m");
    assert_eq!(page.get(&format!("{ACTIVE}.muted")), true);
    page.press("m");
    assert_eq!(page.get(&format!("{ACTIVE}.muted")), false);
    page.drag("#position", 0.25, 0.25);
    near(15.0);
    page.drag("#position", 0.1, 0.75);
    near(45.0);
    let said = page.text("document.querySelector('#position').ariaValueText");
    assert_eq!(said, "45 seconds of 1 minute");
    page.press("k");
    page.wait(&format!("{ACTIVE}.currentTime > 45.5 && !{ACTIVE}.paused"));
    page.press("k");
    page.wait(&format!("{ACTIVE}.paused"));
}

/// Presses the tabulator until an element has the focus.
fn tab_to(scene: &Scene, id: &str) {
    for _ in 0..40 {
        scene.browser.press(TAB);
        if scene.browser.get("document.activeElement.id") == id {
            return;
        }
    }
    panic!("the tabulator does not reach {id}");
}

#[test]
fn everything_works_without_a_pointer() {
    let scene = Scene::new(&[]);
    let messages = json!([message("AGENT", 0, "Hello."), message("CUSTOMER", 9000, "Bye.")]);
    scene.record("keyboard", &[tones(12, Some((4, 6)))], &json!({ "messages": messages }));
    let page = &scene.browser;
    scene.open(&player("keyboard"));
    page.wait(&format!("{STATE} === 'ready' && {ACTIVE}.readyState >= 3"));
    assert_eq!(page.text("document.activeElement.id"), "play", "after the form");
    page.press(ENTER);
    page.wait(&format!("{ACTIVE}.currentTime > 0.3"));
    page.press(" ");
    page.wait(&format!("{ACTIVE}.paused"));
    tab_to(&scene, "speed");
    page.press(DOWN);
    page.wait(&format!("{ACTIVE}.playbackRate === 1.25"));
    tab_to(&scene, "volume");
    page.press(LEFT);
    page.wait(&format!("Math.abs({ACTIVE}.volume - 0.95) < 0.001"));
    tab_to(&scene, "channel-both");
    page.press(RIGHT);
    page.wait("document.querySelector('#channel-agent').checked");
    page.press("k");
    page.wait(&format!("!{ACTIVE}.paused && {ACTIVE}.currentTime > 0.6"));
    page.press("k");
    // The last line of the transcript, and then the first silenced span.
    page.run("document.querySelector('[data-line=\"0\"]').focus();");
    page.press(&format!("{TAB}{ENTER}"));
    scene.wait_for(8.9, 9.1);
    assert_eq!(page.text("document.querySelector('.line[aria-current]').dataset.line"), "1");
    page.press(&format!("{TAB}{ENTER}"));
    // With the guard of the mask, or without.
    scene.wait_for(3.4, 4.1);
    let ring = page.text("getComputedStyle(document.activeElement).outlineStyle");
    assert_eq!(ring, "solid", "the focus is to be seen");
    page.screenshot("keyboard");
}

#[test]
fn a_transcript_runs_no_script() {
    let scene = Scene::new(&[]);
    let about = json!({
        "messages": [message("AGENT", 500, MARKUP), message("CUSTOMER", 2000, MARKUP)],
        "agent": { "userId": "user-7001", "name": MARKUP },
        "categories": [{ "categoryHierarchy": [MARKUP], "secondsOffsets": [1.0] }],
    });
    scene.record("markup", &[tones(6, None)], &about);
    scene.play("markup");
    let page = &scene.browser;
    page.press("5");
    page.wait("document.querySelector('.line[aria-current]')?.dataset.line === '1'");
    assert_eq!(page.text("document.querySelector('.said').textContent"), MARKUP);
    assert_eq!(page.text("document.querySelector('#who').textContent"), MARKUP);
    assert_eq!(page.get("document.querySelectorAll('img, main script').length"), 0);
    assert_eq!(page.get("window.ran ?? null"), Value::Null);
    page.screenshot("markup");
    assert!(page.complaints().is_empty(), "{:?}", page.complaints());
}

#[test]
fn the_player_fits_a_telephone() {
    let scene = Scene::new(&[]);
    let messages = json!([message("AGENT", 0, "Hello."), message("CUSTOMER", 3000, "Bye.")]);
    scene.record("narrow", &[tones(12, Some((4, 6)))], &json!({ "messages": messages }));
    let screen = json!({ "width": 360, "height": 740, "deviceScaleFactor": 2, "mobile": true });
    scene.browser.devtools("Emulation.setDeviceMetricsOverride", &screen);
    scene.play("narrow");
    let wide = scene.browser.number("document.documentElement.scrollWidth");
    assert!(wide <= 360.0, "{wide} px wide");
    scene.browser.screenshot("player-360");
    let dark = json!({ "features": [{ "name": "prefers-color-scheme", "value": "dark" }] });
    scene.browser.devtools("Emulation.setEmulatedMedia", &dark);
    scene.browser.screenshot("player-360-dark");
}
