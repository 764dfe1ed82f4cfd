//! XML files: elements and attributes, without DTDs.

mod layout;
mod reader;
mod writer;

pub use layout::Layout;
pub use reader::read;
pub use writer::write;
