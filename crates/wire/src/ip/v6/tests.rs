use alloc::vec;
use alloc::vec::Vec;
use core::net::IpAddr;

use super::*;
use crate::ip::{ICMPV6, NO_NEXT_HEADER, TCP};

const SRC: Ipv6Addr = Ipv6Addr::new(0xfd07, 0, 0, 0, 0, 0, 0, 1);
const DST: Ipv6Addr = Ipv6Addr::new(0xfd07, 0, 0, 0, 0, 0, 0, 2);

/// An IPv6 datagram whose first next header is `next`, with `upper` behind the header.
pub(in crate::ip) fn ipv6(next: u8, upper: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0x6a, 0xb1, 0x23, 0x45];
    bytes.extend_from_slice(&(upper.len() as u16).to_be_bytes());
    bytes.extend_from_slice(&[next, 64]);
    bytes.extend_from_slice(&SRC.octets());
    bytes.extend_from_slice(&DST.octets());
    bytes.extend_from_slice(upper);
    bytes
}

pub(in crate::ip) const TCP_HERE: &[u8] = b"tcp here";
const ESP: u8 = 50;
const AUTHENTICATION: u8 = 51;

/// An options header of 8 bytes that holds padding alone.
pub(in crate::ip) const fn padding(next: u8) -> [u8; 8] {
    [next, 0, 1, 4, 0, 0, 0, 0]
}

/// A routing header (type 4) of 24 bytes.
pub(in crate::ip) fn routing(next: u8, segments_left: u8) -> Vec<u8> {
    let mut header = vec![next, 2, 4, segments_left, 0, 0, 0, 0];
    header.resize(24, 0xab);
    header
}

pub(in crate::ip) fn fragment(next: u8, offset_more: u16) -> Vec<u8> {
    [
        &[next, 0],
        offset_more.to_be_bytes().as_slice(),
        &[0xca, 0xfe, 0xba, 0xbe],
    ]
    .concat()
}

fn parsed(bytes: &[u8]) -> (Datagram, &[u8]) {
    let datagram = Datagram::parse(bytes).unwrap();
    let payload = &bytes[datagram.payload.clone()];
    (datagram, payload)
}

#[test]
fn fields_are_where_the_diagram_says() {
    let bytes = ipv6(TCP, TCP_HERE);
    let expected = Datagram {
        src: IpAddr::V6(SRC),
        dst: IpAddr::V6(DST),
        protocol: TCP,
        hop_limit: 64,
        dscp: Dscp::from_traffic_class(42 << 2),
        ecn: Ecn::Ce,
        fragment: None,
        payload: 40..48,
    };
    assert_eq!(Datagram::parse(&bytes), Ok(expected));
}

#[test]
fn extension_headers_are_walked() {
    let all = [
        padding(DESTINATION_OPTIONS).as_slice(),
        &padding(ROUTING),
        &routing(FRAGMENT, 0),
        &fragment(DESTINATION_OPTIONS, 0),
        &padding(ICMPV6),
        TCP_HERE,
    ]
    .concat();
    let eight = [
        [padding(DESTINATION_OPTIONS); 7].as_flattened(),
        &padding(TCP),
        TCP_HERE,
    ]
    .concat();
    let router_alert = [&[ICMPV6, 0, 5, 2, 0, 0, 1, 0], TCP_HERE].concat();
    let pad1 = [&[TCP, 0, 0, 0, 0, 0, 0, 0], TCP_HERE].concat();
    let long = [[TCP, 1, 1, 12].as_slice(), &[0; 12], TCP_HERE].concat();
    let rows: [(&str, Vec<u8>, u8); 11] = [
        ("none", ipv6(TCP, TCP_HERE), TCP),
        (
            "one of each, the fragment being the whole",
            ipv6(HOP_BY_HOP, &all),
            ICMPV6,
        ),
        ("eight", ipv6(HOP_BY_HOP, &eight), TCP),
        ("a router alert", ipv6(HOP_BY_HOP, &router_alert), ICMPV6),
        ("single bytes of padding", ipv6(DESTINATION_OPTIONS, &pad1), TCP),
        ("16 bytes of options", ipv6(DESTINATION_OPTIONS, &long), TCP),
        (
            "a route that ends here",
            ipv6(ROUTING, &[&routing(TCP, 0), TCP_HERE].concat()),
            TCP,
        ),
        ("no next header", ipv6(NO_NEXT_HEADER, TCP_HERE), NO_NEXT_HEADER),
        (
            "no next header behind another",
            ipv6(DESTINATION_OPTIONS, &[&padding(NO_NEXT_HEADER), TCP_HERE].concat()),
            NO_NEXT_HEADER,
        ),
        (
            "authentication is the protocol",
            ipv6(AUTHENTICATION, TCP_HERE),
            AUTHENTICATION,
        ),
        ("ESP is the protocol", ipv6(ESP, TCP_HERE), ESP),
    ];
    for (name, bytes, protocol) in rows {
        let (datagram, payload) = parsed(&bytes);
        assert_eq!(
            (datagram.protocol, datagram.fragment, payload),
            (protocol, None, TCP_HERE),
            "{name}"
        );
    }
}

