//! The bodies of the fuzz targets `packet` and `options` over inputs from proptest, so that a plain `cargo test` plays them too, in
//! a bounded time. `fuzz/README.md` says how cargo-fuzz runs the same bodies.

#[path = "../../../../fuzz/kept.rs"]
mod kept;
mod options;
mod packet;

use proptest::prelude::*;

/// Bytes like those of packets: with runs, small numbers, and the kinds of options among them.
fn bytes(most: usize) -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![4 => any::<u8>(), 3 => 0..12_u8, 1 => Just(0x45), 1 => Just(0x60)];
    prop::collection::vec(byte, 0..most)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn packets(data in bytes(200)) {
        packet::run(&data);
    }

    #[test]
    fn options_alone(data in bytes(60)) {
        options::run(&data);
    }
}

#[test]
fn inputs_that_were_kept() {
    kept::play("packet", packet::run);
    kept::play("options", options::run);
}
