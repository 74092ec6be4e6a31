//! IP datagrams, either version (RFC 791, RFC 8200), as one value.

use core::net::IpAddr;
use core::ops::Range;

use crate::Malformed;

mod v4;
mod v6;

/// Protocol number of ICMP.
pub const ICMP: u8 = 1;
/// Protocol number of TCP.
pub const TCP: u8 = 6;
/// Protocol number of UDP.
pub const UDP: u8 = 17;
/// Protocol number of ICMPv6.
pub const ICMPV6: u8 = 58;
/// Bytes of an IPv4 header as we write it.
pub const HEADER_V4: usize = v4::HEADER_MIN;
/// Bytes of an IPv6 header as we write it.
pub const HEADER_V6: usize = v6::HEADER;
/// "No next header": an IPv6 packet without an upper layer.
pub const NO_NEXT_HEADER: u8 = 59;

/// The two ECN bits (RFC 3168).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum Ecn {
    /// Not ECN-capable.
    #[default]
    NotEct,
    /// ECT(1).
    Ect1,
    /// ECT(0).
    Ect0,
    /// Congestion experienced.
    Ce,
}

impl Ecn {
    /// The ECN field of a TOS or traffic class byte.
    pub const fn from_traffic_class(byte: u8) -> Self {
        match byte & 0b11 {
            0b00 => Self::NotEct,
            0b01 => Self::Ect1,
            0b10 => Self::Ect0,
            _ => Self::Ce,
        }
    }

    /// The field's two bits.
    pub const fn bits(self) -> u8 {
        match self {
            Self::NotEct => 0b00,
            Self::Ect1 => 0b01,
            Self::Ect0 => 0b10,
            Self::Ce => 0b11,
        }
    }
}

/// The Differentiated Services codepoint: how routers are asked to treat a datagram (RFC 2474). 0, the default, asks for
/// nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct Dscp(u8);

impl Dscp {
    /// Best effort.
    pub const DEFAULT: Self = Self(0);
    /// Lower effort (RFC 8622).
    pub const LE: Self = Self(1);
    /// Expedited forwarding (RFC 3246).
    pub const EF: Self = Self(46);

    /// A codepoint by its number. Errors: `None` above 63, which six bits cannot state.
    pub const fn new(value: u8) -> Option<Self> {
        if value < 64 { Some(Self(value)) } else { None }
    }

    /// The codepoint of a TOS or traffic class byte.
    pub const fn from_traffic_class(byte: u8) -> Self {
        Self(byte >> 2)
    }

    /// Its number. Bounds: 0 to 63.
    pub const fn value(self) -> u8 {
        self.0
    }
}

/// The TOS byte of IPv4, the traffic class of IPv6.
const fn traffic_class(dscp: Dscp, ecn: Ecn) -> u8 {
    dscp.value() << 2 | ecn.bits()
}

/// What a fragment says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fragment {
    /// The identification that the pieces of one datagram share.
    pub id: u32,
    /// Where this piece begins. Units: bytes.
    pub offset: usize,
    /// Whether more pieces follow.
    pub more: bool,
}

/// A received datagram: its header as a value, and where its payload lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Datagram {
    /// Source address.
    pub src: IpAddr,
    /// Destination address.
    pub dst: IpAddr,
    /// Upper-layer protocol, after any extension headers. Of an IPv6 fragment: what follows its fragment header, which
    /// may be one more extension header; the whole is parsed again once it is together.
    pub protocol: u8,
    /// TTL or hop limit.
    pub hop_limit: u8,
    /// Diffserv codepoint.
    pub dscp: Dscp,
    /// ECN bits.
    pub ecn: Ecn,
    /// Present when this is a piece of a larger datagram.
    pub fragment: Option<Fragment>,
    /// The upper-layer bytes within the slice that was parsed; link padding is left out.
    pub payload: Range<usize>,
}

