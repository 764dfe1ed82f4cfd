//! JSON: bodies of ERP calls and their answers.
