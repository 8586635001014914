//! A recorder that streams: HTTP/1.1 by hand, so that it can break off anywhere.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use crate::gateway::Gateway;

/// A request whose body is still being sent.
pub(crate) struct Stream(TcpStream);

/// Status, head and body of an answer.
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Stream {
    /// Sends the head of a chunked request.
    pub(crate) fn open(gateway: &Gateway, method: &str, path: &str, headers: &[&str]) -> Self {
        let address = gateway.url.strip_prefix("http://").expect("an address");
        let mut stream = TcpStream::connect(address).expect("a connection");
        stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a timeout");
        let token = gateway.token();
        let more: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: {address}\r\nauthorization: {token}\r\n\
             transfer-encoding: chunked\r\n{more}\r\n"
        );
        stream.write_all(head.as_bytes()).expect("a sent head");
        Self(stream)
    }

    /// Sends a piece of the body; false when the other side is gone.
    pub(crate) fn send(&mut self, bytes: &[u8]) -> bool {
        let head = format!("{:x}\r\n", bytes.len());
        let chunk = [head.as_bytes(), bytes, b"\r\n"].concat();
        self.0.write_all(&chunk).is_ok()
    }

    /// Ends the body, and waits for the answer.
    pub(crate) fn end(mut self) -> Reply {
        self.0.write_all(b"0\r\n\r\n").expect("a sent end");
        self.reply()
    }

    /// Ends the body as [`end`](Self::end), but none when the gateway refused and closed while
    /// the body was still on its way: its answer may then be lost with the connection.
    pub(crate) fn end_unless_refused(mut self) -> Option<Reply> {
        self.0.write_all(b"0\r\n\r\n").is_ok().then(|| self.try_reply()).flatten()
    }

    /// Goes away in the midst of the body.
    pub(crate) fn break_off(self) {
        self.0.shutdown(Shutdown::Both).expect("a broken connection");
    }

    /// The answer.
    pub(crate) fn reply(&mut self) -> Reply {
        self.try_reply().expect("a whole answer")
    }

    /// The answer, or none when the connection ends before it is whole.
    fn try_reply(&mut self) -> Option<Reply> {
        let mut bytes = Vec::new();
        let mut buffer = [0; 4096];
        loop {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let length = head.lines().find_map(|line| {
                    let (name, value) = line.split_once(':')?;
                    name.eq_ignore_ascii_case("content-length")
                        .then(|| value.trim().parse().ok())?
                });
                if body.len() >= length.unwrap_or(0_usize) {
                    let status = head.split(' ').nth(1).expect("a status");
                    let status = status.parse().expect("a number");
                    return Some(Reply {
                        status,
                        head: head.to_lowercase(),
                        body: body.to_owned(),
                    });
                }
            }
            match self.0.read(&mut buffer).ok()? {
                0 => return None,
                got => bytes.extend_from_slice(&buffer[..got]),
            }
        }
    }
}
