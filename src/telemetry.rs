//! Logs: one line an event, never the contents of a document.
