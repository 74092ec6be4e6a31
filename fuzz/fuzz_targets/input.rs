//! Arbitrary bytes as packets, steps of time and calls of a user. The body is the one that `cargo test` plays.
#![no_main]

use libfuzzer_sys::fuzz_target;

// Around the body, whose own modules are looked for in the folder beside it.
#[path = "../../crates/stack/tests/fuzz"]
mod shared {
    pub(crate) mod body;
}

fuzz_target!(|data: &[u8]| shared::body::run(data));
