//! The `crossdock` program.

fn main() {}
