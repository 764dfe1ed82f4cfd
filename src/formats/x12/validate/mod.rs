//! Validates one transaction set against its schema.

mod options;

pub use options::{CharacterSet, Limits, National, Options, Severities};
