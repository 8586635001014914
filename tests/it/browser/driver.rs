//! Chromium without a window, driven through chromedriver by WebDriver (W3C): JSON over HTTP.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::gateway::{try_send, wait};

/// What chromedriver says when it listens; the port follows.
const LISTENING: &str = "started successfully on port ";
/// Member that names an element (WebDriver section 12.2).
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";
/// How long a script may wait, in milliseconds.
const SCRIPT_MS: u64 = 60_000;
/// Size of the window, in CSS pixels.
const SIZE: &str = "--window-size=1280,1000";

/// A browser measures time: one at once.
static ONE: Mutex<()> = Mutex::new(());

/// A browser with a folder of its own.
pub(super) struct Browser {
    driver: Child,
    session: String,
    folder: TempDir,
    _turn: MutexGuard<'static, ()>,
}

impl Browser {
    /// Starts one on a free port.
    pub(super) fn start() -> Self {
        let turn = ONE.lock().unwrap_or_else(PoisonError::into_inner);
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(folder.path().join("saved")).expect("a folder");
        let (driver, url) = launch(folder.path());
        // From here on a panic ends the driver.
        let mut browser = Self { driver, session: String::new(), folder, _turn: turn };
        let wanted = capabilities(browser.folder.path());
        let made = request("POST", &format!("{url}/session"), &wanted);
        let id = made["sessionId"].as_str().unwrap_or_else(|| panic!("no session: {made}"));
        browser.session = format!("{url}/session/{id}");
        browser.command("POST", "/timeouts", &json!({ "script": SCRIPT_MS }));
        browser
    }

    fn command(&self, method: &str, path: &str, body: &Value) -> Value {
        request(method, &format!("{}{path}", self.session), body)
    }

    /// Opens an address.
    pub(super) fn open(&self, url: &str) {
        self.command("POST", "/url", &json!({ "url": url }));
    }

    /// What the body of a function gives.
    pub(super) fn run(&self, script: &str) -> Value {
        self.command("POST", "/execute/sync", &json!({ "script": script, "args": [] }))
    }

    /// The value of an expression.
    pub(super) fn get(&self, expression: &str) -> Value {
        self.run(&format!("return {expression};"))
    }

    /// The number that an expression is.
    pub(super) fn number(&self, expression: &str) -> f64 {
        let value = self.get(expression);
        value.as_f64().unwrap_or_else(|| panic!("{expression} is {value}"))
    }

    /// The text that an expression is.
    pub(super) fn text(&self, expression: &str) -> String {
        let value = self.get(expression);
        value.as_str().unwrap_or_else(|| panic!("{expression} is {value}")).to_owned()
    }

    /// What the body of an async function gives in the end.
    pub(super) fn run_async(&self, script: &str) -> Value {
        let script = format!(
            "const done = arguments[0];
             (async () => {{ {script} }})().then(done, (error) => done({{failed: String(error)}}));"
        );
        let body = json!({ "script": script, "args": [] });
        let value = self.command("POST", "/execute/async", &body);
        assert!(value["failed"].is_null(), "{value}");
        value
    }

    /// Waits until an expression is true.
    pub(super) fn wait(&self, expression: &str) {
        // The page says what it shows when the wait is in vain.
        wait(expression, || (self.get(expression) == true).then_some(()));
    }

    fn element(&self, selector: &str) -> String {
        let body = json!({ "using": "css selector", "value": selector });
        let found = self.command("POST", "/element", &body);
        found[ELEMENT].as_str().unwrap_or_else(|| panic!("no {selector}: {found}")).to_owned()
    }

    /// Clicks the middle of an element.
    pub(super) fn click(&self, selector: &str) {
        let path = format!("/element/{}/click", self.element(selector));
        self.command("POST", &path, &json!({}));
    }

    /// Presses the pointer at a share of an element's width, and lets it go at another.
    pub(super) fn drag(&self, selector: &str, from: f64, to: f64) {
        let width = self.number(&format!("document.querySelector('{selector}').clientWidth"));
        let origin = json!({ ELEMENT: self.element(selector) });
        // Counted from the middle of the element.
        let at = |share: f64| {
            json!({ "type": "pointerMove", "duration": 0, "origin": origin, "y": 0,
                    "x": ((share - 0.5) * width).round() })
        };
        let actions = json!([
            at(from), { "type": "pointerDown", "button": 0 },
            at(to), { "type": "pointerUp", "button": 0 },
        ]);
        let pointer = json!({ "type": "pointer", "id": "mouse", "actions": actions });
        self.command("POST", "/actions", &json!({ "actions": [pointer] }));
    }

