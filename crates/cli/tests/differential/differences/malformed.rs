//! Differences in what is made of segments that nobody should send.
//! Times are rounded.

use super::Difference;

pub(super) const ROWS: &[Difference] = &[
    Difference {
        title: "Signatures that nobody asked for",
        why: "
RFC 9293 section 3.1 (MUST-6): options that we do not know are skipped. Linux knows MD5 signatures (RFC 2385) and drops what is
signed where nothing was agreed on.
",
        cases: &[
            (
                "options: an MD5 signature that nobody asked for",
                "
< S 0 opts 020403e8131200112233445566778899aabbccddeeff0101
    linux  nothing
    ours   > S. 0 ack 1 <mss 1460>
< . 1 ack 1
    linux  > R 1
    ours   nothing
accept
    linux  nobody
    ours   accepted
state
    linux  CLOSED
    ours   ESTABLISHED
at the end
    linux  CLOSED
    ours   ESTABLISHED
",
            ),
            (
                "options: an MD5 signature on text",
                "
< P. 1 ack 1 len 10 opts 131200112233445566778899aabbccddeeff0101
    linux  nothing
    ours   > . 1 ack 11
read
    linux  nothing
    ours   x10
",
            ),
        ],
    },
    Difference {
        title: "Options that contradict themselves",
        why: "
An option of a length of 0 or 1, of one past the end of the header, or of another than its kind has, makes a segment malformed: we
drop and count it, whatever it carries, before it can touch a connection. RFC 9293 section 3.1 (MUST-7) asks that we be prepared for
it and leaves open how. No TCP sends such options, and of a header that was damaged on its way nothing can be trusted; the
peer sends its text again. Linux ignores a known option of a wrong length, stops reading at a length that leads nowhere, and
takes the segment as if it ended there.
",
        cases: &[
            (
                "options: a length of 0",
                "
< S 0 opts 020403e8fe000101
    linux  > S. 0 ack 1 <mss 1460>
    ours   nothing
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
                "options: a length of 0 first (IPv4)",
                "
< S 0 opts fe000101020403e8
    linux  > S. 0 ack 1 <mss 1460>
    ours   nothing
< . 1 ack 1
    linux  nothing
    ours   > R 1
accept
    linux  accepted
    ours   nobody
send 1000
    linux  > . 1 ack 1 len 536
    linux  > . 537 ack 1 len 464
    ours   no connection
at the end
    linux  ESTABLISHED
    ours   CLOSED
",
            ),
            (
                "options: a length of 0 first (IPv6)",
                "
< S 0 opts fe000101020403e8
    linux  > S. 0 ack 1 <mss 1460>
    ours   nothing
< . 1 ack 1
    linux  nothing
    ours   > R 1
accept
    linux  accepted
    ours   nobody
send 1000
    linux  > . 1 ack 1 len 1000
    ours   no connection
at the end
    linux  ESTABLISHED
    ours   CLOSED
",
            ),
            (
                "options: a length of 1",
                "
< S 0 opts 020403e8fe010101
    linux  > S. 0 ack 1 <mss 1460>
    ours   nothing
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
                "options: a length past the end",
                "
< S 0 opts 020403e8fe050101
    linux  > S. 0 ack 1 <mss 1460>
    ours   nothing
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
                "options: a kind without a length",
                "
< S 0 opts 020403e8010101fe
    linux  > S. 0 ack 1 <mss 1460>
    ours   nothing
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
                "options: an MSS past the end (IPv4)",
                "
< S 0 opts 01010204
    linux  > S. 0 ack 1 <mss 1460>
    ours   nothing
< . 1 ack 1
    linux  nothing
    ours   > R 1
accept
    linux  accepted
    ours   nobody
send 1000
    linux  > . 1 ack 1 len 536
    linux  > . 537 ack 1 len 464
    ours   no connection
at the end
    linux  ESTABLISHED
    ours   CLOSED
",
            ),
            (
                "options: an MSS past the end (IPv6)",
                "
< S 0 opts 01010204
    linux  > S. 0 ack 1 <mss 1460>
    ours   nothing
< . 1 ack 1
    linux  nothing
    ours   > R 1
accept
    linux  accepted
    ours   nobody
send 1000
    linux  > . 1 ack 1 len 1000
    ours   no connection
at the end
    linux  ESTABLISHED
    ours   CLOSED
",
            ),
            (
                "options: an MSS of 3 bytes (IPv4)",
                "
< S 0 opts 020303
    linux  > S. 0 ack 1 <mss 1460>
    ours   nothing
< . 1 ack 1
    linux  nothing
    ours   > R 1
accept
    linux  accepted
    ours   nobody
send 1000
    linux  > . 1 ack 1 len 536
    linux  > . 537 ack 1 len 464
    ours   no connection
at the end
    linux  ESTABLISHED
    ours   CLOSED
",
            ),
            (
                "options: an MSS of 3 bytes (IPv6)",
                "
< S 0 opts 020303
    linux  > S. 0 ack 1 <mss 1460>
    ours   nothing
< . 1 ack 1
    linux  nothing
    ours   > R 1
accept
    linux  accepted
    ours   nobody
send 1000
    linux  > . 1 ack 1 len 1000
    ours   no connection
at the end
    linux  ESTABLISHED
    ours   CLOSED
",
            ),
            (
                "options: an MSS of 5 bytes (IPv4)",
                "
< S 0 opts 02050003e8
    linux  > S. 0 ack 1 <mss 1460>
    ours   nothing
< . 1 ack 1
    linux  nothing
    ours   > R 1
accept
    linux  accepted
    ours   nobody
send 1000
    linux  > . 1 ack 1 len 536
    linux  > . 537 ack 1 len 464
    ours   no connection
at the end
    linux  ESTABLISHED
    ours   CLOSED
",
            ),
            (
                "options: an MSS of 5 bytes (IPv6)",
                "
< S 0 opts 02050003e8
    linux  > S. 0 ack 1 <mss 1460>
    ours   nothing
< . 1 ack 1
    linux  nothing
    ours   > R 1
accept
    linux  accepted
    ours   nobody
send 1000
    linux  > . 1 ack 1 len 1000
    ours   no connection
at the end
    linux  ESTABLISHED
    ours   CLOSED
",
            ),
            (
                "options: an MSS of 2 bytes (IPv4)",
                "
< S 0 opts 0202
    linux  > S. 0 ack 1 <mss 1460>
    ours   nothing
< . 1 ack 1
    linux  nothing
    ours   > R 1
accept
    linux  accepted
    ours   nobody
send 1000
    linux  > . 1 ack 1 len 536
    linux  > . 537 ack 1 len 464
    ours   no connection
at the end
    linux  ESTABLISHED
    ours   CLOSED
",
            ),
            (
                "options: an MSS of 2 bytes (IPv6)",
                "
< S 0 opts 0202
    linux  > S. 0 ack 1 <mss 1460>
    ours   nothing
< . 1 ack 1
    linux  nothing
    ours   > R 1
accept
    linux  accepted
    ours   nobody
send 1000
    linux  > . 1 ack 1 len 1000
    ours   no connection
at the end
    linux  ESTABLISHED
    ours   CLOSED
",
            ),
            (
                "options: window scale of 2 bytes",
                "
< S 0 opts 020403e80302
    linux  > S. 0 ack 1 <mss 1460>
    ours   nothing
< . 1 ack 1
    linux  nothing
    ours   > R 1
accept
    linux  accepted
    ours   nobody
send 1000
    linux  > . 1 ack 1 len 1000
    ours   no connection
at the end
    linux  ESTABLISHED
    ours   CLOSED
",
            ),
            (
                "options: window scale of 4 bytes",
                "
< S 0 opts 020403e803040700
    linux  > S. 0 ack 1 <mss 1460>
    ours   nothing
< . 1 ack 1
    linux  nothing
    ours   > R 1
accept
    linux  accepted
    ours   nobody
send 1000
    linux  > . 1 ack 1 len 1000
    ours   no connection
at the end
    linux  ESTABLISHED
    ours   CLOSED
",
            ),
            (
                "options: SACK permitted of 3 bytes",
                "
< S 0 opts 020403e8040300
    linux  > S. 0 ack 1 <mss 1460>
    ours   nothing
< . 1 ack 1
    linux  nothing
    ours   > R 1
accept
    linux  accepted
    ours   nobody
< . 11 ack 1 len 10
    linux  > . 1 ack 1
    ours   > R 1
at the end
    linux  ESTABLISHED
    ours   CLOSED
",
            ),
            (
                "options: timestamps of 9 bytes",
                "
< S 0 opts 020403e8080900000064000000
    linux  > S. 0 ack 1 <mss 1460>
    ours   nothing
< . 1 ack 1
    linux  nothing
    ours   > R 1
accept
    linux  accepted
    ours   nobody
send 10
    linux  > . 1 ack 1 len 10
    ours   no connection
at the end
    linux  ESTABLISHED
    ours   CLOSED
",
            ),
            (
                "options: timestamps of 11 bytes",
                "
< S 0 opts 020403e8080b000000640000000000
    linux  > S. 0 ack 1 <mss 1460>
    ours   nothing
< . 1 ack 1
    linux  nothing
    ours   > R 1
accept
    linux  accepted
    ours   nobody
send 10
    linux  > . 1 ack 1 len 10
    ours   no connection
at the end
    linux  ESTABLISHED
    ours   CLOSED
",
            ),
            (
                "options: a wrong one before right ones",
                "
< S 0 opts 040300020403e8
    linux  > S. 0 ack 1 <mss 1460>
    ours   nothing
< . 1 ack 1
    linux  nothing
    ours   > R 1
accept
    linux  accepted
    ours   nobody
send 1000
    linux  > . 1 ack 1 len 1000
    ours   no connection
at the end
    linux  ESTABLISHED
    ours   CLOSED
",
            ),
            (
                "options: a length of 0 on the SYN,ACK",
                "
< S. 0 ack 1 opts 020403e8fe000101
    linux  > . 1 ack 1
    ours   nothing
opened
    linux  open
    ours   opening
state
    linux  ESTABLISHED
    ours   SYN-SENT
at the end
    linux  ESTABLISHED
    ours   SYN-SENT
",
            ),
            (
                "options: an MSS of 3 bytes on the SYN,ACK (IPv4)",
                "
< S. 0 ack 1 opts 02030300
    linux  > . 1 ack 1
    ours   nothing
opened
    linux  open
    ours   opening
send 1000
    linux  > . 1 ack 1 len 536
    linux  > . 537 ack 1 len 464
    ours   nothing
at the end
    linux  ESTABLISHED
    ours   SYN-SENT
",
            ),
            (
                "options: an MSS of 3 bytes on the SYN,ACK (IPv6)",
                "
< S. 0 ack 1 opts 02030300
    linux  > . 1 ack 1
    ours   nothing
opened
    linux  open
    ours   opening
send 1000
    linux  > . 1 ack 1 len 1000
    ours   nothing
at the end
    linux  ESTABLISHED
    ours   SYN-SENT
",
            ),
            (
                "options: an MSS past the end of the SYN,ACK (IPv4)",
                "
< S. 0 ack 1 opts 01010204
    linux  > . 1 ack 1
    ours   nothing
opened
    linux  open
    ours   opening
send 1000
    linux  > . 1 ack 1 len 536
    linux  > . 537 ack 1 len 464
    ours   nothing
at the end
    linux  ESTABLISHED
    ours   SYN-SENT
",
            ),
            (
                "options: an MSS past the end of the SYN,ACK (IPv6)",
                "
< S. 0 ack 1 opts 01010204
    linux  > . 1 ack 1
    ours   nothing
opened
    linux  open
    ours   opening
send 1000
    linux  > . 1 ack 1 len 1000
    ours   nothing
at the end
    linux  ESTABLISHED
    ours   SYN-SENT
",
            ),
            (
                "options: a length of 0 on the third ACK",
                "
accept
    linux  accepted
    ours   nobody
state
    linux  ESTABLISHED
    ours   SYN-RECEIVED
at the end
    linux  ESTABLISHED
    ours   SYN-RECEIVED
",
            ),
            (
                "options: a length past the end of the third ACK",
                "
accept
    linux  accepted
    ours   nobody
state
    linux  ESTABLISHED
    ours   SYN-RECEIVED
at the end
    linux  ESTABLISHED
    ours   SYN-RECEIVED
",
            ),
            (
                "options: timestamps of a wrong length on the third ACK",
                "
accept
    linux  accepted
    ours   nobody
state
    linux  ESTABLISHED
    ours   SYN-RECEIVED
at the end
    linux  ESTABLISHED
    ours   SYN-RECEIVED
",
            ),
            (
                "options: a length of 0 on text",
                "
< P. 1 ack 1 len 10 opts fe000101
    linux  > . 1 ack 11
    ours   nothing
read
    linux  x10
    ours   nothing
",
            ),
            (
                "options: a length of 1 on text",
                "
< P. 1 ack 1 len 10 opts fe010101
    linux  > . 1 ack 11
    ours   nothing
read
    linux  x10
    ours   nothing
",
            ),
            (
                "options: a length past the end on text",
                "
< P. 1 ack 1 len 10 opts fe090101
    linux  > . 1 ack 11
    ours   nothing
read
    linux  x10
    ours   nothing
",
            ),
            (
                "options: a length of 0 on an ACK",
                "
wait 1100
    linux  nothing
    ours   > . 1 ack 1 len 10 +200ms
    ours   > . 1 ack 1 len 10 +600ms
",
            ),
            (
                "options: a length of 0 on a FIN",
                "
wait 100
    linux  > . 1 ack 2 +0ms
    ours   nothing
state
    linux  CLOSE-WAIT
    ours   ESTABLISHED
at the end
    linux  CLOSE-WAIT
    ours   ESTABLISHED
",
            ),
            (
                "options: a length of 0 on a reset",
                "
state
    linux  CLOSED
    ours   ESTABLISHED
at the end
    linux  CLOSED
    ours   ESTABLISHED
",
            ),
            (
                "options: timestamps of a wrong length on text",
                "
< P. 1 ack 1 len 10 opts 080900000070000000
    linux  > . 1 ack 11 <TS ecr 100>
    ours   nothing
read
    linux  x10
    ours   nothing
",
            ),
            (
                "options: SACK without blocks",
                "
wait 300
    linux  nothing
    ours   > . 1 ack 1 len 10 +200ms
",
            ),
            (
                "options: a length of 0 to a closed port",
                "
< S 0 opts fe000101
    linux  > R. none ack 1
    ours   nothing
",
            ),
            (
                "options: a length past the end to a closed port",
                "
< . 100 ack 777 opts fe090101
    linux  > R 777
    ours   nothing
",
            ),
            (
                "options: a length of 0 in TIME-WAIT",
                "
< F. 1 ack 2 opts fe000101
    linux  > . 2 ack 2
    ours   nothing
",
            ),
            (
                "options: a length of 0 on a SYN in TIME-WAIT",
                "
< S 100000 opts fe000101
    linux  > S. 0 ack 100001 <mss 1460>
    ours   nothing
state
    linux  SYN-RECEIVED
    ours   TIME-WAIT
at the end
    linux  SYN-RECEIVED
    ours   TIME-WAIT
",
            ),
            (
                "data offset: text becomes options",
                "
< P. 1 ack 1 len 10 byte z offset 6
    linux  > . 1 ack 7
    ours   nothing
read
    linux  z6
    ours   nothing
",
            ),
        ],
    },
];
