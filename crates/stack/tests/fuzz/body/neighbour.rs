//! What neighbours say by ARP and neighbour discovery, nearly right.

use std::net::{IpAddr, Ipv6Addr};

use syndic_stack::Mac;
use syndic_stack::io::Checksum;
use wire::ether::{self, EtherType};
use wire::icmp::ndp;
use wire::{arp, ip};

use super::World;
use super::host::{mac, ours, someone};

impl World<'_> {
    /// ARP or neighbour discovery of somebody, nearly right.
    pub(super) fn neighbour(&mut self) {
        let (who, about, from) = (self.input.byte(), self.input.byte(), self.input.byte());
        let kind = self.input.byte();
        let mut frame = said(someone(who), someone(about), mac(from % 8), kind);
        if kind & 64 != 0 {
            let at = usize::from(self.input.byte()) % frame.len();
            frame[at] ^= 1 << (kind % 8);
        }
        self.frame(&frame, Checksum::Unverified);
    }
}

/// A frame in which somebody with this address says something: asks for `about`, answers us, or announces itself.
pub(super) fn said(who: IpAddr, about: IpAddr, mac: Mac, kind: u8) -> Vec<u8> {
    let (dst, ethertype, payload) = match (who, about) {
        (IpAddr::V4(sender), IpAddr::V4(target)) => {
            let packet = arp::Packet {
                operation: if kind & 1 == 0 {
                    arp::Operation::Request
                } else {
                    arp::Operation::Reply
                },
                sender_mac: mac,
                sender,
                target_mac: Mac::NONE,
                target,
            };
            let mut bytes = vec![0; arp::LEN];
            packet.emit(&mut bytes).expect("fits");
            let dst = if kind & 2 == 0 {
                super::host::mac(2)
            } else {
                Mac::BROADCAST
            };
            (dst, EtherType::Arp, bytes)
        }
        (who, about) => {
            let plain = |address| match address {
                IpAddr::V4(v4) => v4.to_ipv6_compatible(),
                IpAddr::V6(v6) => v6,
            };
            let src = if kind & 4 == 0 {
                plain(who)
            } else {
                Ipv6Addr::UNSPECIFIED
            };
            let (dst, to, message) = if kind & 1 == 0 {
                let target = plain(about);
                let group = ndp::solicited_node(target);
                let source = (kind & 8 == 0).then_some(mac);
                (
                    group,
                    Mac::of_group(group),
                    ndp::Message::NeighbourSolicitation { target, source },
                )
            } else {
                let said = ndp::NeighbourAdvertisement {
                    target: plain(who),
                    is_router: kind & 16 != 0,
                    is_solicited: kind & 2 == 0,
                    overrides: kind & 32 == 0,
                    mac: (kind & 8 == 0).then_some(mac),
                };
                let message = ndp::Message::NeighbourAdvertisement(said);
                match kind & 2 == 0 {
                    true => (plain(ours(true)), super::host::mac(2), message),
                    false => (ndp::ALL_NODES, Mac::of_group(ndp::ALL_NODES), message),
                }
            };
            let message = message.emit(src, dst);
            let header = ip::Header {
                src: src.into(),
                dst: dst.into(),
                protocol: ip::ICMPV6,
                hop_limit: ndp::HOP_LIMIT,
                dscp: wire::ip::Dscp::default(),
                ecn: ip::Ecn::NotEct,
            };
            let mut packet = vec![0; header.len()];
            header.emit(message.len(), &mut packet).expect("fits");
            packet.extend_from_slice(&message);
            (to, EtherType::Ipv6, packet)
        }
    };
    let header = ether::Header {
        dst,
        src: mac,
        ethertype,
    };
    let mut frame = vec![0; ether::HEADER];
    header.emit(&mut frame).expect("fits");
    frame.extend_from_slice(&payload);
    frame
}
