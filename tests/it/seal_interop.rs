//! Anyone can open the envelope: `openssl cms` opens what we write, and we open what it writes.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
    sync::OnceLock,
};

use jiff::Timestamp;
use reelgate::seal::{
    Cipher, KeyTransport, Opener, PrivateKey, Recipient, SealSummary, Sealer, SystemRandom,
    generate_recipient,
};
use tempfile::TempDir;

const LENGTHS: [usize; 7] = [0, 1, 15, 16, 17, 65_536, (1 << 20) + 3];

struct Party {
    key_pem: String,
    certificate_pem: String,
    recipient: Recipient,
    key: PrivateKey,
}

fn parties() -> &'static [Party; 2] {
    static PARTIES: OnceLock<[Party; 2]> = OnceLock::new();
    PARTIES.get_or_init(|| {
        ["first", "second"].map(|name| {
            let keys = generate_recipient(name, Timestamp::now()).unwrap();
            let (recipient, _) =
                Recipient::from_pem(&keys.certificate_pem, Timestamp::now()).unwrap();
            Party {
                key: PrivateKey::from_pem(&keys.private_key_pem).unwrap(),
                key_pem: keys.private_key_pem.to_string(),
                certificate_pem: keys.certificate_pem,
                recipient,
            }
        })
    })
}

fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (party, name) in parties().iter().zip(["1", "2"]) {
        fs::write(folder.path().join(format!("{name}.key")), &party.key_pem).unwrap();
        fs::write(folder.path().join(format!("{name}.crt")), &party.certificate_pem).unwrap();
    }
    folder
}

fn openssl(folder: &Path, line: &str) -> Output {
    let output = Command::new("openssl").current_dir(folder).args(line.split(' ')).output();
    output.expect("the openssl program is installed")
}

fn openssl_ok(folder: &Path, line: &str) {
    let output = openssl(folder, line);
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
}

fn content(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at * 31 + at / 251) as u8).collect()
}

fn run(mut sealer: Sealer, plain: &[u8]) -> (Vec<u8>, SealSummary) {
    let mut stored = Vec::new();
    for piece in plain.chunks(60_001) {
        stored.extend_from_slice(sealer.push(piece).unwrap().as_bytes());
    }
    let (tail, summary) = sealer.finish().unwrap();
    stored.extend_from_slice(tail.as_bytes());
    assert_eq!(stored.len() as u64, summary.stored_len);
    (stored, summary)
}

fn open(mut opener: Opener<'_>, stored: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    stored.chunks(50_021).for_each(|piece| opener.push(piece, &mut out).unwrap());
    opener.finish(&mut out).unwrap();
    out
}

#[test]
fn openssl_opens_cms_envelopes() {
    let folder = folder();
    let both = parties().each_ref().map(|party| &party.recipient);
    let ciphers = ["aes-256-gcm", "aes-128-gcm", "aes-256-cbc", "aes-128-cbc"];
    for cipher in ciphers.map(|name| name.parse::<Cipher>().unwrap()) {
        for transport in [KeyTransport::RsaOaepSha256, KeyTransport::RsaPkcs1] {
            for (count, len) in [1, 2].into_iter().flat_map(|n| LENGTHS.map(|len| (n, len))) {
                let plain = content(len);
                let len = len as u64;
                let sealer =
                    Sealer::cms(&both[..count], cipher, transport, len, &SystemRandom).unwrap();
                fs::write(folder.path().join("sealed"), run(sealer, &plain).0).unwrap();
                for name in ["1", "2"].iter().take(count) {
                    let line = format!(
                        "cms -decrypt -inform DER -in sealed -binary -inkey {name}.key \
                         -recip {name}.crt -out plain"
                    );
                    openssl_ok(folder.path(), &line);
                    assert!(fs::read(folder.path().join("plain")).unwrap() == plain);
                }
                let line = "cms -decrypt -inform DER -in sealed -binary -inkey 1.key -out plain";
                openssl_ok(folder.path(), line);
                assert!(fs::read(folder.path().join("plain")).unwrap() == plain);
            }
        }
    }
}

#[test]
fn openssl_opens_gir_pairs() {
    let folder = folder();
    let [first, second] = parties();
    let own = &[&first.recipient];
    let line = |envelope: &str, key: &str| {
        format!(
            "cms -decrypt -inform PEM -in {envelope} -content rec.mp3.bin -binary \
             -inkey {key}.key -out rec.mp3"
        )
    };
    for cipher in [Cipher::Aes256Cbc, Cipher::Aes128Cbc] {
        for len in LENGTHS {
            let plain = content(len);
            let playback = Some(&second.recipient);
            let sealer = Sealer::gir(own, playback, cipher, len as u64, &SystemRandom).unwrap();
            let (stored, summary) = run(sealer, &plain);
            fs::write(folder.path().join("rec.mp3.bin"), &stored).unwrap();
            let pkcs7 = summary.pkcs7.unwrap();
            let playback = summary.playback_envelope.unwrap();
            for (envelope, party, key) in [(&pkcs7, first, "1"), (&playback, second, "2")] {
                fs::write(folder.path().join("env.pem"), envelope).unwrap();
                openssl_ok(folder.path(), &line("env.pem", key));
                assert!(fs::read(folder.path().join("rec.mp3")).unwrap() == plain);
                let opener = Opener::detached(envelope.as_bytes(), &party.key, &SystemRandom);
                assert!(open(opener.unwrap(), &stored) == plain);
            }
        }
    }
}

