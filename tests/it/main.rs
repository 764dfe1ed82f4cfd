//! The one test binary: inputs and expected outputs are files beside the tests.

mod house;
mod transports;
