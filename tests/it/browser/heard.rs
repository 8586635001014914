//! What comes out of the loudspeaker, measured with Web Audio, and what is seen at that time.

use serde_json::{Value, json};

use super::scene::{ACTIVE, Scene, late_light, late_tone, tones};

/// Silence on each side of a mask, in seconds.
const GUARD_S: f64 = 0.5;
/// How far the reading of the clock may be off, in seconds.
const SLACK_S: f64 = 0.15;
/// Louder than this is sound, softer than that is silence: shares of full scale.
const LOUD: f64 = 0.05;
const SILENT: f64 = 0.0005;
/// How far sound and picture may be apart, in milliseconds.
const APART_MS: f64 = 100.0;

/// Listens to the active element through an analyser: `peak()` of the last 256 samples.
fn listen() -> String {
    format!(
        "const context = new AudioContext();
         const element = {ACTIVE};
         const analyser = new AnalyserNode(context, {{ fftSize: 256 }});
         context.createMediaElementSource(element).connect(analyser).connect(context.destination);
         await context.resume();
         const samples = new Float32Array(256);
         const peak = () => {{
             analyser.getFloatTimeDomainData(samples);
             return samples.reduce((most, one) => Math.max(most, Math.abs(one)), 0);
         }};
         const tick = () => new Promise((resolve) => setTimeout(resolve, 5));"
    )
}

#[test]
fn a_mask_is_silent_and_the_rest_is_heard() {
    let scene = Scene::new(&[]);
    scene.record("heard", &[tones(10, Some((4, 6)))], &json!({}));
    scene.play("heard");
    let heard = scene.browser.run_async(&format!(
        "{} const heard = [];
         await element.play();
         while (!element.ended && element.currentTime < 8.5) {{
             heard.push([element.currentTime, peak()]);
             await tick();
         }}
         return heard;",
        listen()
    ));
    let pair = |one: &Value| (one[0].as_f64().unwrap(), one[1].as_f64().unwrap());
    let heard: Vec<(f64, f64)> = heard.as_array().unwrap().iter().map(pair).collect();
    let between = |from: f64, to: f64| {
        let found: Vec<f64> =
            heard.iter().filter(|(at, _)| (from..to).contains(at)).map(|(_, peak)| *peak).collect();
        assert!(found.len() > 50, "{} measurements from {from} to {to}", found.len());
        found
    };
    let inside = between(4.0 - GUARD_S + SLACK_S, 6.0 + GUARD_S - SLACK_S);
    let most = inside.iter().copied().fold(0.0, f64::max);
    assert!(most < SILENT, "{most} is heard inside the mask");
    for (from, to) in [(0.3, 4.0 - GUARD_S - SLACK_S), (6.0 + GUARD_S + SLACK_S, 8.4)] {
        let least = between(from, to).into_iter().fold(1.0, f64::min);
        assert!(least > LOUD, "only {least} is heard from {from} to {to}");
    }
}

#[test]
fn one_channel_is_heard_alone_on_both_ears() {
    let scene = Scene::new(&[]);
    scene.record("channels", &[tones(20, None)], &json!({}));
    scene.play("channels");
    let page = &scene.browser;
    // What the page's own graph gives to the loudspeaker, listened to at its last node.
    page.run(
        "const connect = AudioNode.prototype.connect;
         AudioNode.prototype.connect = function (to, ...rest) {
             if (to instanceof AudioDestinationNode) {
                 const splitter = new ChannelSplitterNode(this.context, { numberOfOutputs: 2 });
                 connect.call(this, splitter);
                 const ears = [0, 1].map((ear) => {
                     const analyser = new AnalyserNode(this.context, { fftSize: 2048 });
                     connect.call(splitter, analyser, ear);
                     return analyser;
                 });
                 (window.ears ??= []).push(ears);
             }
             return connect.call(this, to, ...rest);
         };",
    );
    page.click("#play");
    for (choice, expected) in
        [("agent", [440.0, 440.0]), ("customer", [880.0, 880.0]), ("both", [440.0, 880.0])]
    {
        page.click(&format!("#channel-{choice}"));
        // The first element is the active one: nothing was renewed yet.
        let pitches = page.run_async(
            "await new Promise((resolve) => setTimeout(resolve, 400));
             return window.ears[0].map((analyser) => {
                 const power = new Float32Array(analyser.frequencyBinCount);
                 analyser.getFloatFrequencyData(power);
                 const best = power.indexOf(Math.max(...power));
                 return best * analyser.context.sampleRate / analyser.fftSize;
             });",
        );
        for (ear, pitch) in expected.iter().enumerate() {
            let heard = pitches[ear].as_f64().unwrap();
            assert!((heard - pitch).abs() < 30.0, "{choice}, ear {ear}: {heard} Hz");
        }
    }
    assert!(scene.time() > 0.5, "it stopped playing");
}

#[test]
fn screen_and_voice_are_in_step() {
    let scene = Scene::new(&[]);
    scene.record("step", &[late_tone(8, 3), late_light(8, 3)], &json!({}));
    scene.play("step");
    let page = &scene.browser;
    assert_eq!(page.get("document.querySelector('#stage').hidden"), false);
    let begun = page.run_async(&format!(
        "{} const canvas = new OffscreenCanvas(8, 8);
         const draw = canvas.getContext('2d', {{ willReadFrequently: true }});
         const brightness = () => {{
             draw.drawImage(element, 0, 0, 8, 8);
             return draw.getImageData(4, 4, 1, 1).data[0];
         }};
         element.currentTime = 1.5;
         await element.play();
         let heard = 0, seen = 0, dark = false;
         while (!(heard && seen) && element.currentTime < 7) {{
             if (brightness() < 60) dark = true;
             if (!seen && dark && brightness() > 180) seen = performance.now();
             if (!heard && peak() > {LOUD}) heard = performance.now();
             await tick();
         }}
         return [heard, seen, element.currentTime];",
        listen()
    ));
    page.screenshot("screen");
    let [heard, seen] = [0, 1].map(|index: usize| begun[index].as_f64().unwrap());
    assert!(heard > 0.0 && seen > 0.0, "{begun}");
    println!("the picture comes {:.0} ms after the sound", seen - heard);
    assert!((seen - heard).abs() <= APART_MS, "{begun}");
}
