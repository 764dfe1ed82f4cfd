//! Places each segment of a set in the set's tree of loops.
