//! Letters reach the relay once, whatever it does, and say what they should in both languages.

mod archive;

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::bundles::sql;
use crate::gateway::{Gateway, wait};
use crate::peers::smtp::{Orders, SmtpRelay};

const TO: &str = "ann@example.com";
const PASSWORD: &str = "s3cret-of-the-relay";

/// A gateway that sends through the relay on `port`, impatiently.
fn gateway(port: u16, more: &[(&str, &str)]) -> Gateway {
    let port = port.to_string();
    let mut settings = vec![
        ("MAIL__RELAY", "localhost"),
        ("MAIL__PORT", port.as_str()),
        ("MAIL__FROM", "Reelgate <reelgate@example.com>"),
        ("GIR__RETRY_FIRST_MS", "20"),
        ("GIR__RETRY_LONGEST_S", "1"),
    ];
    if !more.iter().any(|(name, _)| *name == "MAIL__TLS") {
        settings.push(("MAIL__TLS", "none"));
    }
    settings.extend_from_slice(more);
    Gateway::start(&settings)
}

fn warning() -> Value {
    json!({ "kind": "spaceWarning", "tenant": "R&D <one>", "usedBytes": 9_100_000_000_u64,
        "quotaBytes": 10_000_000_000_u64, "percent": 91 })
}

/// Writes a letter into the table; the id of the delivery.
fn owe(gateway: &Gateway, number: u32, language: &str, content: &Value) -> String {
    let id = format!("00000000-0000-4000-8000-{number:012}");
    let body = json!({ "to": TO, "language": language, "content": content });
    let body = body.to_string().replace('\'', "''");
    // 2026-11-01 21:30:00 UTC.
    let created = 1_793_568_600_000_000_i64;
    let columns = "id, tenant, recording_id, target, state, body, run_at_us, created_us";
    sql(
        gateway,
        &format!(
            "INSERT INTO deliveries ({columns}) VALUES ('{id}', 'default', '{id}', 'mail:test', \
             'pending', '{body}', 0, {created})"
        ),
    );
    id
}

/// State of a delivery, and outcome and detail of each try.
fn row(gateway: &Gateway, id: &str) -> (String, Vec<(String, String)>) {
    let script = "import sqlite3,sys,json; c=sqlite3.connect(sys.argv[1],timeout=20); \
                  s=c.execute('SELECT state FROM deliveries WHERE id=?',sys.argv[2:]).fetchone()[0]; \
                  t=c.execute('SELECT outcome, detail FROM delivery_tries WHERE delivery_id=? \
                  ORDER BY attempt',sys.argv[2:]).fetchall(); print(json.dumps([s,t]))";
    let mut python = Command::new("python3");
    python.args(["-c", script]).arg(gateway.data().join("catalog.sqlite")).arg(id);
    let output = python.output().expect("python3");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// A delivery as an operator sees it.
fn shown(gateway: &Gateway, id: &str) -> Value {
    let page = gateway.call("GET", "/admin/v1/deliveries", "").json();
    let found = page["deliveries"].as_array().unwrap().iter().find(|row| row["deliveryId"] == id);
    found.expect("the delivery").clone()
}

/// Waits until the delivery is in this state; its tries.
fn settled(gateway: &Gateway, id: &str, state: &str) -> Vec<(String, String)> {
    wait("the state of a letter", || (shown(gateway, id)["state"] == state).then_some(()));
    row(gateway, id).1
}

/// Waits until the last try has this outcome and its detail this beginning; the detail.
fn tried(gateway: &Gateway, id: &str, outcome: &str, detail: &str) -> String {
    wait("a try", || {
        let last = &shown(gateway, id)["lastTry"];
        let said = last["detail"].as_str()?;
        (last["outcome"] == outcome && said.starts_with(detail)).then(|| said.to_owned())
    })
}

fn outcomes(tries: &[(String, String)]) -> Vec<&str> {
    tries.iter().map(|(outcome, _)| outcome.as_str()).collect()
}

/// What is nobody's business is in no log line.
fn log_is_discreet(gateway: &Gateway) {
    let log = gateway.log();
    assert!(log.contains("delivery tried"), "no letter was tried");
    for secret in [TO, PASSWORD, "r.example/archive"] {
        assert!(!log.contains(secret), "{secret} is in the log");
    }
}

/// The text of a part, in lines that end in `\n`.
fn part<'a>(letter: &'a Value, number: usize, kind: &str) -> &'a str {
    let part = &letter["came"]["parts"][number];
    assert_eq!(part["type"], kind);
    assert_eq!(part["charset"], "utf-8");
    part["text"].as_str().unwrap()
}

