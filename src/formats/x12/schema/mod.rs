//! The schema: segments, elements, loops and codes of each X12 release.
