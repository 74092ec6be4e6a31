//! ICMP errors: what they quote decides whether they are believed (RFC 5927, RFC 1191, RFC 8201).

pub(super) const CASES: &[(&str, &str)] = &[
    (
        "ICMP: port unreachable for an older number, in SYN-SENT",
        "connect; icmp port seq -1; opened; state",
    ),
    (
        "ICMP: port unreachable for a later number, in SYN-SENT",
        "connect; icmp port seq 1; opened; state",
    ),
    (
        "ICMP: port unreachable for a number far off, in SYN-SENT",
        "connect; icmp port seq 100000; opened; state",
    ),
    (
        "ICMP: port unreachable, with a wrong checksum",
        "connect; icmp port icmp-sum; opened; state",
    ),
    (
        "ICMP: port unreachable that quotes 8 bytes",
        "connect; icmp port quote 8; opened; state",
    ),
    (
        "ICMP: port unreachable that quotes 4 bytes",
        "connect; icmp port quote 4; opened; state",
    ),
    (
        "ICMP: port unreachable that quotes no segment",
        "connect; icmp port quote 0; opened; state",
    ),
    (
        "ICMP: port unreachable in SYN-RECEIVED",
        "listen; < S 0 mss 1000; icmp port; state; < . 1 ack 1; accept",
    ),
    (
        "ICMP: host unreachable in SYN-RECEIVED",
        "listen; < S 0 mss 1000; icmp host; state; < . 1 ack 1; accept",
    ),
    (
        "ICMP: port unreachable in SYN-RECEIVED for another number",
        "listen; < S 0 mss 1000; icmp port seq 500; state; < . 1 ack 1; accept",
    ),
    (
        "ICMP: port unreachable after a simultaneous open",
        "connect; < S 0 mss 1000; icmp port; opened; state",
    ),
    (
        "ICMP: network unreachable for text",
        "open; send 10; icmp net; read; state",
    ),
    (
        "ICMP: prohibited for text",
        "open; send 10; icmp prohibited; read; state",
    ),
    (
        "ICMP: time exceeded for text",
        "open; send 10; icmp time-exceeded; read; state",
    ),
    (
        "ICMP: port unreachable for old text",
        "warm; send 10; < . 1 ack 11; icmp port; read; state",
    ),
    (
        "ICMP: port unreachable for text to come",
        "warm; send 10; icmp port seq 100; read; state",
    ),
    (
        "ICMP: port unreachable, then the user timeout",
        "set user_timeout 1000; warm; send 10; icmp port; wait 2000; read; state",
    ),
    (
        "ICMP: host unreachable, then the user timeout",
        "set user_timeout 1000; warm; send 10; icmp host; wait 2000; read; state",
    ),
    (
        "ICMP: port unreachable in FIN-WAIT-1",
        "warm; close; icmp port; state; < . 1 ack 2; state",
    ),
    (
        "ICMP: port unreachable in LAST-ACK",
        "warm; < F. 1 ack 1; wait 100; close; icmp port; state; < . 2 ack 2; state",
    ),
    (
        "ICMP: port unreachable in TIME-WAIT",
        "warm; close; < F. 1 ack 2; icmp port; state",
    ),
    (
        "ICMP: host unreachable, and the timer backs off no more",
        "warm; send 10; wait 500; icmp host; wait 300; < . 1 ack 11; state",
    ),
    ("too big: for what is in flight", "large; icmp too-big 1000; wait 100"),
    (
        "too big: for an older number",
        "large; icmp too-big 1000 seq -5000; wait 100; state",
    ),
    (
        "too big: for a later number",
        "large; icmp too-big 1000 seq 5000; wait 100; state",
    ),
    ("too big: quotes 8 bytes", "large; icmp too-big 1000 quote 8; wait 100"),
    (
        "too big: with a wrong checksum",
        "large; icmp too-big 1000 icmp-sum; wait 100",
    ),
    ("too big: larger than the link", "large; icmp too-big 9000; wait 100"),
    ("too big: as large as the link", "large; icmp too-big 1500; wait 100"),
    (
        "too big: again, and larger",
        "large; icmp too-big 1300; wait 50; icmp too-big 1400; wait 50",
    ),
    (
        "too big: twice, and smaller",
        "large; icmp too-big 1400; wait 50; icmp too-big 1300; wait 50",
    ),
    (
        "too big: then acknowledged",
        "large; icmp too-big 1300; < . 1 ack 1471; send 2520",
    ),
    (
        "too big: larger than any segment in flight",
        "open; send 10; icmp too-big 1300; wait 100; < . 1 ack 11; send 2000",
    ),
    (
        "too big: all is acknowledged",
        "large; < . 1 ack 1471; icmp too-big 1300; wait 100; send 2920",
    ),
    (
        "too big: for the SYN,ACK",
        "listen; < S 0 mss 1460; icmp too-big 1300; < . 1 ack 1; accept; send 2920",
    ),
    (
        "too big: for the SYN",
        "connect; icmp too-big 1300; wait 100; < S. 0 ack 1 mss 1460; send 2920",
    ),
    (
        "too big: several segments in flight",
        "listen; < S 0 mss 1460; < . 1 ack 1; accept; send 10; < . 1 ack 11; send 5840; icmp too-big 1300 seq 11; wait 100",
    ),
    (
        "too big: in CLOSE-WAIT",
        "large; < F. 1 ack 11; wait 50; icmp too-big 1300 seq 11; wait 50",
    ),
    (
        "too big: in FIN-WAIT-1",
        "large; close; icmp too-big 1300 seq 11; wait 100",
    ),
];

/// How small an MTU may be depends on the version.
pub(super) const ONLY_V4: &[(&str, &str)] = &[
    ("too big: an MTU of 0", "large; icmp too-big 0; wait 100"),
    ("too big: an MTU of 68", "large; icmp too-big 68; wait 100"),
    ("too big: an MTU of 300", "large; icmp too-big 300; wait 100"),
    ("too big: an MTU of 576", "large; icmp too-big 576; wait 100"),
];

/// RFC 8200 section 5: no link takes less than 1,280 bytes.
pub(super) const ONLY_V6: &[(&str, &str)] = &[
    ("too big: the least MTU", "large; icmp too-big 1260; wait 100"),
    (
        "too big: a byte below the least MTU",
        "large; icmp too-big 1259; wait 100",
    ),
    ("too big: far below the least MTU", "large; icmp too-big 500; wait 100"),
    ("too big: an MTU of almost 0", "large; icmp too-big 0; wait 100"),
];
