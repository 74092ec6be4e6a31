//! A packet as it is read, before anybody looks for whom it is: on an Ethernet the frame, IP, our address, checksum, TCP
//! header.
//!
//! Packets of a batch are read together, so that what the next step needs of the tables can be asked for together.

use bytes::{Buf, Bytes, BytesMut};
use wire::Malformed;
use wire::ether::{self, EtherType};
use wire::icmp::ndp;
use wire::ip::{self, Datagram, Dscp, Ecn};
use wire::seq::SeqNumber;
use wire::tcp::{self, Header};

use super::frames::Sender;
use super::shards::Membership;
use crate::config::Config;
use crate::hash::{Keys, Place};
use crate::io::{Checksum, Marks, Packet};
use crate::observer::Why;
use crate::station::Station;
use crate::tcp::segment::Segment;
use crate::time::Instant;
use crate::tuple::FourTuple;

/// From where a packet comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// The link: on an Ethernet it is a frame.
    Link,
    /// Another shard: it is a datagram.
    Shard,
}

/// What a packet turned out to be; on an Ethernet with the station that has handed it to us.
#[derive(Debug)]
pub(super) enum Arrival {
    /// A well-formed TCP segment to one of our addresses.
    Segment(Arrived),
    /// A piece of a datagram, headers and all.
    Fragment(Datagram, Packet, Option<Sender>),
    /// An ICMP message, headers and all.
    Icmp(Datagram, BytesMut, Option<Sender>),
    /// A message of neighbour discovery, headers and all.
    Discovery(Datagram, BytesMut, Sender),
    /// An ARP packet, alone.
    Arp(BytesMut),
    /// It belongs to another shard, and waits to be fetched.
    Stray,
    /// Nothing that we can use.
    Bad(Why),
}

/// A TCP segment, and where in the tables it belongs.
#[derive(Debug)]
pub(super) struct Arrived {
    pub(super) place: Place,
    /// When, stamped at the link; of those that were joined, the last.
    pub(super) at: Instant,
    pub(super) dscp: Dscp,
    pub(super) ecn: Ecn,
    pub(super) sender: Option<Sender>,
    pub(super) header: Header,
    pub(super) payload: BytesMut,
    /// How many segments behind it were joined to it.
    pub(super) joined: u32,
    /// The sequence number of the last of them, or its own.
    pub(super) last: SeqNumber,
}

impl Arrived {
    /// The segment as a connection looks at it; the payload is taken, for good.
    pub(super) fn take_segment(&mut self) -> Segment {
        // Most of what a flood brings is empty, and to freeze a buffer may allocate.
        let payload = if self.payload.is_empty() {
            Bytes::new()
        } else {
            core::mem::take(&mut self.payload).freeze()
        };
        let marks = Marks {
            dscp: self.dscp,
            ecn: self.ecn,
        };
        Segment::new(self.at, &self.header, payload)
            .in_datagram(marks)
            .joined(self.joined, self.last)
    }
}

impl Arrival {
    /// Where in the tables it belongs.
    pub(super) fn place(&self) -> Option<&Place> {
        match self {
            Self::Segment(segment) => Some(&segment.place),
            _ => None,
        }
    }
}

/// What packets are read by.
pub(super) struct Reader<'a> {
    pub(super) config: &'a Config,
    pub(super) keys: &'a Keys,
    pub(super) station: Option<&'a Station>,
    pub(super) membership: Option<&'a mut Membership>,
}

