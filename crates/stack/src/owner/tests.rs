use std::net::{IpAddr, SocketAddr};
use std::vec::Vec;

use proptest::prelude::*;
use wire::checksum::Sum;
use wire::ip::Header;

use super::*;

fn owners(shards: usize) -> Owners {
    let secrets = Secrets {
        master: [3; 32],
        public: 0,
    };
    Owners::new(&secrets, NonZeroUsize::new(shards).unwrap())
}

fn tuple(remote_port: u16) -> FourTuple {
    FourTuple::new(
        "10.7.0.2:80".parse().unwrap(),
        SocketAddr::new("10.7.0.1".parse().unwrap(), remote_port),
    )
}

fn tuple6(remote_port: u16) -> FourTuple {
    FourTuple::new(
        "[fd07::2]:80".parse().unwrap(),
        SocketAddr::new("fd07::1".parse().unwrap(), remote_port),
    )
}

fn datagram(src: IpAddr, dst: IpAddr, protocol: u8, payload: &[u8]) -> Vec<u8> {
    let header = Header {
        src,
        dst,
        protocol,
        hop_limit: 64,
        dscp: ip::Dscp::DEFAULT,
        ecn: ip::Ecn::NotEct,
    };
    let mut packet = std::vec![0; header.len()];
    header.emit(payload.len(), &mut packet).unwrap();
    packet.extend_from_slice(payload);
    packet
}

/// A segment to us of this connection, and one of ours on its way out.
fn segments(tuple: &FourTuple) -> [Vec<u8>; 2] {
    [tuple.reversed(), *tuple].map(|from| {
        let mut segment = std::vec![0; 20];
        segment[..2].copy_from_slice(&from.local_port.to_be_bytes());
        segment[2..4].copy_from_slice(&from.remote_port.to_be_bytes());
        segment[12] = 5 << 4;
        datagram(from.local_addr, from.remote_addr, ip::TCP, &segment)
    })
}

/// "Port unreachable", about this packet.
fn error(src: IpAddr, dst: IpAddr, quoted: &[u8]) -> Vec<u8> {
    let (protocol, kind, code) = if dst.is_ipv4() {
        (ip::ICMP, 3, 3)
    } else {
        (ip::ICMPV6, 1, 4)
    };
    let mut message = std::vec![kind, code, 0, 0, 0, 0, 0, 0];
    message.extend_from_slice(quoted);
    let mut sum = if dst.is_ipv4() {
        Sum::new()
    } else {
        Sum::pseudo_header(src, dst, protocol, message.len())
    };
    sum.add(&message);
    message[2..4].copy_from_slice(&sum.finish().to_be_bytes());
    datagram(src, dst, protocol, &message)
}

#[test]
fn connections_are_spread_evenly() {
    for shards in [1, 2, 3, 7, 64] {
        let owners = owners(shards);
        for (name, tuple) in [("IPv4", tuple as fn(u16) -> FourTuple), ("IPv6", tuple6)] {
            let mut counts = std::vec![0_usize; shards];
            (0..64_000).for_each(|port| counts[owners.of_tuple(&tuple(port))] += 1);
            let even = 64_000 / shards;
            // Six standard deviations.
            let off = 6 * even.isqrt() + 1;
            assert!(
                counts.iter().all(|n| n.abs_diff(even) <= off),
                "{name}, {shards} shards: {counts:?}"
            );
        }
    }
}

#[test]
fn another_secret_is_another_spread() {
    let other = Secrets {
        master: [4; 32],
        public: 0,
    };
    let (one, other) = (owners(2), Owners::new(&other, NonZeroUsize::new(2).unwrap()));
    let same = (0..1000).filter(|port| one.of_tuple(&tuple(*port)) == other.of_tuple(&tuple(*port)));
    assert!((400..600).contains(&same.count()));
}

#[test]
fn a_segment_its_connection_and_an_error_about_it_have_one_owner() {
    let owners = owners(16);
    for port in 0..200 {
        for tuple in [tuple(port), tuple6(port)] {
            let owner = Some(owners.of_tuple(&tuple));
            let [incoming, outgoing] = segments(&tuple);
            assert_eq!(owners.of_packet(&incoming), owner, "{tuple}");
            // A router on the way says it, or the peer.
            let router = if tuple.local_addr.is_ipv4() {
                "192.0.2.9"
            } else {
                "2001:db8::9"
            };
            for from in [router.parse().unwrap(), tuple.remote_addr] {
                let error = error(from, tuple.local_addr, &outgoing);
                assert_eq!(owners.of_packet(&error), owner, "{tuple}: error from {from}");
            }
        }
    }
}

