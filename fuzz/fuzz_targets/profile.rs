//! Hands arbitrary bytes to the check of the same name.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| checks::profile(data));
