//! Opening: passive, active and simultaneous.

pub(super) const CASES: &[(&str, &str)] = &[
    ("passive open: no options", "listen; < S 0; < . 1 ack 1; accept; state"),
    ("passive open: MSS", "open; send 3000; < . 1 ack 2001"),
    (
        "passive open: timestamps",
        "listen; < S 0 mss 1000 ts 100; < . 1 ack 1 ts 101; accept; send 10",
    ),
    (
        "passive open: SACK",
        "listen; < S 0 mss 1000 sackOK; < . 1 ack 1; accept; < . 101 ack 1 len 10",
    ),
    (
        "passive open: window scale",
        "listen; < S 0 mss 1000 ws 7; < . 1 ack 1 win 512; accept; send 3000",
    ),
    (
        "passive open: all options",
        "listen; < S 0 mss 1460 sackOK ts 100 ws 7; < . 1 ack 1 win 512 ts 101; accept; send 10; state",
    ),
    (
        "passive open: window scale of 15",
        "listen; < S 0 mss 1000 ws 15; < . 1 ack 1 win 4; accept; send 3000",
    ),
    (
        "passive open: text on the SYN",
        "listen; < S 0 mss 1000 len 100; < P. 1 ack 1 len 100; accept; read",
    ),
    (
        "passive open: text on the third ACK",
        "listen; < S 0 mss 1000; < P. 1 ack 1 len 100; accept; read; wait 100",
    ),
    (
        "passive open: FIN on the third ACK",
        "listen; < S 0 mss 1000; < F. 1 ack 1; wait 100; state; accept; read",
    ),
    (
        "passive open: text and FIN on the third ACK",
        "listen; < S 0 mss 1000; < FP. 1 ack 1 len 50; wait 100; accept; read",
    ),
    (
        "passive open: the third ACK is lost, then text",
        "listen; < S 0 mss 1000; accept; < P. 1 ack 1 len 10; accept; read",
    ),
    (
        "passive open: closed window in the third ACK",
        "listen; < S 0 mss 1000; < . 1 ack 1 win 0; accept; send 10; wait 100",
    ),
    (
        "SYN-RECEIVED: the SYN again",
        "listen; < S 0 mss 1000; < S 0 mss 1000; < . 1 ack 1; accept",
    ),
    (
        "SYN-RECEIVED: another SYN in the window",
        "listen; < S 0 mss 1000; < S 100 mss 1000; state; < . 1 ack 1; state",
    ),
    (
        "SYN-RECEIVED: another SYN outside the window",
        "listen; < S 0 mss 1000; < S 100000000 mss 1000; state; < . 1 ack 1; accept",
    ),
    (
        "SYN-RECEIVED: an older SYN",
        "listen; < S 0 mss 1000; < S -1000 mss 1000; state; < . 1 ack 1; accept",
    ),
    ("SYN-RECEIVED: SYN,ACK", "listen; < S 0 mss 1000; < S. 0 ack 1; state"),
    (
        "SYN-RECEIVED: ACK of too much",
        "listen; < S 0 mss 1000; < . 1 ack 2; state; < . 1 ack 1; accept",
    ),
    (
        "SYN-RECEIVED: ACK of too little",
        "listen; < S 0 mss 1000; < . 1 ack 0; state; < . 1 ack 1; accept",
    ),
    (
        "SYN-RECEIVED: text without ACK",
        "listen; < S 0 mss 1000; < P 1 len 10; state",
    ),
    ("SYN-RECEIVED: FIN without ACK", "listen; < S 0 mss 1000; < F 1; state"),
    (
        "SYN-RECEIVED: ACK right of the window",
        "listen; < S 0 mss 1000; < . 100000000 ack 1; state; < . 1 ack 1; accept",
    ),
    (
        "SYN-RECEIVED: ACK left of the window",
        "listen; < S 0 mss 1000; < . -100 ack 1; state; < . 1 ack 1; accept",
    ),
    (
        "SYN-RECEIVED: an ACK with an old timestamp",
        "listen; < S 0 mss 1000 ts 1000; < . 1 ack 1 ts 900; state; < . 1 ack 1 ts 1001; accept",
    ),
    (
        "SYN-RECEIVED: ACK without the timestamps agreed on",
        "listen; < S 0 mss 1000 ts 1000; < . 1 ack 1; accept",
    ),
    ("SYN-RECEIVED: exact RST", "listen; < S 0 mss 1000; < R 1; state"),
    (
        "SYN-RECEIVED: exact RST,ACK",
        "listen; < S 0 mss 1000; < R. 1 ack 1; state",
    ),
    (
        "SYN-RECEIVED: RST in the window",
        "listen; < S 0 mss 1000; < R 100; state",
    ),
    (
        "SYN-RECEIVED: RST outside the window",
        "listen; < S 0 mss 1000; < R 100000000; state",
    ),
    (
        "SYN-RECEIVED: the listener closes",
        "listen; < S 0 mss 1000; unlisten; < . 1 ack 1; state",
    ),
    (
        "SYN-RECEIVED: the SYN,ACK is sent again",
        "listen; < S 0 mss 1000; wait 3500",
    ),
    (
        "not accepted: the listener closes",
        "listen; < S 0 mss 1000; < . 1 ack 1; unlisten; state",
    ),
    (
        "not accepted: RST, then accept",
        "listen; < S 0 mss 1000; < . 1 ack 1; < R 1; accept; read",
    ),
    ("active open", "connect; opened; < S. 0 ack 1 mss 1000; opened; state"),
    (
        "active open: all options",
        "connect; < S. 0 ack 1 mss 1460 sackOK ts 100 ws 7; opened; send 10",
    ),
    (
        "active open: no options",
        "connect; < S. 0 ack 1; send 1000; < . 1 ack 537",
    ),
    (
        "active open: text on the SYN,ACK",
        "connect; < S. 0 ack 1 mss 1000 len 50; read; wait 100",
    ),
    (
        "active open: FIN on the SYN,ACK",
        "connect; < SF. 0 ack 1 mss 1000; state; read",
    ),
    (
        "active open: the SYN,ACK again",
        "connect; < S. 0 ack 1 mss 1000; < S. 0 ack 1 mss 1000; state",
    ),
    (
        "active open: the SYN is sent again",
        "connect; wait 3500; < S. 0 ack 1 mss 1000; opened",
    ),
    ("SYN-SENT: RST,ACK", "connect; < R. 0 ack 1; opened; state"),
    ("SYN-SENT: RST without ACK", "connect; < R 0; opened; state"),
    (
        "SYN-SENT: RST with a wrong ACK",
        "connect; < R. 0 ack 500; wait 100; opened; state",
    ),
    (
        "SYN-SENT: SYN,ACK of too much",
        "connect; < S. 0 ack 500 mss 1000; wait 100; opened; < S. 0 ack 1 mss 1000; opened",
    ),
    (
        "SYN-SENT: SYN,ACK of too little",
        "connect; < S. 0 ack 0 mss 1000; wait 100; opened",
    ),
    (
        "SYN-SENT: a bare ACK",
        "connect; < . 1 ack 1; opened; < S. 0 ack 1 mss 1000; opened",
    ),
    (
        "SYN-SENT: an ACK of too much",
        "connect; < . 1 ack 500; wait 100; opened",
    ),
    ("SYN-SENT: FIN without ACK", "connect; < F 1; opened"),
    ("SYN-SENT: no flags", "connect; < - 0; opened"),
    ("SYN-SENT: port unreachable", "connect; icmp port; opened; state"),
    ("SYN-SENT: host unreachable", "connect; icmp host; opened; state"),
    ("SYN-SENT: network unreachable", "connect; icmp net; opened; state"),
    ("SYN-SENT: prohibited", "connect; icmp prohibited; opened; state"),
    (
        "SYN-SENT: protocol unreachable",
        "connect; icmp protocol; opened; state",
    ),
    ("SYN-SENT: time exceeded", "connect; icmp time-exceeded; opened; state"),
    ("SYN-SENT: close", "connect; close; state; < S. 0 ack 1 mss 1000"),
    (
        "simultaneous open",
        "connect; < S 0 mss 1000; state; < S. 0 ack 1 mss 1000; opened; state",
    ),
    (
        "simultaneous open: bare ACK",
        "connect; < S 0 mss 1000; < . 1 ack 1; opened; state",
    ),
    (
        "simultaneous open: the SYN again",
        "connect; < S 0 mss 1000; < S 0 mss 1000; state",
    ),
    (
        "simultaneous open: all options",
        "connect; < S 0 mss 1460 sackOK ts 100 ws 7; < S. 0 ack 1 mss 1460 sackOK ts 101 ws 7; opened; send 10",
    ),
    (
        "simultaneous open: text on the ACK",
        "connect; < S 0 mss 1000; < P. 1 ack 1 len 10; opened; read; wait 100",
    ),
    (
        "simultaneous open: RST",
        "connect; < S 0 mss 1000; < R 1; opened; state",
    ),
    (
        "simultaneous open: ACK of too much",
        "connect; < S 0 mss 1000; < . 1 ack 500; state",
    ),
    ("simultaneous open: close", "connect; < S 0 mss 1000; close; state"),
    (
        "tiny MSS",
        "listen; < S 0 mss 100; < . 1 ack 1; accept; send 1000; < . 1 ack 501",
    ),
    ("MSS of 0", "listen; < S 0 mss 0; < . 1 ack 1; accept; send 1000"),
    (
        "MSS larger than the link",
        "listen; < S 0 mss 9000; < . 1 ack 1; accept; send 4000",
    ),
    (
        "passive open: timestamps and SACK",
        "listen; < S 0 mss 1000 sackOK ts 100; < . 1 ack 1 ts 101; accept; < . 101 ack 1 len 10 ts 102",
    ),
    (
        "passive open: window scale and SACK",
        "listen; < S 0 mss 1000 sackOK ws 2; < . 1 ack 1 win 1000; accept; send 4000",
    ),
    (
        "passive open: window scale and timestamps",
        "listen; < S 0 mss 1000 ws 0 ts 7; < . 1 ack 1 ts 8; accept; send 10",
    ),
    (
        "passive open: timestamp of 0",
        "listen; < S 0 mss 1000 ts 0; < . 1 ack 1 ts 1; accept; send 10",
    ),
    (
        "SYN-RECEIVED: the SYN again, with a newer timestamp",
        "listen; < S 0 mss 1000 ts 100; < S 0 mss 1000 ts 1100; < . 1 ack 1 ts 1101; accept",
    ),
    (
        "SYN-RECEIVED: the SYN,ACK is sent again, then the third ACK",
        "listen; < S 0 mss 1000; wait 1500; < . 1 ack 1; accept; send 4000; state",
    ),
    (
        "active open: window scale",
        "connect; < S. 0 ack 1 mss 1000 ws 7; opened; < . 1 ack 1 win 16; send 4000",
    ),
    (
        "active open: timestamps",
        "connect; < S. 0 ack 1 mss 1000 ts 500; send 10; < . 1 ack 11 ts 501; state",
    ),
    (
        "active open: SACK",
        "connect; < S. 0 ack 1 mss 1000 sackOK; < . 11 ack 1 len 10; state",
    ),
    ("active open: refused, then read", "connect; < R. 0 ack 1; read"),
];
