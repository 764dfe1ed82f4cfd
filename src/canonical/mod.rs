//! Canonical records: what business documents mean, in the trade's words.