#[test]
fn refused() {
    let nine = [
        [padding(DESTINATION_OPTIONS); 8].as_flattened(),
        &padding(TCP),
        TCP_HERE,
    ]
    .concat();
    let option = |kind: u8| {
        ipv6(
            DESTINATION_OPTIONS,
            &[&[TCP, 0, kind, 4, 0, 0, 0, 0], TCP_HERE].concat(),
        )
    };
    let mut padded = ipv6(TCP, TCP_HERE);
    padded[5] += 1;
    let mut jumbo = ipv6(HOP_BY_HOP, &[&[TCP, 0, 0xc2, 4, 0, 1, 0, 0], TCP_HERE].concat());
    jumbo[4..6].fill(0);
    let rows: [(&str, Vec<u8>, Malformed); 17] = [
        ("39 bytes", ipv6(TCP, &[])[..39].to_vec(), Malformed::Truncated),
        ("a payload length past the bytes", padded, Malformed::Truncated),
        ("a jumbo payload", jumbo, Malformed::HeaderLength),
        (
            "an extension header and no bytes",
            ipv6(HOP_BY_HOP, &[]),
            Malformed::HeaderLength,
        ),
        (
            "an extension header of one byte",
            ipv6(ROUTING, &[TCP]),
            Malformed::HeaderLength,
        ),
        (
            "an extension header of seven bytes",
            ipv6(HOP_BY_HOP, &padding(TCP)[..7]),
            Malformed::HeaderLength,
        ),
        (
            "one that runs past the end",
            ipv6(DESTINATION_OPTIONS, &[TCP, 1, 1, 4, 0, 0, 0, 0]),
            Malformed::HeaderLength,
        ),
        (
            "a fragment header of seven bytes",
            ipv6(FRAGMENT, &fragment(TCP, 0)[..7]),
            Malformed::HeaderLength,
        ),
        ("nine", ipv6(HOP_BY_HOP, &nine), Malformed::ExtensionHeader),
        (
            "hop-by-hop options not in front",
            ipv6(DESTINATION_OPTIONS, &[padding(HOP_BY_HOP), padding(TCP)].concat()),
            Malformed::ExtensionHeader,
        ),
        (
            "hop-by-hop options twice",
            ipv6(HOP_BY_HOP, &[padding(HOP_BY_HOP), padding(TCP)].concat()),
            Malformed::ExtensionHeader,
        ),
        (
            "a route that goes on",
            ipv6(ROUTING, &[&routing(TCP, 1), TCP_HERE].concat()),
            Malformed::ExtensionHeader,
        ),
        ("an unknown option: discard", option(0x40), Malformed::ExtensionHeader),
        (
            "an unknown option: discard and say so",
            option(0x80),
            Malformed::ExtensionHeader,
        ),
        (
            "an unknown option: unless multicast",
            option(0xc0),
            Malformed::ExtensionHeader,
        ),
        (
            "an option that runs out of its header",
            ipv6(DESTINATION_OPTIONS, &[&[TCP, 0, 1, 5, 0, 0, 0, 0], TCP_HERE].concat()),
            Malformed::ExtensionHeader,
        ),
        (
            "an option without its length",
            ipv6(DESTINATION_OPTIONS, &[&[TCP, 0, 1, 3, 0, 0, 0, 1], TCP_HERE].concat()),
            Malformed::ExtensionHeader,
        ),
    ];
    for (name, bytes, why) in rows {
        assert_eq!(Datagram::parse(&bytes), Err(why), "{name}");
    }
}

#[test]
fn fragments() {
    let piece = |offset, more| {
        Ok(Some(Fragment {
            id: 0xcafe_babe,
            offset,
            more,
        }))
    };
    let rows = [
        ("whole", 0x0000, 8, Ok(None)),
        ("whole, with reserved bits", 0x0006, 8, Ok(None)),
        ("the first piece", 0x0001, 8, piece(0, true)),
        ("a middle piece", 0x0009, 8, piece(8, true)),
        ("the last piece, of 3 bytes", 0x0010, 3, piece(16, false)),
        ("a middle piece of 3 bytes", 0x0009, 3, Err(Malformed::Fragment)),
        ("an empty piece", 0x0008, 0, Err(Malformed::Fragment)),
        ("up to 65,535 bytes", 0xfff8, 7, piece(65_528, false)),
        ("up to 65,536 bytes", 0xfff8, 8, Err(Malformed::Fragment)),
    ];
    for (name, offset_more, len, expected) in rows {
        let bytes = ipv6(FRAGMENT, &[&fragment(TCP, offset_more), &TCP_HERE[..len]].concat());
        assert_eq!(
            Datagram::parse(&bytes).map(|datagram| datagram.fragment),
            expected,
            "{name}"
        );
    }
}

#[test]
fn the_walk_ends_at_a_true_fragment() {
    let upper = [fragment(DESTINATION_OPTIONS, 1).as_slice(), &padding(TCP), TCP_HERE].concat();
    let bytes = ipv6(FRAGMENT, &upper);
    let (datagram, payload) = parsed(&bytes);
    assert_eq!(datagram.protocol, DESTINATION_OPTIONS);
    assert_eq!(
        payload,
        [&padding(TCP), TCP_HERE].concat(),
        "what is reassembled begins behind the fragment header"
    );
}

#[test]
fn headers_before_a_fragment_count_towards_its_limit() {
    let last = |len: usize| [fragment(TCP, 0xfff0).as_slice(), &[0; 16][..len]].concat();
    let behind_options = |len| {
        ipv6(
            DESTINATION_OPTIONS,
            &[padding(FRAGMENT).as_slice(), &last(len)].concat(),
        )
    };
    let rows = [
        ("65,535 bytes", ipv6(FRAGMENT, &last(15)), true),
        ("65,536 bytes", ipv6(FRAGMENT, &last(16)), false),
        ("65,535 bytes, 8 of them options", behind_options(7), true),
        ("65,536 bytes, 8 of them options", behind_options(8), false),
    ];
    for (name, bytes, is_possible) in rows {
        assert_eq!(Datagram::parse(&bytes).is_ok(), is_possible, "{name}");
    }
}
