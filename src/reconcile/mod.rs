//! Reconciliation: business differences between documents, each with its amount and its source.
