//! The work: receive, process, deliver, and the chores.
