//! RST, SYN and ACK as RFC 5961 has them, in each synchronized state, PAWS, and ICMP.

pub(super) const CASES: &[(&str, &str)] = &[
    ("ESTABLISHED: exact RST", "open; < R 1; state; read"),
    ("ESTABLISHED: exact RST,ACK", "open; < R. 1 ack 1; read; send 10"),
    (
        "ESTABLISHED: RST with text unread",
        "open; < P. 1 ack 1 len 10; < R 11; read",
    ),
    ("ESTABLISHED: RST in the window", "open; < R 100; state"),
    ("ESTABLISHED: RST left of the window", "open; < R 0; state"),
    ("ESTABLISHED: RST right of the window", "open; < R 100000000; state"),
    (
        "ESTABLISHED: exact RST with a wrong ACK",
        "open; < R. 1 ack 5000; state",
    ),
    (
        "ESTABLISHED: RST with an old timestamp",
        "listen; < S 0 mss 1000 ts 1000; < . 1 ack 1 ts 1001; accept; < R 1 ts 500; state",
    ),
    (
        "ESTABLISHED: RST behind a hole",
        "listen; < S 0 mss 1000 sackOK; < . 1 ack 1; accept; < . 101 ack 1 len 100; < R 201; state",
    ),
    ("ESTABLISHED: SYN in the window", "open; < S 100; state"),
    ("ESTABLISHED: exact SYN", "open; < S 1; state"),
    ("ESTABLISHED: the old SYN", "open; < S 0 mss 1000; state"),
    ("ESTABLISHED: SYN outside the window", "open; < S 100000000; state"),
    ("ESTABLISHED: SYN,ACK", "open; < S. 0 ack 1; state"),
    ("ESTABLISHED: SYN,FIN", "open; < SF 1; state"),
    ("ESTABLISHED: SYN,RST", "open; < SR 1; state"),
    ("ESTABLISHED: no flags", "open; < - 1; state"),
    ("ESTABLISHED: FIN without ACK", "open; < F 1; state"),
    ("ESTABLISHED: text without ACK", "open; < P 1 len 10; read; wait 100"),
    ("ESTABLISHED: ACK of too much", "open; < . 1 ack 5000; state"),
    (
        "ESTABLISHED: text with an ACK of too much",
        "open; < P. 1 ack 5000 len 10; read",
    ),
    (
        "ESTABLISHED: a slightly old ACK",
        "open; send 1000; < . 1 ack 1001; < P. 1 ack 501 len 10; read; wait 100",
    ),
    (
        "ESTABLISHED: an ACK older than any window",
        "listen; < S 0 mss 1000; < . 1 ack 1 win 1000; accept; < P. 1 ack -70000 len 10; read",
    ),
    (
        "ESTABLISHED: text left of the window",
        "open; < P. -99 ack 1 len 50; read",
    ),
    (
        "ESTABLISHED: text right of the window",
        "open; < P. 100000000 ack 1 len 50; read",
    ),
    (
        "ESTABLISHED: a bare ACK right of the window",
        "open; < . 100000000 ack 1",
    ),
    ("ESTABLISHED: a bare ACK left of the window", "open; < . -50 ack 1"),
    (
        "ESTABLISHED: PAWS",
        "listen; < S 0 mss 1000 ts 1000; < . 1 ack 1 ts 1001; accept; < P. 1 ack 1 len 10 ts 500; read; < P. 1 ack 1 len 10 ts 1002; read; wait 100",
    ),
    (
        "ESTABLISHED: PAWS, a bare ACK",
        "listen; < S 0 mss 1000 ts 1000; < . 1 ack 1 ts 1001; accept; < . 1 ack 1 ts 500",
    ),
    (
        "ESTABLISHED: PAWS, a FIN",
        "listen; < S 0 mss 1000 ts 1000; < . 1 ack 1 ts 1001; accept; < F. 1 ack 1 ts 500; state",
    ),
    (
        "ESTABLISHED: text without the timestamps agreed on",
        "listen; < S 0 mss 1000 ts 1000; < . 1 ack 1 ts 1001; accept; < P. 1 ack 1 len 10; read; wait 100",
    ),
    (
        "ESTABLISHED: keep-alive probe of the peer",
        "open; < . 0 ack 1; < . 0 ack 1 len 1",
    ),
    ("ESTABLISHED: host unreachable", "open; send 10; icmp host; read; state"),
    ("ESTABLISHED: port unreachable", "open; send 10; icmp port; read; state"),
    (
        "ESTABLISHED: protocol unreachable",
        "open; send 10; icmp protocol; read; state",
    ),
    (
        "ESTABLISHED: packet too big",
        "listen; < S 0 mss 1460; < . 1 ack 1; accept; send 10; < . 1 ack 11; send 1460; icmp too-big 1000; wait 300",
    ),
    ("FIN-WAIT-1: exact RST", "warm; shutdown; < R 1; state; read"),
    ("FIN-WAIT-1: RST in the window", "warm; shutdown; < R 100; state"),
    ("FIN-WAIT-1: SYN", "warm; shutdown; < S 100; state"),
    ("FIN-WAIT-1: ACK of too much", "warm; shutdown; < . 1 ack 5000; state"),
    (
        "FIN-WAIT-2: exact RST",
        "warm; shutdown; < . 1 ack 2; < R 1; state; read",
    ),
    (
        "FIN-WAIT-2: RST in the window",
        "warm; shutdown; < . 1 ack 2; < R 100; state",
    ),
    ("FIN-WAIT-2: SYN", "warm; shutdown; < . 1 ack 2; < S 100; state"),
    (
        "FIN-WAIT-2: ACK of too much",
        "warm; shutdown; < . 1 ack 2; < . 1 ack 5000; state",
    ),
    (
        "CLOSE-WAIT: exact RST",
        "warm; < F. 1 ack 1; wait 100; < R 2; state; send 10",
    ),
    (
        "CLOSE-WAIT: RST in the window",
        "warm; < F. 1 ack 1; wait 100; < R 100; state",
    ),
    ("CLOSE-WAIT: SYN", "warm; < F. 1 ack 1; wait 100; < S 100; state"),
    (
        "CLOSE-WAIT: ACK of too much",
        "warm; < F. 1 ack 1; wait 100; < . 2 ack 5000; state",
    ),
    (
        "CLOSING: exact RST",
        "warm; shutdown; < F. 1 ack 1; state; < R 2; state",
    ),
    (
        "CLOSING: RST in the window",
        "warm; shutdown; < F. 1 ack 1; < R 100; state",
    ),
    ("CLOSING: SYN", "warm; shutdown; < F. 1 ack 1; < S 100; state"),
    ("LAST-ACK: exact RST", "warm; < F. 1 ack 1; close; state; < R 2; state"),
    (
        "LAST-ACK: RST in the window",
        "warm; < F. 1 ack 1; close; < R 100; state",
    ),
    ("LAST-ACK: SYN", "warm; < F. 1 ack 1; close; < S 100; state"),
    (
        "LAST-ACK: ACK of too much",
        "warm; < F. 1 ack 1; close; < . 2 ack 5000; state",
    ),
];
