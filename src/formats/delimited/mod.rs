//! Delimited files: rows of named columns, grouped into documents.
