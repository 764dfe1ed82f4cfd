//! Derivations: pure functions that make one record of another and its order.
