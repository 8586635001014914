//! What the pages are opened on: a gateway with recordings, a user with an access key, a browser.

use std::process::Command;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::driver::{Browser, ENTER, TAB};
use crate::gateway::Gateway;
use crate::identity::{Key, add_key, cli_json};

/// When every recording begins.
const START: &str = "2026-03-04T09:15:00.000Z";
/// The media element that is heard.
pub(super) const ACTIVE: &str = "document.querySelector('video[data-active]')";
/// The state that the page is in.
pub(super) const STATE: &str = "document.querySelector('#main').dataset.state";
/// What its notice is about.
pub(super) const NOTICE: &str = "document.querySelector('#notice').dataset.kind";

/// One media file of a recording.
pub(super) struct Media {
    pub(super) mime: &'static str,
    pub(super) bytes: Vec<u8>,
    pub(super) seconds: i64,
    /// Silenced from and to, in seconds.
    pub(super) mask: Option<(i64, i64)>,
}

/// A gateway, a browser, and who signs in.
pub(super) struct Scene {
    // Dropped first: the browser's requests end before the gateway does.
    pub(super) browser: Browser,
    pub(super) gateway: Gateway,
    key: Key,
}

impl Scene {
    /// Everything started; the user may play everybody's recordings.
    pub(super) fn new(settings: &[(&str, &str)]) -> Self {
        let gateway = Gateway::start(settings);
        let key = add_key(&gateway, "default", "kim", &["play", "play.any", "play.insights"]);
        Self::on(gateway, key)
    }

    /// The same on a gateway that runs already.
    pub(super) fn on(gateway: Gateway, key: Key) -> Self {
        Self { browser: Browser::start(), gateway, key }
    }

    /// Stores a recording of a contact of the same name; `about` goes under `reelgate`.
    pub(super) fn record(&self, id: &str, files: &[Media], about: &Value) {
        record(&self.gateway, id, files, about);
    }

    /// Opens a place below the gateway, and signs in if the page asks for it.
    pub(super) fn open(&self, place: &str) {
        // Another fragment alone is no new page.
        self.browser.open("about:blank");
        self.browser.open(&format!("{}{place}", self.gateway.url));
        self.browser.wait(&format!("{STATE} !== 'loading' && {STATE} !== 'asking'"));
        if self.browser.text(STATE) == "sign-in" {
            self.sign_in();
        }
    }

    /// Gives the access key a new secret: all tokens are void. The key as it is now.
    pub(super) fn rotate_key(&self) -> Key {
        Key::of(&cli_json(&self.gateway, &["access-key", "rotate", &self.key.id]))
    }

    /// Fills the form in with the keyboard: the focus is already in it.
    pub(super) fn sign_in(&self) {
        self.type_key(&self.key);
    }

    /// The same with another key.
    pub(super) fn type_key(&self, key: &Key) {
        self.browser.wait("document.activeElement.id.startsWith('access-key-')");
        // The form keeps the id when only the tokens came to their end.
        self.browser.run(
            "const id = document.querySelector('#access-key-id');
                          id.value = ''; id.focus();",
        );
        self.browser.press(&format!("{}{TAB}{}{ENTER}", key.id, key.secret));
    }

    /// Opens the player on a contact, and waits until it can play.
    pub(super) fn play(&self, contact: &str) {
        self.open(&player(contact));
        self.browser.wait(&format!("{STATE} === 'ready' && {ACTIVE}.readyState >= 3"));
    }

    /// Opens an address that is refused; the whole notice.
    pub(super) fn refused(&self, place: &str, kind: &str) -> String {
        self.open(place);
        self.browser.wait(&format!("{NOTICE} === '{kind}'"));
        self.browser.screenshot(&format!("notice-{kind}"));
        self.browser.text("document.querySelector('#notice').innerText")
    }

    /// Where the recording is, in seconds.
    pub(super) fn time(&self) -> f64 {
        self.browser.number(&format!("{ACTIVE}.currentTime"))
    }

    /// Waits until the recording is at a place.
    pub(super) fn wait_for(&self, from: f64, to: f64) {
        let at = format!("{ACTIVE}.currentTime");
        self.browser.wait(&format!("!{ACTIVE}.seeking && {at} >= {from} && {at} <= {to}"));
    }
}

/// Stores a recording, as [`Scene::record`] does.
pub(super) fn record(gateway: &Gateway, id: &str, files: &[Media], about: &Value) {
    let document = document(id, files, about);
    let answer = gateway.declare(&document);
    assert_eq!(answer.status, 201, "{}", String::from_utf8_lossy(&answer.body));
    for (index, file) in files.iter().enumerate() {
        let answer = gateway.push(id, &media_id(id, index), file.bytes.clone());
        assert_eq!(answer.status, 201, "{}", String::from_utf8_lossy(&answer.body));
    }
    let status = gateway.settled(id);
    assert_eq!(status["state"], "ready", "{status}");
}

