//! Delimited files: rows and columns, one tree for each document's rows.

mod layout;
mod reader;
mod rows;
mod writer;

pub use layout::{Inner, Layout, LineEnd, RecordType, Role};
pub use reader::read;
pub use writer::write;
