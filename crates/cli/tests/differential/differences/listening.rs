//! Differences in what a listener does when its queues are full.
//! Times are rounded.

use super::Difference;

pub(super) const ROWS: &[Difference] = &[
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
