//! Recordings on real WebDAV servers: under their final name only, and verified.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use crate::gateway::{Gateway, block_on, document, ids, sample, wait};
use crate::peers::{Apache, Fault, FaultProxy, Nginx};

/// A gateway that stores at `url`; the folder keeps the password file.
fn gateway_on(
    url: &str,
    user: &str,
    password: &str,
    more: &[(&str, &str)],
) -> (Gateway, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("dav.password");
    std::fs::write(&file, password).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    let mut settings = vec![
        ("STORE__URL", url),
        ("STORE__USERNAME", user),
        ("STORE__PASSWORD_FILE", file.to_str().unwrap()),
        ("PIPELINE__RETRY_FIRST_MS", "20"),
        ("PIPELINE__RETRY_LONGEST_S", "1"),
        ("SEAL__MODE", "none"),
    ];
    settings.extend_from_slice(more);
    (Gateway::start(&settings), folder)
}

/// The files below `root`, hidden ones included.
fn files(root: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() { folders.push(path) } else { found.push(path) }
        }
    }
    found.sort();
    found
}

fn names(root: &Path) -> Vec<String> {
    let name = |path: PathBuf| path.file_name().unwrap().to_string_lossy().into_owned();
    files(root).into_iter().map(name).collect()
}

fn stores_under_final_names(root: &Path, gateway: &Gateway) {
    let (recording, media) = gateway.push_sample("mp3_8k_32kbit_mono.mp3");
    let status = gateway.settled(&recording);
    assert_eq!(status["state"], "ready", "{status}\n{}", gateway.log());
    let mut found = names(root);
    found.retain(|name| !name.starts_with(".davlock") && !name.starts_with(".lock"));
    assert_eq!(found, [media.clone(), "manifest.json".to_owned()]);
    let object = files(root).into_iter().find(|path| path.ends_with(&media)).unwrap();
    assert!(std::fs::read(object).unwrap() == sample("mp3_8k_32kbit_mono.mp3"));
    let spool = std::fs::read_dir(gateway.data().join("spool")).unwrap().count();
    assert_eq!(spool, 0, "the spool keeps what is stored");
}

#[test]
fn apache_holds_the_file_under_its_final_name_only() {
    let apache = Apache::start();
    let (gateway, _folder) = gateway_on(&apache.url, apache.user, apache.password, &[]);
    stores_under_final_names(&apache.root, &gateway);
}

#[test]
fn nginx_holds_the_file_under_its_final_name_only() {
    let nginx = Nginx::start();
    let (gateway, _folder) = gateway_on(&nginx.url, nginx.user, nginx.password, &[]);
    stores_under_final_names(&nginx.root, &gateway);
}

/// Kills the gateway while its PUT hangs half way, then lets it run again without the hindrance.
fn killed_during_the_put(url: &str, user: &str, password: &str, root: &Path) {
    let address = url.trim_start_matches("http://").split('/').next().unwrap();
    let path = url.trim_start_matches("http://").trim_start_matches(address).to_owned();
    let proxy = block_on(FaultProxy::start(address.parse().unwrap(), Fault::StallAfter(200_000)));
    let stalled = format!("{}{path}", proxy.url.trim_end_matches('/'));
    let (mut gateway, _folder) = gateway_on(&stalled, user, password, &[]);
    let document = document("wav_pcm16_8k_stereo");
    let (recording, media) = ids(&document);
    gateway.declare(&document);
    let answer = gateway.push(&recording, &media, sample("wav_pcm16_8k_stereo.wav"));
    assert_eq!(answer.status, 201);
    // The folders are made right before the PUT, which stops half way.
    wait("a PUT under way", || root.join("default").is_dir().then_some(()));
    gateway.kill();
    assert!(!names(root).contains(&media), "a final name during the PUT");
    gateway.set("STORE__URL", url);
    gateway.restart();
    let status = gateway.settled(&recording);
    assert_eq!(status["state"], "ready", "{status}");
    assert!(names(root).contains(&media));
    let left: Vec<String> =
        names(root).into_iter().filter(|name| name.ends_with(".part")).collect();
    assert_eq!(left, Vec::<String>::new(), "temporary objects are left");
}

#[test]
fn killing_the_gateway_during_the_put_leaves_no_final_name_on_apache() {
    let apache = Apache::start();
    killed_during_the_put(&apache.url, apache.user, apache.password, &apache.root);
}

#[test]
fn killing_the_gateway_during_the_put_leaves_no_final_name_on_nginx() {
    let nginx = Nginx::start();
    killed_during_the_put(&nginx.url, nginx.user, nginx.password, &nginx.root);
}

#[test]
fn a_store_that_is_away_is_waited_for() {
    let mut apache = Apache::start();
    let (gateway, _folder) = gateway_on(&apache.url, apache.user, apache.password, &[]);
    apache.stop();
    let (recording, _) = gateway.push_sample("mp3_8k_32kbit_mono.mp3");
    wait("a failed try", || gateway.log().contains("waits for another try").then_some(()));
    apache.restart();
    let status = gateway.settled(&recording);
    assert_eq!(status["state"], "ready", "{status}");
}
