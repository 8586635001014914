//! A webhook tells of each record when it is there.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;

use serde_json::{Value, json};

use super::{Office, uuid};

/// Answers one request with a status; its head and body.
fn answer(listener: &TcpListener, status: &str) -> (String, Value) {
    let (mut stream, _) = listener.accept().expect("a connection");
    let mut read = Vec::new();
    let mut block = [0; 4096];
    loop {
        let count = stream.read(&mut block).expect("a request");
        read.extend_from_slice(&block[..count]);
        let text = String::from_utf8_lossy(&read).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.to_lowercase().lines().find_map(|line| {
            line.strip_prefix("content-length:").and_then(|value| value.trim().parse().ok())
        });
        if body.len() >= length.unwrap_or(0) {
            let reply =
                format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            stream.write_all(reply.as_bytes()).expect("an answer");
            return (head.to_owned(), serde_json::from_str(body).expect("JSON"));
        }
    }
}

#[test]
fn a_record_is_told_of_once_and_again_until_it_is_taken() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let secrets = tempfile::tempdir().expect("a folder");
    let secret = secrets.path().join("hook");
    std::fs::write(&secret, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").expect("a secret");
    std::fs::set_permissions(&secret, std::os::unix::fs::PermissionsExt::from_mode(0o600))
        .expect("a mode");
    let hook = format!(
        "[{{ name = \"crm\", url = \"http://{}/hook\", secret_file = \"{}\" }}]",
        listener.local_addr().expect("an address"),
        secret.display()
    );
    let office = Office::open(&[("PBX__WEBHOOKS", &hook), ("GIR__RETRY_FIRST_MS", "50")]);
    office.record(1, json!({}), "wav_pcm16_8k_mono.wav");
    let (first, message) = answer(&listener, "500 No");
    let (second, again) = answer(&listener, "204 Yes");
    assert_eq!(message, again);
    let header = |head: &str, name: &str| {
        let line = head.lines().find(|line| line.to_lowercase().starts_with(name));
        line.and_then(|line| line.split_once(':')).map(|(_, value)| value.trim().to_owned())
    };
    let id = header(&first, "webhook-id").expect("an id");
    assert_eq!(header(&second, "webhook-id"), Some(id));
    assert!(header(&first, "webhook-signature").is_some_and(|value| value.starts_with("v1,")));
    let listed = &office.march()[0];
    assert_eq!((&message["event"], &message["record"]), (&json!("record_ready"), listed));
    // What it names can be fetched at once.
    let path = format!("/client/@me/record/{}", uuid(listed));
    assert_eq!(office.call("GET", &path, "").status, 200);
}
