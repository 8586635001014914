//! Arguments, settings, exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    reelgate::cli::run()
}
