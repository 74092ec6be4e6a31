//! TIME-WAIT: what it answers, what it ignores, and what opens it again (RFC 9293 section 3.10.7.4, RFC 1337, RFC 6191).

pub(super) const CASES: &[(&str, &str)] = &[
    (
        "TIME-WAIT: the FIN again",
        "warm; close; < F. 1 ack 2; < F. 1 ack 2; state",
    ),
    (
        "TIME-WAIT: the FIN again, with timestamps",
        "listen; < S 0 mss 1000 ts 1000; < . 1 ack 1 ts 1001; accept; close; < F. 1 ack 2 ts 1002; < F. 1 ack 2 ts 1003; state",
    ),
    (
        "TIME-WAIT: the last ACK again",
        "warm; close; < F. 1 ack 2; < . 2 ack 2; state",
    ),
    (
        "TIME-WAIT: old text",
        "warm; < P. 1 ack 1 len 10; read; close; < F. 11 ack 2; < P. 1 ack 2 len 10; state",
    ),
    (
        "TIME-WAIT: text beyond the FIN",
        "warm; close; < F. 1 ack 2; < P. 2 ack 2 len 10; state",
    ),
    (
        "TIME-WAIT: text far off",
        "warm; close; < F. 1 ack 2; < P. 100000000 ack 2 len 10; state",
    ),
    ("TIME-WAIT: an old ACK", "warm; close; < F. 1 ack 2; < . 1 ack 1; state"),
    (
        "TIME-WAIT: an ACK far off",
        "warm; close; < F. 1 ack 2; < . 100000000 ack 100000000; state",
    ),
    ("TIME-WAIT: exact RST", "warm; close; < F. 1 ack 2; < R 2; state"),
    (
        "TIME-WAIT: RST in the window",
        "warm; close; < F. 1 ack 2; < R 100; state",
    ),
    (
        "TIME-WAIT: a new SYN by its number",
        "warm; close; < F. 1 ack 2; < S 100000 mss 1000; state; < . 100001 ack 1; accept; state",
    ),
    (
        "TIME-WAIT: an old SYN",
        "warm; close; < F. 1 ack 2; < S 0 mss 1000; state",
    ),
    (
        "TIME-WAIT: a new SYN by its timestamp",
        "listen; < S 0 mss 1000 ts 1000; < . 1 ack 1 ts 1001; accept; close; < F. 1 ack 2 ts 1002; < S -5000 mss 1000 ts 5000; state",
    ),
    (
        "TIME-WAIT: a SYN with an old timestamp",
        "listen; < S 0 mss 1000 ts 1000; < . 1 ack 1 ts 1001; accept; close; < F. 1 ack 2 ts 1002; < S 100000 mss 1000 ts 500; state",
    ),
    (
        "TIME-WAIT: a new SYN and nobody listens",
        "warm; unlisten; close; < F. 1 ack 2; < S 100000 mss 1000; state",
    ),
    (
        "TIME-WAIT: SYN,ACK",
        "warm; close; < F. 1 ack 2; < S. 100000 ack 2; state",
    ),
    (
        "TIME-WAIT: PAWS",
        "listen; < S 0 mss 1000 ts 1000; < . 1 ack 1 ts 1001; accept; close; < F. 1 ack 2 ts 1002; < . 2 ack 2 ts 500; state",
    ),
    (
        "TIME-WAIT: after an active open",
        "connect; < S. 0 ack 1 mss 1000; close; < F. 1 ack 2; < F. 1 ack 2; < S 100000 mss 1000; state",
    ),
    (
        "TIME-WAIT: after closing at the same time",
        "warm; close; < F. 1 ack 1; < . 2 ack 2; < F. 1 ack 2; state",
    ),
    (
        "TIME-WAIT: a new SYN with the same number and a newer timestamp",
        "listen; < S 0 mss 1000 ts 1000; < . 1 ack 1 ts 1001; accept; close; < F. 1 ack 2 ts 1002; < S 0 mss 1000 ts 5000; state; < . 1 ack 1 ts 5001; accept; state",
    ),
    ("TIME-WAIT: no flags", "warm; close; < F. 1 ack 2; < - 2; state"),
    (
        "TIME-WAIT: RST outside the window",
        "warm; close; < F. 1 ack 2; < R 100000000; state",
    ),
    (
        "TIME-WAIT: reopened, and reset",
        "warm; close; < F. 1 ack 2; < S 100000 mss 1000; < R 100001; state",
    ),
    (
        "TIME-WAIT: the host's own open",
        "connect; < S. 0 ack 1 mss 1000; close; < F. 1 ack 2; state; connect",
    ),
];
