//! Segments beyond holes, in pieces and in any order, against a plain model. The body is the one that `cargo test` plays.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../crates/stack/tests/fuzz/bytes.rs"]
mod bytes;
#[path = "../../crates/stack/tests/fuzz/reassembly.rs"]
mod reassembly;

fuzz_target!(|data: &[u8]| reassembly::run(data));