impl Datagram {
    /// Reads a datagram: version, lengths, IPv4 header checksum; IPv6 extension headers are walked (hop-by-hop, routing,
    /// destination options, fragment; at most 8 of them).
    ///
    /// A length field of 0 in a super-segment from an offloading link is not accepted: the link states its length.
    /// Authentication, ESP and whatever else we do not walk is the protocol itself. An IPv6 fragment that is the whole
    /// datagram is none (RFC 6946).
    /// Errors: [`Malformed`], one reason.
    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        Self::parse_as(Trust::Received, bytes)
    }

    /// As [`parse`](Self::parse), for the datagram that an ICMP error quotes: the payload may be cut short and the
    /// IPv4 header checksum may be wrong (RFC 5927 section 4.1, RFC 1812).
    pub fn parse_quoted(bytes: &[u8]) -> Result<Self, Malformed> {
        Self::parse_as(Trust::Quoted, bytes)
    }

    fn parse_as(trust: Trust, bytes: &[u8]) -> Result<Self, Malformed> {
        match bytes.first().ok_or(Malformed::Truncated)? >> 4 {
            4 => v4::parse(trust, bytes),
            6 => v6::parse(trust, bytes),
            _ => Err(Malformed::Version),
        }
    }

    /// Whether this can be a datagram from one host to another, as everything that carries TCP must be. Not asked by
    /// [`parse`](Self::parse): a router solicitation comes from `::` and goes to a group, and is right to.
    ///
    /// Refused at either end: unspecified, multicast, broadcast and loopback addresses, those of "this network" (`0/8`),
    /// and IPv4 ones in IPv6's clothes (`::ffff:0:0/96` never travels). The broadcast address of a subnet looks like any other here: who knows the
    /// prefix asks for that.
    ///
    /// Spec: RFC 9293 section 3.9.2.3 (MUST-57, MUST-63); RFC 1122 section 3.2.1.3; RFC 4291 section 2.5.
    pub fn is_plausible_unicast(&self) -> bool {
        is_of_one_host(self.src) && is_of_one_host(self.dst)
    }
}

/// Whether this can be the address of one host as others see it: none of those that
/// [`Datagram::is_plausible_unicast`] refuses.
pub fn is_of_one_host(address: IpAddr) -> bool {
    let is_of_none = match address {
        IpAddr::V4(v4) => v4.is_broadcast() || matches!(v4.octets(), [0, ..]),
        IpAddr::V6(v6) => v6.to_ipv4_mapped().is_some(),
    };
    !(is_of_none || address.is_unspecified() || address.is_multicast() || address.is_loopback())
}

/// How far the lengths and checksum of a header can be relied on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trust {
    /// The datagram lies here whole.
    Received,
    /// A router quotes it: cut short, and with a header changed on the way.
    Quoted,
}

impl Trust {
    /// Where a datagram ends that says it has `stated` bytes, of which `present` are here.
    fn end(self, stated: usize, present: usize) -> Result<usize, Malformed> {
        match self {
            Self::Received if stated > present => Err(Malformed::Truncated),
            Self::Received | Self::Quoted => Ok(stated.min(present)),
        }
    }
}

impl Fragment {
    /// Checks that `len` bytes of payload, after `header_len` bytes that count towards the datagram's limit, can be a
    /// piece at all: not empty, within 65,535 bytes, and a multiple of 8 bytes unless it is the last one.
    ///
    /// Spec: RFC 791 section 3.2, RFC 8200 section 4.5.
    fn check(self, header_len: usize, len: usize) -> Result<Self, Malformed> {
        let is_possible =
            len > 0 && header_len + self.offset + len <= LENGTH_MAX && (!self.more || len.is_multiple_of(8));
        if is_possible {
            Ok(self)
        } else {
            Err(Malformed::Fragment)
        }
    }
}

/// What the length field of either version can state. Units: bytes.
const LENGTH_MAX: usize = u16::MAX as usize;

/// The header of a datagram that we send. DF is always set on IPv4 (RFC 1191), so the identification is 0 (RFC 6864).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Source address; decides the version. `dst` must be of the same family.
    pub src: IpAddr,
    /// Destination address.
    pub dst: IpAddr,
    /// Upper-layer protocol.
    pub protocol: u8,
    /// TTL or hop limit.
    pub hop_limit: u8,
    /// Diffserv codepoint.
    pub dscp: Dscp,
    /// ECN bits.
    pub ecn: Ecn,
}

impl Header {
    /// Bytes that [`emit`](Self::emit) writes: 20 or 40.
    pub const fn len(&self) -> usize {
        match self.src {
            IpAddr::V4(_) => v4::HEADER_MIN,
            IpAddr::V6(_) => v6::HEADER,
        }
    }

    /// Never: a header has bytes.
    pub const fn is_empty(&self) -> bool {
        false
    }

    /// Writes the header for `payload_len` bytes of upper layer into the front of `out` and returns its length.
    ///
    /// Errors: `None` when `out` is too short, the families differ, or the length is more than its field can state:
    /// 65,535 bytes with the header in IPv4, without it in IPv6.
    pub fn emit(&self, payload_len: usize, out: &mut [u8]) -> Option<usize> {
        match (self.src, self.dst) {
            (IpAddr::V4(src), IpAddr::V4(dst)) => v4::emit(self, src, dst, payload_len, out),
            (IpAddr::V6(src), IpAddr::V6(dst)) => v6::emit(self, src, dst, payload_len, out),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
