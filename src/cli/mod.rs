//! The command line: one file a subcommand.
//!
//! Exit codes: 0 done, 1 the work failed, 2 usage, 64 settings.

mod access_key;
mod audit;
mod demo;
mod doctor;
mod files;
mod key;
mod mask;
mod open;
mod output;
mod probe;
pub mod recorder_sim;
mod seal;
mod serve;
mod settings;
mod stream;
mod url;
mod user;
mod verify;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::config::ConfigFaults;
use output::Output;

/// Exit code for settings that cannot be used (`EX_USAGE` of sysexits.h).
const EXIT_SETTINGS: u8 = 64;

/// Takes call recordings in, silences what must not be heard, seals, stores, records and plays.
#[derive(Debug, Parser)]
#[command(name = "reelgate", version, max_term_width = 100)]
struct Arguments {
    /// Machine output: one JSON object on the last line of standard output.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the main job on embedded sample media, and keep serving.
    Demo(demo::Demo),
    /// Run the gateway.
    Serve(serve::Serve),
    /// Silence spans of a media file, in the same container.
    Mask(mask::Mask),
    /// Tell what a media file is, and whether it can be masked in place.
    Probe(probe::Probe),
    /// Seal a file in a CMS envelope.
    Seal(seal::Seal),
    /// Open a sealed file with a private key.
    Open(open::Open),
    /// Check a stored object against its signed manifest.
    Verify(verify::Verify),
    /// Make a playback or download link.
    Url(url::Url),
    /// Make recipient keys, rotate link keys, show public keys.
    Key(key::Key),
    /// Manage who may call.
    User(user::User),
    /// Manage the access keys that users sign in with for tokens.
    AccessKey(access_key::AccessKeys),
    /// Check and show the audit trail.
    Audit(audit::Audit),
    /// Check settings, disk, catalogue, store and RWS.
    Doctor(doctor::Doctor),
    /// Act as a reference recorder: record a file as a live call.
    RecorderSim(Box<recorder_sim::RecorderSim>),
}

/// Runs the command line of this process.
pub fn run() -> ExitCode {
    let arguments = Arguments::parse();
    let output = Output::new(arguments.json);
    let result = match arguments.command {
        Command::Demo(command) => asynchronous(command.run(&output)),
        Command::Serve(command) => asynchronous(command.run()),
        Command::Mask(command) => command.run(&output),
        Command::Probe(command) => command.run(&output),
        Command::Seal(command) => command.run(&output),
        Command::Open(command) => command.run(&output),
        Command::Verify(command) => command.run(&output),
        Command::Url(command) => asynchronous(command.run(&output)),
        Command::Key(command) => command.run(&output),
        Command::User(command) => asynchronous(command.run(&output)),
        Command::AccessKey(command) => asynchronous(command.run(&output)),
        Command::Audit(command) => asynchronous(command.run(&output)),
        Command::Doctor(command) => asynchronous(command.run(&output)),
        Command::RecorderSim(command) => asynchronous(command.run(&output)),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            output.failure(&error);
            let settings = error.downcast_ref::<ConfigFaults>().is_some();
            ExitCode::from(if settings { EXIT_SETTINGS } else { 1 })
        }
    }
}

fn asynchronous<F: Future<Output = anyhow::Result<()>>>(work: F) -> anyhow::Result<()> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(work)
}
