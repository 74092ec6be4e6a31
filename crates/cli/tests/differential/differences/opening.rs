//! Differences in opening a connection, and to what belongs to none.
//! Times are rounded.

use super::Difference;

pub(super) const ROWS: &[Difference] = &[
    Difference {
        title: "SYN with FIN or RST, and no flags at all",
        why: "
We drop segments whose flags no TCP sends together and count them (`docs/decisions/0005-liberal-with-flags.md`): an answer
only helps whoever probes what we are. Linux answers some of them, and takes SYN,RST for a reset and SYN,FIN for a SYN.
",
        cases: &[
            (
                "closed port: SYN,FIN",
                "
< SF 100
    linux  > R. none ack 102
    ours   nothing
",
            ),
            (
                "closed port: no flags",
                "
< - 100
    linux  > R. none ack 100
    ours   nothing
",
            ),
            (
                "active open: FIN on the SYN,ACK",
                "
< SF. 0 ack 1 mss 1000
    linux  > . 1 ack 1
    ours   nothing
state
    linux  ESTABLISHED
    ours   SYN-SENT
at the end
    linux  ESTABLISHED
    ours   SYN-SENT
",
            ),
            (
                "ESTABLISHED: SYN,FIN",
                "
< SF 1
    linux  > . 1 ack 1
    ours   nothing
",
            ),
            (
                "ESTABLISHED: SYN,RST",
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
                "odd flags: all at once",
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
                "odd flags: SYN,FIN,ACK",
                "
< SF. 1 ack 1
    linux  > . 1 ack 1
    ours   nothing
",
            ),
            (
                "odd flags: SYN,RST,ACK",
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
                "odd flags: SYN,FIN on a half-open connection",
                "
< SF 0
    linux  > S. 0 ack 1 <mss 1460>
    ours   nothing
",
            ),
            (
                "odd flags: SYN,RST on a half-open connection",
                "
state
    linux  CLOSED
    ours   SYN-RECEIVED
at the end
    linux  CLOSED
    ours   SYN-RECEIVED
",
            ),
            (
                "odd flags: SYN,RST in SYN-SENT",
                "
opened
    linux  refused
    ours   opening
state
    linux  CLOSED
    ours   SYN-SENT
at the end
    linux  CLOSED
    ours   SYN-SENT
",
            ),
            (
                "odd flags: SYN,FIN in SYN-SENT",
                "
< SF 0
    linux  > S. 0 ack 1 <mss 1460, sackOK, TS ecr 0, ws>
    ours   nothing
opened
    linux  open
    ours   opening
state
    linux  SYN-RECEIVED
    ours   SYN-SENT
at the end
    linux  SYN-RECEIVED
    ours   SYN-SENT
",
            ),
            (
                "odd flags: SYN,FIN in TIME-WAIT",
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
        title: "ECN without timestamps",
        why: "
Every SYN-ACK of ours is a cookie, and without timestamps a cookie has no room to remember that ECN was agreed to: if the entry had to
make room, the client would send marked data, and nobody would echo the marks. So we agree to it only where there are timestamps. RFC 3168
section 6.1.1 leaves us free to.
",
        cases: &[
            (
                "listener: SYN with ECN bits",
                "
< SEW 0 mss 1000
    linux  > SE. 0 ack 1 <mss 1460>
    ours   > S. 0 ack 1 <mss 1460>
",
            ),
            (
                "reserved bits: all on a SYN with ECN bits",
                "
< SEW 0 mss 1000 reserved 15
    linux  > SE. 0 ack 1 <mss 1460>
    ours   > S. 0 ack 1 <mss 1460>
",
            ),
        ],
    },
    Difference {
        title: "Another SYN on a half-open connection",
        why: "
RFC 9293 section 3.10.7.4 (fourth, SYN-RECEIVED) has a connection that was opened passively return to LISTEN, and says nothing
of a reset. We do so in silence, and the client's next SYN opens anew. Linux gives up its half-open entry too, but answers
with a reset, which ends an open that is under way.
",
        cases: &[
            (
                "SYN-RECEIVED: another SYN in the window",
                "
< S 100 mss 1000
    linux  > R. none ack 101
    ours   nothing
",
            ),
        ],
    },
    Difference {
        title: "Text on the SYN,ACK",
        why: "
RFC 9293 section 3.10.7.3 (fourth) has text that comes with the SYN,ACK processed, and so do we. Linux leaves it to the peer
to send it again.
",
        cases: &[
            (
                "active open: text on the SYN,ACK",
                "
< S. 0 ack 1 mss 1000 len 50
    linux  > . 1 ack 1
    ours   > . 1 ack 51
read
    linux  nothing
    ours   x50
",
            ),
        ],
    },
    Difference {
        title: "When a SYN is sent again",
        why: "
We double the time from the first retransmission on (RFC 6298 section 5.5). Linux sends the first four a second apart, which
helps its user over a lost SYN and lets a crowd that retries be louder.
",
        cases: &[
            (
                "active open: the SYN is sent again",
                "
wait 3500
    linux  > S 0 <mss 1460, sackOK, TS ecr 0, ws> +1000ms
    linux  > S 0 <mss 1460, sackOK, TS ecr 0, ws> +2040ms
    linux  > S 0 <mss 1460, sackOK, TS ecr 0, ws> +3060ms
    ours   > S 0 <mss 1460, sackOK, TS ecr 0, ws> +1000ms
    ours   > S 0 <mss 1460, sackOK, TS ecr 0, ws> +3000ms
",
            ),
        ],
    },
    Difference {
        title: "A wrong ACK in SYN-SENT",
        why: "
Both answer with a reset, or ignore what is one. Linux then sends its SYN again at once, for the reset may have freed the
peer's old connection; our SYN comes again when its timer says, so that nobody makes us send SYNs by sending wrong ACKs.
",
        cases: &[
            (
                "SYN-SENT: RST with a wrong ACK",
                "
wait 100
    linux  > S 0 <mss 1460, sackOK, TS ecr 0, ws> +10ms
    ours   nothing
",
            ),
            (
                "SYN-SENT: SYN,ACK of too much",
                "
wait 100
    linux  > S 0 <mss 1460, sackOK, TS ecr 0, ws> +10ms
    ours   nothing
",
            ),
            (
                "SYN-SENT: SYN,ACK of too little",
                "
wait 100
    linux  > S 0 <mss 1460, sackOK, TS ecr 0, ws> +10ms
    ours   nothing
",
            ),
            (
                "SYN-SENT: an ACK of too much",
                "
wait 100
    linux  > S 0 <mss 1460, sackOK, TS ecr 0, ws> +10ms
    ours   nothing

",
            ),
        ],
    },
    Difference {
        title: "ICMP while a connection is opened",
        why: "
An unreachable network or host and an exceeded time to live are soft errors (RFC 9293 section 3.9.2.2, MUST-56): they must not
abort, for routes come back, and anybody can forge them. We keep them as the reason should the open fail. Linux gives up at
once. Over IPv6 what says that a protocol is unknown is a parameter problem, and that is a soft error too. A half-open entry minds
no error at all, and once the peer's SYN was heard, its port is there: Linux gives up over IPv4 when the host cannot be reached, over
IPv6 when the port cannot, and in a simultaneous open in either.
",
        cases: &[
            (
                "SYN-SENT: host unreachable",
                "
opened
    linux  unreachable
    ours   opening
state
    linux  CLOSED
    ours   SYN-SENT
at the end
    linux  CLOSED
    ours   SYN-SENT
",
            ),
            (
                "SYN-SENT: network unreachable",
                "
opened
    linux  unreachable
    ours   opening
state
    linux  CLOSED
    ours   SYN-SENT
at the end
    linux  CLOSED
    ours   SYN-SENT
",
            ),
            (
                "SYN-SENT: time exceeded",
                "
opened
    linux  unreachable
    ours   opening
state
    linux  CLOSED
    ours   SYN-SENT
at the end
    linux  CLOSED
    ours   SYN-SENT
",
            ),
            (
                "ICMP: host unreachable in SYN-RECEIVED (IPv4)",
                "
state
    linux  CLOSED
    ours   SYN-RECEIVED
< . 1 ack 1
    linux  > R 1
    ours   nothing
accept
    linux  nobody
    ours   accepted
at the end
    linux  CLOSED
    ours   ESTABLISHED
",
            ),
            (
                "ICMP: port unreachable after a simultaneous open",
                "
< S 0 mss 1000
    linux  > S. 0 ack 1 <mss 1460, sackOK, TS ecr 0, ws>
    ours   > S. 0 ack 1 <mss 1460>
opened
    linux  refused
    ours   opening
state
    linux  CLOSED
    ours   SYN-RECEIVED
at the end
    linux  CLOSED
    ours   SYN-RECEIVED
",
            ),
            (
                "SYN-SENT: protocol unreachable (IPv6)",
                "
opened
    linux  unreachable
    ours   opening
state
    linux  CLOSED
    ours   SYN-SENT
at the end
    linux  CLOSED
    ours   SYN-SENT
",
            ),
            (
                "ICMP: port unreachable in SYN-RECEIVED (IPv6)",
                "
state
    linux  CLOSED
    ours   SYN-RECEIVED
< . 1 ack 1
    linux  > R 1
    ours   nothing
accept
    linux  nobody
    ours   accepted
at the end
    linux  CLOSED
    ours   ESTABLISHED
",
            ),
        ],
    },
    Difference {
        title: "Simultaneous open",
        why: "
Our SYN,ACK carries the options that both SYNs offered (RFC 7323 sections 2.2 and 3.2, RFC 2018 section 2). Linux repeats all
of its SYN's, offered by the peer or not, and takes the peer's SYN,ACK for an old segment that it has to acknowledge (with
SACK, as a duplicate). A SYN that comes again tells us that our SYN,ACK was lost, so we send that, where Linux sends an ACK. A
reset in SYN-RECEIVED after an active open is \"connection refused\" (RFC 9293 section 3.10.7.4, second). A FIN leaves us when
our SYN is acknowledged; RFC 9293 section 3.10.4 has it sent at once, as Linux does, but the peer could not use it before, and
so one retransmission does for one thing.
",
        cases: &[
            (
                "simultaneous open",
                "
< S 0 mss 1000
    linux  > S. 0 ack 1 <mss 1460, sackOK, TS ecr 0, ws>
    ours   > S. 0 ack 1 <mss 1460>
< S. 0 ack 1 mss 1000
    linux  > . 1 ack 1
    ours   nothing
",
            ),
            (
                "simultaneous open: bare ACK",
                "
< S 0 mss 1000
    linux  > S. 0 ack 1 <mss 1460, sackOK, TS ecr 0, ws>
    ours   > S. 0 ack 1 <mss 1460>
",
            ),
            (
                "simultaneous open: the SYN again",
                "
< S 0 mss 1000
    linux  > S. 0 ack 1 <mss 1460, sackOK, TS ecr 0, ws>
    ours   > S. 0 ack 1 <mss 1460>
< S 0 mss 1000
    linux  > . 1 ack 1
    ours   > S. 0 ack 1 <mss 1460>
",
            ),
            (
                "simultaneous open: all options",
                "
< S. 0 ack 1 mss 1460 sackOK ts 101 ws 7
    linux  > . 1 ack 1 <TS ecr 101, sack 0:1>
    ours   nothing
",
            ),
            (
                "simultaneous open: text on the ACK",
                "
< S 0 mss 1000
    linux  > S. 0 ack 1 <mss 1460, sackOK, TS ecr 0, ws>
    ours   > S. 0 ack 1 <mss 1460>
",
            ),
            (
                "simultaneous open: RST",
                "
< S 0 mss 1000
    linux  > S. 0 ack 1 <mss 1460, sackOK, TS ecr 0, ws>
    ours   > S. 0 ack 1 <mss 1460>
opened
    linux  reset
    ours   refused
",
            ),
            (
                "simultaneous open: ACK of too much",
                "
< S 0 mss 1000
    linux  > S. 0 ack 1 <mss 1460, sackOK, TS ecr 0, ws>
    ours   > S. 0 ack 1 <mss 1460>
",
            ),
            (
                "simultaneous open: close",
                "
< S 0 mss 1000
    linux  > S. 0 ack 1 <mss 1460, sackOK, TS ecr 0, ws>
    ours   > S. 0 ack 1 <mss 1460>
close
    linux  > F. 1 ack 1
    ours   nothing
",
            ),
        ],
    },
    Difference {
        title: "A very small MSS",
        why: "
We never go below segments of 216 bytes, however small an MSS the peer states: tiny segments are an attack on the sender
(CVE-2019-11479), and every host takes datagrams of 576 bytes (RFC 791 section 3.1). Linux goes down to 48 bytes, and takes 0
for no MSS at all.
",
        cases: &[
            (
                "tiny MSS",
                "
send 1000
    linux  > . 1 ack 1 len 100
    linux  > . 101 ack 1 len 100
    linux  > . 201 ack 1 len 100
    linux  > . 301 ack 1 len 100
    linux  > . 401 ack 1 len 100
    linux  > . 501 ack 1 len 100
    linux  > . 601 ack 1 len 100
    linux  > . 701 ack 1 len 100
    linux  > . 801 ack 1 len 100
    linux  > . 901 ack 1 len 100
    ours   > . 1 ack 1 len 216
    ours   > . 217 ack 1 len 216
    ours   > . 433 ack 1 len 216
    ours   > . 649 ack 1 len 216
",
            ),
            (
                "MSS of 0 (IPv4)",
                "
send 1000
    linux  > . 1 ack 1 len 536
    linux  > . 537 ack 1 len 464
    ours   > . 1 ack 1 len 216
    ours   > . 217 ack 1 len 216
    ours   > . 433 ack 1 len 216
    ours   > . 649 ack 1 len 216
",
            ),
            (
                "MSS of 0 (IPv6)",
                "
send 1000
    linux  > . 1 ack 1 len 1000
    ours   > . 1 ack 1 len 216
    ours   > . 217 ack 1 len 216
    ours   > . 433 ack 1 len 216
    ours   > . 649 ack 1 len 216
",
            ),
        ],
    },
    Difference {
        title: "A SYN again, with a newer timestamp",
        why: "
Our SYN,ACK echoes the SYN that asked for it, so that the peer measures the right round trip (RFC 7323 section 4.3). Linux
echoes the first.
",
        cases: &[
            (
                "SYN-RECEIVED: the SYN again, with a newer timestamp",
                "
< S 0 mss 1000 ts 1100
    linux  > S. 0 ack 1 <mss 1460, TS ecr 100>
    ours   > S. 0 ack 1 <mss 1460, TS ecr 1100>
",
            ),
        ],
    },
    Difference {
        title: "Which number an ICMP error must quote",
        why: "
RFC 5927 section 4.1: one that is in flight, from SND.UNA to the one before SND.NXT. Linux takes SND.NXT as well.
",
        cases: &[
            (
                "ICMP: port unreachable for a later number, in SYN-SENT",
                "
opened
    linux  refused
    ours   opening
state
    linux  CLOSED
    ours   SYN-SENT
at the end
    linux  CLOSED
    ours   SYN-SENT
",
            ),
        ],
    },
    Difference {
        title: "A path too narrow for a SYN",
        why: "
A SYN is shorter than any MTU that may be reported, so a report that quotes one is false or meant for something else: we forget it.
Linux does over IPv6, and believes it over IPv4.
",
        cases: &[
            (
                "too big: for the SYN (IPv4)",
                "
send 2920
    linux  > . 1 ack 1 len 1260
    linux  > . 1261 ack 1 len 1260
    linux  > . 2521 ack 1 len 400
    ours   > . 1 ack 1 len 1460
    ours   > . 1461 ack 1 len 1460
",
            ),
        ],
    },
];
