//! The one test binary: inputs and expected outputs are files beside the tests.

mod fuzzed;
mod harness;
mod house;
mod hub;
mod onboarding;
mod operations;
mod reports;
mod scenario;
mod store;
mod translators;
mod translators_properties;
mod transports;
mod x12_changes;
mod x12_commands;
mod x12_findings;
mod x12_reader;
mod x12_validate;
