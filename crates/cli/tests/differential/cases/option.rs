//! Options that are wrong, doubled, unknown, or where none belong. Kinds: 2 MSS, 3 window scale, 4 SACK permitted, 5 SACK,
//! 8 timestamps.

pub(super) const CASES: &[(&str, &str)] = &[
    // On the SYN: what comes out of it shows in the SYN,ACK and in the first segments.
    (
        "options: only END",
        "listen; < S 0 opts 00; < . 1 ack 1; accept; send 1072",
    ),
    (
        "options: only NOP",
        "listen; < S 0 opts 01010101; < . 1 ack 1; accept; state",
    ),
    (
        "options: an option after END",
        "listen; < S 0 opts 00020403e8; < . 1 ack 1; accept; send 1072",
    ),
    (
        "options: a length of 0",
        "listen; < S 0 opts 020403e8fe000101; < . 1 ack 1; accept; state",
    ),
    (
        "options: a length of 0 first",
        "listen; < S 0 opts fe000101020403e8; < . 1 ack 1; accept; send 1000",
    ),
    (
        "options: a length of 1",
        "listen; < S 0 opts 020403e8fe010101; < . 1 ack 1; accept; state",
    ),
    (
        "options: a length past the end",
        "listen; < S 0 opts 020403e8fe050101; < . 1 ack 1; accept; state",
    ),
    (
        "options: a kind without a length",
        "listen; < S 0 opts 020403e8010101fe; < . 1 ack 1; accept; state",
    ),
    (
        "options: an MSS past the end",
        "listen; < S 0 opts 01010204; < . 1 ack 1; accept; send 1000",
    ),
    (
        "options: an MSS of 3 bytes",
        "listen; < S 0 opts 020303; < . 1 ack 1; accept; send 1000",
    ),
    (
        "options: an MSS of 5 bytes",
        "listen; < S 0 opts 02050003e8; < . 1 ack 1; accept; send 1000",
    ),
    (
        "options: an MSS of 2 bytes",
        "listen; < S 0 opts 0202; < . 1 ack 1; accept; send 1000",
    ),
    (
        "options: window scale of 2 bytes",
        "listen; < S 0 opts 020403e80302; < . 1 ack 1; accept; send 1000",
    ),
    (
        "options: window scale of 4 bytes",
        "listen; < S 0 opts 020403e803040700; < . 1 ack 1; accept; send 1000",
    ),
    (
        "options: SACK permitted of 3 bytes",
        "listen; < S 0 opts 020403e8040300; < . 1 ack 1; accept; < . 11 ack 1 len 10",
    ),
    (
        "options: timestamps of 9 bytes",
        "listen; < S 0 opts 020403e8080900000064000000; < . 1 ack 1; accept; send 10",
    ),
    (
        "options: timestamps of 11 bytes",
        "listen; < S 0 opts 020403e8080b000000640000000000; < . 1 ack 1; accept; send 10",
    ),
    (
        "options: a wrong one before right ones",
        "listen; < S 0 opts 040300020403e8; < . 1 ack 1; accept; send 1000",
    ),
    (
        "options: MSS twice",
        "listen; < S 0 opts 020403e8020401f4; < . 1 ack 1; accept; send 2000",
    ),
    (
        "options: window scale twice",
        "listen; < S 0 opts 020403e80303010303020000; < . 1 ack 1 win 500; accept; send 3000",
    ),
    (
        "options: SACK permitted twice",
        "listen; < S 0 opts 020403e804020402; < . 1 ack 1; accept; < . 11 ack 1 len 10",
    ),
    (
        "options: timestamps twice",
        "listen; < S 0 opts 020403e8080a0000006400000000080a000000c8000000000101; < . 1 ack 1 ts 300; accept; send 10",
    ),
    (
        "options: an unknown kind",
        "listen; < S 0 opts fd04abcd020403e8; < . 1 ack 1; accept; send 2000",
    ),
    (
        "options: an unknown kind of 2 bytes",
        "listen; < S 0 opts fd020101020403e8; < . 1 ack 1; accept; send 2000",
    ),
    (
        "options: an experiment's, with the cookie of nobody",
        "listen; < S 0 opts fe0cf9890000000000000000020403e8; < . 1 ack 1; accept; send 2000",
    ),
    (
        "options: Fast Open without a cookie",
        "listen; < S 0 opts 22020101020403e8; < . 1 ack 1; accept; send 2000",
    ),
    (
        "options: Fast Open with a cookie, and text",
        "listen; < S 0 len 10 opts 220a010203040506070801010000020403e8; state; < P. 1 ack 1 len 10; accept; read",
    ),
    (
        "options: an MD5 signature that nobody asked for",
        "listen; < S 0 opts 020403e8131200112233445566778899aabbccddeeff0101; < . 1 ack 1; accept; state",
    ),
    (
        "options: an MD5 signature of a wrong length",
        "listen; < S 0 opts 020403e813040000; < . 1 ack 1; accept; state",
    ),
    (
        "options: TCP-AO that nobody asked for",
        "listen; < S 0 opts 020403e81d10010100112233445566778899aabb; < . 1 ack 1; accept; state",
    ),
    (
        "options: user timeout of the peer",
        "listen; < S 0 opts 1c040005020403e8; < . 1 ack 1; accept; state",
    ),
    (
        "options: 40 bytes of NOP",
        "listen; < S 0 opts 01010101010101010101010101010101010101010101010101010101010101010101010101010101; < . 1 ack 1; accept; state",
    ),
    (
        "options: 40 bytes of all kinds",
        "listen; < S 0 opts 020403e8080a0000006400000000040203030701fd12000000000000000000000000000000000101; < . 1 ack 1 ts 101; accept; send 10",
    ),
    (
        "options: SACK blocks on a SYN",
        "listen; < S 0 opts 020403e80402050a0000000100000002; < . 1 ack 1; accept; < . 11 ack 1 len 10",
    ),
    // On the SYN,ACK.
    (
        "options: a length of 0 on the SYN,ACK",
        "connect; < S. 0 ack 1 opts 020403e8fe000101; opened; state",
    ),
    (
        "options: an MSS of 3 bytes on the SYN,ACK",
        "connect; < S. 0 ack 1 opts 02030300; opened; send 1000",
    ),
    (
        "options: an MSS past the end of the SYN,ACK",
        "connect; < S. 0 ack 1 opts 01010204; opened; send 1000",
    ),
    (
        "options: MSS twice on the SYN,ACK",
        "connect; < S. 0 ack 1 opts 020403e8020401f4; opened; send 2000",
    ),
    (
        "options: an unknown kind on the SYN,ACK",
        "connect; < S. 0 ack 1 opts fd04abcd020403e8; opened; send 2000",
    ),
    // On the third ACK.
    (
        "options: a length of 0 on the third ACK",
        "listen; < S 0 mss 1000; < . 1 ack 1 opts fe000101; accept; state",
    ),
    (
        "options: a length past the end of the third ACK",
        "listen; < S 0 mss 1000; < . 1 ack 1 opts fe080101; accept; state",
    ),
    (
        "options: timestamps of a wrong length on the third ACK",
        "listen; < S 0 mss 1000 ts 100; < . 1 ack 1 opts 080800000065000000; accept; state",
    ),
    // On an open connection.
    (
        "options: a length of 0 on text",
        "open; < P. 1 ack 1 len 10 opts fe000101; read",
    ),
    (
        "options: a length of 1 on text",
        "open; < P. 1 ack 1 len 10 opts fe010101; read",
    ),
    (
        "options: a length past the end on text",
        "open; < P. 1 ack 1 len 10 opts fe090101; read",
    ),
    (
        "options: a length of 0 on an ACK",
        "open; send 10; < . 1 ack 11 opts fe000101; wait 1100; state",
    ),
    (
        "options: a length of 0 on a FIN",
        "open; < F. 1 ack 1 opts fe000101; wait 100; state",
    ),
    ("options: a length of 0 on a reset", "open; < R 1 opts fe000101; state"),
    (
        "options: an unknown kind on text",
        "open; < P. 1 ack 1 len 10 opts fd04abcd; read",
    ),
    (
        "options: an MSS on text",
        "open; < P. 1 ack 1 len 10 opts 02040064; read; send 1000",
    ),
    (
        "options: window scale on text",
        "open; < P. 1 ack 1 len 10 opts 03030700; read; < . 11 ack 1 win 500; send 2000",
    ),
    (
        "options: SACK permitted on text",
        "open; < P. 1 ack 1 len 10 opts 04020101; read; < . 21 ack 1 len 10",
    ),
    (
        "options: timestamps that nobody agreed on",
        "open; < P. 1 ack 1 len 10 ts 100; read; send 10",
    ),
    (
        "options: timestamps that nobody agreed on, then older ones",
        "open; < P. 1 ack 1 len 10 ts 100; < P. 11 ack 1 len 10 ts 50; read",
    ),
    (
        "options: timestamps twice on text",
        "listen; < S 0 mss 1000 ts 100; < . 1 ack 1 ts 100; accept; < P. 1 ack 1 len 10 opts 0101080a00000070000000000101080a0000008000000000; read; send 10",
    ),
    (
        "options: timestamps of a wrong length on text",
        "listen; < S 0 mss 1000 ts 100; < . 1 ack 1 ts 100; accept; < P. 1 ack 1 len 10 opts 080900000070000000; read",
    ),
    (
        "options: timestamps without NOPs before them",
        "listen; < S 0 mss 1000 ts 100; < . 1 ack 1 ts 100; accept; < P. 1 ack 1 len 10 opts 080a00000070000000000101; read; send 10",
    ),
    (
        "options: an echo of what was never sent",
        "listen; < S 0 mss 1000 ts 100; < . 1 ack 1 ts 100; accept; send 10; < P. 1 ack 11 len 10 opts 0101080a000000707fffffff; read; wait 100",
    ),
    (
        "options: SACK of a wrong length",
        "listen; < S 0 mss 1000 sackOK; < . 1 ack 1; accept; send 3000; < . 1 ack 1 opts 0101050600000000; state",
    ),
    (
        "options: SACK without blocks",
        "listen; < S 0 mss 1000 sackOK; < . 1 ack 1; accept; send 10; < . 1 ack 11 opts 05020101; wait 300; state",
    ),
    (
        "options: an MD5 signature on text",
        "open; < P. 1 ack 1 len 10 opts 131200112233445566778899aabbccddeeff0101; read",
    ),
    (
        "options: TCP-AO on text",
        "open; < P. 1 ack 1 len 10 opts 1d10010100112233445566778899aabb; read",
    ),
    // Where nobody listens, and in TIME-WAIT.
    ("options: a length of 0 to a closed port", "< S 0 opts fe000101"),
    (
        "options: a length past the end to a closed port",
        "< . 100 ack 777 opts fe090101",
    ),
    (
        "options: a length of 0 in TIME-WAIT",
        "warm; close; < F. 1 ack 2; < F. 1 ack 2 opts fe000101; state",
    ),
    (
        "options: a length of 0 on a SYN in TIME-WAIT",
        "warm; close; < F. 1 ack 2; < S 100000 opts fe000101; state",
    ),
];
