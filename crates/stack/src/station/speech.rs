//! What we say to neighbours, as whole frames: ARP for IPv4, neighbour discovery for IPv6.

use alloc::vec;
use alloc::vec::Vec;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use wire::arp::{self, Operation, Packet};
use wire::ether::{self, EtherType, Mac};
use wire::icmp::ndp::{self, Message, NeighbourAdvertisement};
use wire::ip;

/// Asks for the hardware address of `target`: everybody, or the one that had it last. `None`: the families differ.
///
/// Spec: RFC 826, "Packet Generation"; RFC 4861 section 7.2.2.
pub(super) fn question(own: Mac, source: IpAddr, target: IpAddr, to: Option<Mac>) -> Option<Vec<u8>> {
    match (source, target) {
        (IpAddr::V4(sender), IpAddr::V4(target)) => {
            let packet = Packet {
                operation: Operation::Request,
                sender_mac: own,
                sender,
                target_mac: Mac::NONE,
                target,
            };
            arp_frame(own, to.unwrap_or(Mac::BROADCAST), &packet)
        }
        (IpAddr::V6(src), IpAddr::V6(target)) => {
            let group = ndp::solicited_node(target);
            let (dst, to) = to.map_or((group, Mac::of_group(group)), |mac| (target, mac));
            let message = Message::NeighbourSolicitation {
                target,
                source: Some(own),
            };
            ndp_frame(own, to, src, dst, &message)
        }
        _ => None,
    }
}

/// Answers an ARP request: `sender` is ours, `asker` wants to know.
pub(super) fn arp_answer(own: Mac, sender: Ipv4Addr, (asker, mac): (Ipv4Addr, Mac)) -> Option<Vec<u8>> {
    let packet = Packet {
        operation: Operation::Reply,
        sender_mac: own,
        sender,
        target_mac: mac,
        target: asker,
    };
    arp_frame(own, mac, &packet)
}

/// Answers a neighbour solicitation for `target`, which is ours; everybody, where the asker has no address.
///
/// Spec: RFC 4861 section 7.2.4.
pub(super) fn ndp_answer(own: Mac, target: Ipv6Addr, (asker, mac): (Ipv6Addr, Mac)) -> Option<Vec<u8>> {
    let is_nameless = asker.is_unspecified();
    let (dst, to) = if is_nameless {
        (ndp::ALL_NODES, Mac::of_group(ndp::ALL_NODES))
    } else {
        (asker, mac)
    };
    let message = Message::NeighbourAdvertisement(NeighbourAdvertisement {
        target,
        is_router: false,
        is_solicited: !is_nameless,
        overrides: true,
        mac: Some(own),
    });
    ndp_frame(own, to, target, dst, &message)
}

fn arp_frame(own: Mac, to: Mac, packet: &Packet) -> Option<Vec<u8>> {
    let mut frame = vec![0; ether::HEADER + arp::LEN];
    header(own, to, EtherType::Arp).emit(&mut frame)?;
    packet.emit(frame.get_mut(ether::HEADER..)?)?;
    Some(frame)
}

fn ndp_frame(own: Mac, to: Mac, src: Ipv6Addr, dst: Ipv6Addr, message: &Message<'_>) -> Option<Vec<u8>> {
    let message = message.emit(src, dst);
    let ip = ip::Header {
        src: src.into(),
        dst: dst.into(),
        protocol: ip::ICMPV6,
        hop_limit: ndp::HOP_LIMIT,
        dscp: ip::Dscp::DEFAULT,
        ecn: ip::Ecn::NotEct,
    };
    let mut frame = vec![0; ether::HEADER + ip.len()];
    header(own, to, EtherType::Ipv6).emit(&mut frame)?;
    ip.emit(message.len(), frame.get_mut(ether::HEADER..)?)?;
    frame.extend_from_slice(&message);
    Some(frame)
}

const fn header(own: Mac, to: Mac, ethertype: EtherType) -> ether::Header {
    ether::Header {
        dst: to,
        src: own,
        ethertype,
    }
}
