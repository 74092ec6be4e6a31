//! Differences in SYN cookies: what they carry, and what opens a connection with one.

use super::Difference;

pub(super) const ROWS: &[Difference] = &[
    Difference {
        title: "What a cookie carries",
        why: "
Of a client without timestamps, Linux's cookie carries nothing but an MSS out of four, so its SYN,ACK takes neither SACK nor window
scaling, and the connection must do without. Ours has a bit for SACK and three for the scale besides, at the price of a shorter
code. With timestamps both carry all options. An MSS is rounded down to one that the cookie can tell apart, which is never wrong:
Linux has four, we have four without timestamps and eight with them, chosen from what common links make.
",
        cases: &[
            (
                "SYN queue: full, SACK without timestamps",
                "
< S 0 mss 1460 sackOK ws 7
    linux  peer 3: > S. 0 ack 1 <mss 1460>
    ours   peer 3: > S. 0 ack 1 <mss 1460, sackOK, ws>
< . 101 ack 1 len 10
    linux  peer 3: > . 4001 ack 1
    ours   peer 3: > . 4001 ack 1 <sack 101:111>
",
            ),
            (
                "cookie: window scale without timestamps (IPv4)",
                "
< S 0 mss 1460 ws 7
    linux  > S. 0 ack 1 <mss 1460>
    ours   > S. 0 ack 1 <mss 1460, ws>
send 2000
    linux  nothing
    ours   > . 1 ack 1 len 1460
    ours   > . 1461 ack 1 len 540
",
            ),
            (
                "cookie: window scale without timestamps (IPv6)",
                "
< S 0 mss 1460 ws 7
    linux  > S. 0 ack 1 <mss 1460>
    ours   > S. 0 ack 1 <mss 1460, ws>
send 2000
    linux  nothing
    ours   > . 1 ack 1 len 1440
    ours   > . 1441 ack 1 len 560
",
            ),
            (
                "cookie: an MSS of 1,400 (IPv4)",
                "
send 4000
    linux  > . 1 ack 1 len 1300
    linux  > . 1301 ack 1 len 1300
    linux  > . 2601 ack 1 len 1300
    linux  > . 3901 ack 1 len 100
    ours   > . 1 ack 1 len 1220
    ours   > . 1221 ack 1 len 1220
    ours   > . 2441 ack 1 len 1220
    ours   > . 3661 ack 1 len 340
",
            ),
            (
                "cookie: an MSS of 1,400 (IPv6)",
                "
send 4000
    linux  > . 1 ack 1 len 1220
    linux  > . 1221 ack 1 len 1220
    linux  > . 2441 ack 1 len 1220
    linux  > . 3661 ack 1 len 340
    ours   > . 1 ack 1 len 1340
    ours   > . 1341 ack 1 len 1340
    ours   > . 2681 ack 1 len 1320
",
            ),
            (
                "cookie: an MSS of 1,400, with timestamps (IPv4)",
                "
send 4000
    linux  > . 1 ack 1 len 1288 <TS ecr 101>
    linux  > . 1289 ack 1 len 1288 <TS ecr 101>
    linux  > . 2577 ack 1 len 1288 <TS ecr 101>
    linux  > . 3865 ack 1 len 136 <TS ecr 101>
    ours   > . 1 ack 1 len 1388 <TS ecr 101>
    ours   > . 1389 ack 1 len 1388 <TS ecr 101>
    ours   > . 2777 ack 1 len 1224 <TS ecr 101>
",
            ),
            (
                "cookie: an MSS of 1,400, with timestamps (IPv6)",
                "
send 4000
    linux  > . 1 ack 1 len 1208 <TS ecr 101>
    linux  > . 1209 ack 1 len 1208 <TS ecr 101>
    linux  > . 2417 ack 1 len 1208 <TS ecr 101>
    linux  > . 3625 ack 1 len 376 <TS ecr 101>
    ours   > . 1 ack 1 len 1368 <TS ecr 101>
    ours   > . 1369 ack 1 len 1368 <TS ecr 101>
    ours   > . 2737 ack 1 len 1264 <TS ecr 101>
",
            ),
            (
                "cookie: an MSS of 9,000 (IPv6)",
                "
send 4000
    linux  > . 1 ack 1 len 1460
    linux  > . 1461 ack 1 len 1460
    linux  > . 2921 ack 1 len 1080
    ours   > . 1 ack 1 len 1440
    ours   > . 1441 ack 1 len 1440
    ours   > . 2881 ack 1 len 1120
",
            ),
        ],
    },
    Difference {
        title: "A third ACK that is off by one",
        why: "
Linux's cookie is a sum, and the index of the MSS is its last summand: an acknowledgment that is off by one is another MSS to it, and
opens a connection at a number that was never sent. In ours the code covers every bit, so that only the right number is taken
(RFC 9293 section 3.10.7.2, second: what acknowledges anything else is reset).
",
        cases: &[
            (
                "SYN queue: full, and a third ACK with a wrong number",
                "
< . 1 ack 2
    linux  nothing
    ours   peer 3: > R 2
accept
    linux  accepted peer 3
    ours   nobody
state
    linux  ESTABLISHED
    ours   CLOSED
at the end
    linux  ESTABLISHED
    ours   CLOSED
",
            ),
        ],
    },
    Difference {
        title: "What comes before the segment that brings the cookie",
        why: "
A cookie is read from the number before the first byte, so text or a FIN further on cannot open the connection. Linux resets it, and
thereby a client whose third ACK and first segment were lost or came late. We are silent while cookies are in flight: what is
missing is sent again, and opens. Nothing is kept of it meanwhile.
",
        cases: &[
            (
                "cookie: the second text comes first",
                "
< P. 11 ack 1 len 10
    linux  > R 1
    ours   nothing
",
            ),
            (
                "cookie: the second text comes first, with timestamps",
                "
< P. 11 ack 1 len 10 ts 101
    linux  > R 1
    ours   nothing
",
            ),
            (
                "cookie: the FIN comes before the text",
                "
< F. 11 ack 1
    linux  > R 1
    ours   nothing
",
            ),
        ],
    },
    Difference {
        title: "A cookie that has been spent",
        why: "
The segment that brought a cookie is as good a second time: an old copy of it opens a connection with Linux for which there is no
client, and delivers its text twice. We remember the client's ISN of a connection that a cookie opened until the cookie dies, at
most 128 s, and reset such a segment. An old copy of the SYN would be answered with the same cookie, so it is dropped. A new SYN
has another ISN (RFC 9293 section 3.4.1) and is answered.
",
        cases: &[
            (
                "cookie: the third ACK again after a reset",
                "
< . 1 ack 1
    linux  nothing
    ours   > R 1
accept
    linux  accepted
    ours   nobody
state
    linux  ESTABLISHED
    ours   CLOSED
at the end
    linux  ESTABLISHED
    ours   CLOSED
",
            ),
            (
                "cookie: the text of the third ACK again after an abort",
                "
< P. 1 ack 1 len 10
    linux  > . 1 ack 11
    ours   > R 1
accept
    linux  accepted
    ours   nobody
state
    linux  ESTABLISHED
    ours   CLOSED
at the end
    linux  ESTABLISHED
    ours   CLOSED
",
            ),
            (
                "cookie: the SYN again after a reset",
                "
< S 0 mss 1000
    linux  > S. 0 ack 1 <mss 1460>
    ours   nothing
",
            ),
        ],
    },
    Difference {
        title: "Timestamps that come or go with the third ACK",
        why: "
RFC 7323 section 3.2: timestamps are agreed on with the SYNs, and from then on every segment has them, or none. Linux remembers
nothing of the SYN and goes by the third ACK instead: without timestamps it falls back to a connection without options, of which its
client does not know; with some that its SYN,ACK never had, it uses them. Our cookie says whether they were agreed on. If they
were, half of its code is in the timestamp, and a segment without one proves nothing; if they were not, they are ignored.
",
        cases: &[
            (
                "cookie: no timestamps on the third ACK that were agreed",
                "
< . 1 ack 1
    linux  nothing
    ours   > R 1
accept
    linux  accepted
    ours   nobody
state
    linux  ESTABLISHED
    ours   CLOSED
accept
    linux  nobody
    ours   accepted
",
            ),
            (
                "cookie: no timestamps on text that were agreed",
                "
< P. 1 ack 1 len 10
    linux  > . 1 ack 11
    ours   nothing
accept
    linux  accepted
    ours   nobody
state
    linux  ESTABLISHED
    ours   CLOSED
< P. 1 ack 1 len 10 ts 101
    linux  > . 1 ack 11
    ours   > . 1 ack 11 <TS ecr 101>
accept
    linux  nobody
    ours   accepted
",
            ),
            (
                "cookie: timestamps on the third ACK that were not agreed",
                "
send 10
    linux  > . 1 ack 1 len 10 <TS ecr 100>
    ours   > . 1 ack 1 len 10
",
            ),
        ],
    },
];
