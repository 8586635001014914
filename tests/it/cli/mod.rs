//! The command line: exit codes, one line of JSON, and files that are whole or not there.

mod exits;
mod masks;
mod seals;
mod served;

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

use crate::gateway::PROGRAM;

/// Runs the program in a folder, without settings from outside.
fn run<A: AsRef<OsStr>>(folder: &Path, arguments: &[A]) -> Output {
    run_with(folder, &[], arguments)
}

fn run_with<A: AsRef<OsStr>>(folder: &Path, settings: &[(&str, &str)], arguments: &[A]) -> Output {
    // A program that should have ended must not hold up all tests: `timeout` ends it with 124.
    let mut command = Command::new("timeout");
    command.args(["120", PROGRAM]).current_dir(folder).args(arguments).env("TMPDIR", folder);
    for (name, value) in settings {
        command.env(format!("REELGATE__{name}"), value);
    }
    command.output().expect("the program")
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Arguments in one line.
fn words(line: &str) -> Vec<&str> {
    line.split_whitespace().collect()
}

/// Runs a command with `--json` that must succeed, and print one line of JSON.
fn json(folder: &Path, line: &str) -> Value {
    let mut arguments = words(line);
    arguments.push("--json");
    let output = run(folder, &arguments);
    assert_eq!(output.status.code(), Some(0), "{line}: {}", stderr(&output));
    one_line(&output)
}

/// Runs a command with `--json` that must fail with 1 and say why, to people and to machines.
fn failure(folder: &Path, line: &str) -> String {
    let mut arguments = words(line);
    arguments.push("--json");
    let output = run(folder, &arguments);
    assert_eq!(output.status.code(), Some(1), "{line}: {}", stderr(&output));
    let error = one_line(&output)["error"].as_str().expect("an error").to_owned();
    assert!(stderr(&output).contains(&error), "{}", stderr(&output));
    error
}

fn one_line(output: &Output) -> Value {
    let text = std::str::from_utf8(&output.stdout).expect("a text");
    assert_eq!(text.lines().count(), 1, "{text}");
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// Names in a folder, hidden ones too.
fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("a name"))
        .collect();
    names.sort();
    names
}

fn tool(folder: &Path, name: &str, line: &str) -> Output {
    let mut command = Command::new(name);
    command.current_dir(folder).args(words(line));
    command.output().unwrap_or_else(|_| panic!("{name}: apt-get install {name}"))
}