#[test]
fn pieces_of_a_datagram_have_one_owner_and_datagrams_have_many() {
    let owners = owners(16);
    let piece = |id: u16, offset: u16, more: bool| {
        let FourTuple {
            local_addr,
            remote_addr,
            ..
        } = tuple(1);
        let mut packet = datagram(remote_addr, local_addr, ip::TCP, &[0; 24]);
        packet[4..6].copy_from_slice(&id.to_be_bytes());
        packet[6..8].copy_from_slice(&((offset / 8) | (u16::from(more) << 13)).to_be_bytes());
        packet[10..12].fill(0);
        let mut sum = Sum::new();
        sum.add(&packet[..20]);
        packet[10..12].copy_from_slice(&sum.finish().to_be_bytes());
        owners.of_packet(&packet)
    };
    let mut seen = [false; 16];
    for id in 0..500 {
        let first = piece(id, 0, true);
        seen[first.unwrap()] = true;
        assert_eq!(piece(id, 800, true), first, "{id}");
        assert_eq!(piece(id, 1600, false), first, "{id}");
    }
    assert_eq!(seen, [true; 16]);
}

#[test]
fn what_is_nobodys_in_particular_stays_where_it_came() {
    let owners = owners(4);
    let (src, dst) = ("10.7.0.1".parse().unwrap(), "10.7.0.2".parse().unwrap());
    let echo = [8, 0, 0xf7, 0xff, 0, 0, 0, 0];
    let [_, outgoing] = segments(&tuple(1));
    let mut of_udp = outgoing.clone();
    of_udp[9] = ip::UDP;
    for (name, packet) in [
        ("nothing", Vec::new()),
        ("no IP", std::vec![0xff; 40]),
        ("a segment without ports", datagram(src, dst, ip::TCP, &[0; 3])),
        ("an echo request", datagram(src, dst, ip::ICMP, &echo)),
        ("an error about something else", error(src, dst, &of_udp)),
        ("an error about too little", error(src, dst, &outgoing[..24])),
        ("UDP", datagram(src, dst, ip::UDP, &[0; 8])),
    ] {
        assert_eq!(owners.of_packet(&packet), None, "{name}");
    }
}

/// The chance that of `whole` connections, each dealt to one of `shards`, more than `part` come to the first.
fn chance_of_more(whole: u32, shards: f64, part: u32) -> f64 {
    let p = 1.0 / shards;
    let mut term = (1.0 - p).powi(whole.cast_signed());
    let mut more = 0.0;
    for k in 0..=whole {
        if k > part {
            more += term;
        }
        term *= f64::from(whole - k) / f64::from(k + 1) * p / (1.0 - p);
    }
    more
}

#[test]
fn a_source_within_its_bound_is_not_refused_for_bad_luck() {
    for whole in [1_u32, 2, 4, 10, 32, 100, 500] {
        for shards in [2_usize, 3, 4, 8, 16, 64] {
            let n = NonZeroUsize::new(shards).unwrap();
            let part = part_of_source(whole as usize, n);
            let chance = chance_of_more(whole, shards as f64, part as u32) * shards as f64;
            assert!(chance < 2e-4, "{whole} over {shards}: {chance:e}");
            assert!(part <= whole as usize, "{whole} over {shards}");
        }
    }
}

proptest! {
    #[test]
    fn any_bytes_have_an_owner_or_none(bytes in prop::collection::vec(any::<u8>(), 0..120), shards in 1_usize..9) {
        let owners = owners(shards);
        prop_assert!(owners.of_packet(&bytes).is_none_or(|owner| owner < shards));
    }

    #[test]
    fn what_is_damaged_behind_the_ports_keeps_its_owner(port in any::<u16>(), at in 24_usize..40, bit in 0_u32..8) {
        let owners = owners(7);
        let [mut packet, _] = segments(&tuple(port));
        let owner = owners.of_packet(&packet);
        packet[at] ^= 1 << bit;
        prop_assert_eq!(owners.of_packet(&packet), owner);
    }
}
