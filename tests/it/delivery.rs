//! Insertion records reach RWS exactly once, whatever it does.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::gateway::Gateway;
use crate::peers::rws::{CONTACT_CENTER, Fault, PASSWORD, Rws, Script, USER};

/// A private file with the password of the RWS double.
pub(crate) fn password_file(folder: &Path) -> PathBuf {
    let path = folder.join("rws.password");
    std::fs::write(&path, PASSWORD).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    path
}

/// A gateway that delivers to `rws`, impatiently.
pub(crate) fn gateway_to(rws: &Rws, more: &[(&str, &str)]) -> (Gateway, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let password = password_file(folder.path());
    let password = password.to_str().unwrap();
    let mut settings = vec![
        ("GIR__RWS_URL", rws.url()),
        ("GIR__CONTACT_CENTER", CONTACT_CENTER),
        ("GIR__USERNAME", USER),
        ("GIR__PASSWORD_FILE", password),
        ("GIR__TIMEOUT_S", "1"),
        ("GIR__RETRY_FIRST_MS", "20"),
    ];
    settings.extend_from_slice(more);
    (Gateway::start(&settings), folder)
}

fn outcomes(status: &Value) -> Vec<String> {
    let tries = status["deliveries"][0]["tries"].as_array().unwrap();
    tries.iter().map(|tried| tried["outcome"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn an_rws_that_refuses_fails_and_hangs_gets_exactly_one_record() {
    let faults = vec![Fault::Forbid403, Fault::Status500, Fault::Status500, Fault::StoreThenHang];
    let rws = Rws::start(Script { faults, ..Script::default() });
    let (gateway, _folder) = gateway_to(&rws, &[]);
    let (recording, media) = gateway.push_sample("wav_pcm16_8k_mono.wav");
    let status = gateway.delivered(&recording, "delivered");
    let tries = outcomes(&status);
    println!("tries: {tries:?}");
    assert_eq!(tries, ["session", "retry", "retry", "doubtful", "found"]);
    let records = rws.records();
    assert_eq!(records.len(), 1);
    assert_eq!(records[&recording].inserts, 1);
    assert_eq!(records[&recording].record["mediaFiles"][0]["mediaId"], media);
    assert!(rws.posts().iter().all(|seen| seen.csrf), "a POST came without its CSRF token");
}

#[test]
fn result_codes_decide_between_retry_and_refusal() {
    let faults = vec![Fault::Code(4), Fault::Code(9)];
    let rws = Rws::start(Script { faults, ..Script::default() });
    let (gateway, _folder) = gateway_to(&rws, &[]);
    let (recording, _) = gateway.push_sample("wav_pcm16_8k_mono.wav");
    let status = gateway.delivered(&recording, "delivered");
    assert_eq!(outcomes(&status), ["retry", "retry", "delivered"]);

    let rws = Rws::start(Script { faults: vec![Fault::Code(2)], ..Script::default() });
    let (gateway, _folder) = gateway_to(&rws, &[]);
    let (recording, _) = gateway.push_sample("wav_pcm16_8k_mono.wav");
    let status = gateway.delivered(&recording, "dead");
    assert_eq!(outcomes(&status), ["refused"]);
    assert!(rws.records().is_empty());
}

#[test]
fn a_node_without_csrf_protection_is_served_too() {
    let rws = Rws::start(Script { csrf: false, ..Script::default() });
    let (gateway, _folder) = gateway_to(&rws, &[]);
    let (recording, _) = gateway.push_sample("wav_pcm16_8k_mono.wav");
    assert_eq!(outcomes(&gateway.delivered(&recording, "delivered")), ["delivered"]);
}

#[test]
fn the_record_says_what_was_measured() {
    let rws = Rws::start(Script::default());
    let (gateway, _folder) = gateway_to(&rws, &[("SEAL__MODE", "none")]);
    let (recording, _) = gateway.push_sample("wav_pcm16_8k_mono.wav");
    let status = gateway.delivered(&recording, "delivered");
    let record = &rws.records()[&recording].record;
    assert_eq!(*record, status["insertion"]);
    let file = &record["mediaFiles"][0];
    assert_eq!(file["duration"], "12000");
    let stored = gateway.stored(file["mediaDescriptor"]["path"].as_str().unwrap());
    assert_eq!(file["size"], stored.len().to_string());
    assert_eq!(file["mediaDescriptor"]["storage"], "webDAV");
    assert!(record.get("reelgate").is_none());
}

#[test]
fn the_gateways_own_endpoint_takes_its_own_records() {
    let gateway = Gateway::start(&[]);
    let (recording, _) = gateway.push_sample("wav_pcm16_8k_mono.wav");
    let status = gateway.delivered(&recording, "delivered");
    let url = format!("{}/api/v2/ops/contact-centers/reelgate/recordings/{recording}", gateway.url);
    let answer = crate::gateway::basic(&url, &gateway.ops());
    assert_eq!(answer.json()["recording"], status["insertion"]);
}

/// A recipient of the site: certificate and key files.
pub(crate) fn site_recipient(folder: &Path) -> PathBuf {
    let made = Command::new("openssl")
        .current_dir(folder)
        .args(
            "req -x509 -newkey rsa:2048 -nodes -keyout site.key -out site.pem -set_serial 10"
                .split(' '),
        )
        .args(["-subj", "/C=US/ST=CA/L=Daly City/O=Genesys/CN=gir_qa"])
        .output()
        .expect("openssl");
    assert!(made.status.success());
    folder.join("site.pem")
}

#[test]
fn a_gir_pair_in_store_and_record_opens_with_openssl() {
    let rws = Rws::start(Script::default());
    let site = tempfile::tempdir().unwrap();
    let certificate = site_recipient(site.path());
    let recipients = format!("[{certificate:?}]");
    let (gateway, _folder) =
        gateway_to(&rws, &[("SEAL__MODE", "gir"), ("SEAL__RECIPIENTS", &recipients)]);
    let (recording, media) = gateway.push_sample("wav_mulaw_8k_stereo.wav");
    let status = gateway.delivered(&recording, "delivered");
    let file = &rws.records()[&recording].record["mediaFiles"][0];
    let alias = "rcs_Environment:1:C=US,ST=CA,L=Daly City,O=Genesys,CN=gir_qa:10";
    assert_eq!(file["certAlias"], serde_json::json!([alias]));
    let path = file["mediaDescriptor"]["path"].as_str().unwrap();
    assert!(path.ends_with(&format!("{media}.bin")), "{path}");
    std::fs::write(site.path().join("env.pem"), file["pkcs7"].as_str().unwrap()).unwrap();
    std::fs::write(site.path().join("rec.bin"), gateway.stored(path)).unwrap();
    let line = "cms -decrypt -inform PEM -in env.pem -content rec.bin -binary -inkey site.key";
    let output = Command::new("openssl")
        .current_dir(site.path())
        .args(line.split(' '))
        .output()
        .expect("openssl");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    // What the site opens, and what a listener hears through the gateway's own envelope, are one.
    let digest = reelgate::asset::Digest::of(&output.stdout).to_string();
    assert_eq!(status["media"][0]["sha256"], digest);
    let url = status["media"][0]["playUrl"].as_str().unwrap();
    let range = crate::gateway::send("GET", url, &[("range", "bytes=1001-70000")], "");
    assert_eq!(range.status, 206);
    assert!(range.body == output.stdout[1001..=70000]);
}
