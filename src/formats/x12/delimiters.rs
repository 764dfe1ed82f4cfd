//! Finds an interchange's delimiters from its ISA, by position.
