//! Layers the sources, and collects every fault.

use std::fmt;
use std::path::PathBuf;

use serde::de::DeserializeOwned;
use toml::{Table, Value};

use super::Config;

/// Prefix of the environment variables that are settings.
const ENV_PREFIX: &str = "REELGATE__";
/// Largest settings file in bytes.
const MAX_FILE_BYTES: usize = 1 << 20;

/// Everything wrong with the settings.
#[derive(Debug, PartialEq, Eq)]
pub struct ConfigFaults(
    /// One line each; begins with the name of the setting.
    pub Vec<String>,
);

impl fmt::Display for ConfigFaults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} setting(s) cannot be used:", self.0.len())?;
        self.0.iter().try_for_each(|fault| write!(f, "\n  {fault}"))
    }
}

impl std::error::Error for ConfigFaults {}

/// Where settings come from, weakest first: file, environment, command line.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// The settings file, if one was named.
    pub file: Option<PathBuf>,
    /// All environment variables; those of other programs are passed over.
    pub environment: Vec<(String, String)>,
    /// `--data-dir`.
    pub data_dir: Option<PathBuf>,
    /// `--listen`.
    pub listen: Option<String>,
}

/// Reads and checks all settings.
///
/// # Errors
/// [`ConfigFaults`] with every fault of every source.
pub fn load(sources: &Sources) -> Result<Config, ConfigFaults> {
    let mut faults = Vec::new();
    let mut table = read_file(sources, &mut faults);
    overlay_environment(&mut table, sources, &mut faults);
    overlay_arguments(&mut table, sources);
    let mut config = Config::default();
    for (name, value) in table {
        let Value::Table(section) = value else {
            faults.push(format!("{name} is not a section"));
            continue;
        };
        match name.as_str() {
            "server" => read_section(&name, section, &mut config.server, &mut faults),
            "ingest" => read_section(&name, section, &mut config.ingest, &mut faults),
            "mask" => read_section(&name, section, &mut config.mask, &mut faults),
            "seal" => read_section(&name, section, &mut config.seal, &mut faults),
            "store" => read_section(&name, section, &mut config.store, &mut faults),
            "archive" => read_section(&name, section, &mut config.archive, &mut faults),
            "retention" => read_section(&name, section, &mut config.retention, &mut faults),
            "catalog" => read_section(&name, section, &mut config.catalog, &mut faults),
            "pipeline" => read_section(&name, section, &mut config.pipeline, &mut faults),
            "control" => read_section(&name, section, &mut config.control, &mut faults),
            "gir" => read_section(&name, section, &mut config.gir, &mut faults),
            "mail" => read_section(&name, section, &mut config.mail, &mut faults),
            "play" => read_section(&name, section, &mut config.play, &mut faults),
            "bundle" => read_section(&name, section, &mut config.bundle, &mut faults),
            "pbx" => read_section(&name, section, &mut config.pbx, &mut faults),
            "identity" => read_section(&name, section, &mut config.identity, &mut faults),
            "observe" => read_section(&name, section, &mut config.observe, &mut faults),
            _ => faults.push(format!("[{name}] is not a known section")),
        }
    }
    faults.extend(config.server.check());
    faults.extend(config.ingest.check());
    faults.extend(config.mask.check());
    faults.extend(config.seal.check());
    faults.extend(config.store.check("store"));
    faults.extend(config.archive.check("archive"));
    faults.extend(config.retention.check());
    if config.retention.archive_after_days.is_some() && config.archive.url.is_none() {
        faults.push("retention.archive_after_days needs archive.url".to_owned());
    }
    faults.extend(config.pipeline.check());
    faults.extend(config.play.check());
    faults.extend(config.bundle.check());
    faults.extend(config.control.check());
    faults.extend(config.gir.check());
    faults.extend(config.mail.check());
    faults.extend(config.pbx.check());
    faults.extend(config.identity.check());
    faults.extend(config.observe.check());
    if faults.is_empty() { Ok(config) } else { Err(ConfigFaults(faults)) }
}

