//! Differences in closing, in TIME-WAIT, and in what is told to the user.
//! Times are rounded.

use super::Difference;

pub(super) const ROWS: &[Difference] = &[
    Difference {
        title: "When the peer's FIN is acknowledged",
        why: "
Linux delays the acknowledgment of a FIN, hoping that its own user closes too and one segment will do. We acknowledge at once:
the peer's retransmission timer stops, and it is the state that the peer waits for. RFC 9293 section 3.8.6.3 allows both.
",
        cases: &[
            (
                "passive open: FIN on the third ACK",
                "
< F. 1 ack 1
    linux  nothing
    ours   > . 1 ack 2
wait 100
    linux  > . 1 ack 2 +0ms
    ours   nothing
",
            ),
            (
                "passive open: text and FIN on the third ACK",
                "
< FP. 1 ack 1 len 50
    linux  nothing
    ours   > . 1 ack 52
wait 100
    linux  > . 1 ack 52 +40ms
    ours   nothing
",
            ),
            (
                "CLOSE-WAIT: RST in the window",
                "
< F. 1 ack 1
    linux  nothing
    ours   > . 1 ack 2
wait 100
    linux  > . 1 ack 2 +40ms
    ours   nothing
",
            ),
            (
                "CLOSE-WAIT: SYN",
                "
< F. 1 ack 1
    linux  nothing
    ours   > . 1 ack 2
wait 100
    linux  > . 1 ack 2 +40ms
    ours   nothing
",
            ),
            (
                "CLOSE-WAIT: ACK of too much",
                "
< F. 1 ack 1
    linux  nothing
    ours   > . 1 ack 2
wait 100
    linux  > . 1 ack 2 +40ms
    ours   nothing
",
            ),
            (
                "LAST-ACK: exact RST",
                "
< F. 1 ack 1
    linux  nothing
    ours   > . 1 ack 2
",
            ),
            (
                "LAST-ACK: RST in the window",
                "
< F. 1 ack 1
    linux  nothing
    ours   > . 1 ack 2
",
            ),
            (
                "LAST-ACK: SYN",
                "
< F. 1 ack 1
    linux  nothing
    ours   > . 1 ack 2
",
            ),
            (
                "LAST-ACK: ACK of too much",
                "
< F. 1 ack 1
    linux  nothing
    ours   > . 1 ack 2
",
            ),
            (
                "close: the peer first",
                "
< F. 1 ack 1
    linux  nothing
    ours   > . 1 ack 2
wait 100
    linux  > . 1 ack 2 +40ms
    ours   nothing
",
            ),
            (
                "close: text unread and the peer's FIN",
                "
< FP. 1 ack 1 len 10
    linux  nothing
    ours   > . 1 ack 12
wait 100
    linux  > . 1 ack 12 +40ms
    ours   nothing
",
            ),
            (
                "close: lingering for nothing in CLOSE-WAIT",
                "
< F. 1 ack 1
    linux  nothing
    ours   > . 1 ack 2
wait 100
    linux  > . 1 ack 2 +40ms
    ours   nothing
",
            ),
            (
                "close: the FIN is sent again in LAST-ACK",
                "
< F. 1 ack 1
    linux  nothing
    ours   > . 1 ack 2
",
            ),
            (
                "close: the peer's FIN again in CLOSE-WAIT",
                "
< F. 1 ack 1
    linux  nothing
    ours   > . 1 ack 2
wait 100
    linux  > . 1 ack 2 +40ms
    ours   nothing
",
            ),
            (
                "close: the peer's FIN again in LAST-ACK",
                "
< F. 1 ack 1
    linux  nothing
    ours   > . 1 ack 2
",
            ),
            (
                "close: text after the FIN in CLOSE-WAIT",
                "
< F. 1 ack 1
    linux  nothing
    ours   > . 1 ack 2
wait 100
    linux  > . 1 ack 2 +40ms
    ours   nothing
",
            ),
            (
                "half-close: the peer sends no more",
                "
< F. 1 ack 1
    linux  nothing
    ours   > . 1 ack 2
wait 100
    linux  > . 1 ack 2 +40ms
    ours   nothing
",
            ),
            (
                "text: longer than a segment and the FIN",
                "
< F. 2001 ack 1 len 500
    linux  nothing
    ours   > . 1 ack 2502
wait 100
    linux  > . 1 ack 2502 +40ms
    ours   nothing
",
            ),
            (
                "keep-alive: the peer has closed",
                "
< F. 11 ack 1
    linux  nothing
    ours   > . 1 ack 12
wait 1200
    linux  > . 1 ack 12 +40ms
    linux  > . 0 ack 12 +1000ms
    ours   > . 0 ack 12 +1000ms
",
            ),
            (
                "accept queue: text and FIN wait with the connection",
                "
< F. 11 ack 1
    linux  nothing
    ours   > . 1 ack 12
wait 100
    linux  > . 1 ack 12 +50ms
    ours   nothing
",
            ),
            (
                "odd flags: FIN without ACK in CLOSE-WAIT",
                "
< F. 1 ack 1
    linux  nothing
    ours   > . 1 ack 2
wait 100
    linux  > . 1 ack 2 +50ms
    ours   nothing
",
            ),
            (
                "ICMP: port unreachable in LAST-ACK",
                "
< F. 1 ack 1
    linux  nothing
    ours   > . 1 ack 2
wait 100
    linux  > . 1 ack 2 +40ms
    ours   nothing
",
            ),
            (
                "too big: in CLOSE-WAIT",
                "
< F. 1 ack 11
    linux  nothing
    ours   > . 1471 ack 2
wait 50
    linux  > . 1471 ack 2 +10ms
    ours   nothing
",
            ),
            (
                "cookie: the SYN again in CLOSE-WAIT",
                "
< F. 1 ack 1
    linux  nothing
    ours   > . 1 ack 2
",
            ),
            (
                "cookie: a FIN on the third ACK",
                "
< F. 1 ack 1
    linux  nothing
    ours   > . 1 ack 2
",
            ),
            (
                "cookie: text and a FIN on the third ACK",
                "
< FP. 1 ack 1 len 10
    linux  nothing
    ours   > . 1 ack 12
wait 100
    linux  > . 1 ack 12 +40ms
    ours   nothing
",
            ),
        ],
    },
    Difference {
        title: "What a call says after a reset",
        why: "
After the reset was told once, Linux answers with EPIPE, and in CLOSE-WAIT at once. We go on saying how the connection ended,
for as long as somebody asks. (In CLOSE-WAIT the delayed acknowledgment of the FIN shows as well.)
",
        cases: &[
            (
                "ESTABLISHED: exact RST,ACK",
                "
send 10
    linux  closing
    ours   reset
",
            ),
            (
                "CLOSE-WAIT: exact RST",
                "
< F. 1 ack 1
    linux  nothing
    ours   > . 1 ack 2
wait 100
    linux  > . 1 ack 2 +40ms
    ours   nothing
send 10
    linux  closing
    ours   reset
",
            ),
        ],
    },
    Difference {
        title: "A FIN behind a hole",
        why: "
We note the FIN, but SACK blocks speak of text only (RFC 2018 section 3 speaks of data). What lies beyond the peer's own end
is none of its stream: we drop it without an answer, where Linux acknowledges.
",
        cases: &[
            (
                "reassembly: a bare FIN behind a hole",
                "
< F. 11 ack 1
    linux  > . 1 ack 1 <sack 11:12>
    ours   > . 1 ack 1
",
            ),
            (
                "reassembly: text beyond a FIN behind a hole",
                "
< . 21 ack 1 len 10 byte z
    linux  > . 1 ack 1
    ours   nothing
",
            ),
        ],
    },
    Difference {
        title: "A FIN in a closed window",
        why: "
RFC 9293 section 3.4, table 6: with a window of 0 no segment with length is acceptable, and a FIN has one. We answer with an
acknowledgment that keeps the window closed; the peer's FIN comes again. Linux takes it.
",
        cases: &[
            (
                "window: closed, a FIN",
                "
< F. 1 ack 1
    linux  nothing
    ours   > . 1 ack 1 win 0
state
    linux  CLOSE-WAIT
    ours   ESTABLISHED
wait 100
    linux  > . 1 ack 2 win 0 +40ms
    ours   nothing
at the end
    linux  CLOSE-WAIT +0ms
    ours   ESTABLISHED +0ms
",
            ),
        ],
    },
    Difference {
        title: "A reopened TIME-WAIT that is reset",
        why: "
We keep TIME-WAIT until the third ACK of the new connection, and fall back to it: a SYN that was an old duplicate, answered
with a reset, must not cut it short (RFC 9293 section 3.6.1). Linux has given it up at the SYN.
",
        cases: &[
            (
                "TIME-WAIT: reopened, and reset",
                "
state
    linux  CLOSED
    ours   TIME-WAIT
at the end
    linux  CLOSED
    ours   TIME-WAIT
",
            ),
        ],
    },
    Difference {
        title: "Text for a user who has gone",
        why: "
Both reset the connection (RFC 9293 section 3.6.1). Our reset stands at SND.NXT and acknowledges; that of Linux stands at
SEG.ACK. The peer takes either, at worst after a challenge.
",
        cases: &[
            (
                "close: then text arrives",
                "
< P. 1 ack 1 len 10
    linux  > R 1
    ours   > R. 2 ack 1
",
            ),
            (
                "close: then text arrives in FIN-WAIT-2",
                "
< P. 1 ack 2 len 10
    linux  > R 2
    ours   > R. 2 ack 1
",
            ),
            (
                "close: then text with FIN arrives",
                "
< FP. 1 ack 2 len 10
    linux  > R 2
    ours   > R. 2 ack 1
",
            ),
        ],
    },
    Difference {
        title: "The window in TIME-WAIT",
        why: "
No text can be received in TIME-WAIT, so our acknowledgments offer a window of 0; the entry keeps none. The peer has sent its
FIN and has nothing more to send. Linux repeats the last window. With timestamps we echo the repeated FIN's own (RFC 7323
section 4.3), Linux the first one's.
",
        cases: &[
            (
                "TIME-WAIT: the FIN again",
                "
< F. 1 ack 2
    linux  > . 2 ack 2
    ours   > . 2 ack 2 win 0
",
            ),
            (
                "TIME-WAIT: the FIN again, with timestamps",
                "
< F. 1 ack 2 ts 1003
    linux  > . 2 ack 2 <TS ecr 1002>
    ours   > . 2 ack 2 win 0 <TS ecr 1003>
",
            ),
            (
                "TIME-WAIT: old text",
                "
< P. 1 ack 2 len 10
    linux  > . 2 ack 12
    ours   > . 2 ack 12 win 0
",
            ),
            (
                "TIME-WAIT: text beyond the FIN",
                "
< P. 2 ack 2 len 10
    linux  > . 2 ack 2
    ours   > . 2 ack 2 win 0
",
            ),
            (
                "TIME-WAIT: text far off",
                "
< P. 100000000 ack 2 len 10
    linux  > . 2 ack 2
    ours   > . 2 ack 2 win 0
",
            ),
            (
                "TIME-WAIT: an old SYN",
                "
< S 0 mss 1000
    linux  > . 2 ack 2
    ours   > . 2 ack 2 win 0
",
            ),
            (
                "TIME-WAIT: a SYN with an old timestamp",
                "
< S 100000 mss 1000 ts 500
    linux  > . 2 ack 2 <TS ecr 1002>
    ours   > . 2 ack 2 win 0 <TS ecr 1002>
",
            ),
            (
                "TIME-WAIT: a new SYN and nobody listens",
                "
< S 100000 mss 1000
    linux  > . 2 ack 2
    ours   > . 2 ack 2 win 0
",
            ),
            (
                "TIME-WAIT: SYN,ACK",
                "
< S. 100000 ack 2
    linux  > . 2 ack 2
    ours   > . 2 ack 2 win 0
",
            ),
            (
                "TIME-WAIT: after an active open",
                "
< F. 1 ack 2
    linux  > . 2 ack 2
    ours   > . 2 ack 2 win 0
< S 100000 mss 1000
    linux  > . 2 ack 2
    ours   > . 2 ack 2 win 0
",
            ),
            (
                "TIME-WAIT: after closing at the same time",
                "
< F. 1 ack 2
    linux  > . 2 ack 2
    ours   > . 2 ack 2 win 0
",
            ),
            (
                "cookie: the SYN again in TIME-WAIT",
                "
< S 0 mss 1000
    linux  > . 2 ack 2
    ours   > . 2 ack 2 win 0
",
            ),
        ],
    },
    Difference {
        title: "A bare ACK in TIME-WAIT",
        why: "
We answer what takes up sequence numbers, and no bare ACK. Where two ends do not agree on the numbers each would answer the
other's (RFC 9293 section 3.10.7.4, first), for as long as TIME-WAIT lasts. Linux answers one in half a second
(`tcp_invalid_ratelimit`), which does not end it where the round trip takes longer.
",
        cases: &[
            (
                "TIME-WAIT: an old ACK",
                "
< . 1 ack 1
    linux  > . 2 ack 2
    ours   nothing
",
            ),
            (
                "TIME-WAIT: an ACK far off",
                "
< . 100000000 ack 100000000
    linux  > . 2 ack 2
    ours   nothing
",
            ),
        ],
    },
    Difference {
        title: "RST in TIME-WAIT",
        why: "
We ignore it (RFC 1337, fix F1): a reset would let old segments into the next connection. Linux ends TIME-WAIT, unless
`tcp_rfc1337` is set.
",
        cases: &[
            (
                "TIME-WAIT: exact RST",
                "
state
    linux  CLOSED
    ours   TIME-WAIT
at the end
    linux  CLOSED
    ours   TIME-WAIT
",
            ),
        ],
    },
    Difference {
        title: "The FIN with the last piece",
        why: "
When segments are cut anew for a narrower path, our FIN goes with the last piece of text. That of Linux is a segment of its own, and
comes later.
",
        cases: &[
            (
                "too big: in FIN-WAIT-1",
                "
icmp too-big 1300 seq 11
    linux  > . 11 ack 1 len 1260
    linux  > . 1271 ack 1 len 200
    ours   > . 11 ack 1 len 1260
    ours   > F. 1271 ack 1 len 200
",
            ),
        ],
    },
];
