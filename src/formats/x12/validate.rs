//! Validates one transaction set against its schema.