    /// Presses keys one after the other, wherever the focus is.
    pub(super) fn press(&self, keys: &str) {
        let strokes: Vec<Value> = keys.chars().flat_map(|key| stroke(&key.to_string())).collect();
        self.strokes(&json!(strokes));
    }

    /// Presses a key while shift is held.
    pub(super) fn press_with_shift(&self, key: &str) {
        let [down, up] = stroke(key);
        let [hold, release] = stroke(SHIFT);
        self.strokes(&json!([hold, down, up, release]));
    }

    fn strokes(&self, actions: &Value) {
        let keyboard = json!({ "type": "key", "id": "keyboard", "actions": actions });
        self.command("POST", "/actions", &json!({ "actions": [keyboard] }));
    }

    /// A command of the DevTools protocol.
    pub(super) fn devtools(&self, command: &str, parameters: &Value) {
        let body = json!({ "cmd": command, "params": parameters });
        self.command("POST", "/goog/cdp/execute", &body);
    }

    /// Keeps a picture of the page below the target folder.
    pub(super) fn screenshot(&self, name: &str) {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("screenshots");
        std::fs::create_dir_all(&folder).expect("a folder");
        let shot = self.command("GET", "/screenshot", &Value::Null);
        let picture = STANDARD.decode(shot.as_str().expect("a picture")).expect("Base64");
        std::fs::write(folder.join(format!("{name}.png")), picture).expect("a file");
    }

    /// What the page complained of since the last call, save for answers that are no 2xx.
    pub(super) fn complaints(&self) -> Vec<String> {
        let lines = self.command("POST", "/se/log", &json!({ "type": "browser" }));
        let lines = lines.as_array().expect("a list").iter();
        let severe = lines.filter(|line| line["level"] == "SEVERE");
        let texts = severe.filter_map(|line| line["message"].as_str().map(str::to_owned));
        texts.filter(|text| !text.contains("Failed to load resource")).collect()
    }

    /// Where downloads are saved.
    pub(super) fn saved(&self) -> PathBuf {
        self.folder.path().join("saved")
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if !self.session.is_empty() {
            // Ends the browser itself.
            let _ = try_send("DELETE", &self.session, &[], "");
        }
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

/// Keys without a character (WebDriver section 17.4.2).
pub(super) const TAB: &str = "\u{E004}";
pub(super) const ENTER: &str = "\u{E007}";
pub(super) const SHIFT: &str = "\u{E008}";
pub(super) const LEFT: &str = "\u{E012}";
pub(super) const RIGHT: &str = "\u{E014}";
pub(super) const DOWN: &str = "\u{E015}";

fn stroke(key: &str) -> [Value; 2] {
    ["keyDown", "keyUp"].map(|kind| json!({ "type": kind, "value": key }))
}

fn request(method: &str, url: &str, body: &Value) -> Value {
    let text = if body.is_null() { String::new() } else { body.to_string() };
    let headers = [("content-type", "application/json")];
    let answer = try_send(method, url, &headers, text).expect("chromedriver answers");
    let value = answer.json()["value"].clone();
    assert!(answer.status.is_success(), "{method} {url}: {} {}", value["error"], value["message"]);
    value
}

fn launch(folder: &Path) -> (Child, String) {
    let mut driver = Command::new("chromedriver")
        .arg("--port=0")
        .env("TMPDIR", folder)
        .env("HOME", folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("chromedriver: apt-get install chromium chromium-driver");
    let output = BufReader::new(driver.stdout.take().expect("standard output"));
    let port = output.lines().map_while(Result::ok).find_map(|line| {
        let (_, port) = line.split_once(LISTENING)?;
        port.trim_end_matches('.').parse::<u16>().ok()
    });
    (driver, format!("http://127.0.0.1:{}", port.expect("chromedriver listens")))
}

fn capabilities(folder: &Path) -> Value {
    let arguments = json!([
        "--headless=new",
        "--no-sandbox",
        "--disable-dev-shm-usage",
        "--disable-gpu",
        "--autoplay-policy=no-user-gesture-required",
        "--lang=en-US",
        SIZE,
        format!("--user-data-dir={}", folder.join("profile").display()),
    ]);
    let options = json!({
        "args": arguments,
        "prefs": { "download.default_directory": folder.join("saved") },
    });
    let wanted = json!({
        "browserName": "chrome",
        "goog:chromeOptions": options,
        "goog:loggingPrefs": { "browser": "ALL" },
    });
    json!({ "capabilities": { "alwaysMatch": wanted } })
}
