//! What frames say of the link itself, on an Ethernet: ARP and neighbour discovery. `arrival` has read them.

use core::net::{IpAddr, Ipv6Addr};

use wire::Malformed;
use wire::arp::{self, Operation};
use wire::ether::Mac;
use wire::icmp::ndp::{self, NeighbourAdvertisement};
use wire::ip::{self, Datagram};

use super::{Stack, context};
use crate::observer::{Fact, Observer, Why};
use crate::station::Heard;
use crate::time::Now;

/// Who handed us a datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sender {
    /// Its hardware address.
    pub(super) mac: Mac,
    /// It was meant for more than us.
    pub(super) is_to_group: bool,
    /// It came in fragments, and this station has handed us the last.
    pub(super) is_rebuilt: bool,
}

impl Sender {
    /// The same of a datagram that was put together.
    pub(super) const fn rebuilt(self) -> Self {
        Self {
            is_rebuilt: true,
            ..self
        }
    }
}

impl<O: Observer> Stack<O> {
    /// RFC 826, "Packet Reception".
    pub(super) fn arp(&mut self, now: Now, bytes: &[u8]) -> Result<(), Why> {
        let packet = arp::Packet::parse(bytes).map_err(|_| Why::MalformedArp)?;
        let (sender, target) = (IpAddr::from(packet.sender), IpAddr::from(packet.target));
        let is_for_us = self.config.addresses.contains(&target);
        let is_request = packet.operation == Operation::Request;
        self.check_conflict(now, sender, packet.sender_mac)?;
        // Who is not sure of its own address yet asks whether it is ours (RFC 5227 section 2.1.1).
        let is_probe = packet.sender.is_unspecified();
        if is_probe && !(is_request && is_for_us) {
            return Err(Why::NeighbourIgnored);
        }
        let heard = match (is_request, is_for_us) {
            (true, true) => Heard::Question,
            (false, true) => Heard::Answer,
            _ => Heard::Announcement,
        };
        let learnt = if is_probe {
            Ok(())
        } else {
            self.hear_of(now, sender, Some(packet.sender_mac), heard, true)
        };
        if !(is_request && is_for_us) {
            return learnt;
        }
        self.count(now, learnt);
        let asker = (packet.sender, packet.sender_mac);
        let station = self.station.as_deref_mut();
        station.map_or(Ok(()), |station| station.answer_arp(now.mono, packet.target, asker))
    }

    /// Neighbour discovery (RFC 4861).
    pub(super) fn discovery(&mut self, now: Now, datagram: &Datagram, bytes: &[u8], sender: Sender) -> Result<(), Why> {
        let message = bytes.get(datagram.payload.clone()).unwrap_or_default();
        let (IpAddr::V6(src), IpAddr::V6(dst)) = (datagram.src, datagram.dst) else {
            return Err(Why::IcmpIgnored);
        };
        if sender.is_rebuilt {
            // RFC 6980 section 5: nobody needs fragments for this, but to hide it.
            return Err(Why::MalformedNdp);
        }
        if !self.is_in_group(dst) {
            return Err(Why::NotOurs);
        }
        match ndp::Message::parse(src, dst, datagram.hop_limit, message) {
            Ok(ndp::Message::NeighbourSolicitation { target, source }) => {
                self.solicited(now, src, target, source, sender.mac)
            }
            Ok(ndp::Message::NeighbourAdvertisement(said)) => self.advertised(now, &said),
            // Addresses and routes are configured: what a router says of them counts for nothing.
            Ok(ndp::Message::RouterSolicitation { .. } | ndp::Message::RouterAdvertisement(_))
            | Err(Malformed::Type) => Err(Why::IcmpIgnored),
            Err(_) => Err(Why::MalformedNdp),
        }
    }

    /// Whether a message to this address is for us: to one of ours, to every node, or to those with an address like ours.
    fn is_in_group(&self, dst: Ipv6Addr) -> bool {
        let is_ours = |own: &IpAddr| match own {
            IpAddr::V4(_) => false,
            IpAddr::V6(own) => dst == *own || dst == ndp::solicited_node(*own),
        };
        dst == ndp::ALL_NODES || self.config.addresses.iter().any(is_ours)
    }

