//! XML files.

mod layout;

pub use layout::Layout;
