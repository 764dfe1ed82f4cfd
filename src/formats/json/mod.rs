//! JSON bodies, such as calls to an ERP and its answers.

mod layout;
mod reader;
mod writer;

pub use layout::Layout;
pub use reader::read;
pub use writer::write;
