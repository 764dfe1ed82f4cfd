//! Delimited files.

mod layout;

pub use layout::{Layout, LineEnd, RecordType, Role};
