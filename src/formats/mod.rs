//! Formats: how bytes are arranged. Each reads into a [`crate::tree::Tree`] and writes from one.

pub mod delimited;
pub mod fixed_width;
pub mod json;
pub mod x12;
pub mod xml;
