//! Bad input gets a clear refusal, or quarantine with a reason, and leaves nothing behind.

mod access;
mod connections;
mod documents;
mod limits;
mod media;
pub(crate) mod multipart;
mod names;
mod wire;

use serde_json::Value;

use crate::gateway::{Answer, Gateway, document, ids, sample, wait};

/// Holds an answer to RFC 9457 and to its code; `names` must stand in its text.
pub(crate) fn problem(answer: &Answer, status: u16, code: &str, names: &str) -> Value {
    let text = String::from_utf8_lossy(&answer.body).into_owned();
    assert_eq!(answer.status.as_u16(), status, "{text}");
    assert_eq!(answer.header("content-type"), "application/problem+json", "{text}");
    let body = answer.json();
    assert_eq!(body["code"], code, "{text}");
    assert_eq!(body["status"], status, "{text}");
    assert_eq!(body["type"], format!("urn:reelgate:problem:{code}"));
    assert!(body["title"].as_str().is_some_and(|title| !title.is_empty()), "{text}");
    let id = body["requestId"].as_str().unwrap_or_default();
    assert!(!id.is_empty() && id == answer.header("x-request-id"), "{text}");
    let told = body["detail"].as_str().unwrap_or_default();
    assert!(told.contains(names), "{names} is not in {told:?}");
    if let Some(errors) = body["errors"].as_array() {
        assert_eq!(body["field"], errors[0]["field"]);
    }
    body
}

/// The paths of all faults of a problem.
fn fields(body: &Value) -> Vec<&str> {
    let errors = body["errors"].as_array().expect("a list of faults");
    errors.iter().map(|fault| fault["field"].as_str().expect("a field")).collect()
}

/// A sample that is declared, and not pushed yet.
struct Declared {
    gateway: Gateway,
    recording: String,
    media: String,
    file: String,
}

impl Declared {
    fn new(settings: &[(&str, &str)], file: &str) -> Self {
        Self::changed(settings, file, |_| {})
    }

    /// The same with another document.
    fn changed(settings: &[(&str, &str)], file: &str, change: impl FnOnce(&mut Value)) -> Self {
        let gateway = Gateway::start(settings);
        let mut document = document(file.rsplit_once('.').expect("an extension").0);
        change(&mut document);
        let answer = gateway.declare(&document);
        assert_eq!(answer.status, 201, "{}", String::from_utf8_lossy(&answer.body));
        let (recording, media) = ids(&document);
        Self { gateway, recording, media, file: file.to_owned() }
    }

    fn path(&self) -> String {
        format!("/ingest/v1/recordings/{}/media/{}", self.recording, self.media)
    }

    fn bytes(&self) -> Vec<u8> {
        sample(&self.file)
    }

    /// Pushes with one more header.
    fn push(&self, header: (&str, &str), body: Vec<u8>) -> Answer {
        let token = self.gateway.token();
        let url = format!("{}{}", self.gateway.url, self.path());
        crate::gateway::send("PUT", &url, &[("authorization", &token), header], body)
    }

    fn spooled_files(&self) -> usize {
        spooled_files(&self.gateway)
    }

    /// The state is as before the refused upload.
    fn nothing_left(&self) {
        let status = self.gateway.status(&self.recording);
        assert_eq!(status["state"], "declared", "{status}");
        assert!(status["media"][0]["receipt"].is_null(), "{status}");
        assert!(status["media"][0]["upload"]["bytes"].is_null(), "{status}");
        assert_eq!(self.spooled_files(), 0);
    }

    /// The sender may simply come again with the right bytes.
    fn a_repeat_succeeds(&self) {
        self.nothing_left();
        let answer = self.gateway.push(&self.recording, &self.media, self.bytes());
        assert_eq!(answer.status, 201, "{}", String::from_utf8_lossy(&answer.body));
        self.ready();
    }

    fn ready(&self) -> Value {
        let status = self.gateway.settled(&self.recording);
        assert_eq!(status["state"], "ready", "{status}");
        status
    }

    /// Pushes the sample and waits for the reason of its quarantine.
    fn quarantined(&self, reason: &str) {
        let answer = self.gateway.push(&self.recording, &self.media, self.bytes());
        assert!(answer.status.is_success(), "{}", String::from_utf8_lossy(&answer.body));
        let status = self.gateway.settled(&self.recording);
        assert_eq!(status["state"], "quarantined", "{status}");
        assert_eq!(status["media"][0]["reason"], reason, "{status}");
        assert!(!status["media"][0]["detail"].as_str().unwrap_or_default().is_empty(), "{status}");
        assert_eq!(status["deliveries"].as_array().map(Vec::len), Some(0), "{status}");
    }

    /// Waits until a dropped upload is given back.
    fn given_back(&self) {
        wait("the end of the dropped upload", || {
            let declared = self.gateway.status(&self.recording)["state"] == "declared";
            (declared && self.spooled_files() == 0).then_some(())
        });
    }
}

/// Files in the spool folder.
fn spooled_files(gateway: &Gateway) -> usize {
    std::fs::read_dir(gateway.data().join("spool")).expect("the spool").count()
}
