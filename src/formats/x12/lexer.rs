//! The lexer: segments and elements of an interchange, without copying.
