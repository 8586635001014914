//! Signed webhooks: a receiver written in Python checks the signature, refuses the first message
//! once, and gets it again.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use super::desk::{MASK, Scene, done};
use crate::gateway::wait;

/// Prints its port, then one JSON line for each request: whether the signature holds, the id, and
/// the message. The first request is answered with 500.
const RECEIVER: &str = r#"
import base64, hashlib, hmac, http.server, json, sys
key = base64.b64decode(sys.argv[1])
seen = []
class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        name, time = self.headers["webhook-id"], self.headers["webhook-timestamp"]
        text = f"{name}.{time}.".encode() + body
        good = "v1," + base64.b64encode(hmac.new(key, text, hashlib.sha256).digest()).decode()
        line = {"good": good == self.headers["webhook-signature"], "id": name,
                "message": json.loads(body)}
        seen.append(name)
        self.send_response(500 if len(seen) == 1 else 204)
        self.end_headers()
        print(json.dumps(line), flush=True)
    def log_message(self, *args): pass
server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
"#;
const SECRET: &str = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

struct Receiver {
    child: Child,
    lines: BufReader<std::process::ChildStdout>,
    port: u16,
}

impl Receiver {
    fn start() -> Self {
        let mut command = Command::new("python3");
        command.args(["-c", RECEIVER, SECRET]).stdout(Stdio::piped()).stdin(Stdio::null());
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        let mut port = String::new();
        lines.read_line(&mut port).unwrap();
        Self { child, lines, port: port.trim().parse().unwrap() }
    }

    /// The next request that comes.
    fn next(&mut self) -> Value {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_receiver_gets_every_change_signed_and_again_until_it_takes_it() {
    use std::os::unix::fs::PermissionsExt as _;

    let mut receiver = Receiver::start();
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("secret");
    fs::write(&secret, format!("whsec_{SECRET}\n")).unwrap();
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).unwrap();
    let hooks = format!(
        "[{{ name = \"crm\", url = \"http://127.0.0.1:{}/hook\", secret_file = \"{}\" }}]",
        receiver.port,
        secret.display()
    );
    let scene = Scene::with(&[("CONTROL__WEBHOOKS", &hooks), ("GIR__RETRY_FIRST_MS", "1")]);
    scene.recorder.begin("i1", "100", &["7"]);
    let (first, again) = (receiver.next(), receiver.next());
    assert_eq!(first["id"], again["id"], "a repetition has the id of the first try");
    assert_eq!(first["message"], again["message"]);
    let payload = &first["message"]["data"]["payload"];
    assert_eq!(payload["status"], "Recording");
    assert_eq!(payload["reason"], "Policy");
    assert_eq!(payload["interactionId"], "i1");
    done(&scene.desk.ask(MASK, "userId=7"), 200);
    let masked = receiver.next();
    assert_eq!(masked["message"]["data"]["payload"]["reason"], "Mask");
    assert_ne!(masked["id"], first["id"]);
    for line in [&first, &again, &masked] {
        assert_eq!(line["good"], true, "{line}");
    }
    // The last answer is written down after it came.
    wait("the delivery in the log", || {
        let log = scene.gateway.log();
        (log.matches("webhook:crm").count() >= 3).then_some(())
    });
    assert!(!scene.gateway.log().contains(SECRET), "the secret is in the log");
}
