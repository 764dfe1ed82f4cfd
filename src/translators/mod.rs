//! Translators: one definition that turns a tree into a record and a record into a tree.
