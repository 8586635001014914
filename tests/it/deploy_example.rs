//! The example in `deploy/` is true: it parses, names every setting, and shows the defaults.

use std::fs;
use std::path::{Path, PathBuf};

use reelgate::config::{Config, ConfigFaults, Sources, load};

fn example() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/reelgate.toml")
}

fn load_file(file: &Path) -> Result<Config, ConfigFaults> {
    load(&Sources { file: Some(file.to_owned()), ..Sources::default() })
}

/// The setting behind the comment sign of a line such as `# retries = 3`; none for prose.
fn setting(line: &str) -> Option<&str> {
    let text = line.strip_prefix("# ")?;
    let (name, _) = text.split_once(" = ")?;
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    (!name.is_empty() && name.chars().all(plain)).then_some(text)
}

/// The lines of the example, with the settings that `keep` wants uncommented.
fn uncommented(keep: impl Fn(&str, bool) -> bool) -> String {
    let text = fs::read_to_string(example()).unwrap();
    let mut before = "";
    let mut lines = Vec::new();
    for line in text.lines() {
        let has_default = !before.contains("No default");
        lines.push(setting(line).filter(|text| keep(text, has_default)).unwrap_or(line));
        before = line;
    }
    lines.join("\n")
}

fn loaded(text: &str) -> Config {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("reelgate.toml");
    fs::write(&file, text).unwrap();
    load_file(&file).unwrap()
}

#[test]
fn the_example_parses_and_changes_nothing() {
    let config = load_file(&example()).unwrap();
    assert_eq!(format!("{config:?}"), format!("{:?}", Config::default()));
}

#[test]
fn every_setting_of_the_example_is_accepted() {
    loaded(&uncommented(|_, _| true));
}

#[test]
fn the_example_shows_the_defaults() {
    let config = loaded(&uncommented(|_, has_default| has_default));
    assert_eq!(format!("{config:?}"), format!("{:?}", Config::default()));
}

#[test]
fn the_example_names_every_setting() {
    let text = fs::read_to_string(example()).unwrap();
    let named: Vec<&str> =
        text.lines().filter_map(|line| Some(setting(line)?.split_once(" = ")?.0)).collect();
    // Each field of a section stands two levels deep; `host` is how `store.url` shows itself.
    let shown = format!("{:#?}", Config::default());
    let fields = shown.lines().filter_map(|line| {
        let field = line.strip_prefix("        ").filter(|rest| !rest.starts_with(' '))?;
        Some(field.split_once(": ")?.0)
    });
    for field in fields.filter(|field| *field != "host") {
        assert!(named.contains(&field), "{field} is missing");
    }
}
