//! Words a fault: where, what, and what to do.
