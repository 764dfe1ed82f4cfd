//! Settings of the hub: `crossdock.toml` and the environment, read once.