    /// RFC 4861 section 7.2.3: who asks is learnt, and answered (section 7.2.4).
    fn solicited(
        &mut self,
        now: Now,
        src: Ipv6Addr,
        target: Ipv6Addr,
        source: Option<Mac>,
        sender: Mac,
    ) -> Result<(), Why> {
        let mac = source.unwrap_or(sender);
        if !self.config.addresses.contains(&target.into()) {
            return Err(Why::NeighbourIgnored);
        }
        self.check_conflict(now, src.into(), mac)?;
        let is_probe = src.is_unspecified();
        if !is_probe && !ip::is_of_one_host(src.into()) {
            return Err(Why::BadSource);
        }
        let learnt = if is_probe {
            // It would like our address (RFC 4862 section 5.4.3), and is told that it is taken.
            self.conflict(now, target.into(), mac)
        } else if source.is_some() {
            self.hear_of(now, src.into(), source, Heard::Question, true)
        } else {
            Ok(())
        };
        self.count(now, learnt);
        let station = self.station.as_deref_mut();
        station.map_or(Ok(()), |station| station.answer_ndp(now.mono, target, (src, mac)))
    }

    /// RFC 4861 section 7.2.5.
    fn advertised(&mut self, now: Now, said: &NeighbourAdvertisement) -> Result<(), Why> {
        let target = IpAddr::from(said.target);
        if self.config.addresses.contains(&target) {
            return self.conflict(now, target, said.mac.unwrap_or(Mac::NONE));
        }
        let heard = if said.is_solicited {
            Heard::Answer
        } else {
            Heard::Announcement
        };
        self.hear_of(now, target, said.mac, heard, said.overrides)
    }

    /// A neighbour says where it is.
    fn hear_of(
        &mut self,
        now: Now,
        address: IpAddr,
        mac: Option<Mac>,
        heard: Heard,
        overrides: bool,
    ) -> Result<(), Why> {
        let Some(station) = self.station.as_deref_mut() else {
            return Ok(());
        };
        if !ip::is_of_one_host(address) || !station.routes().is_neighbour(address) {
            return Err(Why::NeighbourIgnored);
        }
        let observer = &mut self.observer;
        let mut tell = |change| observer.observe(now.mono, &Fact::Neighbour(change));
        let woken = station.hear(now.mono, &self.keys, (address, mac), heard, overrides, &mut tell)?;
        self.wake(now, &woken);
        Ok(())
    }

    /// A handshake has come to its end: the SYN-ACK arrived where the third ACK comes from. A neighbour that was not known is
    /// from now on.
    pub(super) fn hear_of_handshake(&mut self, now: Now, source: IpAddr) {
        let Some(mac) = self.replies.sender_of(source) else {
            return;
        };
        let is_direct = self
            .station
            .as_deref()
            .is_some_and(|station| station.routes().next_hop(source) == Some(source));
        if !is_direct {
            return;
        }
        let learnt = self.hear_of(now, source, Some(mac), Heard::Handshake, true);
        self.count(now, learnt);
    }

    /// Nothing was learnt of what is answered or used all the same.
    fn count(&mut self, now: Now, learnt: Result<(), Why>) {
        if let Err(why) = learnt {
            context!(self, now).dropped(None, why);
        }
    }

    /// Connections waited for a neighbour, and it has answered.
    fn wake(&mut self, now: Now, waiting: &[u32]) {
        for &i in waiting {
            if let Some(c) = self.connections.get_mut(i) {
                c.awaits_neighbour = false;
                self.settle(now, i);
            }
        }
    }

    /// Errors: who says this is another than we, and the address is ours.
    fn check_conflict(&mut self, now: Now, address: IpAddr, mac: Mac) -> Result<(), Why> {
        if self.config.addresses.contains(&address) {
            return self.conflict(now, address, mac);
        }
        Ok(())
    }

    /// Another station has one of our addresses, or says so.
    fn conflict(&mut self, now: Now, address: IpAddr, mac: Mac) -> Result<(), Why> {
        context!(self, now).fact(&Fact::AddressConflict { address, mac });
        Err(Why::AddressConflict)
    }
}
