//! `seal` and `open`, with certificates and a second opinion from `openssl`.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use super::{failure, json, names, tool};
use crate::gateway::sample;

/// A folder with a media file and the certificates of two parties, made by `openssl req`.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("in.mp3"), sample("mp3_8k_32kbit_mono.mp3")).unwrap();
    for name in ["ours", "theirs"] {
        let line = format!(
            "req -x509 -newkey rsa:2048 -nodes -keyout {name}.key -out {name}.crt -days 30 \
             -subj /CN={name}"
        );
        openssl(folder.path(), &line);
    }
    folder
}

fn openssl(folder: &Path, line: &str) {
    let output = tool(folder, "openssl", line);
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
}

fn same(folder: &Path, name: &str) {
    let read = |name: &str| fs::read(folder.join(name)).unwrap();
    assert!(read("in.mp3") == read(name), "{name} is not the input");
    assert!(read("in.mp3") != read("sealed"), "the sealed file is in clear");
}

#[test]
fn cms_goes_there_and_back() {
    let folder = folder();
    for options in [
        "",
        "--cipher aes-128-gcm",
        "--cipher aes-256-cbc",
        "--cipher aes-128-cbc --key-transport rsa-pkcs1",
    ] {
        let line =
            format!("seal in.mp3 -o sealed --recipient ours.crt --recipient theirs.crt {options}");
        let report = json(folder.path(), &line);
        let bytes = sample("mp3_8k_32kbit_mono.mp3");
        assert_eq!(
            (report["mode"].as_str(), report["recipients"].as_u64()),
            (Some("cms"), Some(2))
        );
        assert_eq!(report["bytes"], bytes.len());
        assert_eq!(report["sha256"], reelgate::asset::Digest::of(&bytes).to_string());
        let sealed = fs::read(folder.path().join("sealed")).unwrap();
        assert_eq!(report["sealedBytes"], sealed.len());
        assert_eq!(report["sealedSha256"], reelgate::asset::Digest::of(&sealed).to_string());
        for name in ["ours", "theirs"] {
            let opened = json(folder.path(), &format!("open sealed -o out --key {name}.key"));
            assert_eq!(opened["sha256"], report["sha256"]);
            same(folder.path(), "out");
            let line = format!(
                "cms -decrypt -binary -inform DER -in sealed -inkey {name}.key -recip {name}.crt \
                 -out foreign"
            );
            openssl(folder.path(), &line);
            same(folder.path(), "foreign");
        }
    }
}

#[test]
fn gir_goes_there_and_back() {
    let folder = folder();
    let line = "seal in.mp3 -o sealed --recipient ours.crt --mode gir --pkcs7 envelope.pem";
    let report = json(folder.path(), line);
    assert_eq!(report["mode"], "gir");
    assert_eq!(report["cipher"], "aes-256-cbc");
    json(folder.path(), "open sealed -o out --key ours.key --pkcs7 envelope.pem");
    same(folder.path(), "out");
    let line = "cms -decrypt -binary -inform PEM -in envelope.pem -content sealed \
                -inkey ours.key -out foreign";
    openssl(folder.path(), line);
    same(folder.path(), "foreign");
}

#[test]
fn the_wrong_key_leaves_no_file() {
    let folder = folder();
    json(folder.path(), "seal in.mp3 -o sealed --recipient theirs.crt");
    let line = "seal in.mp3 -o raw --recipient theirs.crt --mode gir --pkcs7 envelope.pem";
    json(folder.path(), line);
    let before = names(folder.path());
    for line in [
        "open sealed -o out --key ours.key",
        "open raw -o out --key ours.key --pkcs7 envelope.pem",
        "open sealed -o out --key ours.crt",
        "open in.mp3 -o out --key ours.key",
    ] {
        assert!(!failure(folder.path(), line).is_empty());
        assert_eq!(names(folder.path()), before, "{line}");
    }
}

#[test]
fn a_changed_or_cut_file_leaves_no_file() {
    let folder = folder();
    json(folder.path(), "seal in.mp3 -o sealed --recipient ours.crt");
    let sealed = fs::read(folder.path().join("sealed")).unwrap();
    for (name, bytes) in [
        ("flipped", {
            let mut bytes = sealed.clone();
            bytes[sealed.len() / 2] ^= 1;
            bytes
        }),
        ("cut", sealed[..sealed.len() - 1].to_vec()),
        ("longer", [sealed.as_slice(), b"x"].concat()),
    ] {
        fs::write(folder.path().join(name), bytes).unwrap();
        let before = names(folder.path());
        assert!(!failure(folder.path(), &format!("open {name} -o out --key ours.key")).is_empty());
        assert_eq!(names(folder.path()), before, "{name}");
    }
}

#[test]
fn sealing_that_fails_leaves_no_file() {
    let folder = folder();
    let before = names(folder.path());
    for line in [
        "seal in.mp3 -o sealed --recipient ours.key",
        "seal in.mp3 -o sealed --recipient missing.crt",
        "seal missing.mp3 -o sealed --recipient ours.crt",
        "seal in.mp3 -o sealed --recipient ours.crt --mode gir",
        "seal in.mp3 -o sealed --recipient ours.crt --pkcs7 envelope.pem",
        "seal in.mp3 -o sealed --recipient ours.crt --mode gir --pkcs7 e.pem --cipher aes-256-gcm",
    ] {
        assert!(!failure(folder.path(), line).is_empty());
        assert_eq!(names(folder.path()), before, "{line}");
    }
}

#[test]
fn key_new_makes_a_pair_for_seal_and_open() {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = folder();
    let line = "key new --common-name archive --key new.key --certificate new.crt";
    let made = json(folder.path(), line);
    assert_eq!(made["key"], "new.key");
    let mode = fs::metadata(folder.path().join("new.key")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    json(folder.path(), "seal in.mp3 -o sealed --recipient new.crt");
    json(folder.path(), "open sealed -o out --key new.key");
    same(folder.path(), "out");
    openssl(folder.path(), "x509 -in new.crt -noout -checkend 86400");
    let alias = json(folder.path(), "key alias new.crt");
    assert!(alias["alias"].as_str().unwrap().starts_with("rcs_Environment:1:"), "{alias}");
}
