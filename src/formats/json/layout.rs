//! How a JSON body is laid out.

use std::collections::BTreeSet;

/// The declaration of a JSON body. Paths are member names joined by slashes, arrays without index.
#[derive(Clone, Debug, Default)]
pub struct Layout {
    /// Name of the layout; the tag of each tree's root.
    pub name: String,
    /// Path of the array whose entries are documents. Empty: the body is one document, or an array of
    /// documents.
    pub documents: Vec<String>,
    /// Members that are arrays, even with one entry.
    pub arrays: BTreeSet<String>,
    /// Members that are written as numbers.
    pub numbers: BTreeSet<String>,
    /// Members that are written as true or false.
    pub booleans: BTreeSet<String>,
}
