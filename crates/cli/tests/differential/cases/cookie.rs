//! SYN cookies without a full queue: what opens a connection of which nothing is kept, and what does not (RFC 4987
//! section 3.6).

pub(super) const CASES: &[(&str, &str)] = &[
    (
        "cookie: nobody answers",
        "set cookies; listen; < S 0 mss 1000; state; wait 3500; < . 1 ack 1; accept; state",
    ),
    (
        "cookie: the SYN again",
        "set cookies; listen; < S 0 mss 1000; < S 0 mss 1000; state; < . 1 ack 1; accept; state",
    ),
    (
        "cookie: the SYN again on the open connection",
        "set cookies; listen; < S 0 mss 1000; < . 1 ack 1; < S 0 mss 1000; accept; state; < P. 1 ack 1 len 10; read",
    ),
    (
        "cookie: the SYN again in CLOSE-WAIT",
        "set cookies; listen; < S 0 mss 1000; < F. 1 ack 1; < S 0 mss 1000; accept; state",
    ),
    (
        "cookie: the SYN again in TIME-WAIT",
        "set cookies; listen; < S 0 mss 1000; < . 1 ack 1; accept; close; < F. 1 ack 2; < S 0 mss 1000; state",
    ),
    (
        "cookie: a new SYN after a reset",
        "set cookies; listen; < S 0 mss 1000; < . 1 ack 1; < R 1; state; < S 100000 mss 1000; < . 100001 ack 1; accept; accept; state",
    ),
    (
        "cookie: the SYN again after a reset",
        "set cookies; listen; < S 0 mss 1000; < . 1 ack 1; < R 1; state; < S 0 mss 1000; state",
    ),
    (
        "cookie: another SYN",
        "set cookies; listen; < S 0 mss 1000; < S 100000 mss 1000; < . 1 ack 1; accept; state",
    ),
    (
        "cookie: a new SYN in TIME-WAIT",
        "set cookies; listen; < S 0 mss 1000; < . 1 ack 1; accept; close; < F. 1 ack 2; < S 100000 mss 1000; state; < . 100001 ack 1; accept; state",
    ),
    (
        "cookie: a SYN with text",
        "set cookies; listen; < S 0 mss 1000 len 10; < . 1 ack 1; accept; read; < P. 1 ack 1 len 10; read",
    ),
    (
        "cookie: text on the third ACK",
        "set cookies; listen; < S 0 mss 1000; < P. 1 ack 1 len 10; accept; read; state",
    ),
    (
        "cookie: the third ACK is lost, and text opens",
        "set cookies; listen; < S 0 mss 1000 sackOK ts 100 ws 7; < P. 1 ack 1 len 10 win 512 ts 101; < P. 11 ack 1 len 10 win 512 ts 101; accept; read; state",
    ),
    (
        "cookie: the second text comes first",
        "set cookies; listen; < S 0 mss 1000; < P. 11 ack 1 len 10; accept; state; < P. 1 ack 1 len 10; accept; state; read",
    ),
    (
        "cookie: the second text comes first, with timestamps",
        "set cookies; listen; < S 0 mss 1000 sackOK ts 100; < P. 11 ack 1 len 10 ts 101; accept; state; < P. 1 ack 1 len 10 ts 101; accept; state; read",
    ),
    (
        "cookie: the FIN comes before the text",
        "set cookies; listen; < S 0 mss 1000; < F. 11 ack 1; accept; state; < P. 1 ack 1 len 10; accept; state; read",
    ),
    (
        "cookie: a FIN on the third ACK",
        "set cookies; listen; < S 0 mss 1000; < F. 1 ack 1; accept; state; read",
    ),
    (
        "cookie: text and a FIN on the third ACK",
        "set cookies; listen; < S 0 mss 1000; < FP. 1 ack 1 len 10; wait 100; accept; state; read",
    ),
    (
        "cookie: urgent data on the third ACK",
        "set cookies; listen; < S 0 mss 1000; < PU. 1 ack 1 len 10 urg 10; accept; state; read",
    ),
    (
        "cookie: a closed window on the third ACK",
        "set cookies; listen; < S 0 mss 1000; < . 1 ack 1 win 0; accept; send 10; wait 100; < . 1 ack 1; state",
    ),
    (
        "cookie: text without ACK",
        "set cookies; listen; < S 0 mss 1000; < P 1 len 10; accept; state; < . 1 ack 1; accept",
    ),
    (
        "cookie: a reset before the third ACK",
        "set cookies; listen; < S 0 mss 1000; < R 1; state; < . 1 ack 1; accept; state",
    ),
    (
        "cookie: a reset with the right ACK",
        "set cookies; listen; < S 0 mss 1000; < R. 1 ack 1; accept; state",
    ),
    (
        "cookie: a reset after the third ACK",
        "set cookies; listen; < S 0 mss 1000; < . 1 ack 1; < R 1; accept; state; read",
    ),
    (
        "cookie: the third ACK again",
        "set cookies; listen; < S 0 mss 1000; < . 1 ack 1; < . 1 ack 1; accept; accept; state",
    ),
    (
        "cookie: the third ACK again after a reset",
        "set cookies; listen; < S 0 mss 1000; < . 1 ack 1; accept; < R 1; < . 1 ack 1; accept; state",
    ),
    (
        "cookie: the text of the third ACK again after an abort",
        "set cookies; set linger 0; listen; < S 0 mss 1000; < P. 1 ack 1 len 10; accept; read; close; < P. 1 ack 1 len 10; accept; state",
    ),
    (
        "cookie: the third ACK of another peer",
        "set cookies; listen; < S 0 mss 1000; peer 2; < S 0 mss 1000; peer 1; < . 1 ack 1; accept; peer 2; < . 1 ack 1; accept",
    ),
    (
        "cookie: a third ACK far off",
        "set cookies; listen; < S 0 mss 1000; < . 1 ack 100000000; accept; state; < . 1 ack 1; accept",
    ),
    (
        "cookie: a third ACK with another sequence number",
        "set cookies; listen; < S 0 mss 1000; < . 100000000 ack 1; accept; state; < . 1 ack 1; accept",
    ),
    (
        "cookie: SYN,ACK instead of the third ACK",
        "set cookies; listen; < S 0 mss 1000; < S. 1 ack 1; accept; state; < . 1 ack 1; accept",
    ),
    (
        "cookie: ECN bits",
        "set cookies; listen; < SEW 0 mss 1000 ts 100; < . 1 ack 1 ts 101; accept; state",
    ),
    (
        "cookie: no timestamps on the third ACK that were agreed",
        "set cookies; listen; < S 0 mss 1000 ts 100; < . 1 ack 1; accept; state; < . 1 ack 1 ts 101; accept; state",
    ),
    (
        "cookie: no timestamps on text that were agreed",
        "set cookies; listen; < S 0 mss 1000 ts 100; < P. 1 ack 1 len 10; accept; state; < P. 1 ack 1 len 10 ts 101; accept; state; read",
    ),
    (
        "cookie: timestamps on the third ACK that were not agreed",
        "set cookies; listen; < S 0 mss 1000; < . 1 ack 1 ts 100; accept; send 10; state",
    ),
    (
        "cookie: an older timestamp on the third ACK",
        "set cookies; listen; < S 0 mss 1000 ts 100; < . 1 ack 1 ts 50; accept; state",
    ),
    (
        "cookie: the listener closes",
        "set cookies; listen; < S 0 mss 1000; unlisten; < . 1 ack 1; state",
    ),
    (
        "cookie: the listener closes with one that was opened",
        "set cookies; listen; < S 0 mss 1000; < . 1 ack 1; unlisten; state",
    ),
    (
        "cookie: the listener closes and opens again",
        "set cookies; listen; < S 0 mss 1000; unlisten; listen; < . 1 ack 1; accept; state",
    ),
    (
        "cookie: the accept queue is full when the third ACK comes",
        "set cookies; listen 0; < S 0 mss 1000; peer 2; < S 0 mss 1000; < . 1 ack 1; peer 1; < . 1 ack 1; state; accept; < . 1 ack 1; accept; state",
    ),
    (
        "cookie: the accept queue is full when the SYN comes",
        "set cookies; listen 0; peer 2; < S 0 mss 1000; < . 1 ack 1; peer 1; < S 0 mss 1000; accept; < S 0 mss 1000; < . 1 ack 1; accept; state",
    ),
    (
        "cookie: no MSS",
        "set cookies; set nodelay; listen; < S 0; < . 1 ack 1; accept; send 2000",
    ),
    (
        "cookie: an MSS of 1,460",
        "set cookies; set nodelay; listen; < S 0 mss 1460; < . 1 ack 1; accept; send 4000",
    ),
    (
        "cookie: an MSS of 1,400",
        "set cookies; set nodelay; listen; < S 0 mss 1400; < . 1 ack 1; accept; send 4000",
    ),
    (
        "cookie: an MSS of 1,400, with timestamps",
        "set cookies; set nodelay; listen; < S 0 mss 1400 ts 100; < . 1 ack 1 ts 101; accept; send 4000",
    ),
    (
        "cookie: an MSS of 9,000",
        "set cookies; set nodelay; listen; < S 0 mss 9000; < . 1 ack 1; accept; send 4000",
    ),
    (
        "cookie: window scale without timestamps",
        "set cookies; set nodelay; listen; < S 0 mss 1460 ws 7; < . 1 ack 1 win 32; accept; send 2000",
    ),
    (
        "cookie: window scale with timestamps",
        "set cookies; set nodelay; listen; < S 0 mss 1460 ws 7 ts 100; < . 1 ack 1 win 32 ts 101; accept; send 2000",
    ),
    (
        "cookie: SACK with timestamps",
        "set cookies; listen; < S 0 mss 1460 sackOK ts 100; < . 1 ack 1 ts 101; accept; < . 101 ack 1 len 10 ts 102",
    ),
];
