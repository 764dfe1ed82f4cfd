//! What tests stand on: real servers on this machine.

pub(crate) mod authority;
pub(crate) mod gpg;
pub(crate) mod line;
pub(crate) mod postgres;
pub(crate) mod s3;
pub(crate) mod smtp;