#[test]
fn letters_arrive_whole_in_english_and_russian() {
    let relay = SmtpRelay::start(&Orders::default());
    let gateway = gateway(relay.port, &[]);
    let english = owe(&gateway, 1, "en", &warning());
    settled(&gateway, &english, "delivered");
    let failed = json!({ "kind": "archiveFailed", "from": "2026-10-01T00:00:00Z",
        "to": "2026-10-31T23:59:59Z", "reason": "слишком много записей" });
    let russian = owe(&gateway, 2, "ru", &failed);
    let tries = settled(&gateway, &russian, "delivered");
    assert_eq!(outcomes(&tries), ["delivered"]);

    let came = relay.wait_for(2);
    for (letter, id) in came.iter().zip([&english, &russian]) {
        let headers = &letter["came"]["headers"];
        assert_eq!(letter["to"], json!([TO]));
        assert_eq!(headers["to"], TO);
        assert_eq!(headers["from"], "Reelgate <reelgate@example.com>");
        assert_eq!(headers["message-id"], format!("<{id}@example.com>"));
        assert_eq!(headers["date"], "Sun, 01 Nov 2026 21:30:00 +0000");
        assert_eq!(headers["auto-submitted"], "auto-generated");
        assert_eq!(letter["came"]["kind"], "multipart/alternative");
        assert_eq!(letter["came"]["defects"], 0);
        assert_eq!(letter["came"]["parts"].as_array().unwrap().len(), 2);
    }
    assert_eq!(relay.begun()[0]["begun"], "reelgate@example.com");
    assert_eq!(relay.begun()[0]["hello"], "example.com");

    let (plain, html) = (part(&came[0], 0, "text/plain"), part(&came[0], 1, "text/html"));
    assert_eq!(came[0]["came"]["headers"]["subject"], "Storage space for recordings: 91% used");
    for line in ["Tenant: R&D <one>", "Used: 9.1 GB", "Limit: 10.0 GB"] {
        assert!(plain.lines().any(|found| found == line), "{line} is not in\n{plain}");
    }
    assert!(
        html.contains("<html lang=\"en\">") && html.contains(">R&amp;D &lt;one&gt;<"),
        "{html}"
    );

    let (plain, html) = (part(&came[1], 0, "text/plain"), part(&came[1], 1, "text/html"));
    let subject = "Не удалось создать архив записей разговоров";
    assert_eq!(came[1]["came"]["headers"]["subject"], subject);
    for line in [
        "Период: с 01.10.2026 00:00:00 UTC по 31.10.2026 23:59:59 UTC",
        "Причина: слишком много записей",
    ] {
        assert!(plain.lines().any(|found| found == line), "{line} is not in\n{plain}");
    }
    assert!(html.contains("<html lang=\"ru\">") && html.contains(subject), "{html}");
    log_is_discreet(&gateway);
}

#[test]
fn without_a_relay_letters_wait() {
    let relay = SmtpRelay::start(&Orders::default());
    let mut gateway = Gateway::start(&[]);
    let id = owe(&gateway, 1, "en", &warning());
    // The courier of insertion records works meanwhile.
    let (recording, _) = gateway.push_sample("wav_pcm16_8k_mono.wav");
    gateway.delivered(&recording, "delivered");
    assert_eq!(row(&gateway, &id), ("pending".to_owned(), Vec::new()));
    gateway.kill();
    gateway.set("MAIL__RELAY", "127.0.0.1");
    gateway.set("MAIL__PORT", &relay.port.to_string());
    gateway.set("MAIL__TLS", "none");
    gateway.set("MAIL__FROM", "reelgate@example.com");
    gateway.restart();
    settled(&gateway, &id, "delivered");
    assert_eq!(relay.wait_for(1).len(), 1);
}