/// The player's address of a contact.
pub(super) fn player(contact: &str) -> String {
    format!("/player/#/cxone-player/acd-contacts/{contact}")
}

/// The name of a media file.
fn media_id(id: &str, index: usize) -> String {
    format!("{id}_media-{index}")
}

/// An instant so long after [`START`].
pub(super) fn instant(after: Duration) -> String {
    let start: Timestamp = START.parse().expect("an instant");
    let at = start + SignedDuration::try_from(after).expect("a short time");
    format!("{at:.3}")
}

fn document(id: &str, files: &[Media], about: &Value) -> Value {
    let second =
        |seconds: i64| instant(Duration::from_secs(seconds.try_into().expect("after the start")));
    let entry = |(index, file): (usize, &Media)| {
        let masks = file.mask.map(|(from, to)| {
            json!([{ "time": second(from), "type": "paused" },
                   { "time": second(to), "type": "resume" }])
        });
        json!({
            "callUUID": id, "mediaId": media_id(id, index), "type": file.mime,
            "startTime": second(0), "stopTime": second(file.seconds),
            "parameters": {}, "masks": masks.unwrap_or_else(|| json!([])),
        })
    };
    let media: Vec<Value> = files.iter().enumerate().map(entry).collect();
    let mut own = json!({
        "contact": { "acdContactId": id, "masterContactId": id, "segmentId": format!("{id}-1") },
        "agent": { "userId": "user-7001", "name": "Kim Lee" },
        "channels": ["agent", "customer"],
        "direction": "INBOUND",
    });
    for (name, value) in about.as_object().expect("an object") {
        own[name] = value.clone();
    }
    json!({
        "id": id, "callerPhoneNumber": "+15550100001", "dialedPhoneNumber": "+15550100002",
        "region": "north", "mediaFiles": media, "reelgate": own,
    })
}

/// What ffmpeg makes of these arguments, in a file with this ending.
fn made(ending: &str, arguments: &[&str]) -> Vec<u8> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join(format!("made.{ending}"));
    let output = Command::new("ffmpeg")
        .args(["-nostdin", "-v", "error"])
        .args(arguments)
        .arg(&path)
        .output()
        .expect("ffmpeg: apt-get install ffmpeg");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    std::fs::read(&path).expect("a file")
}

/// A tone for the agent and another for the customer.
pub(super) fn tones(seconds: i64, mask: Option<(i64, i64)>) -> Media {
    let graph = format!(
        "sine=f=440:r=16000:d={seconds}[a];sine=f=880:r=16000:d={seconds}[b];\
         [a][b]amerge=inputs=2,volume=4"
    );
    let arguments = ["-filter_complex", &graph, "-c:a", "pcm_s16le"];
    Media { mime: "audio/wav", bytes: made("wav", &arguments), seconds, mask }
}

/// Silence in which a tone begins.
pub(super) fn late_tone(seconds: i64, begins: i64) -> Media {
    let graph = format!("sine=f=440:r=16000:d={seconds},volume=8:enable='gte(t,{begins})'");
    let silent = format!("{graph},volume=0:enable='lt(t,{begins})'");
    let arguments = ["-f", "lavfi", "-i", &silent, "-c:a", "pcm_s16le"];
    Media { mime: "audio/wav", bytes: made("wav", &arguments), seconds, mask: None }
}

/// A dark screen that becomes bright.
pub(super) fn late_light(seconds: i64, begins: i64) -> Media {
    let graph = format!(
        "color=black:s=320x240:r=25:d={begins}[a];color=white:s=320x240:r=25:d={}[b];\
         [a][b]concat=n=2:v=1:a=0",
        seconds - begins
    );
    let codec = ["-c:v", "libx264", "-pix_fmt", "yuv420p", "-g", "25", "-movflags", "+faststart"];
    let arguments = [&["-filter_complex", &graph][..], &codec].concat();
    Media { mime: "video/mp4", bytes: made("mp4", &arguments), seconds, mask: None }
}

/// An MP3 of many hours: a minute, over and over.
pub(super) fn hours(hours: i64) -> Media {
    let mp3 = ["-c:a", "libmp3lame", "-b:a", "16k", "-write_xing", "0"];
    let graph = ["-f", "lavfi", "-i", "sine=f=440:r=8000:d=60", "-ac", "1"];
    let minute = made("mp3", &[&graph[..], &mp3].concat());
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("minute.mp3");
    std::fs::write(&path, minute).expect("a file");
    let (seconds, times) = (hours * 3600, (hours * 60).to_string());
    let again = ["-stream_loop", &times, "-i", path.to_str().expect("a path")];
    // By frames of 72 ms: what is repeated by time plays a little longer each time.
    let frames = (seconds * 1000 / 72).to_string();
    let rest = ["-frames:a", &frames, "-c", "copy", "-write_xing", "0"];
    let bytes = made("mp3", &[&again[..], &rest[..]].concat());
    Media { mime: "audio/mp3", bytes, seconds, mask: None }
}
