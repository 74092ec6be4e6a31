//! Sending: Nagle, windows, retransmission, probes, keep-alive, user timeout.

pub(super) const CASES: &[(&str, &str)] = &[
    ("send: one segment", "warm; send 10; < . 1 ack 11; wait 300"),
    ("send: the initial window", "warm; send 20000; < . 1 ack 2001"),
    ("send: Nagle", "warm; send 10; send 10; send 10; < . 1 ack 11"),
    (
        "send: no Nagle",
        "set nodelay; warm; send 10; send 10; send 10; < . 1 ack 11",
    ),
    (
        "send: Nagle lets full segments go",
        "warm; send 10; send 2000; < . 1 ack 11; < . 1 ack 2011",
    ),
    (
        "send: Nagle and the FIN",
        "warm; send 10; send 10; shutdown; < . 1 ack 11",
    ),
    (
        "send: a small window",
        "warm; < . 1 ack 1 win 300; send 1000; < . 1 ack 301 win 300",
    ),
    (
        "send: a window of one and a half segments",
        "warm; < . 1 ack 1 win 1500; send 3000; wait 150; < . 1 ack 1001 win 1500; wait 100",
    ),
    ("send: retransmission", "warm; send 10; wait 1600; < . 1 ack 11; state"),
    (
        "send: retransmission when only the handshake was timed",
        "open; send 10; wait 1600; < . 1 ack 11; state",
    ),
    (
        "send: retransmission of several segments",
        "warm; send 3000; wait 500; < . 1 ack 1001; < . 1 ack 3001",
    ),
    (
        "send: fast retransmission",
        "warm; < . 1 ack 1; send 6000; < . 1 ack 1; < . 1 ack 1; < . 1 ack 1; < . 1 ack 6001",
    ),
    (
        "send: a closed window is probed",
        "warm; < . 1 ack 1 win 0; send 100; wait 1000; < . 1 ack 1 win 1000; wait 100",
    ),
    (
        "send: the window closes and opens",
        "warm; < . 1 ack 1 win 1000; send 3000; < . 1 ack 1001 win 0; wait 150; < . 1 ack 1001 win 2000; < . 1 ack 3001",
    ),
    (
        "send: the window shrinks",
        "warm; < . 1 ack 1 win 4000; send 3000; < . 1 ack 1001 win 1000; wait 100; < . 1 ack 3001 win 4000",
    ),
    (
        "send: a window update for nothing",
        "warm; < . 1 ack 1 win 1000; send 2000",
    ),
    (
        "send: an old window does not count",
        "warm; < . 1 ack 1 win 5000; < . 1 ack 1 len 10 win 3000; wait 100; < . 0 ack 1 win 0; send 2000",
    ),
    (
        "send: the window shrinks, and nothing else is new",
        "open; < . 1 ack 1 win 500; send 2000; wait 100",
    ),
    ("send: urgent data", "warm; urgent 1; < . 1 ack 2"),
    ("send: urgent data after text", "warm; send 10; urgent 5; < . 1 ack 16"),
    ("send: after shutdown", "warm; shutdown; send 10"),
    (
        "send: window scale",
        "listen; < S 0 mss 1000 ws 7; < . 1 ack 1 win 16; accept; send 5000; < . 1 ack 2049 win 16",
    ),
    (
        "send: no window scale without the peer's",
        "warm; < . 1 ack 1 win 16; send 5000; wait 100",
    ),
    (
        "keep-alive: nobody answers",
        "set keepalive; warm; wait 3500; read; state",
    ),
    (
        "keep-alive: the peer answers",
        "set keepalive; warm; wait 1200; < . 1 ack 1; wait 1200; state",
    ),
    (
        "keep-alive: with timestamps",
        "set keepalive; listen; < S 0 mss 1000 ts 100; < . 1 ack 1 ts 100; accept; wait 1200; state",
    ),
    (
        "keep-alive: the peer has forgotten",
        "set keepalive; warm; wait 1200; < R 1; read",
    ),
    (
        "user timeout: text",
        "set user_timeout 1000; warm; send 10; wait 2000; read; state",
    ),
    (
        "user timeout: closed window",
        "set user_timeout 1000; warm; < . 1 ack 1 win 0; send 10; wait 2000; read; state",
    ),
    (
        "user timeout: SYN",
        "set user_timeout 1500; connect; wait 3200; opened; state",
    ),
    (
        "send: an ACK of a part",
        "warm; send 900; < . 1 ack 401; wait 300; < . 1 ack 901",
    ),
    (
        "send: an ACK of one of many",
        "warm; send 4000; < . 1 ack 1001; < . 1 ack 2001; < . 1 ack 4001",
    ),
    (
        "send: the peer's SACK is repaired",
        "listen; < S 0 mss 1000 sackOK; < . 1 ack 1; accept; send 10; < . 1 ack 11; send 2000; wait 300; < . 1 ack 2011; state",
    ),
    (
        "send: with timestamps, retransmission",
        "listen; < S 0 mss 1000 ts 100; < . 1 ack 1 ts 101; accept; send 10; wait 700; < . 1 ack 11 ts 102",
    ),
    (
        "send: the reader of the other side resets",
        "warm; send 100; < R 1; send 10",
    ),
    (
        "send: while being opened",
        "connect; < S. 0 ack 1 mss 1000; send 10; send 10; < . 1 ack 11; < . 1 ack 21",
    ),
    (
        "keep-alive: half-closed",
        "set keepalive; warm; shutdown; < . 1 ack 2; wait 1200; state",
    ),
    (
        "keep-alive: the peer has closed",
        "set keepalive; warm; < P. 1 ack 1 len 10; read; < F. 11 ack 1; wait 1200; state",
    ),
];
