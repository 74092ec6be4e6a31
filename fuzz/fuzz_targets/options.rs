//! Arbitrary bytes as TCP options. The body is the one that `cargo test` plays.
#![no_main]

extern crate wire as syndic_wire;

use libfuzzer_sys::fuzz_target;

#[path = "../../crates/wire/tests/fuzz/options.rs"]
mod options;

fuzz_target!(|data: &[u8]| options::run(data));
