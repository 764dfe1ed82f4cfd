//! Fixed-width files: records of columns, told apart by a tag, grouped into documents.

mod layout;
mod number;
mod reader;
mod writer;

pub use layout::{Count, Encoding, Field, Kind, Layout, RecordType};
pub use reader::read;
pub use writer::write;
