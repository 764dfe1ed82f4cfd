//! What tests stand on: real servers on this machine.

pub(crate) mod postgres;
