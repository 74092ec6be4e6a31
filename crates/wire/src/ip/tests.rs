use alloc::vec;
use alloc::vec::Vec;
use core::net::{Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;

use super::v4::tests::{Ipv4, PLAIN};
use super::v6::tests::{TCP_HERE, fragment, ipv6, padding, routing};
use super::v6::{DESTINATION_OPTIONS, FRAGMENT, HOP_BY_HOP, ROUTING};
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
fn a_quoted_datagram_may_be_cut_and_changed() {
    let mut v4 = PLAIN.bytes();
    v4[8] -= 1; // the TTL, on its way
    let piece = Ipv4 {
        flags_offset: 0x2001,
        ..PLAIN
    }
    .bytes();
    let v6 = ipv6(DESTINATION_OPTIONS, &[&padding(TCP), TCP_HERE].concat());
    let rows: [(&str, &[u8], Result<_, Malformed>); 8] = [
        ("whole", &v4, Ok(20..28)),
        ("without its last byte", &v4[..27], Ok(20..27)),
        ("the header alone", &v4[..20], Ok(20..20)),
        ("less than a header", &v4[..19], Err(Malformed::Truncated)),
        ("a piece cut to 3 bytes", &piece[..23], Ok(20..23)),
        ("IPv6", &v6, Ok(48..56)),
        ("IPv6 without its last byte", &v6[..55], Ok(48..55)),
        (
            "IPv6 cut within an extension header",
            &v6[..47],
            Err(Malformed::HeaderLength),
        ),
    ];
    for (name, bytes, expected) in rows {
        assert_eq!(
            Datagram::parse_quoted(bytes).map(|datagram| datagram.payload),
            expected,
            "{name}"
        );
    }
}

#[test]
fn addresses_that_tcp_may_and_may_not_have() {
    #[rustfmt::skip]
    let rows = [
        // name                      source             destination        plausible
        ("two hosts",                "10.7.0.1",        "10.7.0.2",        true),
        ("link-local",               "fe80::1",         "fe80::2",         true),
        ("from nobody",              "0.0.0.0",         "10.7.0.2",        false),
        ("from this network",        "0.1.2.3",         "10.7.0.2",        false),
        ("from a group",             "224.0.0.1",       "10.7.0.2",        false),
        ("from everybody",           "255.255.255.255", "10.7.0.2",        false),
        ("from this host",           "127.0.0.1",       "10.7.0.2",        false),
        ("to a group (MUST-57)",     "10.7.0.1",        "239.255.255.250", false),
        ("to everybody (MUST-57)",   "10.7.0.1",        "255.255.255.255", false),
        ("to nobody",                "10.7.0.1",        "0.0.0.0",         false),
        ("to loopback",              "10.7.0.1",        "127.8.8.8",       false),
        ("IPv6 from nobody",         "::",              "fd07::2",         false),
        ("IPv6 from a group",        "ff02::1",         "fd07::2",         false),
        ("IPv6 from this host",      "::1",             "fd07::2",         false),
        ("IPv6 to a group",          "fd07::1",         "ff02::2",         false),
        ("a disguised loopback",     "::ffff:7f00:1",   "fd07::2",         false),
        ("a disguised IPv4 address", "fd07::1",         "::ffff:a07:2",    false),
    ];
    for (name, src, dst, plausible) in rows {
        let (src, dst) = (src.parse().unwrap(), dst.parse().unwrap());
        let mut bytes = vec![0; 40];
        let header = Header {
            src,
            dst,
            protocol: TCP,
            hop_limit: 64,
            dscp: Dscp::default(),
            ecn: Ecn::NotEct,
        };
        header.emit(0, &mut bytes).unwrap();
        assert_eq!(
            Datagram::parse(&bytes).unwrap().is_plausible_unicast(),
            plausible,
            "{name}"
        );
    }
}

#[test]
fn dscp_is_six_bits() {
    for byte in 0..=u8::MAX {
        let dscp = Dscp::from_traffic_class(byte);
        assert_eq!(dscp.value(), byte >> 2);
        assert_eq!(Dscp::new(dscp.value()), Some(dscp));
    }
    assert_eq!((Dscp::new(63).map(Dscp::value), Dscp::new(64)), (Some(63), None));
}

/// The byte as other tools show it, at the place where they look for it.
#[test]
fn traffic_class_is_the_same_byte_in_both_versions() {
    for ((src, dst), class_of) in [
        (V4, (|bytes| bytes[1]) as fn(&[u8]) -> u8),
        (V6, |bytes| bytes[0] << 4 | bytes[1] >> 4),
    ] {
        let header = Header {
            src,
            dst,
            protocol: TCP,
            hop_limit: 64,
            dscp: Dscp::EF,
            ecn: Ecn::Ect0,
        };
        let mut bytes = [0; 40];
        header.emit(0, &mut bytes).unwrap();
        assert_eq!(class_of(&bytes), 0xba);
        let read = Datagram::parse(&bytes).unwrap();
        assert_eq!((read.dscp, read.ecn), (Dscp::EF, Ecn::Ect0));
    }
}

#[test]
fn ecn_is_two_bits() {
    for byte in 0..=u8::MAX {
        assert_eq!(Ecn::from_traffic_class(byte).bits(), byte & 3);
    }
}

#[test]
fn emit_refuses_what_it_cannot_write() {
    let header = |src, dst| Header {
        src,
        dst,
        protocol: TCP,
        hop_limit: 64,
        dscp: Dscp::default(),
        ecn: Ecn::NotEct,
    };
    let rows = [
        ("IPv4", header(V4.0, V4.1), 20, 0, Some(20)),
        ("IPv6", header(V6.0, V6.1), 40, 0, Some(40)),
        ("IPv4 without room", header(V4.0, V4.1), 19, 0, None),
        ("IPv6 without room", header(V6.0, V6.1), 39, 0, None),
        ("two families", header(V4.0, V6.1), 60, 0, None),
        ("the longest IPv4", header(V4.0, V4.1), 20, 65_515, Some(20)),
        ("longer than the longest IPv4", header(V4.0, V4.1), 20, 65_516, None),
        ("the longest IPv6", header(V6.0, V6.1), 40, 65_535, Some(40)),
        ("longer than the longest IPv6", header(V6.0, V6.1), 40, 65_536, None),
        ("longer than memory", header(V4.0, V4.1), 20, usize::MAX, None),
    ];
    for (name, header, room, payload_len, expected) in rows {
        let mut out = vec![0xee; room];
        assert_eq!(header.emit(payload_len, &mut out), expected, "{name}");
        assert!(
            expected.is_some() || out.iter().all(|byte| *byte == 0xee),
            "{name}: nothing is written"
        );
    }
}

/// Nothing, or a damaged datagram: a valid one with some bytes changed, cut or made longer.
fn any_bytes() -> impl Strategy<Value = Vec<u8>> {
    let chain = [
        padding(ROUTING).to_vec(),
        routing(FRAGMENT, 0),
        fragment(DESTINATION_OPTIONS, 1),
        padding(TCP).to_vec(),
    ];
    let seeds = vec![
        PLAIN.bytes(),
        Ipv4 {
            version_ihl: 0x47,
            total_len: 36,
            options: &[1; 8],
            ..PLAIN
        }
        .bytes(),
        ipv6(TCP, TCP_HERE),
        ipv6(HOP_BY_HOP, &chain.concat()),
        vec![],
    ];
    let changes = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6);
    (prop::sample::select(seeds), changes, 0usize..100).prop_map(|(mut bytes, changes, len)| {
        for (at, value) in changes {
            if !bytes.is_empty() {
                let at = at.index(bytes.len());
                bytes[at] = value;
            }
        }
        bytes.resize(len, 0x3c);
        bytes
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(
        v4: (u32, u32), v6: (u128, u128), is_v4: bool, hop_limit: u8, traffic_class: u8, payload_len in 0usize..200,
    ) {
        // Not an extension header, so that it is still the protocol when it is read.
        let protocol = UDP;
        let (dscp, ecn) = (Dscp::from_traffic_class(traffic_class), Ecn::from_traffic_class(traffic_class));
        let (src, dst) = if is_v4 {
            (Ipv4Addr::from(v4.0).into(), Ipv4Addr::from(v4.1).into())
        } else {
            (Ipv6Addr::from(v6.0).into(), Ipv6Addr::from(v6.1).into())
        };
        let header = Header { src, dst, protocol, hop_limit, dscp, ecn };
        let mut bytes = vec![0; header.len() + payload_len];
        prop_assert_eq!(header.emit(payload_len, &mut bytes), Some(header.len()));
        let payload = header.len()..bytes.len();
        let expected = Datagram { src, dst, protocol, hop_limit, dscp, ecn, fragment: None, payload };
        prop_assert_eq!(Datagram::parse(&bytes), Ok(expected.clone()));
        prop_assert_eq!(Datagram::parse_quoted(&bytes), Ok(expected));
    }

    #[test]
    fn damaged_bytes_are_read_within_their_bounds_or_refused(bytes in any_bytes()) {
        let received = Datagram::parse(&bytes);
        let quoted = Datagram::parse_quoted(&bytes);
        for datagram in received.iter().chain(&quoted) {
            prop_assert!(bytes.get(datagram.payload.clone()).is_some());
            let _ = datagram.is_plausible_unicast();
        }
        if received.is_ok() {
            prop_assert_eq!(received, quoted, "what can be received can be quoted");
        }
    }

    #[test]
    fn random_bytes_are_read_or_refused(version in 0u8..16, mut bytes in prop::collection::vec(any::<u8>(), 1..120)) {
        bytes[0] = version << 4 | bytes[0] & 0x0f;
        let _ = (Datagram::parse(&bytes), Datagram::parse_quoted(&bytes));
    }
}
