//! Receiving: reassembly, acknowledgments, the window, urgent data.

pub(super) const CASES: &[(&str, &str)] = &[
    ("text: one small segment", "open; < P. 1 ack 1 len 10; wait 100; read"),
    (
        "text: two full segments",
        "open; < . 1 ack 1 len 1000; < . 1001 ack 1 len 1000; wait 100; read",
    ),
    (
        "text: request and answer",
        "open; < P. 1 ack 1 len 10; read; send 20; wait 100",
    ),
    (
        "text: delayed ACK once the peer is known to talk in turns",
        "open; < P. 1 ack 1 len 10; read; send 20; < P. 11 ack 21 len 10; read; send 20; < P. 21 ack 41 len 10; read; wait 100",
    ),
    (
        "text: many full segments are acknowledged",
        "open; < . 1 ack 1 len 1000; read; < . 1001 ack 1 len 1000; read; < . 2001 ack 1 len 1000; read; < . 3001 ack 1 len 1000; read; wait 100",
    ),
    (
        "text: the same again",
        "open; < P. 1 ack 1 len 10; wait 100; < P. 1 ack 1 len 10; wait 100; read",
    ),
    (
        "text: the same again, with SACK",
        "listen; < S 0 mss 1000 sackOK; < . 1 ack 1; accept; < P. 1 ack 1 len 10; wait 100; < P. 1 ack 1 len 10; wait 100; read",
    ),
    (
        "reassembly: a hole and its filling",
        "open; < . 11 ack 1 len 10 byte b; < . 1 ack 1 len 10 byte a; read",
    ),
    (
        "reassembly: a hole, with SACK",
        "listen; < S 0 mss 1000 sackOK; < . 1 ack 1; accept; < . 11 ack 1 len 10 byte b; < . 1 ack 1 len 10 byte a; read",
    ),
    (
        "reassembly: two holes, with SACK",
        "listen; < S 0 mss 1000 sackOK; < . 1 ack 1; accept; < . 11 ack 1 len 10; < . 31 ack 1 len 10; < . 51 ack 1 len 10; < . 21 ack 1 len 10; < . 1 ack 1 len 10; read",
    ),
    (
        "reassembly: five holes, with SACK",
        "listen; < S 0 mss 1000 sackOK; < . 1 ack 1; accept; < . 11 ack 1 len 10; < . 31 ack 1 len 10; < . 51 ack 1 len 10; < . 71 ack 1 len 10; < . 91 ack 1 len 10",
    ),
    (
        "reassembly: holes, with SACK and timestamps",
        "listen; < S 0 mss 1000 sackOK ts 100; < . 1 ack 1 ts 100; accept; < . 11 ack 1 len 10 ts 101; < . 31 ack 1 len 10 ts 102; < . 1 ack 1 len 10 ts 103; read",
    ),
    (
        "reassembly: overlap on the right",
        "open; < . 11 ack 1 len 10 byte b; < . 1 ack 1 len 15 byte a; read",
    ),
    (
        "reassembly: overlap on the left",
        "open; < . 1 ack 1 len 10 byte a; wait 100; < . 6 ack 1 len 10 byte b; read; wait 100",
    ),
    (
        "reassembly: covered by what is there",
        "open; < . 11 ack 1 len 30 byte b; < . 21 ack 1 len 10 byte c; < . 1 ack 1 len 10 byte a; read",
    ),
    (
        "reassembly: covers what is there",
        "open; < . 21 ack 1 len 10 byte b; < . 11 ack 1 len 30 byte c; < . 1 ack 1 len 10 byte a; read",
    ),
    (
        "reassembly: overlap of two islands",
        "open; < . 11 ack 1 len 10 byte b; < . 16 ack 1 len 10 byte c; < . 1 ack 1 len 10 byte a; read",
    ),
    (
        "reassembly: one island covers and joins two",
        "open; < . 11 ack 1 len 5 byte b; < . 21 ack 1 len 5 byte c; < . 9 ack 1 len 30 byte d; < . 1 ack 1 len 8 byte a; read",
    ),
    (
        "reassembly: overlap of two islands, with SACK",
        "listen; < S 0 mss 1000 sackOK; < . 1 ack 1; accept; < . 11 ack 1 len 10 byte b; < . 16 ack 1 len 10 byte c; < . 16 ack 1 len 10 byte c",
    ),
    (
        "reassembly: a FIN behind a hole",
        "open; < F. 11 ack 1 len 10; state; < . 1 ack 1 len 10; state; read",
    ),
    (
        "reassembly: a bare FIN behind a hole",
        "listen; < S 0 mss 1000 sackOK; < . 1 ack 1; accept; < F. 11 ack 1; state; < . 1 ack 1 len 10; state; read",
    ),
    (
        "reassembly: text beyond a FIN behind a hole",
        "open; < F. 11 ack 1 len 10; < . 21 ack 1 len 10 byte z; < . 1 ack 1 len 10; read",
    ),
    (
        "window: closed, then probed",
        "set rcvbuf 8192; open; fill; < . 1 ack 1 len 1; wait 100",
    ),
    (
        "window: closed, a probe from before",
        "set rcvbuf 8192; open; fill; < . 0 ack 1; wait 100",
    ),
    ("window: closed, RST", "set rcvbuf 8192; open; fill; < R 1; state"),
    (
        "window: closed, an ACK counts",
        "set rcvbuf 8192; open; send 100; fill; < . 1 ack 101; shutdown; state",
    ),
    (
        "window: closed, a FIN",
        "set rcvbuf 8192; open; fill; < F. 1 ack 1; state; wait 100",
    ),
    (
        "window: closed, text with an ACK",
        "set rcvbuf 8192; open; fill; send 10; < . 1 ack 11 len 10; wait 100",
    ),
    (
        "urgent data arrives",
        "open; < PU. 1 ack 1 len 10 urg 5; read; wait 100",
    ),
    (
        "urgent pointer beyond the segment",
        "open; < PU. 1 ack 1 len 10 urg 100; read; wait 100",
    ),
    (
        "urgent pointer of 0",
        "open; < PU. 1 ack 1 len 10 urg 0; read; wait 100",
    ),
    (
        "window: closed, opens as the user reads",
        "set rcvbuf 8192; warm; fill; drain; wait 100; < P. 1 ack 1 len 10; wait 100; read",
    ),
    (
        "window: closed, opens as the user reads, with all options",
        "set rcvbuf 8192; listen; < S 0 mss 1460 sackOK ts 100 ws 7; < . 1 ack 1 win 512 ts 101; accept; fill; drain; wait 100; < P. 1 ack 1 len 10 ts 102; wait 100; read",
    ),
    (
        "window: closed, a probe with old text",
        "set rcvbuf 8192; warm; fill; < . 0 ack 1 len 1; wait 100",
    ),
    ("window: closed, SYN", "set rcvbuf 8192; warm; fill; < S 1; state"),
    (
        "text: longer than a segment and the FIN",
        "warm; < . 1 ack 1 len 1000; < . 1001 ack 1 len 1000; < F. 2001 ack 1 len 500; wait 100; read; state",
    ),
    (
        "text: while our own is unacknowledged",
        "warm; send 100; < P. 1 ack 1 len 10; wait 100; < . 11 ack 101; read",
    ),
];