#[test]
fn a_relay_that_is_away_is_waited_for_and_gets_one_letter() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let gateway = gateway(port, &[]);
    let id = owe(&gateway, 1, "en", &warning());
    tried(&gateway, &id, "retry", "connecting: ");
    let relay = SmtpRelay::start(&Orders { port, ..Orders::default() });
    let tries = settled(&gateway, &id, "delivered");
    let (last, before) = outcomes(&tries).split_last().map(|(l, b)| (*l, b.to_vec())).unwrap();
    assert_eq!(last, "delivered");
    assert!(before.iter().all(|outcome| *outcome == "retry"), "{before:?}");
    assert_eq!(relay.wait_for(1).len(), 1);
    log_is_discreet(&gateway);
}

#[test]
fn what_is_refused_is_given_up_and_what_is_put_off_is_sent_later() {
    let script = ["unknown", "listed", "later", "later", "take"];
    let relay = SmtpRelay::start(&Orders { script: &script, ..Orders::default() });
    let gateway = gateway(relay.port, &[]);
    let unknown = owe(&gateway, 1, "en", &warning());
    let tries = settled(&gateway, &unknown, "dead");
    let detail = "RCPT TO: 550 5.1.1 [...] no such user";
    assert_eq!(tries, [("refused".to_owned(), detail.to_owned())]);

    let listed = owe(&gateway, 2, "en", &warning());
    let tries = settled(&gateway, &listed, "dead");
    let detail = "the message: 554 5.7.1 [...] [...] is listed";
    assert_eq!(tries, [("refused".to_owned(), detail.to_owned())]);

    let later = owe(&gateway, 3, "en", &warning());
    let tries = settled(&gateway, &later, "delivered");
    assert_eq!(outcomes(&tries), ["retry", "retry", "delivered"]);
    assert_eq!(relay.wait_for(1).len(), 1);
    // The dead ones were tried once.
    assert_eq!(relay.begun().len(), 5);
    log_is_discreet(&gateway);
}

#[test]
fn what_may_have_arrived_is_not_sent_again_but_by_an_operator() {
    let relay = SmtpRelay::start(&Orders { script: &["cut", "hang"], ..Orders::default() });
    let gateway = gateway(relay.port, &[("MAIL__TIMEOUT_S", "1")]);
    let cut = owe(&gateway, 1, "en", &warning());
    let tries = settled(&gateway, &cut, "dead");
    assert_eq!(outcomes(&tries), ["doubtful"]);
    assert!(tries[0].1.ends_with("the letter may have arrived"), "{tries:?}");
    let hung = owe(&gateway, 2, "en", &warning());
    assert_eq!(outcomes(&settled(&gateway, &hung, "dead")), ["doubtful"]);
    assert_eq!(relay.came().len(), 2);

    let answer = gateway.call("POST", &format!("/admin/v1/deliveries/{cut}/retry"), "");
    assert_eq!(answer.status, 200);
    let tries = settled(&gateway, &cut, "delivered");
    assert_eq!(outcomes(&tries), ["doubtful", "delivered"]);
    let came = relay.wait_for(3);
    let name = |letter: &Value| letter["came"]["headers"]["message-id"].clone();
    assert_eq!(name(&came[0]), name(&came[2]), "a mailbox can tell that it is the same letter");
}

#[test]
fn a_kill_sends_nothing_twice_and_loses_nothing() {
    let script = ["stall", "take", "hang"];
    let relay = SmtpRelay::start(&Orders { script: &script, ..Orders::default() });
    let mut gateway = gateway(relay.port, &[]);
    // Killed before the message left: it is sent.
    let stalled = owe(&gateway, 1, "en", &warning());
    wait("a letter begun", || (relay.begun().len() == 1).then_some(()));
    gateway.kill();
    assert_eq!(row(&gateway, &stalled).0, "pending");
    gateway.restart();
    assert_eq!(outcomes(&settled(&gateway, &stalled, "delivered")), ["delivered"]);
    // Killed after it left: it is not sent again.
    let hung = owe(&gateway, 2, "en", &warning());
    relay.wait_for(2);
    gateway.kill();
    assert_eq!(row(&gateway, &hung).0, "doubtful");
    gateway.restart();
    let tries = settled(&gateway, &hung, "dead");
    assert_eq!(outcomes(&tries), ["doubtful"]);
    assert_eq!((relay.begun().len(), relay.came().len()), (3, 2));
    log_is_discreet(&gateway);
}

