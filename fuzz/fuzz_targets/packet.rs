//! Arbitrary bytes as packets of every kind. The body is the one that `cargo test` plays.
#![no_main]

extern crate wire as syndic_wire;

use libfuzzer_sys::fuzz_target;

#[expect(dead_code, reason = "the target `options` runs the rest")]
#[path = "../../crates/wire/tests/fuzz/options.rs"]
mod options;
#[path = "../../crates/wire/tests/fuzz/packet.rs"]
mod packet;

fuzz_target!(|data: &[u8]| packet::run(data));
