//! Whom the hub talks to, in the demo and in tests. Shares no code with the hub's own formats.

pub mod erp;
pub mod partners;
pub mod sshd;
