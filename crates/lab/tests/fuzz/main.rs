//! The body of the fuzz target `pkt` over inputs from proptest, so that a plain `cargo test` plays it too, in a bounded time.
//! `fuzz/README.md` says how cargo-fuzz runs the same body.

#[path = "../../../../fuzz/kept.rs"]
mod kept;
mod pkt;

use proptest::prelude::*;

/// Pieces of the language, sound and broken, in any order.
fn pieces() -> impl Strategy<Value = String> {
    let words = prop::sample::select(vec![
        "+0 ",
        "0 ",
        "* ",
        "1~2 ",
        "+.1...0.2 ",
        "--mss=1000\n",
        "`sysctl -w a=b`\n",
        "%{ assert tcpi_rto == 1 }%\n",
        "< ",
        "> ",
        "S 0:0(0) ",
        "S. ",
        "P. 1:101(100) ",
        "ack 1 ",
        "win 1000 ",
        "<mss 1460,nop,wscale 7>",
        "<...>",
        "<sack 1:2 3:4>",
        "\n",
        "socket(..., SOCK_STREAM, IPPROTO_TCP) = 3\n",
        "read(4, ..., 10) = -1 EAGAIN (x)\n",
        "[1:1461(1460)]",
        "icmp unreachable ",
        "setsockopt(3, SOL_SOCKET, SO_LINGER, {onoff=1, linger=0}, 8) = 0\n",
        "//",
        "/*",
        "*/",
        "\"",
        "{",
        "}",
        "[",
        "]",
        "(",
        ")",
        "99999999999999999999",
        "-1",
        "0x",
        "é",
        "\u{0}",
    ]);
    prop::collection::vec(words, 0..30).prop_map(|words| words.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn scripts_of_pieces(text in pieces()) {
        pkt::run(text.as_bytes());
    }

    #[test]
    fn scripts_of_bytes(data in prop::collection::vec(any::<u8>(), 0..200)) {
        pkt::run(&data);
    }
}

#[test]
fn inputs_that_were_kept() {
    kept::play("pkt", pkt::run);
}
