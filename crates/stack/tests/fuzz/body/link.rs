//! A link that looks at what it is given: sound frames and packets of ours, no larger than they may be.

use std::net::IpAddr;

use bytes::Bytes;
use syndic_stack::io::Offload;
use syndic_stack::*;
use wire::ether::{self, EtherType};
use wire::icmp::ndp;
use wire::tcp::Header;
use wire::{arp, ip, tcp};

use super::host::{mac, ours};

/// A link that looks at what it is given.
pub(super) struct Link<'a> {
    pub(super) full: &'a mut u8,
    pub(super) mtu: usize,
    pub(super) is_ethernet: bool,
    /// Whose hardware addresses were asked for.
    pub(super) asked: Vec<IpAddr>,
}

impl Link<'_> {
    /// What a frame carries, if it is a datagram. The frame is sound, and comes from us.
    fn opened<'b>(&mut self, frame: &'b [u8]) -> Option<&'b [u8]> {
        let header = ether::Header::parse(frame).expect("a sound frame");
        assert!(header.src == mac(2) && header.dst != mac(2), "{header:?}");
        let payload = &frame[ether::HEADER..];
        if header.ethertype == EtherType::Arp {
            let packet = arp::Packet::parse(payload).expect("sound ARP");
            assert_eq!((packet.sender_mac, IpAddr::from(packet.sender)), (mac(2), ours(false)));
            if packet.operation == arp::Operation::Request {
                self.asked.push(packet.target.into());
            }
            return None;
        }
        assert_eq!(header.ethertype == EtherType::Ipv6, payload[0] >> 4 == 6);
        Some(payload)
    }

    /// Neighbour discovery, which passes all checks of a receiver.
    fn discovery(&mut self, datagram: &ip::Datagram, message: &[u8]) {
        let (IpAddr::V6(src), IpAddr::V6(dst)) = (datagram.src, datagram.dst) else {
            return;
        };
        if message.first().is_some_and(|kind| ndp::is_type(*kind)) {
            let read = ndp::Message::parse(src, dst, datagram.hop_limit, message).expect("sound");
            if let ndp::Message::NeighbourSolicitation { target, .. } = read {
                self.asked.push(target.into());
            }
        }
    }
}

impl Sink for Link<'_> {
    fn send(&mut self, head: &[u8], payload: &[Bytes], _: Offload) -> Result<(), Full> {
        if *self.full > 0 {
            *self.full -= 1;
            return Err(Full);
        }
        let mut packet = head.to_vec();
        payload.iter().for_each(|p| packet.extend_from_slice(p));
        if self.is_ethernet {
            let Some(opened) = self.opened(&packet) else {
                return Ok(());
            };
            packet = opened.to_vec();
        }
        assert!(packet.len() <= self.mtu, "{} bytes, MTU {}", packet.len(), self.mtu);
        let datagram = ip::Datagram::parse(&packet).expect("sound IP");
        if datagram.protocol == ip::ICMPV6 {
            self.discovery(&datagram, &packet[datagram.payload.clone()]);
        }
        if datagram.protocol == ip::TCP {
            let body = &packet[datagram.payload.clone()];
            assert!(tcp::is_intact(datagram.src, datagram.dst, body), "checksum");
            Header::parse(body).expect("sound TCP");
        }
        Ok(())
    }
}
