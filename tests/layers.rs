//! Holds the "May use" column of `docs/architecture.md`: who may import whom.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Each room and the rooms it may use. `cli` and `serve` may use all; nobody may use them but
/// `main.rs`, and `cli` may use `serve`.
const MAY_USE: &[(&str, &[&str])] = &[
    ("asset", &[]),
    (
        "config",
        &[
            "asset",
            "bundle",
            "catalog",
            "control",
            "gir",
            "identity",
            "ingest",
            "mail",
            "mask",
            "pbx",
            "pipeline",
            "play",
            "retention",
            "seal",
            "store",
        ],
    ),
    ("observe", &["asset"]),
    ("media", &["asset"]),
    ("mask", &["asset", "media"]),
    ("seal", &["asset"]),
    ("spool", &["asset", "seal"]),
    ("store", &["asset", "seal"]),
    ("catalog", &["asset"]),
    (
        "pipeline",
        &["asset", "catalog", "mask", "media", "observe", "pbx", "seal", "spool", "store"],
    ),
    ("pbx", &["asset", "catalog"]),
    ("ingest", &["asset", "catalog", "seal", "spool"]),
    ("control", &["asset", "catalog"]),
    ("gir", &["asset", "catalog"]),
    ("mail", &["asset"]),
    ("deliver", &["asset", "catalog", "gir", "mail"]),
    ("play", &["asset", "catalog", "media", "observe", "seal", "store"]),
    ("archive", &["asset", "catalog", "observe", "store"]),
    ("retention", &["asset", "catalog", "observe", "store"]),
    ("bundle", &["asset", "catalog", "mail", "observe", "play", "store"]),
    ("identity", &["asset", "catalog"]),
    (
        "http",
        &[
            "archive", "asset", "bundle", "catalog", "control", "gir", "identity", "ingest",
            "mail", "mask", "observe", "pbx", "pipeline", "play", "seal", "store",
        ],
    ),
];

/// `config` reads each part's settings type and nothing else of it.
const CONFIG_TAKES: &str = "Settings";

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("src is readable") {
        let path = entry.expect("src is readable").path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The room of a file below `src`, and its text without comments and without its tests.
fn room_and_code(path: &Path, src: &Path) -> (String, String) {
    let inner = path.strip_prefix(src).expect("below src");
    let room = inner.components().next().expect("a name").as_os_str().to_string_lossy();
    let text = fs::read_to_string(path).expect("a text file");
    let code: Vec<&str> = text
        .lines()
        .take_while(|line| !line.starts_with("#[cfg(test)]"))
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect();
    (room.trim_end_matches(".rs").to_owned(), code.join("\n"))
}

#[test]
fn a_room_uses_only_what_the_map_allows() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let allowed: BTreeMap<&str, &[&str]> = MAY_USE.iter().copied().collect();
    let mut files = Vec::new();
    rust_files(&src, &mut files);
    let mut wrong = Vec::new();
    for path in &files {
        let (room, code) = room_and_code(path, &src);
        if matches!(room.as_str(), "cli" | "serve" | "main" | "lib") || path.ends_with("tests.rs") {
            continue;
        }
        let Some(uses) = allowed.get(room.as_str()) else {
            wrong.push(format!("{} is in no room of the map", path.display()));
            continue;
        };
        for part in code.split("crate::").skip(1) {
            let name: String =
                part.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
            if name != room && !uses.contains(&name.as_str()) && !name.is_empty() {
                wrong.push(format!("{} uses {name}", path.display()));
            }
            if room == "config" && allowed.contains_key(name.as_str()) && name != "config" {
                let line = part.lines().next().unwrap_or_default();
                if !line.contains(CONFIG_TAKES) {
                    wrong.push(format!("{} takes more than settings of {name}", path.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn status_codes_are_written_only_at_the_edge() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    rust_files(&src, &mut files);
    // The two HTTP clients and the demo read status codes; nobody else knows them.
    let readers = ["http", "cli"];
    let wrong: Vec<_> = files
        .iter()
        .filter(|path| {
            let (room, code) = room_and_code(path, &src);
            !readers.contains(&room.as_str())
                && code.contains("StatusCode::")
                && !path.ends_with("gir/rws.rs")
                && !path.to_string_lossy().contains("backends/webdav")
        })
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn files_stay_small() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    rust_files(&src, &mut files);
    let long: Vec<_> = files
        .iter()
        .filter_map(|path| {
            let lines = fs::read_to_string(path).expect("a text file").lines().count();
            (lines > 400).then(|| format!("{} has {lines} lines", path.display()))
        })
        .collect();
    assert!(long.is_empty(), "{long:#?}");
}
