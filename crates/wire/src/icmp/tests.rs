use alloc::vec;
use core::net::{Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;

use super::*;

const V4: (IpAddr, IpAddr) = (
    IpAddr::V4(Ipv4Addr::new(10, 7, 0, 1)),
    IpAddr::V4(Ipv4Addr::new(10, 7, 0, 2)),
);
const V6: (IpAddr, IpAddr) = (
    IpAddr::V6(Ipv6Addr::new(0xfd07, 0, 0, 0, 0, 0, 0, 1)),
    IpAddr::V6(Ipv6Addr::new(0xfd07, 0, 0, 0, 0, 0, 0, 2)),
);

#[test]
fn types_and_codes() {
    use Unreachable::*;
    let quoted = b"datagram".as_slice();
    let rest = b"\x00\x00\x05\x78datagram".as_slice();
    let unreachable = |why| Message::Unreachable { why, quoted };
    #[rustfmt::skip]
    let rows = [
        // name                               family type code  message
        ("echo request",                      V4,   8,   0,    Message::EchoRequest { rest }),
        ("echo reply",                        V4,   0,   0,    Message::EchoReply { rest }),
        ("network unreachable",               V4,   3,   0,    unreachable(Network)),
        ("host unreachable",                  V4,   3,   1,    unreachable(Host)),
        ("protocol unreachable",              V4,   3,   2,    unreachable(Protocol)),
        ("port unreachable",                  V4,   3,   3,    unreachable(Port)),
        ("fragmentation needed",              V4,   3,   4,    Message::TooBig { mtu: 1_400, quoted }),
        ("source route failed",               V4,   3,   5,    unreachable(Other(5))),
        ("network unknown",                   V4,   3,   6,    unreachable(Network)),
        ("host unknown",                      V4,   3,   7,    unreachable(Host)),
        ("network prohibited",                V4,   3,   9,    unreachable(Prohibited)),
        ("host prohibited",                   V4,   3,   10,   unreachable(Prohibited)),
        ("network, for this service",         V4,   3,   11,   unreachable(Network)),
        ("host, for this service",            V4,   3,   12,   unreachable(Host)),
        ("communication prohibited",          V4,   3,   13,   unreachable(Prohibited)),
        ("an unheard-of code",                V4,   3,   99,   unreachable(Other(99))),
        ("time exceeded",                     V4,   11,  0,    Message::TimeExceeded { quoted }),
        ("parameter problem",                 V4,   12,  0,    Message::ParameterProblem { quoted }),
        ("source quench",                     V4,   4,   0,    Message::Other { kind: 4 }),
        ("no route",                          V6,   1,   0,    unreachable(Network)),
        ("prohibited",                        V6,   1,   1,    unreachable(Prohibited)),
        ("beyond scope",                      V6,   1,   2,    unreachable(Other(2))),
        ("address unreachable",               V6,   1,   3,    unreachable(Host)),
        ("port unreachable in IPv6",          V6,   1,   4,    unreachable(Port)),
        ("source address failed policy",      V6,   1,   5,    unreachable(Prohibited)),
        ("reject route",                      V6,   1,   6,    unreachable(Prohibited)),
        ("packet too big",                    V6,   2,   0,    Message::TooBig { mtu: 1_400, quoted }),
        ("hop limit exceeded",                V6,   3,   0,    Message::TimeExceeded { quoted }),
        ("parameter problem in IPv6",         V6,   4,   1,    Message::ParameterProblem { quoted }),
        ("echo request in IPv6",              V6,   128, 0,    Message::EchoRequest { rest }),
        ("echo reply in IPv6",                V6,   129, 0,    Message::EchoReply { rest }),
        ("router solicitation",               V6,   133, 0,    Message::Other { kind: 133 }),
    ];
    for (name, (src, dst), kind, code, expected) in rows {
        let bytes = message(src, dst, kind, code, &[rest]);
        assert_eq!(Message::parse(src, dst, &bytes), Ok(expected), "{name}");
    }
}

#[test]
fn refused() {
    for ((src, dst), echo, unreachable) in [(V4, 8, 3), (V6, 128, 1)] {
        let rows = [
            ("nothing", vec![], Malformed::Truncated),
            ("three bytes", vec![echo, 0, 0], Malformed::Truncated),
            (
                "an echo without identifier",
                message(src, dst, echo, 0, &[b"abc"]),
                Malformed::Truncated,
            ),
            (
                "an error without its word",
                message(src, dst, unreachable, 0, &[b"abc"]),
                Malformed::Truncated,
            ),
            (
                "a wrong checksum",
                vec![echo, 0, 0xde, 0xad, 0, 1, 0, 1],
                Malformed::Checksum,
            ),
        ];
        for (name, bytes, why) in rows {
            assert_eq!(Message::parse(src, dst, &bytes), Err(why), "{name}, {src}");
        }
    }
}

#[test]
fn only_icmpv6_counts_addresses_in() {
    let elsewhere = (
        IpAddr::from([192, 0, 2, 1]),
        IpAddr::from([0xfd09, 0, 0, 0, 0, 0, 0, 1u16]),
    );
    let v4 = message(V4.0, V4.1, 8, 0, &[b"ping"]);
    assert!(Message::parse(elsewhere.0, V4.1, &v4).is_ok());
    let v6 = message(V6.0, V6.1, 128, 0, &[b"ping"]);
    assert_eq!(Message::parse(elsewhere.1, V6.1, &v6), Err(Malformed::Checksum));
}

#[test]
fn an_error_is_read_as_what_it_says_and_quotes_no_more_than_it_may() {
    use Unreachable::*;
    let datagram: Vec<u8> = (0..2_000u32).map(|i| i as u8).collect();
    for ((src, dst), quote_max) in [(V4, 548), (V6, 1_232)] {
        let quoted = &datagram[..quote_max];
        let unreachable = |why| (ErrorKind::Unreachable(why), Message::Unreachable { why, quoted });
        let rows = [
            unreachable(Network),
            unreachable(Host),
            unreachable(Port),
            unreachable(Prohibited),
            unreachable(Other(77)),
            (ErrorKind::TooBig(1_280), Message::TooBig { mtu: 1_280, quoted }),
            (ErrorKind::TimeExceeded, Message::TimeExceeded { quoted }),
        ];
        for (kind, expected) in rows {
            let bytes = error(src, dst, kind, &datagram);
            assert_eq!(Message::parse(src, dst, &bytes), Ok(expected), "{kind:?}, {src}");
        }
    }
}

#[test]
fn a_protocol_that_a_host_does_not_speak() {
    let kind = ErrorKind::Unreachable(Unreachable::Protocol);
    let v4 = error(V4.0, V4.1, kind, b"quoted");
    let why = Unreachable::Protocol;
    assert_eq!(
        Message::parse(V4.0, V4.1, &v4),
        Ok(Message::Unreachable { why, quoted: b"quoted" })
    );
    let v6 = error(V6.0, V6.1, kind, b"quoted");
    assert_eq!(v6[..2], [4, 1], "parameter problem: unrecognized next header");
    assert_eq!(v6[4..8], [0, 0, 0, 6], "which lies at offset 6");
    assert_eq!(
        Message::parse(V6.0, V6.1, &v6),
        Ok(Message::ParameterProblem { quoted: b"quoted" })
    );
}

#[test]
fn an_mtu_past_16_bits_is_cut_in_icmp_alone() {
    let kind = ErrorKind::TooBig(100_000);
    let v4 = error(V4.0, V4.1, kind, b"");
    assert_eq!(
        Message::parse(V4.0, V4.1, &v4),
        Ok(Message::TooBig {
            mtu: 65_535,
            quoted: b""
        })
    );
    let v6 = error(V6.0, V6.1, kind, b"");
    assert_eq!(
        Message::parse(V6.0, V6.1, &v6),
        Ok(Message::TooBig {
            mtu: 100_000,
            quoted: b""
        })
    );
}

proptest! {
    #[test]
    fn a_reply_gives_back_what_the_request_brought(rest in prop::collection::vec(any::<u8>(), 4..200)) {
        for (src, dst) in [V4, V6] {
            let reply = echo_reply(src, dst, &rest);
            prop_assert_eq!(Message::parse(src, dst, &reply), Ok(Message::EchoReply { rest: &rest }));
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..60), kind: u8, code: u8) {
        for (src, dst) in [V4, V6, (V4.0, V6.1), (V6.0, V4.1)] {
            let _ = Message::parse(src, dst, &bytes);
            let _ = Message::parse(src, dst, &message(src, dst, kind, code, &[&bytes]));
        }
    }
}
