//! The interface at scale: a month of 100,000 records, and an archive of 5 GiB.

mod archive;
mod month;

use std::process::Command;

use serde_json::Value;

use crate::gateway::Gateway;

const MIB: u64 = 1 << 20;

/// Peak resident memory of a gateway in bytes.
fn peak(gateway: &Gateway) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", gateway.pid()));
    let status = status.expect("a running gateway");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("VmHWM");
    let kib: u64 = line.split_whitespace().next().expect("a number").parse().expect("a number");
    kib * 1024
}

/// Makes the peak what is held now, so that no earlier one (of a password's digest, say) hides what
/// comes; the new peak. A kernel that cannot do so leaves the old one.
fn forget_peak(gateway: &Gateway) -> u64 {
    let _ = std::fs::write(format!("/proc/{}/clear_refs", gateway.pid()), "5");
    peak(gateway)
}

/// Runs a script with the catalogue of a gateway as its first argument; the JSON that it prints.
fn python(script: &str, gateway: &Gateway, argument: &str) -> Value {
    let mut python = Command::new("python3");
    python.args(["-c", script]).arg(gateway.data().join("catalog.sqlite")).arg(argument);
    let output = python.output().expect("python3");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}
