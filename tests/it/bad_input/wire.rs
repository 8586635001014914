//! Requests that a well-mannered client library would not send.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use crate::gateway::{Answer, Gateway};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// A connection on which the head of a request was sent.
pub(super) struct Wire(TcpStream);

impl Wire {
    /// Sends method, target and headers as they are, with the operator's token.
    pub(super) fn begin(gateway: &Gateway, method: &str, target: &str, headers: &[&str]) -> Self {
        let address = gateway.url.strip_prefix("http://").expect("an address");
        let mut stream = TcpStream::connect(address).expect("a connection");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        let token = gateway.token();
        let mut head = format!("{method} {target} HTTP/1.1\r\nHost: {address}\r\n");
        head.push_str(&format!("Authorization: {token}\r\nConnection: close\r\n"));
        headers.iter().for_each(|header| head.push_str(&format!("{header}\r\n")));
        head.push_str("\r\n");
        stream.write_all(head.as_bytes()).expect("the head is sent");
        Self(stream)
    }

    pub(super) fn send(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).expect("bytes are sent");
    }

    /// Reads the answer.
    pub(super) fn answer(mut self) -> Answer {
        let mut raw = Vec::new();
        // A server that refuses a body early may cut the connection after its answer.
        let _ = self.0.read_to_end(&mut raw);
        let end = raw.windows(4).position(|piece| piece == b"\r\n\r\n").expect("a whole head");
        let head = String::from_utf8(raw[..end].to_vec()).expect("a text head");
        let mut lines = head.split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1)).expect("a status");
        let status = StatusCode::from_bytes(status.as_bytes()).expect("a status");
        let mut headers = HeaderMap::new();
        for (name, value) in lines.filter_map(|line| line.split_once(": ")) {
            let name = HeaderName::from_bytes(name.as_bytes()).expect("a header name");
            headers.insert(name, HeaderValue::from_str(value).expect("a header value"));
        }
        Answer { status, headers, body: raw[end + 4..].to_vec() }
    }
}
