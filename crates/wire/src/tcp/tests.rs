use alloc::string::ToString;
use alloc::vec;
use alloc::vec::Vec;
use core::net::{Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;

use super::*;
use crate::option::tests::any_options;

const V4: (IpAddr, IpAddr) = (
    IpAddr::V4(Ipv4Addr::new(10, 7, 0, 1)),
    IpAddr::V4(Ipv4Addr::new(10, 7, 0, 2)),
);
const V6: (IpAddr, IpAddr) = (
    IpAddr::V6(Ipv6Addr::new(0xfd07, 0, 0, 0, 0, 0, 0, 1)),
    IpAddr::V6(Ipv6Addr::new(0xfd07, 0, 0, 0, 0, 0, 0, 2)),
);

/// A header that takes every field to pieces; ACK.
const BYTES: [u8; 20] = [
    0x9c, 0x40, 0x00, 0x50, // ports 40,000 and 80
    0xff, 0xff, 0xff, 0xff, // sequence number
    0x01, 0x02, 0x03, 0x04, // acknowledgment number
    0x50, 0x10, 0xfa, 0xf0, // 5 words, ACK, window 64,240
    0xab, 0xcd, 0x00, 0x07, // checksum, urgent pointer
];

/// `BYTES` with the byte at `at` replaced, and `options` behind.
fn bytes_with(at: usize, value: u8, options: &[u8]) -> Vec<u8> {
    let mut bytes = BYTES.to_vec();
    bytes[at] = value;
    bytes.extend_from_slice(options);
    bytes
}

#[test]
fn fields_are_where_the_diagram_says() {
    let (header, len) = Header::parse(&BYTES).unwrap();
    assert_eq!(len, 20);
    assert_eq!((header.src_port, header.dst_port), (40_000, 80));
    assert_eq!((header.seq.value(), header.ack.value()), (u32::MAX, 0x0102_0304));
    assert_eq!((header.flags, header.window, header.urgent), (Flags::ACK, 64_240, 7));
    assert!(header.options.is_empty());
}

#[test]
fn refused() {
    let rows: [(&str, Vec<u8>, Malformed); 10] = [
        ("nothing", vec![], Malformed::Truncated),
        ("19 bytes", BYTES[..19].to_vec(), Malformed::Truncated),
        ("a data offset of 0", bytes_with(12, 0x00, &[]), Malformed::HeaderLength),
        ("a data offset of 4", bytes_with(12, 0x40, &[]), Malformed::HeaderLength),
        (
            "a data offset past the segment",
            bytes_with(12, 0x60, &[1, 1, 1]),
            Malformed::HeaderLength,
        ),
        ("SYN with FIN", bytes_with(13, 0x03, &[]), Malformed::Flags),
        ("SYN with RST", bytes_with(13, 0x06, &[]), Malformed::Flags),
        ("no flag", bytes_with(13, 0x00, &[]), Malformed::Flags),
        ("ECE and CWR alone", bytes_with(13, 0xc0, &[]), Malformed::Flags),
        (
            "an option of length 0",
            bytes_with(12, 0x60, &[2, 0, 0, 0]),
            Malformed::TcpOption,
        ),
    ];
    for (name, bytes, why) in rows {
        assert_eq!(Header::parse(&bytes), Err(why), "{name}");
    }
}

#[test]
fn odd_but_taken() {
    let rows: [(&str, Vec<u8>, Flags, usize); 6] = [
        ("RST with FIN", bytes_with(13, 0x05, &[]), Flags::RST | Flags::FIN, 20),
        (
            "a SYN that speaks of ECN",
            bytes_with(13, 0xc2, &[]),
            Flags::SYN | Flags::ECE | Flags::CWR,
            20,
        ),
        ("FIN without ACK", bytes_with(13, 0x01, &[]), Flags::FIN, 20),
        (
            "everything but SYN",
            bytes_with(13, 0xfd, &[]),
            Flags::from_bits(0xfd),
            20,
        ),
        ("reserved bits", bytes_with(12, 0x5f, &[]), Flags::ACK, 20),
        ("40 bytes of NOPs", bytes_with(12, 0xf0, &[1; 40]), Flags::ACK, 60),
    ];
    for (name, bytes, flags, len) in rows {
        let (header, header_len) = Header::parse(&bytes).unwrap();
        assert_eq!((header.flags, header_len), (flags, len), "{name}");
    }
}

#[test]
fn every_combination_of_flags_is_refused_or_not() {
    for bits in 0..=u8::MAX {
        let flags = Flags::from_bits(bits);
        let has_classic = flags.fin() || flags.syn() || flags.rst() || flags.psh() || flags.ack() || flags.urg();
        let is_contradiction = flags.syn() && flags.fin() || flags.syn() && flags.rst();
        assert_eq!(flags.is_forbidden(), !has_classic || is_contradiction, "{flags}");
        assert_eq!(
            Header::parse(&bytes_with(13, bits, &[])).is_ok(),
            !flags.is_forbidden(),
            "{flags}"
        );
    }
}

#[test]
fn flags_print_as_in_tcpdump() {
    let rows = [
        (Flags::NONE, "-"),
        (Flags::SYN, "S"),
        (Flags::SYN | Flags::ACK, "S."),
        (Flags::ACK, "."),
        (Flags::PSH | Flags::ACK, "P."),
        (Flags::FIN | Flags::ACK, "F."),
        (Flags::RST, "R"),
        (Flags::SYN | Flags::ECE | Flags::CWR, "SEW"),
        (Flags::from_bits(0xff), "FSRPUEW."),
    ];
    for (flags, text) in rows {
        assert_eq!(flags.to_string(), text);
    }
}

#[test]
fn a_quoted_header_needs_eight_bytes() {
    assert_eq!(
        Header::parse_quoted(&BYTES[..8]),
        Ok((40_000, 80, SeqNumber::new(u32::MAX)))
    );
    assert_eq!(Header::parse_quoted(&BYTES[..7]), Err(Malformed::Truncated));
}

#[test]
fn emit_needs_room() {
    let (header, _) = Header::parse(&BYTES).unwrap();
    let mut out = [0xee; 19];
    assert_eq!(header.emit(&mut out), None);
    assert_eq!(out, [0xee; 19]);
    let mut out = [0xee; 24];
    assert_eq!(header.emit(&mut out), Some(20));
    assert_eq!(
        (&out[..16], &out[16..]),
        (&BYTES[..16], &[0, 0, 0, 7, 0xee, 0xee, 0xee, 0xee][..])
    );
}

#[test]
fn seal_leaves_a_short_header_alone() {
    let mut header = [0xee; 19];
    seal(V4.0, V4.1, &mut header, &[b"data"]);
    assert_eq!(header, [0xee; 19]);
}

fn any_header() -> impl Strategy<Value = Header> {
    (
        any::<(u16, u16, u32, u32)>(),
        any::<u8>(),
        any::<(u16, u16)>(),
        any_options(),
    )
        .prop_map(
            |((src_port, dst_port, seq, ack), flags, (window, urgent), options)| Header {
                src_port,
                dst_port,
                seq: SeqNumber::new(seq),
                ack: SeqNumber::new(ack),
                flags: Flags::from_bits(flags),
                window,
                urgent,
                options,
            },
        )
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(header in any_header()) {
        let mut out = [0; 60];
        prop_assert_eq!(header.emit(&mut out), Some(header.len()));
        let expected = if header.flags.is_forbidden() { Err(Malformed::Flags) } else { Ok((header, header.len())) };
        prop_assert_eq!(Header::parse(&out[..header.len()]), expected);
    }

    #[test]
    fn a_sealed_segment_is_intact_and_one_flipped_bit_is_seen(
        header in any_header(),
        payload in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..50), 0..4),
        stale: u16,
        bit: prop::sample::Index,
    ) {
        for (src, dst) in [V4, V6] {
            let mut segment = vec![0; header.len()];
            header.emit(&mut segment);
            segment[16..18].copy_from_slice(&stale.to_be_bytes());
            seal(src, dst, &mut segment, &payload);
            segment.extend_from_slice(&payload.concat());
            prop_assert!(is_intact(src, dst, &segment));

            let bit = bit.index(segment.len() * 8);
            segment[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(!is_intact(src, dst, &segment));
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
        let _ = (Header::parse(&bytes), Header::parse_quoted(&bytes));
        let _ = (is_intact(V4.0, V4.1, &bytes), is_intact(V6.0, V6.1, &bytes));
        seal(V4.0, V6.1, &mut bytes.clone(), &[&bytes]);
    }
}

#[test]
fn a_restamped_header_is_the_one_that_would_have_been_written() {
    let addresses = [1, 2].map(|last| IpAddr::from([10, 7, 0, last]));
    let header = |seq: u32, flags: Flags| Header {
        src_port: 40_000,
        dst_port: 80,
        seq: SeqNumber::new(seq),
        ack: SeqNumber::new(7),
        flags,
        window: 512,
        urgent: 0,
        options: Options::default(),
    };
    let sealed = |header: &Header| {
        let mut bytes = [0; HEADER_MIN];
        header.emit(&mut bytes).expect("room");
        seal(addresses[0], addresses[1], &mut bytes, &[b"text"]);
        bytes
    };
    let mut bytes = sealed(&header(u32::MAX - 1000, Flags::ACK));
    restamp(&mut bytes, SeqNumber::new(447), Flags::ACK | Flags::PSH);
    seal(addresses[0], addresses[1], &mut bytes, &[b"text"]);
    assert_eq!(bytes, sealed(&header(447, Flags::ACK | Flags::PSH)));
    let mut short = [1; HEADER_MIN - 1];
    restamp(&mut short, SeqNumber::new(2), Flags::FIN);
    assert_eq!(short, [1; HEADER_MIN - 1]);
}
