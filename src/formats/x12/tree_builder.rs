//! Builds the tree of one transaction set.
