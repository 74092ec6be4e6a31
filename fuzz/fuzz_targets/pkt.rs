//! Arbitrary bytes as a script in packetdrill's language. The body is the one that `cargo test` plays.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../crates/lab/tests/fuzz/pkt.rs"]
mod pkt;

fuzz_target!(|data: &[u8]| pkt::run(data));
