//! `demo`, and what the exit codes mean.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::{Value, json};

use super::{names, run, run_with, stderr, words};

#[test]
fn demo_carries_the_call_through_and_says_so_in_its_last_line() {
    let folder = tempfile::tempdir().unwrap();
    let output = run(folder.path(), &words("demo --exit --json"));
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let text = String::from_utf8(output.stdout).unwrap();
    let result: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    assert_eq!(result["recordingId"], "0A1B2C3D4E5F6G7H8J9K0LAES0000042");
    let media = result["media"].as_array().unwrap();
    assert_eq!(media.len(), 2);
    let expected: BTreeSet<&str> = [
        "mediaId",
        "mediaKind",
        "stored",
        "sealed",
        "sha256",
        "bytes",
        "spans",
        "playUrl",
        "downloadUrl",
        "receipt",
    ]
    .into();
    for file in media {
        let found: BTreeSet<&str> = file.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(found, expected);
        assert_eq!(file["sealed"], "cms");
        assert_eq!(file["sha256"].as_str().unwrap().len(), 64);
        assert!(file["bytes"].as_u64().unwrap() > 10_000);
        let listening = result["listening"].as_str().unwrap();
        for name in ["stored", "playUrl", "downloadUrl"] {
            assert!(file[name].as_str().unwrap().starts_with(listening), "{name}");
        }
        assert_eq!(file["receipt"].as_str().unwrap().split('.').count(), 3);
    }
    let spans = json!([{"fromMs": 5000, "toMs": 8000, "reason": "paused"}]);
    assert_eq!((&media[0]["mediaKind"], &media[0]["spans"]), (&json!("voice"), &spans));
    assert_eq!((&media[1]["mediaKind"], &media[1]["spans"]), (&json!("screen"), &spans));
    assert_eq!(result["insertion"]["id"], result["recordingId"]);
    assert_eq!(result["insertion"]["mediaFiles"].as_array().unwrap().len(), 2);
    let live = &result["live"];
    let masks = &live["insertion"]["mediaFiles"][0]["masks"];
    assert_eq!((&masks[0]["type"], &masks[1]["type"]), (&json!("paused"), &json!("resume")));
    assert_eq!((live["media"].as_array().unwrap().len(), masks.as_array().unwrap().len()), (1, 2));
    assert_eq!(names(folder.path()), Vec::<String>::new(), "the temporary folder is left");
}

#[test]
fn demo_shows_people_every_stage() {
    let folder = tempfile::tempdir().unwrap();
    let output = run(folder.path(), &words("demo --exit --data-dir kept"));
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let text = String::from_utf8(output.stdout).unwrap();
    let stages = ["declare", "push", "stages", "silenced", "sealed", "stored", "play", "checked"];
    let live = ["registered", "announced", "mask done", "unmask done", "ended", "recorded  resume"];
    for part in stages.into_iter().chain(live) {
        assert!(text.contains(part), "{part} is not in {text}");
    }
    assert_eq!(names(folder.path()), ["kept"]);
    let mode = std::fs::metadata(folder.path().join("kept")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
}

#[test]
fn wrong_usage_ends_with_2() {
    let folder = tempfile::tempdir().unwrap();
    for line in [
        "",
        "dance",
        "mask",
        "mask in.wav -o out.wav",
        "mask in.wav -o out.wav --span 8s..3s",
        "mask in.wav -o out.wav --span 1s..2s --guard 61s",
        "mask in.wav -o out.wav --masks m.json",
        "seal in.wav -o out",
        "seal in.wav -o out --recipient a --cipher rot13",
        "user add x",
        "serve --colour blue",
        "recorder-sim call.wav",
        "recorder-sim call.wav --token-file t --silent --disobey",
        "recorder-sim call.wav --token-file t --speed 21",
        "recorder-sim call.wav --token-file t --end-after soon",
    ] {
        let output = run(folder.path(), &words(line));
        assert_eq!(output.status.code(), Some(2), "{line}");
        assert!(stderr(&output).contains("Usage") || stderr(&output).contains("error:"), "{line}");
    }
    for line in ["--help", "--version", "serve --help"] {
        assert_eq!(run(folder.path(), &words(line)).status.code(), Some(0), "{line}");
    }
}

#[test]
fn settings_that_cannot_be_used_end_with_64_all_named_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let settings = [("MASK__GUARD_MS", "soon"), ("SERVER__LISTEN", "nowhere")];
    let data = "--data-dir d";
    for command in ["serve", "doctor", "user --data-dir d list", "url a b", "key public"] {
        let command = if command.contains("--data-dir") {
            command.to_owned()
        } else {
            format!("{command} {data}")
        };
        let output = run_with(folder.path(), &settings, &words(&command));
        assert_eq!(output.status.code(), Some(64), "{command}: {}", stderr(&output));
        let text = stderr(&output);
        assert!(text.contains("mask.guard_ms"), "{command}: {text}");
        assert!(text.contains("server.listen"), "{command}: {text}");
    }
    std::fs::write(folder.path().join("c.toml"), "[mask]\ngard_ms = 1\n[stoer]\nurl = 1\n")
        .unwrap();
    let output = run(folder.path(), &words("serve --config c.toml --data-dir d --json"));
    assert_eq!(output.status.code(), Some(64));
    assert!(stderr(&output).contains("mask.gard_ms") && stderr(&output).contains("[stoer]"));
    assert_eq!(names(folder.path()), ["c.toml"], "nothing is made before the settings are good");
}

#[test]
fn a_secret_that_others_can_read_stops_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let output = run(folder.path(), &words("demo --exit --data-dir d"));
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let key = folder.path().join("d/signing.key");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    let output = run(folder.path(), &words("serve --listen 127.0.0.1:0 --data-dir d"));
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert!(stderr(&output).contains("chmod 600"), "{}", stderr(&output));
}

#[test]
fn a_data_directory_in_use_is_refused() {
    let gateway = crate::gateway::Gateway::start(&[]);
    let data = gateway.data();
    let line = format!("serve --listen 127.0.0.1:0 --data-dir {}", data.display());
    let output = run(gateway.folder.path(), &words(&line));
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("used by another gateway"), "{}", stderr(&output));
}
