//! The world of the demo: partners, their servers and an ERP, all real and all on this machine.

pub mod counterparts;
pub mod files;
mod story;
pub mod world;

pub(super) use story::{Arguments, run};
