//! Reads interchanges, groups and sets, and gives each its verdict.
