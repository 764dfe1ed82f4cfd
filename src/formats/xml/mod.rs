//! XML files: elements and attributes, no DTDs.
