//! Two stacks, and a wire on which every segment may arrive at any time. The body is the one that `cargo test` plays.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../crates/stack/tests/fuzz/bytes.rs"]
mod bytes;
#[path = "../../crates/stack/tests/fuzz/connection.rs"]
mod connection;

fuzz_target!(|data: &[u8]| connection::run(data));
