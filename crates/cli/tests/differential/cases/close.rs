//! Closing: every order, half-close, abort, and what comes afterwards.

pub(super) const CASES: &[(&str, &str)] = &[
    (
        "close: we first",
        "warm; close; state; < . 1 ack 2; state; < F. 1 ack 2; state",
    ),
    (
        "close: we first, ACK and FIN in one",
        "warm; close; < F. 1 ack 2; state",
    ),
    (
        "close: the peer first",
        "warm; < F. 1 ack 1; wait 100; state; read; close; state; < . 2 ack 2; state",
    ),
    (
        "close: at the same time",
        "warm; close; < F. 1 ack 1; state; < . 2 ack 2; state",
    ),
    (
        "close: with text not yet acknowledged",
        "warm; send 100; close; < . 1 ack 101; state; < . 1 ack 102; state",
    ),
    (
        "close: with text that waits",
        "listen; < S 0 mss 1000; < . 1 ack 1 win 1000; accept; send 2500; close; < . 1 ack 1001 win 1000; < . 1 ack 2001 win 1000; < . 1 ack 2502; state",
    ),
    ("close: text unread", "warm; < P. 1 ack 1 len 10; close; state"),
    (
        "close: text unread and the peer's FIN",
        "warm; < FP. 1 ack 1 len 10; wait 100; close; state",
    ),
    ("close: then text arrives", "warm; close; < P. 1 ack 1 len 10; state"),
    (
        "close: then text arrives in FIN-WAIT-2",
        "warm; close; < . 1 ack 2; < P. 1 ack 2 len 10; state",
    ),
    (
        "close: then text with FIN arrives",
        "warm; close; < . 1 ack 2; < FP. 1 ack 2 len 10; state",
    ),
    (
        "close: then old text arrives",
        "warm; < P. 1 ack 1 len 10; read; close; < P. 1 ack 1 len 10; state",
    ),
    ("close: lingering for nothing", "set linger 0; warm; close; state"),
    (
        "close: lingering for nothing, text waits",
        "set linger 0; warm; send 100; close; state",
    ),
    (
        "close: lingering for nothing in CLOSE-WAIT",
        "set linger 0; warm; < F. 1 ack 1; wait 100; close; state",
    ),
    (
        "close: lingering for nothing in FIN-WAIT-2",
        "set linger 0; warm; shutdown; < . 1 ack 2; close; state",
    ),
    ("close: the FIN is sent again", "warm; close; wait 1600"),
    (
        "close: the FIN is sent again in LAST-ACK",
        "warm; < F. 1 ack 1; close; wait 1600",
    ),
    (
        "close: the FIN is sent again in CLOSING",
        "warm; close; < F. 1 ack 1; wait 500; < . 2 ack 2; state",
    ),
    (
        "close: the peer's FIN again in CLOSE-WAIT",
        "warm; < F. 1 ack 1; wait 100; < F. 1 ack 1; state",
    ),
    (
        "close: the peer's FIN again in LAST-ACK",
        "warm; < F. 1 ack 1; close; < F. 1 ack 1; state",
    ),
    (
        "close: the peer's FIN again in CLOSING",
        "warm; close; < F. 1 ack 1; < F. 1 ack 1; state",
    ),
    (
        "close: text after the FIN in CLOSE-WAIT",
        "warm; < F. 1 ack 1; wait 100; < P. 2 ack 1 len 10; state; read",
    ),
    (
        "close: FIN-WAIT-2 does not last",
        "warm; close; < . 1 ack 2; wait 1000; state; wait 2000; state; < F. 1 ack 2",
    ),
    (
        "half-close: we send no more",
        "warm; shutdown; < . 1 ack 2; < P. 1 ack 2 len 10; read; wait 100; < F. 11 ack 2; read; state",
    ),
    (
        "half-close: lasts",
        "warm; shutdown; < . 1 ack 2; wait 3000; state; < P. 1 ack 2 len 10; read; wait 100",
    ),
    (
        "half-close: the peer sends no more",
        "warm; < F. 1 ack 1; wait 100; read; send 10; < . 2 ack 11; send 10; < . 2 ack 21; close; < . 2 ack 22; state",
    ),
    (
        "half-close: text with FIN-WAIT-1",
        "warm; shutdown; < P. 1 ack 1 len 10; read; state; wait 100",
    ),
    ("shutdown twice", "warm; shutdown; shutdown; < . 1 ack 2; state"),
    (
        "shutdown, then the FIN is lost with text",
        "warm; send 100; shutdown; wait 500; < . 1 ack 102; state",
    ),
];
