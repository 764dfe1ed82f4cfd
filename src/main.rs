//! The `crossdock` program.

use std::process::ExitCode;

// What one thread reads another lets go, all day long: that costs the usual allocator a fifth of all time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    crossdock::cli::main()
}
