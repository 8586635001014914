//! Links that end while they play, and files that are saved.

use std::fs;
use std::process::Command;

use serde_json::{Value, json};

use super::scene::{ACTIVE, NOTICE, STATE, Scene, tones};
use crate::gateway::wait;

/// The player's renewals so far.
const RENEWED: &str = "Number(document.querySelector('#main').dataset.renewed ?? 0)";

#[test]
fn a_link_is_renewed_while_it_plays() {
    // The link lives as long as the recording does; at half speed it ends in the middle.
    let scene = Scene::new(&[("PLAY__LINK_LIFE_S", "2")]);
    scene.record("renewed", &[tones(8, None)], &json!({}));
    scene.play("renewed");
    let page = &scene.browser;
    page.run(
        "const speed = document.querySelector('#speed'); speed.value = '0.5';
         speed.dispatchEvent(new Event('change'));
         document.querySelector('#volume').value = '50';
         document.querySelector('#volume').dispatchEvent(new Event('input'));",
    );
    // How far the place runs away from the clock, whichever element plays.
    let most = page.run_async(&format!(
        "document.querySelector('#play').click();
         while (!({ACTIVE}.currentTime > 0.2)) await new Promise((go) => setTimeout(go, 5));
         let [most, at, clock] = [0, {ACTIVE}.currentTime, performance.now()];
         while (!{ACTIVE}.ended && {ACTIVE}.currentTime < 7.5) {{
             await new Promise((go) => setTimeout(go, 10));
             const [now, place] = [performance.now(), {ACTIVE}.currentTime];
             most = Math.max(most, Math.abs(place - at - (now - clock) / 2000));
             [at, clock] = [place, now];
         }}
         return {{ most, renewed: {RENEWED}, paused: {ACTIVE}.paused, error: {ACTIVE}.error }};"
    ));
    println!("the largest jump of the place is {:.3} s", most["most"].as_f64().unwrap());
    assert!(most["renewed"].as_u64().unwrap() >= 1, "{most}");
    assert!(most["most"].as_f64().unwrap() < 0.1, "{most}");
    assert_eq!((&most["paused"], &most["error"]), (&json!(false), &Value::Null));
    assert_eq!(page.number(&format!("{ACTIVE}.playbackRate")), 0.5);
    assert_eq!(page.number(&format!("{ACTIVE}.volume")), 0.5);
    assert_eq!(page.get(&format!("{NOTICE} ?? null")), Value::Null);
}

#[test]
fn the_place_outlives_link_and_sign_in() {
    let scene = Scene::new(&[("PLAY__LINK_LIFE_S", "2")]);
    scene.record("kept", &[tones(8, None)], &json!({}));
    scene.play("kept");
    let page = &scene.browser;
    page.press("5");
    scene.wait_for(3.9, 4.1);
    let rotated = scene.rotate_key();
    page.wait("!document.querySelector('#sign-in').hidden");
    let told = page.text("document.querySelector('#sign-in-problem').textContent");
    assert!(told.starts_with("Your sign-in has ended."), "{told}");
    page.screenshot("sign-in-ended");
    scene.type_key(&rotated);
    page.wait(&format!("document.querySelector('#sign-in').hidden && {RENEWED} >= 1"));
    scene.wait_for(3.9, 4.1);
    page.run("document.activeElement.blur();");
    page.press("k");
    page.wait(&format!("{ACTIVE}.currentTime > 4.5"));
    page.click("#sign-out");
    page.wait(&format!("{STATE} === 'sign-in'"));
    assert_eq!(page.get("sessionStorage.length"), 0);
    assert_eq!(page.get(&format!("{ACTIVE}.hasAttribute('src')")), false);
}

#[test]
fn a_download_has_the_documented_name() {
    let scene = Scene::new(&[]);
    scene.record("saved", &[tones(6, Some((2, 4)))], &json!({}));
    let page = &scene.browser;
    for (round, query) in ["", "&mediaType=voice-only"].iter().enumerate() {
        let place = "/media-download#/acd-contacts?acdContactId=saved&isDownload=true";
        scene.open(&format!("{place}{query}"));
        page.wait(&format!("{STATE} === 'saving'"));
        let files = wait("the download", || {
            let entries = fs::read_dir(page.saved()).unwrap();
            let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
            let done: Vec<String> = names.filter(|name| name.ends_with(".mp4")).collect();
            (done.len() > round).then_some(done)
        });
        let begun = "CXone recording_Kim Lee_2026-03-04";
        let documented = |name: &String| name.starts_with(begun) && name.contains("[UTC]_");
        assert!(files.iter().all(documented), "{files:?}");
        let path = page.saved().join(&files[0]);
        let probed = Command::new("ffprobe")
            .args(["-v", "error", "-show_entries", "format=duration", "-of", "csv=p=0"])
            .arg(path)
            .output()
            .expect("ffprobe: apt-get install ffmpeg");
        let seconds: f64 = String::from_utf8(probed.stdout).unwrap().trim().parse().unwrap();
        assert!((seconds - 6.0).abs() < 0.2, "{seconds} s");
    }
    page.screenshot("download");
    let told = page.text("document.querySelector('#file').textContent");
    assert!(told.starts_with("CXone recording_Kim Lee_"), "{told}");
}