fn read_file(sources: &Sources, faults: &mut Vec<String>) -> Table {
    let Some(path) = &sources.file else { return Table::new() };
    let text = match std::fs::read_to_string(path) {
        Ok(text) if text.len() <= MAX_FILE_BYTES => text,
        Ok(text) => {
            faults.push(format!(
                "{} is {} bytes long; the limit is {MAX_FILE_BYTES}",
                path.display(),
                text.len()
            ));
            return Table::new();
        }
        Err(error) => {
            faults.push(format!("{} cannot be read: {error}", path.display()));
            return Table::new();
        }
    };
    text.parse::<Table>().unwrap_or_else(|error| {
        faults.push(format!("{}: {}", path.display(), error.to_string().trim()));
        Table::new()
    })
}

fn overlay_environment(table: &mut Table, sources: &Sources, faults: &mut Vec<String>) {
    for (name, text) in &sources.environment {
        let Some(rest) = name.strip_prefix(ENV_PREFIX) else { continue };
        let Some((section, key)) = rest.split_once("__") else {
            faults.push(format!("{name} is not of the form REELGATE__SECTION__KEY"));
            continue;
        };
        set(table, &section.to_lowercase(), &key.to_lowercase(), Value::String(text.clone()));
    }
}

fn overlay_arguments(table: &mut Table, sources: &Sources) {
    if let Some(listen) = &sources.listen {
        set(table, "server", "listen", Value::String(listen.clone()));
    }
    if let Some(path) = &sources.data_dir {
        let text = path.display().to_string();
        set(table, "server", "data_dir", Value::String(text));
    }
}

fn set(table: &mut Table, section: &str, key: &str, value: Value) {
    let entry = table.entry(section).or_insert_with(|| Value::Table(Table::new()));
    if let Value::Table(section) = entry {
        section.insert(key.to_owned(), value);
    }
}

/// Reads a section key by key, so that one bad key does not hide the next.
fn read_section<S: DeserializeOwned>(
    name: &str,
    section: Table,
    target: &mut S,
    faults: &mut Vec<String>,
) {
    let alone = |key: &str, value: Value| {
        let mut table = Table::new();
        table.insert(key.to_owned(), value);
        table.try_into::<S>().map(|_| ()).map_err(|error| error.message().to_owned())
    };
    let mut good = Table::new();
    for (key, value) in section {
        match alone(&key, value.clone()) {
            Ok(()) => {
                good.insert(key, value);
            }
            // The environment holds only texts: a text that does not fit is read as TOML.
            Err(message) => {
                match toml_of(&value).filter(|value| alone(&key, value.clone()).is_ok()) {
                    Some(value) => {
                        good.insert(key, value);
                    }
                    None => faults.push(format!("{name}.{key}: {message}")),
                }
            }
        }
    }
    match good.try_into::<S>() {
        Ok(read) => *target = read,
        Err(error) => faults.push(format!("[{name}]: {}", error.message())),
    }
}

fn toml_of(value: &Value) -> Option<Value> {
    let text = value.as_str()?;
    format!("v = {text}").parse::<Table>().ok()?.remove("v")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(pairs: &[(&str, &str)]) -> Sources {
        let environment = pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        Sources { environment, ..Sources::default() }
    }

    #[test]
    fn the_environment_sets_numbers_and_texts() {
        let sources = environment(&[
            ("REELGATE__MASK__GUARD_MS", "250"),
            ("REELGATE__SERVER__LISTEN", "127.0.0.1:0"),
            ("REELGATE__SEAL__MODE", "none"),
            ("HOME", "/"),
        ]);
        let config = load(&sources).unwrap();
        assert_eq!(config.mask.guard_ms, 250);
        assert_eq!(config.server.listen, "127.0.0.1:0");
    }

    #[test]
    fn all_faults_are_in_one_report() {
        let sources = environment(&[
            ("REELGATE__MASK__GUARD_MS", "soon"),
            ("REELGATE__MASK__GARD_MS", "250"),
            ("REELGATE__SERVER__LISTEN", "nowhere"),
            ("REELGATE__STOER__URL", "x"),
            ("REELGATE__X", "x"),
        ]);
        let faults = load(&sources).unwrap_err().0;
        for part in ["mask.guard_ms", "mask.gard_ms", "server.listen", "[stoer]", "REELGATE__X"] {
            assert_eq!(faults.iter().filter(|f| f.contains(part)).count(), 1, "{part}: {faults:?}");
        }
    }
}
