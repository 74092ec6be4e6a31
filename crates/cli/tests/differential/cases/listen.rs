//! A listener's two queues: half-open entries, and connections that nobody has accepted yet.

pub(super) const CASES: &[(&str, &str)] = &[
    (
        "SYN queue: nobody answers the SYN,ACK",
        "listen; < S 0 mss 1000; wait 6500; state; wait 1000; state; < . 1 ack 1",
    ),
    (
        "SYN queue: the SYN comes again as the SYN,ACK does",
        "listen; < S 0 mss 1000; wait 900; < S 0 mss 1000; wait 2500; < . 1 ack 1; accept; state",
    ),
    (
        "SYN queue: the third ACK comes after two SYN,ACKs",
        "listen; < S 0 mss 1000 ts 100; wait 3500; < . 1 ack 1 ts 3600; accept; state",
    ),
    (
        "SYN queue: wrong segments do not stop the SYN,ACK",
        "listen; < S 0 mss 1000; < . 1 ack 500; wait 1500; < R 100000000; state; < . 1 ack 1; accept",
    ),
    (
        "SYN queue: two peers",
        "listen; < S 0 mss 1000; peer 2; < S 0 mss 1000; < . 1 ack 1; accept; peer 1; < . 1 ack 1; accept; accept",
    ),
    (
        "SYN queue: the listener closes with two in it",
        "listen; < S 0 mss 1000; peer 2; < S 0 mss 1000; unlisten; wait 1500; < . 1 ack 1; peer 1; < . 1 ack 1",
    ),
    (
        "SYN queue: full",
        "listen 1; < S 0 mss 1000; wait 200; peer 2; < S 0 mss 1000; peer 3; < S 0 mss 1000; peer 4; < S 0 mss 1000; wait 1500; state; peer 1; state",
    ),
    (
        "SYN queue: full, and the first third ACK comes",
        "listen 1; < S 0 mss 1000; peer 2; < S 0 mss 1000; peer 3; < S 0 mss 1000; peer 1; < . 1 ack 1; accept; state",
    ),
    (
        "SYN queue: full, and the last third ACK comes",
        "set nodelay; listen 1; < S 0 mss 1000; peer 2; < S 0 mss 1000; peer 3; < S 0 mss 1000; < . 1 ack 1; accept; state; send 1500",
    ),
    (
        "SYN queue: full, and the last third ACK comes with text",
        "listen 1; < S 0 mss 1000; peer 2; < S 0 mss 1000; peer 3; < S 0 mss 1000; < P. 1 ack 1 len 10; accept; state; read",
    ),
    (
        "SYN queue: full, all options",
        "set nodelay; listen 1; < S 0 mss 1000; peer 2; < S 0 mss 1000; peer 3; < S 0 mss 1460 sackOK ts 100 ws 7; < . 1 ack 1 win 512 ts 101; accept; send 4000; < . 101 ack 1 len 10 win 512 ts 102",
    ),
    (
        "SYN queue: full, SACK without timestamps",
        "set nodelay; listen 1; < S 0 mss 1000; peer 2; < S 0 mss 1000; peer 3; < S 0 mss 1460 sackOK ws 7; < . 1 ack 1; accept; send 4000; < . 101 ack 1 len 10",
    ),
    (
        "SYN queue: full, and a third ACK with a wrong number",
        "listen 1; < S 0 mss 1000; peer 2; < S 0 mss 1000; peer 3; < S 0 mss 1000; < . 1 ack 2; accept; state",
    ),
    (
        "SYN queue: full, and a reset",
        "listen 1; < S 0 mss 1000; peer 2; < S 0 mss 1000; peer 3; < S 0 mss 1000; < R 1; < . 1 ack 1; accept; state",
    ),
    (
        "accept queue: in the order of the third ACKs",
        "listen; < S 0 mss 1000; peer 2; < S 0 mss 1000; < . 1 ack 1; peer 1; < . 1 ack 1; accept; accept",
    ),
    (
        "accept queue: a backlog of 0",
        "listen 0; < S 0 mss 1000; < . 1 ack 1; peer 2; < S 0 mss 1000; < . 1 ack 1; accept; accept",
    ),
    (
        "accept queue: full, a SYN",
        "listen 1; < S 0 mss 1000; < . 1 ack 1; peer 2; < S 0 mss 1000; < . 1 ack 1; peer 3; < S 0 mss 1000; state",
    ),
    (
        "accept queue: full, a SYN again after an accept",
        "listen 1; < S 0 mss 1000; < . 1 ack 1; peer 2; < S 0 mss 1000; < . 1 ack 1; peer 3; < S 0 mss 1000; accept; < S 0 mss 1000; state",
    ),
    (
        "accept queue: full, the third ACK",
        "crowd; < . 1 ack 1; state; wait 1500; accept; < . 1 ack 1; accept; accept; accept",
    ),
    (
        "accept queue: full, then text and an accept",
        "crowd; < . 1 ack 1; accept; < P. 1 ack 1 len 10; accept; accept; read; state",
    ),
    (
        "accept queue: full, the third ACK, and nobody accepts",
        "crowd; < . 1 ack 1; wait 7500; state; accept; accept; accept",
    ),
    (
        "accept queue: full, a FIN",
        "crowd; < F. 1 ack 1; state; accept; accept; accept",
    ),
    (
        "accept queue: full, a reset",
        "crowd; < . 1 ack 1; < R 1; state; accept; accept; accept",
    ),
    (
        "accept queue: text and FIN wait with the connection",
        "listen; < S 0 mss 1000; < . 1 ack 1; < P. 1 ack 1 len 10; < F. 11 ack 1; wait 100; state; accept; read",
    ),
    (
        "accept queue: the listener closes with two in it",
        "listen; < S 0 mss 1000; < . 1 ack 1; peer 2; < S 0 mss 1000; < P. 1 ack 1 len 10; unlisten; state; peer 1; state",
    ),
    (
        "accept queue: one was reset",
        "listen; < S 0 mss 1000; < . 1 ack 1; peer 2; < S 0 mss 1000; < . 1 ack 1; peer 1; < R 1; accept; read; accept",
    ),
];