impl Reader<'_> {
    /// Reads a packet. What is not ours, or cannot be, is told by its reason.
    pub(super) fn read(&mut self, origin: Origin, packet: Packet) -> Arrival {
        match (origin, self.station) {
            (Origin::Link, Some(station)) => self.frame(station, packet).unwrap_or_else(Arrival::Bad),
            _ => self.datagram(packet, None),
        }
    }

    /// Reads a datagram; on an Ethernet `sender` has handed it to us.
    pub(super) fn datagram(&mut self, packet: Packet, sender: Option<Sender>) -> Arrival {
        self.try_datagram(packet, sender).unwrap_or_else(Arrival::Bad)
    }

    fn frame(&mut self, station: &Station, mut packet: Packet) -> Result<Arrival, Why> {
        let bytes = &mut packet.bytes;
        let header = ether::Header::parse(bytes).map_err(|malformed| match malformed {
            Malformed::Vlan => Why::VlanTag,
            Malformed::EtherType => Why::EtherType,
            _ => Why::MalformedFrame,
        })?;
        if !station.is_for_us(header.dst, &self.config.addresses) {
            return Err(Why::NotOurMac);
        }
        // What is ours and came back would be answered to ourselves, and what came from a group to everybody.
        if !header.src.is_station() || header.src == station.mac() {
            return Err(Why::BadMac);
        }
        bytes.advance(ether::HEADER.min(bytes.len()));
        let version = match header.ethertype {
            EtherType::Arp => return Ok(Arrival::Arp(packet.bytes)),
            EtherType::Ipv4 => 4,
            EtherType::Ipv6 => 6,
        };
        if bytes.first().is_some_and(|first| first >> 4 != version) {
            return Err(Why::MalformedIp);
        }
        let sender = Sender {
            mac: header.src,
            is_to_group: header.dst.is_group(),
            is_rebuilt: false,
        };
        self.try_datagram(packet, Some(sender))
    }

    fn try_datagram(&mut self, packet: Packet, sender: Option<Sender>) -> Result<Arrival, Why> {
        let config = self.config;
        let datagram = Datagram::parse(&packet.bytes).map_err(|e| match e {
            Malformed::Checksum => Why::IpChecksum,
            Malformed::Fragment => Why::BadFragment,
            _ => Why::MalformedIp,
        })?;
        if let Some(sender) = sender
            && is_discovery(&datagram, &packet.bytes)
        {
            return Ok(Arrival::Discovery(datagram, packet.bytes, sender));
        }
        if !config.addresses.contains(&datagram.dst) {
            return Err(Why::NotOurs);
        }
        if sender.is_some_and(|sender| sender.is_to_group) {
            // Who sends to everybody on the link must say so in the datagram, and TCP never does.
            return Err(Why::GroupFrame);
        }
        // Nothing of ours comes back over a link: who sends in our name wants us to answer ourselves.
        let is_of_all = |station: &Station| station.routes().is_of_all(datagram.src);
        if !datagram.is_plausible_unicast()
            || config.addresses.contains(&datagram.src)
            || self.station.is_some_and(is_of_all)
        {
            return Err(Why::BadSource);
        }
        let packet = match &mut self.membership {
            Some(member) => member.keep_own(&datagram, packet),
            None => Some(packet),
        };
        let Some(packet) = packet else {
            return Ok(Arrival::Stray);
        };
        if datagram.fragment.is_some() {
            return Ok(Arrival::Fragment(datagram, packet, sender));
        }
        match datagram.protocol {
            ip::TCP => self.segment(&datagram, packet, sender).map(Arrival::Segment),
            ip::ICMP if datagram.dst.is_ipv4() => Ok(Arrival::Icmp(datagram, packet.bytes, sender)),
            ip::ICMPV6 if datagram.dst.is_ipv6() => Ok(Arrival::Icmp(datagram, packet.bytes, sender)),
            ip::UDP => Err(Why::Udp),
            _ => Err(Why::UnknownProtocol),
        }
    }

    fn segment(&self, datagram: &Datagram, packet: Packet, sender: Option<Sender>) -> Result<Arrived, Why> {
        let Packet {
            mut bytes,
            arrived,
            checksum,
        } = packet;
        bytes.truncate(datagram.payload.end);
        bytes.advance(datagram.payload.start.min(bytes.len()));
        if checksum == Checksum::Unverified && !tcp::is_intact(datagram.src, datagram.dst, &bytes) {
            return Err(Why::TcpChecksum);
        }
        let (header, len) = Header::parse(&bytes).map_err(|e| match e {
            Malformed::TcpOption => Why::TcpOption,
            Malformed::Flags => Why::TcpFlags,
            _ => Why::MalformedTcp,
        })?;
        bytes.advance(len.min(bytes.len()));
        let tuple = FourTuple {
            local_addr: datagram.dst,
            remote_addr: datagram.src,
            local_port: header.dst_port,
            remote_port: header.src_port,
        };
        Ok(Arrived {
            place: self.keys.place(&tuple),
            at: arrived,
            dscp: datagram.dscp,
            ecn: datagram.ecn,
            sender,
            header,
            joined: 0,
            last: header.seq,
            payload: bytes,
        })
    }
}

/// Whether a datagram is a message of neighbour discovery.
fn is_discovery(datagram: &Datagram, bytes: &[u8]) -> bool {
    let is_whole = datagram.protocol == ip::ICMPV6 && datagram.dst.is_ipv6() && datagram.fragment.is_none();
    is_whole
        && bytes
            .get(datagram.payload.clone())
            .and_then(<[u8]>::first)
            .is_some_and(|kind| ndp::is_type(*kind))
}
