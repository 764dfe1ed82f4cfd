//! Partner profiles: all that was agreed with one partner, in one file.
