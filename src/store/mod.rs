//! Postgres: every statement of the hub, each named after its promise.
