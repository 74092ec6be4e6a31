//! Differences in what a listener does when its queues are full.
//! Times are rounded.

use super::Difference;

pub(super) const ROWS: &[Difference] = &[
    Difference {
        title: "A full SYN queue",
        why: "
We drop a SYN that finds no room, and the client sends it again. Linux answers with a cookie, which holds an MSS out of four, and
with timestamps the other options. So over IPv6 it sends segments of 1,220 bytes to a peer that takes 1,000, and a third ACK that is
off by one is another MSS to it.
",
        cases: &[
            (
                "SYN queue: full",
                "
< S 0 mss 1000
    linux  peer 3: > S. 0 ack 1 <mss 1460>
    ours   nothing
< S 0 mss 1000
    linux  peer 4: > S. 0 ack 1 <mss 1460>
    ours   nothing
wait 1500
    linux  peer 2: > S. 0 ack 1 <mss 1460> +1020ms
    linux  > S. 0 ack 1 <mss 1460> +1020ms
    ours   > S. 0 ack 1 <mss 1460> +1000ms
    ours   peer 2: > S. 0 ack 1 <mss 1460> +1000ms
",
            ),
            (
                "SYN queue: full, and the first third ACK comes",
                "
< S 0 mss 1000
    linux  peer 3: > S. 0 ack 1 <mss 1460>
    ours   nothing
",
            ),
            (
                "SYN queue: full, and the last third ACK comes (IPv4)",
                "
< S 0 mss 1000
    linux  peer 3: > S. 0 ack 1 <mss 1460>
    ours   nothing
< . 1 ack 1
    linux  nothing
    ours   peer 3: > R 1
accept
    linux  accepted peer 3
    ours   nobody
state
    linux  ESTABLISHED
    ours   CLOSED
send 1500
    linux  peer 3: > . 1 ack 1 len 536
    linux  peer 3: > . 537 ack 1 len 536
    linux  peer 3: > . 1073 ack 1 len 428
    ours   no connection
at the end
    linux  ESTABLISHED
    ours   CLOSED
",
            ),
            (
                "SYN queue: full, and the last third ACK comes (IPv6)",
                "
< S 0 mss 1000
    linux  peer 3: > S. 0 ack 1 <mss 1460>
    ours   nothing
< . 1 ack 1
    linux  nothing
    ours   peer 3: > R 1
accept
    linux  accepted peer 3
    ours   nobody
state
    linux  ESTABLISHED
    ours   CLOSED
send 1500
    linux  peer 3: > . 1 ack 1 len 1220
    linux  peer 3: > . 1221 ack 1 len 280
    ours   no connection
at the end
    linux  ESTABLISHED
    ours   CLOSED
",
            ),
            (
                "SYN queue: full, and the last third ACK comes with text",
                "
< S 0 mss 1000
    linux  peer 3: > S. 0 ack 1 <mss 1460>
    ours   nothing
< P. 1 ack 1 len 10
    linux  peer 3: > . 1 ack 11
    ours   peer 3: > R 1
accept
    linux  accepted peer 3
    ours   nobody
state
    linux  ESTABLISHED
    ours   CLOSED
read
    linux  x10
    ours   no connection
at the end
    linux  ESTABLISHED
    ours   CLOSED
",
            ),
            (
                "SYN queue: full, all options (IPv4)",
                "
< S 0 mss 1460 sackOK ts 100 ws 7
    linux  peer 3: > S. 0 ack 1 <mss 1460, sackOK, TS ecr 100, ws>
    ours   nothing
< . 1 ack 1 win 512 ts 101
    linux  nothing
    ours   peer 3: > R 1
accept
    linux  accepted peer 3
    ours   nobody
< . 101 ack 1 len 10 win 512 ts 102
    linux  peer 3: > . 1 ack 1 <TS ecr 101, sack 101:111>
    ours   peer 3: > R 1
send 4000
    linux  peer 3: > . 1 ack 1 len 1436 <TS ecr 101, sack 101:111>
    linux  peer 3: > . 1437 ack 1 len 1436 <TS ecr 101, sack 101:111>
    linux  peer 3: > . 2873 ack 1 len 1128 <TS ecr 101, sack 101:111>
    ours   no connection
at the end
    linux  ESTABLISHED
    ours   CLOSED
",
            ),
            (
                "SYN queue: full, all options (IPv6)",
                "
< S 0 mss 1460 sackOK ts 100 ws 7
    linux  peer 3: > S. 0 ack 1 <mss 1460, sackOK, TS ecr 100, ws>
    ours   nothing
< . 1 ack 1 win 512 ts 101
    linux  nothing
    ours   peer 3: > R 1
accept
    linux  accepted peer 3
    ours   nobody
< . 101 ack 1 len 10 win 512 ts 102
    linux  peer 3: > . 1 ack 1 <TS ecr 101, sack 101:111>
    ours   peer 3: > R 1
send 4000
    linux  peer 3: > . 1 ack 1 len 1416 <TS ecr 101, sack 101:111>
    linux  peer 3: > . 1417 ack 1 len 1416 <TS ecr 101, sack 101:111>
    linux  peer 3: > . 2833 ack 1 len 1168 <TS ecr 101, sack 101:111>
    ours   no connection
at the end
    linux  ESTABLISHED
    ours   CLOSED
",
            ),
            (
                "SYN queue: full, SACK without timestamps (IPv4)",
                "
< S 0 mss 1460 sackOK ws 7
    linux  peer 3: > S. 0 ack 1 <mss 1460>
    ours   nothing
< . 1 ack 1 win 512
    linux  nothing
    ours   peer 3: > R 1
accept
    linux  accepted peer 3
    ours   nobody
< . 101 ack 1 len 10
    linux  peer 3: > . 1 ack 1
    ours   peer 3: > R 1
send 4000
    linux  peer 3: > . 1 ack 1 len 1460
    linux  peer 3: > . 1461 ack 1 len 1460
    linux  peer 3: > . 2921 ack 1 len 1080
    ours   no connection
at the end
    linux  ESTABLISHED
    ours   CLOSED
",
            ),
            (
                "SYN queue: full, SACK without timestamps (IPv6)",
                "
< S 0 mss 1460 sackOK ws 7
    linux  peer 3: > S. 0 ack 1 <mss 1460>
    ours   nothing
< . 1 ack 1 win 512
    linux  nothing
    ours   peer 3: > R 1
accept
    linux  accepted peer 3
    ours   nobody
< . 101 ack 1 len 10
    linux  peer 3: > . 1 ack 1
    ours   peer 3: > R 1
send 4000
    linux  peer 3: > . 1 ack 1 len 1440
    linux  peer 3: > . 1441 ack 1 len 1440
    linux  peer 3: > . 2881 ack 1 len 1120
    ours   no connection
at the end
    linux  ESTABLISHED
    ours   CLOSED
",
            ),
            (
                "SYN queue: full, and a third ACK with a wrong number",
                "
< S 0 mss 1000
    linux  peer 3: > S. 0 ack 1 <mss 1460>
    ours   nothing
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
            (
                "SYN queue: full, and a reset",
                "
< S 0 mss 1000
    linux  peer 3: > S. 0 ack 1 <mss 1460>
    ours   nothing
< . 1 ack 1
    linux  nothing
    ours   peer 3: > R 1
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
        title: "The SYN while its SYN,ACK is under way",
        why: "
When the SYN comes again, both answer at once. Linux then begins the time to the next SYN,ACK anew. With us it runs from the first
SYN on, so that nobody keeps a half-open entry alive by repeating his SYN.
",
        cases: &[
            (
                "SYN queue: the SYN comes again as the SYN,ACK does",
                "
wait 2500
    linux  > S. 0 ack 1 <mss 1460> +1010ms
    ours   > S. 0 ack 1 <mss 1460> +100ms
    ours   > S. 0 ack 1 <mss 1460> +2100ms
",
            ),
        ],
    },
    Difference {
        title: "The SYN,ACK while the accept queue is full",
        why: "
Both ignore a third ACK that finds the accept queue full. Linux goes on sending the SYN,ACK; we pause until there is room, for the
answer would be ignored like the first one. The times of what follows stay the same.
",
        cases: &[
            (
                "accept queue: full, the third ACK",
                "
wait 1500
    linux  > S. 0 ack 1 <mss 1460> +1020ms
    ours   nothing
",
            ),
            (
                "accept queue: full, the third ACK, and nobody accepts",
                "
wait 7500
    linux  > S. 0 ack 1 <mss 1460> +1020ms
    linux  > S. 0 ack 1 <mss 1460> +3030ms
    ours   nothing
",
            ),
        ],
    },
];
