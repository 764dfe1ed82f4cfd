//! The `crossdock` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    crossdock::cli::main()
}
