//! Commands: the only part that prints.
