//! Arbitrary bytes as packets, steps of time and calls of a user. The body is the one that `cargo test` plays.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../crates/stack/tests/fuzz/body.rs"]
mod body;

fuzz_target!(|data: &[u8]| body::run(data));
