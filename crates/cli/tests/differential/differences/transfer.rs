//! Differences while a connection is open.
//! Times are rounded.

use super::Difference;

pub(super) const ROWS: &[Difference] = &[
    Difference {
        title: "Nagle's algorithm",
        why: "
We keep to RFC 9293 section 3.7.4: a segment that is not full waits while anything is unacknowledged. Linux waits only while
another small one is (Minshall's variant), so that the tail of a large write leaves at once.
",
        cases: &[
            (
                "active open: no options (IPv4)",
                "
send 1000
    linux  > . 1 ack 1 len 536
    linux  > . 537 ack 1 len 464
    ours   > . 1 ack 1 len 536
< . 1 ack 537
    linux  nothing
    ours   > . 537 ack 1 len 464
",
            ),
            (
                "MSS larger than the link",
                "
send 4000
    linux  > . 1 ack 1 len 1460
    linux  > . 1461 ack 1 len 1460
    linux  > . 2921 ack 1 len 1080
    ours   > . 1 ack 1 len 1460
    ours   > . 1461 ack 1 len 1460
",
            ),
        ],
    },
    Difference {
        title: "RST behind a hole",
        why: "
RFC 5961 section 3.2: a reset counts exactly at RCV.NXT and is challenged elsewhere. Linux also takes one at the end of what
it has acknowledged selectively, which gives a blind attacker more numbers to hit.
",
        cases: &[
            (
                "ESTABLISHED: RST behind a hole",
                "
< R 201
    linux  nothing
    ours   > . 1 ack 1 <sack 101:201>
state
    linux  CLOSED
    ours   ESTABLISHED
at the end
    linux  CLOSED
    ours   ESTABLISHED
",
            ),
        ],
    },
    Difference {
        title: "PAWS and a bare ACK",
        why: "
A bare ACK that a later one has overtaken tells nothing, so we do not answer it (`docs/decisions/0005-liberal-with-flags.md`);
the same in TIME-WAIT. Linux answers, as RFC 7323 section 5.3 has it.
",
        cases: &[
            (
                "ESTABLISHED: PAWS, a bare ACK",
                "
< . 1 ack 1 ts 500
    linux  > . 1 ack 1 <TS ecr 1001>
    ours   nothing
",
            ),
            (
                "TIME-WAIT: PAWS",
                "
< . 2 ack 2 ts 500
    linux  > . 2 ack 2 <TS ecr 1002>
    ours   nothing
",
            ),
        ],
    },
    Difference {
        title: "Delayed acknowledgments of a peer that talks in turns",
        why: "
Linux delays acknowledgments from the first time that its user answers within the delay. We acknowledge the first segments of
a connection at once, for its slow start, whatever our user does, and delay after those. Both are within RFC 9293 section
3.8.6.3.
",
        cases: &[
            (
                "text: delayed ACK once the peer is known to talk in turns",
                "
< P. 11 ack 21 len 10
    linux  nothing
    ours   > . 21 ack 21
< P. 21 ack 41 len 10
    linux  nothing
    ours   > . 41 ack 31
wait 100
    linux  > . 41 ack 31 +40ms
    ours   nothing
",
            ),
            (
                "text: while our own is unacknowledged",
                "
< P. 1 ack 1 len 10
    linux  nothing
    ours   > . 101 ack 11
wait 100
    linux  > . 101 ack 11 +40ms
    ours   nothing
",
            ),
        ],
    },
    Difference {
        title: "D-SACK of a part",
        why: "
We report a segment that came twice as a whole (RFC 2883 section 4.1), and not one of which a part is new: nothing says that it was
sent in vain. Linux reports the part.
",
        cases: &[
            (
                "reassembly: overlap of two islands, with SACK",
                "
< . 16 ack 1 len 10 byte c
    linux  > . 1 ack 1 <sack 16:21, sack 11:26>
    ours   > . 1 ack 1 <sack 11:26>
",
            ),
        ],
    },
    Difference {
        title: "Which copy counts where segments overlap",
        why: "
Where two copies of a byte differ, no rule says which is right: somebody lies. We keep the first that came, always, so that
what was once held never changes. Linux prefers the newer one where it covers the older or comes in order.
",
        cases: &[
            (
                "reassembly: overlap on the right",
                "
read
    linux  a15 b5
    ours   a10 b10
",
            ),
            (
                "reassembly: covers what is there",
                "
read
    linux  a10 c30
    ours   a10 c10 b10 c10
",
            ),
            (
                "reassembly: one island covers and joins two",
                "
read
    linux  a8 d30
    ours   a8 d2 b5 d5 c5 d13
",
            ),
        ],
    },
    Difference {
        title: "Silly windows",
        why: "
RFC 9293 section 3.8.6.2.1: a piece that is neither a full segment nor half of the largest window waits, so that the window is
filled with full segments. Linux fills the window to the byte where it is the limit, and cuts segments to half of the largest
window that it has seen.
",
        cases: &[
            (
                "send: a window of one and a half segments",
                "
send 3000
    linux  > . 1 ack 1 len 1000
    linux  > . 1001 ack 1 len 500
    ours   > . 1 ack 1 len 1000
< . 1 ack 1001 win 1500
    linux  > . 1501 ack 1 len 1000
    ours   > . 1001 ack 1 len 1000
",
            ),
            (
                "close: with text that waits",
                "
send 2500
    linux  > . 1 ack 1 len 500
    linux  > . 501 ack 1 len 500
    ours   > . 1 ack 1 len 1000
< . 1 ack 1001 win 1000
    linux  > . 1001 ack 1 len 500
    linux  > . 1501 ack 1 len 500
    ours   > . 1001 ack 1 len 1000
",
            ),
            (
                "active open: window scale",
                "
send 4000
    linux  > . 1 ack 1 len 1000
    linux  > . 1001 ack 1 len 1000
    linux  > . 2001 ack 1 len 48
    ours   > . 1 ack 1 len 1000
    ours   > . 1001 ack 1 len 1000
",
            ),
        ],
    },
    Difference {
        title: "How a closed window is probed",
        why: "
We probe with one byte (RFC 9293 section 3.8.6.1), which the peer may take. Linux sends an old number without text, which only
asks for an answer.
",
        cases: &[
            (
                "send: a closed window is probed",
                "
wait 1000
    linux  > . 0 ack 1 +210ms
    linux  > . 0 ack 1 +630ms
    ours   > . 1 ack 1 len 1 +200ms
    ours   > . 1 ack 1 len 1 +600ms
",
            ),
            (
                "user timeout: closed window",
                "
wait 2000
    linux  > . 0 ack 1 +210ms
    linux  > . 0 ack 1 +630ms
    ours   > . 1 ack 1 len 1 +200ms
    ours   > . 1 ack 1 len 1 +600ms
",
            ),
            (
                "zero window: the peer takes the probe",
                "
wait 300
    linux  > . 0 ack 1 +210ms
    ours   > . 1 ack 1 len 1 +200ms
< . 1 ack 2 win 0
    linux  > . 1 ack 1
    ours   nothing
< . 1 ack 2
    linux  > . 1 ack 1
    ours   > . 2 ack 1 len 99
< . 1 ack 101
    linux  > . 1 ack 1
    ours   nothing
",
            ),
            (
                "zero window: the peer resets",
                "
wait 300
    linux  > . 0 ack 1 +210ms
    ours   > . 1 ack 1 len 1 +200ms
",
            ),
        ],
    },
    Difference {
        title: "A smaller window, and nothing else that is new",
        why: "
RFC 9293 section 3.10.7.4 (fifth): a window counts unless its sequence number or its acknowledgment is older than that of the last
one. Linux takes a smaller one only from a segment that is newer.
",
        cases: &[
            (
                "send: the window shrinks, and nothing else is new",
                "
send 2000
    linux  > . 1 ack 1 len 1000
    linux  > . 1001 ack 1 len 1000
    ours   nothing
",
            ),
        ],
    },
    Difference {
        title: "The narrowest path",
        why: "
We believe no path of IPv4 to be narrower than the 576 bytes that every host takes (RFC 791 section 3.1), Linux none narrower than
552. Over IPv6 there is no difference. An old router that does not say its MTU is no reason for the least one: we step down to the next
that is common (RFC 1191 section 7.1), and if that is still too much, the next report says so.
",
        cases: &[
            (
                "too big: an MTU of 0 (IPv4)",
                "
icmp too-big 0
    linux  > . 11 ack 1 len 512
    linux  > . 523 ack 1 len 512
    linux  > . 1035 ack 1 len 436
    ours   > . 11 ack 1 len 1452
    ours   > . 1463 ack 1 len 8
",
            ),
            (
                "too big: an MTU of 68 (IPv4)",
                "
icmp too-big 68
    linux  > . 11 ack 1 len 512
    linux  > . 523 ack 1 len 512
    linux  > . 1035 ack 1 len 436
    ours   > . 11 ack 1 len 536
    ours   > . 547 ack 1 len 536
    ours   > . 1083 ack 1 len 388
",
            ),
            (
                "too big: an MTU of 300 (IPv4)",
                "
icmp too-big 300
    linux  > . 11 ack 1 len 512
    linux  > . 523 ack 1 len 512
    linux  > . 1035 ack 1 len 436
    ours   > . 11 ack 1 len 536
    ours   > . 547 ack 1 len 536
    ours   > . 1083 ack 1 len 388
",
            ),
        ],
    },
    Difference {
        title: "Host unreachable while a segment is sent again",
        why: "
We go on waiting. Linux takes the error for a sign that the segment was not lost in a crowd, takes the last doubling of the
timeout back, and so may send it at once (RFC 6069, an experiment), over IPv4 only.
",
        cases: &[
            (
                "ICMP: host unreachable, and the timer backs off no more (IPv4)",
                "
icmp host
    linux  > . 1 ack 1 len 10
    ours   nothing
wait 300
    linux  nothing
    ours   > . 1 ack 1 len 10 +100ms
",
            ),
        ],
    },
];