#[test]
fn gir_envelope_has_the_layout_that_genesys_reads() {
    let folder = folder();
    let own = &[&parties()[0].recipient];
    let sealer = Sealer::gir(own, None, Cipher::Aes256Cbc, 3, &SystemRandom).unwrap();
    let pkcs7 = run(sealer, b"abc").1.pkcs7.unwrap();
    fs::write(folder.path().join("env.pem"), &pkcs7).unwrap();
    let output = openssl(folder.path(), "cms -cmsout -print -inform PEM -in env.pem");
    let text = String::from_utf8_lossy(&output.stdout);
    for part in [
        "pkcs7-envelopedData (1.2.840.113549.1.7.3)",
        "d.envelopedData: \n    version: 0",
        "d.ktri: \n        version: 0",
        "d.issuerAndSerialNumber",
        "algorithm: rsaEncryption (1.2.840.113549.1.1.1)",
        "contentType: pkcs7-data (1.2.840.113549.1.7.1)",
        "algorithm: aes-256-cbc (2.16.840.1.101.3.4.1.42)",
        "encryptedContent: <ABSENT>",
    ] {
        assert!(text.contains(part), "{part} is missing in {text}");
    }
}

#[test]
fn we_open_what_openssl_writes() {
    let folder = folder();
    let transports = [
        "",
        " -keyopt rsa_padding_mode:oaep -keyopt rsa_oaep_md:sha256",
        " -keyopt rsa_padding_mode:oaep",
    ];
    for len in LENGTHS {
        let plain = content(len);
        fs::write(folder.path().join("plain"), &plain).unwrap();
        for cipher in ["aes-256-gcm", "aes-256-cbc", "aes-128-cbc"] {
            for (stream, transport) in ["", " -stream"]
                .into_iter()
                .flat_map(|stream| transports.map(|transport| (stream, transport)))
            {
                // OpenSSL 3.0 fails to write an empty GCM content as a stream.
                if len == 0 && cipher == "aes-256-gcm" && stream == " -stream" {
                    continue;
                }
                let line = format!(
                    "cms -encrypt -binary -outform DER -in plain -out sealed -{cipher}{stream} \
                     -recip 1.crt{transport} -recip 2.crt{transport}"
                );
                openssl_ok(folder.path(), &line);
                let stored = fs::read(folder.path().join("sealed")).unwrap();
                for party in parties() {
                    let opener = Opener::new(&party.key, &SystemRandom);
                    assert!(open(opener, &stored) == plain, "{line}");
                }
            }
        }
    }
}

#[test]
fn both_kinds_of_key_file_are_read() {
    let folder = folder();
    openssl_ok(folder.path(), "rsa -in 1.key -traditional -out pkcs1.key");
    let pkcs1 = fs::read_to_string(folder.path().join("pkcs1.key")).unwrap();
    assert!(pkcs1.starts_with("-----BEGIN RSA PRIVATE KEY-----"));
    let key = PrivateKey::from_pem(&pkcs1).unwrap();
    assert!(key.with_certificate(&parties()[0].recipient).is_ok());
}

#[test]
fn a_key_below_2048_bits_is_refused() {
    let folder = folder();
    openssl_ok(
        folder.path(),
        "req -x509 -newkey rsa:1024 -nodes -keyout short.key -out short.crt -subj /CN=short -days 9",
    );
    let pem = fs::read_to_string(folder.path().join("short.crt")).unwrap();
    let refused = Recipient::from_pem(&pem, Timestamp::now()).unwrap_err();
    assert_eq!(refused.to_string(), "the rsa key has 1024 bits, fewer than 2048");
}

#[test]
fn a_changed_gcm_envelope_does_not_open_with_openssl_either() {
    let folder = folder();
    let own = &[&parties()[0].recipient];
    let transport = KeyTransport::RsaOaepSha256;
    let sealer = Sealer::cms(own, Cipher::Aes256Gcm, transport, 100, &SystemRandom).unwrap();
    let (mut stored, summary) = run(sealer, &content(100));
    stored[summary.payload_offset as usize] ^= 1;
    fs::write(folder.path().join("sealed"), &stored).unwrap();
    let line = "cms -decrypt -inform DER -in sealed -binary -inkey 1.key -out plain";
    assert!(!openssl(folder.path(), line).status.success());
}
