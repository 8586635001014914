//! An SMTP relay: `aiosmtpd` on a loopback port, which does as it is told and tells what came.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::gateway::wait;

/// Takes its orders as JSON. Prints its port, then a JSON line for each letter that is begun, and
/// one for each whose final dot came, read by Python's own `email`. For each letter begun it takes
/// the next word of its script; without one it takes the letter.
const RELAY: &str = r#"
import asyncio, email, email.policy, json, ssl, sys
from aiosmtpd.smtp import SMTP, AuthResult
orders = json.loads(sys.argv[1])
script = orders["script"]
say = lambda line: print(json.dumps(line), flush=True)
def read(data):
    message = email.message_from_bytes(data, policy=email.policy.default)
    part = lambda p: {"type": p.get_content_type(), "charset": p.get_content_charset(),
                      "text": p.get_content()}
    return {"headers": {name.lower(): str(value) for name, value in message.items()},
            "kind": message.get_content_type(), "defects": len(message.defects),
            "parts": [part(p) for p in message.iter_parts()]}
class Handler:
    async def handle_MAIL(self, server, session, envelope, address, options):
        self.word = script.pop(0) if script else "take"
        say({"begun": address, "hello": session.host_name, "tls": session.ssl is not None,
             "user": session.auth_data.login.decode() if session.auth_data else None})
        envelope.mail_from = address
        return "250 2.1.0 go on"
    async def handle_RCPT(self, server, session, envelope, address, options):
        if self.word == "stall":
            await asyncio.sleep(3600)
        if self.word == "unknown":
            return f"550 5.1.1 <{address}>: no such user"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 go on"
    async def handle_DATA(self, server, session, envelope):
        if self.word == "later":
            return "451 4.7.1 greylisted"
        if self.word == "listed":
            return f"554 5.7.1 {envelope.rcpt_tos[0]} https://r.example/archive/secret is listed"
        say({"came": read(envelope.content), "to": envelope.rcpt_tos})
        if self.word == "hang":
            await asyncio.sleep(3600)
        if self.word == "cut":
            server.transport.abort()
        return "250 2.0.0 taken"
def sign_in(server, session, envelope, mechanism, data):
    good = [data.login.decode(), data.password.decode()] == orders["login"]
    return AuthResult(success=good, handled=good, auth_data=data)
tls = None
if orders["certificate"]:
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(orders["certificate"], orders["key"])
def relay():
    login = {"authenticator": sign_in, "auth_required": True} if orders["login"] else {}
    inner = None if orders["wrapped"] else tls
    return SMTP(Handler(), hostname="relay.example", tls_context=inner,
                require_starttls=inner is not None, **login)
async def main():
    outer = tls if orders["wrapped"] else None
    loop = asyncio.get_running_loop()
    server = await loop.create_server(relay, "127.0.0.1", orders["port"], ssl=outer)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()
asyncio.run(main())
"#;

/// What a relay is told.
#[derive(Default)]
pub(crate) struct Orders<'a> {
    /// What is done with the letters, in order: `unknown` (550), `later` (451), `listed` (554 with
    /// an address and a link), `cut` or `hang` after the final dot, `stall` before it.
    pub(crate) script: &'a [&'a str],
    /// The port; 0 takes a free one.
    pub(crate) port: u16,
    /// Certificate and key: nothing is taken without STARTTLS then.
    pub(crate) certificate: Option<(&'a Path, &'a Path)>,
    /// With a certificate: whether TLS comes first, and not after STARTTLS.
    pub(crate) wrapped: bool,
    /// Who must sign in, and the password.
    pub(crate) login: Option<(&'a str, &'a str)>,
}

/// A running relay.
pub(crate) struct SmtpRelay {
    /// Where it listens.
    pub(crate) port: u16,
    child: Child,
    lines: Arc<Mutex<Vec<Value>>>,
}

impl SmtpRelay {
    /// Starts it and waits until it listens.
    pub(crate) fn start(orders: &Orders<'_>) -> Self {
        let (certificate, key) = orders.certificate.unzip();
        let orders = json!({ "script": orders.script, "port": orders.port,
            "certificate": certificate, "key": key, "wrapped": orders.wrapped, "login": orders.login });
        // Debian's own Python: the library is one of its packages.
        let mut command = Command::new("/usr/bin/python3");
        command.args(["-c", RELAY, &orders.to_string()]);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().expect("python3");
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut port = String::new();
        output.read_line(&mut port).unwrap();
        let port = port.trim().parse().expect("a port: apt-get install python3-aiosmtpd");
        let lines = Arc::new(Mutex::new(Vec::new()));
        let written = Arc::clone(&lines);
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                written.lock().unwrap().push(serde_json::from_str(&line).unwrap());
            }
        });
        Self { port, child, lines }
    }

    fn lines(&self, with: &str) -> Vec<Value> {
        let lines = self.lines.lock().unwrap();
        lines.iter().filter(|line| line.get(with).is_some()).cloned().collect()
    }

    /// The letters that were begun.
    pub(crate) fn begun(&self) -> Vec<Value> {
        self.lines("begun")
    }

    /// The letters whose final dot came.
    pub(crate) fn came(&self) -> Vec<Value> {
        self.lines("came")
    }

    /// Waits for so many of them.
    pub(crate) fn wait_for(&self, count: usize) -> Vec<Value> {
        wait("a letter", || Some(self.came()).filter(|came| came.len() >= count))
    }
}

impl Drop for SmtpRelay {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