/// A certificate authority, and what it signed for `localhost`: its certificate, certificate and key.
fn certificates(folder: &Path) -> (PathBuf, PathBuf, PathBuf) {
    let run = |line: &str| {
        let made = Command::new("openssl").current_dir(folder).args(line.split(' ')).output();
        let made = made.expect("openssl");
        assert!(made.status.success(), "{line}: {}", String::from_utf8_lossy(&made.stderr));
    };
    run("req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -subj /CN=ca -days 2 \
         -addext keyUsage=critical,keyCertSign");
    std::fs::write(folder.join("names"), "subjectAltName=DNS:localhost\n").unwrap();
    run("req -newkey rsa:2048 -nodes -keyout relay.key -out relay.csr -subj /CN=relay");
    run("x509 -req -in relay.csr -CA ca.pem -CAkey ca.key -set_serial 2 -days 2 -extfile names \
         -out relay.pem");
    (folder.join("ca.pem"), folder.join("relay.pem"), folder.join("relay.key"))
}

#[test]
fn only_a_relay_with_a_trusted_certificate_gets_password_and_letter() {
    let folder = tempfile::tempdir().unwrap();
    let (ca, certificate, key) = certificates(folder.path());
    let relay = SmtpRelay::start(&Orders {
        certificate: Some((&certificate, &key)),
        login: Some(("gateway", PASSWORD)),
        ..Orders::default()
    });
    let password = folder.path().join("password");
    let write = |text: &str| std::fs::write(&password, text).unwrap();
    write("wrong");
    std::fs::set_permissions(&password, std::fs::Permissions::from_mode(0o600)).unwrap();
    let mut gateway = gateway(
        relay.port,
        &[
            ("MAIL__TLS", "starttls"),
            ("MAIL__USERNAME", "gateway"),
            ("MAIL__PASSWORD_FILE", password.to_str().unwrap()),
        ],
    );
    let id = owe(&gateway, 1, "ru", &warning());
    let detail = tried(&gateway, &id, "retry", "STARTTLS: ");
    assert!(detail.contains("certificate"), "{detail}");
    gateway.kill();

    // The letter waits until an operator has mended the password.
    gateway.set("MAIL__CA_FILE", ca.to_str().unwrap());
    gateway.restart();
    assert_eq!(tried(&gateway, &id, "retry", "signing in: "), "signing in: 535");
    assert_eq!(relay.begun().len(), 0);
    gateway.kill();
    write(PASSWORD);
    gateway.restart();
    settled(&gateway, &id, "delivered");
    assert_eq!(relay.wait_for(1).len(), 1);
    let begun = &relay.begun()[0];
    assert_eq!((&begun["tls"], &begun["user"]), (&json!(true), &json!("gateway")));
    log_is_discreet(&gateway);
}

#[test]
fn tls_from_the_first_byte_works_and_clear_text_is_not_fallen_back_to() {
    let folder = tempfile::tempdir().unwrap();
    let (ca, certificate, key) = certificates(folder.path());
    let plain = SmtpRelay::start(&Orders::default());
    let wrapped = SmtpRelay::start(&Orders {
        certificate: Some((&certificate, &key)),
        wrapped: true,
        ..Orders::default()
    });
    let ca = ca.to_str().unwrap();
    let mut gateway = gateway(plain.port, &[("MAIL__TLS", "starttls"), ("MAIL__CA_FILE", ca)]);
    let id = owe(&gateway, 1, "en", &warning());
    let detail = tried(&gateway, &id, "retry", "STARTTLS: ");
    assert!(detail.contains("not supported"), "{detail}");
    assert!(plain.begun().is_empty());
    gateway.kill();
    gateway.set("MAIL__PORT", &wrapped.port.to_string());
    gateway.set("MAIL__TLS", "tls");
    gateway.restart();
    settled(&gateway, &id, "delivered");
    assert_eq!(wrapped.wait_for(1).len(), 1);
}
