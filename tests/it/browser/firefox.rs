//! The player in Firefox, driven by WebDriver BiDi (W3C) over the WebSocket that Firefox itself
//! offers: Debian has no geckodriver.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use super::driver::{ENTER, TAB};
use super::scene::{ACTIVE, STATE, player, record, tones};
use crate::gateway::{Gateway, block_on, wait};
use crate::identity::add_key;

/// What Firefox says when it listens; the address follows.
const LISTENING: &str = "WebDriver BiDi listening on ";
/// A bound for a test that would hang otherwise.
const PATIENCE: Duration = Duration::from_secs(60);
/// Nothing of its own over the network, and sound without a click.
const PREFERENCES: &str = r#"
user_pref("media.autoplay.default", 0);
user_pref("app.update.enabled", false);
user_pref("browser.shell.checkDefaultBrowser", false);
user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("network.captive-portal-service.enabled", false);
user_pref("network.connectivity-service.enabled", false);
user_pref("toolkit.telemetry.reportingpolicy.firstRun", false);
user_pref("services.settings.server", "http://127.0.0.1:9/");
"#;

/// A Firefox with a profile of its own, and its first tab.
struct Firefox {
    child: Child,
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    number: u64,
    tab: String,
    /// What pages complained of.
    complaints: Vec<String>,
    _folder: TempDir,
}

impl Firefox {
    fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("user.js"), PREFERENCES).expect("a file");
        let (child, url) = launch(folder.path());
        let socket = block_on(connect_async(format!("{url}/session"))).expect("a WebSocket").0;
        let mut firefox = Self {
            child,
            socket,
            number: 0,
            tab: String::new(),
            complaints: Vec::new(),
            _folder: folder,
        };
        firefox.command("session.new", &json!({ "capabilities": {} }));
        firefox.command("session.subscribe", &json!({ "events": ["log.entryAdded"] }));
        let tree = firefox.command("browsingContext.getTree", &json!({}));
        firefox.tab = tree["contexts"][0]["context"].as_str().expect("a tab").to_owned();
        firefox
    }

    /// Sends a command, and waits for its result; keeps what pages complain of meanwhile.
    fn command(&mut self, method: &str, parameters: &Value) -> Value {
        self.number += 1;
        let number = self.number;
        let text = json!({ "id": number, "method": method, "params": parameters }).to_string();
        block_on(self.socket.send(Message::text(text))).expect("an open socket");
        loop {
            let next = block_on(async { tokio::time::timeout(PATIENCE, self.socket.next()).await });
            let message = next.expect("an answer in time").expect("an open socket");
            let Message::Text(text) = message.expect("a message") else { continue };
            let message: Value = serde_json::from_str(&text).expect("JSON");
            if message["method"] == "log.entryAdded" && message["params"]["level"] == "error" {
                self.complaints.push(message["params"]["text"].to_string());
            }
            if message["id"] == number {
                assert_eq!(message["type"], "success", "{method}: {message}");
                return message["result"].clone();
            }
        }
    }

    fn open(&mut self, url: &str) {
        let tab = self.tab.clone();
        let parameters = json!({ "context": tab, "url": url, "wait": "complete" });
        self.command("browsingContext.navigate", &parameters);
    }

    /// The value of an expression, which is a number, a text, a truth or nothing.
    fn get(&mut self, expression: &str) -> Value {
        let parameters = json!({
            "expression": expression, "awaitPromise": true, "target": { "context": self.tab },
            "userActivation": true,
        });
        let answer = self.command("script.evaluate", &parameters);
        assert_eq!(answer["type"], "success", "{expression}: {answer}");
        answer["result"]["value"].clone()
    }

    fn wait(&mut self, expression: &str) {
        wait(expression, || (self.get(expression) == true).then_some(()));
    }

    fn press(&mut self, keys: &str) {
        let strokes: Vec<Value> = keys
            .chars()
            .flat_map(|key| {
                ["keyDown", "keyUp"].map(|kind| json!({ "type": kind, "value": key.to_string() }))
            })
            .collect();
        let actions = json!([{ "type": "key", "id": "keyboard", "actions": strokes }]);
        let tab = self.tab.clone();
        self.command("input.performActions", &json!({ "context": tab, "actions": actions }));
    }
}

impl Drop for Firefox {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn launch(folder: &Path) -> (Child, String) {
    let mut child = Command::new("firefox-esr")
        .args(["--headless", "--no-remote", "--remote-debugging-port", "0", "--profile"])
        .arg(folder)
        .env("HOME", folder)
        .env("TMPDIR", folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("firefox-esr: apt-get install firefox-esr");
    let mut lines = BufReader::new(child.stderr.take().expect("standard error")).lines();
    let url = lines
        .by_ref()
        .map_while(Result::ok)
        .find_map(|line| line.split_once(LISTENING).map(|(_, url)| url.trim().to_owned()));
    // Read on, so that it never waits for a full pipe.
    std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
    (child, url.expect("firefox-esr listens"))
}

#[test]
fn a_recording_plays_in_firefox_too() {
    let gateway = Gateway::start(&[]);
    let key = add_key(&gateway, "default", "kim", &["play", "play.any"]);
    record(&gateway, "fox", &[tones(30, Some((4, 6)))], &json!({}));
    let mut page = Firefox::start();
    page.open(&format!("{}{}", gateway.url, player("fox")));
    page.wait("document.activeElement.id === 'access-key-id'");
    page.press(&format!("{}{TAB}{}{ENTER}", key.id, key.secret));
    page.wait(&format!("{STATE} === 'ready' && {ACTIVE}.readyState >= 3"));
    assert_eq!(page.get("document.querySelector('#whole').textContent"), "0:30");
    // Without a sound device Firefox refuses to play what is not muted.
    page.press("m");
    page.get("document.querySelector('#play').click()");
    page.wait(&format!("{ACTIVE}.currentTime > 1"));
    assert_eq!(page.get(&format!("{ACTIVE}.paused")), false);
    // The right key goes five seconds on, from wherever it plays.
    page.get("document.querySelector('#position').focus()");
    page.press("k");
    let before = page.get(&format!("{ACTIVE}.currentTime")).as_f64().expect("a time");
    page.press("\u{E014}");
    page.wait(&format!("Math.abs({ACTIVE}.currentTime - {before} - 5) < 0.3"));
    page.press("5");
    page.wait(&format!("Math.abs({ACTIVE}.currentTime - 15) < 0.1 && !{ACTIVE}.seeking"));
    page.press("k");
    page.wait(&format!("{ACTIVE}.currentTime > 16"));
    assert_eq!(page.get(&format!("{ACTIVE}.error?.message ?? ''")), "");
    let notice = "document.querySelector('#notice').hidden ? '' : \
                  document.querySelector('#notice').innerText";
    assert_eq!(page.get(notice), "");
    assert!(page.complaints.is_empty(), "{:?}", page.complaints);
}
