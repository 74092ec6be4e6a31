//! What arrives damaged or odd: checksums, lengths, reserved bits, flags that seldom come together.

pub(super) const CASES: &[(&str, &str)] = &[
    (
        "TCP checksum: wrong on a SYN",
        "listen; < S 0 mss 1000 tcp-sum; state; < S 0 mss 1000",
    ),
    (
        "TCP checksum: wrong to a closed port",
        "< S 0 tcp-sum; < . 100 ack 777 tcp-sum",
    ),
    (
        "TCP checksum: wrong on the third ACK",
        "listen; < S 0 mss 1000; < . 1 ack 1 tcp-sum; state; < . 1 ack 1; accept",
    ),
    (
        "TCP checksum: wrong on the SYN,ACK",
        "connect; < S. 0 ack 1 mss 1000 tcp-sum; opened; < S. 0 ack 1 mss 1000; opened",
    ),
    (
        "TCP checksum: wrong on text",
        "open; < P. 1 ack 1 len 10 tcp-sum; read; < P. 1 ack 1 len 10; read",
    ),
    ("TCP checksum: wrong on a reset", "open; < R 1 tcp-sum; state"),
    (
        "TCP checksum: wrong on a FIN",
        "warm; < F. 1 ack 1 tcp-sum; wait 100; state",
    ),
    (
        "TCP checksum: wrong in TIME-WAIT",
        "warm; close; < F. 1 ack 2; < F. 1 ack 2 tcp-sum; < S 100000 mss 1000 tcp-sum; state",
    ),
    ("TCP checksum: none", "open; < P. 1 ack 1 len 10 no-tcp-sum; read"),
    ("data offset: 0", "open; < P. 1 ack 1 len 10 offset 0; read; state"),
    ("data offset: 4", "open; < P. 1 ack 1 len 10 offset 4; read; state"),
    (
        "data offset: beyond the segment",
        "open; < P. 1 ack 1 len 10 offset 15; read; state",
    ),
    (
        "data offset: text becomes options",
        "open; < P. 1 ack 1 len 10 byte z offset 6; read; state",
    ),
    ("data offset: 4 on a SYN", "listen; < S 0 offset 4; state"),
    ("data offset: beyond a SYN", "listen; < S 0 offset 6; state"),
    (
        "data offset: 0 to a closed port",
        "< S 0 offset 0; < . 100 ack 777 offset 15",
    ),
    ("segment of 19 bytes", "listen; < S 0 cut 1; state"),
    ("segment of 4 bytes", "listen; < S 0 cut 16; state"),
    ("segment of 19 bytes to a closed port", "< S 0 cut 1"),
    ("segment without anything", "listen; < S 0 cut 20; state"),
    (
        "padding after the datagram",
        "open; < . 1 ack 1 pad 6; < P. 1 ack 1 len 3 pad 3; read",
    ),
    (
        "padding after the SYN",
        "listen; < S 0 mss 1000 pad 2; < . 1 ack 1; accept; state",
    ),
    (
        "reserved bits: one on a SYN",
        "listen; < S 0 mss 1000 reserved 2; < . 1 ack 1; accept; state",
    ),
    (
        "reserved bits: the fourth on a SYN",
        "listen; < S 0 mss 1000 reserved 1; < . 1 ack 1; accept; state",
    ),
    (
        "reserved bits: all on a SYN",
        "listen; < S 0 mss 1000 reserved 15; < . 1 ack 1; accept; state",
    ),
    (
        "reserved bits: all on a SYN with ECN bits",
        "listen; < SEW 0 mss 1000 reserved 15; < . 1 ack 1; accept; state",
    ),
    (
        "reserved bits: all on the third ACK",
        "listen; < S 0 mss 1000; < . 1 ack 1 reserved 15; accept; state",
    ),
    (
        "reserved bits: all on the SYN,ACK",
        "connect; < S. 0 ack 1 mss 1000 reserved 15; opened; state",
    ),
    (
        "reserved bits: all on text",
        "open; < P. 1 ack 1 len 10 reserved 15; read; wait 100",
    ),
    (
        "reserved bits: all on a FIN",
        "open; close; < F. 1 ack 2 reserved 15; state",
    ),
    ("reserved bits: all on a reset", "open; < R 1 reserved 15; state"),
    (
        "reserved bits: all to a closed port",
        "< S 0 reserved 15; < . 100 ack 777 reserved 15",
    ),
    (
        "reserved bits: all in TIME-WAIT",
        "warm; close; < F. 1 ack 2; < S 100000 mss 1000 reserved 15; state",
    ),
    ("ECN bits: on text", "open; < PEW. 1 ack 1 len 10; read; wait 100"),
    (
        "ECN bits: CWR alone on a SYN",
        "listen; < SW 0 mss 1000; < . 1 ack 1; accept",
    ),
    (
        "ECN bits: ECE alone on a SYN",
        "listen; < SE 0 mss 1000; < . 1 ack 1; accept",
    ),
    (
        "ECN bits: on the SYN,ACK",
        "connect; < SE. 0 ack 1 mss 1000; opened; send 10",
    ),
    ("ECN bits: only these", "open; < EW 1; state"),
    ("odd flags: all at once", "open; < FSRPU. 1 ack 1; state"),
    (
        "odd flags: all at once to a listener",
        "listen; < FSRPU. 1 ack 1; state",
    ),
    ("odd flags: all at once to a closed port", "< FSRPU. 1 ack 1"),
    ("odd flags: FIN, PSH and URG", "open; < FPU 1; state"),
    ("odd flags: FIN, PSH and URG to a listener", "listen; < FPU 1"),
    ("odd flags: FIN, PSH and URG to a closed port", "< FPU 1"),
    ("odd flags: PSH alone", "open; < P 1; state"),
    ("odd flags: URG alone", "open; < U 1 urg 5; state"),
    ("odd flags: URG to a closed port", "< U 1 urg 5"),
    ("odd flags: RST and FIN", "open; < FR 1; state; read"),
    ("odd flags: RST, FIN and ACK", "open; < FR. 1 ack 1; state; read"),
    ("odd flags: RST with text", "open; < R 1 len 10; state; read"),
    ("odd flags: RST and FIN to a listener", "listen; < FR 1"),
    (
        "odd flags: RST and FIN to a half-open connection",
        "listen; < S 0 mss 1000; < FR 1; state",
    ),
    ("odd flags: SYN,FIN,ACK", "open; < SF. 1 ack 1; state"),
    ("odd flags: SYN,RST,ACK", "open; < SR. 1 ack 1; state"),
    (
        "odd flags: SYN,FIN on a half-open connection",
        "listen; < S 0 mss 1000; < SF 0; state",
    ),
    (
        "odd flags: SYN,RST on a half-open connection",
        "listen; < S 0 mss 1000; < SR 1; state",
    ),
    (
        "odd flags: SYN,RST in SYN-SENT",
        "connect; < SR. 0 ack 1; opened; state",
    ),
    ("odd flags: SYN,FIN in SYN-SENT", "connect; < SF 0; opened; state"),
    (
        "odd flags: SYN,RST in TIME-WAIT",
        "warm; close; < F. 1 ack 2; < SR 100000; state",
    ),
    (
        "odd flags: SYN,FIN in TIME-WAIT",
        "warm; close; < F. 1 ack 2; < SF 100000; state",
    ),
    (
        "odd flags: FIN without ACK in CLOSE-WAIT",
        "warm; < F. 1 ack 1; wait 100; < F 2; state",
    ),
    (
        "odd flags: no flags in SYN-RECEIVED",
        "listen; < S 0 mss 1000; < - 1; state; < . 1 ack 1; accept",
    ),
    ("odd flags: no flags, with text", "open; < - 1 len 10; read; state"),
    (
        "an ACK number without ACK",
        "listen; < S 0 ack 777 mss 1000; < . 1 ack 1; accept",
    ),
    ("an urgent pointer without URG", "open; < P. 1 ack 1 len 10 urg 5; read"),
    (
        "zero window: on the SYN",
        "listen; < S 0 mss 1000 win 0; < . 1 ack 1; accept; send 10",
    ),
    (
        "zero window: on the SYN and the third ACK",
        "listen; < S 0 mss 1000 win 0; < . 1 ack 1 win 0; accept; send 10; wait 100; < . 1 ack 1; state",
    ),
    (
        "zero window: on the SYN,ACK",
        "connect; < S. 0 ack 1 mss 1000 win 0; send 10; wait 100; < . 1 ack 1; state",
    ),
    (
        "zero window: closing with text that waits",
        "warm; < . 1 ack 1 win 0; send 10; close; state; wait 100; < . 1 ack 1; < . 1 ack 12; state",
    ),
    (
        "zero window: closing without text",
        "warm; < . 1 ack 1 win 0; close; wait 100; state; < . 1 ack 2; state",
    ),
    (
        "zero window: text that is in flight",
        "warm; send 2000; < . 1 ack 1 win 0; wait 700; < . 1 ack 2001; state",
    ),
    (
        "zero window: the peer takes the probe",
        "warm; < . 1 ack 1 win 0; send 100; wait 300; < . 1 ack 2 win 0; wait 100; < . 1 ack 2; < . 1 ack 101; state",
    ),
    (
        "zero window: the peer resets",
        "warm; < . 1 ack 1 win 0; send 100; wait 300; < R 1; read; state",
    ),
];

/// IPv6 has no checksum of its header.
pub(super) const ONLY_V4: &[(&str, &str)] = &[
    (
        "IP checksum: wrong on a SYN",
        "listen; < S 0 mss 1000 ip-sum; state; < S 0 mss 1000",
    ),
    ("IP checksum: wrong to a closed port", "< S 0 ip-sum"),
    (
        "IP checksum: wrong on text",
        "open; < P. 1 ack 1 len 10 ip-sum; read; < P. 1 ack 1 len 10; read",
    ),
    ("IP checksum: wrong on a reset", "open; < R 1 ip-sum; state"),
];
