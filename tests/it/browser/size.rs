//! Four hours open as fast as a minute.

use std::time::Duration;

use serde_json::{Value, json};

use super::scene::{ACTIVE, Scene, hours, instant};

/// Messages in the transcript of the long recording.
const MESSAGES: u64 = 4000;
/// Most elements in the document, whatever the recording's length.
const MOST_NODES: f64 = 1500.0;

#[test]
fn four_hours_open_without_a_long_document() {
    let scene = Scene::new(&[]);
    let message = |index: u64| {
        let time = instant(Duration::from_millis(index * 3600));
        let side = if index.is_multiple_of(2) { "AGENT" } else { "CUSTOMER" };
        json!({ "participantType": side, "text": format!("Sentence {index}."), "timeStamp": time })
    };
    let messages: Vec<Value> = (0..MESSAGES).map(message).collect();
    scene.record("long", &[hours(4)], &json!({ "messages": messages, "channels": ["agent"] }));
    scene.play("long");
    let page = &scene.browser;
    page.wait("performance.getEntriesByName('player:page-work').length > 0");
    let work = page.number("performance.getEntriesByName('player:page-work')[0].duration");
    println!("page work on four hours: {work:.0} ms from the answer to the first picture");
    let nodes = "document.querySelectorAll('*').length";
    assert!(page.number(nodes) < MOST_NODES, "{} elements", page.number(nodes));
    assert!((page.number(&format!("{ACTIVE}.duration")) - 4.0 * 3600.0).abs() < 2.0);
    page.press("9");
    scene.wait_for(12_955.0, 12_965.0);
    page.wait("document.querySelector('.line[aria-current]')?.dataset.line === '3600'");
    assert!(page.number(nodes) < MOST_NODES, "{} elements after a jump", page.number(nodes));
    page.screenshot("four-hours");
    page.press("k");
    page.wait(&format!("{ACTIVE}.currentTime > 12960.5"));
}
