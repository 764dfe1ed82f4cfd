//! How an XML file is laid out.

/// The declaration of an XML file.
#[derive(Clone, Debug, Default)]
pub struct Layout {
    /// Local names from the document element to the element that is one document: `Order` when a file
    /// is one document, `Orders/Order` when it holds many. The last is the tag of each tree's root.
    pub document: Vec<String>,
    /// Namespace the elements must have; any when empty.
    pub namespace: String,
    /// Order in which elements are written among their siblings; those not named come last.
    pub order: Vec<String>,
}
