//! The X12 engine: delimiters, lexer, schema, validation, acknowledgments, writer.

pub mod ack;
pub mod ack_reader;
pub mod advice_reader;
mod context;
pub mod cursor;
pub mod delimiters;
pub mod describe;
mod envelope;
pub mod fault;
mod judge;
pub mod lexer;
pub mod names;
pub mod passwords;
pub mod reader;
pub mod schema;
mod seen;
pub mod segment;
pub mod stream;
pub mod tree_builder;
pub mod validate;
pub mod verdict;
pub mod walker;
mod wide;
mod window;
pub mod writer;
