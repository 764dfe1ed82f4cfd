//! Writes trees as interchanges.
